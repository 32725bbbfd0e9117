// Package forward says which legs a record begins with, and which a withdrawal
// does: it reads what package exchange must know off what intake has prepared.
// It decides no routes (exchange does) and carries nothing (courier does).
package forward

import (
	"slices"

	"lienthong/internal/compartment"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// closedTables are the tables of closed compartments, as bits of a record's documents.
const closedTables = 1<<6 | 1<<15

// Record returns the legs of an accepted record: one for each destination that a
// route leads to, held where a finding blocks its purpose. What is rejected goes
// nowhere, what arrives late and superseded only where every version is kept; nor
// does anything go without a plan.
func Record(plan func() *exchange.Plan, p *store.Prepared) []store.LegStart {
	if plan == nil || !p.Verdict.State.IsAccepted() {
		return nil
	}
	r := exchange.Record{Facility: p.ID.Facility, Kind: p.Kind, Late: !p.Current, Closed: p.Documents&compartment.Bits != 0, Tables: p.Documents&closedTables != 0}
	for _, f := range p.Verdict.Findings {
		for _, b := range f.Blocks {
			if !slices.Contains(r.Blocks, string(b)) {
				r.Blocks = append(r.Blocks, string(b))
			}
		}
	}
	var out []store.LegStart
	for _, s := range plan().Legs(r) {
		out = append(out, store.LegStart{Destination: s.Destination, State: s.State, Code: s.Code})
	}
	return out
}

// Withdrawal returns the legs of a withdrawal: where those of the record lead
// that it takes back, but for what never left the hub and never will (the
// courier passes over what is withdrawn).
func Withdrawal(plan *exchange.Plan, legs []store.Leg) []store.LegStart {
	var out []store.LegStart
	for _, l := range legs {
		if plan.Keeps(l.Destination) { // the courier sees to their order
			if plan.InUse(l.Destination) && l.State != exchange.Skipped {
				out = append(out, store.LegStart{Destination: l.Destination, State: exchange.Waiting})
			}
			continue
		}
		unsent := l.Sent.IsZero() && (l.State == exchange.Held || l.State == exchange.Parked || l.State == exchange.Skipped)
		if plan.InUse(l.Destination) && !unsent {
			out = append(out, store.LegStart{Destination: l.Destination, State: exchange.Waiting})
		}
	}
	return out
}
