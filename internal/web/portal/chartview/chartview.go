// Package chartview draws what package chart reads: the one-page summary, the
// emergency set, problems, medicines, results, allergies and other facts, visits,
// slips and the documents in words. Clinic, emergency and citizens' pages are
// made of these parts. It reads nothing and decides nothing.
package chartview

import (
	"math"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/chart/readable"
	"lienthong/internal/slip"
	"lienthong/internal/web/portal/words"
)

// Look says what a page knows that a chart does not. The zero Look shows codes
// and no links.
type Look struct {
	Facility func(care.FacilityCode) string // its short name, "" unknown
	Citizen  bool                           // the person reads of themself
	Link     func(chart.Source) string      // address of the record an item stands in, "" none
}

func (l Look) facility(code care.FacilityCode) string {
	if l.Facility != nil {
		if name := l.Facility(code); name != "" {
			return name
		}
	}
	return string(code)
}

func (l Look) href(s chart.Source) string {
	if l.Link == nil {
		return ""
	}
	return l.Link(s)
}

// cell is a value for people, with the name of the facility it is the code of.
func (l Look) cell(c readable.Column, v readable.Value, w words.Speaker) string {
	text := w.Text(v.Text)
	if c.Facility && l.Facility != nil {
		if name := l.Facility(care.FacilityCode(text)); name != "" {
			return name
		}
	}
	return text
}

// place says where an item stands: "Tóm tắt hồ sơ bệnh án (XML8), BVĐK Sao Mai,
// 01/11/2026". Of kinds whose tables have no name of their own among people the
// kind stands before the table.
func (l Look) place(s chart.Source, w words.Speaker) string {
	parts := make([]string, 0, 4)
	switch part := w.Text(s.Part); {
	case part == "":
		parts = append(parts, w.Text(s.Title))
	case strings.HasPrefix(s.Table, "XML"):
		parts = append(parts, part+" ("+s.Table+")")
	case s.Kind == chart.Own:
		parts = append(parts, part)
	default:
		parts = append(parts, w.Text(s.Title)+": "+part)
	}
	if name := l.facility(s.Facility); name != "" { // a citizen's own entry is of none
		parts = append(parts, name)
	}
	if day := dayOf(s, w); day != "" {
		parts = append(parts, day)
	}
	return strings.Join(parts, ", ")
}

// dayOf is the day a source is from; without one when it came.
func dayOf(s chart.Source, w words.Speaker) string {
	if !s.At.IsZero() {
		day, _, _ := strings.Cut(readable.Moment(s.At.Moment), " ")
		return day
	}
	if s.Received.IsZero() {
		return ""
	}
	return w.T("chart.received", w.Date(s.Received))
}

func when(m chart.When) string { return readable.Moment(m.Moment) }

// span writes from and until, one of them where they are the same day.
func span(from, until chart.When) string {
	a, b := when(from), when(until)
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + " – " + b
}

// days is span without the time of day.
func days(from, until chart.When) string {
	day := func(m chart.When) string {
		d, _, _ := strings.Cut(when(m), " ")
		return d
	}
	a, b := day(from), day(until)
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + " – " + b
}

// itemText is what an item says.
func itemText(i chart.Item, w words.Speaker) string {
	label := w.Text(i.Label)
	switch {
	case i.Text == "":
		return strings.TrimSpace(label)
	case i.How == chart.ByNote:
		return "“" + i.Text + "”"
	case label != "":
		return label + ": " + i.Text
	}
	return i.Text
}

// factTone is how loud a recorded fact is.
func factTone(kind string) (tone, mark string) {
	switch kind {
	case "allergies":
		return "bad", "bad"
	case "implants", "pregnancy":
		return "warn", "warn"
	}
	return "wait", "ok"
}

// conflict is what is said where sources differ: a clinician can ask and test, the
// person is told whom to ask.
func (l Look) conflict() string {
	if l.Citizen {
		return "chart.conflict.self"
	}
	return "chart.conflict"
}

// facts are the facts of the emergency set in the order they are read.
func facts(e *chart.Emergency) []namedFact {
	return []namedFact{{"allergies", e.Allergies}, {"blood", e.Blood}, {"implants", e.Implants}, {"pregnancy", e.Pregnancy}, {"contacts", e.Contacts}}
}

type namedFact struct {
	Kind string
	Fact chart.Fact
}

// slipTone is how a slip's state looks.
func slipTone(s slip.State) (tone, mark string) {
	switch s {
	case slip.Issued, slip.Received:
		return "ok", "ok"
	case slip.Expired:
		return "off", "dash"
	case slip.Revoked:
		return "bad", "bad"
	}
	return "off", "dash"
}

// rangeText writes a range.
func rangeText(r *chart.Range, w words.Speaker) string {
	if r == nil {
		return ""
	}
	switch {
	case r.Low == nil && r.High == nil:
		return ""
	case r.Low == nil:
		return w.T("results.below", decimal(*r.High, w))
	case r.High == nil:
		return w.T("results.above", decimal(*r.Low, w))
	}
	return decimal(*r.Low, w) + " – " + decimal(*r.High, w)
}

func decimal(v float64, w words.Speaker) string {
	_, rest, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	return w.Decimal(v, min(4, len(rest)))
}

// valueText writes a value: numbers as the language does, others as sent.
func valueText(x *chart.Result, w words.Speaker) string {
	if x.Number != nil && *x.Number < 1e12 {
		return decimal(*x.Number, w)
	}
	if x.Value == "" {
		return x.Note
	}
	return x.Value
}

func out(x *chart.Result) bool { return x.Place == chart.Low || x.Place == chart.High }

// bar is where band and tick of a result stand on a line of 100 units; one-sided
// ranges start or end the band at the line's end.
type bar struct{ BandX, BandW, TickX float64 }

func barOf(x *chart.Result) (bar, bool) {
	if x.Range == nil || x.Number == nil {
		return bar{}, false
	}
	low, high := 0.0, 0.0
	if x.Range.Low != nil {
		low = *x.Range.Low
	}
	from, until := 0.0, 2*low
	if x.Range.High != nil {
		high = *x.Range.High
		from, until = max(0, low-(high-low)/2), high+(high-low)/2
	}
	if until <= from || math.IsInf(until, 0) {
		return bar{}, false
	}
	at := func(v float64) float64 { return min(97, max(0, 100*(v-from)/(until-from))) }
	b := bar{BandX: at(low), TickX: at(*x.Number)}
	b.BandW = 100 - b.BandX
	if x.Range.High != nil {
		b.BandW = at(high) - b.BandX
	}
	return b, true
}

// line is a sparkline in a box of 100 by 24: the points of the path, oldest
// first, and the last point.
type line struct {
	Points string
	X, Y   string
}

const sparkPoints = 40

// lineOf draws the numbers of a series; false with fewer than two.
func lineOf(s *chart.Series) (line, bool) {
	var ns []float64
	for i := 0; i < len(s.Points) && len(ns) < sparkPoints; i++ {
		if n := s.Points[i].Number; n != nil {
			ns = append(ns, *n)
		}
	}
	if len(ns) < 2 {
		return line{}, false
	}
	low, high := ns[0], ns[0]
	for _, n := range ns {
		low, high = min(low, n), max(high, n)
	}
	width := high - low
	if width == 0 {
		low, width = low-1, 2
	}
	var b strings.Builder
	var l line
	for i := len(ns) - 1; i >= 0; i-- {
		x := 3 + 94*float64(len(ns)-1-i)/float64(len(ns)-1)
		y := 21 - 18*(ns[i]-low)/width
		l.X, l.Y = num(x), num(y)
		b.WriteString(l.X + "," + l.Y + " ")
	}
	l.Points = strings.TrimSpace(b.String())
	return l, true
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// sayLine is the line in words, for who does not see it.
func sayLine(s *chart.Series, w words.Speaker) string {
	var parts []string
	for i := 0; i < len(s.Points) && len(parts) < sparkPoints; i++ {
		if s.Points[i].Number != nil {
			parts = append(parts, dayOf(s.Points[i].Source, w)+": "+valueText(&s.Points[i], w))
		}
	}
	return strings.Join(parts, "; ")
}

// shownAlso is how many sources stand open beside an item's own.
const shownAlso = 1

// shownLines is how many orders of an ingredient stand open.
const shownLines = 2

// fresh is how long a badge tells that something has just arrived.
const fresh = 10 * time.Minute

func attrTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// problemName is a problem's name and code.
func problemName(x chart.Problem, w words.Speaker) string {
	if x.Name == "" {
		return w.T("chart.problem.unnamed", x.Code)
	}
	return x.Name
}

// drugTitle is a line's name with its strength, once.
func drugTitle(d chart.DrugLine) string {
	if d.Strength == "" || strings.Contains(care.Fold(d.Name), care.Fold(d.Strength)) {
		return d.Name
	}
	return d.Name + " " + d.Strength
}

// drugUse is dose and use in one sentence.
func drugUse(d chart.DrugLine) string {
	var parts []string
	for _, s := range []string{d.Dose, d.Use} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

// quantity writes how much was given.
func quantity(d chart.DrugLine, w words.Speaker) string {
	q := d.Quantity
	if n, err := strconv.ParseFloat(q, 64); err == nil && n >= 0 && n < 1e9 && !strings.ContainsAny(q, "eEnN+") {
		q = decimal(n, w)
	}
	return strings.TrimSpace(q + " " + d.Unit)
}

// facilityText is the name of a facility whose code a document states.
func (l Look) facilityText(code string) string {
	if c, err := care.ParseFacilityCode(code); err == nil {
		return l.facility(c)
	}
	return code
}

// sectionID names a section in its page: a table sent twice stands twice.
func sectionID(s readable.Section, i int) string {
	return "d-" + s.Table + "-" + strconv.Itoa(i+1)
}
