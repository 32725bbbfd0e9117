package demo

import (
	"cmp"
	"slices"

	"lienthong/internal/exchange"
	"lienthong/internal/synth"
)

// cast are the facilities that play a part of their own. All others send to the
// hub, which relays to the insurer, which passes on to the health book.
type cast struct {
	own    string   // the visitor's: the demo sends nothing of it
	mirror string   // sends to the insurer by itself too
	pull   string   // sends to the insurer alone; the hub reads it there
	direct []string // not insured: into the health book by the hub itself
}

// drawn is how many senders are drawn to find those that send much.
const drawn = 400

// castOf gives parts to facilities that send much, so that there is something to
// see of each. It depends on the nation alone.
func castOf(n *synth.Nation) cast {
	r, sends := n.Stream("demo", 0), map[string]int{}
	for range drawn {
		sends[n.Sender(r).Code]++
	}
	codes := make([]string, 0, len(sends))
	for code := range sends {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Or(cmp.Compare(sends[b], sends[a]), cmp.Compare(a, b)) })
	for _, f := range n.Facilities() { // a nation of few
		if sends[f.Code] == 0 {
			codes = append(codes, f.Code)
		}
	}
	return cast{own: codes[0], mirror: codes[1], pull: codes[2], direct: codes[3:min(6, len(codes))]}
}

// keeps is the way of the visitor's own facility: its files are laid ready.
const keeps = exchange.Mode("keeps")

// way says what becomes of a file beside being sent to the hub: Relay is nothing.
func (c cast) way(sub synth.Submission) exchange.Mode {
	insured := sub.Kind == "qd4750" || sub.Kind == "checkin"
	switch {
	case sub.Facility == c.own:
		return keeps
	case sub.Facility == c.pull: // it has no line to the hub
		return exchange.Pull
	case sub.Facility == c.mirror && insured:
		return exchange.Mirror
	}
	return exchange.Relay
}
