package overview

import (
	"fmt"
	"slices"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// fewPoints of a trend are no line.
const fewPoints = 5

func first(open []alarm.Alarm, n int) []alarm.Alarm { return open[:min(n, len(open))] }

// alarmName is what an alarm is about; "many" is of no one thing.
func alarmName(p view.Page, a alarm.Alarm) string {
	if a.Object == "many" {
		return p.W.T("ioc.alarm.kind." + a.Kind)
	}
	return p.W.T("ioc.alarm.kind."+a.Kind) + " " + a.Object
}

// facilityOrHub is the code of a facility, or that it is the hub itself.
func facilityOrHub(p view.Page, code care.FacilityCode) string {
	if code == "" {
		return p.W.T("ioc.reviews.hub")
	}
	return string(code)
}

// alarmsHref leads to the alarms, where the reader may act on them.
func alarmsHref(p view.Page) templ.SafeURL {
	if p.Reader != nil && p.Reader.Role.May(role.Alarms) {
		return "/alarms"
	}
	return "/figures/SL.26"
}

// oldest says how long the leg that waits longest has waited, a dash where none does.
func oldest(p view.Page, w alarm.Way) string {
	if w.Oldest.IsZero() || w.Waiting == 0 {
		return "–"
	}
	return p.W.Age(p.Now.Sub(w.Oldest))
}

// carrying are the ways by which legs go.
func carrying(ways []alarm.Way) []alarm.Way {
	return slices.DeleteFunc(slices.Clone(ways), func(w alarm.Way) bool { return !w.Legs })
}

// wayName is what people call a destination, its id where nobody named it.
func wayName(p view.Page, w alarm.Way) string {
	if name := p.W.Text(w.Name); name != "" {
		return name
	}
	return w.Destination
}

// took is how long records took until they could be read, in the last hour.
type took struct {
	P50, P95, P99 within
	Last          time.Time
}

// within is a time that a share of records stayed within; Over where it is longer.
type within struct {
	D    time.Duration
	Over bool
}

func (w within) text(p view.Page) string {
	if w.Over {
		return p.W.T("ioc.took.over", span(p, w.D))
	}
	return span(p, w.D)
}

// dated is what was computed, and when.
type dated[T any] struct {
	Value T
	At    time.Time
}

// tenths is a share in tenths of a percent, rounded down as everywhere; -1 of nothing.
func (s Share) tenths() int64 {
	if s.Applied == 0 {
		return -1
	}
	return s.Passed * 1000 / s.Applied
}

// now is the newest share in words.
func (w Word) now(p view.Page) string {
	if len(w.Days) == 0 || w.Days[len(w.Days)-1].Applied == 0 {
		return "–"
	}
	last := w.Days[len(w.Days)-1]
	return p.W.Percent(last.Passed, last.Applied)
}

// change is the newest share against the first, in points.
func (w Word) change(p view.Page) string {
	if len(w.Days) < 2 {
		return ""
	}
	from, to := w.Days[0].tenths(), w.Days[len(w.Days)-1].tenths()
	if from < 0 || to < 0 || from == to {
		return ""
	}
	arrow, by := "▲", to-from
	if by < 0 {
		arrow, by = "▼", -by
	}
	return arrow + " " + p.W.Decimal(float64(by)/10, 1)
}

// line is the trend: the same span of 3.2 points for every word, centred (LOOK §6).
func (w Word) line() string {
	const span = 32 // tenths
	var sum, n int64
	for _, d := range w.Days {
		if t := d.tenths(); t >= 0 {
			sum, n = sum+t, n+1
		}
	}
	if n < fewPoints {
		return ""
	}
	middle, d, pen := float64(sum)/float64(n), "", "M"
	for i, day := range w.Days {
		t := day.tenths()
		if t < 0 {
			pen = "M"
			continue
		}
		y := 8 - (float64(t)-middle)/span*16
		d += fmt.Sprintf("%s%.1f %.1f", pen, 60*float64(i)/float64(len(w.Days)-1), min(15, max(1, y)))
		pen = "L"
	}
	return d
}
