package view

import (
	"strings"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/web/portal/words"
)

// Upload is one of the steps of sending a file by hand.
type Upload struct {
	Step    string // "", "checked", "sent"
	Name    string
	Size    int64
	Digest  string // SHA-256 of the bytes that were checked
	Data    string // the bytes in base64, "" when they must be chosen again
	Results []Result
	Problem string
}

func (u Upload) count(is func(Result) bool) (n int) {
	for _, r := range u.Results {
		if is(r) {
			n++
		}
	}
	return n
}

// Accepted, Warned, Rejected and Refused count results.
func (u Upload) Accepted() int {
	return u.count(func(r Result) bool { return !r.Refused && !r.Deferred && r.State == dossier.Accepted })
}

// Warned counts dossiers taken with warnings.
func (u Upload) Warned() int {
	return u.count(func(r Result) bool { return !r.Refused && !r.Deferred && r.State == dossier.AcceptedWithWarnings })
}

// Rejected counts dossiers rejected.
func (u Upload) Rejected() int {
	return u.count(func(r Result) bool { return !r.Refused && !r.Deferred && r.State == dossier.Rejected })
}

// Refused counts files returned whole: one or none.
func (u Upload) Refused() int { return u.count(func(r Result) bool { return r.Refused }) }

// CauseDetail is one cause with some of its records.
type CauseDetail struct {
	Cause   Cause
	Samples []Sample
}

// Sample is a record with one of the findings of a cause.
type Sample struct {
	Row     Row
	Finding dossier.Finding
}

// Place is where the finding points.
func (s Sample) Place(w words.Speaker) string { return findingPlace(s.Finding, w) }

func openCode(d *CauseDetail) string {
	if d == nil {
		return ""
	}
	return d.Cause.Code
}

// Days is the length of the period.
func (c Causes) Days() int {
	from, to := dayTime(c.FromDay), dayTime(c.ToDay)
	return int(to.Sub(from)/(24*time.Hour)) + 1
}

func dayTime(day int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, time.UTC)
}

func firstCauses(c Causes, n int) []Cause {
	all := append(append([]Cause{}, c.Rejecting...), c.Holding...)
	return all[:min(n, len(all))]
}

// A certificate is marked when it ends within 30 days, as renewing takes about two weeks.
func certMark(p Page, c Certificate) string {
	switch {
	case !c.Until.After(p.Now):
		return "bad"
	case c.Until.Sub(p.Now) < 30*24*time.Hour:
		return "warn"
	}
	return "ok"
}

// Source is the legal source of a code's rule, "" where it is the hub's own.
func (p Page) Source(code string) string {
	if p.Rule != nil {
		if r, ok := p.Rule(code); ok && !strings.HasPrefix(r.Source, "DESIGN") {
			return r.Source
		}
	}
	return ""
}
