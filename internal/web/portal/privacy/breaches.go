package privacy

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"

	"lienthong/internal/fault"
	"lienthong/internal/review"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

// breachForm is the page of breaches.
type breachForm struct {
	List    []review.Breach
	Sent    review.Report
	Form    string
	Problem string
}

func (x *Room) breaches(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.breaches")
	x.showBreaches(w, r, http.StatusOK, breachForm{Sent: review.Report{Known: p.Now}})
}

func (x *Room) showBreaches(w http.ResponseWriter, r *http.Request, status int, f breachForm) {
	p := x.frame.Page(r, "breaches", "privacy.breaches")
	var err error
	if f.List, err = x.Desk.Breaches(r.Context(), officer(&p)); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f.Form = rand.Text()
	x.frame.Show(w, r, status, breachesPage(p, f))
}

func scope(r *http.Request) review.Scope {
	return review.Scope{From: moment(field(r, "from", 30)), To: moment(field(r, "to", 30)), Accounts: words(field(r, "accounts", longest)),
		Staff: words(field(r, "staff", longest)), Openings: words(field(r, "openings", longest))}
}

func (x *Room) openBreach(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.breaches")
	report := review.Report{What: field(r, "what", longest), Known: moment(field(r, "known", 30)), Scope: scope(r), Form: field(r, "form", 60)}
	m, err := x.Desk.OpenBreach(r.Context(), officer(&p), report)
	if err == nil {
		x.frame.See(w, r, "/privacy/breaches/"+m.Number)
		return
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid {
		x.frame.Fail(w, r, err)
		return
	}
	x.showBreaches(w, r, problem.Status(f), breachForm{Sent: report, Problem: p.W.Text(f.Text)})
}

// shownBreach is a breach as its page shows it.
type shownBreach struct {
	*review.Breach
	*review.Affected
	Problem, Again string
	Left           time.Duration // until the authority must be told; negative: over
}

func (x *Room) breach(w http.ResponseWriter, r *http.Request) {
	x.showBreach(w, r, http.StatusOK, shownBreach{})
}

func (x *Room) showBreach(w http.ResponseWriter, r *http.Request, status int, s shownBreach) {
	p := x.frame.Page(r, "breaches", "privacy.breach")
	var err error
	if s.Breach, err = x.Desk.Breach(r.Context(), officer(&p), r.PathValue("number")); err == nil {
		s.Affected, err = x.Desk.Affected(r.Context(), officer(&p), r.PathValue("number"))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s.Left = s.Matter.Due.Sub(p.Now)
	x.frame.Show(w, r, status, breachPage(p, x, s))
}

func (x *Room) moveBreach(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.breach")
	v := review.StepBreach{Do: field(r, "do", 20), Seen: number(r, "seen"), Text: field(r, "text", longest), Scope: scope(r), At: moment(field(r, "at", 30))}
	b, err := x.Desk.MoveBreach(r.Context(), officer(&p), r.PathValue("number"), v)
	if err == nil {
		x.frame.See(w, r, "/privacy/breaches/"+b.Matter.Number)
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Absent || f.Kind == fault.Broken {
		x.frame.Fail(w, r, err)
		return
	}
	s := shownBreach{Problem: p.W.Text(f.Text)}
	if f.Code == review.ErrFactor.Code {
		s.Again = again("/privacy/breaches/" + r.PathValue("number"))
	}
	x.showBreach(w, r, problem.Status(f), s)
}

func (x *Room) report(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.report")
	s, err := x.Desk.Summary(r.Context(), officer(&p), r.PathValue("number"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, reportPage(p, s.Number, x.lines(&p, s)))
}

func (x *Room) reportJSON(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.report")
	s, err := x.Desk.Summary(r.Context(), officer(&p), r.PathValue("number"))
	var data []byte
	if err == nil {
		data, err = json.MarshalIndent(s, "", "  ")
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/json", s.Number+".json", data)
}

func (x *Room) reportPDF(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "breaches", "privacy.report")
	s, err := x.Desk.Summary(r.Context(), officer(&p), r.PathValue("number"))
	var data []byte
	if err == nil {
		data, err = sheet(&p, s, x.lines(&p, s))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/pdf", s.Number+".pdf", data)
}

// reportLine is one line of the summary: what, and the answer.
type reportLine struct{ Label, Text string }

// lines are the summary in words, after the parts of Form 08.
func (x *Room) lines(p *view.Page, s *review.Summary) []reportLine {
	reported := p.W.T("privacy.report.not_yet")
	if !s.Reported.IsZero() {
		reported = p.W.Time(s.Reported)
	}
	if s.Late {
		reported += " (" + p.W.T("privacy.late") + ")"
	}
	told := p.W.T("privacy.report.not_yet")
	if !s.Told.IsZero() {
		told = p.W.T("privacy.report.told", p.W.Time(s.Told), s.Notices)
	}
	where := p.W.T("privacy.hub")
	if s.Facility != "" {
		where = x.place(s.Facility)
	}
	var places, steps []string
	for _, f := range s.Facilities {
		places = append(places, p.W.T("privacy.report.place", x.place(f.Facility), f.Records, f.Looks))
	}
	for _, st := range s.Steps {
		steps = append(steps, strings.TrimSpace(p.W.Time(st.At)+": "+p.W.T("privacy.step."+st.What)+". "+st.Text))
	}
	more := ""
	if s.Partial {
		more = " (" + p.W.T("privacy.partial") + ")"
	}
	return []reportLine{
		{p.W.T("privacy.report.number"), s.Number}, {p.W.T("privacy.report.where"), where}, {p.W.T("privacy.breach.what"), s.What},
		{p.W.T("privacy.breach.known"), p.W.Time(s.Known)}, {p.W.T("privacy.breach.due"), p.W.Time(s.Due)}, {p.W.T("privacy.law"), p.W.Text(x.Law("law-91-2025-art-23"))},
		{p.W.T("privacy.report.reported"), reported},
		{p.W.T("privacy.report.scope"), p.W.T("privacy.report.scope.text", p.W.Time(s.Scope.From), p.W.Time(s.Scope.To), len(s.Scope.Accounts), len(s.Scope.Staff), len(s.Scope.Openings))},
		{p.W.T("privacy.breach.persons"), p.W.Int(s.Persons) + more}, {p.W.T("privacy.breach.records"), p.W.Int(s.Records) + more}, {p.W.T("privacy.breach.looks"), p.W.Int(s.Looks) + more},
		{p.W.T("privacy.breach.places"), strings.Join(places, "; ")}, {p.W.T("privacy.report.citizens"), told}, {p.W.T("privacy.breach.steps"), strings.Join(steps, "\n")},
	}
}

// sheet writes the summary on paper.
func sheet(p *view.Page, s *review.Summary, lines []reportLine) ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCreationDate(s.At)
	f.SetModificationDate(s.At)
	f.SetCatalogSort(true)
	f.SetTitle(p.W.T("privacy.report"), true)
	f.SetLang(p.W.Lang)
	f.SetMargins(18, 18, 18)
	f.SetAutoPageBreak(true, 18)
	f.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	f.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	f.AddPage()
	line := func(style string, size float64, text string) {
		if text = strings.TrimSpace(strings.Map(basic, text)); text == "" {
			return
		}
		f.SetFont("dejavu", style, size)
		f.MultiCell(0, size*0.5, text, "", "L", false)
	}
	line("B", 15, p.W.T("privacy.report"))
	line("", 9, p.W.T("privacy.report.at", p.W.Time(s.At)))
	for _, l := range lines {
		f.Ln(2.5)
		line("B", 9, l.Label)
		line("", 10, l.Text)
	}
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("privacy: writing a report: %w", err)
	}
	return out.Bytes(), nil
}

// basic leaves out what the font's tables cannot hold.
func basic(r rune) rune {
	if r > 0xffff {
		return -1
	}
	return r
}
