package form

import (
	"errors"
	"fmt"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// ErasedLeg is the code of a leg skipped because its record was erased. It is
// never moved again.
const ErasedLeg = "erased"

// Deferred is when a leg that waits for an older one, which is free at a moment,
// is looked at again by Claim: soon, where that one may go now, and in a minute at
// most. Settle of the older one wakes it before.
func Deferred(now, free time.Time) time.Time {
	if t := now.Add(time.Second); free.Before(t) {
		return t
	}
	if t := now.Add(time.Minute); free.After(t) {
		return t
	}
	return free
}

// LegSpare is how many legs more than its limit a list reads, to find where a
// record's legs end: more than a record has destinations.
const LegSpare = 64

// LegPage cuts what was read, up to LegSpare more than the limit, and says
// whether more follow. Legs of one record and moment are not parted, because the
// next page begins behind both.
func LegPage(all []store.Leg, limit int) ([]store.Leg, bool) {
	if len(all) <= limit {
		return all, false
	}
	same := func(i int) bool {
		return all[i].Record == all[i-1].Record && all[i].Created.Equal(all[i-1].Created)
	}
	n := limit
	for n > 0 && same(n) {
		n--
	}
	if n == 0 { // one record fills the page
		for n = limit; n < len(all) && same(n); n++ { //nolint:revive // only counts
		}
	}
	return all[:n], n < len(all)
}

// CheckLegClaim refuses a claim no engine takes.
func CheckLegClaim(c store.LegClaim) error {
	if c.Holder == "" || c.Limit <= 0 || !c.Until.After(c.Now) {
		return errors.New("store: a claim of legs without holder, limit or end")
	}
	return store.CheckText(c.Destination, c.Holder)
}

// CheckLegStarts refuses legs no engine begins.
func CheckLegStarts(starts ...store.LegStart) error {
	for _, s := range starts {
		if s.Destination == "" || s.State != exchange.Waiting && s.State != exchange.Held {
			return fmt.Errorf("store: a leg begins %q", s.State)
		}
		if err := store.CheckText(s.Destination, s.Code); err != nil {
			return err
		}
	}
	return nil
}

// CheckLegResults refuses results no engine keeps.
func CheckLegResults(holder string, results []store.LegResult) error {
	if holder == "" {
		return errors.New("store: results of legs without their holder")
	}
	for i := range results {
		r := &results[i]
		switch r.State {
		case exchange.Waiting, exchange.Held, exchange.Parked, exchange.Skipped, exchange.Done:
		default:
			return fmt.Errorf("store: a leg ends as %q", r.State)
		}
		if err := store.CheckText(string(r.Record.Facility), r.Destination, r.Code, r.Reference); err != nil {
			return err
		}
	}
	return store.CheckText(holder)
}

// CheckLegFilter refuses a filter no engine answers.
func CheckLegFilter(f store.LegFilter) error {
	if len(f.Records) > 1000 {
		return fmt.Errorf("store: a filter of %d records", len(f.Records))
	}
	for _, id := range f.Records {
		if err := store.CheckText(string(id.Facility)); err != nil {
			return err
		}
	}
	return store.CheckText(f.Destination, string(f.Facility), f.Kind, string(f.State), f.Code, string(f.Before.ID.Facility))
}

// CheckLegMove refuses a move no leg makes.
func CheckLegMove(m store.LegMove) error {
	if m.To != exchange.Waiting && m.To != exchange.Skipped {
		return fmt.Errorf("store: legs are not moved to %q", m.To)
	}
	return store.CheckText(m.Code)
}

// LegOrder puts ids in the order they were asked by, each once.
func LegOrder(ids []dossier.ID) []dossier.ID {
	seen := make(map[dossier.ID]bool, len(ids))
	out := make([]dossier.ID, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// LegTimes are when a leg that is begun was created and is due, where it does
// not say: now.
func LegTimes(l *store.Leg, now time.Time) (created, due time.Time) {
	if created = l.Created; created.IsZero() {
		created = now
	}
	if due = l.Due; due.IsZero() {
		due = created
	}
	return created, due
}
