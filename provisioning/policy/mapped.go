package policy

import "rollcall/provisioning"

// Mapping is a directory group that the policy keeps in step with groups of iManage.
type Mapping struct {
	Number    int    // its place in the file, from 1
	Directory string // "": whatever directory has the group
	Group     string // the directory's group, or a pattern
	Gives     []provisioning.GroupRef
}

// Mappings lists the mappings that give groups, in the file's order. A group for every library stands with the library "*".
func (p *Policy) Mappings() []Mapping {
	var list []Mapping
	for _, s := range p.mappings {
		m := Mapping{Number: s.number, Directory: s.directory, Group: s.name}
		for _, g := range s.groups {
			ref := g.ref
			if g.every {
				ref.Library = "*"
			}
			m.Gives = append(m.Gives, ref)
		}
		if len(m.Gives) > 0 {
			list = append(list, m)
		}
	}
	return list
}
