package audit

import (
	"bytes"
	"context"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"lienthong/internal/ledger"
)

// A leaf's hash may be told by three rows: the leaf itself, its entry in a full
// tile, and the record it commits to. Where they differ the auditor follows
// each, and what most say, in a tree of its own; the next signed root tells
// which was right.
type witnessRow int

const (
	byLeaf witnessRow = iota
	byTile
	byRecord
	byMost
	ways
)

// dispute is a leaf about which its rows differ.
type dispute struct {
	index uint64
	name  string
	hash  [byMost]*ledger.Hash // nil: that row is not there or says nothing
	taken [ways]ledger.Hash    // what each way pushed
}

type auditor struct {
	stored Stored
	opts   Options
	report Report

	checkpoints stream[Checkpoint]
	entries     stream[Entry]
	known       []ledger.Checkpoint

	trees    []*tree // one, or one for each way while there are disputes
	disputes []dispute
	lost     bool // a root could not be reproduced

	last     Checkpoint        // the last stored one in order
	keys     map[string][]byte // kid to DER, from key leaves so far
	erased   map[uint64]string // erased receipts without a statement yet
	reported uint64            // size of the last checkpoint reported missing
}

func newAuditor(stored Stored, opts Options) (*auditor, error) {
	if opts.Limit <= 0 {
		opts.Limit = 1000
	}
	a := &auditor{
		stored: stored, opts: opts, trees: []*tree{{}},
		report: Report{Origin: stored.Head.Origin, Size: stored.Head.Size, Problems: []Problem{}},
		keys:   map[string][]byte{}, erased: map[uint64]string{},
	}
	// An empty note never opens; a malformed key says so first.
	if _, err := ledger.OpenCheckpoint(nil, opts.LogKey); ledgerKeyFault(err) {
		return nil, err
	}
	for _, note := range opts.Known {
		cp, err := ledger.OpenCheckpoint(note, opts.LogKey)
		if err != nil {
			return nil, err
		}
		a.known = append(a.known, cp)
	}
	slices.SortFunc(a.known, func(x, y ledger.Checkpoint) int {
		if x.Size < y.Size {
			return -1
		}
		return 1
	})
	return a, nil
}

func (a *auditor) problem(code string, index uint64, name string) {
	a.add(Problem{Code: code, Index: index, Name: name, Text: sentences[code]})
}

func (a *auditor) tileProblem(code string, level int, n uint64) {
	path := ledger.TilePath{Level: level, N: n, Width: ledger.TileWidth}
	a.add(Problem{Code: code, Index: n << (ledger.TileHeight * (level + 1)), Tile: path.String(), Text: sentences[code]})
}

func (a *auditor) add(p Problem) {
	if len(a.report.Problems) >= a.opts.Limit {
		a.report.More++
		return
	}
	a.report.Problems = append(a.report.Problems, p)
}

func (a *auditor) run(ctx context.Context) error {
	if err := a.signedRoots(); err != nil { // checkpoints of size 0
		return err
	}
	for from := uint64(0); from < a.stored.Head.Size; from += ledger.TileWidth {
		if err := a.block(ctx, from, min(from+ledger.TileWidth, a.stored.Head.Size)); err != nil {
			return err
		}
	}
	return a.finish(ctx)
}

// block audits the leaves [from, to) of one level 0 tile.
func (a *auditor) block(ctx context.Context, from, to uint64) error {
	leaves, err := a.stored.Source.Leaves(ctx, from, to)
	if err != nil {
		return err
	}
	var tile []byte
	if to-from == ledger.TileWidth {
		if tile, err = a.tile(ctx, 0, from>>ledger.TileHeight); err != nil {
			return err
		}
	}
	for index := from; index < to; index++ {
		var data []byte
		if i := index - from; i < uint64(len(leaves)) {
			data = leaves[i]
		}
		var inTile *ledger.Hash
		if tile != nil {
			h := ledger.Hash(tile[(index-from)*tlog.HashSize:][:tlog.HashSize])
			inTile = &h
		}
		if err := a.leaf(ctx, index, data, inTile); err != nil {
			return err
		}
	}
	return nil
}

// tile reads a stored full tile; nil when there is none of the right length.
func (a *auditor) tile(ctx context.Context, level int, n uint64) ([]byte, error) {
	data, err := a.stored.Source.Tile(ctx, level, n)
	switch {
	case err != nil:
		return nil, err
	case data == nil:
		a.tileProblem("tile.missing", level, n)
		return nil, nil
	case len(data) != ledger.TileBytes:
		a.tileProblem("tile.edited", level, n)
		return nil, nil
	}
	a.report.Tiles++
	return data, nil
}

// leaf audits one leaf with what its tile and its record say of it.
func (a *auditor) leaf(ctx context.Context, index uint64, data []byte, inTile *ledger.Hash) error {
	d := dispute{index: index}
	d.hash[byTile] = inTile
	var kind ledger.LeafKind
	if data == nil {
		a.problem("leaf.missing", index, "")
	} else {
		a.report.Leaves++
		h := tlog.RecordHash(data)
		d.hash[byLeaf] = &h
		var rest []byte
		var err error
		if kind, rest, err = ledger.ParseLeaf(data); err != nil {
			a.problem("leaf.unknown", index, "")
		} else if kind == ledger.LeafKey {
			a.keys[ledger.KeyID(rest)] = rest
		}
	}
	entry, err := a.entryAt(index)
	if err != nil {
		return err
	}
	switch {
	case entry != nil:
		d.name = entry.Name
		if err := a.record(entry, kind, &d); err != nil {
			return err
		}
	case kind == ledger.LeafReceipt || slices.Contains(a.opts.Kinds, kind):
		a.problem("record.missing", index, "")
	}
	if err := a.push(ctx, d); err != nil {
		return err
	}
	return a.signedRoots()
}

// push adds the leaf to the trees and compares the higher tiles it fills.
func (a *auditor) push(ctx context.Context, d dispute) error {
	var votes []ledger.Hash
	for _, h := range d.hash {
		if h != nil {
			votes = append(votes, *h)
		}
	}
	if len(votes) == 0 { // nothing tells this leaf: no root can be reproduced from here
		votes = append(votes, ledger.Hash{})
	}
	for w := range ways {
		d.taken[w] = most(votes)
		if w < byMost && d.hash[w] != nil {
			d.taken[w] = *d.hash[w]
		}
	}
	if slices.ContainsFunc(votes, func(h ledger.Hash) bool { return h != votes[0] }) {
		a.disputes = append(a.disputes, d)
		for len(a.trees) < int(ways) {
			a.trees = append(a.trees, a.trees[0].clone())
		}
	}
	var filled [][]closed
	for w, t := range a.trees {
		filled = append(filled, t.push(d.taken[w]))
	}
	for i := 1; i < len(filled[0]); i++ { // level 0 was compared leaf by leaf
		if err := a.higherTile(ctx, filled, i); err != nil {
			return err
		}
	}
	return nil
}

// most returns the hash most votes agree on, the first among equals.
func most(votes []ledger.Hash) ledger.Hash {
	best, count := votes[0], 0
	for _, v := range votes {
		n := 0
		for _, o := range votes {
			if o == v {
				n++
			}
		}
		if n > count {
			best, count = v, n
		}
	}
	return best
}

// higherTile compares a stored tile above level 0 with what the trees filled.
func (a *auditor) higherTile(ctx context.Context, filled [][]closed, i int) error {
	c := filled[0][i]
	data, err := a.tile(ctx, c.level, c.n)
	if err != nil || data == nil {
		return err
	}
	for _, f := range filled {
		if bytes.Equal(data, bytesOf(f[i].hashes)) {
			return nil
		}
	}
	a.tileProblem("tile.edited", c.level, c.n)
	return nil
}

func bytesOf(hashes []ledger.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		out = append(out, hashes[i][:]...)
	}
	return out
}

// entryAt takes the entry of index, and reports those that come out of order.
func (a *auditor) entryAt(index uint64) (*Entry, error) {
	for {
		e, ok, err := a.entries.peek()
		if err != nil {
			return nil, err
		}
		if !ok || e.Index > index {
			return nil, nil
		}
		a.entries.take()
		if e.Index == index {
			return &e, nil
		}
		a.problem("record.place", e.Index, e.Name)
	}
}

// record audits the row behind a leaf and lets it tell the leaf's hash.
func (a *auditor) record(e *Entry, kind ledger.LeafKind, d *dispute) error {
	if err := a.ownCommit(e); err != nil {
		return err
	}
	if e.Kind == ledger.LeafReceipt {
		if e.Receipt == nil {
			a.report.Erased++
			a.erased[e.Index] = e.Name
			if kind != ledger.LeafReceipt && kind != "" {
				a.problem("record.edited", e.Index, e.Name)
			}
			return nil
		}
		a.report.Receipts++
		h := tlog.RecordHash(e.Receipt.Leaf())
		d.hash[byRecord] = &h
		if d.hash[byLeaf] == nil || *d.hash[byLeaf] == h && a.sampled(e.Index) {
			a.signature(e)
		}
		return nil
	}
	var data []byte
	switch e.Kind {
	case ledger.LeafKey:
		// Known even where the leaf itself is spoiled, so that one edited row
		// does not cast doubt on every receipt: a kid is its key's digest.
		data = ledger.KeyLeaf(e.Data)
		a.keys[ledger.KeyID(e.Data)] = e.Data
	case ledger.LeafDisclosure:
		data = ledger.DisclosureLeaf(e.Rows)
	default:
		data = ledger.StatementLeaf(e.Kind, e.Data)
	}
	h := tlog.RecordHash(data)
	d.hash[byRecord] = &h
	if e.Kind == ledger.LeafErasure {
		if s, err := ledger.ParseErasure(e.Data); err == nil && s.Origin == a.report.Origin && (d.hash[byLeaf] == nil || *d.hash[byLeaf] == h) {
			delete(a.erased, s.Index)
		}
	}
	return nil
}

func (a *auditor) sampled(index uint64) bool { return a.opts.Sample <= 1 || index%a.opts.Sample == 0 }

func (a *auditor) signature(e *Entry) {
	b, err := ledger.ParseBody(e.Receipt.Body)
	if err == nil {
		_, err = e.Receipt.Check(a.keys[b.Kid])
	}
	if err != nil {
		a.problem("record.signature", e.Index, e.Name)
	}
}

// ownCommit checks that the next stored checkpoint is that of e's commit.
func (a *auditor) ownCommit(e *Entry) error {
	if e.Commit == 0 {
		return nil
	}
	next, ok, err := a.checkpoints.peek()
	switch {
	case err != nil:
		return err
	case ok && next.Size == e.Commit:
	case e.Commit > e.Index && (!ok || next.Size > e.Commit):
		if a.reported != e.Commit {
			a.reported = e.Commit
			a.problem("checkpoint.missing", e.Commit, "")
		}
	default:
		a.problem("record.place", e.Index, e.Name)
	}
	return nil
}
