package desk

import (
	"slices"
	"time"

	"rollcall/provisioning"
)

// NewRoll makes a roll of rows that stand in display order already, with its counts by filter and its index by key.
func NewRoll(firm, operator string, takenAt time.Time, sources []Source, rows []Row) *Roll {
	r := &Roll{
		Firm: firm, Operator: operator, TakenAt: takenAt, Sources: sources, Rows: rows,
		byFilter: make(map[Filter][]int32, len(Filters())),
		byKey:    make(map[string]int32, len(rows)),
	}
	all := make([]int32, len(rows))
	for i := range rows {
		index := int32(i)
		all[i] = index
		r.byKey[rows[i].Key] = index
		for _, f := range Filters() {
			if f != FilterAll && f.Holds(&rows[i]) {
				r.byFilter[f] = append(r.byFilter[f], index)
			}
		}
	}
	r.byFilter[FilterAll] = all
	return r
}

// Holds reports whether a row belongs to a filter: any of its mismatches is of the filter's kinds.
func (f Filter) Holds(row *Row) bool {
	if f == FilterAll {
		return true
	}
	return slices.ContainsFunc(row.Mismatches, func(m *provisioning.Mismatch) bool { return FilterOf(m.Kind) == f })
}

// FilterOf says under which filter a kind of mismatch is counted.
func FilterOf(k provisioning.Kind) Filter {
	switch k {
	case provisioning.KindLeaver, provisioning.KindAdministrator:
		return FilterLeavers
	case provisioning.KindJoiner:
		return FilterJoiners
	case provisioning.KindUnconfigured:
		return FilterUnconfigured
	case provisioning.KindOrphan:
		return FilterOrphans
	case provisioning.KindDisputed, provisioning.KindClash, provisioning.KindDuplicate, provisioning.KindReusedID:
		return FilterDisputed
	default:
		return FilterDrift
	}
}
