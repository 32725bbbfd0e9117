package exchange

import (
	"cmp"
	"encoding/json"
	"slices"

	"lienthong/internal/care"
)

// Why a leg is held.
const (
	// HeldPurpose begins the code of a leg whose purpose a finding blocks:
	// "purpose.payment", "purpose.statistics".
	HeldPurpose = "purpose."
	// HeldClosed: the record is of a closed compartment and the destination gets none.
	HeldClosed = "compartment.closed"
)

// Why a leg is skipped.
const (
	SkippedSuperseded = "superseded" // a newer version came before it was sent
	SkippedWithdrawn  = "withdrawn"  // taken back before it was sent, or nothing was sent to take back
	SkippedErased     = "erased"
	SkippedOperator   = "operator.skip"
)

// ParkedBehind: a withdrawal whose record has not gone yet and waits for somebody.
const ParkedBehind = "leg.behind"

// Why a leg waits again.
const (
	AgainOperator = "operator.retry"
	AgainFacility = "facility.send_anyway"
)

// Record is what a plan must know of a record that is about to be stored.
type Record struct {
	Facility care.FacilityCode
	Kind     string
	Blocks   []string // purposes that its findings block
	Closed   bool     // the record as a whole is of a closed compartment
	Tables   bool     // it has a table of one
	Late     bool     // it came after a newer version of its episode
}

// Start is a leg that a record begins.
type Start struct {
	Destination string
	State       State  // Waiting or Held
	Code        string // why held
}

// Plan is where records go, as of one moment. It does not change, and is used
// by many goroutines at once.
type Plan struct {
	destinations []Destination
	routes       map[string][]Route // by destination, the most specific first
	originals    map[string]bool    // adapters that pass files on as they are
	histories    map[string]bool    // adapters whose destinations keep every version
	persons      string             // the destination that links persons in this hub's place, "" none
}

// NewPlan makes a plan of every destination and every route that holds.
// originals names the adapters that send the file itself: closed tables cannot
// be left out of it.
func NewPlan(destinations []Destination, routes []Route, originals ...string) *Plan {
	p := &Plan{routes: map[string][]Route{}, originals: map[string]bool{}}
	for _, d := range destinations {
		if d.Ended.IsZero() {
			p.destinations = append(p.destinations, d)
			if personsOf(d) {
				p.persons = d.ID
			}
		}
	}
	slices.SortFunc(p.destinations, func(a, b Destination) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range routes {
		p.routes[r.Destination] = append(p.routes[r.Destination], r)
	}
	for _, list := range p.routes {
		slices.SortStableFunc(list, func(a, b Route) int {
			if c := cmp.Compare(b.specific(), a.specific()); c != 0 {
				return c
			}
			return b.Since.Compare(a.Since)
		})
	}
	for _, name := range originals {
		p.originals[name] = true
	}
	return p
}

// Keeping returns the plan with the names of adapters whose destinations keep
// every version: records that arrive late go there too.
func (p *Plan) Keeping(histories ...string) *Plan {
	out := *p
	out.histories = map[string]bool{}
	for _, name := range histories {
		out.histories[name] = true
	}
	return &out
}

// Keeps reports whether a destination keeps every version.
func (p *Plan) Keeps(destination string) bool {
	return slices.ContainsFunc(p.destinations, func(d Destination) bool { return d.ID == destination && p.histories[d.Adapter] })
}

// specific orders routes: facility and kind, facility, kind, all.
func (r Route) specific() int {
	n := 0
	if r.Facility != "" {
		n += 2
	}
	if r.Kind != "" {
		n++
	}
	return n
}

func (r Route) fits(facility care.FacilityCode, kind string) bool {
	return (r.Facility == "" || r.Facility == facility) && (r.Kind == "" || r.Kind == kind)
}

// Mode returns how a facility's records of a kind reach a destination; Off
// where no route leads or the destination is not in use.
func (p *Plan) Mode(destination string, facility care.FacilityCode, kind string) Mode {
	if !p.InUse(destination) {
		return Off
	}
	for _, r := range p.routes[destination] {
		if r.fits(facility, kind) {
			return r.Mode
		}
	}
	return Off
}

// InUse reports whether legs may be begun to a destination.
func (p *Plan) InUse(destination string) bool {
	return slices.ContainsFunc(p.destinations, func(d Destination) bool { return d.ID == destination })
}

// Legs returns the legs that an accepted record begins, by destination.
func (p *Plan) Legs(r Record) []Start {
	var out []Start
	for i := range p.destinations {
		d := &p.destinations[i]
		if !p.Mode(d.ID, r.Facility, r.Kind).Sends() || r.Late && !p.histories[d.Adapter] {
			continue
		}
		s := Start{Destination: d.ID, State: Waiting}
		if s.Code = p.holds(d, r); s.Code != "" {
			s.State = Held
		}
		out = append(out, s)
	}
	return out
}

// holds says why a leg is held, "" when it is not. What is closed comes first:
// nobody lets it go.
func (p *Plan) holds(d *Destination, r Record) string {
	switch {
	case !d.Closed && (r.Closed || r.Tables && p.originals[d.Adapter]):
		return HeldClosed
	case d.Purpose != "" && slices.Contains(r.Blocks, d.Purpose):
		return HeldPurpose + d.Purpose
	}
	return ""
}

// PersonsAbove names the destination that links persons in this hub's place, ""
// where persons are linked here.
func (p *Plan) PersonsAbove() string { return p.persons }

// personsOf reads the option "persons".
func personsOf(d Destination) bool {
	var o struct {
		Persons string `json:"persons"`
	}
	return len(d.Options) > 0 && json.Unmarshal(d.Options, &o) == nil && o.Persons == PersonsParent
}

// PersonsParent is the option "persons" of a destination that links persons in
// this hub's place: what is matched here is no national truth.
const PersonsParent = "parent"
