// Package staffs keeps in PostgreSQL who works at facilities and at the hub.
// What they may do is decided elsewhere.
package staffs

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/ledger"
	"lienthong/internal/vault"
)

// Staffs is the store.Staffs of a hub.
type Staffs struct {
	db     *handle.DB
	writer *ledger.Writer
}

var _ store.Staffs = (*Staffs)(nil)

// New returns the slice; writer nil: what has an act with a leaf is ErrNoLog.
func New(db *handle.DB, writer *ledger.Writer) *Staffs { return &Staffs{db, writer} }

// PutStaff keeps a new member of staff or the next version.
func (x *Staffs) PutStaff(ctx context.Context, s staff.Staff, act store.Act) error {
	text, err := form.Staff(&s)
	if err := errors.Join(err, ledger.CheckAct(act)); err != nil {
		return err
	}
	tx, err := x.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.End()
	query := `UPDATE staff SET version = $2, facility = $3, login = $4, licence = $5, said = $6, sealed = $7, wrapped = $8 WHERE id = $1 AND version = $2 - 1`
	if s.Version == 1 {
		query = `INSERT INTO staff (id, version, facility, login, licence, said, sealed, wrapped) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`
	}
	b := tx.Batch()
	b.Queue(query, handle.UUID(s.ID), int64(s.Version), string(s.Facility), handle.Hash(s.Login), handle.Hash(s.Licence), text, handle.Bytes(s.Sealed), handle.Bytes(s.Wrapped)).
		Exec(handle.OrChanged)
	return orTaken(x.writer.CommitActOf(ctx, tx, b, act))
}

// orTaken is ErrTaken where a login or licence is another's.
func orTaken(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" && (pg.ConstraintName == "staff_login" || pg.ConstraintName == "staff_licence") {
		return store.ErrTaken
	}
	return err
}

const columns = `SELECT id, version, facility, login, licence, said, sealed, wrapped FROM staff`

func scan(row pgx.Row) (s staff.Staff, err error) {
	var id pgtype.UUID
	var login, licence []byte
	var text string
	if err := row.Scan(&id, &s.Version, &s.Facility, &login, &licence, &text, &s.Sealed, &s.Wrapped); err != nil {
		return s, err
	}
	s.ID, s.Sealed, s.Wrapped = id.Bytes, handle.OrNil(s.Sealed), handle.OrNil(s.Wrapped)
	by, err := handle.Keyed(login)
	if err != nil {
		return s, err
	}
	of, err := handle.Keyed(licence)
	s.Login, s.Licence = by, of
	return s, errors.Join(err, form.ReadStaff(&s, text))
}

func (x *Staffs) first(ctx context.Context, query string, args ...any) (*staff.Staff, error) {
	s, err := scan(x.db.Pool.QueryRow(ctx, query, args...))
	if err != nil {
		return nil, handle.Fault(err)
	}
	return &s, nil
}

// Staff returns a member of staff.
func (x *Staffs) Staff(ctx context.Context, id care.Staff) (*staff.Staff, error) {
	return x.first(ctx, columns+` WHERE id = $1`, handle.UUID(id))
}

// StaffByLogin finds by login, under every live pepper.
func (x *Staffs) StaffByLogin(ctx context.Context, login []vault.Keyed) (*staff.Staff, error) {
	return x.first(ctx, columns+` WHERE login = ANY ($1) AND login <> '' ORDER BY array_position($1, login) LIMIT 1`, handle.Hashes(login))
}

// StaffByLicence finds by licence within a facility, under every live pepper.
func (x *Staffs) StaffByLicence(ctx context.Context, facility care.FacilityCode, licence []vault.Keyed) (*staff.Staff, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, store.ErrAbsent // no facility has such a name
	}
	return x.first(ctx, columns+` WHERE facility = $1 AND licence = ANY ($2) AND licence <> '' ORDER BY array_position($2, licence) LIMIT 1`, string(facility), handle.Hashes(licence))
}

// StaffOf returns the staff of a facility, by id.
func (x *Staffs) StaffOf(ctx context.Context, facility care.FacilityCode, limit int) ([]staff.Staff, error) {
	if err := store.CheckText(string(facility)); err != nil {
		return nil, nil //nolint:nilerr // no facility has such a name
	}
	rows, err := x.db.Pool.Query(ctx, columns+` WHERE facility = $1 ORDER BY id LIMIT $2`, string(facility), form.Limit(limit))
	if err != nil {
		return nil, handle.Fault(err)
	}
	defer rows.Close()
	var all []staff.Staff
	for rows.Next() {
		s, err := scan(rows)
		if err != nil {
			return nil, handle.Fault(err)
		}
		all = append(all, s)
	}
	return all, handle.Fault(rows.Err())
}
