package legs

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

// scanKey reads the name of a leg.
func scanKey(row pgx.CollectableRow) (k store.LegKey, err error) {
	var serial pgtype.UUID
	err = row.Scan(&k.Record.Facility, &serial, &k.Destination)
	k.Record.Serial = serial.Bytes
	return k, err
}

// may is the condition of a move, at the moment it names.
func may(to exchange.State, at string) string {
	if to == exchange.Waiting {
		return `l.state IN ('held', 'parked', 'skipped') AND l.code <> '` + form.ErasedLeg + `' AND ` + at + `::bigint IS NOT NULL`
	}
	return `(l.state IN ('held', 'parked') OR l.state = 'waiting' AND (l.lease = 0 OR l.free <= ` + at + `::bigint))`
}

// Move moves legs that a filter selects: they are found first and locked then, so
// that what another holds just now stays.
func (x *Legs) Move(ctx context.Context, scope role.Scope, f store.LegFilter, m store.LegMove, limit int) ([]store.LegKey, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, err
	}
	if err := form.CheckLegMove(m); err != nil || limit <= 0 {
		return nil, err
	}
	w := filtered(scope, f)
	at := handle.Micros(m.At)
	w.And(`l.code <> '` + exchange.HeldClosed + `'`)
	w.And(may(m.To, `?`), at)
	var keys []store.LegKey
	err := x.db.Scan(ctx, handle.ListLimit, `SELECT l.facility, l.serial, l.destination`+version+w.String()+
		` ORDER BY l.created, l.facility, l.serial, l.destination LIMIT `+w.Arg(limit), w.Args, func(rows pgx.Rows) (err error) {
		keys, err = pgx.CollectRows(rows, scanKey)
		return err
	})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.End()
	var moved []store.LegKey
	var gone []episode
	b := tx.Batch()
	// An empty text behind the state keeps the planner from the partial indexes.
	b.Queue(`SELECT l.facility, l.serial, l.destination, l.episode FROM unnest($1::text[], $2::uuid[], $3::text[]) WITH ORDINALITY AS k (facility, serial, destination, n)
		JOIN leg l ON l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination
		WHERE `+strings.ReplaceAll(may(m.To, `$4`), `l.state`, `(l.state || '')`)+` ORDER BY k.n FOR UPDATE OF l SKIP LOCKED`, append(keyColumns(keys), at)...).Query(func(rows pgx.Rows) error {
		var k store.LegKey
		var serial pgtype.UUID
		var of []byte
		_, err := pgx.ForEachRow(rows, []any{&k.Record.Facility, &serial, &k.Destination, &of}, func() error {
			k.Record.Serial = serial.Bytes
			moved = append(moved, k)
			if m.To == exchange.Skipped {
				gone = append(gone, episode{string(k.Record.Facility), k.Destination, slices.Clone(of)})
			}
			return nil
		})
		return err
	})
	if err := tx.Send(ctx, b); err != nil || len(moved) == 0 {
		return nil, err
	}
	woken, err := wake(ctx, tx, gone)
	if err != nil {
		return nil, err
	}
	b = tx.Batch()
	Change(b, moved, `state = $5, due = CASE $5::text WHEN 'waiting' THEN $6::bigint ELSE l.due END, free = $6, lease = 0, holder = '', code = $7, changed = $6,
		attempts = greatest(l.attempts, least(l.lease, 1))`, string(m.To), at, m.Code)
	queueWake(b, woken)
	if err := tx.Commit(ctx, b); err != nil {
		return nil, handle.Fault(err)
	}
	return moved, nil
}

// Change queues a change of legs that are locked, with its numbers; set is
// constant text over leg l, its parameters from $5 on.
func Change(b *pgx.Batch, keys []store.LegKey, set string, args ...any) {
	var numbers Numbers
	nth := make([]int64, len(keys))
	for i, k := range keys {
		nth[i] = numbers.Next(string(k.Record.Facility))
	}
	back := make([]int64, len(keys))
	for i, k := range keys {
		back[i] = numbers.Back(string(k.Record.Facility), nth[i])
	}
	numbers.Queue(b)
	b.Queue(`UPDATE leg l SET seq = `+LastSeq+` - k.back, `+set+` FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[]) AS k (facility, serial, destination, back)
		WHERE l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination`, append(append(keyColumns(keys), back), args...)...)
}

// Begin begins legs of stored records, which it holds against erasure.
func (x *Legs) Begin(ctx context.Context, legs []store.Leg) (int, error) {
	for i := range legs {
		l := &legs[i]
		if err := form.CheckLegStarts(store.LegStart{Destination: l.Destination, State: l.State, Code: l.Code}); err != nil {
			return 0, err
		}
		if err := store.CheckText(string(l.Record.Facility)); err != nil {
			return 0, err
		}
	}
	if len(legs) == 0 {
		return 0, nil
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.End()
	sorted := slices.SortedFunc(slices.Values(legs), func(a, b store.Leg) int { return compare(a.LegKey, b.LegKey) })
	var numbers Numbers
	begun := make([]beginning, len(sorted))
	for i := range sorted {
		l := &sorted[i]
		begun[i] = beginning{leg: l, nth: numbers.Next(string(l.Record.Facility))}
		begun[i].created, begun[i].due = form.LegTimes(l, x.db.Clock.Now())
	}
	b := tx.Batch()
	b.Queue(`SELECT 1 FROM record r JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::uuid[]) AS u (facility, serial)) k ON r.facility = k.facility AND r.serial = k.serial
		ORDER BY r.facility, r.serial FOR KEY SHARE OF r`, keyColumns(handle.Column(sorted, func(l store.Leg) store.LegKey { return l.LegKey }))[:2]...).Query(func(rows pgx.Rows) error {
		rows.Close() // only the locks are wanted
		return rows.Err()
	})
	if err := tx.Send(ctx, b); err != nil {
		return 0, err
	}
	b = tx.Batch()
	numbers.Queue(b)
	fresh := 0
	queueBegin(b, begun, &numbers).Exec(func(tag pgconn.CommandTag) error {
		fresh = int(tag.RowsAffected())
		return nil
	})
	return fresh, handle.Fault(tx.Commit(ctx, b))
}

func compare(a, b store.LegKey) int {
	return slices.Compare([]string{string(a.Record.Facility), string(a.Record.Serial[:]), a.Destination}, []string{string(b.Record.Facility), string(b.Record.Serial[:]), b.Destination})
}

// beginning is a leg to be begun.
type beginning struct {
	leg          *store.Leg
	nth          int64
	created, due time.Time
}

// queueBegin queues the legs; what lies there already stays. The numbers are
// taken first: one who begins the same legs is waited for there.
func queueBegin(b *pgx.Batch, all []beginning, numbers *Numbers) *pgx.QueuedQuery {
	return b.Queue(`INSERT INTO leg (facility, serial, destination, facility_version, kind, episode, file, ord, version, withdraws, lane, state, due, free, lease, holder,
			attempts, code, reference, created, sent, received, finalized, opened, changed, seq)
		SELECT r.facility, r.serial, k.destination, r.facility_version, r.kind, r.episode, r.file, r.received,
			CASE r.withdraws WHEN '00000000-0000-0000-0000-000000000000' THEN r.version ELSE 2147483647 END, r.withdraws,
			greatest(r.lane, k.lane), k.state, k.due, k.due, 0, '', 0, k.code, '', k.created, 0, 0, 0, 0, k.created, `+LastSeq+` - k.back
		FROM unnest($1::text[], $2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[])
			AS k (facility, serial, destination, lane, state, due, code, created, back)
		JOIN record r ON r.facility = k.facility AND r.serial = k.serial WHERE r.erased = 0
		ON CONFLICT (facility, serial, destination) DO NOTHING`,
		append(keyColumns(handle.Column(all, func(l beginning) store.LegKey { return l.leg.LegKey })),
			handle.Column(all, func(l beginning) int16 { return int16(l.leg.Lane) }),
			handle.Column(all, func(l beginning) string { return string(l.leg.State) }),
			handle.Column(all, func(l beginning) int64 { return handle.Micros(l.due) }),
			handle.Column(all, func(l beginning) string { return l.leg.Code }),
			handle.Column(all, func(l beginning) int64 { return handle.Micros(l.created) }),
			handle.Column(all, func(l beginning) int64 { return numbers.Back(string(l.leg.Record.Facility), l.nth) }))...)
}

// Open notes what was opened first.
func (x *Legs) Open(ctx context.Context, keys []store.LegKey, at time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	for _, k := range keys {
		if err := store.CheckText(string(k.Record.Facility), k.Destination); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	var fresh []store.LegKey
	b := tx.Batch()
	b.Queue(`SELECT l.facility, l.serial, l.destination FROM leg l JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::uuid[], $3::text[]) AS u (facility, serial, destination)) k
		ON l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination
		WHERE l.opened = 0 ORDER BY l.facility, l.serial, l.destination FOR UPDATE OF l`, keyColumns(keys)...).Query(func(rows pgx.Rows) (err error) {
		fresh, err = pgx.CollectRows(rows, scanKey)
		return err
	})
	if err := tx.Send(ctx, b); err != nil || len(fresh) == 0 {
		return err
	}
	b = tx.Batch()
	Change(b, fresh, `opened = $5, changed = $5`, handle.Micros(at))
	return handle.Fault(tx.Commit(ctx, b))
}
