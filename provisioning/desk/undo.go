package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
	"rollcall/provisioning/propose"
	"rollcall/provisioning/staging"
)

// UndoResult says what an undo staged, and what it leaves as it is.
type UndoResult struct {
	Batch   int64 `json:"batch"` // 0: there was nothing to stage
	People  int   `json:"people"`
	Changes int   `json:"changes"`
	// Conflicts were changed by somebody since, or rest on what was: nothing of theirs is overwritten. NotUndone cannot be put back, or
	// nobody knows what it was. Back is what it was before already. All three stay with the batch (Batch.Kept).
	Conflicts []provisioning.Kept `json:"conflicts"`
	NotUndone []provisioning.Kept `json:"not_undone"`
	Back      []provisioning.Kept `json:"back"`
}

// Undo stages the inverse of a batch as a batch of its own, from the pre-images and from what every object reads like now: what reads
// as the batch left it is put back, what somebody changed since is a conflict and left alone, and so is what rests on it (DESIGN 4). It
// goes through review, guards, approval and commit as any other. The reason stands in every unit: an account of somebody whom the
// directory says has left is opened again on that word alone. A batch that runs is refused as Held, and so is one that another undo,
// which stands, undoes already; one that did nothing is Invalid.
func (d *Desk) Undo(ctx context.Context, batch int64, reason string) (UndoResult, error) {
	var result UndoResult
	if err := d.mayChange(); err != nil {
		return result, err
	}
	st := d.state.Load()
	if st == nil {
		return result, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	b, err := d.readable(ctx, batch)
	if err != nil {
		return result, err
	}
	if err := d.mayUndo(ctx, b); err != nil {
		return result, err
	}
	since, err := d.since(ctx, b)
	if err != nil {
		return result, err
	}
	undos, err := d.undoUnits(ctx, st, b, since)
	if err != nil {
		return result, err
	}
	var units []provisioning.Unit
	var kept []provisioning.Kept
	for i := range undos {
		u := &b.Units[i]
		for j := range undos[i].Kept {
			k := undos[i].Kept[j]
			k.Name = u.Name
			kept = append(kept, k)
		}
		if len(undos[i].Changes) > 0 {
			unit := staging.NewUnit(u.Person, u.Account, u.Name, u.Office, provisioning.KindUndo, undos[i].Changes)
			unit.Reason = strings.TrimSpace(reason)
			units = append(units, unit)
			result.Changes += len(undos[i].Changes)
		}
	}
	result.Conflicts, result.NotUndone, result.Back = KeptBySort(kept)
	if len(units) == 0 {
		if len(kept) == 0 {
			return result, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d did nothing that could be undone", b.ID)}
		}
		return result, nil
	}
	title := fmt.Sprintf("undo of batch %d", b.ID)
	undo, err := d.newBatch(ctx, title, time.Time{}, "", b.Readers, units, func(n *provisioning.Batch) {
		n.Undoes, n.Kept = b.ID, kept
	})
	if err != nil {
		return result, err
	}
	result.Batch, result.People = undo.ID, len(units)
	if len(result.Conflicts) > 0 {
		e := d.batchEvent(provisioning.EventStaged, undo.ID, fmt.Sprintf("%s: %s left alone", title, plural(len(result.Conflicts), "conflict")))
		return result, d.deps.Store.Append(ctx, e)
	}
	return result, nil
}

// KeptBySort parts what an undo leaves as it is; none of the three is nil.
func KeptBySort(kept []provisioning.Kept) (conflicts, notUndone, back []provisioning.Kept) {
	conflicts, notUndone, back = []provisioning.Kept{}, []provisioning.Kept{}, []provisioning.Kept{}
	for _, k := range kept {
		switch k.Sort {
		case provisioning.KeptConflict:
			conflicts = append(conflicts, k)
		case provisioning.KeptBack:
			back = append(back, k)
		default:
			notUndone = append(notUndone, k)
		}
	}
	return conflicts, notUndone, back
}

// UndoOf returns the batch that undoes another one and stands: it is neither done nor cancelled. 0: there is none.
func (d *Desk) UndoOf(ctx context.Context, batch int64) (int64, error) {
	return d.deps.Store.UndoOf(ctx, batch)
}

// mayUndo refuses a batch that has not begun, that runs, or that is being undone.
func (d *Desk) mayUndo(ctx context.Context, b *provisioning.Batch) error {
	switch {
	case !begun(b.State):
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s: it has done nothing yet", b.ID, b.State), Hint: "drop it"}
	case b.State == provisioning.BatchCommitted:
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d still runs, or was interrupted", b.ID), Hint: "pause it, or cancel it, then undo what it did",
		}
	case d.active(b.ID):
		return &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("batch %d lets what is on its way finish", b.ID), Hint: "try again in a moment"}
	}
	other, err := d.UndoOf(ctx, b.ID)
	if err != nil || other == 0 {
		return err
	}
	return &provisioning.Error{
		Code: provisioning.Held, Message: fmt.Sprintf("batch %d undoes batch %d already", other, b.ID), Hint: "commit that one, or drop it",
	}
}

// since tells the latest batch that touched an aspect after b did, of those that the operator may read.
func (d *Desk) since(ctx context.Context, b *provisioning.Batch) (map[provisioning.Aspect]int64, error) {
	sealed, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	accounts := make(map[string]bool, len(b.Units))
	for i := range b.Units {
		accounts[b.Units[i].Account] = true
	}
	since := make(map[provisioning.Aspect]int64)
	return since, d.deps.Store.EffectsSince(ctx, b.ID, func(batch int64, c provisioning.Change) error {
		readers := sealed[batch]
		if accounts[c.Account] && (len(readers) == 0 || slices.Contains(readers, d.deps.Operator.Name)) {
			since[c.Aspect()] = batch
		}
		return nil
	})
}

// looksAside is how many objects are read side by side.
const looksAside = 8

// undoUnits looks at all that a batch touched and asks, unit by unit, for what undoes it.
func (d *Desk) undoUnits(ctx context.Context, st *compared, b *provisioning.Batch, since map[provisioning.Aspect]int64) ([]propose.Undone, error) {
	l := &looking{d: d, slots: make(chan struct{}, looksAside)}
	undos := make([]propose.Undone, len(b.Units))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * looksAside)
	for i := range b.Units {
		g.Go(func() error {
			u := &b.Units[i]
			prints, kept := u.Footprints()
			undos[i].Kept = kept
			if len(prints) == 0 {
				return nil
			}
			if why := d.untouchable(st, u.Account); why != "" {
				for j := range prints {
					f := &prints[j]
					undos[i].Kept = append(undos[i].Kept, provisioning.Kept{
						Sort: provisioning.KeptNever, Account: f.Account, Kind: f.Kind, Library: f.Library, Object: f.Object, Left: f.Left, Was: f.Was, Why: why,
					})
				}
				return nil
			}
			sight, err := l.unit(ctx, prints)
			if err != nil {
				return err
			}
			sight.Since = since
			undone := propose.Undo(prints, sight, st.world)
			undos[i].Changes, undos[i].Kept = undone.Changes, append(undos[i].Kept, undone.Kept...)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if l.answers == 0 && l.failure != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "nothing that the batch changed could be read", Hint: "try again", Err: l.failure}
	}
	return undos, nil
}

// untouchable says why an account may not be changed at all, as everywhere; "" where it may.
func (d *Desk) untouchable(st *compared, account string) string {
	a := provisioning.Account{ID: account}
	if i, known := st.account[account]; known {
		a = st.snap.Accounts[i]
	}
	return propose.Untouchable(&a, st.world)
}

// looking reads objects live, a few side by side, over all units.
type looking struct {
	d     *Desk
	slots chan struct{}

	mu      sync.Mutex
	answers int
	failure error
}

// look reads once a slot is free, and counts what became of it.
func (l *looking) look(ctx context.Context, read func() error) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.slots }()
	err := read()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failure = err
	} else {
		l.answers++
	}
	return err
}

func (l *looking) observe(ctx context.Context, c provisioning.Change) (o provisioning.Observation, err error) {
	err = l.look(ctx, func() error {
		o, err = l.d.deps.DMS.Observe(ctx, c)
		return err
	})
	return o, err
}

// unit reads all that a unit's footprints touch. What could not be read is told in the sight; err is only a context that ended.
func (l *looking) unit(ctx context.Context, prints []provisioning.Footprint) (propose.Sight, error) {
	account := prints[0].Account
	s := propose.Sight{Aspects: make(map[provisioning.Aspect]provisioning.Observation), Unread: make(map[provisioning.Aspect]string)}
	var mu sync.Mutex
	note := func(a provisioning.Aspect, o provisioning.Observation, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			s.Unread[a] = err.Error()
			return
		}
		s.Aspects[a] = o
	}
	var g errgroup.Group
	unread := func(err error) { // nothing may be said of an account whose own record cannot be read
		for i := range prints {
			note(prints[i].Aspect, provisioning.Observation{}, err)
		}
	}
	g.Go(func() error {
		var err error
		if s.Profile, err = l.observe(ctx, provisioning.Change{Kind: provisioning.CreateAccount, Account: account}); err != nil {
			unread(err)
		}
		return nil
	})
	g.Go(func() error {
		var err error
		if s.SignIn, err = l.observe(ctx, provisioning.Change{Kind: provisioning.EnableAccount, Account: account}); err != nil {
			unread(err)
		}
		return nil
	})
	for _, f := range places(prints) {
		g.Go(func() error {
			o, err := l.place(ctx, f)
			note(f.Aspect, o, err)
			return nil
		})
	}
	for i := range prints {
		f := &prints[i]
		created := f.Sort == provisioning.AspectSignIn && f.Was == provisioning.ValueAbsent
		switch {
		case created:
			g.Go(func() error {
				err := l.whole(ctx, account, &s)
				if err != nil {
					unread(err)
				}
				return nil
			})
		case f.Sort == provisioning.AspectSignIn, f.Sort == provisioning.AspectGroup, f.Sort == provisioning.AspectPlace:
		default:
			g.Go(func() error {
				c, _ := f.Inverse(nil)
				o, err := l.observe(ctx, c)
				note(f.Aspect, o, err)
				return nil
			})
		}
	}
	_ = g.Wait() // they return nothing
	for i := range prints {
		f := &prints[i]
		switch f.Sort {
		case provisioning.AspectSignIn:
			note(f.Aspect, s.SignIn, nil)
		case provisioning.AspectGroup:
			g.Go(func() error {
				mu.Lock()
				place, known := s.Aspects[placeOf(f)]
				mu.Unlock()
				o, err := l.group(ctx, f, place, known)
				note(f.Aspect, o, err)
				return nil
			})
		default:
		}
	}
	_ = g.Wait()
	return s, ctx.Err()
}

// placeOf is the place in whose library a footprint lies.
func placeOf(f *provisioning.Footprint) provisioning.Aspect {
	return provisioning.Aspect{Sort: provisioning.AspectPlace, Account: f.Account, Library: f.Library}
}

// places are the places that a unit's footprints and their groups lie in, each once.
func places(prints []provisioning.Footprint) []*provisioning.Footprint {
	var list []*provisioning.Footprint
	met := make(map[provisioning.Aspect]bool)
	for i := range prints {
		f := &prints[i]
		lies := f.Sort == provisioning.AspectGroup || f.Sort == provisioning.AspectPlace || f.Sort == provisioning.AspectOwner
		if place := placeOf(f); lies && f.Library != "" && !met[place] {
			met[place] = true
			list = append(list, &provisioning.Footprint{Aspect: place})
		}
	}
	return list
}

// whole reads all that an account holds.
func (l *looking) whole(ctx context.Context, account string, s *propose.Sight) error {
	return l.look(ctx, func() error {
		a, found, err := l.d.deps.DMS.Account(ctx, account)
		if err == nil && found {
			s.Whole = &a
		}
		return err
	})
}

// place reads the role of an account in a library, ValueAbsent where it is not in it, with what leaving it would take along.
func (l *looking) place(ctx context.Context, f *provisioning.Footprint) (provisioning.Observation, error) {
	c := provisioning.Change{Kind: provisioning.RemoveLibrary, Account: f.Account, Library: f.Library}
	o, err := l.observe(ctx, c)
	switch {
	case err != nil || o.Value == provisioning.ValueAbsent:
		return o, err
	case o.Pre != nil:
		o.Value = o.Pre.Role
		return o, nil
	}
	c.Kind = provisioning.AssignLibrary
	role, err := l.observe(ctx, c)
	o.Value = role.Value
	return o, err
}

// group reads whether an account is in a group: by what its library's place said, where that was read.
func (l *looking) group(ctx context.Context, f *provisioning.Footprint, place provisioning.Observation, known bool) (provisioning.Observation, error) {
	o := provisioning.Observation{Value: provisioning.ValueNoMember, Others: -1}
	switch {
	case known && place.Value == provisioning.ValueAbsent:
		return o, nil
	case known && place.Pre != nil:
		if slices.ContainsFunc(place.Pre.Groups, func(g string) bool { return strings.EqualFold(g, f.Object) }) {
			o.Value = provisioning.ValueMember
		}
		return o, nil
	default:
		return l.observe(ctx, provisioning.Change{Kind: provisioning.JoinGroup, Account: f.Account, Library: f.Library, Object: f.Object})
	}
}
