package rooms

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/disclose"
	"lienthong/internal/roster"
)

// births tells when somebody was born: as their provider of identities said at
// their last login, else as their newest record says.
type births struct {
	roster *roster.Desk
	book   *disclose.Discloser
}

// Birth implements choice.Births. Of a birth known by year or month the last day
// is taken: who may be a child is one.
func (b births) Birth(ctx context.Context, person care.Person) (time.Time, bool, error) {
	born, err := b.roster.BirthOf(ctx, person)
	if err != nil {
		return time.Time{}, false, err
	}
	if born.IsZero() {
		if born, err = b.book.Born(ctx, person); err != nil || born.IsZero() {
			return time.Time{}, false, err
		}
	}
	if born.Precision() >= care.ByDay {
		return born.Time(), true, nil
	}
	return born.End().AddDate(0, 0, -1), true, nil
}
