package choice

import (
	"context"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/consent"
)

// Effect is how many records of a person a facility would have.
type Effect struct {
	Records   int // of the person in all
	Own       int // the facility's own: always
	Consented int // by a consent that covers them
	Present   int // when the person is there and proves it
	Emergency int // for the emergency set
}

// Would reckons an effect by the path that enforces: package disclose does. Says of
// with stand in the place of those they change; nothing is opened.
type Would interface {
	Would(ctx context.Context, facility care.FacilityCode, purpose consent.Purpose, person care.Person, with []consent.Consent) (Effect, error)
}

// Simulate tells what a draft would change for a facility: what it has now, and
// what it would have. Nothing is kept. A draft with an ID that holds and a state
// that is over is that say revoked. Faults: those of consent.Check.
func (d *Desk) Simulate(ctx context.Context, w Would, s Speaker, draft consent.Consent, facility care.FacilityCode) (now, then Effect, err error) {
	at := d.Clock.Now()
	c := draft
	c.Person, c.Version = s.Person, max(1, draft.Version)
	if c.ID == (consent.ID{}) {
		if c.ID, err = idOf("draft", s.Person, ""); err != nil {
			return now, then, err
		}
	}
	if !c.State.IsOver() {
		c.State, c.Channel, c.Decided = consent.Active, "portal", at
		if c.Effect == consent.Permit && c.Since.IsZero() {
			c.Since = at
		}
		if err := consent.Check(&c, d.Known, at); err != nil {
			return now, then, err
		}
	}
	purpose := c.Purpose
	if purpose == "" {
		purpose = consent.Treatment
	}
	if now, err = w.Would(ctx, facility, purpose, s.Person, nil); err != nil {
		return now, then, fmt.Errorf("choice: reckoning: %w", err)
	}
	if then, err = w.Would(ctx, facility, purpose, s.Person, []consent.Consent{c}); err != nil {
		return now, then, fmt.Errorf("choice: reckoning: %w", err)
	}
	return now, then, nil
}
