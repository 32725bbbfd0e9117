// Package clinic is the portal's rooms of clinicians: a patient is looked up, a
// basis is made by somebody else than the facility, and the records of others are
// read under it: one page first, then the details. It asks the small interfaces
// below and shows what they answer; who may enter a room the portal checks, what
// may be read package disclose decides.
package clinic

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Desk looks people up and makes openings; *reading.Desk is one.
type Desk interface {
	Ways(ctx context.Context) (reading.Ways, error)
	Find(ctx context.Context, who reading.Who, text string) (reading.Found, error)
	Again(who reading.Who, patient string) (reading.Found, error)
	Challenge(who reading.Who) (reading.Challenge, error)
	Shown(ctx context.Context, who reading.Who, patient, nonce, proof string) (*consent.Opening, error)
	Chip(ctx context.Context, who reading.Who, patient, nonce, proof string) (*consent.Opening, error)
	SendCode(ctx context.Context, who reading.Who, patient string) (reading.Code, error)
	Told(ctx context.Context, who reading.Who, patient, ticket, code string) (*consent.Opening, error)
	Referral(ctx context.Context, who reading.Who, patient string) (*consent.Opening, error)
	Ask(ctx context.Context, who reading.Who, patient string) (string, error)
	Asked(ctx context.Context, who reading.Who, ticket string) (consent.State, *consent.Opening, error)
	Use(ctx context.Context, who reading.Who, id consent.OpeningID) (*consent.Opening, error)
	Close(ctx context.Context, who reading.Who, id consent.OpeningID) error
	Mine(ctx context.Context, who reading.Who) ([]consent.Opening, error)
}

// Records opens records; *disclose.Discloser is one.
type Records interface {
	Person(ctx context.Context, reader disclose.Reader, person store.PersonID, f store.Filter) ([]store.Record, error)
	Chart(ctx context.Context, reader disclose.Reader, person store.PersonID, limit int) ([]*disclose.Opened, error)
	Open(ctx context.Context, reader disclose.Reader, id dossier.ID) (*disclose.Opened, error)
	Receipt(ctx context.Context, reader disclose.Reader, id dossier.ID) ([]byte, error)
}

// Reason is one rule that let records be read under an opening.
type Reason struct {
	Text    fault.Text
	Law     fault.Text
	Policy  string // id@version
	Records int    // looks it decided
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Desk    Desk
	Records Records
	// Why says by which rules looks under an opening were allowed.
	Why func(ctx context.Context, id consent.OpeningID) ([]Reason, error)
	// Verified gives the population register's last answer about a person, nil for
	// none; may be nil.
	Verified func(ctx context.Context, person store.PersonID) (*identity.Verified, error)
	// Facility is a facility's short name, "" unknown.
	Facility  func(care.FacilityCode) string
	PublicURL string
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
	return &Room{d, f}
}

// Routes returns the table.
func Routes() []view.Route[Room] {
	line := func(method, pattern string, discloses bool, serve func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: []role.Room{role.Clinic}, Discloses: discloses, Serve: serve}
	}
	return []view.Route[Room]{
		line("GET", "/patients", false, (*Room).start),
		line("POST", "/patients", true, (*Room).find),
		line("POST", "/patients/presence", false, (*Room).challenge),
		line("POST", "/patients/presence/shown", false, (*Room).shown),
		line("POST", "/patients/presence/chip", false, (*Room).chip),
		line("POST", "/patients/presence/code", false, (*Room).code),
		line("POST", "/patients/presence/told", false, (*Room).told),
		line("POST", "/patients/referral", false, (*Room).referral),
		line("POST", "/patients/consent", false, (*Room).ask),
		line("POST", "/patients/consent/asked", false, (*Room).asked),
		line("GET", "/openings/{opening}", true, (*Room).opening),
		line("GET", "/openings/{opening}/why", false, (*Room).why),
		line("GET", "/openings/{opening}/records/{id}", true, (*Room).document),
		line("POST", "/openings/{opening}/end", false, (*Room).end),
	}
}

// errForm: the form could not be read.
var errForm = fault.New(fault.Invalid, "clinic.form", "Biểu mẫu không đọc được. Điền lại.", "The form cannot be read. Fill it in again.")

// errStaff: a login link knows no person.
var errStaff = fault.New(fault.Withheld, "clinic.staff",
	"Chỉ nhân viên y tế đăng nhập bằng tài khoản của mình mới tra cứu được hồ sơ nơi khác.",
	"Only clinicians who logged in as themselves may look up records of other facilities.")

func who(p view.Page) reading.Who {
	return reading.Who{Facility: p.Reader.Role.At(), Staff: p.Reader.Staff}
}

// reader is who sits at the browser, under an opening (nil: own records alone).
func reader(p view.Page, o *consent.Opening) disclose.Reader {
	r := disclose.Reader{Role: p.Reader.Role, Name: p.Reader.Mark, Route: p.Reader.Route, Staff: p.Reader.Staff, SteppedUp: p.Reader.SteppedUp, Purpose: consent.Treatment}
	if o != nil {
		r.Opening, r.Purpose = o.ID, o.Purpose
	}
	return r
}

func (x *Room) page(r *http.Request, title string) (view.Page, error) {
	p := x.frame.Page(r, "patients", title)
	if p.Reader == nil || p.Reader.Staff == (care.Staff{}) {
		return p, errStaff
	}
	return p, nil
}

// posted reads a short form.
func (x *Room) posted(w http.ResponseWriter, r *http.Request, title string) (view.Page, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	p, err := x.page(r, title)
	if err == nil {
		if bad := r.ParseForm(); bad != nil {
			err = errForm.Because(bad)
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return p, false
	}
	return p, true
}

func field(r *http.Request, name string) string { return strings.TrimSpace(r.PostFormValue(name)) }

func openingPath(id consent.OpeningID) string { return "/openings/" + hex.EncodeToString(id[:]) }

// start answers GET /patients: the look-up, and what stands open.
func (x *Room) start(w http.ResponseWriter, r *http.Request) {
	p, err := x.page(r, "clinic.title")
	var mine []consent.Opening
	if err == nil {
		mine, err = x.Desk.Mine(r.Context(), who(p))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, startPage(p, mine, ""))
}

// ownShown is how many of the facility's own records a look-up lists.
const ownShown = 20

// find answers POST /patients: the facility's own records, and how to get a basis
// for those of others. Whether there are any is not said.
func (x *Room) find(w http.ResponseWriter, r *http.Request) {
	p, ok := x.posted(w, r, "clinic.title")
	if !ok {
		return
	}
	var found reading.Found
	var err error
	if handle := field(r, "patient"); handle != "" {
		found, err = x.Desk.Again(who(p), handle)
	} else {
		found, err = x.Desk.Find(r.Context(), who(p), field(r, "query"))
	}
	if f := fault.Of(err); err != nil && (f.Kind == fault.Invalid || f.Kind == fault.TooMany || f.Kind == fault.Conflict) {
		mine, bad := x.Desk.Mine(r.Context(), who(p))
		if bad != nil {
			x.frame.Fail(w, r, bad)
			return
		}
		disclose.Nothing(r.Context())
		x.frame.Show(w, r, http.StatusUnprocessableEntity, startPage(p, mine, p.W.Text(f.Text)))
		return
	}
	var own []store.Record
	var by reading.Ways
	if err == nil {
		own, err = x.own(r.Context(), p, found)
	}
	if err == nil {
		by, err = x.Desk.Ways(r.Context())
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, waysPage(p, ways{Found: found, Ways: by, Own: own, Listed: true}))
}

func (x *Room) own(ctx context.Context, p view.Page, found reading.Found) ([]store.Record, error) {
	if found.Person == (store.PersonID{}) {
		disclose.Nothing(ctx)
		return nil, nil
	}
	return x.Records.Person(ctx, reader(p, nil), found.Person, store.Filter{Facility: p.Reader.Role.At(), Limit: ownShown})
}

// ways is the page of how a basis is made: one way at a time lies open.
type ways struct {
	reading.Found
	Ways    reading.Ways
	Own     []store.Record
	Listed  bool // own records were looked for
	Problem string

	Challenge *reading.Challenge
	QR        [][]bool
	Code      *reading.Code
	Ticket    string        // of a consent that is waited for
	State     consent.State // of it
}

// way answers a POST of one way: it leads to the opening, or shows the ways again.
func (x *Room) way(w http.ResponseWriter, r *http.Request, do func(view.Page, *ways) (*consent.Opening, error)) {
	p, ok := x.posted(w, r, "clinic.title")
	if !ok {
		return
	}
	found, err := x.Desk.Again(who(p), field(r, "patient"))
	var by reading.Ways
	if err == nil {
		by, err = x.Desk.Ways(r.Context())
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	v := ways{Found: found, Ways: by}
	o, err := do(p, &v)
	if err == nil && o != nil {
		x.frame.See(w, r, openingPath(o.ID))
		return
	}
	status := http.StatusOK
	if f := fault.Of(err); err != nil {
		switch f.Kind {
		case fault.Withheld, fault.Conflict, fault.TooMany, fault.Invalid, fault.Busy, fault.Absent:
			v.Problem, status = p.W.Text(f.Text), http.StatusUnprocessableEntity
		default:
			x.frame.Fail(w, r, err)
			return
		}
	}
	x.frame.Show(w, r, status, waysPage(p, v))
}

// challenge answers POST /patients/presence: a code for the person's app.
func (x *Room) challenge(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (*consent.Opening, error) { return nil, x.challenged(p, v) })
}

func (x *Room) challenged(p view.Page, v *ways) error {
	c, err := x.Desk.Challenge(who(p))
	if err != nil {
		return err
	}
	q, err := qrcode.New(c.Text, qrcode.Medium)
	if err != nil {
		return err
	}
	v.Challenge, v.QR = &c, q.Bitmap()
	return nil
}

func (x *Room) shown(w http.ResponseWriter, r *http.Request) { x.proved(w, r, x.Desk.Shown) }

func (x *Room) chip(w http.ResponseWriter, r *http.Request) { x.proved(w, r, x.Desk.Chip) }

// proved takes what an app or chip signed; a new challenge stands beside a refusal.
func (x *Room) proved(w http.ResponseWriter, r *http.Request, prove func(context.Context, reading.Who, string, string, string) (*consent.Opening, error)) {
	x.way(w, r, func(p view.Page, v *ways) (*consent.Opening, error) {
		o, err := prove(r.Context(), who(p), v.Patient, field(r, "nonce"), field(r, "proof"))
		if err != nil {
			if bad := x.challenged(p, v); bad != nil {
				return nil, bad
			}
		}
		return o, err
	})
}

// code answers POST /patients/presence/code: six digits go to the person's app.
func (x *Room) code(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (*consent.Opening, error) {
		c, err := x.Desk.SendCode(r.Context(), who(p), v.Patient)
		if err == nil {
			v.Code = &c
		}
		return nil, err
	})
}

// told answers POST /patients/presence/told.
func (x *Room) told(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (*consent.Opening, error) {
		ticket := field(r, "ticket")
		o, err := x.Desk.Told(r.Context(), who(p), v.Patient, ticket, field(r, "code"))
		if fault.Of(err).Code == reading.ErrCode.Code && err != nil {
			v.Code = &reading.Code{Ticket: ticket}
		}
		return o, err
	})
}

// referral answers POST /patients/referral.
func (x *Room) referral(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (*consent.Opening, error) {
		return x.Desk.Referral(r.Context(), who(p), v.Patient)
	})
}

// ask answers POST /patients/consent.
func (x *Room) ask(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (_ *consent.Opening, err error) {
		v.Ticket, err = x.Desk.Ask(r.Context(), who(p), v.Patient)
		v.State = consent.Requested
		return nil, err
	})
}

// asked answers POST /patients/consent/asked: has the person answered?
func (x *Room) asked(w http.ResponseWriter, r *http.Request) {
	x.way(w, r, func(p view.Page, v *ways) (o *consent.Opening, err error) {
		v.Ticket = field(r, "ticket")
		v.State, o, err = x.Desk.Asked(r.Context(), who(p), v.Ticket)
		return o, err
	})
}

// end answers POST /openings/{opening}/end.
func (x *Room) end(w http.ResponseWriter, r *http.Request) {
	p, ok := x.posted(w, r, "clinic.title")
	if !ok {
		return
	}
	id, err := reading.ParseOpening(r.PathValue("opening"))
	if err == nil {
		err = x.Desk.Close(r.Context(), who(p), id)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/patients")
}
