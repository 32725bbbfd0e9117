package reverify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/keep"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/ledger/audit"
	"lienthong/internal/store"
)

// stone is a tombstone with the statement its leaf must be of.
type stone struct {
	store.Tombstone
	record leafName // of the receipt
	found  bool     // its leaf is in a log
}

// unproved is an erased receipt whose log has no statement of it; another log
// may have.
type unproved struct {
	log     int
	problem audit.Problem
}

// readTombstones makes the statement of every erasure again, and holds what
// remains of the records against the acts.
func (w *walk) readTombstones(ctx context.Context) error {
	w.stones, w.statements = map[dossier.ID]*stone{}, map[[32]byte]*stone{}
	var all []*stone
	err := w.Slices.Retention.Tombstones(ctx, func(t *store.Tombstone) error {
		all = append(all, &stone{Tombstone: *t})
		return nil
	})
	if err := w.unreadable(ctx, "tombstone", err); err != nil {
		return err
	}
	origins := map[int]string{}
	for _, h := range w.heads {
		origins[h.Log] = h.Origin
	}
	type moment struct {
		at    int64
		actor string
	}
	remain := map[moment][][32]byte{}
	cases := map[moment]string{}
	for _, s := range all {
		r, err := w.get(ctx, s.Record)
		if err != nil {
			if err := w.unreadable(ctx, "record", err); err != nil {
				return err
			}
			continue
		}
		if r == nil || !r.Erased.Equal(s.At) {
			w.differ("erasure.edited", "tombstone", s.Record.String(), "at")
			continue
		}
		s.record = leafName{r.Place.Log, r.Place.Index}
		statement, err := s.Statement(origins[r.Place.Log], r.Place.Index).Canonical()
		if err != nil {
			w.differ("erasure.edited", "tombstone", s.Record.String(), "")
			continue
		}
		w.stones[s.Record], w.statements[sha256.Sum256(statement)] = s, s
		m := moment{s.At.UnixMicro(), s.Actor}
		f, _, err := w.Slices.Records.File(ctx, r.ID.Facility, r.File)
		if err != nil {
			f = &store.File{} // said of the file
		}
		remain[m] = append(remain[m], r.Remains(f))
		if c, ok := cases[m]; ok && c != s.Case {
			w.differ("erasure.edited", "tombstone", s.Record.String(), "number")
		}
		cases[m] = s.Case
	}
	for _, a := range w.erasers {
		m := moment{a.at.UnixMicro(), a.actor}
		if store.AllRemain(remain[m]) == a.Remains && len(remain[m]) == a.Records && cases[m] == a.Case {
			delete(remain, m)
		}
	}
	for m := range remain {
		w.differ("erasure.edited", "tombstone", time.UnixMicro(m.at).UTC().Format(time.RFC3339Nano), "")
	}
	return nil
}

// eraser is an act that erased.
type eraser struct {
	keep.Detail
	at    time.Time
	actor string
}

// eraserOf notes an act that erased.
func (w *walk) eraserOf(a *store.Act) {
	if a.Action != keep.ActErase {
		return
	}
	e := eraser{at: a.At, actor: a.Actor}
	if err := json.Unmarshal([]byte(a.Detail), &e.Detail); err != nil {
		return // said of the act
	}
	w.erasers = append(w.erasers, e)
}

// erasureLeaf holds a leaf against the tombstones.
func (w *walk) erasureLeaf(log int, index uint64, digest [32]byte, since bool) {
	s := w.statements[digest]
	switch {
	case s != nil:
		s.found = true
	case !since:
		w.differ("erasure.missing", "tombstone", fmt.Sprintf("%d/%d", log, index), "")
	}
}

// leftErasures notes, when every log was read, what was erased without a
// statement, and tombstones whose statement is nowhere.
func (w *walk) leftErasures(ctx context.Context) {
	proved := map[leafName]bool{}
	for _, s := range w.stones {
		if s.found {
			proved[s.record] = true
			continue
		}
		w.differ("erasure.edited", "tombstone", s.Record.String(), "")
	}
	for _, u := range w.unproved {
		if !proved[leafName{u.log, u.problem.Index}] && !w.nowErased(ctx, u.problem.Name) {
			w.note(Difference{Code: u.problem.Code, Table: "tombstone", Row: place(u.log, u.problem), Text: u.problem.Text})
		}
	}
}

// erasedSince tells that a record was erased after the walk began.
func (w *walk) erasedSince(r *store.Record) bool { return r.Erased.After(w.began) }

func (w *walk) nowErased(ctx context.Context, name string) bool {
	id, err := dossier.ParseID(name)
	if err != nil {
		return false
	}
	r, err := w.get(ctx, id)
	return err == nil && r != nil && w.erasedSince(r)
}

// erased holds what is left of an erased record: nothing that was sealed, and
// what its neighbours say of it.
func (w *walk) erased(ctx context.Context, r *store.Record, sealed []byte) (*ledger.Receipt, error) {
	c := &checked{walk: w, r: r, name: r.ID.String()}
	w.report.Erased++
	if r.Wrapped != nil || r.Head != nil || sealed != nil || len(r.Verdict.Findings) > 0 || r.Documents != 0 || !r.Subject.IsZero() {
		c.differ("erasure.incomplete", "record", c.name, "")
	}
	if w.stones[r.ID] == nil && !w.erasedSince(r) {
		c.differ("erasure.edited", "tombstone", c.name, "")
	}
	for _, check := range []func(context.Context) error{c.version, c.links, c.timeline, c.late} {
		if err := check(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			w.differ("row.unreadable", "record", c.name, "")
		}
	}
	if len(w.report.Skipped) == 0 && !w.since(r) {
		w.tally.Record(r, nil, c.superseded, c.withdrawn)
	}
	return nil, ctx.Err()
}

// late reads whether the record was late: of an erased one the counter tells.
func (c *checked) late(ctx context.Context) error {
	t, err := c.Slices.Audit.Trace(ctx, c.r.ID, nil)
	if err != nil {
		return err
	}
	c.superseded = c.superseded || t.Late
	if t.Late && (c.r.Current || c.r.Version == 0) {
		c.wrong("record.row", "late")
	}
	return c.same(ctx, t.Same, "dossier")
}

// fileErased reports whether a file has lost its key as it must: every record
// of it is erased.
func fileErased(f *store.File, places []store.Stored) bool {
	if f.Wrapped != nil || f.Skeleton != nil || f.Digest != [32]byte{} || len(places) == 0 {
		return false
	}
	for i := range places {
		if places[i].Erased.IsZero() {
			return false
		}
	}
	return true
}

// alone reads the record's dossier out of a file that others were erased from;
// nil when it cannot be.
func (c *checked) alone(f *sentFile) (kind.File, kind.View) {
	reader := c.Kinds.ByName(c.r.Kind)
	e, err := evidence.ParseEnvelope(f.partial)
	if reader == nil || err != nil {
		return nil, kind.View{}
	}
	from := body.Source{
		Dossier: func(i int) ([]byte, error) {
			if i == c.r.Index {
				return c.frame, nil
			}
			return nil, nil
		},
		Certificate: func(hash [32]byte) ([]byte, error) {
			for _, x := range f.row.Certificates {
				if x.Hash == hash {
					return x.Data, nil
				}
			}
			return nil, store.ErrAbsent
		},
	}
	raw, err := body.Redact(e.Skeleton, c.r.Index, from)
	if err != nil {
		return nil, kind.View{}
	}
	sent, err := e.Unpack(raw, from.Certificate)
	if err != nil {
		return nil, kind.View{}
	}
	opened, err := reader.Open(sent.Bytes)
	if err != nil {
		return nil, kind.View{}
	}
	return opened, reader.View()
}
