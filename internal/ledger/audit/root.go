package audit

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"lienthong/internal/ledger"
)

func ledgerKeyFault(err error) bool { return errors.Is(err, ledger.ErrKey) }

func (a *auditor) size() uint64 { return a.trees[0].size }

// signedRoots checks the stored and known checkpoints of the present size.
func (a *auditor) signedRoots() error {
	for {
		c, ok, err := a.checkpoints.peek()
		if err != nil {
			return err
		}
		if !ok || c.Size > a.size() {
			break
		}
		a.checkpoints.take()
		a.storedCheckpoint(c)
	}
	for len(a.known) > 0 && a.known[0].Size == a.size() {
		if !a.agree(a.known[0].Root) {
			a.problem("known.contradicted", a.known[0].Size, "")
		}
		a.known = a.known[1:]
	}
	return nil
}

func (a *auditor) storedCheckpoint(c Checkpoint) {
	if c.Size < a.size() || a.last.Note != nil && c.Size <= a.last.Size {
		a.problem("checkpoint.order", c.Size, "")
		return
	}
	a.last = c
	a.report.Checkpoints++
	var cp ledger.Checkpoint
	var err error
	if a.sampled(a.report.Checkpoints) || c.Size == a.stored.Head.Size {
		cp, err = ledger.OpenCheckpoint(c.Note, a.opts.LogKey)
	} else {
		cp, err = ledger.ParseCheckpoint(c.Note)
	}
	// Three lines, a blank one and the log's own signature, nothing else.
	if err != nil || cp.Size != c.Size || cp.Origin != a.report.Origin || bytes.Count(c.Note, []byte("\n")) != 5 {
		a.problem("checkpoint.edited", c.Size, "")
		return
	}
	if a.agree(cp.Root) {
		return
	}
	if a.lost {
		a.report.Unanchored++
		return
	}
	a.lost = true
	a.settle(byMost)
	a.problem("checkpoint.root", c.Size, "")
}

// agree reports whether one of the trees has the signed root; if so it is the
// one that is right, and settles the disputes.
func (a *auditor) agree(root ledger.Hash) bool {
	for w, t := range a.trees {
		if t.root() == root {
			a.trees = []*tree{t}
			a.settle(witnessRow(w))
			return true
		}
	}
	return false
}

// settle reports, for each dispute, the rows that differ from the way taken.
func (a *auditor) settle(right witnessRow) {
	if len(a.trees) > 1 {
		a.trees = []*tree{a.trees[right]}
	}
	for _, d := range a.disputes {
		truth := d.taken[right]
		if h := d.hash[byLeaf]; h != nil && *h != truth {
			a.problem("leaf.edited", d.index, d.name)
		}
		if h := d.hash[byTile]; h != nil && *h != truth {
			a.tileProblem("tile.edited", 0, d.index>>ledger.TileHeight)
		}
		if h := d.hash[byRecord]; h != nil && *h != truth {
			a.problem("record.edited", d.index, d.name)
		}
	}
	a.disputes = nil
}

// finish checks what is left over when all leaves are read.
func (a *auditor) finish(ctx context.Context) error {
	a.settle(byMost)
	for {
		e, ok, err := a.entries.peek()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		a.entries.take()
		a.problem("record.spare", e.Index, e.Name)
	}
	for {
		c, ok, err := a.checkpoints.peek()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		a.checkpoints.take()
		a.problem("checkpoint.order", c.Size, "")
	}
	head := a.stored.Head
	if head.Size != a.last.Size || !bytes.Equal(head.Checkpoint, a.last.Note) {
		a.problem("head.edited", head.Size, "")
	}
	beyond, err := a.stored.Source.Leaves(ctx, head.Size, head.Size+1)
	if err != nil {
		return err
	}
	if len(beyond) > 0 && beyond[0] != nil {
		a.problem("leaf.spare", head.Size, "")
	}
	for _, k := range a.known {
		a.problem("head.behind", k.Size, "")
	}
	for _, index := range slices.Sorted(maps.Keys(a.erased)) {
		a.problem("erasure.unproved", index, a.erased[index])
	}
	return nil
}
