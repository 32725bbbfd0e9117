package admission

import "time"

// Recent tells who floods: who had more than half of the work of the last
// moments, while others had some of it. It is not safe for concurrent use.
type Recent struct {
	now    moment // what was done since
	before moment // and in the time as long before that
}

// moment is what was done within a moment.
type moment struct {
	since time.Time
	sum   int64
	by    map[string]int64
}

// aMoment is how long one lasts.
const aMoment = 500 * time.Millisecond

// NewRecent returns one that has seen nothing.
func NewRecent() *Recent {
	return &Recent{now: moment{by: map[string]int64{}}, before: moment{by: map[string]int64{}}}
}

// Note adds work of a sender.
func (r *Recent) Note(sender string, cost int64, now time.Time) {
	r.roll(now)
	cost = max(cost, 1)
	r.now.sum += cost
	r.now.by[sender] += cost
}

// Floods reports whether a sender had more than half, and others the rest.
func (r *Recent) Floods(sender string, now time.Time) bool {
	r.roll(now)
	mine, sum := r.now.by[sender]+r.before.by[sender], r.now.sum+r.before.sum
	return 2*mine > sum && mine < sum
}

// roll begins a new moment when the one that runs is over.
func (r *Recent) roll(now time.Time) {
	d := now.Sub(r.now.since)
	if d < aMoment {
		return
	}
	r.now, r.before = r.before, r.now
	if d >= 2*aMoment { // nothing was done for long
		clear(r.before.by)
		r.before.sum = 0
	}
	clear(r.now.by)
	r.now.since, r.now.sum = now, 0
}
