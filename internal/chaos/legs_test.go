//go:build linux

package chaos_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/tally"
	"lienthong/internal/chaos"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The insurer as a destination.
const insurerID = "bhxh"

// outside is the insurer beside a hub that is killed: it lives on, and counts.
type outside struct {
	*simulator.Simulator
	url string
}

// newInsurer begins one that sometimes fails.
func newInsurer(t testing.TB, faults string, seed uint64) *outside {
	t.Helper()
	sim, err := simulator.New(simulator.Config{PerFile: 1000, Faults: faulty.Config{Spec: faults, Seed: seed}})
	check(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return &outside{sim, server.URL}
}

// route leads every record of a founded hub to the insurer.
func (f *founded) route(t testing.TB, url string) {
	t.Helper()
	ctx := context.Background()
	p, keys, err := readPlace(f.dir)
	check(t, err)
	h, err := hub.Start(ctx, hub.Config{Name: p.Name, Keys: keys, Open: openPlace(f.dir, p)})
	check(t, err)
	check(t, h.Office.PutDestination(ctx, "test", admin.Destination{ID: insurerID, Adapter: "insurer", Name: fault.Text{VI: "BHXH", EN: "Insurer"},
		URL: url, Private: true, Closed: true, Parallel: 8}))
	check(t, h.Office.PutRoute(ctx, "test", admin.Route{Destination: insurerID, Mode: exchange.Relay}))
	sealed, err := h.Vault.SealSecret(courier.SecretName(insurerID, ""), []byte(`{"user":"hub","password":"mat khau"}`))
	check(t, err)
	check(t, h.Office.PutSecret(ctx, "test", insurerID, "", sealed))
	check(t, h.Close())
}

// admitRouted is admit with the insurer beside it.
func admitRouted(t testing.TB, run *chaos.Run, engine, how string, forgets bool, number int, o *outside) *patient {
	t.Helper()
	p := prepared(t, run, engine, how, forgets, number, func(f *founded) { f.route(t, o.url) })
	p.start()
	t.Cleanup(p.discharge)
	return p
}

// arrived waits until everything acknowledged is at the insurer, and returns how
// many records never got there: none may.
func (p *patient) arrived(o *outside, want int, most time.Duration) int {
	p.t.Helper()
	for until := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
		if n := o.Counts().Distinct; n >= want {
			return 0
		} else if time.Now().After(until) {
			return want - n
		}
	}
}

// dossiers counts those acknowledged.
func (p *patient) dossiers() (n int) {
	seen := map[string]bool{}
	for _, a := range p.acks {
		for _, r := range a.results {
			seen[r.Record] = true
		}
	}
	return len(seen)
}

// counted holds the legs that are kept against the insurer's own count: every
// accepted record has its leg, every leg its record, and each is there once.
func (p *patient) counted(o *outside) {
	p.t.Helper()
	dir := p.at
	if p.disk != nil {
		dir = p.t.TempDir()
		check(p.t, p.disk.Dump(dir))
	}
	place, _, err := readPlace(dir)
	check(p.t, err)
	s, err := openPlace(dir, place)(context.Background(), nil)
	check(p.t, err)
	defer s.Close()
	ctx := context.Background()
	legs, files := 0, map[string]bool{}
	check(p.t, s.Records.Walk(ctx, 0, 0, func(r *store.Record, _ []byte) error {
		of, err := s.Legs.Of(ctx, r.ID)
		if err != nil {
			return err
		}
		if legs += len(of); len(of) != 1 || of[0].Destination != insurerID || of[0].State != exchange.Done {
			p.t.Errorf("%s (seed %d): %s has the legs %+v", p.run.Name, p.run.Seed, r.ID, of)
		}
		f, _, err := s.Records.File(ctx, r.ID.Facility, r.File)
		if err != nil {
			return err
		}
		files[fmt.Sprintf("%x", f.Digest)] = true
		return nil
	}))
	if n, err := s.Legs.Count(ctx, role.Scope{All: true}, store.LegFilter{}); err != nil || n != legs {
		p.t.Errorf("%s (seed %d): %d legs, %d of them of records: %v", p.run.Name, p.run.Seed, n, legs, err)
	}
	for _, e := range o.Records(tally.Select{}) {
		if !files[e.SHA256] {
			p.t.Errorf("%s (seed %d): the insurer has %s, which is no file of the hub", p.run.Name, p.run.Seed, e.SHA256)
		}
	}
	if c := o.Counts(); c.Distinct != legs || c.Held != legs {
		p.t.Errorf("%s (seed %d): the insurer has %d distinct and counts %d; the hub sent %d", p.run.Name, p.run.Seed, c.Distinct, c.Held, legs)
	}
}

// R24: one upload to the hub and to the insurer, each exactly once, while the hub
// is killed and the insurer fails in every way it can.
func TestR24LegsAndKillsSQLite(t *testing.T) {
	t.Parallel()
	legsAndKills(t, chaos.Plan{Name: "R24 legs and kills, sqlite", Quick: 2, All: 200}, "sqlite", false)
}

func TestR24LegsAndKillsPostgres(t *testing.T) {
	t.Parallel()
	legsAndKills(t, chaos.Plan{Name: "R24 legs and kills, postgres", Quick: 1, All: 50}, "postgres", false)
}

func TestR24LegsAndPowerCuts(t *testing.T) {
	t.Parallel()
	legsAndKills(t, chaos.Plan{Name: "R24 legs and power cuts, sqlite", Quick: 1, All: 100}, "sqlite", true)
}

// unkind is how the insurer fails meanwhile.
const unkind = "401:p=0.01,500:p=0.03,503:p=0.02,lost-answer:p=0.03,reset:p=0.03,garbage:p=0.01"

func legsAndKills(t *testing.T, plan chaos.Plan, engine string, forgets bool) {
	run := chaos.Begin(t, plan)
	kills, sent, again, slowest := 0, 0, 0, time.Duration(0)
	for kills < run.Rounds {
		o := newInsurer(t, unkind, run.Seed+uint64(kills))
		p := admitRouted(t, run, engine, hasty, forgets, kills, o)
		for range min(aStore, run.Rounds-kills) {
			if forgets {
				p.cut(kills)
			} else {
				p.killed(kills)
			}
			p.none()
			kills++
		}
		n := p.dossiers()
		if late := p.arrived(o, n, time.Minute); late > 0 {
			t.Errorf("%s (seed %d): %d of %d records are not at the insurer after a minute", run.Name, run.Seed, late, n)
		}
		p.settled()
		p.hub.kill() // a hub that serves here knows no other end
		p.counted(o)
		dir := p.at
		if p.disk != nil {
			dir = t.TempDir()
			check(t, p.disk.Dump(dir))
		}
		p.audit(dir)
		c := o.Counts()
		sent, again, slowest = sent+n, again+c.Recorded-c.Distinct, max(slowest, p.slowest)
		p.discharge()
		if !forgets {
			check(t, os.RemoveAll(p.at))
		}
	}
	if sent < kills {
		t.Errorf("only %d records were acknowledged in %d lives", sent, kills)
	}
	run.Control(legsControl(t, run, engine), "a hub that begins legs after the commit of their record")
	run.End("%d lives ended, %d records acknowledged, each with its leg, each once at the insurer (%d handed over twice); ready within %d ms",
		kills, sent, again, slowest.Milliseconds())
}

// settled waits until no leg is under way: the insurer has a record a moment
// before its leg says so, and a leg whose courier was killed is free again when
// its lease ends.
func (p *patient) settled() {
	p.t.Helper()
	if p.disk != nil { // this process may not map files of its own disk
		time.Sleep(5 * time.Second)
		return
	}
	place, _, err := readPlace(p.at)
	check(p.t, err)
	s, err := openPlace(p.at, place)(context.Background(), nil)
	check(p.t, err)
	defer s.Close()
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		list, err := s.Legs.Queues(context.Background())
		check(p.t, err)
		if left := waiting(list); left == 0 {
			return
		} else if time.Now().After(until) {
			p.t.Errorf("%s (seed %d): %d legs are under way after a minute", p.run.Name, p.run.Seed, left)
			return
		}
	}
}

func waiting(list []store.LegQueue) (n int) {
	for _, q := range list {
		n += q.Waiting + q.Carried
	}
	return n
}

// legsControl reports whether legs begun after the commit are found out: by the
// insurer's count, or by the re-verifier.
func legsControl(t *testing.T, run *chaos.Run, engine string) bool {
	t.Helper()
	o := newInsurer(t, "", run.Seed)
	p := admitRouted(t, run, engine, brokenLegs, false, 3_000_000, o)
	for i := range 2 {
		p.killed(3_000_000 + i)
	}
	late := p.arrived(o, p.dossiers(), 4*time.Second)
	p.discharge()
	t.Logf("the control: %d of %d records have no leg", late, p.dossiers())
	return late > 0
}
