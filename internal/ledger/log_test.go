package ledger_test

import (
	"errors"
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
				l.Abandon(b)
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

func TestOneBatchAtATimeAndNoneInDoubt(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l := open(t, m)
	b, err := l.Append(leavesFrom(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(leavesFrom(3, 1)); !errors.Is(err, ledger.ErrPending) {
		t.Fatalf("a second batch: %v", err)
	}
	if l.Head().Size != 0 {
		t.Fatal("the head moved before the commit was confirmed")
	}
	before := l.Head()
	l.Doubt(b)
	if _, err := l.Append(leavesFrom(3, 1)); !errors.Is(err, ledger.ErrInDoubt) {
		t.Fatalf("in doubt: %v", err)
	}
	if committed, err := l.Resolve(before); committed || err != nil {
		t.Fatalf("the old head: %v %v", committed, err)
	}
	again, err := l.Append(leavesFrom(0, 3))
	if err != nil || string(again.Head.Checkpoint) != string(b.Head.Checkpoint) {
		t.Fatalf("the same leaves again: %v", err)
	}
	m.commit(again)
	l.Doubt(again)
	if committed, err := l.Resolve(m.head()); !committed || err != nil || l.Head().Size != 3 {
		t.Fatalf("the new head: %v %v", committed, err)
	}
	last, err := l.Append(leavesFrom(3, 1))
	if err != nil {
		t.Fatal(err)
	}
	l.Doubt(last)
	stranger := m.head()
	stranger.Epoch++
	if _, err := l.Resolve(stranger); !errors.Is(err, ledger.ErrHead) {
		t.Fatalf("another writer's head: %v", err)
	}
	if _, err := l.Append(leavesFrom(3, 1)); !errors.Is(err, ledger.ErrHead) {
		t.Fatalf("the log still signs: %v", err)
	}
}

func TestALogToldOfAnotherBatchSignsNothingMore(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(*ledger.Log, *ledger.Batch){
		"confirm twice": func(l *ledger.Log, b *ledger.Batch) { l.Confirm(b); l.Confirm(b) },
		"abandon none":  func(l *ledger.Log, b *ledger.Batch) { l.Abandon(nil) },
		"doubt late":    func(l *ledger.Log, b *ledger.Batch) { l.Abandon(b); l.Doubt(b) },
	} {
		l := open(t, newMemory())
		b, err := l.Append(leavesFrom(0, 1))
		if err != nil {
			t.Fatal(err)
		}
		tell(l, b)
		if _, err := l.Append(leavesFrom(1, 1)); !errors.Is(err, ledger.ErrHead) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefusesWhatDoesNotHoldTogether(t *testing.T) {
	t.Parallel()
	stored := func() *memory {
		m := newMemory()
		l := open(t, m)
		add(t, l, m, leavesFrom(0, 700)...)
		return m
	}
	other, err := ledger.LogKeyFromSeed(testOrigin, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := ledger.LogKeyFromSeed("hub.test/log/1", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*memory)
		key   *ledger.LogKey
		want  error
	}{
		"control":           {func(*memory) {}, logKey(t), nil},
		"another key":       {func(*memory) {}, other, ledger.ErrDamaged},
		"another log's key": {func(*memory) {}, foreign, ledger.ErrKey},
		"edited leaf":       {func(m *memory) { m.leaves[699] = leaf(0) }, logKey(t), ledger.ErrDamaged},
		"missing leaf":      {func(m *memory) { m.leaves[699] = nil }, logKey(t), ledger.ErrDamaged},
		"cut tail":          {func(m *memory) { m.leaves = m.leaves[:698] }, logKey(t), ledger.ErrDamaged},
		"edited tile":       {func(m *memory) { m.tiles["0/1"][5] ^= 1 }, logKey(t), ledger.ErrDamaged},
		"missing tile":      {func(m *memory) { delete(m.tiles, "0/1") }, logKey(t), ledger.ErrDamaged},
		"short tile":        {func(m *memory) { m.tiles["0/1"] = m.tiles["0/1"][1:] }, logKey(t), ledger.ErrDamaged},
		"size":              {func(m *memory) { m.heads[0].Size-- }, logKey(t), ledger.ErrDamaged},
		"no checkpoint":     {func(m *memory) { m.heads[0].Checkpoint = nil }, logKey(t), ledger.ErrDamaged},
		"emptied":           {func(m *memory) { m.heads[0].Size = 0 }, logKey(t), ledger.ErrDamaged},
	} {
		m := stored()
		c.spoil(m)
		if _, err := ledger.Open(t.Context(), c.key, m.head(), m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAppendTakesKnownLeavesOnly(t *testing.T) {
	t.Parallel()
	l := open(t, newMemory())
	for name, leaves := range map[string][][]byte{
		"none":          nil,
		"empty":         {nil},
		"foreign":       {[]byte("hello")},
		"unknown kind":  {ledger.LeafData("rumour", [32]byte{})},
		"short digest":  {leaf(0)[:40]},
		"key, no DER":   {ledger.KeyLeaf([]byte("key"))},
		"key, trailing": {ledger.KeyLeaf(append(receiptKey(t).SPKI(), 0))},
		"second":        {leaf(0), []byte("hello")},
	} {
		if _, err := l.Append(leaves); !errors.Is(err, ledger.ErrLeaf) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.Append([][]byte{ledger.KeyLeaf(receiptKey(t).SPKI()), issue(t, body(0)).Leaf()}); err != nil {
		t.Fatal(err)
	}
}
