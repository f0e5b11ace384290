package desk

import (
	"context"
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// claims and notClaims are what a certificate says of itself (DESIGN 5).
func claims() []string {
	return []string{
		"Asked is when the request was on record, before it was first sent; of a step by hand, when it was opened for a person. Accepted is when the change was read back as done.",
		"Seen off, of an account: one look that began after that read allow_logon false on its global record and on every library record that it had at the act or has since. " +
			"A library in which it has no record counts as off.",
		"Seen off, of a library, a group or a role: it was read, after the act, that the account is not in it; where no later time is given, by the read-back itself.",
	}
}

func notClaims() []string {
	return []string{
		"Nothing about sessions: one that was open may have gone on for up to eight hours.",
		"Nothing about other systems, documents sent or downloaded, or any time after the moment at which an access was seen off.",
	}
}

// Certificate makes the statement of what a batch ended, for one account of it or ("") for all of its people who lost access. It is
// Complete where everything on it was seen off. NotFound where the batch has no such account, Invalid where it ended no access of it.
func (d *Desk) Certificate(ctx context.Context, batch int64, account string) (audit.Certificate, error) {
	b, err := d.readable(ctx, batch)
	if err != nil {
		return audit.Certificate{}, err
	}
	list, err := d.deps.Store.Removals(ctx, batch, false)
	if err != nil {
		return audit.Certificate{}, err
	}
	removal := make(map[int64]*provisioning.Removal, len(list))
	for i := range list {
		removal[list[i].Unit] = &list[i]
	}
	rows, err := d.basis(ctx, batch)
	if err != nil {
		return audit.Certificate{}, err
	}
	mark, err := d.RecordMark(ctx, batch)
	if err != nil {
		return audit.Certificate{}, err
	}
	c := d.certificateOf(b)
	c.Rows, c.Row, c.Head = append(c.Rows, rows[opPlace{}].rows...), mark.Row, mark.Head
	met := account == ""
	for i := range b.Units {
		u := &b.Units[i]
		if account != "" && !strings.EqualFold(u.Account, account) {
			continue
		}
		met = true
		if !begun(b.State) || !u.EndsAccess() {
			continue
		}
		r := removal[u.ID]
		p := d.certified(u, r, func(seq int) basis { return rows[opPlace{u.ID, seq}] })
		if r != nil && r.Undone == "" { // it may have been let in since it was looked at last
			if by, at, err := d.deps.Store.LetIn(ctx, *r); err != nil {
				return audit.Certificate{}, err
			} else if by != 0 {
				p.Undone, p.Complete = letInBy(by, at), false
			}
		}
		c.People = append(c.People, p)
		c.Complete = c.Complete && p.Complete
	}
	if !met {
		return audit.Certificate{}, &provisioning.Error{Code: provisioning.NotFound, Message: fmt.Sprintf("batch %d has no account %s", batch, account), Hint: "see rollcall report"}
	}
	if len(c.People) == 0 {
		return audit.Certificate{}, &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d has ended nobody's access that could be certified", batch), Hint: "see rollcall report",
		}
	}
	return c, nil
}

// opPlace names an op of a batch; the zero one the batch itself.
type opPlace struct {
	unit int64
	op   int
}

// basis is what the record has of an op: its rows, and who did it.
type basis struct {
	rows []int64
	by   string
}

// basis collects what the record has of each op of a batch, and of the batch itself.
func (d *Desk) basis(ctx context.Context, batch int64) (map[opPlace]basis, error) {
	rows := make(map[opPlace]basis)
	err := d.records(ctx, 1, func(r provisioning.Record) error {
		if r.Event.Batch == batch && (r.Event.Op != 0 || r.Event.Unit == 0) && r.Event.Kind != provisioning.EventOperation { // that one is of the tenant
			at := opPlace{r.Event.Unit, r.Event.Op}
			b := rows[at]
			b.rows = append(b.rows, r.Seq)
			if r.Event.Kind == provisioning.EventIntent || r.Event.Kind == provisioning.EventByHand {
				b.by = r.Event.Actor
			}
			rows[at] = b
		}
		return ctx.Err()
	})
	return rows, err
}

// CertificateOf is the batch whose certificate tells of an account: that of its latest removal which the operator may read. NotFound
// where there is none.
func (d *Desk) CertificateOf(ctx context.Context, account string) (batch int64, err error) {
	known, err := d.loadRemovals(ctx)
	if err != nil {
		return 0, err
	}
	for i := range known.list {
		if r := &known.list[i]; strings.EqualFold(r.Account, account) && known.mayRead(r.Batch, d.deps.Operator.Name) {
			return r.Batch, nil
		}
	}
	return 0, &provisioning.Error{
		Code: provisioning.NotFound, Message: "no batch has closed an account " + account, Hint: "rollcall removals lists those that were closed",
	}
}

// SignedCertificate is Certificate, signed in the installation's name; the record keeps that it was made.
func (d *Desk) SignedCertificate(ctx context.Context, batch int64, account string) (*audit.Signed, error) {
	if d.deps.Signer == nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "there is no signing key here", Hint: "see signing_key in config.toml"}
	}
	c, err := d.Certificate(ctx, batch, account)
	if err != nil {
		return nil, err
	}
	signed, err := c.Sign(ctx, d.deps.Signer)
	if err != nil || d.deps.Store.ReadOnly() != "" {
		return signed, err
	}
	state := "complete"
	if !c.Complete {
		state = "not complete"
	}
	return signed, d.deps.Store.Append(ctx, d.batchEvent(provisioning.EventExported, batch, "certificate of removal, "+state))
}

func (d *Desk) certificateOf(b *provisioning.Batch) audit.Certificate {
	c := audit.Certificate{
		Firm: d.deps.Firm, Made: d.now().UTC().Round(0), By: d.deps.Operator.Name, Complete: true, Batch: b.ID, Title: b.Title, Hash: b.Hash, State: string(b.State),
		Staged: audit.Deed{By: b.CreatedBy, At: b.CreatedAt}, Committed: audit.Deed{By: b.CommittedBy, At: b.CommittedAt},
		Approvals: []audit.Deed{}, Releases: []audit.Deed{}, People: []audit.CertificatePerson{}, Rows: []int64{}, Claims: claims(), NotClaims: notClaims(),
	}
	for _, a := range b.Approvals {
		c.Approvals = append(c.Approvals, audit.Deed{By: a.By, Key: a.Approver, At: a.At, Hash: a.Hash})
	}
	released := b.Singly
	if b.Release != nil {
		released = append(released[:len(released):len(released)], *b.Release)
	}
	for _, r := range released {
		reason := r.Reason
		if r.Account != "" {
			reason = r.Account + ": " + reason
		}
		c.Releases = append(c.Releases, audit.Deed{By: r.By, At: r.At, Hash: r.Hash, Reason: reason})
	}
	return c
}

// certified is one person's part: each access that the unit was to end.
func (d *Desk) certified(u *provisioning.Unit, r *provisioning.Removal, rows func(seq int) basis) audit.CertificatePerson {
	p := audit.CertificatePerson{Name: u.Name, Account: u.Account, Person: u.Person, Kind: string(u.Kind), Reason: u.Reason, Complete: true, Accesses: []audit.Access{}}
	if r != nil && r.Undone != "" {
		p.Undone, p.Complete = r.Undone, false
	}
	for i := range u.Ops {
		op := &u.Ops[i]
		if !op.Change.EndsAccess() {
			continue
		}
		rests := rows(op.Seq)
		a := audit.Access{Where: op.Change.Library, State: string(op.State), By: rests.by, Rows: append([]int64{}, rests.rows...)}
		switch op.Change.Kind {
		case provisioning.DisableAccount:
			a.What = "account"
		case provisioning.RemoveLibrary:
			a.What = "library"
		case provisioning.LeaveGroup:
			a.What, a.Where = "group", strings.TrimPrefix(op.Change.Library+"/"+op.Change.Object, "/")
		default:
			a.What, a.Where = "global role", op.Change.Object
		}
		d.times(&a, op, r)
		p.Accesses = append(p.Accesses, a)
		p.Complete = p.Complete && !a.SeenOff.IsZero()
	}
	return p
}

// times fills in when an access was asked off, accepted and seen off.
func (d *Desk) times(a *audit.Access, op *provisioning.Op, r *provisioning.Removal) {
	a.Asked = op.SentAt
	switch op.State {
	case provisioning.OpConfirmed:
	case provisioning.OpAlready:
		a.Note = "it was off before: this batch did not end it"
		if op.Change.Kind == provisioning.DisableAccount {
			a.Note += ", and its libraries' records were not looked at"
		} else {
			a.SeenOff = op.DoneAt
		}
		return
	default:
		a.Note = "not done"
		if op.Error != "" {
			a.Note += ": " + op.Error
		}
		return
	}
	a.Accepted = op.DoneAt
	if op.SentAt.IsZero() || (r != nil && r.Seq == op.Seq && r.ByHand) {
		a.Note = "done by hand"
	}
	switch {
	case op.Change.Kind == provisioning.DisableAccount:
		if r == nil || r.Seq != op.Seq {
			return
		}
		a.Asked, a.SeenOff, a.Places = r.Asked, r.SeenOff, r.Places
		if r.SeenOff.IsZero() {
			a.Note = strings.TrimPrefix(a.Note+"; not seen off: "+waitsFor(r, d.now()), "; ")
		}
	case op.Change.Kind == provisioning.RemoveLibrary && r != nil && len(r.Places) > 0: // looked at since
		for _, p := range r.Places {
			switch {
			case p.Library != op.Change.Library:
			case p.Value == provisioning.ValueAbsent && p.SeenOff.After(op.DoneAt):
				a.SeenOff = p.SeenOff
			case p.Value == provisioning.ValueAbsent && p.Look.After(op.DoneAt):
				a.SeenOff = p.Look
			case p.Value == "":
				a.Note = "could not be read: " + p.Why
			case p.Look.After(op.DoneAt):
				a.Note = "it was in it again at the latest look"
			default:
				a.SeenOff = op.DoneAt
			}
		}
	default:
		a.SeenOff = op.DoneAt
	}
}
