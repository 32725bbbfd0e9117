package looks

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/bench"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/role"
)

// Cast is who reads what while the hub is killed again and again: made on a hub
// in this process before, kept in its store.
type Cast struct {
	System         System // its Token is replaced by each line's
	User, Password string // of that facility at the gateway
	Own            []dossier.ID
	People         []Part
	Clinician      *http.Cookie // sessions
	Urgent         *http.Cookie // stepped up; made anew before each start
}

// Part is one person whom others read about, and who reads themself.
type Part struct {
	Patient
	Present, Glass consent.OpeningID
	Citizen        *http.Cookie
}

// PartOf makes openings of a person and takes their session as it was granted.
func (h *Hub) PartOf(ctx context.Context, p Patient, staff [16]byte, citizen *http.Cookie) (part Part, err error) {
	part = Part{Patient: p, Citizen: citizen}
	if part.Present, err = h.begin(ctx, p.Person, policy.Presence, staff, consent.ID{}); err != nil {
		return part, err
	}
	part.Glass, err = h.begin(ctx, p.Person, policy.BreakGlass, staff, consent.ID{})
	return part, err
}

// Line leads to the hub as it runs now.
type Line struct {
	URL    string
	Bearer func(ctx context.Context, facility string) (string, error)
	Close  func()
}

// AuditConfig says how long is read and how often the hub is killed.
type AuditConfig struct {
	Cast Cast
	// Start starts the hub, and Kill ends it at once (SIGKILL).
	Start     func(ctx context.Context, c *Cast) (Line, error)
	Kill      func() error
	Reads     int           // asked for
	For       time.Duration // at most
	KillEvery time.Duration // default 20 s, half to half as much again
	Workers   int           // default 8
}

// The ways of reading.
const (
	ownWay = iota
	pageWay
	setWay
	bookWay
	cardWay
	doorWay
	ways
)

var wayNames = [ways]string{"own records by API", "a document under an opening", "the emergency set", "the citizen's book", "gateway history", "HIS door"}

// shares are in 20 reads.
var shares = [ways]int{ownWay: 11, pageWay: 2, setWay: 1, bookWay: 3, cardWay: 2, doorWay: 1}

// Taken is what left the hub: when, and what it was of.
type Taken struct {
	mu     sync.Mutex
	bodies map[key][]span
	ways   [ways]int64
	cut    int64 // bodies that broke off; they left too
	failed int64 // no answer, for the hub was dead
	turned int64
	odd    map[string]int64 // answers of another kind

	reads, kills int
	took         time.Duration
}

// key is what a row is about: a record, or all under an opening, and as whom.
type key struct {
	id   string
	role string
}

// span is from before the request to after the body, in microseconds.
type span struct{ from, to int64 }

// Audit reads as everybody at once and kills the hub on the way.
func Audit(ctx context.Context, c AuditConfig) (*Taken, error) {
	if c.KillEvery <= 0 {
		c.KillEvery = 20 * time.Second
	}
	if c.Workers <= 0 {
		c.Workers = 8
	}
	t := &Taken{bodies: map[key][]span{}, odd: map[string]int64{}}
	began := time.Now()
	var left atomic.Int64
	left.Store(int64(c.Reads))
	for left.Load() > 0 && time.Since(began) < c.For {
		line, err := c.Start(ctx, &c.Cast)
		if err != nil {
			return t, err
		}
		err = c.stretch(ctx, t, line, &left, c.For-time.Since(began))
		line.Close()
		if err != nil {
			return t, err
		}
		t.kills++
	}
	t.reads, t.took = c.Reads-int(left.Load()), time.Since(began)
	return t, nil
}

// stretch reads until the hub is killed in the midst of it.
func (c *AuditConfig) stretch(ctx context.Context, t *Taken, line Line, left *atomic.Int64, rest time.Duration) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	hub := Hub{URL: line.URL, System: c.Cast.System}
	hub.System.Token = func(ctx context.Context) (string, error) { return line.Bearer(ctx, string(hub.System.Facility)) }
	var all sync.WaitGroup
	gateway := &gatewayUser{hub: &hub, user: c.Cast.User, password: c.Cast.Password}
	if err := gateway.login(ctx); err != nil {
		return errors.Join(err, c.Kill())
	}
	for range c.Workers {
		all.Go(func() {
			w := &auditor{cast: &c.Cast, hub: hub, line: line, gateway: gateway, taken: t, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
				Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
			defer w.client.CloseIdleConnections()
			for ctx.Err() == nil && left.Add(-1) >= 0 {
				w.one(ctx)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-time.After(min(c.KillEvery/2+mrand.N(c.KillEvery), max(rest, time.Second))):
	case <-done:
	}
	err := c.Kill() // while they read
	stop()
	<-done
	left.Store(max(left.Load(), 0))
	return err
}

// auditor reads one thing after the other.
type auditor struct {
	cast    *Cast
	hub     Hub
	line    Line
	client  *http.Client
	gateway *gatewayUser
	taken   *Taken
}

// one reads something, and notes what left the hub.
func (w *auditor) one(ctx context.Context) {
	way, n := 0, mrand.N(20)
	for ; n >= shares[way]; way++ {
		n -= shares[way]
	}
	p := &w.cast.People[mrand.N(len(w.cast.People))]
	id := p.Records[mrand.N(len(p.Records))]
	at := string(w.cast.System.Facility)
	clinician := role.Role{Kind: role.Clinician, ID: at}.String()
	from := time.Now()
	var body []byte
	var status int
	var keys []key
	switch way {
	case ownWay:
		id = w.cast.Own[mrand.N(len(w.cast.Own))]
		token, err := w.line.Bearer(ctx, string(id.Facility))
		if err != nil {
			status = -1
			break
		}
		body, status = w.get(ctx, "/api/v1/records/"+id.String()+"/content", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		keys = []key{{id.String(), role.Role{Kind: role.Facility, ID: string(id.Facility)}.String()}}
	case pageWay:
		body, status = w.get(ctx, "/openings/"+hex.EncodeToString(p.Present[:])+"/records/"+id.String(), func(r *http.Request) { r.AddCookie(w.cast.Clinician) })
		keys = []key{{id.String(), clinician}}
	case setWay:
		body, status = w.get(ctx, "/emergency/set/"+hex.EncodeToString(p.Glass[:]), func(r *http.Request) { r.AddCookie(w.cast.Urgent) })
		keys = []key{{hex.EncodeToString(p.Glass[:]), clinician}}
	case bookWay:
		body, status = w.get(ctx, "/me/records/"+id.String(), func(r *http.Request) { r.AddCookie(p.Citizen) })
		keys = []key{{id.String(), role.Role{Kind: role.Citizen}.String()}}
	case cardWay, doorWay:
		body, status = w.told(ctx, way, &p.Patient)
		as := clinician
		if way == cardWay {
			as = role.Role{Kind: role.Facility, ID: at}.String()
		}
		for _, id := range p.Records {
			if strings.Contains(string(body), id.String()) {
				keys = append(keys, key{id.String(), as})
			}
		}
	}
	w.taken.note(ctx, way, status, body, keys, span{from.UnixMicro(), time.Now().UnixMicro() + 1})
}

// told asks by the gateway or the door; -1: no answer.
func (w *auditor) told(ctx context.Context, way int, p *Patient) (body []byte, status int) {
	var err error
	if way == cardWay {
		body, _, err = w.gateway.history(ctx, p)
	} else {
		body, err = w.hub.ask(ctx, "000001/SO", p.Number)
	}
	switch {
	case errors.Is(err, bench.ErrTurnedAway):
		return nil, http.StatusTooManyRequests
	case err != nil:
		return nil, -1
	}
	return body, http.StatusOK
}

// get returns what arrived of an answer; -1: none did.
func (w *auditor) get(ctx context.Context, path string, sign func(*http.Request)) ([]byte, int) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, w.line.URL+path, nil)
	if err != nil {
		return nil, -1
	}
	sign(req)
	res, err := w.client.Do(req)
	if err != nil {
		return nil, -1
	}
	defer res.Body.Close() // read as far as it came
	body, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil {
		return body, -res.StatusCode
	}
	return body, res.StatusCode
}

func (t *Taken) note(ctx context.Context, way, status int, body []byte, keys []key, s span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case status == http.StatusOK || status == -http.StatusOK && len(body) > 0:
		t.ways[way]++
		if status < 0 {
			t.cut++
		}
		for _, k := range keys {
			t.bodies[k] = append(t.bodies[k], s)
		}
		if len(keys) == 0 {
			t.odd[wayNames[way]+": an answer without a record"]++
		}
	case status < 0:
		t.failed++
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		t.turned++
	case ctx.Err() == nil:
		t.odd[fmt.Sprintf("%s: status %d", wayNames[way], status)]++
	}
}
