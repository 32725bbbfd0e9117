// Package rulebook is the portal's rooms where people write rules: the books with
// their states, the editor with what is wrong and what a text would find, the
// rehearsal, the differences, and the steps into force. It asks the small interfaces
// below and shows what they answer; a unit drafts, the ministry puts into force, and
// what a state allows package rehearsal decides. No page shows what a record says.
package rulebook

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/rulebook"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

// Desk is where books are made; *rehearsal.Desk is one.
type Desk interface {
	Books(ctx context.Context) ([]house.Book, error)
	Book(ctx context.Context, id int) (*rehearsal.Shown, error)
	At(ctx context.Context, b house.Book, edition int) (*rehearsal.Shown, error)
	Draw(ctx context.Context, actor, text string) (int, error)
	Write(ctx context.Context, actor string, id, edition int, text string) error
	Check(text string) (*rulebook.Book, []rulebook.Problem)
	Ask(ctx context.Context, actor string, id, days int) error
	Cancel(ctx context.Context, actor string, id int) error
	Result(ctx context.Context, b house.Book) (*rehearsal.Result, error)
	Announce(ctx context.Context, actor string, id, day int, reason string) error
	Activate(ctx context.Context, actor string, id int, reason string, early bool) error
	Retire(ctx context.Context, actor string, id int, reason string) error
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Desk   Desk
	Try    func(ctx context.Context, id int, book *rulebook.Book) ([]rehearsal.Sample, int, error)
	Pack   func() string             // what is judged by now
	Unread func() []rehearsal.Unread // books in force that it is not judged by
	Place  func(code care.FacilityCode) rehearsal.Place
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table.
func Routes() []view.Route[Room] {
	line := func(method, pattern string, s func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: []role.Room{role.Rulebook}, Serve: s}
	}
	return []view.Route[Room]{
		line("GET", "/rulebook", (*Room).list),
		line("POST", "/rulebook", (*Room).draw),
		line("GET", "/rulebook/{book}", (*Room).one),
		line("POST", "/rulebook/{book}", (*Room).write),
		line("POST", "/rulebook/{book}/do", (*Room).do),
		line("GET", "/rulebook/{book}/rehearsal", (*Room).rehearsal),
		line("GET", "/rulebook/{book}/diff", (*Room).diff),
	}
}

// drafts reports whether a reader may write and rehearse; applies, whether they may
// announce, put into force and retire.
func drafts(p *view.Page) bool {
	return p.Reader.Role.Kind == role.Unit || p.Reader.Role.Kind == role.Ministry
}

func applies(p *view.Page) bool { return p.Reader.Role.Kind == role.Ministry }

var errRole = fault.New(fault.Withheld, "role.not_allowed", "Vai trò này không làm được việc này.", "This role may not do this.")

// number reads the name of a book: "r7".
func number(r *http.Request) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(r.PathValue("book"), "r"))
	if err != nil || rehearsal.Name(n) != r.PathValue("book") {
		return 0, rehearsal.ErrAbsent
	}
	return n, nil
}

// path is where a book's page is.
func path(id int) string { return "/rulebook/" + rehearsal.Name(id) }

func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.title")
	books, err := x.Desk.Books(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, listPage(p, books, x.Pack(), x.Unread()))
}

func (x *Room) draw(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.title")
	if !drafts(&p) {
		x.frame.Fail(w, r, errRole)
		return
	}
	id, err := x.Desk.Draw(r.Context(), p.Actor(), "")
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, path(id))
}

// shown is a book's page.
type shown struct {
	*rehearsal.Shown
	Text     string // as in the editor
	Edition  int    // it was written over
	Compiled *rulebook.Book
	Problems []rulebook.Problem
	Costs    map[string]uint64
	Result   *rehearsal.Result // nil: not rehearsed
	Conflict *rehearsal.Conflict
	Samples  []rehearsal.Sample
	Seen     int
	Tried    bool
	Said     string // why something was not done
}

func (x *Room) one(w http.ResponseWriter, r *http.Request) { x.show(w, r, http.StatusOK, shown{}) }

func (x *Room) show(w http.ResponseWriter, r *http.Request, status int, s shown) {
	p := x.frame.Page(r, "rulebook", "rulebook.book", r.PathValue("book"))
	id, err := number(r)
	if err == nil {
		s.Shown, err = x.Desk.Book(r.Context(), id)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if s.Text == "" {
		s.Text, s.Edition = s.Shown.Text, s.Shown.Edition
	}
	s.Compiled, s.Problems = x.Desk.Check(s.Text)
	s.Costs = s.Compiled.Costs()
	if s.Result, err = x.Desk.Result(r.Context(), s.Book); err != nil && !errors.Is(err, store.ErrAbsent) {
		x.frame.Fail(w, r, err)
		return
	}
	if s.Tried && len(s.Problems) == 0 {
		if s.Samples, s.Seen, err = x.Try(r.Context(), id, s.Compiled); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	x.frame.Show(w, r, status, bookPage(p, s))
}

// write keeps the text of the editor, or only tries it.
func (x *Room) write(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.title")
	id, err := number(r)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if !drafts(&p) {
		x.frame.Fail(w, r, errRole)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4*rulebook.MaxBytes)
	text := strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n")
	edition, err := strconv.Atoi(r.PostFormValue("edition"))
	if err != nil || text == "" {
		x.frame.Fail(w, r, rulebook.ErrText)
		return
	}
	if r.PostFormValue("do") == "try" {
		x.show(w, r, http.StatusOK, shown{Text: text, Edition: edition, Tried: true})
		return
	}
	err = x.Desk.Write(r.Context(), p.Actor(), id, edition, text)
	var c *rehearsal.Conflict
	switch f := fault.Of(err); {
	case err == nil:
		x.frame.See(w, r, path(id))
	case errors.As(err, &c):
		x.show(w, r, problem.Status(f), shown{Text: text, Edition: edition, Conflict: c, Said: p.W.Text(f.Text)})
	case f.Kind == fault.Absent || f.Kind == fault.Broken:
		x.frame.Fail(w, r, err)
	default:
		x.show(w, r, problem.Status(f), shown{Text: text, Edition: edition, Said: p.W.Text(f.Text)})
	}
}

// do takes a step: rehearse, cancel, announce, activate, retire.
func (x *Room) do(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.title")
	id, err := number(r)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	reason, who, step := strings.TrimSpace(r.PostFormValue("reason")), p.Actor(), r.PostFormValue("do")
	may := applies(&p)
	if step == "rehearse" || step == "cancel" {
		may = drafts(&p)
	}
	if !may {
		x.frame.Fail(w, r, errRole)
		return
	}
	next := path(id)
	switch step {
	case "rehearse":
		err, next = x.Desk.Ask(r.Context(), who, id, 0), next+"/rehearsal"
	case "cancel":
		err, next = x.Desk.Cancel(r.Context(), who, id), next+"/rehearsal"
	case "announce":
		day, _ := strconv.Atoi(strings.ReplaceAll(r.PostFormValue("day"), "-", "")) // 0 is told as no day
		err = x.Desk.Announce(r.Context(), who, id, day, reason)
	case "activate":
		err = x.Desk.Activate(r.Context(), who, id, reason, r.PostFormValue("early") == "yes")
	case "retire":
		err = x.Desk.Retire(r.Context(), who, id, reason)
	default:
		err = rehearsal.ErrUnknown
	}
	if err == nil {
		x.frame.See(w, r, next)
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Absent || f.Kind == fault.Broken {
		x.frame.Fail(w, r, err)
		return
	}
	x.show(w, r, problem.Status(f), shown{Said: p.W.Text(f.Text)})
}

// counts are what a rehearsal found, by whom.
type counts struct {
	*rehearsal.Result
	Facilities, Provinces, Vendors []rehearsal.Count
}

func (x *Room) rehearsal(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.rehearsal", r.PathValue("book"))
	id, err := number(r)
	var b *rehearsal.Shown
	if err == nil {
		b, err = x.Desk.Book(r.Context(), id)
	}
	var c counts
	if err == nil {
		c.Result, err = x.Desk.Result(r.Context(), b.Book)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	by := func(of func(rehearsal.Place) string) []rehearsal.Count {
		return rehearsal.By(c.Found.Fails, c.Found.Of, func(code care.FacilityCode) (string, string) { s := of(x.Place(code)); return s, s })
	}
	c.Facilities = rehearsal.By(c.Found.Fails, c.Found.Of, func(code care.FacilityCode) (string, string) { return string(code), x.Place(code).Name })
	c.Provinces = by(func(p rehearsal.Place) string { return p.Province })
	c.Vendors = by(func(p rehearsal.Place) string { return p.Vendor })
	x.frame.Show(w, r, http.StatusOK, rehearsalPage(p, b, c))
}

func (x *Room) diff(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "rulebook", "rulebook.diff", r.PathValue("book"))
	id, err := number(r)
	var b, old *rehearsal.Shown
	if err == nil {
		b, err = x.Desk.Book(r.Context(), id)
	}
	text, with := "", "–"
	if err == nil {
		if n, e := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("with"), "r")); e == nil && n > 0 {
			old, err = x.Desk.Book(r.Context(), n)
		} else if b.Base > 0 {
			old, err = x.Desk.Book(r.Context(), b.Base)
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	var before []*rulebook.Rule
	if old != nil {
		text, with = old.Text, rehearsal.Name(old.ID)
		book, _ := x.Desk.Check(old.Text)
		before = book.Rules()
	}
	book, _ := x.Desk.Check(b.Text) // what does not compile is in the lines
	x.frame.Show(w, r, http.StatusOK, diffPage(p, b, with, rulebook.Diff(before, book.Rules()), rulebook.Lines(text, b.Text)))
}
