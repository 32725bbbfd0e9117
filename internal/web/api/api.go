// Package api is the hub's own HTTP interface, /api/v1: what facilities' systems
// and agents speak (DESIGN §6). One file for each interaction. The public ledger
// is in web/tlog, described here with the rest; pages for people are in
// web/portal, statuses in web/problem.
package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/bucket"
	"lienthong/internal/web/delivery"
	"lienthong/internal/web/edge"
	"lienthong/internal/web/inbound"
	"lienthong/internal/web/problem"
	"lienthong/internal/web/squeeze"
	"lienthong/internal/web/trace"
)

// Caller is who makes a request.
type Caller struct {
	Role   role.Role
	Client string // credential; "" for a person's session
	Name   string // as rows keep it: "client:79901-1", "session:operator"
}

// Callers tells who makes a request. Fault: token.invalid.
type Callers interface {
	Caller(r *http.Request) (Caller, error)
}

// Intake takes files in; *intake.Intake does.
type Intake interface {
	Reserve(ctx context.Context, bytes int64, wait bool) (release func(), err error)
	Submit(ctx context.Context, from intake.Sender, f intake.File) ([]intake.Answer, error)
	SubmitAll(ctx context.Context, from intake.Sender, files []intake.File) []intake.Decided
	Wants(raw []byte) (sealed, papers bool)
	Stopping() bool
	Withdraw(ctx context.Context, from intake.Sender, id dossier.ID, reason string) (*intake.Result, error)
	RefuseUnread(ctx context.Context, from intake.Sender, size int64, why *fault.Error) error
	RetryAfter() int
	// Arrive counts a request to send; what is reserved under the context it
	// returns is on the sender's account. TurnedAway counts one not let in.
	Arrive(ctx context.Context, from intake.Sender, lane store.Lane) context.Context
	TurnedAway(ctx context.Context)
	// Reading makes room for a reader until done is called.
	Reading() (done func())
}

// Bundles makes evidence bundles; *bundle.Collector does. The look is durable
// before it returns.
type Bundles interface {
	Bundle(ctx context.Context, reader disclose.Reader, id dossier.ID) (zip []byte, redacted bool, err error)
}

// Deps is what the interface works with.
type Deps struct {
	Callers  Callers
	Intake   Intake
	Disclose *disclose.Discloser
	Slices   *store.Slices
	Receipts *evidence.Desk
	Rules    func() *quality.Pack
	Vault    *vault.Vault
	Clock    clock.Clock
	Logger   *slog.Logger
	Token    http.Handler
	Bundles  Bundles               // nil: no evidence bundles are given
	Rechecks Rechecks              // nil: nothing is known later
	Exchange delivery.Exchange     // acts on legs
	Plan     func() *exchange.Plan // where records go as of now; nil: nowhere
	Moves    delivery.Moves
	Ways     delivery.Ways
	Edge     *edge.Edge // nil: no agents are served beside what they send
}

// Config has the limits of the door; zero values are the design's.
type Config struct {
	Hub          string
	FileLimit    int64         // default 32 MiB
	TarLimit     int64         // default 512 MiB
	TarMembers   int           // default 10,000
	Expansion    int64         // default 100
	RatePerS     float64       // requests a second of one sender; default 50
	Burst        int           // default 100
	MinimumSpeed int64         // bytes a second a sender must reach; default 1,024
	Grace        time.Duration // waited for a sender before its speed is judged; default 10 s
	Pause        time.Duration // longest silence of a sender or reader; default 15 s
	Streams      int           // compressed bodies read at once; default 64
	StreamsEach  int           // and of one sender; default 16
}

func (c Config) withDefaults() Config {
	c.FileLimit = cmp.Or(c.FileLimit, 32<<20)
	c.TarLimit = cmp.Or(c.TarLimit, 512<<20)
	c.TarMembers = cmp.Or(c.TarMembers, 10_000)
	c.Expansion = cmp.Or(c.Expansion, 100)
	c.RatePerS = cmp.Or(c.RatePerS, 50)
	c.Burst = cmp.Or(c.Burst, 100)
	c.MinimumSpeed = cmp.Or(c.MinimumSpeed, 1024)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Pause = cmp.Or(c.Pause, 15*time.Second)
	c.Streams = cmp.Or(c.Streams, 64)
	c.StreamsEach = cmp.Or(c.StreamsEach, 16)
	return c
}

// API serves the interface.
type API struct {
	Deps
	cfg    Config
	rates  *bucket.Buckets
	seen   seen
	bodies *inbound.Door

	recounting sync.Mutex
}

// New returns the interface.
func New(d Deps, c Config) (*API, error) {
	c = c.withDefaults()
	if c.Hub == "" || d.Callers == nil || d.Intake == nil || d.Slices == nil {
		return nil, errors.New("api: a part is missing")
	}
	return &API{Deps: d, cfg: c, rates: bucket.New(c.RatePerS, c.Burst),
		bodies: inbound.New(inbound.Limits{Expansion: c.Expansion, MinimumSpeed: c.MinimumSpeed, Grace: c.Grace, Pause: c.Pause,
			Streams: c.Streams, StreamsEach: c.StreamsEach, Busy: intake.ErrBusy})}, nil
}

// Route is one door: its method and pattern, the room behind it, and who
// answers. The table is what the role and route test walks.
type Route struct {
	Method, Pattern string
	Room            role.Room // "" is public
	handle          func(a *API, w http.ResponseWriter, r *http.Request, who Caller) error
}

// Discloses reports whether clinical content or a list of a person's records may
// leave by the door: all of the room of content but receipts, which have none.
func (r Route) Discloses() bool {
	return r.Room == role.Content && !strings.HasSuffix(r.Pattern, "/receipt")
}

// Routes lists every door of the interface.
func Routes() []Route {
	return append(legDoors(), []Route{
		{"GET", "/api/v1/carriers", role.Messages, (*API).incoming}, {"GET", "/api/v1/mirror", role.Counts, (*API).incoming}, {"GET", "/api/v1/stats/books", role.Counts, (*API).incoming},
		{"POST", "/api/v1/submissions", role.Send, (*API).submit},
		{"GET", "/api/v1/records", role.Messages, (*API).list},
		{"GET", "/api/v1/records/{id}", role.Messages, (*API).record},
		{"GET", "/api/v1/records/{id}/content", role.Content, (*API).content},
		{"GET", "/api/v1/records/{id}/related", role.Content, (*API).related},
		{"GET", "/api/v1/records/{id}/original", role.Content, (*API).original},
		{"GET", "/api/v1/records/{id}/seal", role.Content, (*API).seal},
		{"GET", "/api/v1/records/{id}/papers/{n}", role.Content, (*API).paper},
		{"GET", "/api/v1/records/{id}/receipt", role.Content, (*API).receipt},
		{"GET", "/api/v1/records/{id}/evidence", role.Content, (*API).evidence},
		{"GET", "/api/v1/records/{id}/timeline", role.Messages, (*API).timeline},
		{"POST", "/api/v1/records/{id}/withdraw", role.Send, (*API).withdraw},
		{"GET", "/api/v1/records/{id}/legs", role.Messages, (*API).legs},
		{"POST", "/api/v1/records/{id}/legs/{destination}/send", role.Send, (*API).sendAnyway},
		{"GET", "/api/v1/refusals", role.Messages, (*API).refusals},
		{"GET", "/api/v1/stats/counts", role.Counts, (*API).counts},
		{"GET", "/api/v1/disclosures", role.Audit, (*API).disclosures},
		{"POST", "/api/v1/enrolments", "", (*API).enrolments},
		{"GET", "/api/v1/rules", role.Send, (*API).rules},
		{"GET", "/api/v1/feed", role.Send, (*API).feed},
		{"PUT", "/api/v1/manifests/{date}", role.Send, (*API).manifest},
		{"GET", "/api/v1/manifests", role.Counts, (*API).manifests},
		{"GET", "/openapi.json", "", (*API).openapi},
	}...)
}

// Register puts every door into mux.
func (a *API) Register(mux *http.ServeMux) {
	for _, route := range Routes() {
		serve := a.door(route)
		if route.Discloses() {
			serve = trace.Guard(a.Logger, serve).ServeHTTP
		}
		mux.HandleFunc(route.Method+" "+route.Pattern, squeeze.Handler(serve))
	}
	if a.Token != nil {
		mux.Handle("POST /oauth2/token", a.Token)
	}
}

var errRoom = fault.New(fault.Withheld, "role.not_allowed",
	"Vai trò này không dùng được chức năng này.", "This role may not use this.")

// door lets in who may enter the room, and turns errors into problems.
func (a *API) door(route Route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		defer a.recovered(w, r)
		who := Caller{}
		if route.Room != "" {
			var err error
			if who, err = a.Callers.Caller(r); err != nil {
				problem.Write(w, r, a.Logger, err)
				return
			}
			if !who.Role.May(route.Room) {
				problem.Write(w, r, a.Logger, errRoom)
				return
			}
			if route.Room == role.Send {
				r = a.arrive(r, who)
			}
			if slot := a.tooFast(who.Name); slot != nil {
				if route.Room == role.Send {
					a.Intake.TurnedAway(r.Context())
				}
				problem.WriteSlot(w, r, a.Logger, errRate, slot)
				return
			}
		}
		// Who reads finds a place; whom nobody knows does not hold intake back.
		if route.Method == http.MethodGet && route.Room != "" {
			defer a.Intake.Reading()()
		}
		if err := route.handle(a, w, r, who); err != nil {
			a.fail(w, r, err)
		}
	}
}

// recovered turns a defect met by one request into its answer; the operator
// sees it, the others do not notice.
func (a *API) recovered(w http.ResponseWriter, r *http.Request) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		a.fail(w, r, fmt.Errorf("panic: %v", p))
	}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.KindOf(err) == fault.Busy {
		problem.WriteSlot(w, r, a.Logger, err, a.slotOf(err))
		return
	}
	problem.Write(w, r, a.Logger, err)
}

func (a *API) sender(who Caller) intake.Sender {
	s := intake.Sender{Client: who.Client, Name: who.Name}
	if who.Role.Kind == role.Facility {
		s.Facility = care.FacilityCode(who.Role.ID)
	}
	return s
}

func (a *API) reader(r *http.Request, who Caller) disclose.Reader {
	return disclose.Reader{Role: who.Role, Name: who.Name, Route: r.Pattern, Reason: r.Header.Get("Disclosure-Reason")}
}
