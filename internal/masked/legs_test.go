package masked_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// pages is a store of legs that gives two at a time, the first page all closed.
type pages struct{ store.Legs }

var began = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

func (pages) rows() (out []store.Leg) {
	for i, code := range []string{exchange.HeldClosed, exchange.HeldClosed, "", exchange.HeldClosed, "purpose.payment"} {
		out = append(out, store.Leg{LegKey: store.LegKey{Record: dossier.ID{Facility: "79901", Serial: [16]byte{byte(i)}}, Destination: "so"}, Code: code,
			Created: began.Add(-time.Duration(i) * time.Second)})
	}
	return out
}

func (p pages) List(_ context.Context, _ role.Scope, f store.LegFilter) ([]store.Leg, bool, error) {
	rows := p.rows()
	if f.Before != (store.Cursor{}) {
		rows = slices.DeleteFunc(rows, func(l store.Leg) bool { return !l.Created.Before(f.Before.At) })
	}
	n := min(2, len(rows))
	return rows[:n], n < len(rows), nil
}

func (p pages) Count(_ context.Context, _ role.Scope, f store.LegFilter) (n int, _ error) {
	for _, l := range p.rows() {
		if f.Code == "" || f.Code == l.Code {
			n++
		}
	}
	return n, nil
}

// To all but the facility, a leg held for a closed compartment is not there:
// not in a page, not in a count, not by its code; and pages still follow.
func TestLegsOfClosedCompartmentsAreNotThere(t *testing.T) {
	t.Parallel()
	l := masked.Legs{Legs: pages{}}
	for _, c := range []struct {
		scope       role.Scope
		seen, count int
	}{{role.Scope{Facility: "79901"}, 5, 5}, {role.Scope{All: true}, 2, 2}, {role.Scope{Province: "79"}, 2, 2}} {
		seen, f := 0, store.LegFilter{}
		for more := true; more; {
			var list []store.Leg
			var err error
			if list, more, err = l.List(t.Context(), c.scope, f); err != nil || len(list) == 0 && more {
				t.Fatalf("%+v: an empty page before the end, %v", c.scope, err)
			}
			if seen += len(list); more {
				last := list[len(list)-1]
				f.Before = store.Cursor{At: last.Created, ID: last.Record}
			}
		}
		n, err := l.Count(t.Context(), c.scope, store.LegFilter{})
		if seen != c.seen || n != c.count || err != nil {
			t.Errorf("%+v: %d seen, %d counted, %v", c.scope, seen, n, err)
		}
		closed := store.LegFilter{Code: exchange.HeldClosed}
		n, _ = l.Count(t.Context(), c.scope, closed)
		list, _, _ := l.List(t.Context(), c.scope, closed)
		if own := c.scope.Facility != ""; (n > 0) != own || (len(list) > 0) != own {
			t.Errorf("%+v asks for what is closed: %d, %d", c.scope, n, len(list))
		}
	}
}

func TestTheStoryOfLegs(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	var said []string
	for _, e := range masked.LegEvents([]store.Leg{
		{LegKey: store.LegKey{Destination: "so"}, State: exchange.Done, Created: at(0), Sent: at(3), Received: at(4), Finalized: at(5), Opened: at(9)},
		{LegKey: store.LegKey{Destination: "bhxh"}, State: exchange.Parked, Code: "insurer.125", Created: at(0), Sent: at(1), Changed: at(2)},
	}) {
		said = append(said, e.Destination+" "+e.What+e.Code)
	}
	want := []string{"so created", "bhxh created", "bhxh sent", "bhxh parkedinsurer.125", "so sent", "so received", "so finalized", "so opened"}
	if !slices.Equal(said, want) {
		t.Errorf("%q", said)
	}
}
