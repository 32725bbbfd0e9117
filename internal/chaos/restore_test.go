//go:build linux

package chaos_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/insurer"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/chaos"
	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/hub"
)

// noting is a bridge that notes what it was told to be a repetition.
type noting struct {
	courier.Adapter
	mu       sync.Mutex
	repeated map[dossier.ID]bool
}

func (a *noting) Deliver(ctx context.Context, p *courier.Parcel) exchange.Answer {
	a.mu.Lock()
	for _, l := range p.Legs {
		a.repeated[l.Record] = p.Repeated
	}
	a.mu.Unlock()
	return a.Adapter.Deliver(ctx, p)
}

// silent counts deliveries of what the insurer had that nobody said to be
// repetitions, and those that were said to be; and forgets them.
func (a *noting) silent() (unsaid, said int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.repeated {
		if r {
			said++
		} else {
			unsaid++
		}
	}
	clear(a.repeated)
	return unsaid, said
}

// R14: a hub restored from an older backup does not know what was delivered
// since. It sends again, and says so of each; what is new it does not say so of.
func TestR14RestoreOfLegs(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R14 restore of legs", Quick: 8, All: 300})
	unsaid, said, fresh, c := restoredLegs(t, run, true)
	if unsaid > 0 || said == 0 || fresh != 0 {
		t.Errorf("%s (seed %d): %d repetitions unsaid, %d said; %d new ones said to be repetitions", run.Name, run.Seed, unsaid, said, fresh)
	}
	again := 0
	for _, e := range c.insurer.Records(tally.Select{}) {
		if e.Duplicate {
			again++
		}
	}
	if again != said {
		t.Errorf("%s (seed %d): the insurer counts %d repetitions, the hub says %d", run.Name, run.Seed, again, said)
	}
	silently, _, _, _ := restoredLegs(t, run, false)
	run.Control(silently > 0, "files put back under a clock that is behind, without a restore: %d sent again in silence", silently)
	run.End("%d records delivered after the backup: each sent again is said to be a repetition, the insurer counts as many, and holds each once", said)
}

// restoredLegs delivers what was waiting when a backup was made, restores that,
// and delivers again. It counts what was sent again without and with a word, and
// how much of what is new was said to be a repetition.
func restoredLegs(t *testing.T, run *chaos.Run, properly bool) (unsaid, said, fresh int, c *country) {
	t.Helper()
	ctx := context.Background()
	var bridge *noting
	c = founds(t, run, "", func(cfg *hub.Config) {
		bridge = &noting{Adapter: insurer.New(outbound.New(time.Minute), cfg.Clock), repeated: map[dossier.ID]bool{}}
		cfg.Delivery.Adapters = map[string]courier.Adapter{"insurer": bridge}
	})
	check(t, c.hub.Office.DestinationDo(ctx, "test", insurerID, admin.DestinationPause))
	c.paused(true)
	c.takes(run.Rounds)
	c.drains(1)
	backup := t.TempDir()
	c.restarts(c.dir, func() { check(t, os.CopyFS(backup, os.DirFS(c.dir))) })
	check(t, c.hub.Office.DestinationDo(ctx, "test", insurerID, admin.DestinationResume))
	c.paused(false)
	c.delivers(24)
	bridge.silent()
	had := c.insurer.Counts().Distinct
	c.restarts(backup, func() {
		if !properly {
			c.cfg.Clock = clock.NewFake(dawn.Add(-time.Hour)) // as if the process were older than its legs
			return
		}
		closeLog(t, c, backup)
	})
	check(t, c.hub.Office.DestinationDo(ctx, "test", insurerID, admin.DestinationResume))
	if late, ok := c.cfg.Clock.(*clock.Fake); ok && !properly {
		late.Advance(c.clock.Now().Sub(late.Now()) + time.Hour)
		c.clock = late
	}
	c.paused(false)
	c.delivers(24)
	unsaid, said = bridge.silent()
	if n := c.insurer.Counts().Distinct; n != had || unsaid+said != had {
		t.Errorf("%s (seed %d): the insurer had %d and has %d; %d were sent again", run.Name, run.Seed, had, n, unsaid+said)
	}
	if !properly {
		return unsaid, said, 0, c
	}
	c.takes(3)
	c.drains(1)
	c.delivers(24)
	_, fresh = bridge.silent()
	return unsaid, said, fresh, c
}

// paused waits until the courier knows.
func (c *country) paused(want bool) {
	c.t.Helper()
	c.until("the destination is as it was set", func() bool {
		states, err := c.hub.Courier.Status(context.Background())
		return err == nil && len(states) == 1 && !states[0].Paused.IsZero() == want
	})
}

// closeLog does to a store what `lienthong restore` does: its log is closed with
// the last checkpoint known of it.
func closeLog(t testing.TB, c *country, dir string) {
	t.Helper()
	was := c.dir
	c.dir = dir
	s, err := c.cfg.Open(context.Background(), nil)
	c.dir = was
	check(t, err)
	head, err := s.Ledger.Head(context.Background(), 0)
	check(t, err)
	check(t, s.Ledger.CloseLog(context.Background(), 0, string(head.Checkpoint)))
	check(t, s.Close())
	if _, err := os.Stat(filepath.Join(dir, "main.db")); err != nil {
		t.Fatal(err)
	}
}
