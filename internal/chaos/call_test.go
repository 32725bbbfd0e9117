//go:build linux

package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"lienthong/internal/chaos"
	"lienthong/internal/chaos/forgetful"
)

// failing says which call fails, and how.
type failing struct {
	life  bool   // counted over a whole life, from start to drain; else over one upload
	call  string // as the disk or strace calls it
	errno syscall.Errno
	kill  bool // instead of an error: SIGKILL and the power
	n     int  // the n-th of it
}

func (f failing) String() string {
	during, how := "one upload", f.errno.Error()
	if f.life {
		during = "a life"
	}
	if f.kill {
		how = "SIGKILL"
	}
	return fmt.Sprintf("%s %d of %s: %s", f.call, f.n, during, how)
}

// calls are those of TRUST R3, as a disk sees them; link and rename the hub
// does not use, and a trap for them would never be hit.
var calls = []string{"create", "open", "write", "fsync", "truncate", "unlink", "flush", "read"}

// ward runs many small trials on copies of one founded hub.
type ward struct {
	t      *testing.T
	run    *chaos.Run
	f      *founded
	listen string
	how    string
	sender *sender
	lost   []string
}

func newWard(t *testing.T, run *chaos.Run, how string) *ward {
	t.Helper()
	n := nation(t, run.Seed)
	w := &ward{t: t, run: run, f: found(t, t.TempDir(), "sqlite", n), listen: port(t), how: how}
	w.sender = newSender(t, n, "http://"+w.listen, w.f)
	return w
}

// parcel is the next file of one facility, whose token is taken once.
func (w *ward) parcel() parcel {
	for {
		if p := w.sender.parcel(); p.facility == w.sender.n.Facilities()[0].Code {
			return p
		}
	}
}

// trap makes the n-th call fail and notes what happens after.
type trap struct {
	hit, after atomic.Int64 // how often the call came; writes after it failed
	pid        atomic.Int64 // of the hub, to be killed
}

func (x *trap) spring(f failing) func(forgetful.Op) syscall.Errno {
	dead := false
	return func(op forgetful.Op) syscall.Errno {
		switch {
		case dead:
			return syscall.EIO
		case op.Call != f.call:
			if x.hit.Load() >= int64(f.n) && op.Call == "write" && strings.HasPrefix(op.Name, "main.db") && !strings.HasSuffix(op.Name, "-shm") {
				x.after.Add(1)
			}
			return 0
		case x.hit.Add(1) != int64(f.n):
			return 0
		case f.kill:
			dead = true
			if pid := int(x.pid.Load()); pid > 0 {
				_ = syscall.Kill(-pid, syscall.SIGKILL) // it may be gone
			}
			return syscall.EIO
		}
		return f.errno
	}
}

// trial has one call fail and reports whether it came at all. Afterwards the
// power is cut, and on what is left everything must be in order.
func (w *ward) trial(f failing) (hit bool) {
	w.t.Helper()
	disk, dir := forgetful.New(), w.t.TempDir()
	check(w.t, disk.Load(w.f.dir))
	p := &patient{t: w.t, run: w.run, engine: "sqlite", how: w.how, f: w.f, listen: w.listen, disk: disk, at: dir, sender: w.sender}
	p.mount()
	defer p.discharge()
	x := &trap{}
	if f.life {
		disk.Trap(x.spring(f))
	}
	p.hub = launch(w.t, dir, w.listen, w.how)
	x.pid.Store(int64(p.hub.cmd.Process.Pid))
	ready := p.hub.await()
	file := w.parcel()
	if !f.life {
		check(w.t, ready)
		_, err := w.sender.clients[file.facility].Token(context.Background()) // kept for all trials: it is a write too
		check(w.t, err)
		disk.Trap(x.spring(f))
	}
	var acks []ack
	if status, list, err := w.sender.post(context.Background(), file); err == nil && status == http.StatusOK && whole(file, list) {
		acks = append(acks, ack{file, list})
	}
	hit = x.hit.Load() >= int64(f.n)
	if hit && f.call == "fsync" && !f.kill && !f.life {
		w.stopped(f, x)
	}
	if f.life && ready == nil && !f.kill {
		_ = p.hub.end() // it may well end with an error
		hit = x.hit.Load() >= int64(f.n)
	}
	disk.PowerOff()
	p.hub.kill()
	check(w.t, p.off())
	p.off = nil
	disk.PowerOn(nil)
	w.after(p, f, file, acks)
	return hit
}

// stopped checks that a hub whose disk failed to sync writes nothing more.
func (w *ward) stopped(f failing, x *trap) {
	w.t.Helper()
	x.after.Store(0)
	for range 3 {
		file := w.parcel()
		if status, list, err := w.sender.post(context.Background(), file); err == nil && whole(file, list) {
			w.t.Errorf("%s: the next file gets a receipt: HTTP %d", f, status)
		}
	}
	if n := x.after.Load(); n > 0 {
		w.t.Errorf("%s: %d writes came after it", f, n)
	}
}

// after starts the hub on what is left and checks it.
func (w *ward) after(p *patient, f failing, file parcel, acks []ack) {
	w.t.Helper()
	copied := w.t.TempDir()
	check(w.t, p.disk.Dump(copied))
	sound(w.t, copied)
	p.mount()
	p.start()
	if gone := w.sender.missing(acks); len(gone) > 0 {
		w.lost = append(w.lost, fmt.Sprintf("%s: %s", f, gone[0]))
		return
	}
	if w.how != "" {
		return // a broken hub is not asked for more
	}
	if len(acks) == 0 {
		if _, wrong := w.sender.settle([]parcel{file}); len(wrong) > 0 {
			w.t.Errorf("%s (seed %d): no receipt after a restart: %s", f, w.run.Seed, wrong[0])
		}
	}
	if err := p.hub.end(); err != nil {
		w.t.Errorf("%s: %v", f, err)
	}
	check(w.t, p.disk.Dump(copied))
	p.audit(copied)
	if n := records(w.t, copied); n != 1 {
		w.t.Errorf("%s (seed %d): %d records of one dossier", f, w.run.Seed, n)
	}
	check(w.t, os.RemoveAll(copied))
}

func TestR3NthCall(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R3 n-th call fails, sqlite", Quick: 4, All: 100_000})
	w := newWard(t, run, "")
	done := 0
	if run.Full() {
		done = w.all()
	} else {
		r := run.Rand("call", 0)
		for _, call := range []string{"write", "fsync"} {
			for range run.Rounds / 2 {
				f := failing{call: call, errno: syscall.EIO, kill: call == "write" && r.IntN(2) == 0, n: 1}
				if call == "write" {
					f.n += r.IntN(8)
				}
				if w.trial(f) {
					done++
				}
			}
		}
	}
	if len(w.lost) > 0 || done < 2 {
		t.Fatalf("%d calls failed, %d acknowledged files lost: %v", done, len(w.lost), w.lost)
	}
	control := newWard(t, run, brokenEarly)
	for n := 1; n <= 5 && len(control.lost) == 0; n++ {
		control.trial(failing{call: "write", kill: true, n: n})
	}
	run.Rounds = done
	run.Control(len(control.lost) > 0, "a hub that acknowledges before its commit, killed at a write")
	run.End("%d calls failed one by one, no receipt was given for what was not durable, all else consistent", done)
}

// all enumerates every call until it is hit no more, or until the rounds end.
func (w *ward) all() (done int) {
	for _, life := range []bool{false, true} {
		for _, call := range calls {
			for _, how := range []failing{{errno: syscall.EIO}, {errno: syscall.ENOSPC}, {kill: true}} {
				if call == "read" && how.errno == syscall.ENOSPC {
					continue
				}
				for n := 1; done < w.run.Rounds; n = next(n) {
					f := failing{life: life, call: call, errno: how.errno, kill: how.kill, n: n}
					if !w.trial(f) {
						break
					}
					done++
				}
			}
		}
	}
	return done
}

// next is the number after n: every one up to 20, then every tenth or so, since
// hundreds of writes of one migration or checkpoint are alike.
func next(n int) int { return n + 1 + n/20*3 }

// TestR3Strace does the same to the system calls of the process on a real file
// system. strace counts per thread, and Go's threads share the work, so that
// "the n-th" is one of several: what matters is that each fails somewhere.
func TestR3Strace(t *testing.T) {
	t.Parallel()
	run := chaos.Begin(t, chaos.Plan{Name: "R3 n-th system call by strace, sqlite", Quick: 0, All: 100_000})
	_, err := exec.LookPath("strace")
	run.Need(err == nil && (run.Rounds > 0), "strace is not there, or this is `make test`, where the disk's own trap stands for it")
	w := newWard(t, run, "")
	done := 0
	for _, call := range []string{"openat", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "close"} {
		for _, how := range []string{"error=EIO", "error=ENOSPC", "signal=KILL"} {
			for n := 1; done < run.Rounds; n = next(n) {
				if !w.traced(call, how, n) {
					break
				}
				done++
			}
		}
	}
	control := newWard(t, run, brokenEarly)
	for n := 1; n <= 40 && len(control.lost) == 0; n++ {
		control.traced("pwrite64", "signal=KILL", n)
	}
	if len(w.lost) > 0 || done < 10 {
		t.Fatalf("%d calls failed, %d acknowledged files lost: %v", done, len(w.lost), w.lost)
	}
	run.Rounds = done
	run.Control(len(control.lost) > 0, "a hub that acknowledges before its commit, killed at a write")
	run.End("%d system calls failed one by one, no receipt was given for what was not durable", done)
}

// traced is one life under strace.
func (w *ward) traced(call, how string, n int) (hit bool) {
	w.t.Helper()
	dir, log := w.t.TempDir(), filepath.Join(w.t.TempDir(), "strace")
	check(w.t, os.CopyFS(dir, os.DirFS(w.f.dir)))
	under := []string{"strace", "-f", "-qq", "-o", log, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, how, n)}
	for _, name := range []string{"main.db", "main.db-wal", "disclosure.db", "disclosure.db-wal"} {
		under = append(under, "-P", filepath.Join(dir, name))
	}
	name := fmt.Sprintf("%s %d: %s", call, n, how)
	p := &patient{t: w.t, run: w.run, engine: "sqlite", how: w.how, f: w.f, listen: w.listen, at: dir, sender: w.sender}
	defer p.discharge()
	p.hub = launch(w.t, dir, w.listen, w.how, under...)
	file := w.parcel()
	var acks []ack
	if p.hub.await() == nil {
		if status, list, err := w.sender.post(context.Background(), file); err == nil && status == http.StatusOK && whole(file, list) {
			acks = append(acks, ack{file, list})
		}
	}
	p.hub.kill()
	said, err := os.ReadFile(log)
	check(w.t, err)
	hit = strings.Contains(string(said), "INJECTED") || strings.Contains(string(said), "killed by SIGKILL") && how == "signal=KILL" && len(acks) == 0
	p.start()
	if gone := w.sender.missing(acks); len(gone) > 0 {
		w.lost = append(w.lost, name+": "+gone[0])
		return hit
	}
	if w.how != "" {
		return hit // a broken hub is not asked for more
	}
	if _, wrong := w.sender.settle(slices.Repeat([]parcel{file}, 1-len(acks))); len(wrong) > 0 {
		w.t.Errorf("%s (seed %d): no receipt after a restart: %s", name, w.run.Seed, wrong[0])
	}
	sound(w.t, dir)
	p.hub.kill()
	p.audit(dir)
	check(w.t, os.RemoveAll(dir))
	return hit
}
