package masked

import (
	"context"
	"slices"
	"time"

	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Legs is the ways out of records as lists may show them: that a leg is held
// because its record is of a closed compartment, only the facility that wrote
// it is told; to others the leg is not there. Whatever shows legs reads through it.
type Legs struct{ store.Legs }

// LegsFor returns the legs of records within the scope as it may know them.
func LegsFor(scope role.Scope, legs []store.Leg) []store.Leg {
	if scope.Facility != "" {
		return legs
	}
	return slices.DeleteFunc(slices.Clone(legs), func(l store.Leg) bool { return l.Code == exchange.HeldClosed })
}

// List is the store's, as the scope may know it.
func (l Legs) List(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.Leg, bool, error) {
	if scope.Facility == "" && f.Code == exchange.HeldClosed {
		return nil, false, nil
	}
	for {
		list, more, err := l.Legs.List(ctx, scope, f)
		if err != nil || len(list) == 0 {
			return nil, false, err
		}
		last := &list[len(list)-1]
		f.Before = store.Cursor{At: last.Created, ID: last.Record}
		if list = LegsFor(scope, list); len(list) > 0 || !more {
			return list, more, nil
		}
	}
}

// Count is the store's, as the scope may know it.
func (l Legs) Count(ctx context.Context, scope role.Scope, f store.LegFilter) (int, error) {
	if scope.Facility != "" {
		return l.Legs.Count(ctx, scope, f)
	}
	if f.Code == exchange.HeldClosed {
		return 0, nil
	}
	n, err := l.Legs.Count(ctx, scope, f)
	if err != nil || f.Code != "" {
		return n, err
	}
	f.Code = exchange.HeldClosed
	closed, err := l.Legs.Count(ctx, scope, f)
	return n - closed, err
}

// LegEvent is one thing that became of a leg.
type LegEvent struct {
	At          time.Time
	What        string // "created", "sent", "received", "finalized", "opened"; "held", "parked", "skipped" for how it stands
	Destination string
	Code        string // why held, parked or skipped
}

// LegEvents tells the story of legs in the words of a timeline, oldest first.
func LegEvents(legs []store.Leg) []LegEvent {
	var out []LegEvent
	for i := range legs {
		l := &legs[i]
		for _, e := range []LegEvent{{At: l.Created, What: "created"}, {At: l.Sent, What: "sent"}, {At: l.Received, What: "received"},
			{At: l.Finalized, What: "finalized"}, {At: l.Opened, What: "opened"}} {
			if !e.At.IsZero() {
				e.Destination = l.Destination
				out = append(out, e)
			}
		}
		switch l.State {
		case exchange.Held, exchange.Parked, exchange.Skipped:
			out = append(out, LegEvent{At: l.Changed, What: string(l.State), Destination: l.Destination, Code: l.Code})
		}
	}
	slices.SortStableFunc(out, func(a, b LegEvent) int { return a.At.Compare(b.At) })
	return out
}
