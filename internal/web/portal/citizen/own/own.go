// Package own is the pages on which a citizen states what those who treat them
// should know: allergies, blood group, implants, whom to call; at a counter, for
// who stands there with a signed paper. It asks package own to keep it and package
// disclose to open it.
package own

import (
	"net/http"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/own"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/citizen/ask"
	"lienthong/internal/web/portal/citizen/scan"
	"lienthong/internal/web/portal/view"
)

// Book tells whose book is open and who stands at a counter; *citizen.Room does.
type Book interface {
	Whose(r *http.Request, p *view.Page) (ask.By, disclose.Reader, error)
	Stands(r *http.Request, p *view.Page) error
	Paper(r *http.Request, p *view.Page) (ask.By, error)
}

// Deps is what the pages ask for.
type Deps struct {
	Book   Book
	Own    ask.Own
	Places ask.Places
	Now    func() time.Time
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the pages within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table.
func Routes() []view.Route[Room] {
	book, assist := []role.Room{role.Book}, []role.Room{role.Assist}
	return []view.Route[Room]{
		{Method: "GET", Pattern: "/me/own", Rooms: book, Discloses: true, Serve: (*Room).show},
		{Method: "GET", Pattern: "/me/own/edit", Rooms: book, Discloses: true, SteppedUp: true, Serve: (*Room).edit},
		{Method: "POST", Pattern: "/me/own/edit", Rooms: book, SteppedUp: true, Serve: (*Room).keep},
		{Method: "POST", Pattern: "/me/own/withdraw", Rooms: book, SteppedUp: true, Serve: (*Room).withdraw},
		{Method: "GET", Pattern: "/counter/{visit}/own", Rooms: assist, SteppedUp: true, Serve: (*Room).counter},
		{Method: "POST", Pattern: "/counter/{visit}/own", Rooms: assist, SteppedUp: true, Serve: (*Room).counterKeep},
	}
}

// mostVersions is how many versions of an entry the page shows.
const mostVersions = 50

// longestForm is what a form without a scan may be long.
const longestForm = 64 << 10

// version is one statement as the page shows it.
type version struct {
	kind.Statement
	Chart *chart.Chart
	Place string // of the counter
}

// shown is the page of the entry.
type shown struct {
	Other    bool // somebody acts for the person
	Now      *version
	Versions []version // those before, the newest first
}

// form is an entry being written.
type form struct {
	own.Typed
	Visit   string // of a counter; "": in the book
	Other   bool
	Problem string
}

// rows of contacts a form offers, and how many lines a list has at first.
const contactRows = 3

func (f *form) contact(i int) (name, who, phone string) {
	at := func(list []string) string {
		if i < len(list) {
			return list[i]
		}
		return ""
	}
	return at(f.ContactName), at(f.Who), at(f.Telephone)
}

func (x *Room) stated(r *http.Request, p *view.Page, limit int) (ask.By, []kind.Statement, error) {
	if x.Own == nil {
		return ask.By{}, nil, store.ErrAbsent
	}
	by, reader, err := x.Book.Whose(r, p)
	if err != nil {
		return by, nil, err
	}
	list, err := x.Own.Stated(r.Context(), reader, store.PersonID(by.Person), limit)
	if err == nil && !shows(list) {
		disclose.Nothing(r.Context())
	}
	return by, list, err
}

// shows reports whether anything is shown.
func shows(list []kind.Statement) bool {
	for i := range list {
		if list[i].Read.Content != nil {
			return true
		}
	}
	return false
}

func (x *Room) show(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "own.title")
	by, list, err := x.stated(r, &p, mostVersions)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s := &shown{Other: by.Delegate != ""}
	for i := range list {
		v := version{Statement: list[i]}
		v.Chart = chart.Read([]chart.Entry{{Kind: list[i].Kind, Received: list[i].At, Read: list[i].Read, View: list[i].View}}, x.Now())
		v.Place = x.place(list[i].Facility)
		if i == 0 && !v.Gone {
			s.Now = &v
		} else {
			s.Versions = append(s.Versions, v)
		}
	}
	x.frame.Show(w, r, http.StatusOK, ownPage(p, s))
}

func (x *Room) place(code care.FacilityCode) string {
	if code == "" {
		return ""
	}
	if name, ok := x.Places.Name(code); ok && name != "" {
		return name
	}
	return string(code)
}

func (x *Room) edit(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "own.edit")
	by, list, err := x.stated(r, &p, 1)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f := &form{Other: by.Delegate != ""}
	if len(list) > 0 && !list[0].Gone {
		f.Typed = typedOf(own.EntryOf(list[0].Read.Content))
	}
	x.frame.Show(w, r, http.StatusOK, editPage(p, f))
}

// typedOf fills a form with what stands.
func typedOf(e own.Entry) own.Typed {
	say := func(a own.Answer) string {
		switch {
		case a.None:
			return "none"
		case len(a.Items) > 0:
			return "some"
		}
		return ""
	}
	t := own.Typed{Allergies: say(e.Allergies), Implants: say(e.Implants), AllergyLines: strings.Join(e.Allergies.Items, "\n"), ImplantLines: strings.Join(e.Implants.Items, "\n"), Blood: e.Blood}
	for _, c := range e.Contacts {
		t.ContactName, t.Who, t.Telephone = append(t.ContactName, c.Name), append(t.Who, c.Who), append(t.Telephone, c.Phone)
	}
	return t
}

// typed reads the form.
func typed(r *http.Request) own.Typed {
	return own.Typed{Allergies: r.PostFormValue("allergies"), AllergyLines: r.PostFormValue("allergy_lines"), Implants: r.PostFormValue("implants"), ImplantLines: r.PostFormValue("implant_lines"),
		Blood: r.PostFormValue("blood"), ContactName: r.PostForm["contact_name"], Who: r.PostForm["contact_who"], Telephone: r.PostForm["contact_phone"]}
}

func (x *Room) keep(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	p := x.frame.Page(r, "me", "own.edit")
	if x.Own == nil {
		x.frame.Fail(w, r, store.ErrAbsent)
		return
	}
	by, _, err := x.Book.Whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, own.ErrText.Because(err))
		return
	}
	f := &form{Typed: typed(r), Other: by.Delegate != ""}
	e, err := own.Parse(f.Typed)
	if err == nil {
		err = x.Own.Put(r.Context(), author(by), e)
	}
	x.answer(w, r, p, f, err, "/me/own")
}

// answer leads on, or shows the form again with what was wrong.
func (x *Room) answer(w http.ResponseWriter, r *http.Request, p view.Page, f *form, err error, next string) {
	switch said := fault.Of(err); {
	case err == nil:
		x.frame.See(w, r, next)
	case said.Kind == fault.Invalid, said.Kind == fault.Conflict, said.Kind == fault.TooMany, said.Kind == fault.TooLarge:
		f.Problem = p.W.Text(said.Text)
		x.frame.Show(w, r, http.StatusUnprocessableEntity, editPage(p, f))
	default:
		x.frame.Fail(w, r, err)
	}
}

func author(by ask.By) own.By {
	return own.By{Person: by.Person, Other: by.Delegate != "", SteppedUp: by.Delegate == "" && !by.StepUp.IsZero(), Actor: by.Actor, Channel: by.Channel, Facility: by.At, Proof: by.Proof}
}

func (x *Room) withdraw(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "own.title")
	err := error(store.ErrAbsent)
	if x.Own != nil {
		var by ask.By
		if by, _, err = x.Book.Whose(r, &p); err == nil {
			err = x.Own.Withdraw(r.Context(), author(by))
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/own")
}

// counter shows an empty form: what the person stated before is not for who serves.
func (x *Room) counter(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "own.counter")
	err := error(store.ErrAbsent)
	if x.Own != nil {
		err = x.Book.Stands(r, &p)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, editPage(p, &form{Visit: r.PathValue("visit")}))
}

func (x *Room) counterKeep(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, scan.Max+longestForm)
	p := x.frame.Page(r, "counter", "own.counter")
	err := error(store.ErrAbsent)
	if x.Own != nil {
		err = x.Book.Stands(r, &p)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err := r.ParseMultipartForm(scan.Max); err != nil {
		x.frame.Fail(w, r, scan.ErrPaper.Because(err))
		return
	}
	f := &form{Typed: typed(r), Visit: r.PathValue("visit")}
	e, err := own.Parse(f.Typed)
	if err == nil {
		var by ask.By
		if by, err = x.Book.Paper(r, &p); err == nil {
			err = x.Own.Put(r.Context(), author(by), e)
		}
	}
	x.answer(w, r, p, f, err, "/counter/"+f.Visit)
}
