package citizen

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/casework"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
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

func num(n int64) string { return strconv.FormatInt(n, 10) }

// what is a sort of choice that there is.
func what(s string) string {
	switch s {
	case "place", "kind", "permit", "emergency", "research":
		return s
	}
	return "visit"
}
