package spool

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// Outcome is what became of a dossier.
type Outcome int

// The outcomes.
const (
	WasAccepted Outcome = iota + 1
	WasWarned           // accepted with warnings
	WasRejected
	WasRefused // the file as a whole
)

var outcomeNames = [...]string{"", "accepted", "accepted_with_warnings", "rejected", "refused"}

// String returns "accepted", "accepted_with_warnings", "rejected" or "refused".
func (o Outcome) String() string { return outcomeNames[o] }

// Reason is a code that stands against a dossier.
type Reason struct {
	Code string
	Said fault.Text
	Hint fault.Text
}

// Answer is the hub's answer to a dossier of an item.
type Answer struct {
	Item    int64
	N       int // position of the dossier in its file; 0 for a refused one
	Record  string
	Outcome Outcome
	At      time.Time // of the receipt, else of the answer
	Kind    string
	Episode string
	Own     bool     // the receipt names this very file
	Reasons []Reason // of a rejected or refused one
	Line    []byte   // as the hub gave it, with the receipt
}

// Apply writes answers to the journal, each once however often it comes, and
// closes the items that are answered whole: those in whole, and those with an
// answer for every dossier they are known to have. It returns how many it
// closed.
func (s *Spool) Apply(ctx context.Context, answers []Answer, whole ...int64) (closed int, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		closed = 0
		touched := map[int64]bool{}
		for i := range answers {
			if err := s.answer(ctx, tx, &answers[i]); err != nil {
				return err
			}
			if _, ok := touched[answers[i].Item]; !ok {
				touched[answers[i].Item] = false
			}
			if answers[i].Outcome == WasRefused {
				touched[answers[i].Item] = true
			}
		}
		for _, id := range whole {
			touched[id] = true
		}
		for id, all := range touched {
			done, err := s.decide(ctx, tx, id, all)
			if err != nil {
				return err
			}
			if done {
				closed++
			}
		}
		return nil
	})
	return closed, err
}

// answer writes one answer. The same one again changes nothing; another one
// (the same bytes judged anew) takes its place, and so does every refusal: it has
// no record, and may have another reason than the one before.
func (s *Spool) answer(ctx context.Context, tx *sql.Tx, a *Answer) error {
	id := answerID(a.Item, a.N)
	episode := s.box.hash("episode", a.Episode)
	done, err := tx.ExecContext(ctx, `INSERT INTO answer (item, n, record, outcome, day, at, kind, episode, own, now, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)
		ON CONFLICT DO UPDATE SET record = excluded.record, outcome = excluded.outcome, day = excluded.day, at = excluded.at, kind = excluded.kind,
			episode = excluded.episode, own = excluded.own, line = excluded.line WHERE record <> excluded.record OR outcome <> excluded.outcome OR excluded.outcome = 4`,
		a.Item, a.N, a.Record, a.Outcome, clock.Day(a.At), micros(a.At), a.Kind, episode, a.Own, s.box.seal("answer", id, a.Line))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM cause WHERE item = ? AND n = ?`, a.Item, a.N); err != nil {
		return err
	}
	if a.Outcome <= WasWarned {
		if a.Episode == "" {
			return nil
		}
		// What stood against an earlier try of this episode is mended.
		_, err := tx.ExecContext(ctx, `DELETE FROM cause WHERE (item, n) IN (SELECT item, n FROM answer WHERE episode = ? AND outcome >= 3 AND kind IN (?, ''))`, episode, a.Kind)
		return err
	}
	for _, r := range a.Reasons {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO cause (code, item, n) VALUES (?, ?, ?)`, r.Code, a.Item, a.N); err != nil {
			return err
		}
		if err := s.learn(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

// learn keeps the sentences of a code, the newest.
func (s *Spool) learn(ctx context.Context, tx *sql.Tx, r Reason) error {
	said, err := phrase(r.Said)
	if err != nil {
		return err
	}
	hint, err := phrase(r.Hint)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO phrase (code, said, hint) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET said = excluded.said, hint = excluded.hint`, r.Code, said, hint)
	return err
}

// decide closes an item that is answered whole: all says so, else the count does.
func (s *Spool) decide(ctx context.Context, tx *sql.Tx, id int64, all bool) (bool, error) {
	var dossiers, answers, worst int
	var state State
	err := tx.QueryRowContext(ctx, `SELECT dossiers, state, (SELECT count(*) FROM answer WHERE item = id), (SELECT coalesce(max(outcome), 0) FROM answer WHERE item = id)
		FROM item WHERE id = ?`, id).Scan(&dossiers, &state, &answers, &worst)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || answers == 0 || !all && (dossiers == 0 || answers < dossiers) {
		return false, err
	}
	to := Accepted
	switch Outcome(worst) {
	case WasRejected:
		to = Rejected
	case WasRefused:
		to = Refused
	}
	if _, err := tx.ExecContext(ctx, `UPDATE item SET state = ?, changed = ?, forced = 0, due = 0, dossiers = CASE WHEN dossiers = 0 THEN ? ELSE dossiers END,
		code = coalesce((SELECT min(code) FROM cause WHERE item = id), ''), said = coalesce((SELECT said FROM phrase WHERE code = (SELECT min(code) FROM cause WHERE item = item.id)), '')
		WHERE id = ?`, to, micros(s.clock.Now()), answers, id); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM episode WHERE item = ?`, id); err != nil {
		return false, err
	}
	if to != Accepted { // its bytes stay, for another try
		return !state.Decided(), nil
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM payload WHERE item = ?`, id)
	return !state.Decided(), err
}

func answerID(item int64, n int) []byte { return fmt.Appendf(nil, "%d/%d", item, n) }

// Valid reports whether it can be a reference.
func (r Ref) Valid() bool { _, err := r.prefix(); return err == nil }

// prefix is the first half of the key a reference stands for. Fault: spool.absent.
func (r Ref) prefix() ([]byte, error) {
	b, err := hex.DecodeString(string(r))
	if err != nil || len(b) != 16 {
		return nil, ErrAbsent
	}
	return b, nil
}

// Prune forgets what was decided before a moment, with its receipts; the counts
// of its days stay. It returns how many items went; call it again until none does.
func (s *Spool) Prune(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM item WHERE id IN (SELECT id FROM item WHERE state >= 7 AND changed < ? ORDER BY changed LIMIT 500)`, micros(before))
		if err != nil {
			return err
		}
		n, err = done.RowsAffected()
		return err
	})
	if err != nil || n > 0 {
		return int(n), err
	}
	_, err = s.db.ExecContext(ctx, `PRAGMA incremental_vacuum(2000)`)
	return 0, blame(err)
}
