package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

const clinic care.FacilityCode = "79901"

var everything = role.Scope{All: true}

// hub opens a database as a hub with a log and one facility.
func hub(t testing.TB, url, owner string) *store.Slices {
	t.Helper()
	s := open(t, url, postgres.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: owner})
	if dir, err := s.Facilities.Load(context.Background()); err != nil {
		t.Fatal(err)
	} else if _, known := dir.Current(clinic); known {
		return s
	}
	if err := s.Facilities.Change(context.Background(), store.DirectoryChange{Versions: []facility.Version{{Code: clinic, Name: "Phòng khám", Province: "79"}}},
		store.Act{At: time.Unix(1_780_000_000, 0), Actor: "test", Action: "facility.add"}); err != nil {
		t.Fatal(err)
	}
	return s
}

var serial atomic.Uint64

// group makes n dossiers unlike any other, of size bytes each.
func group(t testing.TB, n, size int) []store.Prepared {
	t.Helper()
	now := clock.System{}.Now()
	all := make([]store.Prepared, n)
	for i := range all {
		id, err := dossier.NewID(clinic, now, nil)
		if err != nil {
			t.Fatal(err)
		}
		key := func(what byte) vault.Keyed {
			return vault.Keyed(append([]byte{1, what, 0, 0, 0, 0, 0, 0, 0}, fmt.Sprintf("%08d", serial.Add(1))...))
		}
		f := &store.File{Facility: clinic, Hash: key('f'), Received: now, Sender: "test", Class: "clinical", Month: 202607, Skeleton: []byte("skeleton"), Dossiers: 1}
		all[i] = store.Prepared{
			File: f, ID: id, Kind: "qd4750", FacilityVersion: 1, Received: now, Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "base/1"},
			Episode: key('e'), Content: key('c'), Version: 1, Current: true, Class: "clinical", Month: 202607, Wrapped: []byte("key"),
			Head: []byte("head"), Body: bytes.Repeat([]byte{byte(i)}, size), Leaf: ledger.StatementLeaf(ledger.LeafReceipt, id.Serial[:]),
			Deltas: []store.Delta{{FacilityVersion: 1, Day: clock.Day(now), Kind: "qd4750", Measure: "accepted", N: 1}},
		}
	}
	return all
}

func commit(t testing.TB, s *store.Slices, g []store.Prepared) []store.Outcome {
	t.Helper()
	out, err := s.Intake.Commit(context.Background(), store.Routine, g)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAFullDiskKeepsNothing: the server says 53100 for a disk that is full.
func TestAFullDiskKeepsNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	s := hub(t, url, "a")
	for _, table := range []string{"body", "leaf", "delta"} {
		run(t, url, `CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file'; END $$`)
		run(t, url, `CREATE TRIGGER full_disk BEFORE INSERT ON `+table+` FOR EACH ROW EXECUTE FUNCTION full_disk()`)
		g := group(t, 3, 100)
		if _, err := s.Intake.Commit(context.Background(), store.Routine, g); !errors.Is(err, store.ErrFull) {
			t.Errorf("%s: %v", table, err)
		}
		if _, err := s.Records.Get(context.Background(), everything, g[0].ID); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: kept: %v", table, err)
		}
		run(t, url, `DROP TRIGGER full_disk ON `+table)
		if out := commit(t, s, g); out[2].Status != store.StatusStored {
			t.Errorf("%s: once there is space: %+v", table, out[2])
		}
	}
	head, err := s.Ledger.Head(context.Background(), 0)
	if err != nil || head.Size != 9 {
		t.Errorf("the log has %d leaves for 9 records (%v)", head.Size, err)
	}
}

// TestACommitCutShortIsSettled: the server ends the session after the leaves are
// written and before COMMIT. The hub asks, learns that nothing was kept and goes on.
func TestACommitCutShortIsSettled(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	s := hub(t, url, "a")
	run(t, url, `CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$`)
	run(t, url, `CREATE TRIGGER cut AFTER UPDATE ON log FOR EACH ROW EXECUTE FUNCTION cut()`)
	g := group(t, 4, 100)
	_, err := s.Intake.Commit(context.Background(), store.Routine, g)
	if fault.KindOf(err) != fault.Busy {
		t.Errorf("a commit cut short: %v", err)
	}
	run(t, url, `DROP TRIGGER cut ON log`)
	if _, err := s.Records.Get(context.Background(), everything, g[0].ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("kept: %v", err)
	}
	if out := commit(t, s, g); out[3].Status != store.StatusStored || out[3].Place.Index != 3 {
		t.Errorf("sent again: %+v", out[3])
	}
}

// TestACommitWithoutItsAnswerIsSettled: the server commits and the connection
// ends before the hub hears of it. The hub asks and answers as if it had.
func TestACommitWithoutItsAnswerIsSettled(t *testing.T) {
	t.Parallel()
	direct := pgtest.Copy(t, postgres.Migrate)
	p := newProxy(t, direct)
	s := hub(t, p.url, "a")
	commit(t, s, group(t, 2, 10))
	p.cut.Store(true)
	g := group(t, 5, 100)
	out := commit(t, s, g)
	if p.cut.Load() {
		t.Fatal("no answer to COMMIT passed by: nothing was tested")
	}
	if out[4].Status != store.StatusStored || out[4].Place.Index != 6 || out[4].Place.Size != 7 {
		t.Errorf("%+v", out[4])
	}
	note, err := s.Ledger.Checkpoint(context.Background(), 0, 7)
	if err != nil || note != out[4].Place.Checkpoint {
		t.Errorf("the checkpoint kept is another: %v", err)
	}
	if out := commit(t, s, g); out[0].Status != store.StatusReplay {
		t.Errorf("sent again: %+v", out[0])
	}
	if out := commit(t, s, group(t, 1, 10)); out[0].Place.Index != 7 {
		t.Errorf("the log goes on at %d", out[0].Place.Index)
	}
}

// proxy stands between hub and server and can swallow the answer to a COMMIT.
type proxy struct {
	url string
	cut atomic.Bool // swallow the next one and end the connection
}

func newProxy(t testing.TB, direct string) *proxy {
	t.Helper()
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	server := filepath.Join(query.Get("host"), ".s.PGSQL."+query.Get("port"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	query.Set("host", host)
	query.Set("port", port)
	u.RawQuery = query.Encode()
	p := &proxy{url: u.String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed: the test has ended
			}
			wg.Go(func() { p.carry(t, client, server) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	})
	return p
}

// carry carries both ways until one side ends.
func (p *proxy) carry(t testing.TB, client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(server, client) // ends with the connection
		server.Close()
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if err != nil {
			break
		}
		if bytes.Contains(buf[:n], []byte("COMMIT\x00")) && p.cut.CompareAndSwap(true, false) {
			break
		}
		if _, err := client.Write(buf[:n]); err != nil {
			break
		}
	}
	client.Close()
	server.Close()
	<-done
}

// TestSessionsThatAreEndedLoseNothing: an administrator ends every session again
// and again while writers write. What was acknowledged is there once, what
// failed was Busy and is stored when it is sent again.
func TestSessionsThatAreEndedLoseNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	s := hub(t, url, "a")
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var busy, acknowledged atomic.Int64
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				g := group(t, 5, 200)
				for {
					out, err := s.Intake.Commit(context.Background(), store.Routine, g)
					if err == nil && (out[4].Status == store.StatusStored || out[4].Status == store.StatusReplay) {
						acknowledged.Add(5)
						break
					}
					if fault.KindOf(err) != fault.Busy {
						t.Errorf("%+v, %v", out, err)
						return
					}
					busy.Add(1)
				}
			}
		})
	}
	for range 15 {
		time.Sleep(100 * time.Millisecond)
		run(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong'`)
	}
	close(stop)
	writers.Wait()
	var records int64
	if err := s.Records.Walk(context.Background(), 0, 0, func(*store.Record, []byte) error { records++; return nil }); err != nil {
		t.Fatal(err)
	}
	head, err := s.Ledger.Head(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged, %d times busy", acknowledged.Load(), busy.Load())
	if records != acknowledged.Load() || int64(head.Size) != records || records == 0 {
		t.Errorf("%d acknowledged, %d stored, %d leaves", acknowledged.Load(), records, head.Size)
	}
	if busy.Load() == 0 {
		t.Error("no commit was ever disturbed: nothing was tested")
	}
}
