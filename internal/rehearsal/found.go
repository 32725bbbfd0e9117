package rehearsal

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"lienthong/internal/care"
)

// Found is what a rehearsal found, and how far it came. It holds codes, counts,
// facilities and ids of records: nothing out of one.
type Found struct {
	From, To time.Time
	Window   int `json:"days"` // days before To
	// Next and End are, by log, the leaf it goes on at and the one it ends before.
	Next, End map[int]uint64
	Against   int            `json:"against"` // the book in force it was held against, 0 none
	Seen      int64          // accepted records of the window
	Judged    int64          // of them of a kind the rules are about
	Unread    int64          // that could not be read again
	Took      time.Duration  // at work
	Rules     []*RuleFound   // that differ from those in force, in order of the book
	Same      int            // rules of the book that are as those in force
	Fails     map[string]int // by facility: records with something new, of whatever rule
	Of        map[string]int // by facility: records judged
}

// RuleFound is what one rule would find.
type RuleFound struct {
	Code    string
	Gone    bool           // it is in the book in force and not in this
	Closed  bool           // about a closed compartment, or who somebody is: no facilities and no samples
	Few     bool           // and fewer than least: its numbers are not told
	Judged  int64          // records of its kind
	Applies int64          // records in which it was worked out somewhere
	Now     int64          // records in which the rule in force of that code finds something
	Then    int64          // records in which this one does
	New     int64          // records in which this one does and that does not
	Places  int64          // of Then, all places
	Unclear int64          // records in which it could not be worked out somewhere
	Stopped int64          // of them, for its cost
	Fails   map[string]int // records with something new, by facility
	Samples []string       // ids of such records, the first ones
}

// least is the smallest number told of a rule that is Closed.
const least = 10

// hide takes away what would tell of single people.
func (r *RuleFound) hide() {
	if r.Closed && r.Then < least {
		r.Few = true
		r.Applies, r.Now, r.Then, r.New, r.Places, r.Unclear, r.Stopped = 0, 0, 0, 0, 0, 0, 0
	}
}

// Share is how many of a hundred records of its kind a rule finds something in.
func (r *RuleFound) Share() float64 {
	if r.Judged == 0 {
		return 0
	}
	return float64(r.Then) * 100 / float64(r.Judged)
}

// Everything reports whether the rule finds something in most dossiers: then it is
// mostly the rule that is wrong.
func (r *RuleFound) Everything() bool { return r.Judged >= 20 && r.Then*2 > r.Judged }

// Count is a number of records and whose they are.
type Count struct {
	ID, Name string
	N, Of    int // with something new, and judged
}

// Place is where a facility belongs.
type Place struct{ Name, Province, Vendor string }

// By sums counts up by what of gives for a facility, the most first.
func By(fails, judged map[string]int, of func(care.FacilityCode) (id, name string)) []Count {
	all := map[string]*Count{}
	for code, n := range fails {
		id, name := of(care.FacilityCode(code))
		c := all[id]
		if c == nil {
			c = &Count{ID: id, Name: name}
			all[id] = c
		}
		c.N += n
	}
	for code, n := range judged {
		if id, _ := of(care.FacilityCode(code)); all[id] != nil {
			all[id].Of += n
		}
	}
	out := make([]Count, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[id])
	}
	slices.SortStableFunc(out, func(a, b Count) int { return cmp.Compare(b.N, a.N) })
	return out
}
