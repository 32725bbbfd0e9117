package consent

import (
	"time"

	"lienthong/internal/fault"
)

// Event is what moves a say on.
type Event string

// The events.
const (
	Ask     Event = "ask"      // a facility asks
	Say     Event = "say"      // said unasked
	Show    Event = "show"     // the person saw the request
	Grant   Event = "grant"    // the person agreed
	Refuse  Event = "refuse"   // the person did not
	TimeOut Event = "time_out" // nobody answered in time
	Begin   Event = "begin"    // its time came
	Revoke  Event = "revoke"   // the person takes it back
	Expire  Event = "expire"   // its time is over
)

// ErrState: the say is not in a state in which that can happen.
var ErrState = fault.New(fault.Conflict, "consent.state",
	"Lựa chọn này đã thay đổi hoặc đã kết thúc. Mở lại trang để xem tình trạng mới.",
	"This choice has changed or ended already. Open the page again to see how it stands.")

// next lists what follows a state by an event. What ended stays so.
var next = map[State]map[Event]State{
	"":        {Ask: Requested, Say: Granted},
	Requested: {Show: Shown, Refuse: Refused, TimeOut: TimedOut},
	Shown:     {Grant: Granted, Refuse: Refused, TimeOut: TimedOut},
	Granted:   {Begin: Active, Revoke: Revoked, Expire: Expired},
	Active:    {Revoke: Revoked, Expire: Expired},
}

// States lists all states.
func States() []State {
	return []State{Requested, Shown, Granted, Refused, TimedOut, Active, Revoked, Expired}
}

// Events lists all events.
func Events() []Event {
	return []Event{Ask, Say, Show, Grant, Refuse, TimeOut, Begin, Revoke, Expire}
}

// Next returns the state that follows by an event; "" is before the first.
// Fault: consent.state. Nobody can grant what they were not shown.
func Next(s State, e Event) (State, error) {
	to, ok := next[s][e]
	if !ok {
		return "", ErrState
	}
	return to, nil
}

// IsOver reports whether nothing follows a state.
func (s State) IsOver() bool { return s != "" && next[s] == nil }

// How long a request waits for its answer. At a counter or bedside the person is
// there; a request that is left in the citizen's pages waits a week.
const (
	AnswerNow   = 10 * time.Minute
	AnswerLater = 7 * 24 * time.Hour
)

// AnswerBy is when a request lapses unanswered, by its channel: "portal" waits
// AnswerLater, any other AnswerNow. Zero where it is no open request.
func (c *Consent) AnswerBy() time.Time {
	if c.State != Requested && c.State != Shown {
		return time.Time{}
	}
	by := c.Asked.Add(AnswerNow)
	if c.Channel == "portal" {
		by = c.Asked.Add(AnswerLater)
	}
	if !c.Until.IsZero() && c.Until.Before(by) {
		return c.Until
	}
	return by
}

// Due returns the event that time alone brings at a moment; "" for none. Where the
// clock steps back nothing is undone: a state that ended has no event.
func (c *Consent) Due(at time.Time) Event {
	over := !c.Until.IsZero() && !at.Before(c.Until)
	switch c.State {
	case Requested, Shown:
		if !at.Before(c.AnswerBy()) {
			return TimeOut
		}
	case Granted:
		switch {
		case over:
			return Expire
		case !at.Before(c.Since):
			return Begin
		}
	case Active:
		if over {
			return Expire
		}
	}
	return ""
}

// Holds reports whether a say has effect at a moment. A permission holds within
// its time. A denial holds from when it was said until it ends, also where the
// clock shows an earlier moment than that: a doubt closes.
func Holds(c *Consent, at time.Time) bool {
	if c.State != Granted && c.State != Active || !c.Ended.IsZero() || !c.Until.IsZero() && !at.Before(c.Until) {
		return false
	}
	return c.Effect == Deny || c.Effect == Permit && !at.Before(c.Since)
}
