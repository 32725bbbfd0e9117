package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

func ledgerCases() []testCase {
	return []testCase{
		{"leaves are dense, tiles right, every commit's checkpoint verifies", leavesAndTiles},
		{"a log goes on where it was left", logGoesOn},
		{"who lost the log commits nothing", leaseLost},
		{"without a log nothing is committed that needs a leaf", noLog},
		{"a log that cannot sign keeps nothing", logFails},
		{"receipt keys have a leaf in each log", receiptKeys},
		{"a closed log takes nothing more and the next one begins", closedLog},
	}
}

// onlyLeaves is a log's source without its stored tiles: what is proved from
// it does not rest on them.
type onlyLeaves struct{ ledger.Source }

func (onlyLeaves) Tile(context.Context, int, uint64) ([]byte, error) { return nil, nil }

func leavesAndTiles(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	type place struct {
		store.LeafPlace
		leaf []byte
	}
	var places []place
	for size := 1; w.logSize() < 600; size = size%64 + 9 {
		var group []store.Prepared
		for i := range size {
			group = append(group, w.prepare(say{episode: fmt.Sprint("e", len(places), ".", i), content: "c"}))
		}
		for i, o := range w.commit(group...) {
			places = append(places, place{o.Place, group[i].Leaf})
		}
	}
	w.reopen()
	src := w.s.Ledger.Source(0)
	head, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	leaves, err := src.Leaves(w.ctx(), 0, head.Size+10)
	w.must(err)
	if uint64(len(leaves)) != head.Size {
		t.Fatalf("%d leaves in a log of %d", len(leaves), head.Size)
	}
	reader := ledger.NewReader(src, 0)
	for _, p := range places {
		if !bytes.Equal(leaves[p.Index], p.leaf) {
			t.Fatalf("leaf %d is another", p.Index)
		}
		cp := w.checkpoint(0, p.Checkpoint)
		again, err := w.s.Ledger.Checkpoint(w.ctx(), 0, p.Size)
		w.must(err)
		if cp.Size != p.Size || again != p.Checkpoint || cp.Origin != head.Origin {
			t.Fatalf("the checkpoint of a commit of size %d is %q", p.Size, again)
		}
		proof, err := reader.Prove(w.ctx(), p.Size, p.Index)
		w.must(err)
		if !ledger.CheckInclusion(proof[0], cp, p.Index, p.leaf) {
			t.Fatalf("leaf %d is not proved in the checkpoint of its commit", p.Index)
		}
	}
	for n := range head.Size / ledger.TileWidth {
		got, err := src.Tile(w.ctx(), 0, n)
		w.must(err)
		want, err := ledger.NewReader(onlyLeaves{src}, 0).TileData(w.ctx(), 0, n, ledger.TileWidth)
		w.must(err)
		if !bytes.Equal(got, want) {
			t.Errorf("tile %d is not what its leaves give", n)
		}
	}
	if tile, err := src.Tile(w.ctx(), 0, head.Size/ledger.TileWidth); err != nil || tile != nil {
		t.Errorf("a tile that is not full: %d bytes, %v", len(tile), err)
	}
	if some, err := src.Leaves(w.ctx(), 3, 5); err != nil || len(some) != 2 || !bytes.Equal(some[0], leaves[3]) {
		t.Errorf("leaves 3 and 4: %d, %v", len(some), err)
	}
	if _, err := w.s.Ledger.Checkpoint(w.ctx(), 0, head.Size+1); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("the checkpoint of a size nobody committed: %v", err)
	}
}

func logGoesOn(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	before, err := w.s.Ledger.Append(w.ctx(), [][]byte{leafOf("admin", "one"), leafOf("admin", "two")})
	w.must(err)
	if before.Size != before.Index+2 || w.checkpoint(0, before.Checkpoint).Size != before.Size {
		t.Fatalf("placed at %+v", before)
	}
	first, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	w.reopen()
	after, err := w.s.Ledger.Append(w.ctx(), [][]byte{leafOf("admin", "three")})
	w.must(err)
	second, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	if after.Index != before.Size || second.Epoch <= first.Epoch || second.Size != first.Size+1 || first.Log != 0 || first.Origin != HubName+"/log/0" {
		t.Errorf("placed at %+v, head %+v then %+v", after, first, second)
	}
	proof, err := ledger.NewReader(w.s.Ledger.Source(0), 0).ProveConsistency(w.ctx(), before.Size, after.Size)
	w.must(err)
	if !ledger.CheckConsistency(proof, w.checkpoint(0, before.Checkpoint), w.checkpoint(0, after.Checkpoint)) {
		t.Error("the log of today does not begin with that of yesterday")
	}
	logs, err := w.s.Ledger.Logs(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]int{0}, logs); diff != "" {
		t.Error(diff)
	}
	if _, err := w.s.Ledger.Head(w.ctx(), 77); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a log nobody has: %v", err)
	}
	if _, err := w.s.Ledger.Append(w.ctx(), nil); err == nil {
		t.Error("nothing was appended and placed")
	}
}

func leaseLost(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	kept := w.send(say{episode: "before", content: "c"})
	size := w.logSize()
	p := w.prepare(say{episode: "e", content: "c"})
	h.Steal(t, 0)
	for range 2 {
		if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{p}); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("commit: %v", err)
		}
		if _, err := w.s.Ledger.Append(w.ctx(), [][]byte{leafOf("admin", "x")}); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("append: %v", err)
		}
		if err := w.s.Keys.Act(w.ctx(), w.act("x")); !errors.Is(err, store.ErrLeaseLost) {
			t.Errorf("act: %v", err)
		}
	}
	if _, err := w.s.Records.Get(w.ctx(), everything, p.ID); !errors.Is(err, store.ErrAbsent) || w.logSize() != size {
		t.Errorf("something was kept: %v, log %d -> %d", err, size, w.logSize())
	}
	w.get(kept.ID) // reading goes on
	w.reopen()
	if out := w.commit(p); out[0].Status != store.StatusStored || out[0].Place.Index != size {
		t.Errorf("who took it again: %+v", out[0])
	}
}

func noLog(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	kept := w.send(say{episode: "before", content: "c"})
	p := w.prepare(say{episode: "e", content: "c"})
	again := w.prepare(say{episode: "before", content: "c", file: "again"})
	w.must(w.s.Close())
	w.s = h.Open(t, Options{Clock: w.clock})
	if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{p}); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("commit: %v", err)
	}
	if _, err := w.s.Ledger.Append(w.ctx(), [][]byte{leafOf("admin", "x")}); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("append: %v", err)
	}
	if err := w.s.Keys.Act(w.ctx(), w.act("x")); !errors.Is(err, store.ErrNoLog) {
		t.Errorf("act: %v", err)
	}
	if err := w.s.Facilities.Change(w.ctx(), store.DirectoryChange{RevokeClient: "x"}, w.act("x")); !errors.Is(err, store.ErrNoLog) && !errors.Is(err, store.ErrAbsent) {
		t.Errorf("change: %v", err)
	}
	w.get(kept.ID)
	if out := w.commit(again); out[0].Status != store.StatusReplay {
		t.Errorf("a replay needs no leaf: %+v", out[0])
	}
	silent := w.act("look")
	silent.Leaf = nil
	w.must(w.s.Keys.Act(w.ctx(), silent))
	w.fold()
}

// faulty is a log whose next append fails.
type faulty struct {
	store.Log
	fail *bool
}

var errFaulty = errors.New("the signer is gone")

func (f faulty) Append(leaves [][]byte) (*ledger.Batch, error) {
	if *f.fail {
		*f.fail = false
		return nil, errFaulty
	}
	return f.Log.Append(leaves)
}

func logFails(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.must(w.s.Close())
	fail := false
	w.s = h.Open(t, Options{Clock: w.clock, OpenLog: func(ctx context.Context, head store.Head, src ledger.Source) (store.Log, error) {
		log, err := OpenLog(ctx, head, src)
		return faulty{log, &fail}, err
	}})
	size := w.logSize()
	p := w.prepare(say{episode: "e", content: "c", subject: newcomer(1, "one")})
	fail = true
	if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{p}); !errors.Is(err, errFaulty) {
		t.Errorf("commit: %v", err)
	}
	if k := w.known(say{episode: "e", content: "c", subject: newcomer(1, "one")}); k.Same != nil || k.Head.Version != 0 || k.Subject != nil || k.Claims[0].Person != (store.PersonID{}) {
		t.Errorf("something was kept: %+v", k)
	}
	if out := w.commit(p); out[0].Status != store.StatusStored || out[0].Place.Index != size {
		t.Errorf("then: %+v", out[0])
	}
}

func receiptKeys(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	k := store.KeyLeaf{KID: "0123456789abcdef", SPKI: []byte("spki"), Log: 0, Index: 3}
	if _, err := w.s.Ledger.Key(w.ctx(), 0, k.KID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a key nobody put: %v", err)
	}
	other := k
	other.Log, other.Index = 1, 0
	w.must(w.s.Ledger.PutKey(w.ctx(), k))
	w.must(w.s.Ledger.PutKey(w.ctx(), other))
	for _, want := range []store.KeyLeaf{k, other} {
		got, err := w.s.Ledger.Key(w.ctx(), want.Log, want.KID)
		w.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}
