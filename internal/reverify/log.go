package reverify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"

	"lienthong/internal/ledger"
	"lienthong/internal/ledger/audit"
	"lienthong/internal/reverify/looks"
	"lienthong/internal/store"
)

// logs audits every log with the rows its leaves commit to.
func (w *walk) logs(ctx context.Context) error {
	if err := w.readActs(ctx); err != nil {
		return err
	}
	if err := w.doors(ctx); err != nil {
		return err
	}
	if err := w.readDisclosures(ctx); err != nil {
		return err
	}
	if err := w.readAnnotations(ctx); err != nil {
		return err
	}
	if err := w.readTombstones(ctx); err != nil {
		return err
	}
	for _, head := range w.heads {
		w.progress(fmt.Sprintf("log %d", head.Log))
		w.report.Logs++
		if err := w.log(ctx, head); err != nil {
			return err
		}
	}
	if err := w.leftLooks(ctx); err != nil {
		return err
	}
	for _, left := range w.acts {
		for range left {
			w.differ("act.edited", "act", "", "")
		}
	}
	w.leftAnnotations()
	w.leftErasures(ctx)
	for _, at := range w.looks.Edited() {
		w.differ("disclosure.edited", "disclosure", fmt.Sprintf("%d/%d", at.Log, at.Index), "")
	}
	return nil
}

// others are the leaves of a log that are no receipts.
type others struct {
	keys []keyLeaf
}

type keyLeaf struct {
	index uint64
	spki  []byte
}

func (w *walk) log(ctx context.Context, head store.Head) error {
	n, row := head.Log, fmt.Sprint(head.Log)
	key, err := w.LogKey(head.Origin)
	if err != nil {
		w.differ("log.unreadable", "head", row, "origin")
		return nil
	}
	source := w.Slices.Ledger.Source(n)
	o, err := w.otherLeaves(ctx, n, head, source)
	if err != nil {
		return err
	}
	known, err := w.knownOf(head.Origin)
	if err != nil {
		return err
	}
	known = append(known, w.closedAt(head, key)...)
	r, err := audit.Run(ctx, audit.Stored{
		Head: head.Head, Source: source, Checkpoints: w.checkpoints(ctx, n, head.Size), Entries: w.entries(ctx, head, o),
	}, audit.Options{LogKey: key, Known: known, Kinds: []ledger.LeafKind{ledger.LeafKey}, Limit: w.opts.Limit, Sample: w.opts.Sample})
	if err != nil {
		if e := w.unreadable(ctx, "leaf", err); e != nil {
			return e
		}
		w.differ("log.unreadable", "head", row, "")
		return nil
	}
	w.report.Leaves += r.Leaves
	w.report.Tiles += r.Tiles
	w.report.Checkpoints += r.Checkpoints
	for _, p := range r.Problems {
		if p.Code == "leaf.spare" && w.grew(ctx, head) {
			continue
		}
		if p.Code == "erasure.unproved" {
			w.unproved = append(w.unproved, unproved{n, p})
			continue
		}
		table, _, _ := strings.Cut(p.Code, ".") // that the problem is about
		w.note(Difference{Code: p.Code, Table: table, Row: place(n, p), Text: p.Text})
	}
	w.report.More += int(r.More)
	return nil
}

// grew reports whether the log went on since its head was read: a hub at work.
func (w *walk) grew(ctx context.Context, head store.Head) bool {
	now, err := w.Slices.Ledger.Head(ctx, head.Log)
	return err == nil && now.Size > head.Size
}

func place(log int, p audit.Problem) string {
	switch {
	case p.Tile != "":
		return fmt.Sprintf("%d/%s", log, p.Tile)
	case p.Name != "":
		return p.Name
	}
	return fmt.Sprintf("%d/%d", log, p.Index)
}

// knownOf picks the checkpoints of one log.
func (w *walk) knownOf(origin string) ([][]byte, error) {
	var out [][]byte
	for _, note := range w.opts.Known {
		cp, err := ledger.ParseCheckpoint(note)
		if err != nil {
			return nil, err
		}
		if cp.Origin == origin {
			out = append(out, note)
		}
	}
	return out, nil
}

// otherLeaves reads the log once and holds the leaves of acts and disclosures
// against their rows.
func (w *walk) otherLeaves(ctx context.Context, n int, head store.Head, source ledger.Source) (others, error) {
	var o others
	const step = 2048
	now, err := w.Slices.Ledger.Head(ctx, n)
	if err != nil {
		return o, w.unreadable(ctx, "head", err)
	}
	for from := uint64(0); from < now.Size; from += step {
		leaves, err := source.Leaves(ctx, from, min(from+step, now.Size))
		if err != nil {
			return o, w.unreadable(ctx, "leaf", err)
		}
		for i, leaf := range leaves {
			index := from + uint64(i)
			switch k, rest, err := ledger.ParseLeaf(leaf); {
			case err != nil || k == ledger.LeafReceipt: // the audit's
			case k == ledger.LeafKey && index < head.Size:
				o.keys = append(o.keys, keyLeaf{index, rest})
			case k == ledger.LeafAdmin:
				w.actLeaf(n, index, [32]byte(rest), index >= head.Size)
			case k == ledger.LeafErasure:
				w.erasureLeaf(n, index, [32]byte(rest), index >= head.Size)
			case k == ledger.LeafAnnotation:
				w.annotationLeaf(n, index, [32]byte(rest), index >= head.Size)
			case k == ledger.LeafRestore:
				w.restoreLeaf(n, index, [32]byte(rest))
			case k == ledger.LeafDisclosure:
				w.looks.Leaf(looks.Leaf{Log: n, Index: index}, [32]byte(rest), index >= head.Size)
			}
		}
	}
	return o, nil
}

var errStop = errors.New("stop")

// checkpoints streams the checkpoints of the log as far as its head is known.
func (w *walk) checkpoints(ctx context.Context, n int, size uint64) iter.Seq2[audit.Checkpoint, error] {
	return func(yield func(audit.Checkpoint, error) bool) {
		err := w.Slices.Audit.Checkpoints(ctx, n, func(at uint64, note []byte) error {
			if at > size { // of a commit since the walk began, or added: the newest head tells
				if now, err := w.Slices.Ledger.Head(ctx, n); err != nil || now.Size >= at {
					return errStop
				}
			}
			if !yield(audit.Checkpoint{Size: at, Note: note}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(audit.Checkpoint{}, err)
		}
	}
}

// entries streams records and key rows by leaf, and verifies each record.
func (w *walk) entries(ctx context.Context, head store.Head, o others) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		keys := o.keys
		before := func(index uint64) bool {
			for len(keys) > 0 && keys[0].index < index {
				e, ok := w.keyEntry(ctx, head.Log, keys[0])
				keys = keys[1:]
				if ok && !yield(e, nil) {
					return false
				}
			}
			return true
		}
		err := w.checked(ctx, head, func(e audit.Entry) bool {
			w.report.Records++
			if w.report.Records%1000 == 0 {
				w.progress(fmt.Sprintf("log %d", head.Log))
			}
			return before(e.Index) && yield(e, nil)
		})
		switch {
		case errors.Is(err, errStop):
		case err != nil:
			yield(audit.Entry{}, err)
		default:
			before(head.Size)
		}
	}
}

// keyEntry is the row of a receipt key.
func (w *walk) keyEntry(ctx context.Context, log int, k keyLeaf) (audit.Entry, bool) {
	kid := ledger.KeyID(k.spki)
	row, err := w.Slices.Ledger.Key(ctx, log, kid)
	if err != nil || row.Index != k.index {
		w.differ("key.edited", "receipt_key", kid, "")
		return audit.Entry{}, false
	}
	return audit.Entry{Index: k.index, Name: kid, Kind: ledger.LeafKey, Data: row.SPKI}, true
}

// eachRecord walks the records of a log. A row that cannot be read is noted,
// and the walk goes on behind it.
func (w *walk) eachRecord(ctx context.Context, head store.Head, fn func(*store.Record, []byte) error) error {
	const patience = 10_000 // rows in a row: then it is not the row
	stuck := 0
	var from uint64
	for {
		begun := from
		err := w.Slices.Records.Walk(ctx, head.Log, from, func(r *store.Record, sealed []byte) error {
			if r.Place.Index >= head.Size && r.Place.Size > head.Size { // committed since the walk began
				return errStop
			}
			from = r.Place.Index + 1
			if err := fn(r, sealed); err != nil {
				return fatal{err}
			}
			return nil
		})
		var f fatal
		switch {
		case err == nil || errors.Is(err, errStop):
			return nil
		case errors.As(err, &f):
			return f.error
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if from > begun {
			stuck = 0
		}
		if stuck++; stuck == patience {
			return err
		}
		if stuck == 1 {
			w.differ("row.unreadable", "record", fmt.Sprintf("%d/%d", head.Log, from), "")
		}
		if from++; from > head.Size {
			return nil
		}
	}
}

// fatal carries fn's own error through a walk.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// restoreLeaf holds a leaf that a log was begun with after a restore: it is the
// last checkpoint known of a log that was closed.
func (w *walk) restoreLeaf(log int, index uint64, digest [32]byte) {
	for _, h := range w.heads {
		if h.Closed != nil && h.Log < log && sha256.Sum256(h.Closed) == digest {
			return
		}
	}
	w.differ("restore.edited", "head", fmt.Sprintf("%d/%d", log, index), "closed")
}

// closedAt is the checkpoint a closed log ended with, where the log reaches it:
// it must have had that root. It was signed by the log's own key in any case.
func (w *walk) closedAt(h store.Head, key string) [][]byte {
	if h.Closed == nil || len(h.Closed) == 0 && h.Size == 0 {
		return nil
	}
	cp, err := ledger.OpenCheckpoint(h.Closed, key)
	if err != nil {
		w.differ("restore.edited", "head", fmt.Sprint(h.Log), "closed")
		return nil
	}
	if cp.Size > h.Size { // known from elsewhere: what lies between is lost
		return nil
	}
	return [][]byte{h.Closed}
}
