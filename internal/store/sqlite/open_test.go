package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

func TestOneProcessHoldsTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	with := sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName}
	first := open(t, dir, storetest.Options{OpenLog: storetest.OpenLog})
	if _, err := sqlite.Open(context.Background(), dir, with); !errors.Is(err, store.ErrHeld) {
		t.Errorf("a second one: %v", err)
	}
	// Who needs no log reads and administers beside it.
	beside := open(t, dir, storetest.Options{})
	if _, err := beside.Keys.PutFact(context.Background(), "hub.name", []byte("x")); err != nil {
		t.Error(err)
	}
	if got, err := first.Keys.Fact(context.Background(), "hub.name"); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := sqlite.Open(context.Background(), dir, with)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

func TestManyOpenANewDirectoryAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			s, err := sqlite.Open(context.Background(), dir, sqlite.Config{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Keys.PutFact(context.Background(), fmt.Sprint(i), []byte("x")); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestALogThatDoesNotOpenGivesItsLockBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wrong := errors.New("wrong key")
	_, err := sqlite.Open(context.Background(), dir, sqlite.Config{HubName: storetest.HubName,
		OpenLog: func(context.Context, store.Head, ledger.Source) (store.Log, error) { return nil, wrong }})
	if !errors.Is(err, wrong) {
		t.Fatal(err)
	}
	open(t, dir, storetest.Options{OpenLog: storetest.OpenLog})
	if _, err := sqlite.Open(context.Background(), t.TempDir(), sqlite.Config{OpenLog: storetest.OpenLog}); err == nil {
		t.Error("a log of a hub without a name was opened")
	}
}

func TestAClosedStoreAnswersStopping(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storetest.Options{OpenLog: storetest.OpenLog})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Ledger.Append(context.Background(), [][]byte{{1}}); !errors.Is(err, store.ErrStopping) {
		t.Error(err)
	}
	if err := s.Disclosures.Record(context.Background(), []store.Disclosure{{}}); !errors.Is(err, store.ErrStopping) {
		t.Error(err)
	}
}

func TestNobodyElseMayReadTheFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "here")
	s := open(t, dir, storetest.Options{OpenLog: storetest.OpenLog})
	if _, err := s.Keys.PutFact(context.Background(), "x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		files++
		return nil
	})
	if err != nil || files < 6 { // the directory, two files with WAL and index, the lock
		t.Errorf("%d files, %v", files, err)
	}
}
