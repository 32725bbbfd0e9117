package figure_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/figure"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// crossed is a store in which something happens before statements are kept.
type crossed struct {
	*rows
	before func([]house.Statement) error
}

func (c *crossed) Pin(ctx context.Context, list []house.Statement, act store.Act) error {
	if c.before != nil {
		if err := c.before(list); err != nil {
			return err
		}
	}
	return c.rows.Pin(ctx, list, act)
}

// closing is a desk over one facility that sent as many records as its log is long,
// all on the last of June.
func closing(t *testing.T) (*crossed, *figure.Desk, *clock.Fake) {
	t.Helper()
	c := &crossed{rows: &rows{size: 5, kept: map[string][]house.Statement{}}}
	c.counts = func(size uint64, s role.Scope, q store.CountQuery) []store.Count {
		is := map[store.Dimension]string{store.ByDay: "20260630", store.ByMeasure: "accepted", store.ByProvince: "24", store.ByUnit: "", store.ByFacility: "24601"}
		if q.FromDay > 20260630 || q.ToDay < 20260630 || q.Standing || !slices.Contains(q.Measures, "accepted") || !s.All && s.Province != "24" {
			return nil
		}
		n := store.Count{N: int64(size)}
		for _, by := range q.By {
			n.Key = append(n.Key, is[by])
		}
		return []store.Count{n}
	}
	at := clock.NewFake(now)
	d, err := figure.New(figure.Deps{Figures: c, Counters: c, Ledger: c, Hub: "thử.lienthong", Clock: at})
	if err != nil {
		t.Fatal(err)
	}
	return c, d, at
}

func (c *crossed) versions(subject string) int { return len(c.kept[subject]) }

const (
	juneLeague = "SL.21-20260601.20260630-p24"
	lastOfJune = "SL.02-20260630-p24"
)

// A close that is cut off between the days and their month is made up for by the next.
func TestAMonthIsAskedAgainAfterACloseThatFailed(t *testing.T) {
	t.Parallel()
	c, d, at := closing(t)
	if _, err := d.Close(t.Context(), 20260630); err != nil || c.versions(juneLeague) != 1 || c.versions(lastOfJune) != 1 {
		t.Fatalf("%v, %d of the month, %d of the day", err, c.versions(juneLeague), c.versions(lastOfJune))
	}
	at.Advance(time.Hour)
	c.size = 9
	broken := errors.New("the disk is full")
	c.before = func(list []house.Statement) error {
		if slices.ContainsFunc(list, func(s house.Statement) bool { return strings.HasPrefix(s.Subject, "SL.21-") }) {
			return broken
		}
		return nil
	}
	if _, err := d.Close(t.Context(), 20260701); !errors.Is(err, broken) || c.versions(lastOfJune) != 2 {
		t.Fatalf("%v, %d of the day", err, c.versions(lastOfJune))
	}
	c.before = nil
	at.Advance(time.Hour)
	for range 2 {
		if _, err := d.Close(t.Context(), 20260701); err != nil || c.versions(juneLeague) != 2 || c.versions(lastOfJune) != 2 {
			t.Errorf("%v, %d of the month, %d of the day", err, c.versions(juneLeague), c.versions(lastOfJune))
		}
	}
}

// Where somebody pins one figure of a day at the same time, the others are pinned all
// the same; where it goes on, the close does not say that it is done.
func TestACloseThatIsCrossedKeepsTheRest(t *testing.T) {
	t.Parallel()
	c, d, _ := closing(t)
	times := 0
	c.before = func(list []house.Statement) error {
		if times++; times == 1 || times == 3 { // of the day, then of the month
			return c.rows.Pin(t.Context(), list[:1], store.Act{})
		}
		return nil
	}
	if _, err := d.Close(t.Context(), 20260630); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"SL.02-20260630-vn", lastOfJune, "SL.13-20260630-p96", "SL.21-20260601.20260630-vn", juneLeague, "SL.32-20260601.20260630-vn"} {
		if c.versions(subject) != 1 {
			t.Errorf("%s: %d versions", subject, c.versions(subject))
		}
	}
	c.before = func([]house.Statement) error { return store.ErrChanged }
	if _, err := d.Close(t.Context(), 20260701); !errors.Is(err, store.ErrChanged) {
		t.Errorf("nothing was kept, and it says %v", err)
	}
}

// What another hub counted of more is not followed by a version of less.
func TestACloseThatComesLateKeepsTheNewer(t *testing.T) {
	t.Parallel()
	c, d, at := closing(t)
	q, err := figure.Ask("SL.02", figure.Place{Province: "24"}, 20260630, 20260630)
	if err != nil {
		t.Fatal(err)
	}
	once := false
	c.before = func([]house.Statement) error {
		if once {
			return nil
		}
		once, c.size = true, 9
		at.Advance(time.Minute)
		_, err := d.Pin(t.Context(), "another hub", q)
		return err
	}
	if _, err := d.Close(t.Context(), 20260630); err != nil || c.versions(lastOfJune) != 1 || !strings.Contains(c.kept[lastOfJune][0].Body, `"n":9`) {
		t.Errorf("%v: %+v", err, c.kept[lastOfJune])
	}
}

// A unit whose name ends as a version does has versions as others have.
func TestAUnitMayBeNamedAsAVersion(t *testing.T) {
	t.Parallel()
	r, d := setup(t)
	q, err := figure.Ask("SL.04", figure.Place{Unit: "tccb-v2"}, 20260713, 20260713)
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range []uint64{5, 8, 11} {
		r.size = size
		s, err := d.Pin(t.Context(), "operator", q)
		if err != nil || s.Version != i+1 {
			t.Fatalf("%d: %+v, %v", i, s, err)
		}
		for _, id := range []string{s.ID, q.Subject()} {
			if got, err := d.Statement(t.Context(), id); err != nil || got.ID != s.ID {
				t.Errorf("%s: %+v, %v", id, got, err)
			}
		}
	}
}
