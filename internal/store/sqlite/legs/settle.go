package legs

import (
	"context"
	"time"

	"lienthong/internal/exchange"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
)

var (
	heldBy = file.Asking(`n, facility, serial, destination, holder`, `SELECT k.n, l.id, l.received, l.finalized, l.episode
 FROM k CROSS JOIN leg l ON l.facility = k.facility AND l.serial = k.serial AND l.destination = k.destination AND l.holder = k.holder WHERE l.state = 'waiting'`)
	settleLegs = file.NewBulk(`WITH k (id, state, due, attempts, code, reference, sent, received, finalized, changed, seq) AS (VALUES `, 11,
		`) UPDATE leg SET state = k.state, due = k.due, free = k.due, lease = 0, holder = '', attempts = k.attempts, code = k.code,
 reference = CASE k.reference WHEN '' THEN leg.reference ELSE k.reference END, sent = CASE leg.sent WHEN 0 THEN k.sent ELSE leg.sent END,
 received = CASE leg.received WHEN 0 THEN k.received ELSE leg.received END, finalized = CASE leg.finalized WHEN 0 THEN k.finalized ELSE leg.finalized END,
 changed = k.changed, seq = k.seq FROM k WHERE leg.id = k.id`)
	putReceipt = file.Insert(`leg_receipt (facility, serial, destination, at, wrapped, sealed)`,
		`ON CONFLICT (facility, serial, destination) DO UPDATE SET at = excluded.at, wrapped = excluded.wrapped, sealed = excluded.sealed`)
	addSent = file.Insert(`leg_sent (destination, minute, n)`, `ON CONFLICT (destination, minute) DO UPDATE SET n = n + excluded.n`)
)

// Settle keeps results in one commit.
func (x *Legs) Settle(ctx context.Context, holder string, now time.Time, results []store.LegResult) ([]store.LegKey, error) {
	if err := form.CheckLegResults(holder, results); err != nil || len(results) == 0 {
		return nil, err
	}
	var lost []store.LegKey
	err := x.db.Write(ctx, file.Administrative, weight(len(results)), func(tx *file.Tx) (err error) {
		s := settling{tx: tx, results: results, now: now, mine: make([]bool, len(results)), sent: map[string]map[int64]int64{}}
		lost, err = s.run(holder)
		return err
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

// settling is one Settle within its transaction.
type settling struct {
	tx      *file.Tx
	results []store.LegResult
	now     time.Time
	mine    []bool
	update  []any
	wake    []any
	said    []any                      // arguments of putReceipt
	sent    map[string]map[int64]int64 // by destination and minute
}

func (s *settling) run(holder string) (lost []store.LegKey, err error) {
	args := make([]any, 0, 5*len(s.results))
	for n := range s.results {
		r := &s.results[n]
		args = append(args, int64(n), string(r.Record.Facility), r.Record.Serial[:], r.Destination, holder)
	}
	seq, err := s.tx.LegSeq(len(s.results))
	if err != nil {
		return nil, err
	}
	s.update = make([]any, 0, 11*len(s.results))
	seen := make(map[int64]bool, len(s.results))
	if err := s.tx.AskBulk(heldBy, args, func(row file.Scanner) error {
		var n int
		var id, received, finalized int64
		var episode []byte
		if err := row.Scan(&n, &id, &received, &finalized, &episode); err != nil || seen[id] {
			return err
		}
		seen[id] = true
		s.settle(n, id, seq+int64(n), s.results[n].Arrived(moment(received), moment(finalized)), episode)
		return nil
	}); err != nil {
		return nil, err
	}
	for n := range s.results {
		if !s.mine[n] {
			lost = append(lost, s.results[n].LegKey)
		}
	}
	if _, err := s.tx.ExecBulk(settleLegs, s.update); err != nil {
		return nil, err
	}
	if _, err := s.tx.ExecBulk(putReceipt, s.said); err != nil {
		return nil, err
	}
	if err := wake(s.tx, s.wake); err != nil {
		return nil, err
	}
	return lost, s.count()
}

// settle notes what is to be written of a result.
func (s *settling) settle(n int, id, seq int64, arrived time.Time, episode []byte) {
	r := &s.results[n]
	s.mine[n] = true
	due := micros(r.Due)
	if due == 0 {
		due = file.Micros(s.now)
	}
	s.update = append(s.update, id, string(r.State), due, int64(r.Attempts), r.Code, r.Reference, micros(r.Sent), micros(r.Received), micros(r.Finalized), file.Micros(s.now), seq)
	if x := r.Receipt; x != nil {
		s.said = append(s.said, string(r.Record.Facility), r.Record.Serial[:], r.Destination, file.Micros(x.At), x.Wrapped, x.Sealed)
	}
	if r.State != exchange.Waiting {
		s.wake = append(s.wake, string(r.Record.Facility), episode, r.Destination)
	}
	if !arrived.IsZero() {
		if s.sent[r.Destination] == nil {
			s.sent[r.Destination] = map[int64]int64{}
		}
		s.sent[r.Destination][minute(arrived)]++
	}
}

// count adds up what arrived, and forgets what is older than a day.
func (s *settling) count() error {
	var args []any
	for destination, minutes := range s.sent {
		for m, n := range minutes {
			args = append(args, destination, m, n)
		}
		if _, err := s.tx.Exec(`DELETE FROM leg_sent WHERE destination = ? AND minute <= ?`, destination, minute(s.now.Add(-day))); err != nil {
			return err
		}
	}
	_, err := s.tx.ExecBulk(addSent, args)
	return err
}
