// Package his is the door by which a facility's own system (HIS, EMR) reads beside
// its work: with the facility's access token and a clinician it names and signs
// for, it gets the one-page summary as HTML or JSON, and a link that takes that
// clinician, once, to the same page in the portal. Without a basis it gets the
// facility's own records and how a basis can be made. It decides nothing: package
// reading knows openings, package disclose what may be read.
package his

import (
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/reading"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
)

// The addresses of the door.
const (
	SummaryPath  = "/api/v1/his/summary"
	OpeningsPath = "/api/v1/his/openings"
	LinkPath     = "/his/" // and the one-time token: GET shows a button, POST goes in
)

// LinkLife is how long a link is good, once.
const LinkLife = 60 * time.Second

// System is the facility's system that asks.
type System struct {
	Facility care.FacilityCode
	Client   string // id of its credential
	KeyID    string
	Key      *ecdsa.PublicKey // of the credential
}

// Callers tells which system asks; token.invalid for none that is a facility's.
type Callers interface {
	System(r *http.Request) (System, error)
}

// Desk finds people and their openings; *reading.Desk is one.
type Desk interface {
	Ways(ctx context.Context) (reading.Ways, error)
	Find(ctx context.Context, who reading.Who, text string) (reading.Found, error)
	Use(ctx context.Context, who reading.Who, id consent.OpeningID) (*consent.Opening, error)
	Mine(ctx context.Context, who reading.Who) ([]consent.Opening, error)
	Referral(ctx context.Context, who reading.Who, patient string) (*consent.Opening, error)
	Ask(ctx context.Context, who reading.Who, patient string) (string, error)
	Asked(ctx context.Context, who reading.Who, ticket string) (consent.State, *consent.Opening, error)
	SendCode(ctx context.Context, who reading.Who, patient string) (reading.Code, error)
	Told(ctx context.Context, who reading.Who, patient, ticket, code string) (*consent.Opening, error)
	Challenge(who reading.Who) (reading.Challenge, error)
	Shown(ctx context.Context, who reading.Who, patient, nonce, proof string) (*consent.Opening, error)
	Chip(ctx context.Context, who reading.Who, patient, nonce, proof string) (*consent.Opening, error)
}

// Records opens records; *disclose.Discloser is one.
type Records interface {
	Chart(ctx context.Context, reader disclose.Reader, person store.PersonID, limit int) ([]*disclose.Opened, error)
}

// Links are one-time ways into the portal.
type Links interface {
	// Put keeps a link for a clinician and a page, and returns its token.
	Put(ctx context.Context, at care.FacilityCode, who care.Staff, next string, until time.Time) (token string, err error)
	// Enter uses a link up and sets the clinician's session; it returns the page.
	Enter(w http.ResponseWriter, r *http.Request, token string) (next string, err error)
}

// Page draws a summary; fragment leaves the frame of the page out.
type Page func(lang string, v View, fragment bool) templ.Component

// View is what a page shows.
type View struct {
	Summary *chart.Summary
	Basis   string
	Until   time.Time
	Own     int
	Others  int
	Link    string
	Ways    []string
	Shown   bool               // something of the person is
	Checked *identity.Verified // by the population register; nil: not yet
	Now     time.Time
	At      care.FacilityCode
}

// Deps are what the door works with.
type Deps struct {
	Callers Callers
	Roster  interface {
		Assert(ctx context.Context, facility care.FacilityCode, licence, name string) (care.Staff, error)
	}
	Desk    Desk
	Records Records
	Links   Links
	Once    reading.Once
	Page    Page
	// Verified gives the population register's last answer about a person, nil for
	// none; nil: there is no register.
	Verified  func(ctx context.Context, person store.PersonID) (*identity.Verified, error)
	Clock     clock.Clock
	Logger    *slog.Logger
	PublicURL string
}

// Door serves facilities' systems.
type Door struct{ d Deps }

// New returns a door.
func New(d Deps) (*Door, error) {
	if d.Callers == nil || d.Roster == nil || d.Desk == nil || d.Records == nil || d.Links == nil || d.Once == nil || d.Page == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("his: a part is missing")
	}
	return &Door{d}, nil
}

// Route is one line of the table of routes.
type Route struct {
	Method, Pattern string
	Discloses       bool // clinical content may leave by it
	serve           func(*Door, http.ResponseWriter, *http.Request)
}

// Routes returns the table.
func Routes() []Route {
	return []Route{
		{"POST", SummaryPath, true, (*Door).summary},
		{"POST", OpeningsPath, false, (*Door).openings},
		{"GET", LinkPath + "{token}", false, (*Door).arrive},
		{"POST", LinkPath + "{token}", false, (*Door).enter},
	}
}

// Register puts the routes on a mux; guard holds back answers of those that
// disclose until their rows are durable (web/trace).
func (d *Door) Register(mux *http.ServeMux, guard func(http.Handler) http.Handler) {
	for _, rt := range Routes() {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rt.serve(d, w, r) })
		if rt.Discloses {
			h = guard(h)
		}
		mux.Handle(rt.Method+" "+rt.Pattern, h)
	}
}

// audiences are the addresses under which the door is known: the public one, and
// the request's own Host only where that is an address of this machine.
func (d *Door) audiences(r *http.Request) []string {
	var out []string
	if d.d.PublicURL != "" {
		out = append(out, strings.TrimSuffix(d.d.PublicURL, "/")+r.URL.Path)
	}
	if d.d.PublicURL == "" || loopback(r) {
		out = append(out, "http://"+r.Host+r.URL.Path, "https://"+r.Host+r.URL.Path)
	}
	return out
}

func loopback(r *http.Request) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// base is how links begin.
func (d *Door) base(r *http.Request) string {
	if d.d.PublicURL != "" {
		return strings.TrimSuffix(d.d.PublicURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// caller is who asks: a facility's system for a clinician that it names.
type caller struct {
	System
	reading.Who
	Asserted
}

// longestBody is what a request may be long.
const longestBody = 32 << 10

// ErrBody (his.body): the request is none.
var ErrBody = fault.New(fault.Invalid, "his.body",
	"Yêu cầu phải là JSON có trường assertion.", "The request must be JSON with a field named assertion.")

// request is the body of both calls: {"assertion": JWS, ...}.
type request struct {
	Assertion string `json:"assertion"`
	// Of /openings: what is asked for.
	Basis   string `json:"basis,omitempty"` // "presence", "chip", "code", "referral", "consent"
	Patient string `json:"patient,omitempty"`
	Nonce   string `json:"nonce,omitempty"`
	Proof   string `json:"proof,omitempty"`
	Ticket  string `json:"ticket,omitempty"`
	Code    string `json:"code,omitempty"`
}

// admit reads a request and finds out who asks. Nothing of a person is looked up
// before it is known.
func (d *Door) admit(w http.ResponseWriter, r *http.Request) (caller, request, error) {
	var c caller
	var q request
	var err error
	if c.System, err = d.d.Callers.System(r); err != nil {
		return c, q, err
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return c, q, ErrBody.Because(err)
	}
	a, err := ParseAssertion(q.Assertion, c.Key)
	if err != nil {
		return c, q, err
	}
	if err := a.check(c.System, d.audiences(r), d.d.Clock.Now()); err != nil {
		return c, q, err
	}
	fresh, err := d.d.Once.Once(r.Context(), "his:"+c.Client, a.ID, a.Expires.Add(2*slack))
	if err != nil {
		return c, q, err
	}
	if !fresh {
		return c, q, ErrAssertion.Because(errors.New("used before"))
	}
	c.Asserted = *a
	c.Who.Facility = c.System.Facility
	c.Who.Staff, err = d.d.Roster.Assert(r.Context(), c.System.Facility, a.Licence, a.Name)
	return c, q, err
}

func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem.Write(w, r, d.d.Logger, err)
}

// Made is the answer of /openings: an opening, or what is needed next.
type Made struct {
	Opening string     `json:"opening,omitempty"`
	Basis   string     `json:"basis,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	State   string     `json:"state,omitempty"`   // of a consent that was asked for
	Ticket  string     `json:"ticket,omitempty"`  // of a code or a consent: to be handed back
	Nonce   string     `json:"nonce,omitempty"`   // of a presence: to be handed back
	Text    string     `json:"qr_text,omitempty"` // of a presence: what the person's app scans
	Patient string     `json:"patient"`
	Link    string     `json:"link,omitempty"`
}

// ErrBasis (his.basis): no such way.
var ErrBasis = fault.New(fault.Invalid, "his.basis",
	"basis phải là presence, chip, code, referral hoặc consent.", "basis must be presence, chip, code, referral or consent.")

// openings answers POST /api/v1/his/openings.
func (d *Door) openings(w http.ResponseWriter, r *http.Request) {
	c, q, err := d.admit(w, r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	ctx := r.Context()
	if q.Patient == "" {
		found, err := d.d.Desk.Find(ctx, c.Who, c.Identifier)
		if err != nil {
			d.fail(w, r, err)
			return
		}
		q.Patient = found.Patient
	}
	m := Made{Patient: q.Patient}
	o, err := d.make(ctx, c.Who, q, &m)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	if o != nil {
		until := o.Until.UTC()
		m.Opening, m.Basis, m.Until = hex.EncodeToString(o.ID[:]), o.Basis, &until
		token, err := d.d.Links.Put(ctx, c.Who.Facility, c.Who.Staff, "/openings/"+m.Opening, d.d.Clock.Now().Add(LinkLife))
		if err != nil {
			d.fail(w, r, err)
			return
		}
		m.Link = d.base(r) + LinkPath + token
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(m) // who asked has gone
}

func (d *Door) make(ctx context.Context, who reading.Who, q request, m *Made) (o *consent.Opening, err error) {
	switch q.Basis {
	case "referral":
		return d.d.Desk.Referral(ctx, who, q.Patient)
	case "presence", "chip":
		if q.Proof == "" {
			c, err := d.d.Desk.Challenge(who)
			m.Nonce, m.Text = c.Nonce, c.Text
			return nil, err
		}
		if q.Basis == "chip" {
			return d.d.Desk.Chip(ctx, who, q.Patient, q.Nonce, q.Proof)
		}
		return d.d.Desk.Shown(ctx, who, q.Patient, q.Nonce, q.Proof)
	case "code":
		if q.Ticket == "" {
			c, err := d.d.Desk.SendCode(ctx, who, q.Patient)
			m.Ticket = c.Ticket
			return nil, err
		}
		return d.d.Desk.Told(ctx, who, q.Patient, q.Ticket, q.Code)
	case "consent":
		if m.Ticket = q.Ticket; q.Ticket == "" {
			m.State = string(consent.Requested)
			m.Ticket, err = d.d.Desk.Ask(ctx, who, q.Patient)
			return nil, err
		}
		var s consent.State
		s, o, err = d.d.Desk.Asked(ctx, who, q.Ticket)
		m.State = string(s)
		return o, err
	}
	return nil, ErrBasis
}

// arrive answers GET /his/{token}: a button, so that programs that look at links
// use none up.
func (d *Door) arrive(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	if err := arrivePage(lang(r), r.URL.Path).Render(r.Context(), w); err != nil {
		d.d.Logger.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// enter answers POST /his/{token}.
func (d *Door) enter(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	next, err := d.d.Links.Enter(w, r, r.PathValue("token"))
	if err != nil {
		d.fail(w, r, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}
