package urgent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// birthDomain is the domain of birth dates, as intake hashes them.
const birthDomain vault.Domain = "birth"

// ByCard resolves a number to whom an identity card names: what its code says.
// Where an emergency was opened for the number, it must be of the same person.
// Somebody the hub has never heard of becomes known by their card. Faults:
// care.id_card, temporary.over, temporary.other_person.
func (d *Desk) ByCard(ctx context.Context, by Member, number, text string) (*identity.Temporary, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	card, err := care.ParseIDCard(text)
	if err != nil {
		return nil, err
	}
	if !t.IsOpen() {
		return nil, identity.ErrOver
	}
	person, err := d.holder(ctx, &card)
	if err != nil {
		return nil, err
	}
	opened, err := d.opened(ctx, t)
	if err != nil {
		return nil, err
	}
	for i := range opened {
		if o := &opened[i]; o.Ended.IsZero() && o.Person != person {
			return nil, ErrNumberFits
		}
	}
	if err := t.Resolve(person, identity.IDScan, by.Staff, d.Clock.Now()); err != nil {
		return nil, err
	}
	return t, d.settle(ctx, by, t)
}

// holder is the person a card is of. A number that the hub has under another
// name or birth date is nobody's here.
func (d *Desk) holder(ctx context.Context, card *care.IDCard) (store.PersonID, error) {
	claim := store.Claim{
		Name:  d.Vault.Hash(vault.Name, []byte(care.NameKey(card.Name))),
		Birth: d.Vault.Hash(birthDomain, []byte(strconv.Itoa(card.Birth.Day()))),
	}
	keys := d.Vault.HashAll(vault.Citizen, []byte(card.Number))
	found, err := d.People.Find(ctx, keys)
	if err != nil {
		return store.PersonID{}, wrap("looking for a card's holder", err)
	}
	if len(found) > 1 {
		return store.PersonID{}, ErrNumberFits
	}
	if len(found) == 1 {
		return found[0], nil
	}
	claim.Key = keys[0]
	person, _, err := d.Temporaries.Ensure(ctx, claim)
	if errors.Is(err, store.ErrAbsent) {
		return store.PersonID{}, ErrNumberFits
	}
	return person, wrap("making a person known", err)
}

// opened are the emergencies opened for a number, newest first.
func (d *Desk) opened(ctx context.Context, t *identity.Temporary) ([]consent.Opening, error) {
	list, err := d.Openings.Openings(ctx, consent.OpeningFilter{Facility: t.Facility, Basis: string(policy.BreakGlass), Since: t.Made, Limit: 1000})
	if err != nil {
		return nil, wrap("looking for openings", err)
	}
	var out []consent.Opening
	for i := range list {
		if of(&list[i]) == t.Number {
			out = append(out, list[i])
		}
	}
	return out, nil
}

// Propose says that a number is the person of its emergency; a second person
// confirms. Faults: emergency.candidate where none was opened.
func (d *Desk) Propose(ctx context.Context, by Member, number string) (*identity.Temporary, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	opened, err := d.opened(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(opened) == 0 || opened[0].EndedBy == identity.Undone {
		return nil, ErrCandidate
	}
	if err := t.Propose(opened[0].Person, by.Staff); err != nil {
		return nil, err
	}
	return t, d.put(ctx, by, t, "temporary.proposed")
}

// Confirm resolves what another member proposed. Faults: temporary.second_person,
// temporary.not_proposed, temporary.over.
func (d *Desk) Confirm(ctx context.Context, by Member, number string) (*identity.Temporary, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	if err := t.Confirm(by.Staff, d.Clock.Now()); err != nil {
		return nil, err
	}
	return t, d.settle(ctx, by, t)
}

// Release closes a number without a name: identity.Left or identity.Died.
func (d *Desk) Release(ctx context.Context, by Member, number, how string) (*identity.Temporary, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	if how != identity.Left && how != identity.Died {
		return nil, ErrReason
	}
	if err := t.Release(how, by.Staff, d.Clock.Now()); err != nil {
		return nil, err
	}
	return t, d.put(ctx, by, t, "temporary.released")
}

// settle links what was sent under the number to the person, then keeps that it
// is resolved. Done twice it does no more than once.
func (d *Desk) settle(ctx context.Context, by Member, t *identity.Temporary) error {
	subjects, err := d.sentAs(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range subjects {
		if err := d.People.Link(ctx, s.Facility, s.Key, t.To, by.actor(), t.Number, d.Clock.Now()); err != nil {
			return wrap("linking", err)
		}
	}
	return d.put(ctx, by, t, "temporary.resolved")
}

// sentAs lists the patients that the facility's system knows under the number
// (MA_BN) or that are linked to its person, and links the former to it first: that
// is where they go back to.
func (d *Desk) sentAs(ctx context.Context, t *identity.Temporary) ([]store.SubjectOf, error) {
	for _, as := range []string{t.Number, compact(t.Number)} {
		for _, key := range d.Vault.HashAll(vault.Subject, []byte(t.Facility), []byte(as)) {
			links, err := d.People.Links(ctx, t.Facility, key)
			if err == nil && len(links) == 0 {
				err = d.People.Link(ctx, t.Facility, key, t.Person, "hub", t.Number, d.Clock.Now())
			}
			if err != nil && !errors.Is(err, store.ErrAbsent) {
				return nil, wrap("linking what was sent", err)
			}
		}
	}
	list, err := d.People.Subjects(ctx, t.Person)
	return list, wrap("listing what was sent", err)
}

func compact(number string) string {
	out := make([]byte, 0, len(number))
	for i := range len(number) {
		if number[i] != '-' {
			out = append(out, number[i])
		}
	}
	return string(out)
}

func (d *Desk) put(ctx context.Context, by Member, t *identity.Temporary, action string) error {
	return wrap("keeping a number", d.Temporaries.PutTemporary(ctx, *t, d.act(by, action, t.Number, "")))
}

// Undone is what came of taking back a wrong person.
type Undone struct {
	Number string  // of the patient
	Matter string  // for the privacy officer
	Looks  []int64 // rows of those who saw the mixed record
	Ended  int     // openings
	Moved  int     // patients of the facility given back to the number
}

// Undo takes back that a number is a person, or that an emergency was opened for
// the right one: openings end, what was linked goes back to the number and is
// barred from that person, the privacy officer gets the list of those who saw
// both mixed, and the person is told. What was before is there again. One that was
// cut off goes on where it was: there is one matter of it. Faults:
// temporary.not_resolved where neither was done.
func (d *Desk) Undo(ctx context.Context, by Member, number string) (*Undone, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	opened, err := d.opened(ctx, t)
	if err != nil {
		return nil, err
	}
	opened = liveOf(opened, t)
	wrong := t.To
	if t.State != identity.Resolved {
		if len(opened) == 0 {
			return nil, identity.ErrNotResolved
		}
		wrong = opened[0].Person
	}
	u := &Undone{Number: t.Number}
	if err := d.giveBack(ctx, by, t, wrong, u); err != nil {
		return nil, err
	}
	if err := d.tell(ctx, by, t, wrong, opened, u); err != nil {
		return nil, err
	}
	resolved := t.State == identity.Resolved
	if !resolved { // what leads back here are the openings: they end last
		if err := d.reopen(ctx, by, t); err != nil {
			return nil, err
		}
	}
	now := d.Clock.Now()
	for i := range opened {
		if o := &opened[i]; o.Person == wrong {
			err := d.Openings.EndOpening(ctx, o.ID, now, identity.Undone, d.act(by, "emergency.undone", hex.EncodeToString(o.ID[:]), ""))
			if err != nil && !errors.Is(err, store.ErrAbsent) {
				return nil, wrap("ending an opening", err)
			}
			u.Ended++
		}
	}
	if !resolved {
		return u, nil
	}
	return u, d.reopen(ctx, by, t)
}

// liveOf are those that were not undone, or only by an undoing of a resolved
// number that was cut off.
func liveOf(list []consent.Opening, t *identity.Temporary) []consent.Opening {
	var out []consent.Opening
	for _, o := range list {
		if o.EndedBy != identity.Undone || t.State == identity.Resolved && !o.Ended.Before(t.Ended) {
			out = append(out, o)
		}
	}
	return out
}

// giveBack links patients that came by this number to it again.
func (d *Desk) giveBack(ctx context.Context, by Member, t *identity.Temporary, wrong store.PersonID, u *Undone) error {
	subjects, err := d.People.Subjects(ctx, wrong)
	if err != nil {
		return wrap("listing patients", err)
	}
	for _, s := range subjects {
		if s.Facility != t.Facility {
			continue
		}
		links, err := d.People.Links(ctx, s.Facility, s.Key)
		if err != nil {
			return wrap("reading links", err)
		}
		if n := len(links); n < 2 || links[n-1].Reason != t.Number || links[n-2].Person != t.Person {
			continue // theirs before, by its own right
		}
		now := d.Clock.Now()
		if err := d.People.Unlink(ctx, s.Facility, s.Key, by.actor(), t.Number, now); err != nil {
			return wrap("unlinking", err)
		}
		if err := d.People.Link(ctx, s.Facility, s.Key, t.Person, by.actor(), t.Number, now); err != nil {
			return wrap("linking back", err)
		}
		u.Moved++
	}
	return nil
}

// tell keeps the matter with who saw what and the notice to the person, together.
func (d *Desk) tell(ctx context.Context, by Member, t *identity.Temporary, wrong store.PersonID, opened []consent.Opening, u *Undone) error {
	now := d.Clock.Now()
	since := t.Ended
	about := consent.Opening{ID: nameless(t), Person: wrong, Facility: t.Facility, Basis: string(policy.BreakGlass), From: t.Ended, Until: now}
	for i := range opened {
		if o := &opened[i]; o.Person == wrong {
			about = *o
			if since.IsZero() || o.From.Before(since) {
				since = o.From
			}
		}
	}
	told, err := d.toldOf(ctx, &about)
	if err != nil {
		return err
	}
	if told != nil {
		u.Matter, u.Looks = told.Number, told.Looks
		return nil
	}
	looks, err := Saw(ctx, d.Trail, wrong, since)
	if err != nil {
		return err
	}
	for _, l := range looks {
		u.Looks = append(u.Looks, l.ID)
	}
	m, err := d.review(ctx, &about, u.Looks, now)
	if err != nil {
		return err
	}
	u.Matter = m.Number
	notice, err := noticeOf(&about, NoticeUndone, now)
	if err != nil {
		return err
	}
	return wrap("opening a matter", d.Matters.PutMatter(ctx, *m, &notice, d.act(by, "emergency.taken_back", t.Number, "")))
}

// nameless stands for the opening of a number that was resolved without one: this
// resolving of it and no other.
func nameless(t *identity.Temporary) consent.OpeningID {
	sum := sha256.Sum256(fmt.Appendf(nil, "lienthong/undo/v1\n%s\n%d", t.Number, t.Version))
	return consent.OpeningID(sum[:16])
}

// toldOf is the matter that an undoing which was cut off has opened; nil for none.
// The review that an emergency began with is older.
func (d *Desk) toldOf(ctx context.Context, o *consent.Opening) (*matter.Matter, error) {
	list, err := d.Matters.Matters(ctx, matter.Filter{Person: o.Person, Facility: o.Facility, Kind: matter.EmergencyReview, Limit: 1000})
	if err != nil {
		return nil, wrap("looking for a matter", err)
	}
	for i := range list {
		if m := &list[i]; m.Opening == o.ID && m.Opened.After(o.From) {
			return m, nil
		}
	}
	return nil, nil
}

// reopen keeps that the number waits again.
func (d *Desk) reopen(ctx context.Context, by Member, t *identity.Temporary) error {
	if t.State == identity.Resolved {
		if err := t.Undo(by.Staff, d.Clock.Now()); err != nil {
			return err
		}
		return d.put(ctx, by, t, "temporary.undone")
	}
	if t.How == identity.Proposed { // of the wrong one
		t.To, t.How, t.By = store.PersonID{}, "", care.Staff{}
		t.Version++
		return d.put(ctx, by, t, "temporary.undone")
	}
	return nil
}
