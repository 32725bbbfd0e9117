package intake

import (
	"context"
	"slices"

	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// Legs finds the legs of records; store.Legs does.
type Legs interface {
	Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error)
}

// closedTables are the tables of closed compartments, as bits of a record's documents.
const closedTables = 1<<6 | 1<<15

// legs are what an accepted record begins with: one for each destination that a
// route leads to, held where a finding blocks its purpose. What arrives late and
// superseded goes nowhere.
func (t *task) legs(p *store.Prepared) []store.LegStart {
	if t.in.Plan == nil || !p.Verdict.State.IsAccepted() || !p.Current {
		return nil
	}
	return starts(t.in.Plan().Legs(about(t.facility, p.Kind, p.Documents, p.Verdict.Findings)))
}

// about is what a plan looks at of a record.
func about(code care.FacilityCode, kind string, documents uint32, findings []dossier.Finding) exchange.Record {
	r := exchange.Record{Facility: code, Kind: kind, Closed: documents&compartment.Bits != 0, Tables: documents&closedTables != 0}
	for _, f := range findings {
		for _, b := range f.Blocks {
			if !slices.Contains(r.Blocks, b) {
				r.Blocks = append(r.Blocks, b)
			}
		}
	}
	return r
}

func starts(list []exchange.Start) []store.LegStart {
	out := make([]store.LegStart, len(list))
	for i, s := range list {
		out[i] = store.LegStart{Destination: s.Destination, State: s.State, Code: s.Code}
	}
	return out
}

// withdrawalLegs lead where those of the withdrawn record did, but for what
// never left the hub and never will: the courier passes over what is withdrawn.
func (t *task) withdrawalLegs(ctx context.Context, target *store.Record) ([]store.LegStart, error) {
	if t.in.Plan == nil || t.in.Legs == nil {
		return nil, nil
	}
	plan := t.in.Plan()
	legs, err := t.in.Legs.Of(ctx, target.ID)
	if err != nil {
		return nil, err
	}
	var out []store.LegStart
	for _, l := range legs {
		unsent := l.Sent.IsZero() && (l.State == exchange.Held || l.State == exchange.Parked || l.State == exchange.Skipped)
		if plan.InUse(l.Destination) && !unsent {
			out = append(out, store.LegStart{Destination: l.Destination, State: exchange.Waiting})
		}
	}
	return out, nil
}
