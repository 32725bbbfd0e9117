package insight

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
)

// Rejects reports whether a code rejects a dossier (DESIGN §6, second block of
// the table of codes).
func Rejects(code string) bool {
	switch code {
	case "dossier.unreadable", "dossier.no_summary", "dossier.two_patients",
		"episode.missing", "episode.mismatch", "facility.mismatch",
		"subject.sex", "time.impossible", "time.future", "time.order",
		"prescription.code", "prescription.reused":
		return true
	}
	return false
}

// FixOnce reports whether one change in the sending system heals all dossiers
// with the code: a wrong setting or code list, not a slip in one dossier.
func FixOnce(code string) bool {
	if code == "facility.mismatch" || code == "subject.sex" {
		return true
	}
	_, problem, ok := cutLast(code)
	if !ok {
		return false
	}
	switch problem {
	case "not_in_list", "pattern", "format", "form", "unknown", "type":
		return true
	}
	return false
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// Causes sums cells by the codes that keep picks, most first.
func Causes(cells []Cell, keep func(code string) bool) []Cause {
	type at struct {
		code     string
		facility care.FacilityCode
	}
	n := map[string]int64{}
	seen := map[at]bool{}
	places := map[string]int{}
	for _, c := range cells {
		code, ok := CodeOf(c.Measure)
		if !ok || c.N <= 0 || !keep(code) {
			continue
		}
		n[code] += c.N
		if k := (at{code, c.Facility}); !seen[k] {
			seen[k] = true
			places[code]++
		}
	}
	causes := make([]Cause, 0, len(n))
	for code, sum := range n {
		causes = append(causes, Cause{Code: code, N: sum, Facilities: places[code], FixOnce: FixOnce(code)})
	}
	slices.SortFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code))
	})
	return causes
}

func top(causes []Cause, n int) []Cause { return causes[:min(n, len(causes))] }

// Standing is how one facility takes part.
type Standing struct {
	Place
	Sent, Accepted, Rejected, Refused int64
	Silence                           bool
}

// Standings computes how every place takes part, in order of code.
func Standings(now time.Time, places []Place, cells []Cell) []Standing {
	sent := perFacility(cells)
	list := make([]Standing, 0, len(places))
	for _, p := range places {
		s := sent[p.Code]
		list = append(list, Standing{Place: p, Sent: s.records, Accepted: s.accepted,
			Rejected: s.rejected, Refused: s.refused, Silence: p.Silent(now)})
	}
	slices.SortFunc(list, func(a, b Standing) int { return cmp.Compare(a.Code, b.Code) })
	return list
}

// SortStandings orders standings by a column: "name", "level", "province",
// "sent", "accepted", "rejected", "refused", "seen"; any other leaves the order
// of codes. Numbers sort greatest first, silence longest first.
func SortStandings(list []Standing, column string) {
	slices.SortStableFunc(list, func(a, b Standing) int {
		switch column {
		case "name":
			return cmp.Compare(care.SortKey(a.Name), care.SortKey(b.Name))
		case "level":
			return cmp.Compare(slices.Index(facility.Levels(), a.Level), slices.Index(facility.Levels(), b.Level))
		case "province":
			return cmp.Compare(a.Province, b.Province)
		case "sent":
			return cmp.Compare(b.Sent, a.Sent)
		case "accepted":
			return cmp.Compare(b.Accepted, a.Accepted)
		case "rejected":
			return cmp.Compare(b.Rejected, a.Rejected)
		case "refused":
			return cmp.Compare(b.Refused, a.Refused)
		case "seen":
			return a.LastSeen.Compare(b.LastSeen)
		}
		return 0
	})
}

// Minute is the records of one minute.
type Minute struct {
	At                 time.Time
	Accepted, Rejected int64
}

// MinuteSum is the records of one minute by state, as counted.
type MinuteSum struct {
	At      time.Time
	Measure string
	N       int64
}

// Minutes lays counts out over the n whole minutes that end with the one of
// now, oldest first, zeros where nothing came.
func Minutes(now time.Time, n int, counts []MinuteSum) []Minute {
	last := now.Truncate(time.Minute)
	out := make([]Minute, n)
	for i := range out {
		out[i].At = last.Add(time.Duration(i-n+1) * time.Minute)
	}
	for _, c := range counts {
		i := n - 1 - int(last.Sub(c.At.Truncate(time.Minute))/time.Minute)
		if i < 0 || i >= n {
			continue
		}
		switch c.Measure {
		case Verdicts()[0], Verdicts()[1]:
			out[i].Accepted += c.N
		case Verdicts()[2]:
			out[i].Rejected += c.N
		}
	}
	return out
}
