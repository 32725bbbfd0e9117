package matter

import (
	"slices"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/law"
)

// Works says whether a day is a working day; package slip's Works knows the holidays.
type Works func(time.Time) bool

// The kinds of matters.
const (
	EmergencyReview  = "emergency.review"
	LookUnrecognised = "look.unrecognised"
	RequestSee       = "request.see"
	RequestCorrect   = "request.correct"
	RequestRestrict  = "request.restrict"
	RequestErase     = "request.erase"
	RequestObject    = "request.object"
	Breach           = "breach"
)

// The states of a matter.
const (
	Open         = "open"
	Acknowledged = "acknowledged"
	InWork       = "in_work"
	Answered     = "answered"
	Closed       = "closed"
)

// Requests lists the kinds that a citizen may ask for.
func Requests() []string {
	return []string{RequestSee, RequestCorrect, RequestRestrict, RequestErase, RequestObject}
}

// IsRequest reports whether a citizen may ask for a kind.
func IsRequest(kind string) bool { return slices.Contains(Requests(), kind) }

// Term is how long a kind of matter may take, and who says so.
type Term struct {
	law.Term
	Ack int // working days until it is acknowledged; 0: no such step
}

// TermOf returns the term of a kind, as package law has it; false for one that is
// not known.
func TermOf(kind string) (Term, bool) {
	found, ok := law.Deadline(kind)
	t := Term{Term: found}
	if kind == LookUnrecognised || IsRequest(kind) {
		if ack, ok := law.Deadline("request.acknowledge"); ok {
			t.Ack = ack.Days
		}
	}
	return t, ok
}

// Due is when the answer is due: the end of a day in Hanoi, or to the minute
// where the term is in hours.
func (t Term) Due(opened time.Time, works Works) time.Time {
	if t.Hours > 0 {
		return opened.Add(time.Duration(t.Hours) * time.Hour)
	}
	return t.end(opened, t.Days, works)
}

// AckBy is when it must be acknowledged; zero where there is no such step.
func (t Term) AckBy(opened time.Time, works Works) time.Time {
	if t.Ack == 0 {
		return time.Time{}
	}
	return endOf(opened, t.Ack, works)
}

// LongerUntil is the latest answer once it was prolonged, with a reason given to
// the citizen; zero where that may not be.
func (t Term) LongerUntil(opened time.Time, works Works) time.Time {
	if t.Longer == 0 {
		return time.Time{}
	}
	return t.end(opened, t.Longer, works)
}

func (t Term) end(opened time.Time, days int, works Works) time.Time {
	if !t.Working {
		works = func(time.Time) bool { return true }
	}
	return endOf(opened, days, works)
}

// endOf is the last second in Hanoi of the n-th counted day after a day, which is
// not counted (Civil Code 2015, Article 147).
func endOf(from time.Time, n int, works Works) time.Time {
	y, m, d := from.In(clock.Hanoi).Date()
	for n > 0 {
		if d++; works(time.Date(y, m, d, 12, 0, 0, 0, clock.Hanoi)) {
			n--
		}
	}
	return time.Date(y, m, d, 23, 59, 59, 0, clock.Hanoi)
}

// follows lists which states follow each. Who is slow to acknowledge may answer
// at once; what was closed stays so: a new request refers to it.
var follows = map[string][]string{
	"":           {Open},
	Open:         {Acknowledged, InWork, Answered, Closed},
	Acknowledged: {InWork, Answered, Closed},
	InWork:       {InWork, Answered, Closed}, // again: given to somebody else, prolonged
	Answered:     {InWork, Closed},           // in work again where the citizen is not content
}

// Follows reports whether a state may follow another; "" is before the first.
func Follows(from, to string) bool { return slices.Contains(follows[from], to) }

// Late reports whether it is overdue: not answered by its day.
func (m *Matter) Late(now time.Time) bool {
	return m.State != Answered && m.State != Closed && now.After(m.Due)
}
