//go:build linux

package chaos_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"lienthong/internal/chaos"
	"lienthong/internal/chaos/forgetful"
	"lienthong/internal/store"
	"lienthong/internal/synth"
)

// writersAtOnce is how many send while the hub is killed (TRUST R1: 16).
const writersAtOnce = 16

// aStore is how many lives a store has before it is looked through from end to
// end and a new one is begun: checks after each kill stay quick.
const aStore = 25

// patient is a hub under faults with everything that was acknowledged.
type patient struct {
	t      testing.TB
	run    *chaos.Run
	n      *synth.Nation
	f      *founded
	engine string
	how    string // in which it is broken, "" not
	listen string
	at     string          // its directory: a plain one, or where the disk is mounted
	disk   *forgetful.Disk // nil: a plain directory
	off    func() error    // unmounts it

	hub    *process
	sender *sender
	acks   []ack // of this store, all of them

	kills, sent int
	slowest     time.Duration // to readiness
	lost        []string      // what was acknowledged and is not there
}

// admit founds a store and starts its hub.
func admit(t testing.TB, run *chaos.Run, engine, how string, forgets bool, number int) *patient {
	t.Helper()
	p := prepared(t, run, engine, how, forgets, number, func(*founded) {})
	p.start()
	t.Cleanup(p.discharge)
	return p
}

// prepared founds a store, changes it, and lays it on its disk.
func prepared(t testing.TB, run *chaos.Run, engine, how string, forgets bool, number int, change func(*founded)) *patient {
	t.Helper()
	p := &patient{t: t, run: run, engine: engine, how: how, n: nation(t, run.Seed+uint64(number)), listen: port(t)}
	p.at = t.TempDir()
	p.f = found(t, p.at, engine, p.n)
	change(p.f)
	if forgets {
		p.disk = forgetful.New()
		check(t, p.disk.Load(p.at))
		p.at = t.TempDir()
		p.mount()
	}
	p.sender = newSender(t, p.n, "http://"+p.listen, p.f)
	return p
}

// mount mounts the disk, where the machine can.
func (p *patient) mount() {
	p.t.Helper()
	var err error
	p.off, err = p.disk.Mount(p.at)
	p.run.Need(err == nil, fmt.Sprintf("no FUSE (/dev/fuse, root): %v", err))
}

func (p *patient) start() {
	p.t.Helper()
	p.hub = launch(p.t, p.at, p.listen, p.how)
	if err := p.hub.await(); err != nil {
		p.hub.kill()
		p.t.Fatalf("%s (seed %d), after %d kills: %v", p.run.Name, p.run.Seed, p.kills, err)
	}
	p.slowest = max(p.slowest, p.hub.ready)
}

// discharge ends everything.
func (p *patient) discharge() {
	if p.hub != nil {
		p.hub.kill()
		p.hub = nil
	}
	if p.off != nil {
		if err := p.off(); err != nil {
			p.t.Error(err)
		}
		p.off = nil
	}
}

// live lets writers write for some time, and then calls end while they do.
// What they got is added to acks; unsure is what had no answer.
func (p *patient) live(d time.Duration, end func()) (acks []ack, unsure []parcel) {
	ctx, stop := context.WithCancel(context.Background())
	wait := p.sender.writers(ctx, writersAtOnce)
	time.Sleep(d)
	end()
	stop()
	wait()
	acks, unsure = p.sender.take()
	p.sent += len(acks)
	return acks, unsure
}

// recover checks a hub that was started again: what was acknowledged in its
// last life is there, what had no answer gets one, and the file is sound.
func (p *patient) recover(acks []ack, unsure []parcel) {
	p.t.Helper()
	p.lost = append(p.lost, p.sender.missing(acks)...)
	settled, wrong := p.sender.settle(unsure)
	if (p.how == "" || p.how == hasty) && len(wrong) > 0 {
		p.t.Errorf("%s (seed %d): %d files get no receipt after a restart, first %s", p.run.Name, p.run.Seed, len(wrong), wrong[0])
	}
	p.acks = append(append(p.acks, acks...), settled...)
	if p.engine == "sqlite" && p.disk == nil {
		sound(p.t, p.at)
	}
}

// killed is one life: load, kill -9 at a random moment of 50 to 500 ms, start, check.
func (p *patient) killed(number int) {
	p.t.Helper()
	r := p.run.Rand("kill", number)
	acks, unsure := p.live(time.Duration(50+r.IntN(451))*time.Millisecond, func() { p.hub.kill() })
	p.kills++
	p.start()
	p.recover(acks, unsure)
}

// sound asks SQLite whether the files of a directory are sound.
func sound(t testing.TB, dir string) {
	t.Helper()
	for _, name := range []string{"main.db", "disclosure.db"} {
		if said := integrity(filepath.Join(dir, name)); said != "ok" {
			t.Errorf("integrity_check of %s: %s", name, said)
		}
	}
}

func integrity(path string) string {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		return err.Error()
	}
	defer db.Close()
	var said string
	if err := db.QueryRow(`PRAGMA integrity_check(1)`).Scan(&said); err != nil {
		return err.Error()
	}
	return said
}

// examine ends a store: all receipts again, then the hub drains, the re-verifier
// walks, and every record is counted: none is there twice, none is lost.
func (p *patient) examine() {
	p.t.Helper()
	p.lost = append(p.lost, p.sender.missing(p.acks)...)
	check(p.t, p.hub.end())
	dir := p.at
	if p.disk != nil {
		dir = p.t.TempDir()
		check(p.t, p.disk.Dump(dir))
	}
	p.audit(dir)
	if p.engine == "sqlite" {
		sound(p.t, dir)
	}
	want := map[string]bool{}
	for _, a := range p.acks {
		for _, r := range a.results {
			want[r.Record] = true
		}
	}
	if n := records(p.t, dir); n != len(want) {
		p.t.Errorf("%s (seed %d): %d records are kept and %d were acknowledged", p.run.Name, p.run.Seed, n, len(want))
	}
	p.discharge()
	if p.disk == nil {
		check(p.t, os.RemoveAll(p.at))
	}
}

// audit has the shipped re-verifier walk a store.
func (p *patient) audit(dir string) {
	p.t.Helper()
	bin, err := program()
	check(p.t, err)
	out, err := exec.Command(bin, "audit", "--json", "--data", dir).Output()
	if err == nil {
		return
	}
	var report struct {
		Differences []struct{ Code, Table, Row, Field string } `json:"differences"`
	}
	if e := json.Unmarshal(out, &report); e != nil || len(report.Differences) == 0 {
		p.t.Errorf("%s (seed %d): the re-verifier does not end: %v\n%s", p.run.Name, p.run.Seed, err, out)
	}
	for _, d := range report.Differences {
		p.t.Errorf("%s (seed %d): the re-verifier finds %+v", p.run.Name, p.run.Seed, d)
	}
}

// records counts the records of a store that no hub runs on, by walking them.
func records(t testing.TB, dir string) int {
	t.Helper()
	p, _, err := readPlace(dir)
	check(t, err)
	s, err := openPlace(dir, p)(context.Background(), nil)
	check(t, err)
	defer s.Close()
	n, seen := 0, map[string]bool{}
	check(t, s.Records.Walk(context.Background(), 0, 0, func(r *store.Record, _ []byte) error {
		n++
		if id := r.ID.String(); seen[id] {
			t.Errorf("record %s is there twice", id)
		} else {
			seen[id] = true
		}
		return nil
	}))
	return n
}

// none fails when something acknowledged is lost.
func (p *patient) none() {
	p.t.Helper()
	if len(p.lost) > 0 {
		p.t.Fatalf("%s (seed %d): %d acknowledged files are lost or doubled, first: %s", p.run.Name, p.run.Seed, len(p.lost), p.lost[0])
	}
}

func TestR1ProcessKillSQLite(t *testing.T) {
	t.Parallel()
	processKill(t, chaos.Plan{Name: "R1 process kill, sqlite", Quick: 2, All: 1000}, "sqlite")
}

func TestR1ProcessKillPostgres(t *testing.T) {
	t.Parallel()
	processKill(t, chaos.Plan{Name: "R1 process kill, postgres", Quick: 1, All: 100}, "postgres")
}

func processKill(t *testing.T, plan chaos.Plan, engine string) {
	run := chaos.Begin(t, plan)
	kills, sent, slowest := 0, 0, time.Duration(0)
	for kills < run.Rounds {
		p := admit(t, run, engine, "", false, kills)
		for range min(aStore, run.Rounds-kills) {
			p.killed(kills)
			p.none()
			kills++
		}
		p.examine()
		p.none()
		sent, slowest = sent+p.sent, max(slowest, p.slowest)
	}
	if sent < kills {
		t.Errorf("only %d files were acknowledged in %d lives", sent, kills)
	}
	run.Control(killControl(t, run, engine), "a hub that acknowledges before its commit is durable")
	run.End("%d kills, %d files acknowledged, 0 lost, 0 doubled, ready within %d ms", kills, sent, slowest.Milliseconds())
}

// killControl reports whether a hub that acknowledges early is found out.
func killControl(t *testing.T, run *chaos.Run, engine string) bool {
	t.Helper()
	p := admit(t, run, engine, brokenEarly, false, 1_000_000)
	defer p.discharge()
	for i := range 20 {
		if p.killed(1_000_000 + i); len(p.lost) > 0 {
			t.Logf("the control lost after %d kills: %s", i+1, strings.SplitN(p.lost[0], "\n", 2)[0])
			return true
		}
	}
	return false
}
