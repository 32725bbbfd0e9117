package sender_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/bench"
	"lienthong/internal/bench/sender"
	"lienthong/internal/synth"
)

// inside is an agent in this process.
type inside struct{ kill func() error }

func (a inside) Memory() (now, most int64) { return 40e6, 50e6 }
func (a inside) Kill() error               { return a.kill() }

// An agent looks at what is spooled while its hub is away, and sends it once
// there is one.
func TestASpoolIsSentPhaseByPhase(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small, DefectShare: -1})
	if err != nil {
		t.Fatal(err)
	}
	all, err := n.Outpatients(200)
	if err != nil {
		t.Fatal(err)
	}
	var list []synth.Submission
	for _, s := range all {
		if s.Facility == all[0].Facility {
			list = append(list, s)
		}
	}
	target := realTarget(t, n)
	dir, folder := t.TempDir(), t.TempDir()
	start := lineAgent(t, dir, folder, all[0].Facility, target.Credentials[all[0].Facility])
	phase := func(name, hub string, over func(sender.Left) bool, longest time.Duration) sender.Phase {
		return sender.Phase{Name: name, Over: over, Longest: longest, Start: func(ctx context.Context) (sender.Agent, error) {
			kill, err := start(ctx, hub)
			return inside{kill}, err
		}}
	}
	var used atomic.Int64
	away := phase("away", "http://127.0.0.1:1", sender.Left.Looked, time.Minute)
	away.Beside = func(context.Context) error { used.Add(1); return nil }
	r, err := sender.Spool(t.Context(), sender.SpoolConfig{Dossiers: len(list), Every: 20 * time.Millisecond,
		Make: func(i int) (bench.Dossier, error) {
			return bench.Dossier{Name: list[i].FileName, XML: list[i].XML}, nil
		},
		Spool: func(ctx context.Context) (*spool.Spool, error) {
			return spool.Open(ctx, filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{Guest: true})
		},
		Phases: []sender.Phase{away, phase("short", "http://127.0.0.1:1", sender.Left.Sent, 50*time.Millisecond), phase("fast", target.URL, sender.Left.Sent, time.Minute)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Phases) != 3 || r.Envelopes == 0 || r.Dossiers != len(list) {
		t.Fatalf("%+v", r)
	}
	first, short, last := r.Phases[0], r.Phases[1], r.Phases[2]
	if first.Done != len(list) || first.Waiting != len(list) || first.Peak != 50e6 || int64(first.Beside) != used.Load() {
		t.Errorf("away: %+v, %d times beside", first, used.Load())
	}
	if short.Waiting != len(list) || last.Waiting != 0 || last.Done != len(list) {
		t.Errorf("short: %+v, fast: %+v", short, last)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil || !strings.Contains(b.String(), "fast") || !strings.Contains(b.String(), "50.0") {
		t.Errorf("%q, %v", b.String(), err)
	}
	atHub(t, target, all[0].Facility, len(list))
}

// atHub counts a facility's records at the hub.
func atHub(t *testing.T, target bench.Target, facility string, want int) {
	t.Helper()
	client, err := agent.New(agent.Config{HubURL: target.URL, Credential: target.Credentials[facility]})
	if err != nil {
		t.Fatal(err)
	}
	status, b, err := client.Get(t.Context(), "/api/v1/records?limit=500", 4<<20)
	if got := strings.Count(string(b), `"episode"`); err != nil || status != 200 || got != want {
		t.Errorf("%d, %v: %d records, want %d", status, err, got, want)
	}
}

// What goes wrong ends a measurement: nothing is measured that did not happen.
func TestAPhaseThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	dir := t.TempDir()
	open := func(ctx context.Context) (*spool.Spool, error) {
		return spool.Open(ctx, filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{Guest: true})
	}
	conf := func() sender.SpoolConfig {
		return sender.SpoolConfig{Dossiers: 1, Every: time.Millisecond, Spool: open, Make: func(int) (bench.Dossier, error) { return bench.Dossier{XML: []byte("<a/>")}, nil },
			Phases: []sender.Phase{{Name: "one", Longest: time.Minute, Over: func(sender.Left) bool { return false },
				Start:  func(context.Context) (sender.Agent, error) { return inside{func() error { return nil }}, nil },
				Beside: func(context.Context) error { return nil }}}}
	}
	for name, c := range map[string]func(*sender.SpoolConfig){
		"make": func(c *sender.SpoolConfig) {
			c.Make = func(int) (bench.Dossier, error) { return bench.Dossier{}, broken }
		},
		"spool": func(c *sender.SpoolConfig) {
			c.Spool = func(context.Context) (*spool.Spool, error) { return nil, broken }
		},
		"start": func(c *sender.SpoolConfig) {
			c.Phases[0].Start = func(context.Context) (sender.Agent, error) { return nil, broken }
		},
		"beside": func(c *sender.SpoolConfig) { c.Phases[0].Beside = func(context.Context) error { return broken } },
	} {
		x := conf()
		c(&x)
		if _, err := sender.Spool(t.Context(), x); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
