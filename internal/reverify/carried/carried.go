// Package carried holds the legs of a record against the record and against the
// routes that held when it came (package doors): a leg says what its record
// says, leads where somebody approved, and says why where it does not go on; and
// what a route led away has its leg. How a delivery came to its end is the
// destination's own word, and not held.
package carried

import (
	"slices"
	"strings"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/reverify/doors"
	"lienthong/internal/store"
)

// A hub looks for changes of the plan every second; ten times that is granted.
// And a record may be judged a while after its file was received.
const (
	before = 10 * time.Second
	after  = time.Minute
)

// Wrong returns what is different in the legs of a record: the destination and
// what of it. late tells that the record was superseded when it came, whole that
// late is known and routes are held too.
func Wrong(b *doors.Book, r *store.Record, legs []store.Leg, late, whole bool) []doors.Finding {
	var out []doors.Finding
	differ := func(code, destination, field string) {
		out = append(out, doors.Finding{Code: code, Table: "leg", Row: r.ID.String() + " " + destination, Field: field})
	}
	there := map[string]bool{}
	for i := range legs {
		l := &legs[i]
		there[l.Destination] = true
		for _, f := range fields(b, r, l) {
			if !f.same {
				differ("leg.edited", l.Destination, f.name)
			}
		}
	}
	if !whole || late || r.Version == 0 || !r.Withdraws.IsZero() || !r.Erased.IsZero() || !r.Verdict.State.IsAccepted() || handedOn(r) {
		return out
	}
	for _, to := range b.Must(r.ID.Facility, r.Kind, r.Received.Add(-before), r.Received.Add(after)) {
		if !there[to] {
			differ("leg.missing", to, "")
		}
	}
	return out
}

type field struct {
	name string
	same bool
}

func fields(b *doors.Book, r *store.Record, l *store.Leg) []field {
	arrived := !l.Received.IsZero() || !l.Finalized.IsZero()
	return []field{
		{"destination", b.Known(l.Destination)},
		{"record", r.Verdict.State.IsAccepted() || !r.Withdraws.IsZero() || !r.Erased.IsZero()},
		{"kind", l.Kind == r.Kind},
		{"file", l.File == r.File},
		{"withdraws", l.Withdraws == r.Withdraws},
		{"lane", l.Lane >= r.Lane},
		{"created", !l.Created.Before(r.Received)},
		{"state", slices.Contains([]exchange.State{exchange.Waiting, exchange.Held, exchange.Parked, exchange.Skipped, exchange.Done}, l.State)},
		{"code", l.Code != "" || l.State == exchange.Waiting || l.State == exchange.Done}, // why it does not go on
		{"received", l.State != exchange.Done || arrived},
		{"finalized", l.Finalized.IsZero() || l.State == exchange.Done},
	}
}

// handedOn tells a record that a carrier handed on, by its findings: it may have
// come from the very destination a route leads to.
func handedOn(r *store.Record) bool {
	return slices.ContainsFunc(r.Verdict.Findings, func(f dossier.Finding) bool {
		return strings.HasPrefix(f.Code, "SEAL.VIA_") || strings.HasPrefix(f.Code, "SENDER.VIA_")
	})
}

// Untold returns the destinations that a withdrawal should lead to and does not:
// those that had the record it takes back well before. target are the legs of
// that record.
func Untold(b *doors.Book, r *store.Record, legs, target []store.Leg) []doors.Finding {
	var out []doors.Finding
	for i := range target {
		t := &target[i]
		arrived := t.Received
		if arrived.IsZero() {
			arrived = t.Finalized
		}
		to := func(l store.Leg) bool { return l.Destination == t.Destination }
		if arrived.IsZero() || !arrived.Before(r.Received.Add(-after)) || !b.InUse(t.Destination, r.Received.Add(-before), r.Received.Add(after)) || slices.ContainsFunc(legs, to) {
			continue
		}
		out = append(out, doors.Finding{Code: "leg.missing", Table: "leg", Row: r.ID.String() + " " + t.Destination})
	}
	return out
}
