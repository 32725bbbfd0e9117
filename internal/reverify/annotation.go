package reverify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/stamp"
	"lienthong/internal/store"
)

// noted names an annotation of a record as its timeline tells it.
type noted struct {
	record dossier.ID
	what   string
	detail string // fingerprint of the certificate
}

// remark is an annotation and whether its timeline was seen to tell it.
type remark struct {
	at   time.Time
	told atomic.Bool // records may be held by several at once
}

// readAnnotations makes the statement of every annotation again: time-stamps of
// checkpoints, and what was learned later about seals. A token must be over the
// checkpoint it is kept for; whom it is trusted from, its verifier decides.
func (w *walk) readAnnotations(ctx context.Context) error {
	w.annotations, w.remarks = map[[32]byte]int{}, map[noted]*remark{}
	err := w.Slices.Stamps.EachStamp(ctx, func(s *store.Stamp) error {
		w.report.Stamps++
		w.annotations[sha256.Sum256(s.Statement())]++
		row := fmt.Sprintf("%d/%d", s.Log, s.Size)
		note, err := w.Slices.Ledger.Checkpoint(ctx, s.Log, s.Size)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			w.differ("stamp.edited", "stamp", row, "size")
			return nil
		}
		imprint, at, err := stamp.Imprint(s.Token)
		if err != nil || imprint != sha256.Sum256([]byte(note)) || !at.Equal(s.GenTime) {
			w.differ("stamp.edited", "stamp", row, "token")
		}
		return nil
	})
	if err := w.unreadable(ctx, "stamp", err); err != nil {
		return err
	}
	err = w.Slices.Revocations.EachAnnotation(ctx, func(a *store.Annotation) error {
		w.report.Annotations++
		w.annotations[sha256.Sum256(a.Statement())]++
		w.remarks[noted{a.Record, a.What, hex.EncodeToString(a.Fingerprint[:])}] = &remark{at: a.At}
		return nil
	})
	return w.unreadable(ctx, "annotation", err)
}

// annotationLeaf holds a leaf against the rows; see actLeaf.
func (w *walk) annotationLeaf(log int, index uint64, digest [32]byte, since bool) {
	switch {
	case w.annotations[digest] > 0:
		w.annotations[digest]--
	case !since:
		w.differ("annotation.missing", "annotation", fmt.Sprintf("%d/%d", log, index), "")
	}
}

// annotated reports whether an event of a record's timeline is an annotation
// that is there; one made since the walk began is not looked at.
func (w *walk) annotated(id dossier.ID, e *store.Transition) bool {
	r := w.remarks[noted{id, e.What, e.Detail}]
	if r == nil {
		return !e.At.Before(w.began)
	}
	return r.told.CompareAndSwap(false, true) && r.at.Equal(e.At) && e.By.IsZero() && e.Actor == "hub"
}

// leftAnnotations notes rows without a leaf, and annotations that no timeline told.
func (w *walk) leftAnnotations() {
	for _, left := range w.annotations {
		for range left {
			w.differ("annotation.edited", "annotation", "", "")
		}
	}
	for n, r := range w.remarks {
		if !r.told.Load() && r.at.Before(w.began) {
			w.differ("record.timeline", "transition", n.record.String(), n.what)
		}
	}
}

// services holds the approved entries against the acts that approved and ended them.
func (w *walk) services(ctx context.Context, approved map[string]bool, ended map[string]bool) error {
	all, err := w.Slices.Services.Services(ctx)
	if err != nil {
		return w.unreadable(ctx, "service", err)
	}
	for i := range all {
		s := &all[i]
		if !approved[s.Mark()] || !s.Ended.IsZero() && !ended[s.URL+" "+fmt.Sprint(s.Ended.UnixMicro())] {
			w.differ("service.edited", "service", s.Kind+" "+s.URL, "")
		}
	}
	return nil
}
