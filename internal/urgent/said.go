package urgent

import (
	"context"
	"slices"
	"strings"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/identity"
)

// Said takes the reason of an emergency apart, as Break keeps it ("TT-… code:
// words"): one of Reasons, "" where it is none of them, and what was typed. The
// number of the patient is in neither.
func Said(reason string) (code, words string) {
	if number, rest, ok := strings.Cut(reason, " "); ok && strings.HasPrefix(number, "TT-") {
		reason = rest
	}
	if code, words, ok := strings.Cut(reason, ": "); ok && slices.Contains(Reasons(), code) {
		return code, words
	}
	return "", reason
}

// Opened lists the emergencies opened for a number of the member's facility that
// were not taken back, newest first, over or not. Faults as Temporary.
func (d *Desk) Opened(ctx context.Context, by Member, number string) ([]consent.Opening, error) {
	t, _, err := d.Temporary(ctx, by, number)
	if err != nil {
		return nil, err
	}
	list, err := d.opened(ctx, t)
	return slices.DeleteFunc(list, func(o consent.Opening) bool { return o.EndedBy == identity.Undone }), err
}

// undoable is for how long a number that was resolved is listed still.
const undoable = 7 * 24 * time.Hour

// mostResolved is how many the store lists at most.
const mostResolved = 1000

// Resolved lists the numbers of the member's facility that were resolved within
// the last 7 days, the last one first: to find what was resolved to the wrong person.
func (d *Desk) Resolved(ctx context.Context, by Member) ([]identity.Temporary, error) {
	if err := by.admit(); err != nil {
		return nil, err
	}
	list, err := d.Temporaries.Temporaries(ctx, by.at(), identity.Resolved, mostResolved)
	if err != nil {
		return nil, wrap("listing numbers", err)
	}
	since := d.Clock.Now().Add(-undoable)
	list = slices.DeleteFunc(list, func(t identity.Temporary) bool { return t.Ended.Before(since) })
	slices.SortStableFunc(list, func(a, b identity.Temporary) int { return b.Ended.Compare(a.Ended) })
	return list, nil
}
