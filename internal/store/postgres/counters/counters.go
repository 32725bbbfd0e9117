// Package counters keeps and sums counts in PostgreSQL: deltas are appended by
// whoever commits, folded into rows about once a second, and a number is folded
// plus unfolded in one snapshot. It does not know what is worth counting.
package counters

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

// Counters is the store.Counters of a hub.
type Counters struct{ db *handle.DB }

var _ store.Counters = (*Counters)(nil)

// New returns the slice.
func New(db *handle.DB) *Counters { return &Counters{db: db} }

type deltaKey struct {
	version                int64
	day                    int
	minute                 int64
	kind, measure, purpose string
}

func (a deltaKey) compare(b deltaKey) int {
	return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.day, b.day), cmp.Compare(a.minute, b.minute),
		cmp.Compare(a.kind, b.kind), cmp.Compare(a.measure, b.measure), cmp.Compare(a.purpose, b.purpose))
}

// Sums is what one transaction counts, added up: one row for what is alike. The
// zero Sums is empty.
type Sums struct {
	n    map[deltaKey]int64
	seen map[care.FacilityCode]time.Time
}

// Add adds a delta. Verdicts are counted by the minute too: received is when
// the record came that d counts, the zero time where it counts none.
func (s *Sums) Add(d store.Delta, received time.Time) {
	k := deltaKey{version: d.FacilityVersion, day: d.Day, kind: d.Kind, measure: d.Measure, purpose: d.Purpose}
	switch dossier.State(d.Measure) {
	case dossier.Accepted, dossier.AcceptedWithWarnings, dossier.Rejected:
		if !received.IsZero() {
			k.minute = handle.Micros(received.Truncate(time.Minute))
		}
	}
	if s.n == nil {
		s.n = map[deltaKey]int64{}
	}
	s.n[k] += d.N
}

// Seen notes that the facility sent something at that moment.
func (s *Sums) Seen(facility care.FacilityCode, at time.Time) {
	if s.seen == nil {
		s.seen = map[care.FacilityCode]time.Time{}
	}
	if at.After(s.seen[facility]) {
		s.seen[facility] = at
	}
}

// Queue appends the rows to a transaction. It takes no lock that anyone waits for.
func (s *Sums) Queue(b *pgx.Batch) {
	if len(s.n) > 0 {
		keys := slices.SortedFunc(maps.Keys(s.n), deltaKey.compare)
		b.Queue(`INSERT INTO delta (facility, facility_version, day, minute, kind, measure, purpose, n)
			SELECT coalesce(v.code, ''), u.version, u.day, u.minute, u.kind, u.measure, u.purpose, u.n
			FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[])
				AS u (version, day, minute, kind, measure, purpose, n)
			LEFT JOIN facility_version v ON v.id = u.version`,
			handle.Column(keys, func(k deltaKey) int64 { return k.version }),
			handle.Column(keys, func(k deltaKey) int32 { return int32(k.day) }),
			handle.Column(keys, func(k deltaKey) int64 { return k.minute }),
			handle.Column(keys, func(k deltaKey) string { return k.kind }),
			handle.Column(keys, func(k deltaKey) string { return k.measure }),
			handle.Column(keys, func(k deltaKey) string { return k.purpose }),
			handle.Column(keys, func(k deltaKey) int64 { return s.n[k] }))
	}
	if len(s.seen) > 0 {
		codes := slices.Sorted(maps.Keys(s.seen))
		b.Queue(`INSERT INTO delta (facility, facility_version, day, minute, kind, measure, purpose, n)
			SELECT u.facility, 0, 0, -1, '', '', '', u.at FROM unnest($1::text[], $2::bigint[]) AS u (facility, at)`,
			handle.Column(codes, func(c care.FacilityCode) string { return string(c) }),
			handle.Column(codes, func(c care.FacilityCode) int64 { return handle.Micros(s.seen[c]) }))
	}
}

// Add appends deltas that belong to no commit.
func (c *Counters) Add(ctx context.Context, _ time.Time, deltas []store.Delta) error {
	for _, d := range deltas {
		if err := store.CheckText(d.Kind, d.Measure, d.Purpose); err != nil {
			return err
		}
	}
	var sums Sums
	for _, d := range deltas {
		sums.Add(d, time.Time{})
	}
	b := &pgx.Batch{}
	sums.Queue(b)
	if b.Len() == 0 {
		return nil
	}
	return handle.Fault(c.db.Pool.SendBatch(ctx, b).Close())
}

// foldAtOnce is how many deltas one fold takes.
const foldAtOnce = 20000

// Minutes are kept for 48 hours.
const minutesKept = 48 * time.Hour

// Fold adds appended deltas up. Two hubs may fold at once: each takes rows the
// other has not, and both write counters in the same order.
func (c *Counters) Fold(ctx context.Context) (int, error) {
	var n int
	const fold = `WITH picked AS (
			SELECT ctid FROM delta LIMIT $1 FOR UPDATE SKIP LOCKED
		), taken AS (
			DELETE FROM delta d USING picked WHERE d.ctid = picked.ctid
			RETURNING d.facility, d.facility_version, d.day, d.minute, d.kind, d.measure, d.purpose, d.n
		), counted AS (
			INSERT INTO counter AS c (facility, facility_version, day, kind, measure, purpose, n)
			SELECT facility, facility_version, day, kind, measure, purpose, sum(n) FROM taken WHERE minute >= 0
			GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
			ON CONFLICT (facility, facility_version, day, kind, measure, purpose) DO UPDATE SET n = c.n + excluded.n
		), placed AS (
			INSERT INTO counter_place AS p (measure, day, province, unit, kind, purpose, n)
			SELECT t.measure, t.day, coalesce(v.province, ''), coalesce(v.unit, ''), t.kind, t.purpose, sum(t.n)
			FROM taken t LEFT JOIN facility_version v ON v.id = t.facility_version WHERE t.minute >= 0
			GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
			ON CONFLICT (measure, day, province, unit, kind, purpose) DO UPDATE SET n = p.n + excluded.n
		), timed AS (
			INSERT INTO minute AS m (facility, facility_version, minute, measure, n)
			SELECT facility, facility_version, minute, measure, sum(n) FROM taken WHERE minute > 0
			GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
			ON CONFLICT (facility, facility_version, minute, measure) DO UPDATE SET n = m.n + excluded.n
		), seen AS (
			INSERT INTO last_seen AS l (facility, at)
			SELECT facility, max(n) FROM taken WHERE minute = -1 GROUP BY 1 ORDER BY 1
			ON CONFLICT (facility) DO UPDATE SET at = greatest(l.at, excluded.at)
		)
		SELECT count(*) FILTER (WHERE minute >= 0) FROM taken`
	err := c.db.Scan(ctx, sumLimit, fold, []any{foldAtOnce}, func(rows pgx.Rows) (err error) {
		n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = c.db.Pool.Exec(ctx, `DELETE FROM minute WHERE minute < $1`, handle.Micros(c.db.Clock.Now().Add(-minutesKept)))
	return n, handle.Fault(err)
}
