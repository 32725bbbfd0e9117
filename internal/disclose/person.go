package disclose

import (
	"cmp"
	"context"
	"slices"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// usual and most bound a list of a person's records.
const (
	usual = 50
	most  = 1000
)

// Person lists what the reader may know of a person now, newest first: their own
// facility's records always; others' under reader.Opening; all of a citizen to
// the citizen. Each record named is a disclosure with its own row. It is empty,
// with no error, for a person of whom there is nothing and for one of whom the
// reader may know nothing.
func (d *Discloser) Person(ctx context.Context, reader Reader, person store.PersonID, f store.Filter) ([]store.Record, error) {
	_, list, err := d.ofPerson(ctx, reader, policy.List, person, f, nil)
	if err != nil {
		return nil, err
	}
	return recordsOf(list), nil
}

// Chart opens what the reader may read of a person and facilities hold true now,
// newest first, at most limit records; after them what the person stated themself,
// which has no id.
func (d *Discloser) Chart(ctx context.Context, reader Reader, person store.PersonID, limit int) ([]*Opened, error) {
	k, list, err := d.ofPerson(ctx, reader, policy.Read, person, store.Filter{Limit: limit}, holdsTrue)
	if err != nil {
		return nil, err
	}
	return d.openAll(ctx, k, list)
}

// EmergencySet opens the records that the emergency set is made of: of those that
// hold now, what the rules permit in an emergency, newest first, and after them what
// the person stated themself. Under break-glass it opens also while the log of looks is down (Spool): see Spooled.
func (d *Discloser) EmergencySet(ctx context.Context, reader Reader, person store.PersonID) ([]*Opened, error) {
	k, list, err := d.ofPerson(ctx, reader, policy.Emergency, person, store.Filter{Limit: most}, holdsTrue)
	if err != nil {
		return nil, err
	}
	return d.openAll(ctx, k, list)
}

// Linked returns of these records of a person those that a link of the citizen's
// own may show now, in the order asked; one row each.
func (d *Discloser) Linked(ctx context.Context, reader Reader, person store.PersonID, ids []dossier.ID) ([]dossier.ID, error) {
	k, err := d.begin(ctx, reader, person)
	if err != nil {
		return nil, err
	}
	if k.basis != policy.SelfReading && k.basis != policy.Delegate {
		return nil, store.ErrAbsent
	}
	k.basis = policy.ByLink
	var list []entry
	for _, id := range ids {
		r, err := d.Records.Get(ctx, role.Scope{All: true}, id)
		switch {
		case err != nil:
			return nil, err
		case r.Person != person || !holdsTrue(r):
			continue
		}
		dec, err := k.decide(policy.Share, r, withTables(r.Documents))
		if err != nil {
			return nil, err
		}
		if dec.Permit {
			list = append(list, entry{*r, dec})
		}
	}
	if err := d.write(ctx, k, len(list), list...); err != nil {
		return nil, err
	}
	out := make([]dossier.ID, len(list))
	for i := range list {
		out[i] = list[i].record.ID
	}
	return out, nil
}

// ofPerson finds a person's records, decides about each and writes down those
// that are permitted. only, where it is not nil, says which are wanted.
func (d *Discloser) ofPerson(ctx context.Context, reader Reader, action policy.Action, person store.PersonID, f store.Filter, only func(*store.Record) bool) (*look, []entry, error) {
	if person == (store.PersonID{}) {
		return nil, nil, store.ErrAbsent
	}
	k, err := d.begin(ctx, reader, person)
	if err != nil {
		return nil, nil, err
	}
	f.Person = person
	limit := min(f.Limit, most)
	if limit <= 0 {
		limit = usual
	}
	f.Limit = limit
	var list []entry
	err = d.each(ctx, reader.scope(), f, func(rows []store.Record) (bool, error) {
		if only != nil {
			rows = slices.DeleteFunc(rows, func(r store.Record) bool { return !only(&r) })
		}
		more, err := k.permitted(action, rows)
		list = append(list, more...)
		return len(list) < limit, err
	})
	if err != nil {
		return nil, nil, err
	}
	list = list[:min(len(list), limit)]
	k.spools = action == policy.Emergency && k.basis == policy.BreakGlass
	all := list
	if action != policy.List && f.Before == (store.Cursor{}) { // with the first page
		own, err := d.stated(ctx, k, action)
		if err != nil {
			return nil, nil, err
		}
		if own != nil {
			all = append([]entry{*own}, list...)
		}
	}
	return k, list, d.write(ctx, k, len(all), all...)
}

// pages is how many pages of a list are gone through at most to fill one.
const pages = 50

// each calls fn with page after page until it wants no more.
func (d *Discloser) each(ctx context.Context, scope role.Scope, f store.Filter, fn func([]store.Record) (bool, error)) error {
	for range pages {
		rows, more, err := d.Records.List(ctx, scope, f)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		f.Before = store.Cursor{At: last.Received, ID: last.ID}
		if on, err := fn(rows); err != nil || !on || !more {
			return err
		}
	}
	return nil
}

// Effect is how many records of a person a reader would have.
type Effect struct {
	Records   int // of the person in all
	Own       int // the facility's own: always
	Consented int // by a consent that covers them
	Present   int // when the person is there and proves it
	Emergency int // for the emergency set
}

// Would tells what a clinician of a facility would have of a person's records if
// with held as given: by the rules and the facts of the moment, nothing opened,
// no row. A say of with takes the place of the one with its id; one that is
// revoked, refused or expired takes it away.
func (d *Discloser) Would(ctx context.Context, as Reader, person store.PersonID, with []consent.Consent) (Effect, error) {
	as.Opening = consent.OpeningID{}
	as.Role = role.Role{Kind: role.Clinician, ID: string(as.Role.At())}
	as.Purpose = cmp.Or(as.Purpose, consent.Treatment)
	k, err := d.begin(ctx, as, person)
	if err != nil {
		return Effect{}, err
	}
	k.standing.Consents = changed(k.standing.Consents, with)
	if k.reader.Staff == (care.Staff{}) {
		k.reader.Staff = care.Staff{1} // some named clinician
	}
	var e Effect
	err = d.each(ctx, role.Scope{All: true}, store.Filter{Person: person, Limit: most}, func(rows []store.Record) (bool, error) {
		for i := range rows {
			if !holdsTrue(&rows[i]) {
				continue
			}
			e.Records++
			if k.reader.owns(rows[i].ID) {
				e.Own++
			}
			if err := k.suppose(&e, &rows[i]); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	return e, err
}

// suppose counts one record on each basis.
func (k *look) suppose(e *Effect, r *store.Record) error {
	for _, s := range []struct {
		basis  policy.Basis
		action policy.Action
		n      *int
	}{{policy.ByConsent, policy.Read, &e.Consented}, {policy.Presence, policy.Read, &e.Present}, {policy.BreakGlass, policy.Emergency, &e.Emergency}} {
		k.basis = s.basis
		k.standing.Opening = &consent.Opening{Person: k.person, Facility: k.reader.Role.At(), Basis: string(s.basis), Reason: "simulated", Purpose: k.reader.Purpose}
		list, err := k.permitted(s.action, []store.Record{*r})
		if err != nil {
			return err
		}
		*s.n += len(list)
	}
	return nil
}

// changed puts says in the place of those they change.
func changed(held, with []consent.Consent) []consent.Consent {
	out := slices.DeleteFunc(slices.Clone(held), func(c consent.Consent) bool {
		return slices.ContainsFunc(with, func(w consent.Consent) bool { return w.ID == c.ID })
	})
	for i := range with {
		if s := with[i].State; s == consent.Active || s == consent.Granted {
			out = append(out, with[i])
		}
	}
	return out
}
