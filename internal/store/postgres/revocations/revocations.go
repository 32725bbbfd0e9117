// Package revocations keeps in PostgreSQL signers' certificates, what was
// answered about them, and what was learned later about seals. It judges none
// of it.
package revocations

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
)

// Revocations is the store.Revocations of a hub.
type Revocations struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Revocations = (*Revocations)(nil)

// New returns the slice; writer nil: annotations are ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Revocations { return &Revocations{db, writer} }

// See keeps signers that are new.
func (x *Revocations) See(ctx context.Context, signers []store.Signer) error {
	if len(signers) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	for i := range signers {
		s := &signers[i]
		b.Queue(`INSERT INTO signer (fingerprint, der, seen, ask, failures, code) VALUES ($1, $2, $3, $4, 0, '') ON CONFLICT (fingerprint) DO NOTHING`,
			s.Fingerprint[:], handle.Bytes(s.DER), handle.Micros(s.Seen), handle.Micros(s.Ask))
	}
	return handle.Fault(x.db.Pool.SendBatch(ctx, b).Close())
}

const signerColumns = `SELECT fingerprint, der, seen, ask, failures, code FROM signer `

func scanSigner(row pgx.Row) (*store.Signer, error) {
	var s store.Signer
	var print []byte
	var seen, ask int64
	if err := row.Scan(&print, &s.DER, &seen, &ask, &s.Failures, &s.Code); err != nil {
		return nil, err
	}
	s.Seen, s.Ask = handle.Moment(seen), handle.Moment(ask)
	return &s, handle.Digest(&s.Fingerprint, print)
}

// Due returns signers to be asked about.
func (x *Revocations) Due(ctx context.Context, now time.Time, limit int) ([]store.Signer, error) {
	rows, err := x.db.Pool.Query(ctx, signerColumns+`WHERE ask > 0 AND ask <= $1 ORDER BY ask LIMIT $2`, handle.Micros(now), handle.Limit(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Signer, error) {
		s, err := scanSigner(row)
		if err != nil {
			return store.Signer{}, err
		}
		return *s, nil
	})
	return all, handle.Fault(err)
}

// Signer returns one certificate that sealed.
func (x *Revocations) Signer(ctx context.Context, fingerprint [32]byte) (*store.Signer, error) {
	s, err := scanSigner(x.db.Pool.QueryRow(ctx, signerColumns+`WHERE fingerprint = $1`, fingerprint[:]))
	return s, handle.Fault(err)
}

// Asked keeps an answer and when to ask next. The signer's row is locked first:
// two hubs that asked at once keep their answers one after the other.
func (x *Revocations) Asked(ctx context.Context, s store.Signer, a *store.Revocation) error {
	if err := store.CheckText(s.Code); err != nil {
		return err
	}
	if a != nil {
		if err := store.CheckText(a.State, a.Kind, a.Source); err != nil {
			return err
		}
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	b := tx.Batch()
	b.Queue(`UPDATE signer SET ask = $2, failures = $3, code = $4 WHERE fingerprint = $1`, s.Fingerprint[:], handle.Micros(s.Ask), s.Failures, s.Code).
		Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return store.ErrAbsent
			}
			return nil
		})
	if a != nil {
		queueAnswer(b, a)
	}
	if err := tx.Send(ctx, b); err != nil {
		return err
	}
	return handle.Fault(tx.Commit(ctx, tx.Batch()))
}

// queueAnswer writes an answer over the newest when that and the one before say the same.
func queueAnswer(b *pgx.Batch, a *store.Revocation) {
	hash := sha256.Sum256(a.Raw)
	b.Queue(`INSERT INTO revocation_answer (hash, data) VALUES ($1, $2) ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash`, hash[:], handle.Bytes(a.Raw)) // locked, so that it stays
	// A list that answers for others too stays: the lock on its row keeps another
	// hub from naming it while it goes.
	b.Queue(`WITH gone AS (DELETE FROM revocation WHERE fingerprint = $1 AND at = (
			SELECT max(at) FROM (SELECT at, state FROM revocation WHERE fingerprint = $1 ORDER BY at DESC LIMIT 2) t
			HAVING count(*) = 2 AND min(state) = $2 AND max(state) = $2) RETURNING at, answer)
		DELETE FROM revocation_answer a USING gone WHERE a.hash = gone.answer AND a.hash <> $3
		AND NOT EXISTS (SELECT 1 FROM revocation r WHERE r.answer = a.hash AND NOT (r.fingerprint = $1 AND r.at = gone.at))`, a.Fingerprint[:], a.State, hash[:])
	b.Queue(`INSERT INTO revocation (fingerprint, at, state, since, invalid, reason, this_update, next_update, kind, source, answer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (fingerprint, at) DO NOTHING`, a.Fingerprint[:], handle.Micros(a.At), a.State,
		handle.Micros(a.Since), handle.Micros(a.Invalid), a.Reason, handle.Micros(a.ThisUpdate), handle.Micros(a.NextUpdate), a.Kind, a.Source, hash[:])
}

const answerColumns = `fingerprint, at, state, since, invalid, reason, this_update, next_update, kind, source`

// Newest returns the newest answer about each certificate.
func (x *Revocations) Newest(ctx context.Context) ([]store.Revocation, error) {
	return x.answers(ctx, `SELECT DISTINCT ON (fingerprint) `+answerColumns+`, ''::bytea FROM revocation ORDER BY fingerprint, at DESC`)
}

// Answers returns what is kept about one certificate.
func (x *Revocations) Answers(ctx context.Context, fingerprint [32]byte) ([]store.Revocation, error) {
	return x.answers(ctx, `SELECT `+answerColumns+`, (SELECT data FROM revocation_answer a WHERE a.hash = r.answer) FROM revocation r
		WHERE fingerprint = $1 ORDER BY at`, fingerprint[:])
}

func (x *Revocations) answers(ctx context.Context, q string, args ...any) ([]store.Revocation, error) {
	rows, err := x.db.Pool.Query(ctx, q, args...)
	if err != nil {
		return nil, handle.Fault(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a store.Revocation, err error) {
		var print []byte
		var at, since, invalid, this, next int64
		if err := row.Scan(&print, &at, &a.State, &since, &invalid, &a.Reason, &this, &next, &a.Kind, &a.Source, &a.Raw); err != nil {
			return a, err
		}
		a.At, a.Since, a.Invalid = handle.Moment(at), handle.Moment(since), handle.Moment(invalid)
		a.ThisUpdate, a.NextUpdate, a.Raw = handle.Moment(this), handle.Moment(next), handle.OrNil(a.Raw)
		return a, handle.Digest(&a.Fingerprint, print)
	})
	return all, handle.Fault(err)
}
