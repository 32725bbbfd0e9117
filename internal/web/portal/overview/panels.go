package overview

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/alarm"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// staleRestore and fewDays are when the board begins to warn: a month and a bit
// without a proven restore (TRUST R15), a month of storage.
const (
	staleRestore = 35 * 24 * time.Hour
	fewDays      = 30
)

func first(open []alarm.Alarm, n int) []alarm.Alarm { return open[:min(n, len(open))] }

// alarmsHref leads to the alarms, where the reader may act on them.
func alarmsHref(p view.Page) templ.SafeURL {
	if p.Reader != nil && p.Reader.Role.Kind == role.Operator {
		return "/alarms"
	}
	return "/figures/SL.26"
}

// oldest says how long the leg that waits longest has waited, "" where none does.
func oldest(p view.Page, w alarm.Way) string {
	if w.Oldest.IsZero() {
		return ""
	}
	return p.W.T("ioc.ways.oldest", p.W.Age(p.Now.Sub(w.Oldest)))
}

// tenths is a share in tenths of a percent, -1 of nothing.
func (s Share) tenths() int64 {
	if s.Applied == 0 {
		return -1
	}
	return (s.Passed*2000 + s.Applied) / (2 * s.Applied)
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
	if n == 0 || len(w.Days) < 2 {
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
