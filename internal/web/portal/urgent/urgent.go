// Package urgent is the portal's rooms for an emergency without a name: four
// steps from a temporary number to the emergency set, the list of numbers that
// wait for a name, and the wristband. It asks the small interfaces below and
// shows what they answer; who may enter a room the portal checks, what may be
// opened package urgent (the service) and disclose.
package urgent

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/urgent"
	"lienthong/internal/web/portal/chartview"
	"lienthong/internal/web/portal/paper"
	"lienthong/internal/web/portal/view"
)

// Patients are numbers and who it may be; *urgent.Desk is one.
type Patients interface {
	Begin(ctx context.Context, by urgent.Member, known urgent.Sheet) (*identity.Temporary, error)
	Temporary(ctx context.Context, by urgent.Member, number string) (*identity.Temporary, *urgent.Sheet, error)
	Worklist(ctx context.Context, by urgent.Member) ([]urgent.Waiting, error)
	Resolved(ctx context.Context, by urgent.Member) ([]identity.Temporary, error)
	// Opened are the emergencies of a number that were not taken back, newest first.
	Opened(ctx context.Context, by urgent.Member, number string) ([]consent.Opening, error)
	Search(ctx context.Context, by urgent.Member, number string, known urgent.Sheet) ([]urgent.Candidate, error)
	Candidates(ctx context.Context, by urgent.Member, number string) ([]urgent.Candidate, error)
	Path(number string) string
	Number(path string) (string, error)
}

// Emergencies open the emergency set; *urgent.Desk with Opened is one.
type Emergencies interface {
	Break(ctx context.Context, by urgent.Member, number string, g urgent.Glass) (*consent.Opening, error)
	Emergency(ctx context.Context, by urgent.Member, id consent.OpeningID) (*urgent.Emergency, error)
	// Set is what the page shows.
	Set(ctx context.Context, by urgent.Member, e *urgent.Emergency) (Shown, error)
	Renew(ctx context.Context, by urgent.Member, id consent.OpeningID) error
}

// Shown is the emergency set with how it was come by.
type Shown struct {
	*chart.Emergency
	Records int  // it was read from; 0: nothing of anybody is shown
	Late    bool // the look is written down here only, until the log can be reached again
}

// Names end a temporary number; *urgent.Desk is one.
type Names interface {
	ByCard(ctx context.Context, by urgent.Member, number, text string) (*identity.Temporary, error)
	Propose(ctx context.Context, by urgent.Member, number string) (*identity.Temporary, error)
	Confirm(ctx context.Context, by urgent.Member, number string) (*identity.Temporary, error)
	Release(ctx context.Context, by urgent.Member, number, how string) (*identity.Temporary, error)
	Undo(ctx context.Context, by urgent.Member, number string) (*urgent.Undone, error)
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Patients    Patients
	Emergencies Emergencies
	Names       Names
	// Facility is a facility's short name, "" unknown.
	Facility func(care.FacilityCode) string
	// Nothing says that an answer discloses nothing (package disclose).
	Nothing func(ctx context.Context)
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room {
	if d.Facility == nil {
		d.Facility = func(care.FacilityCode) string { return "" }
	}
	if d.Nothing == nil {
		d.Nothing = func(context.Context) {}
	}
	return &Room{d, f}
}

// Routes returns the table.
func Routes() []view.Route[Room] {
	type handler = func(*Room, http.ResponseWriter, *http.Request)
	line := func(method, pattern string, serve handler) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: []role.Room{role.Clinic}, Serve: serve}
	}
	discloses := func(r view.Route[Room]) view.Route[Room] { r.Discloses = true; return r }
	factor := func(r view.Route[Room]) view.Route[Room] { r.SteppedUp = true; return r }
	return []view.Route[Room]{
		line("GET", "/emergency", (*Room).start),
		line("POST", "/emergency", (*Room).begin),
		line("GET", "/emergency/at/{ref}", (*Room).patient),
		line("GET", "/emergency/at/{ref}/wristband", (*Room).wristband),
		line("POST", "/emergency/at/{ref}/search", (*Room).search),
		discloses(line("GET", "/emergency/at/{ref}/candidates", (*Room).candidates)),
		discloses(factor(line("GET", "/emergency/at/{ref}/confirm", (*Room).confirm))),
		factor(line("POST", "/emergency/at/{ref}/open", (*Room).open)),
		line("POST", "/emergency/at/{ref}/card", (*Room).card),
		line("POST", "/emergency/at/{ref}/propose", (*Room).propose),
		line("POST", "/emergency/at/{ref}/second", (*Room).second),
		line("POST", "/emergency/at/{ref}/release", (*Room).release),
		line("POST", "/emergency/at/{ref}/undo", (*Room).undo),
		discloses(line("GET", "/emergency/set/{id}", (*Room).set)),
		factor(line("POST", "/emergency/set/{id}/renew", (*Room).renew)),
	}
}

// member is who sits at the browser.
func member(p view.Page) urgent.Member {
	r := p.Reader
	return urgent.Member{Role: r.Role, Staff: r.Staff, Name: r.Mark, Route: r.Route, SteppedUp: r.SteppedUp}
}

func (x *Room) page(r *http.Request, title string) view.Page {
	return x.frame.Page(r, "emergency", title)
}

// number is the number the path names.
func (x *Room) number(r *http.Request) (string, error) { return x.Patients.Number(r.PathValue("ref")) }

func (x *Room) at(number string) string { return "/emergency/at/" + x.Patients.Path(number) }

// start answers GET /emergency: step 1, and the numbers that wait.
func (x *Room) start(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.title")
	list, err := x.Patients.Worklist(r.Context(), member(p))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	named, err := x.Patients.Resolved(r.Context(), member(p))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows, over := make([]waiting, len(list)), make([]resolved, len(named))
	for i, t := range list {
		rows[i] = waiting{t.Number, x.at(t.Number), t.Made, t.Age, t.How == identity.Proposed, t.State == identity.Undone}
	}
	for i, t := range named {
		over[i] = resolved{t.Number, x.at(t.Number), t.How, t.Ended}
	}
	x.frame.Show(w, r, http.StatusOK, startPage(p, rows, over))
}

// begin answers POST /emergency: a number at once, with nothing known if need be.
func (x *Room) begin(w http.ResponseWriter, r *http.Request) {
	x.post(w, r, func(p view.Page) (string, error) {
		t, err := x.Patients.Begin(r.Context(), member(p), sheet(r))
		if err != nil {
			return "", err
		}
		return x.at(t.Number), nil
	})
}

// post reads a short form, does, and leads on.
func (x *Room) post(w http.ResponseWriter, r *http.Request, do func(view.Page) (string, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, errForm.Because(err))
		return
	}
	next, err := do(x.page(r, "urgent.title"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, next)
}

var errForm = fault.New(fault.Invalid, "emergency.form", "Biểu mẫu không đọc được. Điền lại.", "The form cannot be read. Fill it in again.")

// sheet is what was typed of a patient.
func sheet(r *http.Request) urgent.Sheet {
	f := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	n := func(name string) int {
		v, err := strconv.Atoi(f(name))
		if err != nil || v < 0 || v > 9999 {
			return 0 // not a number: not known
		}
		return v
	}
	s := urgent.Sheet{Sex: f("sex"), Age: n("age"), Year: n("year"), Name: f("name"), Commune: f("commune"), Marks: f("marks"), Found: f("found")}
	for _, name := range []string{"phone", "relative"} {
		if v := f(name); v != "" {
			s.Phones = append(s.Phones, v)
		}
	}
	if day, err := time.Parse(time.DateOnly, f("birth")); err == nil {
		s.Birth = day.Format("20060102")
	}
	return s
}

// patient answers GET /emergency/at/{ref}: step 2, or how it ended.
func (x *Room) patient(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.title")
	v, err := x.looked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, patientPage(p, v, nil, false))
}

// patientView is a number as its pages show it.
type patientView struct {
	identity.Temporary
	Sheet urgent.Sheet
	Path  string
	Age   time.Duration
	Mine  bool // proposed by who looks
	Watch watch
	Set   string    // path of an emergency of it that stands; "" none
	Until time.Time // of that
}

// watch is the time gone by since a number was given; it stands still from To.
type watch struct{ From, To time.Time }

func (x *Room) looked(r *http.Request, p view.Page) (*patientView, error) {
	number, err := x.number(r)
	if err != nil {
		return nil, err
	}
	by := member(p)
	t, s, err := x.Patients.Temporary(r.Context(), by, number)
	if err != nil {
		return nil, err
	}
	v := &patientView{Temporary: *t, Sheet: *s, Path: x.at(number), Age: max(0, p.Now.Sub(t.Made)), Mine: t.By == by.Staff, Watch: watch{From: t.Made}}
	if !v.IsOpen() {
		v.Watch.To = t.Ended
	}
	opened, err := x.Patients.Opened(r.Context(), by, number)
	if err != nil {
		return nil, err
	}
	v.opened(opened, by.Staff, p.Now)
	return v, nil
}

// opened stops the watch at the first emergency and leads to the one that stands:
// that of who looks, where there are more.
func (v *patientView) opened(list []consent.Opening, by care.Staff, now time.Time) {
	mine := false
	for i := range list { // newest first
		o := &list[i]
		v.Watch.To = o.From
		own := o.Staff == by || o.Renewed == by
		if v.IsOpen() && o.Live(now) && (v.Set == "" || own && !mine) {
			v.Set, v.Until, mine = "/emergency/set/"+hex.EncodeToString(o.ID[:]), o.Until, own
		}
	}
}

// search answers POST /emergency/at/{ref}/search.
func (x *Room) search(w http.ResponseWriter, r *http.Request) {
	x.post(w, r, func(p view.Page) (string, error) {
		number, err := x.number(r)
		if err == nil {
			_, err = x.Patients.Search(r.Context(), member(p), number, sheet(r))
		}
		if err != nil {
			return "", err
		}
		return x.at(number) + "/candidates", nil
	})
}

// candidates answers GET /emergency/at/{ref}/candidates: masked, nothing clinical.
func (x *Room) candidates(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.title")
	v, err := x.looked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	list, err := x.Patients.Candidates(r.Context(), member(p), v.Number)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if len(list) == 0 {
		x.Nothing(r.Context())
	}
	x.frame.Show(w, r, http.StatusOK, patientPage(p, v, list, true))
}

// confirm answers GET /emergency/at/{ref}/confirm?who=: step 3.
func (x *Room) confirm(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.title")
	v, err := x.looked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	list, err := x.Patients.Candidates(r.Context(), member(p), v.Number)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	who := r.URL.Query().Get("who")
	for i := range list {
		if list[i].Ref == who {
			x.frame.Show(w, r, http.StatusOK, confirmPage(p, v, &list[i], nil, ""))
			return
		}
	}
	if len(list) == 0 {
		x.Nothing(r.Context())
	}
	x.frame.Show(w, r, http.StatusUnprocessableEntity, patientPage(p, v, list, true)) // nobody was chosen
}

// open answers POST /emergency/at/{ref}/open.
func (x *Room) open(w http.ResponseWriter, r *http.Request) {
	x.post(w, r, func(p view.Page) (string, error) {
		number, err := x.number(r)
		if err != nil {
			return "", err
		}
		g := urgent.Glass{Ref: r.PostFormValue("who"), Reason: r.PostFormValue("reason"), Words: r.PostFormValue("words")}
		for _, f := range r.PostForm["fact"] {
			g.Confirmed = append(g.Confirmed, identity.Fact(f))
		}
		o, err := x.Emergencies.Break(r.Context(), member(p), number, g)
		if err != nil {
			return "", err
		}
		return "/emergency/set/" + hex.EncodeToString(o.ID[:]), nil
	})
}

func opening(r *http.Request) (id consent.OpeningID, err error) {
	b, err := hex.DecodeString(r.PathValue("id"))
	if err != nil || len(b) != len(id) {
		return id, urgent.ErrAbsent
	}
	return consent.OpeningID(b), nil
}

// set answers GET /emergency/set/{id}: step 4. Whoever did not open it sees that
// it is open, and may renew it; nothing out of a record.
func (x *Room) set(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.title")
	id, err := opening(r)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	e, err := x.Emergencies.Emergency(r.Context(), member(p), id)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	d := setView{Of: e, Path: x.at(e.Number), ID: hex.EncodeToString(id[:]), Live: e.Opening.Live(p.Now),
		Look: chartview.Look{Facility: x.Facility}}
	if e.Mine && d.Live {
		if d.Shown, err = x.Emergencies.Set(r.Context(), member(p), e); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	if d.Records == 0 {
		x.Nothing(r.Context())
	}
	x.frame.Show(w, r, http.StatusOK, setPage(p, d))
}

// setView is an emergency as its page shows it.
type setView struct {
	Of       *urgent.Emergency
	Path, ID string
	Live     bool
	Shown    // Emergency nil: not for who looks
	Look     chartview.Look
}

// renew answers POST /emergency/set/{id}/renew.
func (x *Room) renew(w http.ResponseWriter, r *http.Request) {
	x.post(w, r, func(p view.Page) (string, error) {
		id, err := opening(r)
		if err == nil {
			err = x.Emergencies.Renew(r.Context(), member(p), id)
		}
		return r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')], err
	})
}

// named does one thing to a number and leads back to it.
func (x *Room) named(w http.ResponseWriter, r *http.Request, do func(by urgent.Member, number string) error) {
	x.post(w, r, func(p view.Page) (string, error) {
		number, err := x.number(r)
		if err == nil {
			err = do(member(p), number)
		}
		if err != nil {
			return "", err
		}
		return x.at(number), nil
	})
}

func (x *Room) card(w http.ResponseWriter, r *http.Request) {
	x.named(w, r, func(by urgent.Member, number string) error {
		_, err := x.Names.ByCard(r.Context(), by, number, r.PostFormValue("card"))
		return err
	})
}

func (x *Room) propose(w http.ResponseWriter, r *http.Request) {
	x.named(w, r, func(by urgent.Member, number string) error {
		_, err := x.Names.Propose(r.Context(), by, number)
		return err
	})
}

func (x *Room) second(w http.ResponseWriter, r *http.Request) {
	x.named(w, r, func(by urgent.Member, number string) error {
		_, err := x.Names.Confirm(r.Context(), by, number)
		return err
	})
}

func (x *Room) release(w http.ResponseWriter, r *http.Request) {
	x.named(w, r, func(by urgent.Member, number string) error {
		_, err := x.Names.Release(r.Context(), by, number, r.PostFormValue("how"))
		return err
	})
}

func (x *Room) undo(w http.ResponseWriter, r *http.Request) {
	x.named(w, r, func(by urgent.Member, number string) error {
		_, err := x.Names.Undo(r.Context(), by, number)
		return err
	})
}

// wristband answers GET /emergency/at/{ref}/wristband: one page to print, with the
// number and its code, and nothing about the patient.
func (x *Room) wristband(w http.ResponseWriter, r *http.Request) {
	p := x.page(r, "urgent.wristband")
	v, err := x.looked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	code, err := qrcode.New(identity.QRText(v.Number), qrcode.High)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	say, place := p.W.T, x.Facility(v.Facility)
	if place == "" {
		place = string(v.Facility)
	}
	out, err := paper.PDF(&paper.Sheet{Lang: p.W.Lang, Title: v.Number, Intro: say("urgent.wristband.intro"), At: p.Now, URL: v.Number, Modules: code.Bitmap(),
		Lines: [][2]string{{say("urgent.wristband.facility"), place}, {say("urgent.wristband.made"), v.Made.In(clock.Hanoi).Format("15:04 02/01/2006")}},
		Check: say("urgent.wristband.how"), Foot: say("urgent.wristband.foot", v.Number)})
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `inline; filename="vong-tay.pdf"`)
	h.Set("Content-Length", strconv.Itoa(len(out)))
	if _, err := w.Write(out); err != nil && !errors.Is(err, http.ErrHandlerTimeout) {
		return // the reader is gone: nobody to tell
	}
}
