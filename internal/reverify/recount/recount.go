// Package recount counts records, refusals and looks anew, as intake and
// disclosure count them, and compares the counters of a store with that. It
// reads no store, and judges no record.
package recount

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
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

// Tally is what was counted. It is not for several at once.
type Tally struct {
	counted map[countKey]int64
	minutes map[minuteKey]int64
}

// New returns a tally of nothing.
func New() *Tally { return &Tally{map[countKey]int64{}, map[minuteKey]int64{}} }

// Add takes over what another one counted.
func (t *Tally) Add(o *Tally) {
	for k, n := range o.counted {
		t.counted[k] += n
	}
	for k, n := range o.minutes {
		t.minutes[k] += n
	}
}

// Record counts one record as intake does: by what its receipt says. Documents
// are the tags of those it has, counted where it is accepted.
func (t *Tally) Record(r *store.Record, documents []string, superseded, withdrawn bool) {
	k := countKey{version: r.FacilityVersion, day: clock.Day(r.Received), kind: r.Kind}
	add := func(measure, purpose string) {
		k.measure, k.purpose = measure, purpose
		t.counted[k]++
	}
	add(string(r.Verdict.State), "")
	t.minutes[minuteKey{r.Received.Unix() / 60, string(r.Verdict.State)}]++
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
	for _, d := range documents {
		add(d, "")
	}
	if superseded {
		add(string(dossier.Superseded), "")
	}
	if withdrawn {
		add(string(dossier.Withdrawn), "")
	}
}

// Refusal counts one refused file.
func (t *Tally) Refusal(r *store.Refusal) {
	t.counted[countKey{r.FacilityVersion, clock.Day(r.At), "", refused, ""}]++
}

// Look counts one look at a record.
func (t *Tally) Look(r *store.Record, at time.Time) {
	t.counted[countKey{r.FacilityVersion, clock.Day(at), r.Kind, lookup, ""}]++
}

// Dimensions are those that counters must be summed by for Against.
var Dimensions = []store.Dimension{store.ByDay, store.ByKind, store.ByMeasure, store.ByPurpose, store.ByFacility, store.ByLevel,
	store.ByProvince, store.ByUnit, store.ByVendor, store.ByType}

// Same reports whether two sums say the same.
func Same(a, b []store.Count) bool {
	return slices.EqualFunc(a, b, func(x, y store.Count) bool { return x.N == y.N && slices.Equal(x.Key, y.Key) })
}

// MinutesBack is how far the counts by the minute are compared: they are kept
// 48 hours (store.Counters).
const MinutesBack = 47 * time.Hour

// Difference is a counter that says something else, with its code.
type Difference struct{ Code, Table, Row string }

// Against compares what was counted with counters summed by Dimensions; version
// tells of which facility a number is a version.
func (t *Tally) Against(version func(int64) (facility.Version, bool), summed []store.Count) (all []Difference) {
	mine, theirs := map[string]int64{}, map[string]int64{}
	for k, n := range t.counted {
		v, _ := version(k.version)
		mine[countName([]string{fmt.Sprint(k.day), k.kind, k.measure, k.purpose, string(v.Code), string(v.Level), v.Province, v.Unit, v.Vendor, v.Type})] += n
	}
	for _, c := range summed {
		theirs[countName(c.Key)] += c.N
	}
	for name, n := range theirs {
		looks := strings.Contains(name, " "+lookup+" ")
		switch {
		case mine[name] == n || looks && mine[name] > n: // a look is kept first, and counted then
		case looks:
			all = append(all, Difference{"disclosure.fewer", "disclosure", name})
		default:
			all = append(all, Difference{"counter.edited", "counter", name})
		}
	}
	for name, n := range mine {
		if theirs[name] == 0 && n != 0 && !strings.Contains(name, " "+lookup+" ") {
			all = append(all, Difference{"counter.edited", "counter", name})
		}
	}
	return all
}

// countName names a counter by its key.
func countName(key []string) string { return strings.Join(key, " ") }

// Minutes compares what was counted with counts by the minute, MinutesBack from
// now, and names those that differ.
func (t *Tally) Minutes(now time.Time, counts []store.MinuteCount) (all []string) {
	from := now.Add(-MinutesBack).Unix()/60 + 1
	theirs := map[minuteKey]int64{}
	for _, m := range counts {
		theirs[minuteKey{m.Minute.Unix() / 60, m.Measure}] += m.N
	}
	for k, n := range t.minutes {
		if k.minute >= from && theirs[k] != n {
			all = append(all, k.name())
		}
	}
	for k := range theirs {
		if _, ok := t.minutes[k]; k.minute >= from && !ok {
			all = append(all, k.name())
		}
	}
	return all
}

func (k minuteKey) name() string {
	return time.Unix(k.minute*60, 0).UTC().Format(time.RFC3339) + " " + k.measure
}
