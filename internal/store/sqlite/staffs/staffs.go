// Package staffs is the embedded engine's side of store.Staffs: who works at
// facilities and at the hub. What they may do is decided elsewhere.
package staffs

import (
	"context"
	"database/sql"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// Staffs implements store.Staffs.
type Staffs struct{ db *file.DB }

var _ store.Staffs = (*Staffs)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Staffs { return &Staffs{db: db} }

// PutStaff keeps a new member of staff or the next version.
func (x *Staffs) PutStaff(ctx context.Context, s staff.Staff, act store.Act) error {
	text, err := form.Staff(&s)
	if err := errors.Join(err, file.CheckAct(act)); err != nil {
		return err
	}
	return x.db.Write(ctx, file.Urgent, 1, func(tx *file.Tx) error {
		var version int
		if err := tx.Row(`SELECT version FROM staff WHERE id = ?`, s.ID[:]).Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if version != s.Version-1 {
			return store.ErrChanged
		}
		var taken bool
		if err := tx.Row(`SELECT EXISTS (SELECT 1 FROM staff WHERE login = ?1 AND id <> ?4) OR EXISTS (SELECT 1 FROM staff WHERE facility = ?2 AND licence = ?3 AND id <> ?4)`,
			file.Some(s.Login[:]), string(s.Facility), file.Some(s.Licence[:]), s.ID[:]).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return store.ErrTaken
		}
		if _, err := tx.Exec(`INSERT INTO staff (id, version, facility, login, licence, said, sealed, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
 ON CONFLICT (id) DO UPDATE SET version = excluded.version, facility = excluded.facility, login = excluded.login, licence = excluded.licence,
 said = excluded.said, sealed = excluded.sealed, wrapped = excluded.wrapped`,
			s.ID[:], s.Version, string(s.Facility), file.Some(s.Login[:]), file.Some(s.Licence[:]), text, file.Blob(s.Sealed), file.Blob(s.Wrapped)); err != nil {
			return err
		}
		return tx.ActOf(act)
	})
}

const columns = `SELECT id, version, facility, login, licence, said, sealed, wrapped FROM staff`

func scan(row file.Scanner) (s staff.Staff, err error) {
	var id, login, licence []byte
	var text string
	if err := row.Scan(&id, &s.Version, &s.Facility, &login, &licence, &text, &s.Sealed, &s.Wrapped); err != nil {
		return s, err
	}
	return s, errors.Join(file.Fill(s.ID[:], id), file.Fill(s.Login[:], login), file.Fill(s.Licence[:], licence), form.ReadStaff(&s, text))
}

// Staff returns a member of staff.
func (x *Staffs) Staff(ctx context.Context, id care.Staff) (*staff.Staff, error) {
	return x.first(ctx, columns+` WHERE id = ?`, [][]any{{id[:]}})
}

// first returns the row that the first of the arguments finds.
func (x *Staffs) first(ctx context.Context, q string, each [][]any) (*staff.Staff, error) {
	var out staff.Staff
	err := x.db.Read(ctx, func(s *file.Snapshot) (err error) {
		for _, args := range each {
			if out, err = scan(s.Row(q, args...)); !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		return sql.ErrNoRows
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// StaffByLogin finds by login, under every live pepper.
func (x *Staffs) StaffByLogin(ctx context.Context, login []vault.Keyed) (*staff.Staff, error) {
	args := make([][]any, len(login))
	for i, k := range login {
		args[i] = []any{k[:]}
	}
	return x.first(ctx, columns+` WHERE login = ?`, args)
}

// StaffByLicence finds by licence within a facility, under every live pepper.
func (x *Staffs) StaffByLicence(ctx context.Context, facility care.FacilityCode, licence []vault.Keyed) (*staff.Staff, error) {
	args := make([][]any, len(licence))
	for i, k := range licence {
		args[i] = []any{string(facility), k[:]}
	}
	return x.first(ctx, columns+` WHERE facility = ? AND licence = ?`, args)
}

// StaffOf returns the staff of a facility, by id.
func (x *Staffs) StaffOf(ctx context.Context, facility care.FacilityCode, limit int) (all []staff.Staff, err error) {
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		all = nil
		rows, err := s.Rows(columns+` WHERE facility = ? ORDER BY id LIMIT ?`, string(facility), form.Limit(limit))
		return file.Each(rows, err, func(row file.Scanner) error {
			m, err := scan(row)
			all = append(all, m)
			return err
		})
	})
	return all, err
}
