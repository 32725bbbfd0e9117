package urgent

import (
	"context"
	"time"

	"lienthong/internal/store"
)

// mostLooks is how many looks a list of those who saw names at most.
const mostLooks = 10_000

// Saw lists the looks at a person's records since a moment, newest first: those
// who saw a mixed record. Searches that only showed a masked face are among
// them. At most 10,000.
func Saw(ctx context.Context, trail Trail, person store.PersonID, since time.Time) ([]store.Disclosure, error) {
	var out []store.Disclosure
	var before int64
	for len(out) < mostLooks {
		page, more, err := trail.OfPerson(ctx, person, store.DisclosureFilter{Since: since, Before: before, Limit: 1000})
		if err != nil {
			return nil, wrap("listing looks", err)
		}
		out = append(out, page...)
		if !more || len(page) == 0 {
			break
		}
		before = page[len(page)-1].ID
	}
	return out[:min(len(out), mostLooks)], nil
}

// Trail lists looks at a person; store.Disclosures is one.
type Trail interface {
	OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}
