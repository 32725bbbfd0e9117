package lookspool_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/lookspool"
)

func row(n byte) store.Disclosure {
	return store.Disclosure{At: time.Date(2026, 11, 21, 3, 0, int(n), 1000, time.UTC), Reader: "session:1", Role: "clinician:79901", Record: dossier.ID{Facility: "79902", Serial: [16]byte{n}},
		Person: store.PersonID{n}, Facility: "79902", Basis: "emergency", Policy: "emergency-set@0123", Route: "POST /emergency", Count: 1, Staff: care.Staff{9}, Facts: `{"a":1}`}
}

func drained(t *testing.T, f *lookspool.File) (out []store.Disclosure) {
	t.Helper()
	if err := f.Drain(func(rows []store.Disclosure) error { out = append(out, rows...); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhatIsKeptIsHandedOverOnce, also by a process that begins anew.
func TestWhatIsKeptIsHandedOverOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := lookspool.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Disclosure{row(1), row(2), row(3)}
	if err := errors.Join(f.Keep(want[:2]), f.Keep(want[2:])); err != nil {
		t.Fatal(err)
	}
	if err := f.Drain(func([]store.Disclosure) error { return errors.New("the log is down still") }); err == nil {
		t.Error("what was not taken was forgotten silently")
	}
	if f, err = lookspool.Open(dir); err != nil {
		t.Fatal(err)
	}
	if got := drained(t, f); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := drained(t, f); len(got) != 0 {
		t.Errorf("handed over twice: %+v", got)
	}
}

// TestADamagedLineIsLeftOutAlone: cut off by a crash, or changed.
func TestADamagedLineIsLeftOutAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := lookspool.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Keep([]store.Disclosure{row(1), row(2)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "looks.spool")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)-20], 0o600); err != nil { // the second line is cut off
		t.Fatal(err)
	}
	if err := f.Keep([]store.Disclosure{row(3)}); err != nil {
		t.Fatal(err)
	}
	if got := drained(t, f); len(got) != 2 || got[0].Record.Serial[0] != 1 || got[1].Record.Serial[0] != 3 {
		t.Errorf("%+v", got)
	}
}
