package legs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/exchange"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// Settle keeps results in one commit.
func (x *Legs) Settle(ctx context.Context, holder string, now time.Time, results []store.LegResult) ([]store.LegKey, error) {
	if err := form.CheckLegResults(holder, results); err != nil || len(results) == 0 {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	s := settling{results: results, now: now, mine: make([]bool, len(results)), sent: map[string]map[int64]int64{}}
	if err := tx.Send(ctx, s.lock(tx.Batch(), holder)); err != nil {
		return nil, err
	}
	var lost []store.LegKey
	for n := range results {
		if !s.mine[n] {
			lost = append(lost, results[n].LegKey)
		}
	}
	if len(s.kept) == 0 {
		return lost, nil
	}
	if s.woken, err = wake(ctx, tx, s.wake); err != nil {
		return nil, err
	}
	if err := tx.Commit(ctx, s.write(tx.Batch())); err != nil {
		return nil, handle.Fault(err)
	}
	return lost, nil
}

// settling is one Settle within its transaction.
type settling struct {
	results []store.LegResult
	now     time.Time
	mine    []bool
	kept    []kept
	wake    []episode
	woken   []store.LegKey
	sent    map[string]map[int64]int64 // by destination and minute
	numbers Numbers
}

// kept is a result of a leg that is this holder's.
type kept struct {
	*store.LegResult
	nth int64
}

// episode is where a leg waits no more.
type episode struct {
	facility, destination string
	episode               []byte
}

// lock queues the locks of what is this holder's.
func (s *settling) lock(b *pgx.Batch, holder string) *pgx.Batch {
	args := append(keyColumns(handle.Column(s.results, func(r store.LegResult) store.LegKey { return r.LegKey })), holder)
	b.Queue(`SELECT k.n, l.received, l.finalized, l.episode FROM unnest($1::text[], $2::uuid[], $3::text[]) WITH ORDINALITY AS k (facility, serial, destination, n)
		JOIN leg l ON l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination
		WHERE l.holder = $4 ORDER BY l.facility, l.serial, l.destination, k.n FOR UPDATE OF l`, args...).Query(func(rows pgx.Rows) error {
		var n, received, finalized int64
		var of []byte
		seen := make(map[store.LegKey]bool, len(s.results))
		_, err := pgx.ForEachRow(rows, []any{&n, &received, &finalized, &of}, func() error {
			if r := &s.results[n-1]; !seen[r.LegKey] {
				seen[r.LegKey], s.mine[n-1] = true, true
				s.settle(r, r.Arrived(handle.Moment(received), handle.Moment(finalized)), slices.Clone(of))
			}
			return nil
		})
		return err
	})
	return b
}

// settle notes what is to be written of a result.
func (s *settling) settle(r *store.LegResult, arrived time.Time, of []byte) {
	facility := string(r.Record.Facility)
	s.kept = append(s.kept, kept{r, s.numbers.Next(facility)})
	if r.State != exchange.Waiting {
		s.wake = append(s.wake, episode{facility, r.Destination, of})
	}
	if !arrived.IsZero() {
		if s.sent[r.Destination] == nil {
			s.sent[r.Destination] = map[int64]int64{}
		}
		s.sent[r.Destination][minute(arrived)]++
	}
}

func (s *settling) write(b *pgx.Batch) *pgx.Batch {
	s.numbers.Queue(b)
	times := func(of func(*store.LegResult) time.Time) []int64 {
		return handle.Column(s.kept, func(k kept) int64 { return handle.Micros(of(k.LegResult)) })
	}
	b.Queue(`UPDATE leg l SET state = k.state, due = k.due, free = k.due, lease = 0, holder = '', attempts = k.attempts, code = k.code,
			reference = CASE k.reference WHEN '' THEN l.reference ELSE k.reference END, sent = CASE l.sent WHEN 0 THEN k.sent ELSE l.sent END,
			received = CASE l.received WHEN 0 THEN k.received ELSE l.received END, finalized = CASE l.finalized WHEN 0 THEN k.finalized ELSE l.finalized END,
			changed = $13, seq = `+LastSeq+` - k.back
		FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::integer[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
			AS k (facility, serial, destination, state, due, attempts, code, reference, sent, received, finalized, back)
		WHERE l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination`,
		append(keyColumns(handle.Column(s.kept, func(k kept) store.LegKey { return k.LegKey })),
			handle.Column(s.kept, func(k kept) string { return string(k.State) }),
			times(func(r *store.LegResult) time.Time {
				if r.Due.IsZero() {
					return s.now
				}
				return r.Due
			}),
			handle.Column(s.kept, func(k kept) int32 { return int32(k.Attempts) }),
			handle.Column(s.kept, func(k kept) string { return k.Code }),
			handle.Column(s.kept, func(k kept) string { return k.Reference }),
			times(func(r *store.LegResult) time.Time { return r.Sent }),
			times(func(r *store.LegResult) time.Time { return r.Received }),
			times(func(r *store.LegResult) time.Time { return r.Finalized }),
			handle.Column(s.kept, func(k kept) int64 { return s.numbers.Back(string(k.Record.Facility), k.nth) }),
			handle.Micros(s.now))...)
	s.receipts(b)
	queueWake(b, s.woken)
	s.count(b)
	return b
}

// receipts keeps what destinations said. Nobody writes them without the leg's lock.
func (s *settling) receipts(b *pgx.Batch) {
	var said []kept
	for _, k := range s.kept {
		if k.Receipt != nil {
			said = append(said, k)
		}
	}
	if len(said) == 0 {
		return
	}
	b.Queue(`INSERT INTO leg_receipt AS r (facility, serial, destination, at, wrapped, sealed)
		SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[])
		ON CONFLICT (facility, serial, destination) DO UPDATE SET at = excluded.at, wrapped = excluded.wrapped, sealed = excluded.sealed`,
		append(keyColumns(handle.Column(said, func(k kept) store.LegKey { return k.LegKey })),
			handle.Column(said, func(k kept) int64 { return handle.Micros(k.Receipt.At) }),
			handle.Column(said, func(k kept) []byte { return k.Receipt.Wrapped }),
			handle.Column(said, func(k kept) []byte { return k.Receipt.Sealed }))...)
}

// wake takes what waited for legs that wait no more, but what another holds just
// now: a claim that puts it off again has it looked at within a minute.
func wake(ctx context.Context, tx *handle.Tx, of []episode) (keys []store.LegKey, err error) {
	if len(of) == 0 {
		return nil, nil
	}
	b := tx.Batch()
	b.Queue(`SELECT s.facility, s.serial, s.destination FROM unnest($1::text[], $2::bytea[], $3::text[]) AS k (facility, episode, destination)
		JOIN leg n ON n.episode = k.episode AND n.facility || '' = k.facility AND n.destination || '' = k.destination AND n.state = 'waiting'
		JOIN leg s ON s.file = n.file AND s.facility || '' = n.facility AND s.destination || '' = n.destination AND s.state = 'waiting'
		WHERE s.lease = 0 AND s.free > s.due FOR UPDATE OF s SKIP LOCKED`,
		handle.Column(of, func(e episode) string { return e.facility }), handle.Column(of, func(e episode) []byte { return e.episode }),
		handle.Column(of, func(e episode) string { return e.destination })).Query(func(rows pgx.Rows) error {
		keys, err = pgx.CollectRows(rows, scanKey)
		return err
	})
	return keys, tx.Send(ctx, b)
}

// queueWake frees what wake took.
func queueWake(b *pgx.Batch, keys []store.LegKey) {
	if len(keys) > 0 {
		b.Queue(`UPDATE leg l SET free = l.due FROM unnest($1::text[], $2::uuid[], $3::text[]) AS k (facility, serial, destination)
			WHERE l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination`, keyColumns(keys)...)
	}
}

// count adds up what arrived, last, by destination, and forgets what is older than a day.
func (s *settling) count(b *pgx.Batch) {
	for _, destination := range slices.Sorted(maps.Keys(s.sent)) {
		minutes := slices.Sorted(maps.Keys(s.sent[destination]))
		b.Queue(`INSERT INTO leg_sent AS s (destination, minute, n) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])
			ON CONFLICT (destination, minute) DO UPDATE SET n = s.n + excluded.n`,
			destination, minutes, handle.Column(minutes, func(m int64) int64 { return s.sent[destination][m] }))
		b.Queue(`DELETE FROM leg_sent WHERE destination = $1 AND minute <= $2`, destination, minute(s.now.Add(-day)))
	}
}
