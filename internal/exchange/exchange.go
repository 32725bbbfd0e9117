// Package exchange says where records go from the hub and how their delivery
// goes on: destinations, the routes that lead facilities and kinds to them, the
// states of a leg, and the law of trying again. It is a pure state machine:
// package courier carries the legs, package store keeps them, the bridges speak
// to the destinations.
package exchange

import (
	"encoding/json"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
)

// Destination is an entry an operator approved: where legs may lead.
type Destination struct {
	ID        string          // "bhxh", "so-suc-khoe": lower-case letters, digits, hyphens; 1 to 32
	Adapter   string          // which bridge speaks to it: "insurer", "vneid", "prescription", "axis", "parent", "webhook"
	Name      fault.Text      // as people read it
	URL       string          // of its interface
	Private   bool            // may lie on a private network or on this machine
	Options   json.RawMessage // the adapter's own settings, an object; no secrets
	Purpose   string          // a finding that blocks this purpose holds its legs back: "payment", "statistics", "" none
	Closed    bool            // records of closed compartments go too: only where a facility's own lawful sending is carried on
	PerSecond float64         // deliveries a second, 0 without limit
	Parallel  int             // deliveries at once, at least 1
	Since     time.Time
	Paused    time.Time // zero: legs are carried
	Ended     time.Time // zero: in use
}

// Base is the address of the interface without a slash at its end: paths are
// put behind it.
func (d Destination) Base() string { return strings.TrimSuffix(d.URL, "/") }

// NoOptions reports whether the destination has no settings of its adapter's own:
// nothing, or an empty object.
func (d Destination) NoOptions() bool {
	s := strings.TrimSpace(string(d.Options))
	return s == "" || s == "{}"
}

// Mode is how a facility's records of a kind reach a destination.
type Mode string

// The modes.
const (
	Relay      Mode = "relay"       // the hub sends the byte-identical file
	Direct     Mode = "direct"      // the hub sends what it makes of the record
	Mirror     Mode = "mirror"      // the facility still sends by itself; the hub compares
	Pull       Mode = "pull"        // the hub reads from the destination
	ViaInsurer Mode = "via_insurer" // the insurer's gateway passes it on; the hub sends nothing
	Off        Mode = "off"
)

// Sends reports whether records by this mode start legs.
func (m Mode) Sends() bool { return m == Relay || m == Direct }

// Route leads records to a destination. Of the routes to one destination that
// fit a record the most specific holds: facility and kind, facility, kind, all;
// of equals the newest.
type Route struct {
	Destination string
	Facility    care.FacilityCode // "": all
	Kind        string            // "": all
	Mode        Mode
	Since       time.Time
}

// State is how a leg stands.
type State string

// The states.
const (
	Waiting State = "waiting" // to be carried when it is due
	Held    State = "held"    // a finding blocks its purpose, or its destination gets no closed compartments: somebody must let it go
	Parked  State = "parked"  // a permanent error, or tried too often: somebody must look
	Skipped State = "skipped" // nothing to carry any more: superseded or withdrawn before it was sent, or given up by somebody
	Done    State = "done"    // finalized, or received where the destination says no more
)

// Outcome is what one attempt came to.
type Outcome int

// The outcomes.
const (
	// Again: not delivered, or nobody knows; try again by the law.
	Again Outcome = iota + 1
	// Received: the destination has it, its verdict is to come.
	Received
	// Finalized: the destination has it and has said all it will say.
	Finalized
	// Refused: it will never take this; park.
	Refused
)

// Answer is what an adapter made of an attempt.
type Answer struct {
	Outcome   Outcome
	Sent      bool          // at least a part of it left the hub
	Code      string        // "insurer.125", "outbound.unreachable": stable; the destination's own code verbatim after the dot
	Reference string        // the destination's number for it, "" none
	Wait      time.Duration // what the destination asked for, 0 nothing
	Whole     bool          // the destination as a whole failed, not this record: counts for the breaker

	Receipt []byte   // the destination's own receipt document of the record, checked by the adapter; nil: it gives none
	Person  string   // the destination's reference to the person, "" none
	Each    []Answer // one for each leg of the parcel, in its order, where they end each by itself; nil: this answer is every leg's
}

// Of is the answer for the ith leg of its parcel.
func (a Answer) Of(i int) Answer {
	if i < len(a.Each) {
		return a.Each[i]
	}
	return a
}
