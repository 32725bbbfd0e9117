package bench_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/agent"
	"lienthong/internal/bench"
	"lienthong/internal/bench/ministry"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	realhub "lienthong/internal/hub"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/synth"
	"lienthong/internal/web/api"
)

// realTarget starts a whole hub on the embedded store with a small nation.
func realTarget(t testing.TB, n *synth.Nation) (bench.Target, *realhub.Hub) {
	t.Helper()
	dir := t.TempDir()
	keys, err := keyring.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := realhub.Start(t.Context(), realhub.Config{Name: "bench.test", Keys: keys, API: api.Config{RatePerS: 10_000, Burst: 10_000},
		Open: func(ctx context.Context, open store.OpenLog) (*store.Slices, error) {
			return sqlite.Open(ctx, dir, sqlite.Config{Clock: clock.System{}, OpenLog: open, HubName: "bench.test", Owner: "test"})
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", h.Handler())
	mux.Handle("/metrics", h.Metrics())
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	acts := h.Administer()
	if err := acts.AddAnchor(t.Context(), "test", string(n.Root())); err != nil {
		t.Fatal(err)
	}
	target := bench.Target{URL: server.URL, Ops: server.URL, Credentials: map[string]*agent.Credential{}}
	list := make([]admin.Facility, 0, len(n.Facilities()))
	for _, f := range n.Facilities() {
		list = append(list, f.Registration())
	}
	if err := acts.AddFacility(t.Context(), "test", list...); err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		key, spki, err := agent.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		id, kid, err := acts.AddClient(t.Context(), "test", f.Code, spki)
		if err != nil {
			t.Fatal(err)
		}
		b, err := agent.MakeCredential("bench.test", f.Code, id, kid, key)
		if err != nil {
			t.Fatal(err)
		}
		if target.Credentials[f.Code], err = agent.ParseCredential(b); err != nil {
			t.Fatal(err)
		}
	}
	return target, h
}

// The numbers mean something only if a real hub takes every dossier: none
// refused, none a replay, and each readable afterwards.
func TestARealHubIsMeasured(t *testing.T) {
	t.Parallel()
	const dossiers = 96
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.Outpatients(dossiers)
	if err != nil {
		t.Fatal(err)
	}
	c, err := bench.Build(t.Context(), bench.BuildConfig{Dir: t.TempDir(), Dossiers: dossiers, Members: 8, Make: func(i int) (bench.Dossier, error) {
		return bench.Dossier{Facility: list[i].Facility, Name: list[i].FileName, XML: list[i].XML}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	target, hub := realTarget(t, n)
	alone, err := bench.Alone(t.Context(), bench.AloneConfig{Target: target, Corpus: c, Rate: 40, Duration: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if alone.Accepted != 20 || alone.Replayed != 0 {
		t.Errorf("alone: %+v", alone)
	}
	if l, err := ministry.Score(t.Context(), ministry.ScoreConfig{Target: target, Corpus: c, Scores: hub.Slices.House.Scores, Files: 4}); err != nil || l.Count != 4 {
		t.Errorf("scores: %+v, %v", l, err)
	}
	left := int64(c.Dossiers())
	r, err := bench.Intake(t.Context(), bench.IntakeConfig{Target: target, Corpus: c, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != left || r.Files != left || r.Replayed != 0 || r.GroupMean < 1 {
		t.Errorf("%d were left: %+v", left, r)
	}
	read, err := bench.Read(t.Context(), bench.ReadConfig{Target: target, Records: r.Records, Rate: 100, Duration: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if read.Idle.Record.Count != 10 || read.Idle.Related.Count != 10 || read.TurnedAway != 0 {
		t.Errorf("%+v", read)
	}
	replayAll(t, target, list)
	housed(t, hub, dossiers)
}

// housed measures the ministry's house on the records of the hub.
func housed(t *testing.T, of *realhub.Hub, records int64) {
	t.Helper()
	h := ministry.Hub{Steward: of.House.Steward, Entries: of.Slices.House.Entries, Rulebook: of.Rulebook, Night: of.House.Night}
	if p, err := ministry.Database(t.Context(), h, records); err != nil || p.Entries == 0 || p.Entries > records || p.First <= 0 || p.First > p.Seconds {
		t.Errorf("a new database: %+v, %v", p, err)
	}
	if p, err := ministry.Settle(t.Context(), h); err != nil || p.Entries != 0 { // only one is declared
		t.Errorf("what was missing: %+v, %v", p, err)
	}
	if p, err := ministry.Rehearse(t.Context(), h); err != nil || p.Records != records || p.Unread != 0 || p.Problem != "" {
		t.Errorf("a rehearsal: %+v, %v", p, err)
	}
	p, err := ministry.Night(t.Context(), h, clock.Day(time.Now().AddDate(0, 0, -1)), 0)
	if err != nil || len(p.Jobs) != len(h.Night.Jobs()) || p.Unequal != 0 {
		t.Errorf("a night: %+v, %v", p, err)
	}
	for _, j := range p.Jobs {
		if j.State != "done" {
			t.Errorf("a job of the night: %+v", j)
		}
	}
	// records whose bytes do not open keep no other from a database
	versions := map[care.FacilityCode]int64{}
	for _, v := range of.Trust.Current().Directory.All() {
		versions[v.Code] = v.ID
	}
	if err := bench.Fill(t.Context(), bench.FillConfig{Intake: of.Slices.Intake, Facilities: of.Trust.Current().Directory.Codes(), Versions: versions, Records: 20}); err != nil {
		t.Fatal(err)
	}
	if p, err := ministry.Database(t.Context(), h, records); err != nil || p.Entries == 0 {
		t.Errorf("a database beside damaged records: %+v, %v", p, err)
	}
}

// replayAll sends everything as agents do, in packs and then alone: by the
// second time the hub has each dossier and gives its first receipt again.
func replayAll(t *testing.T, target bench.Target, list []synth.Submission) {
	t.Helper()
	of := map[string][]agent.File{}
	for _, s := range list {
		of[s.Facility] = append(of[s.Facility], agent.FileOf(s.FileName, s.XML))
	}
	for code, files := range of {
		client, err := agent.New(agent.Config{HubURL: target.URL, Credential: target.Credentials[code]})
		if err != nil {
			t.Fatal(err)
		}
		for _, alone := range []bool{false, true} {
			sum, err := client.Submit(t.Context(), slices.Values(files), agent.Options{Members: 10, Alone: alone}, func(agent.Answer) error { return nil })
			if err != nil || sum.Accepted != len(files) || alone && sum.Replayed != len(files) || sum.Files != len(files) || sum.Exit() != 0 {
				t.Errorf("%s, %d files, alone %t: %+v, %v", code, len(files), alone, sum, err)
			}
		}
	}
}
