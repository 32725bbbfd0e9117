// Package admission says who is let in next when more wants in than there is
// room for: weighted fair by sender within a lane, the urgent lane first and the
// backlog from what is left, and for those turned away a slot in which to come
// again, spread so that they do not all come back at once (PAINS P1,
// doc/design/congestion.md).
//
// It only decides: it is told the time and how much work there is, and does no
// input or output. What is let in, and where, is package intake's.
package admission

// Lane is the urgency of work, the most urgent first; store.Lane has the same
// order.
type Lane int

// The lanes.
const (
	Urgent Lane = iota
	Routine
	Backlog
	Lanes // how many there are
)

// String returns the lane as the header Lane: names it.
func (l Lane) String() string { return [...]string{"urgent", "routine", "backlog"}[l] }

// Flow is what is treated as one: the work of one sender in one lane. The
// sender is a facility's code; "" stands for all who have none.
type Flow struct {
	Lane   Lane
	Sender string
}

// Weights are the shares of senders relative to each other; who is not named
// has 1. A province that sends for two hundred stations may be given 50.
type Weights map[string]float64

// Of is a sender's weight.
func (w Weights) Of(sender string) float64 {
	if x, ok := w[sender]; ok && x > 0 {
		return x
	}
	return 1
}
