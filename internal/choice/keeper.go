package choice

import (
	"context"
	"errors"
	"fmt"

	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// page is how many says the keeper moves between two looks at the store.
const page = 100

// Tick moves on what time alone changes: requests that lapse, permissions that
// begin and end; and takes the answers that phones gave. The hub calls it every
// few seconds. What somebody else moved in between is left to them.
func (d *Desk) Tick(ctx context.Context) error {
	if err := d.answers(ctx); err != nil {
		return err
	}
	for {
		due, err := d.Consents.Due(ctx, d.Clock.Now(), page)
		if err != nil {
			return fmt.Errorf("choice: what is due: %w", err)
		}
		moved := 0
		for i := range due {
			ok, err := d.on(ctx, &due[i])
			if err != nil {
				return err
			}
			if ok {
				moved++
			}
		}
		if moved == 0 || len(due) < page {
			return nil
		}
	}
}

// on moves one say on, where its time has come.
func (d *Desk) on(ctx context.Context, c *consent.Consent) (bool, error) {
	now := d.Clock.Now()
	event := c.Due(now)
	if event == "" {
		return false, nil
	}
	next := *c
	next.Version++
	if err := move(&next, event); err != nil {
		return false, err
	}
	if event == consent.Expire {
		next.Ended = now
	}
	err := d.put(ctx, &next, "keeper", "consent."+string(event), nil)
	if errors.Is(err, store.ErrChanged) {
		return false, nil
	}
	if err == nil && next.State.IsOver() {
		d.forget(c.ID)
	}
	return err == nil, err
}

// answers takes what phones answered.
func (d *Desk) answers(ctx context.Context) error {
	d.pushing.Lock()
	ids := make([]consent.ID, 0, len(d.pushed))
	for id := range d.pushed {
		ids = append(ids, id)
	}
	d.pushing.Unlock()
	for _, id := range ids {
		c, err := d.Consents.Consent(ctx, id)
		if errors.Is(err, store.ErrAbsent) || err == nil && c.State.IsOver() {
			d.forget(id)
			continue
		}
		if err == nil {
			_, err = d.look(ctx, c)
		}
		if err != nil && !isDecided(err) {
			return err
		}
		if err != nil {
			d.forget(id)
		}
	}
	return nil
}

// isDecided reports whether an answer of a phone came to nothing by itself: too
// late, answered elsewhere, or given by somebody who may not.
func isDecided(err error) bool {
	for _, f := range []error{ErrLapsed, ErrStepUp, ErrAbsent, consent.ErrState, consent.ErrMinor, consent.ErrDelegation, consent.ErrTime,
		consent.ErrFacility, consent.ErrKind, store.ErrChanged, store.ErrTooMany} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
