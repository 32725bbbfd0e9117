package ledger_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"lienthong/internal/ledger"
)

// noted is a checkpoint of a log that nobody has, signed by its key.
func noted(t testing.TB, origin string, size uint64) []byte {
	t.Helper()
	key, err := ledger.LogKeyFromSeed(origin, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	note, err := key.Checkpoint(size, ledger.Hash{byte(size)})
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func TestARequestToCosignHasOneSpelling(t *testing.T) {
	t.Parallel()
	want := &ledger.AddCheckpoint{Old: 12, Proof: ledger.Proof{{1}, {2}}, Checkpoint: noted(t, "a.example/log/0", 20)}
	text := want.Marshal()
	got, err := ledger.ParseAddCheckpoint(text)
	if err != nil || got.Old != 12 || len(got.Proof) != 2 || got.Proof[1] != want.Proof[1] || !bytes.Equal(got.Checkpoint, want.Checkpoint) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "no old": "size 3\n\n", "a zero before": "old 03\n\n" + string(want.Checkpoint), "a sign": "old +3\n\n" + string(want.Checkpoint),
		"half a hash": "old 3\nAAAA\n\n" + string(want.Checkpoint), "no checkpoint": "old 3\n\n", "no empty line": "old 3\n",
	} {
		if _, err := ledger.ParseAddCheckpoint([]byte(bad)); !errors.Is(err, ledger.ErrAddCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACosignatureIsOfOneWitnessAndOneCheckpoint(t *testing.T) {
	t.Parallel()
	seed := bytes.Repeat([]byte{3}, 32)
	w, err := ledger.DeriveCosigner("b.example/witness", seed)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ledger.DeriveCosigner("c.example/witness", bytes.Repeat([]byte{4}, 32))
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledger.LogKeyFromSeed("b.example/log/0", seed)
	if err != nil {
		t.Fatal(err)
	}
	if string(w.Verifier()[len(w.Verifier())-20:]) == string(log.Verifier()[len(log.Verifier())-20:]) {
		t.Error("the witness signs with the log's key")
	}
	note, at := noted(t, "a.example/log/0", 20), time.Unix(1_800_000_000, 0).UTC()
	line, err := w.Line(note, at)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.CheckCosignature(note, line, w.Verifier()); err != nil || !got.Equal(at) {
		t.Errorf("%v, %v", got, err)
	}
	for name, try := range map[string]func() error{
		"another checkpoint": func() error {
			_, err := ledger.CheckCosignature(noted(t, "a.example/log/0", 21), line, w.Verifier())
			return err
		},
		"another log": func() error {
			_, err := ledger.CheckCosignature(noted(t, "z.example/log/0", 20), line, w.Verifier())
			return err
		},
		"another witness": func() error { _, err := ledger.CheckCosignature(note, line, other.Verifier()); return err },
		"two lines":       func() error { _, err := ledger.CheckCosignature(note, line+line, w.Verifier()); return err },
		"no line":         func() error { _, err := ledger.CheckCosignature(note, "", w.Verifier()); return err },
	} {
		if err := try(); !errors.Is(err, ledger.ErrCosignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	both, err := ledger.WithCosignatures(note, line)
	if err != nil {
		t.Fatal(err)
	}
	by, err := ledger.CosignedBy(both, []string{w.Verifier(), other.Verifier()})
	if err != nil || len(by) != 1 || !by[w.Verifier()].Equal(at) {
		t.Errorf("cosigned by %v, %v", by, err)
	}
	if _, err := ledger.WithCosignatures(note, "not a line"); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("not a line: %v", err)
	}
	if name, err := ledger.WitnessName(w.Verifier()); err != nil || name != "b.example/witness" {
		t.Errorf("%q, %v", name, err)
	}
}

func TestConsistencyAndSeenComeBack(t *testing.T) {
	t.Parallel()
	c := &ledger.Consistency{From: 3, To: 9, Proof: ledger.Proof{{1}, {2}, {3}}}
	if got, err := ledger.ParseConsistency(c.Marshal()); err != nil || got.From != 3 || got.To != 9 || len(got.Proof) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", `{"from":4,"proof":[],"to":3}`, `{"from":1,"proof":[],"to":3,"x":1}`, `{"from":-1,"proof":[],"to":3}`} {
		if _, err := ledger.ParseConsistency([]byte(bad)); !errors.Is(err, ledger.ErrConsistency) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	seen := ledger.Checkpoint{Origin: "a.example/log/0", Size: 12, Root: ledger.Hash{9}}
	if got, err := ledger.ParseSeen(seen.Line()); err != nil || got != seen {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "a 1", seen.Line() + " ", " " + seen.Line(), "a 01 " + seen.Line()[19:], "a 1 AA=="} {
		if _, err := ledger.ParseSeen(bad); !errors.Is(err, ledger.ErrSeen) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzAddCheckpoint(f *testing.F) {
	f.Add((&ledger.AddCheckpoint{Old: 1, Proof: ledger.Proof{{1}}, Checkpoint: noted(f, "a.example/log/0", 2)}).Marshal())
	f.Add([]byte("old 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ledger.ParseAddCheckpoint(b)
		if err != nil {
			return
		}
		if !bytes.Equal(a.Marshal(), b) {
			t.Errorf("another spelling: %q", b)
		}
	})
}

func FuzzSeenAndConsistency(f *testing.F) {
	f.Add([]byte((ledger.Checkpoint{Origin: "a", Size: 1}).Line()))
	f.Add((&ledger.Consistency{From: 1, To: 2, Proof: ledger.Proof{{1}}}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ledger.ParseSeen(string(b)); err == nil && c.Line() != string(b) {
			t.Errorf("another spelling: %q", b)
		}
		if c, err := ledger.ParseConsistency(b); err == nil && c.From > c.To {
			t.Errorf("backwards: %q", b)
		}
	})
}
