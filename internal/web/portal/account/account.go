// Package account is the portal's rooms about logging in by name: the ways in,
// the answer of a provider, the choice of a role, the second factor, and a
// person's own sessions. What an answer proves package oidc says, who that is
// package roster; here is only the way between pages.
package account

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/session"
)

// Way is a provider somebody may log in with.
type Way struct {
	ID   string
	Name fault.Text
}

// Kinds of ways, as web/oidc has them.
const (
	Citizens = "citizens"
	Staff    = "staff"
)

// Ask is what a login is for.
type Ask struct {
	Next    string
	Fresh   bool
	Session string // mark of the session that steps up
}

// Came is who came from a provider.
type Came struct {
	Provider, For, Issuer, Subject string
	Name, Number, Birth            string
	Level                          int
	Licence, Facility              string
	Ask                            Ask
}

// Door leads to providers and takes their answers; web/oidc stands behind it.
type Door interface {
	Ways(ctx context.Context, who string) ([]Way, error)
	Begin(w http.ResponseWriter, r *http.Request, provider string, ask Ask) (address string, err error)
	Finish(w http.ResponseWriter, r *http.Request) (Came, error)
}

// People says who came; package roster does.
type People interface {
	Arrive(ctx context.Context, c Came) (*staff.Staff, error)
	Unused(ctx context.Context, s *staff.Staff, last time.Time) error
	Citizen(ctx context.Context, c Came) (store.PersonID, error)
	NewDevice(ctx context.Context, person store.PersonID, device string) error
	NewStaffDevice(ctx context.Context, id care.Staff, device string) error
	NewestDevice(ctx context.Context, id care.Staff) (first time.Time, n int, err error)
	Roles(ctx context.Context, id care.Staff) ([]role.Role, error)
}

// Factors keeps second factors; package roster does.
type Factors interface {
	Factor(ctx context.Context, id care.Staff) (bool, error)
	Enrol(ctx context.Context, id care.Staff) (seed, address string, err error)
	Confirm(ctx context.Context, id care.Staff, code string) error
	Check(ctx context.Context, id care.Staff, code string) error
}

// Sessions are begun and ended here; *session.Keeper is one.
type Sessions interface {
	Open(w http.ResponseWriter, r *http.Request, e session.Entry) error
	StepUp(r *http.Request) error
	Device(w http.ResponseWriter, r *http.Request, who store.Owner) (fresh bool, last time.Time, err error)
	Own(r *http.Request) ([]session.Listed, error)
	EndOwn(r *http.Request, mark string) error
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Door     Door
	People   People
	Factors  Factors
	Sessions Sessions
	Now      func() time.Time
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table. Who is in no session may come as far as the provider
// and back; the rest is for everybody who is logged in.
func Routes() []view.Route[Room] {
	line := func(method, pattern string, serve func(*Room, http.ResponseWriter, *http.Request), rooms ...role.Room) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: rooms, Serve: serve}
	}
	all := role.Rooms()
	return []view.Route[Room]{
		line("GET", "/login/vneid", (*Room).citizens),
		line("GET", "/login/staff", (*Room).workers),
		line("GET", "/oidc/callback", (*Room).callback),
		line("POST", "/login/role", (*Room).sit, all...),
		line("GET", "/account", (*Room).account, all...),
		line("POST", "/account/end", (*Room).end, all...),
		line("GET", "/account/step-up", (*Room).stepUp, all...),
		line("POST", "/account/step-up", (*Room).check, all...),
		line("GET", "/account/step-up/vneid", (*Room).again, all...),
		line("GET", "/account/factor", (*Room).factor, all...),
		line("POST", "/account/factor", (*Room).confirm, all...),
	}
}

// ErrRole (login.role): not a role of who asks for it.
var ErrRole = fault.New(fault.Withheld, "login.role", "Danh tính này không có vai trò đó.", "This role is not yours.")

func (a *Room) citizens(w http.ResponseWriter, r *http.Request) { a.lead(w, r, Citizens) }
func (a *Room) workers(w http.ResponseWriter, r *http.Request)  { a.lead(w, r, Staff) }

// lead leads to the one provider there is, or lets choose among several.
func (a *Room) lead(w http.ResponseWriter, r *http.Request, who string) {
	ways, err := a.Door.Ways(r.Context(), who)
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	id := r.URL.Query().Get("provider")
	if id == "" && len(ways) == 1 {
		id = ways[0].ID
	}
	if id == "" {
		a.frame.Show(w, r, http.StatusOK, waysPage(a.frame.Page(r, "", "account.ways"), ways, r.URL.Path, session.LocalPath(r.URL.Query().Get("next"))))
		return
	}
	for _, way := range ways {
		if way.ID == id {
			a.out(w, r, id, Ask{Next: session.LocalPath(r.URL.Query().Get("next"))})
			return
		}
	}
	a.frame.Fail(w, r, errWay)
}

var errWay = fault.New(fault.Absent, "login.provider", "Cách đăng nhập này không có.", "There is no such way to log in.")

func (a *Room) out(w http.ResponseWriter, r *http.Request, provider string, ask Ask) {
	to, err := a.Door.Begin(w, r, provider, ask)
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// callback takes a provider's answer: somebody logs in, or steps up.
func (a *Room) callback(w http.ResponseWriter, r *http.Request) {
	came, err := a.Door.Finish(w, r)
	if err == nil {
		switch {
		case came.Ask.Session != "":
			err = a.stepped(w, r, came)
		case came.For == Citizens:
			err = a.citizen(w, r, came)
		default:
			err = a.worker(w, r, came)
		}
	}
	if err != nil {
		a.frame.Fail(w, r, err)
	}
}

func (a *Room) citizen(w http.ResponseWriter, r *http.Request, came Came) error {
	person, err := a.People.Citizen(r.Context(), came)
	if err != nil {
		return err
	}
	fresh, _, err := a.Sessions.Device(w, r, store.Owner{Person: person})
	if err != nil {
		return err
	}
	if fresh {
		if err := a.People.NewDevice(r.Context(), person, session.Browser(r.UserAgent())); err != nil {
			return err
		}
	}
	citizen := role.Role{Kind: role.Citizen}
	if err := a.Sessions.Open(w, r, session.Entry{Role: citizen, Name: came.Name, Person: person, Level: came.Level}); err != nil {
		return err
	}
	a.on(w, r, came.Ask.Next, citizen)
	return nil
}

// on goes where somebody wanted to, or to the first page of their role.
func (a *Room) on(w http.ResponseWriter, r *http.Request, next string, as role.Role) {
	if next = session.LocalPath(next); next == "" {
		next = view.Home(as)
	}
	a.frame.See(w, r, next)
}

func (a *Room) worker(w http.ResponseWriter, r *http.Request, came Came) error {
	s, err := a.People.Arrive(r.Context(), came)
	if err != nil {
		return err
	}
	fresh, last, err := a.Sessions.Device(w, r, store.Owner{Staff: s.ID})
	if err != nil {
		return err
	}
	if err := a.People.Unused(r.Context(), s, last); err != nil {
		return err
	}
	if fresh {
		if err := a.People.NewStaffDevice(r.Context(), s.ID, session.Browser(r.UserAgent())); err != nil {
			return err
		}
	}
	roles, err := a.People.Roles(r.Context(), s.ID)
	if err != nil {
		return err
	}
	if len(roles) == 0 {
		return ErrRole
	}
	if err := a.Sessions.Open(w, r, session.Entry{Role: roles[0], Name: came.Name, Staff: s.ID, Level: came.Level}); err != nil {
		return err
	}
	if len(roles) > 1 { // the first one holds until another is chosen
		a.frame.See(w, r, "/account?"+url.Values{"choose": {"1"}, "next": {session.LocalPath(came.Ask.Next)}}.Encode())
		return nil
	}
	a.on(w, r, came.Ask.Next, roles[0])
	return nil
}

// field reads a short form field.
func field(w http.ResponseWriter, r *http.Request, name string, limit int) string {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}
