// Package delivery is the portal's rooms about the ways out of records: how
// deliveries stand, acts on many of them, a record's own, how days compared,
// who waits to be let in, alarms, and rejects by the software that sent them. It
// asks the small interfaces below and shows what they answer; who may enter a
// room the portal checks, what is done package admin does.
package delivery

import (
	"context"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"lienthong/internal/admin"
	"lienthong/internal/admission"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Frame is what the portal lends its rooms: the page around them, and the way
// it answers.
type Frame interface {
	Page(r *http.Request, nav, titleKey string, args ...any) view.Page
	Show(w http.ResponseWriter, r *http.Request, status int, c templ.Component)
	Fail(w http.ResponseWriter, r *http.Request, err error)
	CSV(w http.ResponseWriter, r *http.Request, name string, rows [][]string)
	// Record returns what may be known of a record; a fault.Absent.
	Record(ctx context.Context, r role.Role, id dossier.ID) (view.Record, error)
}

// Legs lists deliveries as the reader may know them; masked.Legs over
// store.Legs has it.
type Legs interface {
	List(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.Leg, bool, error)
	Of(ctx context.Context, ids ...dossier.ID) ([]store.Leg, error)
}

// Office does what operators and facilities ask; *admin.Office has it.
type Office interface {
	CountLegs(ctx context.Context, a admin.LegAct) (int, error)
	SendAnyway(ctx context.Context, actor string, code care.FacilityCode, id dossier.ID, destination, reason string) error
	Enrolment(ctx context.Context) (admin.Enrolment, error)
	Approve(ctx context.Context, actor, client string) error
	Dismiss(ctx context.Context, actor, client string) error
	Exchange(ctx context.Context) (admin.Exchange, error)
}

// Moves does acts on many legs in the background; *admin.Moves has it.
type Moves interface {
	Begin(ctx context.Context, actor string, a admin.LegAct) (admin.Move, error)
	List() []admin.Move
	Get(id string) (admin.Move, error)
	Cancel(id string) (admin.Move, error)
}

// Survey counts what an operator looks at; store.Surveys has it.
type Survey interface {
	Stuck(ctx context.Context, scope role.Scope, f store.LegFilter) ([]store.LegGroup, error)
	Rejects(ctx context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error)
	Vendors(ctx context.Context) ([]store.Vendor, error)
}

// Days tells how days compared: with the facilities (store.Feeds) and with
// destinations that facilities send to by themselves (store.Inflow).
type Days interface {
	Manifests(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Manifest, error)
	Mirrors(ctx context.Context, scope role.Scope, facility care.FacilityCode, from, to int) ([]store.Mirror, error)
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Legs      Legs
	Office    Office
	Moves     Moves
	Survey    Survey
	Days      Days
	Alarms    Alarms
	Ways      func(context.Context) ([]admin.Way, error)
	Flow      func() admission.State
	Directory func() *facility.Directory
	Kinds     []string // of dossiers, for the filter
}

// Room serves the pages.
type Room struct {
	Deps
	frame Frame
}

// New returns the rooms within a frame.
func New(d Deps, f Frame) *Room { return &Room{d, f} }

// Route is one line of the table of routes.
type Route struct {
	Method, Pattern string
	Rooms           []role.Room
	Serve           func(*Room, http.ResponseWriter, *http.Request)
}

// Routes returns the table.
func Routes() []Route {
	in := func(rooms ...role.Room) []role.Room { return rooms }
	return []Route{
		{"GET", "/legs", in(role.Messages), (*Room).legs},
		{"POST", "/legs/act", in(role.Administer), (*Room).act},
		{"GET", "/legs/acts", in(role.Administer), (*Room).moves},
		{"GET", "/legs/acts/{move}", in(role.Administer), (*Room).move},
		{"POST", "/legs/acts/{move}/cancel", in(role.Administer), (*Room).cancel},
		{"POST", "/records/{id}/legs/{destination}/send", in(role.Send), (*Room).send},
		{"GET", "/reconciliation", in(role.Messages), (*Room).reconciliation},
		{"GET", "/enrolments", in(role.Administer), (*Room).enrolments},
		{"POST", "/enrolments/{client}/approve", in(role.Administer), (*Room).approve},
		{"POST", "/enrolments/{client}/dismiss", in(role.Administer), (*Room).dismiss},
		{"GET", "/alarms", in(role.Alarms), (*Room).alarms},
		{"POST", "/alarms/{alarm}/acknowledge", in(role.Alarms), (*Room).acknowledge},
		{"GET", "/software", in(role.Software), (*Room).software},
		{"GET", "/software.csv", in(role.Software), (*Room).softwareCSV},
	}
}

// actor names who sits at the browser in the acts kept.
func actor(p view.Page) string {
	return strings.TrimSpace("portal " + strings.Replace(p.Actor(), "/", " ", 1))
}

// name is a facility's short name, its code where it is not known.
func (x *Room) name(code care.FacilityCode) string {
	if d := x.Directory(); d != nil {
		if v, ok := d.Current(code); ok {
			return v.Name
		}
	}
	return ""
}

// field reads a short form field, "" when it is longer than limit.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}
