//go:build linux

package chaos_test

import (
	"context"
	"testing"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/chaos"
	"lienthong/internal/courier"
	"lienthong/internal/hub"
)

// offline has the agents work without a line for some simulated hours, be killed
// meanwhile, and send when it is back, over a line that loses answers; then again
// killed in the midst of it. forget: they come back without their spool.
func offline(t *testing.T, run *chaos.Run, hours int, forget bool) (c *country, kills int) {
	t.Helper()
	c = founds(t, run, "", nil)
	c.wrongs = true
	url := "http://" + c.address
	c.line.down.Store(true)
	r := run.Rand("offline", hours)
	kill := func(p *post) {
		disk := p.snapshot(t)
		if forget {
			disk = t.TempDir()
		}
		c.killed(p, disk, url)
		kills++
	}
	for hour := range hours {
		c.takes(2)
		c.steps()
		if hour%7 == 3 {
			for _, p := range c.posts {
				if r.IntN(2) == 0 {
					kill(p)
				}
			}
		}
		c.clock.Advance(time.Hour)
	}
	if n := len(c.insurer.Records(tally.Select{})); n > 0 {
		t.Errorf("%d files arrived without a line", n)
	}
	disks := map[string]string{}
	c.line.lost = func() { // the hub has it, the agent does not know: here it is killed
		for code, p := range c.posts {
			disks[code] = p.snapshot(t)
		}
	}
	c.line.lose.Store(5)
	c.line.down.Store(false)
	for range 6 {
		c.steps()
		for code, disk := range disks {
			c.killed(c.posts[code], disk, url)
			kills++
		}
		clear(disks)
		c.clock.Advance(time.Minute)
	}
	c.line.lose.Store(0)
	if left := c.drains(6); left > 0 {
		t.Errorf("%s (seed %d): %d files are left after six hours with a line", run.Name, run.Seed, left)
	}
	return c, kills
}

// R6: the agent is offline for 72 simulated hours, killed meanwhile, and then
// everything arrives exactly once. (That each episode and lane is in order is
// held by package station, against a hub that keeps the order.)
func TestR6AgentOffline(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R6 agent offline", Quick: 72, All: 720})
	c, kills := offline(t, run, run.Rounds, false)
	lost, doubled := c.account()
	if lost > 0 || doubled > 0 || kills == 0 {
		t.Errorf("%s (seed %d): %d kills, %d lost, %d doubled", run.Name, run.Seed, kills, lost, doubled)
	}
	bad, _ := offline(t, run, 24, true)
	gone, _ := bad.account()
	run.Control(gone > 0, "agents that come back without their spool lose %d of %d", gone, len(bad.taken))
	run.End("%d simulated hours offline, agents killed %d times, %d files: 0 lost, 0 doubled", run.Rounds, kills, len(c.taken))
}

// R23: after a bad day both sides count the same, to the record: what was taken
// is accepted, rejected or still to be sent.
func TestR23Reconcile(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R23 reconcile", Quick: 12, All: 200})
	c, kills := offline(t, run, run.Rounds, false)
	c.line.down.Store(true)
	c.takes(5) // these stay
	c.steps()
	c.line.down.Store(false)
	_, accepted, rejected := c.ledgered()
	ctx, sums, pending := context.Background(), map[spool.Outcome]int{}, 0
	days := map[string]bool{}
	for _, p := range c.posts {
		pending += p.waits(t)
		for day := dawn; !day.After(c.clock.Now()); day = day.Add(24 * time.Hour) {
			said, err := p.station.Reconcile(ctx, day)
			check(t, err)
			days[said.Day] = true
			if !said.Equal || len(said.Missing) > 0 || len(said.Extra) > 0 {
				t.Errorf("%s (seed %d): %s on %s: %+v", run.Name, run.Seed, p.code, said.Day, said.Result)
			}
			if said.Counts.Sent != said.Counts.Accepted+said.Counts.Rejected {
				t.Errorf("%s (seed %d): %s on %s: the hub counts %+v", run.Name, run.Seed, p.code, said.Day, said.Counts)
			}
			sums[spool.WasAccepted] += said.Counts.Accepted
			sums[spool.WasRejected] += said.Counts.Rejected
		}
	}
	if sums[spool.WasAccepted] != accepted || sums[spool.WasRejected] != rejected || len(c.taken) != accepted+rejected+pending || pending != 5 || rejected == 0 {
		t.Errorf("%s (seed %d): %d taken; the hub keeps %d accepted, %d rejected; by the days' manifests %v; %d wait", run.Name, run.Seed, len(c.taken), accepted, rejected, sums, pending)
	}
	// The control: an agent whose journal is gone does not agree.
	seen := 0
	for _, p := range c.posts {
		c.killed(p, t.TempDir(), "http://"+c.address)
		for day := dawn; !day.After(c.clock.Now()); day = day.Add(24 * time.Hour) {
			said, err := p.station.Reconcile(ctx, day)
			check(t, err)
			if !said.Equal {
				seen += len(said.Extra)
			}
		}
	}
	run.Control(seen == accepted+rejected, "agents without a journal: %d of %d records named", seen, accepted+rejected)
	run.End("%d facilities, %d days, %d kills: %d taken = %d accepted + %d rejected + %d waiting, on both sides", len(c.posts), len(days), kills, len(c.taken), accepted, rejected, pending)
}

// R24: one upload to the hub and to the insurer, each exactly once, while either
// side is down for a day of the simulated clock.
func TestR24EitherSideDownForADay(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R24 either side down for a day", Quick: 1, All: 20})
	files := 0
	for range run.Rounds {
		c := founds(t, run, "down:from=1h:for=24h", nil)
		files += aDayWithout(c)
		if lost, doubled := c.account(); lost > 0 || doubled > 0 {
			t.Errorf("%s (seed %d): at the hub %d lost, %d doubled", run.Name, run.Seed, lost, doubled)
		}
		if missing, doubled := c.atInsurer(); missing != 0 || doubled > 0 {
			t.Errorf("%s (seed %d): at the insurer %d missing, %d doubled; %d legs wait, %d are parked", run.Name, run.Seed, missing, doubled,
				c.legs("waiting"), c.legs("parked"))
		}
	}
	bad := founds(t, run, "down:from=1h:for=24h", func(cfg *hub.Config) {
		cfg.Delivery.Adapters = map[string]courier.Adapter{"insurer": deaf{insurer.New(outbound.New(time.Minute), cfg.Clock)}}
	})
	aDayWithout(bad)
	missing, _ := bad.atInsurer()
	run.Control(missing > 0, "a bridge that takes silence for success: %d of %d missing at the insurer", missing, len(bad.taken))
	run.End("%d files over days without the insurer and without the hub: each once at the hub, each that was accepted once at the insurer", files)
}

// aDayWithout sends while the insurer is down for a day, and while the hub is.
func aDayWithout(c *country) int {
	c.takes(10)
	c.drains(1)
	for range 25 { // the insurer is down from the second hour
		c.takes(1)
		c.drains(1)
		c.advance(time.Hour)
	}
	c.delivers(48)
	c.line.down.Store(true) // and now the hub
	for range 24 {
		c.takes(1)
		c.steps()
		c.advance(time.Hour)
	}
	c.line.down.Store(false)
	c.drains(12)
	c.delivers(48)
	return len(c.taken)
}
