package citizen

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/casework"
	"lienthong/internal/chart"
	"lienthong/internal/chart/readable"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// linkForm is the page of links.
type linkForm struct {
	whom
	Visits  []option
	Links   []Link
	Made    *Link
	QR      [][]bool
	Problem string
}

func (x *Room) links(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.share")
	x.showLinks(w, r, p, &linkForm{})
}

func (x *Room) showLinks(w http.ResponseWriter, r *http.Request, p view.Page, f *linkForm) {
	d := &draft{}
	err := x.options(r, &p, d)
	if err == nil {
		f.whom, f.Visits = d.whom, d.Visits
		f.Links, err = x.Links.Of(r.Context(), d.Self)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, linksPage(p, f))
}

func (x *Room) makeLink(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.share")
	f := &linkForm{}
	made, err := x.linkOf(r, &p)
	switch {
	case err == nil:
		if q, e := qrcode.New(made.URI, qrcode.Medium); e == nil {
			f.QR = q.Bitmap()
		} // else the address alone is shown
		f.Made = &made
	case fault.KindOf(err) == fault.Broken:
		x.frame.Fail(w, r, err)
		return
	default:
		f.Problem = p.W.Text(fault.Of(err).Text)
	}
	x.showLinks(w, r, p, f)
}

func (x *Room) linkOf(r *http.Request, p *view.Page) (Link, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return Link{}, err
	}
	if err := r.ParseForm(); err != nil {
		return Link{}, errChoice
	}
	a := LinkAsk{Person: who.Person, Label: field(r, "label", 400), PIN: field(r, "pin", 20)}
	for _, text := range r.PostForm["record"] {
		id, err := dossier.ParseID(text)
		if err != nil {
			return Link{}, errChoice
		}
		a.Records = append(a.Records, id)
	}
	hours, err := strconv.Atoi(field(r, "hours", 4))
	if err != nil {
		return Link{}, errChoice
	}
	a.Life = time.Duration(hours) * time.Hour
	return x.Links.Make(r.Context(), reader(p, &who, true), a)
}

func (x *Room) endLink(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.share")
	who, err := x.whose(r, &p)
	if err == nil {
		err = x.Links.End(r.Context(), who.Person, field(r, "link", 40), "citizen "+p.Reader.Mark)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/share")
}

// asked is one request as it is shown.
type asked struct {
	matter.Matter
	Words  casework.Words
	Saw    []lookCard // who saw what was wrong
	Ack    time.Time
	Law    string
	Place  string
	Late   bool
	Closed bool
}

// requestForm is the page of requests.
type requestForm struct {
	whom
	List    []asked
	Visits  []option
	Form    string
	Kind    string
	Record  string
	Text    string
	Problem string
}

func (x *Room) requests(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.requests")
	q := r.URL.Query()
	x.showRequests(w, r, p, &requestForm{Kind: q.Get("kind"), Record: q.Get("record")})
}

func (x *Room) showRequests(w http.ResponseWriter, r *http.Request, p view.Page, f *requestForm) {
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f.whom, f.Form = who, rand.Text()
	if _, err := dossier.ParseID(f.Record); err != nil {
		f.Record = ""
	}
	list, err := x.Cases.Of(r.Context(), who.Person, 100)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	for i := range list {
		f.List = append(f.List, x.asked(&p, &list[i]))
	}
	x.frame.Show(w, r, http.StatusOK, requestsPage(p, f))
}

func (x *Room) asked(p *view.Page, m *matter.Matter) asked {
	return asked{Matter: *m, Law: p.W.Text(x.Law(m.Law)), Place: x.name(m.Facility), Late: m.Late(x.Now()), Closed: m.State == matter.Closed}
}

func (x *Room) openRequest(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.requests")
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f := &requestForm{Kind: field(r, "kind", 40), Record: field(r, "record", 60), Text: field(r, "text", 8000)}
	a := casework.Ask{Person: who.Person, By: who.Self, Kind: f.Kind, Text: f.Text, Channel: "portal", Actor: "citizen " + p.Reader.Mark, Form: field(r, "form", 60)}
	if f.Record != "" {
		id, e := dossier.ParseID(f.Record)
		if e != nil {
			x.frame.Fail(w, r, e)
			return
		}
		a.Records = []dossier.ID{id}
	}
	m, err := x.Cases.Open(r.Context(), a)
	if fault.KindOf(err) == fault.Invalid && err != nil {
		f.Problem = p.W.Text(fault.Of(err).Text)
		x.showRequests(w, r, p, f)
		return
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/requests/"+m.Number)
}

func (x *Room) request(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.request")
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	m, err := x.Cases.Mine(r.Context(), who.Person, r.PathValue("number"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	a := x.asked(&p, m)
	if a.Words, err = x.Cases.Words(m); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if m.Outcome == casework.Corrected {
		rows, err := x.Cases.Saw(r.Context(), m)
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		a.Saw = x.cards(r.Context(), &p, rows)
	}
	x.frame.Show(w, r, http.StatusOK, requestPage(p, &a))
}

func (x *Room) withdrawRequest(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.request")
	who, err := x.whose(r, &p)
	if err == nil {
		_, err = x.Cases.Withdraw(r.Context(), who.Person, r.PathValue("number"), "citizen "+p.Reader.Mark)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/requests/"+r.PathValue("number"))
}

func (x *Room) download(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, downloadPage(p, who))
}

// copyOf is a citizen's data in a form that programs read.
type copyOf struct {
	Format  string         `json:"format"` // "lienthong-copy/1"
	At      time.Time      `json:"at"`
	Name    string         `json:"name"`
	Summary *chart.Summary `json:"summary"`
	Visits  []chart.Visit  `json:"visits"`
	Results []chart.Series `json:"results"`
	Facts   map[string]any `json:"facts"`
	Records []copyRecord   `json:"records"`
}

type copyRecord struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	Facility string             `json:"facility"`
	Received time.Time          `json:"received"`
	Sections []readable.Section `json:"sections"`
}

func (x *Room) copy(r *http.Request) (*copyOf, *book, error) {
	p := x.frame.Page(r, "papers", "me.download")
	b, err := x.read(r, &p, true)
	if err != nil {
		return nil, nil, err
	}
	c := &copyOf{Format: "lienthong-copy/1", At: x.Now().UTC().Truncate(time.Second), Name: b.Name, Summary: b.Chart.Summary(), Visits: b.Chart.Visits, Results: b.Chart.Results,
		Facts:   map[string]any{"allergies": b.Allergies, "blood_group": b.Blood, "implants": b.Implants, "pregnancy": b.Pregnancy, "contacts": b.Contacts, "vaccinations": b.Vaccinations},
		Records: []copyRecord{}}
	for _, o := range b.Opened {
		e := entryOf(o)
		c.Records = append(c.Records, copyRecord{ID: o.Record.ID.String(), Kind: o.Record.Kind, Facility: x.name(o.Record.ID.Facility), Received: o.Record.Received.UTC().Truncate(time.Second), Sections: e.Sections()})
	}
	return c, b, nil
}

func (x *Room) downloadJSON(w http.ResponseWriter, r *http.Request) {
	c, b, err := x.copy(r)
	if err == nil && len(b.Opened) == 0 {
		err = store.ErrAbsent
	}
	var data []byte
	if err == nil {
		data, err = json.MarshalIndent(c, "", "  ")
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/json", "so-suc-khoe.json", data)
}

func (x *Room) downloadPDF(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.download")
	c, b, err := x.copy(r)
	if err == nil && len(b.Opened) == 0 {
		err = store.ErrAbsent
	}
	var data []byte
	if err == nil {
		data, err = sheet(&p, x, c, b)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/pdf", "so-suc-khoe.pdf", data)
}

// sheet writes the book on paper: the same at the same moment.
func sheet(p *view.Page, x *Room, c *copyOf, b *book) ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCreationDate(c.At)
	f.SetModificationDate(c.At)
	f.SetCatalogSort(true)
	f.SetTitle(p.W.T("me.download.title"), true)
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
	line("B", 16, p.W.T("me.download.title"))
	line("", 11, b.Name+" "+b.Birth)
	line("", 9, p.W.T("me.download.at", p.W.Time(c.At)))
	for _, o := range b.Opened {
		f.Ln(4)
		e := entryOf(o)
		line("B", 12, kindWord(p, o.Record.Kind)+", "+x.name(o.Record.ID.Facility)+", "+p.W.Date(o.Record.Received))
		for _, s := range e.Sections() {
			line("B", 10, p.W.Text(s.Title))
			for _, row := range rowsOf(p, &s) {
				line("", 9, row)
			}
		}
	}
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("citizen: writing a copy: %w", err)
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

// rowsOf writes a table's rows as lines of words.
func rowsOf(p *view.Page, s *readable.Section) []string {
	var out []string
	for _, row := range s.Rows {
		var parts []string
		for i, v := range row.Values {
			if text := p.W.Text(v.Text); text != "" && i < len(s.Columns) {
				parts = append(parts, p.W.Text(s.Columns[i].Label)+": "+text)
			}
		}
		if len(parts) > 0 {
			out = append(out, strings.Join(parts, "; "))
		}
	}
	return out
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// what is a sort of choice that there is.
func what(s string) string {
	switch s {
	case "place", "kind", "permit", "emergency":
		return s
	}
	return "visit"
}
