package choice

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// Delegate keeps that somebody may act for a person: a proxy, whom the person
// names themself after proving who they are; or a guardian, whose paper a member
// of staff took at a counter. A guardian's ends by itself on the child's birthday.
// Both sides are told. Faults: consent.delegation_form, consent.other_person,
// consent.minor, choice.step_up, store.changed; a broken store.
func (d *Desk) Delegate(ctx context.Context, s Speaker, g consent.Delegation) (*consent.Delegation, error) {
	now := d.Clock.Now()
	id, err := idOf("delegate", s.Person, s.Form)
	if err != nil {
		return nil, err
	}
	g.ID, g.Person, g.Ended = id, s.Person, consent.Delegation{}.Ended
	if g.From.IsZero() {
		g.From = now
	}
	if g.Proof == [32]byte{} {
		g.Proof = s.Proof
	}
	age, err := d.age(ctx, s.Person)
	if err != nil {
		return nil, fmt.Errorf("choice: an age: %w", err)
	}
	if g.Kind == consent.ProxyDelegation {
		err = d.proxy(&s, age)
	} else {
		err = d.guardian(ctx, &s, &g, age)
	}
	if err != nil {
		return nil, err
	}
	if err := consent.CheckDelegation(&g); err != nil {
		return nil, err
	}
	of, _, err := d.Consents.Delegations(ctx, s.Person)
	if err != nil {
		return nil, fmt.Errorf("choice: who may act: %w", err)
	}
	for i := range of {
		if of[i].ID == g.ID {
			return &of[i], nil // the form came twice
		}
	}
	return &g, d.putDelegation(ctx, &g, s.Actor, "delegation.make")
}

// proxy checks who names a proxy: the person, of age, lately proved.
func (d *Desk) proxy(s *Speaker, age int) error {
	switch {
	case s.By != (care.Person{}) && s.By != s.Person:
		return consent.ErrOtherPerson
	case age >= 0 && age < 18:
		return consent.ErrMinor
	case !s.lately(d.Clock.Now()):
		return ErrStepUp
	}
	return nil
}

// guardian checks a guardian's delegation: taken at a counter, with its paper, of
// a child of that age; and sets its end.
func (d *Desk) guardian(ctx context.Context, s *Speaker, g *consent.Delegation, age int) error {
	if s.Staff == (care.Staff{}) || g.Proof == [32]byte{} {
		return consent.ErrProof
	}
	if g.Kind == consent.GuardianUnder7 && age >= 7 || g.Kind == consent.Guardian7To18 && (age >= 18 || age >= 0 && age < 7) {
		return consent.ErrDelegationForm
	}
	if d.Births == nil {
		return nil
	}
	born, ok, err := d.Births.Birth(ctx, s.Person)
	if err != nil || !ok {
		return err
	}
	if end := consent.EndOf(g.Kind, born); !end.IsZero() && (g.Until.IsZero() || g.Until.After(end)) {
		g.Until = end
	}
	return nil
}

func (d *Desk) putDelegation(ctx context.Context, g *consent.Delegation, actor, action string) error {
	detail, err := json.Marshal(map[string]string{"kind": g.Kind})
	if err != nil {
		return fmt.Errorf("choice: %w", err)
	}
	about := hex.EncodeToString(g.ID[:])
	if err := d.Consents.PutDelegation(ctx, *g, d.act(actor, action, "delegation:"+about, string(detail))); err != nil {
		return fmt.Errorf("choice: keeping a delegation: %w", err)
	}
	for _, p := range []care.Person{g.Person, g.Delegate} {
		if err := d.Notices.PutNotice(ctx, matter.Notice{Person: p, At: d.Clock.Now(), Kind: "consent." + action, About: about, Detail: string(detail)}); err != nil {
			return fmt.Errorf("choice: telling of a delegation: %w", err)
		}
	}
	return nil
}

// EndDelegation ends one, from either side: at once for what comes next. What was
// said by it stays said. Fault: choice.absent.
func (d *Desk) EndDelegation(ctx context.Context, s Speaker, id [16]byte) error {
	who := s.Person
	if s.By != (care.Person{}) {
		who = s.By
	}
	of, to, err := d.Consents.Delegations(ctx, who)
	if err != nil {
		return fmt.Errorf("choice: who may act: %w", err)
	}
	for _, list := range [][]consent.Delegation{of, to} {
		for i := range list {
			g := &list[i]
			if g.ID != id {
				continue
			}
			if !g.Ended.IsZero() {
				return nil
			}
			g.Ended = d.Clock.Now()
			if err := d.putDelegation(ctx, g, s.Actor, "delegation.end"); err != nil && !errors.Is(err, store.ErrChanged) {
				return err
			}
			return nil
		}
	}
	return ErrAbsent
}

// Delegations returns those for a person and those given to it.
func (d *Desk) Delegations(ctx context.Context, person care.Person) (of, to []consent.Delegation, err error) {
	return d.Consents.Delegations(ctx, person)
}
