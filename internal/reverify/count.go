package reverify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// countKey is one counter.
type countKey struct {
	version int64
	day     int
	kind    string
	measure string
	purpose string
}

type minuteKey struct {
	minute  int64 // since 1970
	measure string
}

// Measures that are not told by a record's receipt.
const (
	lookup  = "lookup"
	refused = "refused"
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
		if w.perMin, err = w.Slices.Counters.Minutes(ctx, role.Scope{All: true}, w.Clock.Now().Add(-minutesBack)); err != nil {
			return w.unreadable(ctx, "minute", err)
		}
		counted := map[countKey]int64{}
		if err := w.refusals(ctx, counted); err != nil {
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
		if sameCounts(w.summed, again) && sameHeads(before, after) {
			maps.Copy(w.counted, counted)
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

func sameCounts(a, b []store.Count) bool {
	return slices.EqualFunc(a, b, func(x, y store.Count) bool { return x.N == y.N && slices.Equal(x.Key, y.Key) })
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

var dimensions = []store.Dimension{store.ByDay, store.ByKind, store.ByMeasure, store.ByPurpose, store.ByFacility, store.ByLevel,
	store.ByProvince, store.ByUnit, store.ByVendor, store.ByType}

func (w *walk) readSums(ctx context.Context) ([]store.Count, error) {
	return w.Slices.Counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{By: dimensions})
}

// count counts one record as intake does: by what its receipt says.
func (w *walk) count(r *store.Record, doc []string, superseded, withdrawn bool) {
	k := countKey{version: r.FacilityVersion, day: clock.Day(r.Received), kind: r.Kind}
	add := func(measure, purpose string) {
		k.measure, k.purpose = measure, purpose
		w.counted[k]++
	}
	add(string(r.Verdict.State), "")
	w.minutes[minuteKey{r.Received.Unix() / 60, string(r.Verdict.State)}]++
	said := map[[2]string]bool{}
	for _, f := range r.Verdict.Findings {
		blocks := f.Blocks
		if len(blocks) == 0 {
			blocks = []dossier.Purpose{""}
		}
		for _, purpose := range blocks {
			if key := [2]string{f.Code, string(purpose)}; !said[key] {
				said[key] = true
				add("code:"+f.Code, string(purpose))
			}
		}
	}
	if !r.Verdict.State.IsAccepted() {
		return
	}
	for _, d := range doc {
		add(d, "")
	}
	if superseded {
		add(string(dossier.Superseded), "")
	}
	if withdrawn {
		add(string(dossier.Withdrawn), "")
	}
}

// refusals counts the refused files.
func (w *walk) refusals(ctx context.Context, counted map[countKey]int64) error {
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

func (w *walk) refusal(r *store.Refusal, counted map[countKey]int64) {
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
	day := clock.Day(r.At)
	counted[countKey{r.FacilityVersion, day, "", refused, ""}]++
}

// minutesBack is how far the counts by the minute are compared: they are kept
// 48 hours (store.Counters).
const minutesBack = 47 * time.Hour

// sums compares the counters with what was counted.
func (w *walk) sums(context.Context) error {
	if w.facts == nil || len(w.report.Skipped) > 0 {
		return nil
	}
	mine := map[string]int64{}
	for k, n := range w.counted {
		v, _ := w.facts.Version(k.version)
		mine[countName([]string{fmt.Sprint(k.day), k.kind, k.measure, k.purpose, string(v.Code), string(v.Level), v.Province, v.Unit, v.Vendor, v.Type})] += n
	}
	theirs := map[string]int64{}
	for _, c := range w.summed {
		theirs[countName(c.Key)] += c.N
	}
	for name, n := range theirs {
		looks := strings.Contains(name, " "+lookup+" ")
		if mine[name] == n || looks && mine[name] > n { // a look is kept first, and counted then
			continue
		}
		if looks {
			w.differ("disclosure.fewer", "disclosure", name, "")
			continue
		}
		w.differ("counter.edited", "counter", name, "")
	}
	for name, n := range mine {
		if theirs[name] == 0 && n != 0 && !strings.Contains(name, " "+lookup+" ") {
			w.differ("counter.edited", "counter", name, "")
		}
	}
	w.sumMinutes()
	return nil
}

// countName names a counter by its key.
func countName(key []string) string { return strings.Join(key, " ") }

func (w *walk) sumMinutes() {
	from := w.Clock.Now().Add(-minutesBack).Unix()/60 + 1
	theirs := map[minuteKey]int64{}
	for _, m := range w.perMin {
		theirs[minuteKey{m.Minute.Unix() / 60, m.Measure}] += m.N
	}
	for k, n := range w.minutes {
		if k.minute >= from && theirs[k] != n {
			w.differ("minute.edited", "minute", time.Unix(k.minute*60, 0).UTC().Format(time.RFC3339)+" "+k.measure, "")
		}
	}
	for k := range theirs {
		if _, ok := w.minutes[k]; k.minute >= from && !ok {
			w.differ("minute.edited", "minute", time.Unix(k.minute*60, 0).UTC().Format(time.RFC3339)+" "+k.measure, "")
		}
	}
}
