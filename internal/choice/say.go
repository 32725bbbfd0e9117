package choice

import (
	"context"
	"errors"
	"reflect"

	"lienthong/internal/consent"
	"lienthong/internal/law"
	"lienthong/internal/store"
)

// Say keeps what somebody says unasked: a permission (Effect, Purpose, Scope,
// Since, Until) or a denial (Effect, Scope, Purpose "" for all, Emergency, Until).
// It acts when Say returns; the receipt is in the say. The same form sent again
// returns the say it made. Faults: choice.step_up for what opens more,
// choice.form_used, those of consent.Check and consent.Signed,
// consent.too_many; a broken store.
func (d *Desk) Say(ctx context.Context, s Speaker, draft consent.Consent) (*consent.Consent, error) {
	now := d.Clock.Now()
	id, err := idOf("say", s.Person, s.Form)
	if err != nil {
		return nil, err
	}
	c := consent.Consent{ID: id, Person: s.Person, Version: 1, Effect: draft.Effect, Purpose: draft.Purpose, Scope: draft.Scope,
		Emergency: draft.Emergency, Since: draft.Since, Until: draft.Until, Decided: now, Channel: s.Channel, Proof: s.Proof, Law: lawOf(&draft)}
	if draft.Person != s.Person && draft.Person != (consent.Consent{}).Person {
		return nil, consent.ErrOtherPerson
	}
	if c.Effect == consent.Permit && c.Since.IsZero() {
		c.Since = now
	}
	if err := d.signed(ctx, &s, &c, c.Effect != consent.Deny); err != nil {
		return nil, err
	}
	if c.State, err = consent.Next("", consent.Say); err != nil {
		return nil, err
	}
	if err := consent.Check(&c, d.Known, now); err != nil {
		return nil, err
	}
	if err := move(&c, c.Due(now)); err != nil {
		return nil, err
	}
	if err := d.room(ctx, &c); err != nil {
		return nil, err
	}
	err = d.put(ctx, &c, s.Actor, "consent.say", nil)
	if errors.Is(err, store.ErrChanged) && s.Form != "" {
		return d.again(ctx, &c)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// mostPermits is how many permissions and requests of a person may hold or wait.
// The store takes more (500 says): there is always room to deny.
const mostPermits = 400

// room refuses one permission or request too many.
func (d *Desk) room(ctx context.Context, c *consent.Consent) error {
	if c.Effect == consent.Deny {
		return nil
	}
	list, err := d.Said(ctx, c.Person)
	if err != nil {
		return err
	}
	n := 0
	for i := range list {
		if list[i].ID == c.ID {
			return nil // a form sent again
		}
		if list[i].Effect == consent.Permit && !list[i].State.IsOver() {
			n++
		}
	}
	if n >= mostPermits {
		return store.ErrTooMany
	}
	return nil
}

// again returns the say that a form made when it was first sent.
func (d *Desk) again(ctx context.Context, c *consent.Consent) (*consent.Consent, error) {
	was, err := d.of(ctx, c.Person, c.ID)
	if err != nil {
		return nil, err
	}
	if was.Effect != c.Effect || was.Purpose != c.Purpose || was.Emergency != c.Emergency || !sameScope(&was.Scope, &c.Scope) {
		return nil, ErrForm
	}
	return was, nil
}

func sameScope(a, b *consent.Scope) bool {
	same := func(x, y any) bool {
		return reflect.ValueOf(x).Len() == 0 && reflect.ValueOf(y).Len() == 0 || reflect.DeepEqual(x, y)
	}
	return same(a.Readers, b.Readers) && same(a.Authors, b.Authors) && same(a.Kinds, b.Kinds) && same(a.Visits, b.Visits) &&
		a.From.Equal(b.From) && a.To.Equal(b.To) && a.Classes == b.Classes
}

// move applies an event that time brought; "" moves nothing.
func move(c *consent.Consent, e consent.Event) error {
	if e == "" {
		return nil
	}
	to, err := consent.Next(c.State, e)
	if err != nil {
		return err
	}
	c.State = to
	return nil
}

// lawOf is the source of a say: of a permission its purpose's, of a denial the
// right to restrict.
func lawOf(c *consent.Consent) string {
	if c.Effect == consent.Deny {
		return "law-91-2025-art-10"
	}
	if u, ok := law.Purpose(string(c.Purpose)); ok {
		return u.Source
	}
	return ""
}

// Revoke takes a say back: at once, for every look that begins after it returns.
// Taking a denial back opens more and needs the second factor. What is over
// already is returned as it is; a request that waits is refused. Faults:
// choice.absent, choice.step_up, those of consent.Signed, store.changed.
func (d *Desk) Revoke(ctx context.Context, s Speaker, id consent.ID) (*consent.Consent, error) {
	c, err := d.of(ctx, s.Person, id)
	if err != nil || c.State.IsOver() {
		return c, err
	}
	if c.State == consent.Requested || c.State == consent.Shown {
		return d.Answer(ctx, s, id, false)
	}
	signed := *c
	if err := d.signed(ctx, &s, &signed, c.Effect == consent.Deny); err != nil {
		return nil, err
	}
	next := *c
	if next.State, err = consent.Next(c.State, consent.Revoke); err != nil {
		return nil, err
	}
	next.Version++
	next.Ended = d.Clock.Now()
	if err := d.put(ctx, &next, s.Actor, "consent.revoke", nil); err != nil {
		if errors.Is(err, store.ErrChanged) { // somebody was faster: revoked twice is revoked once
			if c, again := d.of(ctx, s.Person, id); again == nil && c.State.IsOver() {
				return c, nil
			}
		}
		return nil, err
	}
	return &next, nil
}
