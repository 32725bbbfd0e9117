package view

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/insight"
	"lienthong/internal/role"
)

// tileHref leads from a province's tile to its numbers, each with its list.
func tileHref(p Page, code string, day int) templ.SafeURL {
	if p.Centre == nil {
		return templ.SafeURL(messagesURL("province", code, "day", itoa(day)))
	}
	return templ.SafeURL(withQuery("/figures", "province", code))
}

// howHref leads to how a number is computed: where it can be pinned, for those who
// see numbers.
func howHref(p Page, id string) templ.SafeURL {
	if p.Reader != nil && p.Reader.Role.May(role.Counts) {
		return templ.SafeURL("/figures/" + id)
	}
	return templ.SafeURL("/how#" + id)
}

// placesHref links to the list of facilities; a facility's own role has none.
func placesHref(p Page, show string, pairs ...string) templ.SafeURL {
	if p.Reader == nil || p.Reader.Role.Kind == role.Facility {
		return "/today"
	}
	return templ.SafeURL(withQuery("/facilities", append(pairs, "show", show)...))
}

// liveURL is fetched again and again; a wall stays a wall.
func liveURL(p Page) string {
	if p.Wall {
		return "/overview/live?wall=1"
	}
	return "/overview/live"
}

func lookHref(p Page) string {
	if p.Reader != nil && (p.Reader.Role.May(role.Audit) || p.Reader.Role.May(role.Content)) {
		return "/access"
	}
	return "/how#SL.05"
}

func levelHref(o insight.Overview, l insight.LevelLine, state string) templ.SafeURL {
	return templ.SafeURL(messagesURL("level", string(l.Level), "day", itoa(o.Day), "state", state))
}

func provinceOf(o insight.Overview, code string) insight.ProvinceLine {
	for _, l := range o.Provinces {
		if l.Code == code {
			return l
		}
	}
	return insight.ProvinceLine{Code: code}
}

func count(m insight.Minute) int64 { return m.Accepted + m.Rejected }

func total(minutes []insight.Minute) (n int64) {
	for _, m := range minutes {
		n += count(m)
	}
	return n
}

func peak(minutes []insight.Minute) (n int64) {
	for _, m := range minutes {
		n = max(n, count(m))
	}
	return n
}

// newest is the minute that the chart ends with; zero without one.
func newest(minutes []insight.Minute) time.Time {
	if len(minutes) == 0 {
		return time.Time{}
	}
	return minutes[len(minutes)-1].At
}

// aside is what a sentence says in brackets.
var aside = regexp.MustCompile(` ?\([^)]*\)`)

// brief is a cause as a board has room for: what stands before a colon, nothing in
// brackets. The list behind it says the whole.
func brief(cause string) string {
	cause, _, _ = strings.Cut(cause, ": ")
	return aside.ReplaceAllString(cause, "")
}

func lastMinutes(minutes []insight.Minute, n int) int64 {
	return total(minutes[max(0, len(minutes)-n):])
}

// Of the chart: a plot of 588 x 150 at (44, 14), y from 0.
const (
	plotX, plotY = 44.0, 14.0
	plotW, plotH = 588.0, 150.0
)

// ceiling is the top of the y axis: a round number not below the peak.
func ceiling(minutes []insight.Minute) int64 {
	top := peak(minutes)
	for scale := int64(1); ; scale *= 10 {
		for _, step := range []int64{2, 4, 6, 10} {
			if v := step * scale; v >= top {
				return v
			}
		}
	}
}

func chartX(minutes []insight.Minute, i int) float64 {
	return plotX + plotW*float64(i)/float64(max(1, len(minutes)-1))
}

func chartY(minutes []insight.Minute, m insight.Minute) float64 {
	return plotY + plotH*(1-float64(count(m))/float64(ceiling(minutes)))
}

type gridLine struct {
	Y float64
	N int64
}

func gridLines(minutes []insight.Minute) []gridLine {
	top := ceiling(minutes)
	return []gridLine{{plotY, top}, {plotY + plotH/2, top / 2}, {plotY + plotH, 0}}
}

type tick struct {
	X  float64
	At time.Time
}

func hourTicks(minutes []insight.Minute) []tick {
	var ticks []tick
	for i, m := range minutes {
		if m.At.Minute()%15 == 0 && i > 2 && i < len(minutes)-2 {
			ticks = append(ticks, tick{chartX(minutes, i), m.At})
		}
	}
	return ticks
}

func linePath(minutes []insight.Minute) string {
	var b strings.Builder
	for i, m := range minutes {
		if i == 0 {
			b.WriteString("M")
		} else {
			b.WriteString("L")
		}
		b.WriteString(attrNum(chartX(minutes, i)) + " " + attrNum(chartY(minutes, m)))
	}
	return b.String()
}

func areaPath(minutes []insight.Minute) string {
	if len(minutes) == 0 {
		return ""
	}
	return linePath(minutes) + "V" + attrNum(plotY+plotH) + "H" + attrNum(plotX) + "Z"
}

// chartData is what the script draws with a pointer's help.
func chartData(p Page, minutes []insight.Minute) string {
	type series struct {
		Time     []string `json:"time"`
		Accepted []int64  `json:"accepted"`
		Rejected []int64  `json:"rejected"`
		Names    []string `json:"names"`
	}
	s := series{Names: []string{p.W.T("minute.accepted"), p.W.T("minute.rejected")}}
	for _, m := range minutes {
		s.Time = append(s.Time, p.W.Minute(m.At))
		s.Accepted = append(s.Accepted, m.Accepted)
		s.Rejected = append(s.Rejected, m.Rejected)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return "" // strings and integers: it cannot fail; the plain drawing stays
	}
	return string(data)
}

func share(n, most int64) float64 {
	if most <= 0 {
		return 0
	}
	return 100 * float64(n) / float64(most)
}
