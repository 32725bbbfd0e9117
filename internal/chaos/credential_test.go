//go:build linux

package chaos_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/chaos"
	"lienthong/internal/exchange"
	"lienthong/internal/hub"
)

// clone starts a second agent with the first's key, on a copy of its disk.
func (c *country) clone(p *post) *post {
	c.t.Helper()
	twin := &post{code: p.code, dir: p.snapshot(c.t), cred: p.cred}
	c.opens(twin, "http://"+c.address)
	return twin
}

// notices are the codes an agent shows.
func (p *post) notices(t testing.TB) (codes []string) {
	t.Helper()
	list, err := p.station.Notices(context.Background())
	check(t, err)
	for _, n := range list {
		codes = append(codes, n.Code)
	}
	return codes
}

// A credential that was revoked: the agent keeps everything and says so, the hub
// takes nothing; with a new credential everything arrives once.
func TestARevokedCredentialKeepsEverything(t *testing.T) {
	t.Parallel()
	c := founds(t, &chaos.Run{Plan: chaos.Plan{Name: "credentials"}, Seed: 7}, "", nil)
	c.takes(20)
	ctx := context.Background()
	for _, p := range c.posts {
		check(t, c.hub.Office.RevokeClient(ctx, "test", p.client))
	}
	check(t, c.hub.Trust.Refresh(ctx))
	for range 5 {
		c.steps()
		c.advance(10 * time.Minute)
	}
	if by, _, _ := c.ledgered(); len(by) != 0 {
		t.Errorf("%d files were taken from revoked credentials", len(by))
	}
	told := 0
	for _, p := range c.posts {
		if p.waits(t) > 0 && len(p.notices(t)) > 0 {
			told++
		}
	}
	if told == 0 {
		t.Error("no agent says that it is not let in")
	}
	for _, p := range c.posts {
		key, spki, err := agent.NewKey()
		check(t, err)
		id, kid, err := c.hub.Administer().AddClient(ctx, "test", p.code, spki)
		check(t, err)
		b, err := agent.MakeCredential(hubName, p.code, id, kid, key)
		check(t, err)
		p.cred, err = agent.ParseCredential(b)
		check(t, err)
		c.killed(p, p.snapshot(t), "http://"+c.address)
	}
	check(t, c.hub.Trust.Refresh(ctx))
	if left := c.drains(6); left > 0 {
		t.Errorf("%d files are left", left)
	}
	if lost, doubled := c.account(); lost > 0 || doubled > 0 {
		t.Errorf("%d lost, %d doubled", lost, doubled)
	}
}

// A stolen credential: a second agent with a copy of key and spool sends. The hub
// sees that the sequence goes two ways, hears neither from then on, and names the
// client; what it took is there once.
func TestTwoAgentsWithOneKeyAreNoticed(t *testing.T) {
	t.Parallel()
	c := founds(t, &chaos.Run{Plan: chaos.Plan{Name: "credentials"}, Seed: 7}, "", nil)
	c.takes(20)
	c.drains(1)
	ctx := context.Background()
	var p *post
	for _, x := range c.posts {
		if day, err := x.spool.Day(ctx, 20261122); err == nil && len(day) > 0 {
			p = x
			break
		}
	}
	twin := c.clone(p)
	sends := func(of *post) {
		c.posts[p.code] = of
		for range 12 { // some are for others
			c.takes(4)
			c.steps()
		}
	}
	sends(p)
	sends(twin)
	forks, err := c.hub.Slices.Enrolments.Forks(ctx)
	check(t, err)
	if len(forks) != 1 {
		t.Fatalf("%d forks are noticed", len(forks))
	}
	if len(twin.notices(t)) == 0 {
		t.Error("the second agent does not say so")
	}
	if _, doubled := c.account(); doubled > 0 {
		t.Errorf("%d doubled", doubled)
	}
}

// An insurer whose certificate nobody vouches for gets nothing; when the address
// is right again everything arrives once.
func TestADestinationWithAWrongCertificateGetsNothing(t *testing.T) {
	t.Parallel()
	c := founds(t, &chaos.Run{Plan: chaos.Plan{Name: "wrong certificate"}, Seed: 8}, "", func(cfg *hub.Config) { // the breaker goes by real time
		cfg.Delivery.Courier.Breaker = exchange.BreakerLaw{Failures: 5, Slow: time.Minute, Samples: 20, Open: 20 * time.Millisecond, Cap: 50 * time.Millisecond}
	})
	ctx := context.Background()
	seen := atomic.Int64{}
	wrong := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		c.insurer.ServeHTTP(w, r)
	}))
	wrong.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	wrong.StartTLS()
	t.Cleanup(wrong.Close)
	right, _, err := c.hub.Slices.Destinations.Destinations(ctx)
	check(t, err)
	entry := admin.Destination{ID: insurerID, Adapter: "insurer", Name: right[0].Name, URL: wrong.URL, Private: true, Closed: true, Parallel: 4}
	check(t, c.hub.Office.PutDestination(ctx, "test", entry))
	time.Sleep(1500 * time.Millisecond) // plans are read every second
	c.takes(10)
	c.drains(1)
	c.until("it was tried", func() bool {
		states, err := c.hub.Courier.Status(ctx)
		return err == nil && states[0].Code != ""
	})
	if n := seen.Load(); n > 0 || len(c.insurer.Records(tally.Select{})) > 0 || c.legs(exchange.Waiting) != 10 {
		t.Errorf("%d requests were handed over; %d legs wait", n, c.legs(exchange.Waiting))
	}
	entry.URL = right[0].URL
	check(t, c.hub.Office.PutDestination(ctx, "test", entry))
	time.Sleep(1500 * time.Millisecond)
	c.delivers(6)
	if missing, doubled := c.atInsurer(); missing != 0 || doubled != 0 {
		t.Errorf("%d missing, %d doubled", missing, doubled)
	}
}
