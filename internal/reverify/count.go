package reverify

import (
	"context"
	"slices"

	"lienthong/internal/evidence"
	"lienthong/internal/reverify/recount"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// tries is how often the moment is looked for at which log and counters stand
// still: a hub at work moves them together.
const tries = 20

// moment reads heads, counters and refusals of one moment: what the rest of the
// walk is held against. Where the store never stands still, counters are not
// compared, and the report says so.
func (w *walk) moment(ctx context.Context) error {
	for range tries {
		before, err := w.readHeads(ctx)
		if err != nil {
			return err
		}
		w.heads = before
		if w.summed, err = w.readSums(ctx); err != nil {
			return w.unreadable(ctx, "counter", err)
		}
		if w.perMin, err = w.Slices.Counters.Minutes(ctx, role.Scope{All: true}, w.Clock.Now().Add(-recount.MinutesBack)); err != nil {
			return w.unreadable(ctx, "minute", err)
		}
		refused := recount.New()
		if err := w.refusals(ctx, refused); err != nil {
			return err
		}
		again, err := w.readSums(ctx)
		if err != nil {
			return w.unreadable(ctx, "counter", err)
		}
		after, err := w.readHeads(ctx)
		if err != nil {
			return err
		}
		if recount.Same(w.summed, again) && sameHeads(before, after) {
			w.tally.Add(refused)
			return nil
		}
		w.report.Refusals = 0
	}
	w.summed, w.perMin = nil, nil
	w.report.Skipped = append(w.report.Skipped, "counters")
	return nil
}

func (w *walk) readHeads(ctx context.Context) ([]store.Head, error) {
	logs, err := w.Slices.Ledger.Logs(ctx)
	if err != nil {
		return nil, err
	}
	heads := make([]store.Head, 0, len(logs))
	for _, n := range logs {
		h, err := w.Slices.Ledger.Head(ctx, n)
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func sameHeads(a, b []store.Head) bool {
	return slices.EqualFunc(a, b, func(x, y store.Head) bool { return x.Log == y.Log && x.Size == y.Size })
}

// since tells that a record was committed after the walk began.
func (w *walk) since(r *store.Record) bool {
	for _, h := range w.heads {
		if h.Log == r.Place.Log {
			return r.Place.Index >= h.Size
		}
	}
	return true
}

func (w *walk) readSums(ctx context.Context) ([]store.Count, error) {
	return w.Slices.Counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{By: recount.Dimensions})
}

// refusals counts the refused files.
func (w *walk) refusals(ctx context.Context, counted *recount.Tally) error {
	var before store.Cursor
	for {
		page, more, err := w.Slices.Records.Refusals(ctx, role.Scope{All: true}, store.Filter{Before: before, Limit: 1000})
		if err != nil {
			return w.unreadable(ctx, "refusal", err)
		}
		for i := range page {
			w.refusal(&page[i], counted)
		}
		if !more {
			return nil
		}
		last := page[len(page)-1]
		before = store.Cursor{At: last.At, ID: last.ID}
	}
}

func (w *walk) refusal(r *store.Refusal, counted *recount.Tally) {
	w.report.Refusals++
	if !evidence.IsRefusal(w.Vault, r) {
		w.differ("refusal.edited", "refusal", r.ID.String(), "")
	}
	if r.FacilityVersion == 0 {
		return
	}
	if w.facts != nil {
		if v, ok := w.facts.Version(r.FacilityVersion); !ok || v.Code != r.ID.Facility {
			w.differ("refusal.edited", "refusal", r.ID.String(), "facility_version")
		}
	}
	counted.Refusal(r)
}

// sums compares the counters with what was counted.
func (w *walk) sums(context.Context) error {
	if w.facts == nil || len(w.report.Skipped) > 0 {
		return nil
	}
	for _, d := range w.tally.Against(w.facts.Version, w.summed) {
		w.differ(d.Code, d.Table, d.Row, "")
	}
	for _, row := range w.tally.Minutes(w.Clock.Now(), w.perMin) {
		w.differ("minute.edited", "minute", row, "")
	}
	return nil
}
