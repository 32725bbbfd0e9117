// Package revocations is the embedded engine's side of store.Revocations:
// signers' certificates, what was answered about them, and what was learned
// later about seals. It judges none of it.
package revocations

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Revocations implements store.Revocations.
type Revocations struct{ db *file.DB }

var _ store.Revocations = (*Revocations)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Revocations { return &Revocations{db: db} }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return file.Time(us)
}

// See keeps signers that are new.
func (x *Revocations) See(ctx context.Context, signers []store.Signer) error {
	if len(signers) == 0 {
		return nil
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		for i := range signers {
			s := &signers[i]
			if _, err := tx.Exec(`INSERT INTO signer (fingerprint, der, seen, ask, failures, code) VALUES (?, ?, ?, ?, 0, '') ON CONFLICT DO NOTHING`,
				s.Fingerprint[:], s.DER, micros(s.Seen), micros(s.Ask)); err != nil {
				return err
			}
		}
		return nil
	})
}

const signerColumns = `SELECT fingerprint, der, seen, ask, failures, code FROM signer `

func scanSigner(row func(...any) error) (*store.Signer, error) {
	var s store.Signer
	var print []byte
	var seen, ask int64
	if err := row(&print, &s.DER, &seen, &ask, &s.Failures, &s.Code); err != nil {
		return nil, err
	}
	if copy(s.Fingerprint[:], print) != 32 {
		return nil, errors.New("signer: a fingerprint too short")
	}
	s.Seen, s.Ask = moment(seen), moment(ask)
	return &s, nil
}

// Due returns signers to be asked about.
func (x *Revocations) Due(ctx context.Context, now time.Time, limit int) ([]store.Signer, error) {
	var out []store.Signer
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(signerColumns+`WHERE ask > 0 AND ask <= ? ORDER BY ask LIMIT ?`, micros(now), file.Limit(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			v, err := scanSigner(rows.Scan)
			if err != nil {
				return err
			}
			out = append(out, *v)
		}
		return rows.Err()
	})
	return out, err
}

// Signer returns one certificate that sealed.
func (x *Revocations) Signer(ctx context.Context, fingerprint [32]byte) (found *store.Signer, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		found, err = scanSigner(s.Row(signerColumns+`WHERE fingerprint = ?`, fingerprint[:]).Scan)
		return err
	})
	return found, err
}

// Asked keeps an answer and when to ask next.
func (x *Revocations) Asked(ctx context.Context, s store.Signer, a *store.Revocation) error {
	if err := store.CheckText(s.Code); err != nil {
		return err
	}
	if a != nil {
		if err := store.CheckText(a.State, a.Kind, a.Source); err != nil {
			return err
		}
	}
	return x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		n, err := tx.Exec(`UPDATE signer SET ask = ?, failures = ?, code = ? WHERE fingerprint = ?`, micros(s.Ask), s.Failures, s.Code, s.Fingerprint[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrAbsent
		}
		if a == nil {
			return nil
		}
		return keep(tx, a)
	})
}

// keep writes an answer over the newest when that and the one before say the same.
func keep(tx *file.Tx, a *store.Revocation) error {
	rows, err := tx.Rows(`SELECT at, state, answer FROM revocation WHERE fingerprint = ? ORDER BY at DESC LIMIT 2`, a.Fingerprint[:])
	if err != nil {
		return err
	}
	var at int64
	var old []byte
	same := 0
	for rows.Next() {
		var t int64
		var state string
		var answer []byte
		if err := rows.Scan(&t, &state, &answer); err != nil {
			return errors.Join(err, rows.Close())
		}
		if at == 0 {
			at, old = t, answer
		}
		if state == a.State {
			same++
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if same == 2 {
		if _, err := tx.Exec(`DELETE FROM revocation WHERE fingerprint = ? AND at = ?`, a.Fingerprint[:], at); err != nil {
			return err
		}
	}
	hash := sha256.Sum256(a.Raw)
	if _, err := tx.Exec(`INSERT INTO revocation_answer (hash, data) VALUES (?, ?) ON CONFLICT DO NOTHING`, hash[:], a.Raw); err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO revocation (fingerprint, at, state, since, invalid, reason, this_update, next_update, kind, source, answer)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, a.Fingerprint[:], micros(a.At), a.State, micros(a.Since), micros(a.Invalid),
		a.Reason, micros(a.ThisUpdate), micros(a.NextUpdate), a.Kind, a.Source, hash[:]); err != nil {
		return err
	}
	if same < 2 {
		return nil
	}
	_, err = tx.Exec(`DELETE FROM revocation_answer WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM revocation WHERE answer = ?1)`, old)
	return err
}

const answerColumns = `fingerprint, at, state, since, invalid, reason, this_update, next_update, kind, source`

func scanAnswer(row func(...any) error) (store.Revocation, error) {
	var a store.Revocation
	var print []byte
	var at, since, invalid, this, next int64
	if err := row(&print, &at, &a.State, &since, &invalid, &a.Reason, &this, &next, &a.Kind, &a.Source, &a.Raw); err != nil {
		return a, err
	}
	if copy(a.Fingerprint[:], print) != 32 {
		return a, errors.New("revocation: a fingerprint too short")
	}
	a.At, a.Since, a.Invalid, a.ThisUpdate, a.NextUpdate = moment(at), moment(since), moment(invalid), moment(this), moment(next)
	if len(a.Raw) == 0 {
		a.Raw = nil
	}
	return a, nil
}

// Newest returns the newest answer about each certificate.
func (x *Revocations) Newest(ctx context.Context) ([]store.Revocation, error) {
	return x.answers(ctx, `SELECT `+answerColumns+`, x'' FROM revocation r
 WHERE at = (SELECT max(at) FROM revocation n WHERE n.fingerprint = r.fingerprint) ORDER BY fingerprint`)
}

// Answers returns what is kept about one certificate.
func (x *Revocations) Answers(ctx context.Context, fingerprint [32]byte) ([]store.Revocation, error) {
	return x.answers(ctx, `SELECT `+answerColumns+`, (SELECT data FROM revocation_answer a WHERE a.hash = r.answer) FROM revocation r
 WHERE fingerprint = ? ORDER BY at`, fingerprint[:])
}

func (x *Revocations) answers(ctx context.Context, q string, args ...any) ([]store.Revocation, error) {
	var out []store.Revocation
	err := x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(q, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			a, err := scanAnswer(rows.Scan)
			if err != nil {
				return err
			}
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}

// facilityOf reads a facility column.
func facilityOf(s string) care.FacilityCode { return care.FacilityCode(s) }
