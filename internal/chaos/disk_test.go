//go:build linux

package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/chaos"
	"lienthong/internal/store/postgres/pgtest"
)

// again is how long a hub may take to accept files once there is room
// (TRUST R5).
const again = 10 * time.Second

// small mounts a small file system; kinds are "tmpfs" and "ext4" (on a loop).
func small(t testing.TB, run *chaos.Run, kind, dir string, mib int) {
	t.Helper()
	var err error
	if kind == "tmpfs" {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	} else {
		image := filepath.Join(t.TempDir(), "image")
		check(t, os.WriteFile(image, nil, 0o600))
		check(t, os.Truncate(image, int64(mib)<<20))
		var out []byte
		if out, err = exec.Command("mkfs.ext4", "-q", "-m", "0", "-F", image).CombinedOutput(); err == nil {
			out, err = exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
		}
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	run.Need(err == nil, fmt.Sprintf("a small %s cannot be mounted (root): %v", kind, err))
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// full is what came of filling a disk.
type full struct {
	accepted int           // before it was full
	refused  int           // answers that said so
	other    []string      // answers that were neither: none is right
	resumed  time.Duration // from room to the next receipt
}

// fill sends until the hub says often enough that its storage is full, and
// keeps every receipt.
func (p *patient) fill(f *full) {
	p.t.Helper()
	for began := time.Now(); f.refused < 5 && len(f.other) == 0 && f.accepted < p.enough(); {
		if time.Since(began) > 20*time.Second {
			f.other = append(f.other, "neither receipts nor a full storage for 20 s")
		}
		file := p.sender.parcel()
		status, list, err := p.sender.post(context.Background(), file)
		switch {
		case err == nil && status == http.StatusOK && whole(file, list):
			f.accepted++
			began = time.Now()
			p.acks = append(p.acks, ack{file, list})
		case err == nil && status == http.StatusServiceUnavailable && len(list) == 1 && list[0].Code == "hub.storage_full":
			f.refused++
		case err == nil && status == http.StatusTooManyRequests, err == nil && len(list) == 1 && list[0].Code == "hub.busy":
			time.Sleep(20 * time.Millisecond)
		case err != nil && strings.Contains(err.Error(), "token endpoint answered 503"): // a login is written down too; who is logged in goes on
			time.Sleep(20 * time.Millisecond)
		default:
			f.other = append(f.other, fmt.Sprintf("HTTP %d %+v %v", status, list, err))
		}
	}
}

// enough is how many receipts end a filling: a hub that acknowledges what it
// has no room for would go on for ever.
func (p *patient) enough() int {
	if p.how != "" {
		return 120
	}
	return 20_000
}

// resume makes room and waits for the next receipt.
func (p *patient) resume(f *full, balloon string) {
	p.t.Helper()
	check(p.t, os.Remove(balloon))
	began := time.Now()
	for time.Since(began) < 3*again {
		file := p.sender.parcel()
		status, list, err := p.sender.post(context.Background(), file)
		if err == nil && status == http.StatusOK && whole(file, list) {
			p.acks = append(p.acks, ack{file, list})
			f.resumed = time.Since(began)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.resumed = time.Since(began)
}

// reads checks that what is there can still be shown: the receipt of a record,
// and the record itself.
func (p *patient) reads() {
	p.t.Helper()
	a := p.acks[0]
	for _, path := range []string{"", "/receipt"} {
		status, b, err := p.sender.get(context.Background(), a.facility, "/api/v1/records/"+a.results[0].Record+path)
		if err != nil || status != http.StatusOK {
			p.t.Errorf("%s: on a full disk %s of a record is answered %d, %v: %.200s", p.run.Name, path, status, err, b)
		}
	}
	// Content needs a trace (DESIGN promise 5): it is shown, or refused as full.
	status, b, err := p.sender.get(context.Background(), a.facility, "/api/v1/records/"+a.results[0].Record+"/content")
	if err != nil || status != http.StatusOK && (status != http.StatusServiceUnavailable || !strings.Contains(string(b), "disclosure.log_down")) {
		p.t.Errorf("%s: on a full disk content is answered %d, %v: %.200s", p.run.Name, status, err, b)
	}
}

// diskFull fills a hub's disk, looks, makes room, and looks again.
func (p *patient) diskFull(balloon string) full {
	p.t.Helper()
	left := 6 << 20
	if p.how != "" {
		left = 1 << 20
	}
	var s syscall.Statfs_t
	check(p.t, syscall.Statfs(filepath.Dir(balloon), &s))
	check(p.t, os.WriteFile(balloon, make([]byte, int(s.Bavail)*int(s.Bsize)-left), 0o600))
	var f full
	p.fill(&f)
	if p.how == "" {
		p.reads()
	}
	p.resume(&f, balloon)
	return f
}

// judgeFull says what was wrong, "" nothing.
func judgeFull(f full) string {
	switch {
	case len(f.other) > 0:
		return "answered " + f.other[0]
	case f.refused == 0:
		return "never said that it is full"
	case f.resumed > again:
		return fmt.Sprintf("accepted nothing for %s after there was room", f.resumed)
	}
	return ""
}

// fullOn runs a hub with its directory on a small file system.
func fullOn(t *testing.T, run *chaos.Run, kind, how string) (*patient, full) {
	t.Helper()
	disk := t.TempDir()
	small(t, run, kind, disk, 40)
	p := &patient{t: t, run: run, engine: "sqlite", how: how, n: nation(t, run.Seed), listen: port(t), at: filepath.Join(disk, "hub")}
	check(t, os.Mkdir(p.at, 0o700))
	p.f = found(t, p.at, "sqlite", p.n)
	p.sender = newSender(t, p.n, "http://"+p.listen, p.f)
	p.start()
	t.Cleanup(p.discharge)
	return p, p.diskFull(filepath.Join(disk, "balloon"))
}

func TestR5DiskFullSQLite(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R5 disk full, sqlite", Quick: 1, All: 5})
	kinds := []string{"tmpfs"}
	if run.Full() {
		kinds = append(kinds, "ext4")
	}
	accepted, slowest := 0, time.Duration(0)
	for range run.Rounds {
		for _, kind := range kinds {
			p, f := fullOn(t, run, kind, "")
			if said := judgeFull(f); said != "" {
				t.Fatalf("%s (seed %d) on %s: %s", run.Name, run.Seed, kind, said)
			}
			p.examine()
			p.none()
			accepted, slowest = accepted+f.accepted, max(slowest, f.resumed)
		}
	}
	p, _ := fullOn(t, run, "tmpfs", brokenEarly)
	gone := p.sender.missing(p.acks)
	run.Control(len(gone) > 0, "a hub that acknowledges before its commit loses %d of %d", len(gone), len(p.acks))
	run.End("%d times full on %s, %d files acknowledged, 0 lost; 503 hub.storage_full and reads go on; resumed within %d ms",
		run.Rounds*len(kinds), strings.Join(kinds, " and "), accepted, slowest.Milliseconds())
}

func TestR5DiskFullPostgres(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R5 disk full, postgres", Quick: 0, All: 3})
	if run.Rounds == 0 {
		t.Skip("R5 on PostgreSQL is run by `make faults`")
	}
	accepted, slowest := 0, time.Duration(0)
	for range run.Rounds {
		p, f := fullSpace(t, run, "")
		if said := judgeFull(f); said != "" {
			t.Fatalf("%s (seed %d): %s", run.Name, run.Seed, said)
		}
		p.examine()
		p.none()
		accepted, slowest = accepted+f.accepted, max(slowest, f.resumed)
	}
	_, f := fullSpace(t, run, brokenMute)
	said := judgeFull(f)
	run.Control(said != "", "a hub that does not know a full storage: %.60s", said)
	run.End("%d times full (a tablespace on tmpfs), %d files acknowledged, 0 lost; 503 hub.storage_full and reads go on; resumed within %d ms",
		run.Rounds, accepted, slowest.Milliseconds())
}

// fullSpace runs a hub whose database lies in a tablespace on a small tmpfs.
func fullSpace(t *testing.T, run *chaos.Run, how string) (*patient, full) {
	t.Helper()
	disk := must(os.MkdirTemp("", "chaos-space-")) // the server's user must reach it
	t.Cleanup(func() { _ = os.Remove(disk) })
	check(t, os.Chmod(disk, 0o755))
	small(t, run, "tmpfs", disk, 60)
	space := filepath.Join(disk, "space")
	check(t, os.Mkdir(space, 0o700))
	if out, err := exec.Command("chown", "postgres", space).CombinedOutput(); os.Geteuid() == 0 {
		run.Need(err == nil, fmt.Sprintf("no user postgres: %s", out))
	}
	p := &patient{t: t, run: run, engine: "postgres", how: how, n: nation(t, run.Seed), listen: port(t), at: t.TempDir()}
	p.f = found(t, p.at, "postgres", p.n)
	at, _, err := readPlace(p.at)
	check(t, err)
	move(t, strings.TrimSpace(string(must(os.ReadFile(at.Database)))), space)
	p.sender = newSender(t, p.n, "http://"+p.listen, p.f)
	p.start()
	t.Cleanup(p.discharge)
	return p, p.diskFull(filepath.Join(disk, "balloon"))
}

// move moves a database into a tablespace at dir, and back at the end: a
// tablespace can only be dropped when it is empty.
func move(t testing.TB, url, dir string) {
	t.Helper()
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, pgtest.Database(t))
	check(t, err)
	cfg, err := pgx.ParseConfig(url)
	check(t, err)
	name := "s_" + strings.TrimPrefix(cfg.Database, "t_")
	for _, q := range []string{"CREATE TABLESPACE " + name + " LOCATION '" + dir + "'", "ALTER DATABASE " + cfg.Database + " SET TABLESPACE " + name} {
		if _, err := admin.Exec(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	t.Cleanup(func() {
		defer admin.Close(ctx)
		for _, q := range []string{"DROP DATABASE IF EXISTS " + cfg.Database + " WITH (FORCE)", "CREATE DATABASE " + cfg.Database, "DROP TABLESPACE " + name} {
			if _, err := admin.Exec(ctx, q); err != nil {
				t.Errorf("%s: %v", q, err)
			}
		}
	})
}
