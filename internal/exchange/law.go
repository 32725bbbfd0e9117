package exchange

import "time"

// TriesExhausted is the code of a leg that was tried too often.
const TriesExhausted = "tries.exhausted"

// Law says how often and how soon a delivery is tried again.
type Law struct {
	Base    time.Duration // the first wait is up to twice this; doubles each time
	Cap     time.Duration // no wait drawn is longer
	Tries   int           // that fail for a record's own sake before it is parked
	Asks    int           // for the verdict of one that was received, before it is parked
	Longest time.Duration // the longest wait that a destination may ask for
}

// StandardLaw is 5 s doubling with full jitter to 1 h, 12 tries (some 8 hours),
// a week of asking for verdicts, and a destination's own wish up to a day.
func StandardLaw() Law {
	return Law{Base: 5 * time.Second, Cap: time.Hour, Tries: 12, Asks: 7 * 24 * 2, Longest: 24 * time.Hour}
}

// Standing is what the law looks at of a leg.
type Standing struct {
	Attempts int       // that count
	Received time.Time // zero: not yet
	Follows  bool      // its destination gives a verdict later
}

// Next is how a leg stands after an attempt. Times are zero where they stay.
type Next struct {
	State     State
	Due       time.Time // of Waiting
	Attempts  int
	Code      string
	Reference string
	Sent      time.Time
	Received  time.Time
	Finalized time.Time
}

// Next decides what becomes of a leg by an answer; draw is a random number in
// [0, 1). An attempt that failed because the destination as a whole is down is
// not counted against the record.
func (l Law) Next(s Standing, a Answer, now time.Time, draw float64) Next {
	n := Next{State: Waiting, Attempts: s.Attempts, Code: a.Code, Reference: a.Reference}
	if a.Sent {
		n.Sent = now
	}
	switch a.Outcome {
	case Finalized:
		n.State, n.Sent, n.Finalized = Done, now, now
		if s.Received.IsZero() {
			n.Received = now
		}
		n.Attempts++
	case Received:
		n.Sent = now
		if s.Received.IsZero() {
			n.Received, n.Attempts = now, 0 // from here on it counts how often the verdict was asked for
		} else {
			n.Attempts++
		}
		if !s.Follows {
			n.State = Done
			break
		}
		l.again(&n, s, a, now, draw)
	case Refused:
		n.State = Parked
		n.Attempts++
	default:
		if !a.Whole {
			n.Attempts++
		}
		l.again(&n, s, a, now, draw)
	}
	return n
}

// again sets when a leg is due, or parks it.
func (l Law) again(n *Next, s Standing, a Answer, now time.Time, draw float64) {
	most := l.Tries
	if !s.Received.IsZero() || a.Outcome == Received {
		most = l.Asks
	}
	if n.Attempts >= most {
		n.State, n.Code = Parked, TriesExhausted
		return
	}
	n.Due = now.Add(l.wait(n.Attempts, draw) + min(max(a.Wait, 0), l.Longest))
}

// wait draws from the whole interval (full jitter): those that failed together
// do not come back together.
func (l Law) wait(attempts int, draw float64) time.Duration {
	ceiling := l.Base
	for i := 0; i < attempts && ceiling < l.Cap; i++ {
		ceiling *= 2
	}
	return time.Duration(draw * float64(min(ceiling, l.Cap)))
}
