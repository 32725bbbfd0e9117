package matter

import (
	"slices"
	"time"

	"lienthong/internal/clock"
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
	Ack    int           // working days until it is acknowledged; 0: no such step
	Answer int           // working days until it is answered
	Longer int           // working days that the answer may take once prolonged; 0: it may not
	Within time.Duration // in hours instead of working days
	Law    string        // source in package law; "" where none is known and the hub's own rule holds
}

// terms are by Decree 356/2025 (subjects' requests: acknowledged in 2 working days;
// restriction and objection 15, longer by 5; access and correction 10, to 15;
// erasure 20, to 30) and Law 91/2025 (breaches: 72 hours), as read in the domain
// notes §5; days are counted as working days. A look nobody recognises and an
// emergency's review are the hub's own rule.
var terms = map[string]Term{
	EmergencyReview:  {Answer: 2},
	LookUnrecognised: {Ack: 2, Answer: 10, Longer: 15, Law: "decree-356-2025"},
	RequestSee:       {Ack: 2, Answer: 10, Longer: 15, Law: "decree-356-2025"},
	RequestCorrect:   {Ack: 2, Answer: 10, Longer: 15, Law: "decree-356-2025"},
	RequestRestrict:  {Ack: 2, Answer: 15, Longer: 20, Law: "decree-356-2025"},
	RequestObject:    {Ack: 2, Answer: 15, Longer: 20, Law: "decree-356-2025"},
	RequestErase:     {Ack: 2, Answer: 20, Longer: 30, Law: "decree-356-2025"},
	Breach:           {Within: 72 * time.Hour, Law: "law-91-2025"},
}

// TermOf returns the term of a kind; false for one that is not known.
func TermOf(kind string) (Term, bool) {
	t, ok := terms[kind]
	return t, ok
}

// Due is when the answer is due: the end of the day in Hanoi, or to the minute
// where the term is in hours.
func (t Term) Due(opened time.Time, works Works) time.Time {
	if t.Within > 0 {
		return opened.Add(t.Within)
	}
	return endOf(opened, t.Answer, works)
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
	return endOf(opened, t.Longer, works)
}

// endOf is the last second in Hanoi of the n-th working day after a day, which is
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
