package admission

import "time"

// State is how things flow at this moment, for the operator's overview.
type State struct {
	At       time.Time   `json:"at"`
	Lanes    []LaneState `json:"lanes"` // the most urgent first
	InFlight int64       `json:"in_flight_bytes"`
	Room     int64       `json:"room_bytes"`       // most that may be in flight
	Capacity int64       `json:"capacity_bytes_s"` // as measured when there was most to do
	Slots    SlotState   `json:"slots"`
	Senders  []Sent      `json:"senders"` // of the last five minutes, who sends most first
}

// LaneState is what waits in one lane.
type LaneState struct {
	Lane    string        `json:"lane"`
	Waiting int           `json:"waiting"` // files and handovers of tars held back at the door or before the work
	Commit  int           `json:"commit"`  // dossiers that wait to be committed
	Age     time.Duration `json:"age_ns"`  // of the one that waited longest
}

// SlotState is what was given out to those turned away.
type SlotState struct {
	Given int64     `json:"given"` // since the hub started
	Ahead int       `json:"ahead"` // still to come
	Until time.Time `json:"until,omitzero"`
}
