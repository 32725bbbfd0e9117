package ledger_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"lienthong/internal/ledger"
)

// fataler is testing.TB or rapid.T.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// oracle is tlog's own dense storage: the reference for roots and proofs.
type oracle struct{ hashes []tlog.Hash }

func (o *oracle) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = o.hashes[x]
	}
	return out, nil
}

func (o *oracle) add(t testing.TB, n int, data []byte) {
	t.Helper()
	hs, err := tlog.StoredHashes(int64(n), data, o)
	if err != nil {
		t.Fatal(err)
	}
	o.hashes = append(o.hashes, hs...)
}

func (o *oracle) root(t fataler, n int) tlog.Hash {
	t.Helper()
	h, err := tlog.TreeHash(int64(n), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAppendsGiveTheRootsAndProofsOfTheReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m, o := newMemory(), &oracle{}
		l := open(t, m)
		target := rapid.IntRange(1, 1500).Draw(rt, "size")
		for size := 0; size < target; {
			n := min(rapid.IntRange(1, 300).Draw(rt, "batch"), target-size)
			leaves := leavesFrom(size, n)
			for i, lf := range leaves {
				o.add(t, size+i, lf)
			}
			if rapid.Bool().Draw(rt, "reopen") {
				l = open(t, m)
			}
			if rapid.Bool().Draw(rt, "abandon first") {
				b, err := l.Append([][]byte{leaf(-1)})
				if err != nil {
					rt.Fatal(err)
				}
				if err := l.Abandon(b); err != nil {
					rt.Fatal(err)
				}
			}
			b := add(t, l, m, leaves...)
			size += n
			if b.Root != o.root(t, size) {
				rt.Fatalf("root at %d differs from the reference", size)
			}
			checkProofs(t, rt, l, b, o, size)
		}
	})
}

func checkProofs(t *testing.T, rt *rapid.T, l *ledger.Log, b *ledger.Batch, o *oracle, size int) {
	cp, err := ledger.OpenCheckpoint(b.Head.Checkpoint, logKey(t).Verifier())
	if err != nil {
		rt.Fatal(err)
	}
	index := rapid.IntRange(0, size-1).Draw(rt, "index")
	want, err := tlog.ProveRecord(int64(size), int64(index), o)
	if err != nil {
		rt.Fatal(err)
	}
	for name, prove := range map[string]func() ([]ledger.Proof, error){
		"batch":  func() ([]ledger.Proof, error) { return b.Prove(rt.Context(), uint64(index)) },
		"reader": func() ([]ledger.Proof, error) { return l.Reader().Prove(rt.Context(), uint64(size), uint64(index)) },
	} {
		got, err := prove()
		if err != nil {
			rt.Fatal(name, err)
		}
		if fmt.Sprint(got[0]) != fmt.Sprint(ledger.Proof(want)) {
			rt.Fatalf("%s: the proof of %d in %d differs", name, index, size)
		}
		if !ledger.CheckInclusion(got[0], cp, uint64(index), leaf(index)) {
			rt.Fatalf("%s: the proof of %d in %d does not hold", name, index, size)
		}
		if ledger.CheckInclusion(got[0], cp, uint64(index), leaf(index+1)) {
			rt.Fatalf("%s: a false leaf is proved", name)
		}
	}
	older := rapid.IntRange(1, size).Draw(rt, "older")
	p, err := l.Reader().ProveConsistency(rt.Context(), uint64(older), uint64(size))
	if err != nil {
		rt.Fatal(err)
	}
	before := ledger.Checkpoint{Origin: cp.Origin, Size: uint64(older), Root: o.root(rt, older)}
	if !ledger.CheckConsistency(p, before, cp) {
		rt.Fatalf("no consistency from %d to %d", older, size)
	}
	before.Root[0] ^= 1
	if ledger.CheckConsistency(p, before, cp) {
		rt.Fatalf("a false older root is consistent")
	}
}

func TestReopeningAtEverySizeGivesTheSameNextRoot(t *testing.T) {
	t.Parallel()
	m, o := newMemory(), &oracle{}
	for size := range 1100 {
		l := open(t, m)
		o.add(t, size, leaf(size))
		if b := add(t, l, m, leaf(size)); b.Root != o.root(t, size+1) {
			t.Fatalf("opened at %d: the next root differs", size)
		}
	}
}
