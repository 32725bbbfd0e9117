package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/ledger"
	"lienthong/internal/store/storetest"
)

func open(t *testing.T) *file.DB {
	t.Helper()
	db, err := file.Open(context.Background(), filepath.Join(t.TempDir(), "a file?#%.db"), file.Config{Migrations: os.DirFS("../migrations/main")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func lease(t *testing.T, db *file.DB) {
	t.Helper()
	if err := db.Lease(context.Background(), 0, storetest.HubName+"/log/0", "test", storetest.OpenLog, ledger.Source(db, 0)); err != nil {
		t.Fatal(err)
	}
}

func put(tx *file.Tx, name string) error {
	_, err := tx.Exec(`INSERT INTO fact (name, value) VALUES (?, x'00')`, name)
	return err
}

func names(t *testing.T, db *file.DB) (all []string) {
	t.Helper()
	err := db.Read(context.Background(), func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT name FROM fact ORDER BY name`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n string
			if err := rows.Scan(&n); err != nil {
				return err
			}
			all = append(all, n)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hold keeps the committer busy until the returned function is called.
func hold(t *testing.T, db *file.DB) (release func()) {
	t.Helper()
	begun, end := make(chan struct{}), make(chan struct{})
	go func() {
		if err := db.Write(context.Background(), file.Urgent, 1, func(*file.Tx) error {
			close(begun)
			<-end
			return nil
		}); err != nil {
			t.Error(err)
		}
	}()
	<-begun
	return func() { close(end) }
}

// queued starts writes one after the other, so that they wait in this order.
type queued struct {
	t  *testing.T
	db *file.DB
	wg sync.WaitGroup
}

func (q *queued) add(lane file.Lane, weight int, fn func(*file.Tx) error) *error {
	q.t.Helper()
	var err error
	before := file.Waiting(q.db)
	q.wg.Go(func() { err = q.db.Write(context.Background(), lane, weight, fn) })
	for file.Waiting(q.db) == before {
		runtime.Gosched() // until it stands in line
	}
	return &err
}

func TestOneWriteThatFailsTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	db := open(t)
	lease(t, db)
	bad := errors.New("bad")
	release := hold(t, db)
	q := &queued{t: t, db: db}
	var errs []*error
	places := make([]store.LeafPlace, 9)
	for i := range places {
		errs = append(errs, q.add(file.Routine, 1, func(tx *file.Tx) error {
			if err := put(tx, fmt.Sprint(i)); err != nil {
				return err
			}
			if _, _, err := tx.Leaf(append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...), &places[i]); err != nil {
				return err
			}
			if i%3 == 1 {
				return bad
			}
			return nil
		}))
	}
	release()
	q.wg.Wait()
	next := uint64(0)
	for i, err := range errs {
		if i%3 == 1 {
			if !errors.Is(*err, bad) {
				t.Errorf("write %d: %v", i, *err)
			}
			continue
		}
		if *err != nil || places[i].Index != next || places[i].Size != next+1 || places[i].Checkpoint == "" {
			t.Errorf("write %d: %v, leaf at %+v", i, *err, places[i])
		}
		next++
	}
	if got := names(t, db); !slices.Equal(got, []string{"0", "2", "3", "5", "6", "8"}) {
		t.Errorf("kept %v", got)
	}
}

func TestWritesThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	db := open(t)
	lease(t, db)
	release := hold(t, db)
	q := &queued{t: t, db: db}
	places := make([]store.LeafPlace, 10)
	for i := range places {
		q.add(file.Routine, 1, func(tx *file.Tx) error {
			_, _, err := tx.Leaf(append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...), &places[i])
			return err
		})
	}
	release()
	q.wg.Wait()
	for i, p := range places {
		if p.Index != uint64(i) || p.Size != 10 || p.Checkpoint != places[0].Checkpoint || p.Checkpoint == "" {
			t.Errorf("leaf %d at %+v", i, p)
		}
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	db := open(t)
	release := hold(t, db)
	q := &queued{t: t, db: db}
	var order []string
	note := func(s string) func(*file.Tx) error {
		return func(*file.Tx) error { order = append(order, s); return nil }
	}
	for i := range 12 {
		q.add(file.Backlog, 64, note(fmt.Sprint("backlog ", i)))
	}
	q.add(file.Administrative, 1, note("administrative"))
	for i := range 30 {
		q.add(file.Routine, 64, note(fmt.Sprint("routine ", i)))
	}
	q.add(file.Urgent, 1, note("urgent"))
	release()
	q.wg.Wait()
	if order[0] != "urgent" || order[1] != "administrative" && order[1] != "routine 0" {
		t.Errorf("first %v", order[:3])
	}
	for _, late := range []string{"administrative", "backlog 0"} { // nobody waits for ever
		if i := slices.Index(order, late); i < 0 || i > 20 {
			t.Errorf("%s was number %d of %d", late, i, len(order))
		}
	}
	if i, k := slices.Index(order, "routine 29"), slices.Index(order, "backlog 11"); i > k {
		t.Errorf("the last of routine came as %d, of the backlog as %d", i, k)
	}
}

func TestWhoLeavesBeforeTheWriteBeginsKeepsNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	release := hold(t, db)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	before := file.Waiting(db)
	go func() { done <- db.Write(ctx, file.Routine, 1, func(tx *file.Tx) error { return put(tx, "left") }) }()
	for file.Waiting(db) == before {
		runtime.Gosched() // until it stands in line
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	if err := db.Write(context.Background(), file.Backlog, 1, func(tx *file.Tx) error { return put(tx, "next") }); err != nil {
		t.Fatal(err)
	}
	if got := names(t, db); !slices.Equal(got, []string{"next"}) {
		t.Errorf("kept %v", got)
	}
}

func TestWhoWaitsWhenItStopsIsTold(t *testing.T) {
	t.Parallel()
	db := open(t)
	release := hold(t, db)
	q := &queued{t: t, db: db}
	err := q.add(file.Routine, 1, func(tx *file.Tx) error { return put(tx, "waiting") })
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	for !file.Stopped(db) {
		runtime.Gosched()
	}
	if err := db.Write(context.Background(), file.Urgent, 1, func(*file.Tx) error { return nil }); !errors.Is(err, store.ErrStopping) {
		t.Errorf("a write after the end: %v", err)
	}
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	q.wg.Wait()
	if !errors.Is(*err, store.ErrStopping) {
		t.Error(*err)
	}
}

// A job that ends the transaction itself stands for a COMMIT of which nobody
// knows how it ended.
func TestACommitInDoubtIsResolvedByTheHeadRow(t *testing.T) {
	t.Parallel()
	for end, committed := range map[string]bool{"COMMIT": true, "ROLLBACK": false} {
		db := open(t)
		lease(t, db)
		leaf := append([]byte("lienthong/admin/v1\n"), make([]byte, 32)...)
		var place store.LeafPlace
		err := db.Write(context.Background(), file.Urgent, 1, func(tx *file.Tx) error {
			if _, _, err := tx.Leaf(leaf, &place); err != nil {
				return err
			}
			if end == "COMMIT" {
				_, err := tx.Exec(end)
				return err
			}
			return nil
		})
		if end == "ROLLBACK" {
			err = db.Write(context.Background(), file.Urgent, 1, func(tx *file.Tx) error {
				_, err := tx.Exec(end)
				return err
			})
		}
		if committed != (err == nil) || committed && place.Size != 1 {
			t.Errorf("%s: %v, placed at %+v", end, err, place)
		}
		// Either way the log goes on where the rows end.
		if err := db.Write(context.Background(), file.Urgent, 1, func(tx *file.Tx) error {
			_, _, err := tx.Leaf(leaf, &place)
			return err
		}); err != nil || place.Index != 1 {
			t.Errorf("after %s: %v, placed at %+v", end, err, place)
		}
	}
}

func TestFindingsComeBackWithoutTheirHint(t *testing.T) {
	t.Parallel()
	if _, err := file.Findings(nil); err != nil {
		t.Error(err)
	}
	if _, err := file.FindingsOf(file.Text(`[["only","three",[]]]`)); err == nil {
		t.Error("a row too short was read")
	}
	if _, err := file.FindingsOf(file.Text(`{}`)); err == nil {
		t.Error("no rows were read")
	}
}

// TestFirstUsesAtOnceDoNotWaitForEachOther: as many snapshots as may be open at
// once each hold a connection and then prepare a text that nobody used before.
func TestFirstUsesAtOnceDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const together = 6 // readers
	db := open(t)
	for round := range 5 {
		var inside, done sync.WaitGroup
		inside.Add(together)
		for i := range together {
			done.Go(func() {
				err := db.Read(context.Background(), func(s *file.Snapshot) error {
					inside.Done()
					inside.Wait()
					var n int
					return s.Row(fmt.Sprintf("SELECT %d", round*together+i)).Scan(&n)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
	}
}
