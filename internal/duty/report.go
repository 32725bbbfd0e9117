package duty

import (
	"cmp"
	"slices"

	"lienthong/internal/clock"
)

// Bottleneck is who holds up work of others.
type Bottleneck struct {
	Party   Party  `json:"party"`
	Tasks   int    `json:"tasks"`
	Owners  int    `json:"owners"`  // whom it holds up
	Days    int    `json:"days"`    // of all tasks together, each from when it was blocked
	Longest int    `json:"longest"` // of one
	First   string `json:"first"`   // that task's number
	Late    int    `json:"late"`    // of them late by now
}

// Bottlenecks orders who holds up others: the most days first, then the most tasks.
func Bottlenecks(blocked []Task, today int) []Bottleneck {
	at, owners := map[Party]*Bottleneck{}, map[Party]map[Party]bool{}
	for i := range blocked {
		t := &blocked[i]
		if t.State != Blocked {
			continue
		}
		b := at[t.BlockedBy]
		if b == nil {
			b = &Bottleneck{Party: t.BlockedBy, Longest: -1}
			at[t.BlockedBy], owners[t.BlockedBy] = b, map[Party]bool{}
		}
		days := max(0, DaysBetween(clock.Day(t.Since), today))
		b.Tasks++
		b.Days += days
		if days > b.Longest || days == b.Longest && t.ID < b.First {
			b.Longest, b.First = days, t.ID
		}
		if t.Late(today) {
			b.Late++
		}
		owners[t.BlockedBy][t.Owner()] = true
	}
	out := make([]Bottleneck, 0, len(at))
	for p, b := range at {
		b.Owners = len(owners[p])
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b Bottleneck) int {
		return cmp.Or(cmp.Compare(b.Days, a.Days), cmp.Compare(b.Tasks, a.Tasks), cmp.Compare(a.Party, b.Party))
	})
	return out
}

// Report is what a meeting looks at.
type Report struct {
	From, To    int // yyyyMMdd: done from the first day to the second, both counted
	Today       int
	Total       Count
	ByOwner     []Count // the most late first
	Done        []Task
	Late        []Task
	Blocked     []Task
	Bottlenecks []Bottleneck
	More        bool // a list was cut: the numbers are of all
}
