package file

import (
	"cmp"
	"slices"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// Deltas sums what one write adds to the counters.
type Deltas map[deltaKey]int64

type deltaKey struct {
	version                int64
	day                    int
	kind, measure, purpose string
	minute                 int64 // -1: none
}

// Minute is the minute of a moment, counted from 1970.
func Minute(t time.Time) int64 { return t.Unix() / 60 }

// Add adds a delta; received is when the record came that it counts, nil where
// it counts none. Only verdicts are counted by the minute.
func (s Deltas) Add(d store.Delta, received *time.Time) {
	k := deltaKey{version: d.FacilityVersion, day: d.Day, kind: d.Kind, measure: d.Measure, purpose: d.Purpose, minute: -1}
	switch dossier.State(d.Measure) {
	case dossier.Accepted, dossier.AcceptedWithWarnings, dossier.Rejected:
		if received != nil {
			k.minute = Minute(*received)
		}
	}
	s[k] += d.N
}

var insertDeltas = Insert(`delta (facility_version, day, kind, measure, purpose, minute, n)`, ``)

// Append writes the sums, in order of their keys.
func (s Deltas) Append(tx *Tx) error {
	keys := make([]deltaKey, 0, len(s))
	for k := range s {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b deltaKey) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.day, b.day), cmp.Compare(a.kind, b.kind),
			cmp.Compare(a.measure, b.measure), cmp.Compare(a.purpose, b.purpose), cmp.Compare(a.minute, b.minute))
	})
	args := make([]any, 0, 7*len(keys))
	for _, k := range keys {
		var minute any
		if k.minute >= 0 {
			minute = k.minute
		}
		args = append(args, k.version, int64(k.day), k.kind, k.measure, k.purpose, minute, s[k])
	}
	_, err := tx.ExecBulk(insertDeltas, args)
	return err
}
