package sender_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/watch"
	"lienthong/internal/bench"
	"lienthong/internal/bench/sender"
	"lienthong/internal/care"
	realhub "lienthong/internal/hub"
	"lienthong/internal/intake"
	"lienthong/internal/seal"
	"lienthong/internal/synth"
)

// lineAgent starts an agent in this process; what it returns stops it at once.
func lineAgent(t *testing.T, dir, folder, facility string, cred *agent.Credential) func(context.Context, string) (func() error, error) {
	return func(ctx context.Context, hub string) (func() error, error) {
		s, err := spool.Open(ctx, filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{})
		if err != nil {
			return nil, err
		}
		client, err := agent.New(agent.Config{HubURL: hub, Credential: cred})
		if err != nil {
			return nil, err
		}
		seals, err := seal.NewVerifier(seal.Config{})
		if err != nil {
			return nil, err
		}
		st, err := station.New(station.Deps{Spool: s, Client: client, Kinds: realhub.Kinds(), Logger: slog.New(slog.DiscardHandler),
			Checker: &intake.Checker{Kinds: realhub.Kinds(), Seals: seals, Rules: realhub.Rules}},
			station.Config{Facility: care.FacilityCode(facility), Seen: filepath.Join(dir, "checkpoints"), Folders: []watch.Folder{{Path: folder}}, Batch: time.Second,
				Watch: watch.Config{Every: 20 * time.Millisecond, Settle: 50 * time.Millisecond}})
		if err != nil {
			return nil, err
		}
		inner, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- st.Run(inner) }()
		return func() error {
			cancel()
			err := <-ended
			if closed := s.Close(); err == nil {
				err = closed
			}
			return err
		}, nil
	}
}

// A bad line and an agent that is stopped on the way cost time, and nothing else.
func TestALineThatBreaks(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	all, err := n.Outpatients(250)
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
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := sender.Line(ctx, sender.LineConfig{Target: target, Facility: all[0].Facility, Dossiers: len(list), Folder: folder, Kills: 2,
		Throttle: &sender.Throttle{BitsPerS: 2_000_000, Delay: 20 * time.Millisecond, Reset: 700 * time.Millisecond},
		Make:     func(i int) (bench.Dossier, error) { return bench.Dossier{XML: list[i].XML}, nil },
		Start:    lineAgent(t, dir, folder, all[0].Facility, target.Credentials[all[0].Facility]), Limit: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if r.Lost != 0 || r.Doubled != 0 || r.AtHub != len(list) || r.Kills != 2 {
		t.Errorf("%+v", r)
	}
	if r.Share > 0.5 { // the figure is for thousands; so few on so bad a line cost more
		t.Errorf("%.1f %% of the envelopes' bytes were on the wire", 100*r.Share)
	}
	reconciles(t, dir, folder, all[0].Facility, target)
}

// reconciles lets the agent hear the last answers, and compares the day with the
// hub's own list.
func reconciles(t *testing.T, dir, folder, facility string, target bench.Target) {
	t.Helper()
	cred := target.Credentials[facility]
	kill, err := lineAgent(t, dir, folder, facility, cred)(t.Context(), target.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(t.Context(), filepath.Join(dir, "spool.db"), make([]byte, 32), spool.Config{Guest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if oldest, err := s.Oldest(t.Context()); err != nil || time.Now().After(end) {
			t.Fatalf("something waits since %v, %v", oldest, err)
		} else if oldest.IsZero() {
			break
		}
	}
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	client, err := agent.New(agent.Config{HubURL: target.URL, Credential: cred})
	if err != nil {
		t.Fatal(err)
	}
	st, err := station.New(station.Deps{Spool: s, Client: client, Kinds: realhub.Kinds(), Logger: slog.New(slog.DiscardHandler)}, station.Config{Facility: care.FacilityCode(facility)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := st.Reconcile(t.Context(), time.Now())
	if err != nil || !c.Equal || c.Rounds != 1 || c.Counts.Sent == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for more := true; more; {
		if more, err = st.Follow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if cursor, err := s.Fact(t.Context(), "feed"); err != nil || len(cursor) == 0 {
		t.Errorf("the feed is at %q, %v", cursor, err)
	}
}
