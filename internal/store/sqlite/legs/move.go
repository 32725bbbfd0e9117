package legs

import (
	"context"
	"time"

	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

var (
	movedHead = `WITH k (id, at, code, changed, seq) AS (VALUES `
	movedSet  = `free = k.at, lease = 0, holder = '', code = k.code, changed = k.changed, seq = k.seq, attempts = max(attempts, lease <> 0) FROM k WHERE leg.id = k.id AND `
	movedRow  = ` RETURNING facility, serial, destination, episode`
	sendLegs  = file.NewBulk(movedHead, 5, `) UPDATE leg SET state = 'waiting', due = k.at, `+movedSet+`leg.state IN ('held', 'parked', 'skipped') AND leg.code <> '`+form.ErasedLeg+`'`+movedRow)
	skipLegs  = file.NewBulk(movedHead, 5, `) UPDATE leg SET state = 'skipped', `+movedSet+`(leg.state IN ('held', 'parked') OR leg.state = 'waiting' AND (leg.lease = 0 OR leg.free <= k.at))`+movedRow)
)

// Move moves legs that a filter selects. What it selects is read beside the
// committer; whether a leg may move is seen in the commit.
func (x *Legs) Move(ctx context.Context, scope role.Scope, f store.LegFilter, m store.LegMove, limit int) ([]store.LegKey, error) {
	if err := form.CheckLegFilter(f); err != nil {
		return nil, err
	}
	if err := form.CheckLegMove(m); err != nil || limit <= 0 || scope.IsEmpty() {
		return nil, err
	}
	ids, err := x.movable(ctx, scope, f, m, limit)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	bulk := sendLegs
	if m.To == exchange.Skipped {
		bulk = skipLegs
	}
	at := file.Micros(m.At)
	var moved []store.LegKey
	err = x.db.Write(ctx, file.Administrative, weight(len(ids)), func(tx *file.Tx) error {
		moved = nil
		seq, err := tx.LegSeq(len(ids))
		if err != nil {
			return err
		}
		args := make([]any, 0, 5*len(ids))
		for n, id := range ids {
			args = append(args, id, at, m.Code, at, seq+int64(n))
		}
		var gone []any
		if err := tx.AskBulk(bulk, args, func(row file.Scanner) error {
			key, episode, err := scanMoved(row)
			moved = append(moved, key)
			gone = append(gone, string(key.Record.Facility), episode, key.Destination)
			return err
		}); err != nil {
			return err
		}
		return wake(tx, gone)
	})
	if err != nil {
		return nil, err
	}
	return moved, nil
}

func scanMoved(row file.Scanner) (k store.LegKey, episode []byte, err error) {
	var serial []byte
	if err := row.Scan(&k.Record.Facility, &serial, &k.Destination, &episode); err != nil {
		return k, nil, err
	}
	k.Record, err = file.ID(k.Record.Facility, serial)
	return k, episode, err
}

// movable finds what may move, oldest first.
func (x *Legs) movable(ctx context.Context, scope role.Scope, f store.LegFilter, m store.LegMove, limit int) (ids []int64, err error) {
	q := filtered(`l.id`, scope, f)
	q.And(`l.code <> '` + exchange.HeldClosed + `'`)
	if m.To == exchange.Waiting {
		q.And(`l.state IN ('held', 'parked', 'skipped') AND l.code <> '` + form.ErasedLeg + `'`)
	} else {
		q.And(`(l.state IN ('held', 'parked') OR l.state = 'waiting' AND (l.lease = 0 OR l.free <= ?))`, file.Micros(m.At))
	}
	text, args := q.End(` ORDER BY l.created, l.facility, l.serial, l.destination LIMIT ?`, limit)
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Select(text, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		ids = nil
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

var beginLegs = file.NewBulk(`WITH k (facility, serial, destination, lane, state, due, code, created, seq) AS (VALUES `, 9, `)
 INSERT INTO leg (facility, serial, destination, facility_version, kind, episode, file, ord, withdraws, lane, state, due, free, lease, holder,
 attempts, code, reference, created, sent, received, finalized, opened, changed, seq)
 SELECT r.facility, r.serial, k.destination, r.facility_version, r.kind, r.episode, r.file, r.id, r.withdraws, max(r.lane, k.lane), k.state, k.due, k.due, 0, '',
 0, k.code, '', k.created, 0, 0, 0, 0, k.created, k.seq FROM k CROSS JOIN record r ON r.facility = k.facility AND r.serial = k.serial
 WHERE r.erased IS NULL ON CONFLICT (facility, serial, destination) DO NOTHING`)

// Begin begins legs of stored records.
func (x *Legs) Begin(ctx context.Context, legs []store.Leg) (int, error) {
	for i := range legs {
		l := &legs[i]
		if err := form.CheckLegStarts(store.LegStart{Destination: l.Destination, State: l.State, Code: l.Code}); err != nil {
			return 0, err
		}
	}
	if len(legs) == 0 {
		return 0, nil
	}
	var begun int64
	err := x.db.Write(ctx, file.Administrative, weight(len(legs)), func(tx *file.Tx) error {
		seq, err := tx.LegSeq(len(legs))
		if err != nil {
			return err
		}
		args := make([]any, 0, 9*len(legs))
		for n := range legs {
			l := &legs[n]
			created, due := form.LegTimes(l, x.clock.Now())
			args = append(args, string(l.Record.Facility), l.Record.Serial[:], l.Destination, int64(l.Lane), string(l.State), file.Micros(due), l.Code, file.Micros(created), seq+int64(n))
		}
		begun, err = tx.ExecBulk(beginLegs, args)
		return err
	})
	return int(begun), err
}

var openLegs = file.NewBulk(`WITH k (facility, serial, destination, at, seq) AS (VALUES `, 5, `) UPDATE leg SET opened = k.at, changed = k.at, seq = k.seq FROM k
 WHERE leg.facility = k.facility AND leg.serial = k.serial AND leg.destination = k.destination AND leg.opened = 0`)

// Open notes who opened what first.
func (x *Legs) Open(ctx context.Context, keys []store.LegKey, at time.Time) error {
	if len(keys) == 0 {
		return nil
	}
	for _, k := range keys {
		if err := store.CheckText(string(k.Record.Facility), k.Destination); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Administrative, weight(len(keys)), func(tx *file.Tx) error {
		seq, err := tx.LegSeq(len(keys))
		if err != nil {
			return err
		}
		args := make([]any, 0, 5*len(keys))
		for n, k := range keys {
			args = append(args, string(k.Record.Facility), k.Record.Serial[:], k.Destination, file.Micros(at), seq+int64(n))
		}
		_, err = tx.ExecBulk(openLegs, args)
		return err
	})
}
