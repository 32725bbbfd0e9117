// Package gateway speaks the insurer gateway's own interface to hospital
// systems, so that a HIS changes nothing but the base address: token/take, the
// two submissions of QĐ 4750 and QĐ 3176, the check-ins, the look-up of a card,
// and the look-up of a submission as Hanoi's axis has it (domain/vietnam.md §2.1
// and §2.3). The hub and the agent on a facility's own machine serve the same
// doors over their own Accounts, Submitter and Cards.
//
// Every answer has HTTP 200 and says in maKetQua what became of the request, as
// the insurer's does; doc/guide/gateway.md has the table. It decides nothing
// about a dossier, asks no insurer, and is not the hub's own interface (web/api).
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/bucket"
	"lienthong/internal/web/inbound"
	"lienthong/internal/web/trace"
)

// Accounts knows who may come in, and keeps sessions and failed logins.
// store.Gateways does for a hub, Alone for an agent.
type Accounts interface {
	Account(ctx context.Context, user string) (store.GatewayAccount, error)
	Failures(ctx context.Context, who []string, since time.Time) ([]store.GatewayFailures, error)
	Failed(ctx context.Context, who []string, at, since time.Time) error
	Passed(ctx context.Context, who []string, pair string, at, since time.Time) error
	Let(ctx context.Context, pair string, since time.Time) (bool, error)
	Begin(ctx context.Context, s store.GatewaySession, now time.Time) error
	Session(ctx context.Context, token [32]byte, now time.Time) (store.GatewaySession, error)
}

// Sender is who sends: the account, and the facility it is of.
type Sender struct {
	Facility care.FacilityCode
	User     string
	Software string // as its request says: header Software, else User-Agent
}

// Name is the sender as rows keep it: "gateway:79901_BV".
func (s Sender) Name() string { return "gateway:" + s.User }

// Submitter takes files in: a hub decides and commits, an agent spools. It
// returns only when what it answers is durable.
type Submitter interface {
	// Arrive puts what is reserved under the context it returns on the sender's
	// account, so that room is shared out fairly.
	Arrive(ctx context.Context, from Sender) context.Context
	// Reserve keeps room in memory for a body; fault.Busy without any.
	Reserve(ctx context.Context, bytes int64) (release func(), err error)
	// Submit takes one file, whose lane is the check-in's or the dossier's. An
	// error means that the whole file was refused or deferred.
	Submit(ctx context.Context, from Sender, file []byte, checkIn bool) (Outcome, error)
	// Refuse keeps that a file was refused before it could be handed on.
	Refuse(ctx context.Context, from Sender, size int64, why *fault.Error) error
	// Status tells what became of a reference; fault.Absent for one that is not
	// the sender's.
	Status(ctx context.Context, from Sender, reference string) (Outcome, error)
	// RetryAfter is how many seconds who was turned away with an error should wait.
	RetryAfter(err error) int
}

// Config has the limits of the doors; zero values take what is named.
type Config struct {
	FileLimit    int64         // bytes of a decoded file; 32 MiB
	Life         time.Duration // of a token, fixed; 10 minutes
	RatePerS     float64       // requests a second of one account; 50
	Burst        int           // 100
	LoginsPerS   float64       // logins a second from one address; 5
	LoginBurst   int           // 100
	Hashing      int           // passwords hashed at once; half of the processors
	Waiting      int           // logins that may wait for that; 64
	Cost         Cost          // of the hash that stands in for an unknown user's; HubCost
	MinimumSpeed int64         // bytes a second a sender must reach; 1,024
	Grace        time.Duration // waited before its speed is judged; 10 s
	Pause        time.Duration // longest silence of a sender; 15 s
}

func (c Config) withDefaults() Config {
	c.FileLimit = cmp.Or(c.FileLimit, 32<<20)
	c.Life = cmp.Or(c.Life, 10*time.Minute)
	c.RatePerS = cmp.Or(c.RatePerS, 50)
	c.Burst = cmp.Or(c.Burst, 100)
	c.LoginsPerS = cmp.Or(c.LoginsPerS, 5)
	c.LoginBurst = cmp.Or(c.LoginBurst, 100)
	c.Hashing = cmp.Or(c.Hashing, max(1, runtime.GOMAXPROCS(0)/2))
	c.Waiting = cmp.Or(c.Waiting, 64)
	c.Cost = cmp.Or(c.Cost, HubCost())
	c.MinimumSpeed = cmp.Or(c.MinimumSpeed, 1024)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Pause = cmp.Or(c.Pause, 15*time.Second)
	return c
}

// Deps is what the doors work with.
type Deps struct {
	Accounts  Accounts
	Submitter Submitter
	Cards     Cards     // nil: the form of a card is checked and nobody is asked
	Histories Histories // nil: nothing is known of visits elsewhere
	Clock     clock.Clock
	Logger    *slog.Logger
}

// Gateway serves the doors.
type Gateway struct {
	Deps
	cfg    Config
	bodies *inbound.Door
	logins *turns
	by     *bucket.Buckets // of accounts
	from   *bucket.Buckets // of addresses that log in
	wrong  *bucket.Buckets // of tokens shown with a wrong passwordHash
	dummy  string          // hash that no password fits
}

// New returns a gateway.
func New(d Deps, c Config) (*Gateway, error) {
	c = c.withDefaults()
	if d.Accounts == nil || d.Submitter == nil || d.Clock == nil || d.Logger == nil {
		return nil, errors.New("gateway: a part is missing")
	}
	if d.Cards == nil {
		d.Cards = Unasked{}
	}
	dummy, err := fitsNobody(c.Cost)
	if err != nil {
		return nil, err
	}
	return &Gateway{Deps: d, cfg: c, dummy: dummy, logins: newTurns(c.Hashing, c.Waiting),
		by: bucket.New(c.RatePerS, c.Burst), from: bucket.New(c.LoginsPerS, c.LoginBurst), wrong: bucket.New(1, 5),
		bodies: inbound.New(inbound.Limits{Expansion: 100, MinimumSpeed: c.MinimumSpeed, Grace: c.Grace, Pause: c.Pause,
			Streams: 16, StreamsEach: 4, Busy: intake.ErrBusy})}, nil
}

// Prefixes are the paths the gateway answers under.
func Prefixes() []string {
	return []string{"/api/token/", "/api/qd130/", "/api/egw/", "/api/kcb/"}
}

// Register puts the doors into mux.
func (g *Gateway) Register(mux *http.ServeMux) {
	for _, p := range Prefixes() {
		mux.Handle(p, g)
	}
}

// door is one interaction; name is what logs call it, never the path as sent.
type door struct {
	method, name string
	handle       func(g *Gateway, w http.ResponseWriter, r *http.Request) error
	refused      func(f *fault.Error) any // in the shape that callers of this door read
	discloses    bool                     // clinical content may leave by it
}

// Doors names the paths of all interactions, and whether clinical content may
// leave by them, for the walk of all routes.
func Doors() map[string]bool {
	out := map[string]bool{}
	for _, path := range []string{"/api/token/take", "/api/qd130/guiHoSoXmlQD4750", "/api/qd130/guiHoSoXmlQD3176", "/api/qd130/guiHoSoXmlQD130",
		"/api/qd130/checkInKcbQD4750", "/api/qd130/checkInKcbQD3176", "/api/qd130/checkInKcbQD130", "/api/egw/KQNhanLichSuKCB2024", statusPath + "{ref}"} {
		d, ok := doorOf(path)
		if ok {
			out[d.method+" "+path] = d.discloses
		}
	}
	return out
}

const statusPath = "/api/kcb/tra-cuu-trang-thai/"

// doorOf finds the door of a path. The insurer's server minds no case.
func doorOf(path string) (door, bool) {
	switch strings.ToLower(strings.TrimSuffix(path, "/")) {
	case "/api/token/take":
		return door{http.MethodPost, "token/take", (*Gateway).take, untaken, false}, true
	case "/api/qd130/guihosoxmlqd4750", "/api/qd130/guihosoxmlqd3176", "/api/qd130/guihosoxmlqd130":
		return door{http.MethodPost, "guiHoSoXml", (*Gateway).dossiers, refusalOf, false}, true
	case "/api/qd130/checkinkcbqd4750", "/api/qd130/checkinkcbqd3176", "/api/qd130/checkinkcbqd130":
		return door{http.MethodPost, "checkInKcb", (*Gateway).checkIn, refusalOf, false}, true
	case "/api/egw/kqnhanlichsukcb2024":
		return door{http.MethodPost, "KQNhanLichSuKCB2024", (*Gateway).history, unanswered, true}, true
	}
	if len(path) > len(statusPath) && strings.EqualFold(path[:len(statusPath)], statusPath) {
		return door{http.MethodGet, "tra-cuu-trang-thai", (*Gateway).status, refusalOf, false}, true
	}
	return door{}, false
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	d, ok := doorOf(r.URL.Path)
	if !ok {
		g.write(w, http.StatusNotFound, refusalOf(errPath))
		return
	}
	if r.Method != d.method {
		h.Set("Allow", d.method)
		g.write(w, http.StatusMethodNotAllowed, refusalOf(errMethod))
		return
	}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer g.recovered(w, r, d)
		if err := d.handle(g, w, r); err != nil {
			g.fail(w, r, d, err)
		}
	})
	if d.discloses {
		trace.Guard(g.Logger, serve).ServeHTTP(w, r)
		return
	}
	serve(w, r)
}

// recovered turns a defect met by one request into its answer.
func (g *Gateway) recovered(w http.ResponseWriter, r *http.Request, d door) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		g.fail(w, r, d, fmt.Errorf("panic: %v", p))
	}
}

// fail answers with an error. What is broken is logged with the name of the
// door: a path or query of this interface never reaches a log.
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, d door, err error) {
	f := fault.Of(err)
	if f.Kind == fault.Broken && r.Context().Err() == nil {
		g.Logger.ErrorContext(r.Context(), "request failed", "door", d.name, "code", f.Code, "error", err)
	}
	g.deferred(w, err)
	// The server, too, reads on before it answers, and without end.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	if f.Code != errSlow.Code && f.Code != errCut.Code {
		readOff(r)
	}
	disclose.Nothing(r.Context()) // an error, with HTTP 200 as all answers here
	g.write(w, http.StatusOK, d.refused(f))
}

// deferred says when to come again, where that may help.
func (g *Gateway) deferred(w http.ResponseWriter, err error) {
	k := fault.KindOf(err)
	if w.Header().Get("Retry-After") == "" && (k == fault.Busy || k == fault.TooMany || k == fault.Broken) {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, g.Submitter.RetryAfter(err))))
	}
}

// patience is how long a body nobody wanted is read.
const patience = 2 * time.Second

// readOff reads for a moment what is left of a body that was not wanted, so
// that its sender hears the answer instead of a connection reset.
func readOff(r *http.Request) {
	if r.Body == nil {
		return
	}
	const most = 2 << 20
	buf := make([]byte, 32<<10)
	end := time.Now().Add(patience)
	for n := 0; n < most && time.Now().Before(end); {
		k, err := r.Body.Read(buf)
		if n += k; err != nil {
			return
		}
	}
}

// addressOf is the network address a request came from, without its port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// networkOf is what tries are counted by: an IPv4 address, or of an IPv6 address
// the /64, whose 2^64 addresses are one sender's.
func networkOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil { // not reached: every IPv6 address has one
		return address
	}
	return p.Masked().String()
}
