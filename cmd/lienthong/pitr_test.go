//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/backup"
	"lienthong/internal/store/postgres/pgtest"
)

// cluster is a PostgreSQL server that archives through this program, in a
// directory that its own user can read.
type cluster struct {
	t     *testing.T
	dir   string
	bin   string // of PostgreSQL
	self  string // this program, where the server's user can run it
	owner *syscall.Credential
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	pgtest.Database(t) // skips loudly where there is none
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		initdb, err := exec.LookPath("initdb")
		if err != nil {
			t.Skip("SKIPPED, NOT TESTED: initdb is not where this test looks")
		}
		found = []string{filepath.Dir(initdb)}
	}
	c := &cluster{t: t, bin: found[len(found)-1]}
	if c.dir, err = os.MkdirTemp("", "pitr-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(c.dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skipf("SKIPPED, NOT TESTED: as root the server runs as user postgres: %v", err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		c.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		c.own(c.dir)
	}
	c.self = filepath.Join(c.dir, "lienthong")
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(me)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.self, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) own(path string) {
	c.t.Helper()
	if c.owner != nil {
		if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// private writes a file that only the server's user reads.
func (c *cluster) private(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.own(path)
	return path
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func (c *cluster) run(name string, args ...string) {
	c.t.Helper()
	if out, err := c.command(name, args...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// start runs a server on a data directory; stop ends it at once, as a lost machine does.
func (c *cluster) start(data, port string, settings ...string) (stop func()) {
	c.t.Helper()
	args := []string{"-D", data, "-k", c.dir, "-p", port, "-c", "listen_addresses=", "-c", "shared_buffers=32MB"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	log, err := os.Create(filepath.Join(c.dir, "server"+port+".log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := c.command(filepath.Join(c.bin, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // it is killed, and says so
	stop = func() { _ = cmd.Process.Signal(syscall.SIGQUIT); <-ended; _ = log.Close() }
	c.t.Cleanup(stop)
	for range 600 {
		if c.ask(port, "postgres", "SELECT NOT pg_is_in_recovery()") == "true" {
			return stop
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(log.Name())
			c.t.Fatalf("the server ended:\n%s", text)
		case <-time.After(50 * time.Millisecond):
		}
	}
	text, _ := os.ReadFile(log.Name())
	c.t.Fatalf("the server takes no writes:\n%s", text)
	return nil
}

func (c *cluster) url(port, database string) string {
	return "postgres:///" + database + "?host=" + c.dir + "&port=" + port + "&user=postgres&sslmode=disable"
}

// ask answers one value as text, "" where the server does not answer.
func (c *cluster) ask(port, database, query string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url(port, database))
	if err != nil {
		return ""
	}
	defer conn.Close(ctx)
	var v string
	if err := conn.QueryRow(ctx, "SELECT ("+query+")::text").Scan(&v); err != nil {
		return ""
	}
	return v
}

// TestPointInTimeOnPostgres (TRUST R14): a cluster that archives through
// `backup wal` is restored to a moment. Every receipt given before it is there,
// byte for byte, and none after; the store and its ledger are whole.
func TestPointInTimeOnPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT TESTED: -short leaves PostgreSQL out")
	}
	t.Parallel()
	c := newCluster(t)
	data := filepath.Join(c.dir, "data")
	c.run(filepath.Join(c.bin, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
	seed := c.private("archive.key", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n")
	signer, err := backup.NewSigner("lienthong.drill", bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(c.dir, "place")
	url := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(url, []byte(c.url("5433", "hub")), 0o600); err != nil {
		t.Fatal(err)
	}
	// The identity is made by the drill; the server is started with its recipient.
	identity, recipient := c.identity()
	sealing := []string{"--to", place, "--recipient", recipient, "--hub", "lienthong.drill", "--key", seed}
	stop := c.start(data, "5433", "wal_level=replica", "archive_mode=on", "archive_command="+c.self+" backup wal "+strings.Join(sealing, " ")+" %p")
	if c.ask("5433", "postgres", "SELECT 1") != "1" {
		t.Fatal("no server")
	}
	c.run(filepath.Join(c.bin, "createdb"), "-h", c.dir, "-p", "5433", "-U", "postgres", "hub")
	d := newDrill(t, url)
	kill := d.hub(d.data)
	c.base(sealing)
	d.sends(20)
	moment := c.ask("5433", "hub", "SELECT clock_timestamp()")
	before := d.given()
	d.sends(15)
	c.archived()
	kill()
	stop()

	restored := filepath.Join(c.dir, "restored")
	cmd := c.command("sh", c.script("pg-restore.sh"))
	cmd.Env = append(os.Environ(), "PLACE="+place, "IDENTITY="+identity, "LOGKEY="+signer.Verifier(), "DATA="+restored, "TARGET="+moment, "LIENTHONG="+c.self)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.start(restored, "5434")
	if err := os.WriteFile(url+"2", []byte(c.url("5434", "hub")), 0o600); err != nil {
		t.Fatal(err)
	}
	out := d.must("restore", "--database", url+"2", "--data", filepath.Join(d.dir, "new"), "--keys", d.data+".keys", "--name", "lienthong.drill",
		"--verify", "--all", "--json", "--report", filepath.Join(d.dir, "report"))
	var r struct {
		Records int  `json:"records"`
		Whole   int  `json:"whole"`
		Done    bool `json:"verified"`
		Logs    []struct {
			Size uint64 `json:"size"`
		} `json:"logs"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Done || r.Records != before || r.Whole != before {
		t.Fatalf("%d receipts before the moment, %s (%v)", before, out, err)
	}
	defer d.hub(filepath.Join(d.dir, "new"))()
	back, lost := d.sendAgain(r.Logs[0].Size)
	t.Logf("restored to %s: %d receipts are there, %d after it are not", moment, back, lost)
	if back != before || lost != d.given()-before || lost == 0 {
		t.Errorf("%d of %d before, %d of %d after", back, before, lost, d.given()-before)
	}
	d.newLog()
}

// sends sends n files and keeps their receipts.
func (d *drill) sends(n int) {
	d.t.Helper()
	for want := d.given() + n; d.given() < want; d.next++ {
		if r, ok := d.send(d.t.Context(), d.next); ok {
			d.receipts[d.next] = r
		}
	}
}

func (c *cluster) identity() (path, recipient string) {
	c.t.Helper()
	path = filepath.Join(c.dir, "identity")
	out, err := c.command(c.self, "backup", "key", "--out", path).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	_, recipient, ok := strings.Cut(strings.TrimSpace(string(out)), "recipient: ")
	if !ok {
		c.t.Fatalf("%s", out)
	}
	return path, recipient
}

// base keeps a base backup while the hub is at work.
func (c *cluster) base(sealing []string) {
	c.t.Helper()
	from := c.command(filepath.Join(c.bin, "pg_basebackup"), "-h", c.dir, "-p", "5433", "-U", "postgres", "-D", "-", "-Ft", "-X", "none", "-c", "fast")
	to := c.command(c.self, append([]string{"backup", "base"}, sealing...)...)
	pipe, err := from.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	var said bytes.Buffer
	from.Stderr, to.Stderr, to.Stdin = &said, &said, io.Reader(pipe)
	if err := from.Start(); err != nil {
		c.t.Fatal(err)
	}
	if err := to.Run(); err != nil {
		c.t.Fatalf("%v\n%s", err, said.String())
	}
	if err := from.Wait(); err != nil {
		c.t.Fatalf("%v\n%s", err, said.String())
	}
}

// archived waits until everything written so far is in the archive.
func (c *cluster) archived() {
	c.t.Helper()
	file := c.ask("5433", "hub", "SELECT pg_walfile_name(pg_switch_wal())")
	for range 600 {
		if last := c.ask("5433", "hub", "SELECT last_archived_wal FROM pg_stat_archiver"); last >= file && file != "" {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(c.dir, "server5433.log"))
	c.t.Fatalf("the WAL was not archived:\n%s", log)
}

// script copies one of the project's scripts to where the server's user can read it.
func (c *cluster) script(name string) string {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "script", name))
	if err != nil {
		c.t.Fatal(err)
	}
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, b, 0o755); err != nil {
		c.t.Fatal(err)
	}
	return path
}
