// Package intake is the embedded engine's side of store.Intake: what became of
// files, what is known of dossiers, and the commit of a group, which is the hot
// path. It decides nothing about a dossier; it holds what was decided against
// what is stored.
package intake

import (
	"context"
	"database/sql"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/vault"
)

// Intake implements store.Intake.
type Intake struct {
	db    *file.DB
	blobs blobs
	notes notes
}

var _ store.Intake = (*Intake)(nil)

// New returns the slice of an open file.
func New(db *file.DB) *Intake { return &Intake{db: db} }

const placesOfFile = `SELECT ` + file.RecordColumns + `, p.idx FROM place p JOIN ` + file.RecordTables + `
 WHERE r.id = p.record AND p.facility = ? AND p.file = ? ORDER BY p.idx`

// File returns the records of a file decided before.
func (n *Intake) File(ctx context.Context, facility care.FacilityCode, hashes []vault.Keyed) (out []store.Stored, err error) {
	err = n.db.Read(ctx, func(s *file.Snapshot) error {
		if out, err = places(s, facility, hashes); err == nil && len(out) == 0 {
			err = store.ErrAbsent
		}
		return err
	})
	return out, err
}

// Recall answers queries from one state of the file.
func (n *Intake) Recall(ctx context.Context, queries []store.Recall) ([]store.Recalled, error) {
	out := make([]store.Recalled, len(queries))
	err := n.db.Read(ctx, func(s *file.Snapshot) (err error) {
		for i := range queries {
			q, r := &queries[i], &out[i]
			if r.Places, err = places(s, q.Facility, q.File); err != nil {
				return err
			}
			r.Known = make([]store.Known, len(q.Dossiers))
			for k := range q.Dossiers {
				if err := known(s, &q.Dossiers[k], &r.Known[k]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// places reads the places of the first of the hashes that has any.
func places(s *file.Snapshot, facility care.FacilityCode, hashes []vault.Keyed) ([]store.Stored, error) {
	for _, h := range hashes {
		rows, err := s.Rows(placesOfFile, string(facility), h[:])
		if err != nil {
			return nil, err
		}
		if out, err := file.ScanStored(rows); err != nil || len(out) > 0 {
			return out, err
		}
	}
	return nil, nil
}

// Known answers queries from one state of the file.
func (n *Intake) Known(ctx context.Context, queries []store.Query) ([]store.Known, error) {
	out := make([]store.Known, len(queries))
	err := n.db.Read(ctx, func(s *file.Snapshot) error {
		for i := range queries {
			if err := known(s, &queries[i], &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const (
	sameRecord = `SELECT ` + file.RecordColumns + ` FROM ` + file.RecordTables + ` WHERE r.id =
 (SELECT d.record FROM dossier d WHERE d.facility = ? AND d.episode = ? AND d.kind = ? AND d.content = ? ORDER BY d.record DESC LIMIT 1)`
	headOf = `SELECT e.version, e.current, e.sequence, r.facility_version, r.received FROM episode e
 LEFT JOIN record r ON r.facility = e.facility AND r.serial = e.current WHERE e.facility = ? AND e.episode = ? AND e.kind = ?`
	subjectOf = `SELECT person FROM subject WHERE facility = ? AND key = ?`
	barsOf    = `SELECT person FROM bar WHERE facility = ? AND subject = ? ORDER BY person`
	claimOf   = `SELECT person, name, birth FROM claim WHERE key = ?`
)

func known(s *file.Snapshot, q *store.Query, k *store.Known) error {
	f := string(q.Facility)
	for _, e := range q.Episode {
		for _, c := range q.Content {
			if k.Same != nil {
				break
			}
			var r store.Record
			_, err := file.ScanRecord(s.Row(sameRecord, f, e[:], q.Kind, c[:]), &r)
			if err == nil {
				k.Same = &store.Stored{Record: r, Index: r.Index}
			} else if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		if k.Head.Version == 0 {
			if err := head(s, q, e, &k.Head); err != nil {
				return err
			}
		}
	}
	for _, key := range q.Subject {
		found, err := subject(s, f, key)
		if err != nil {
			return err
		}
		if found != nil {
			k.Subject = found
			break
		}
	}
	k.Claims = make([]store.Claim, len(q.Claims))
	for i, keys := range q.Claims {
		if err := claim(s, keys, &k.Claims[i]); err != nil {
			return err
		}
	}
	return nil
}

func head(s *file.Snapshot, q *store.Query, key vault.Keyed, h *store.Episode) error {
	var current []byte
	var version, received sql.NullInt64
	err := s.Row(headOf, string(q.Facility), key[:], q.Kind).Scan(&h.Version, &current, &h.Order, &version, &received)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	h.Key = key
	if h.Current, err = file.ID(q.Facility, current); err == nil && received.Valid {
		h.FacilityVersion, h.Day = version.Int64, clock.Day(file.Time(received.Int64))
	}
	return err
}

func subject(s *file.Snapshot, facility string, key vault.Keyed) (*store.Subject, error) {
	var p []byte
	err := s.Row(subjectOf, facility, key[:]).Scan(&p)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &store.Subject{Key: key}
	if out.Person, err = file.PersonOf(p); err != nil {
		return nil, err
	}
	rows, err := s.Rows(barsOf, facility, key[:])
	if err != nil {
		return nil, err
	}
	out.Barred, err = file.ScanPersons(rows)
	return out, err
}

func claim(s *file.Snapshot, keys []vault.Keyed, c *store.Claim) error {
	for _, key := range keys {
		var person, name, birth []byte
		err := s.Row(claimOf, key[:]).Scan(&person, &name, &birth)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		c.Key = key
		if c.Person, err = file.PersonOf(person); err != nil {
			return err
		}
		if c.Name, err = file.KeyedOf(name); err != nil {
			return err
		}
		c.Birth, err = file.KeyedOf(birth)
		return err
	}
	return nil
}

// Refuse keeps refusals with their counts.
func (n *Intake) Refuse(ctx context.Context, refusals []store.Refusal) error {
	for _, r := range refusals {
		if err := store.CheckText(string(r.ID.Facility), r.Sender, r.Code); err != nil {
			return err
		}
		if err := checkDeltas(r.Deltas); err != nil {
			return err
		}
	}
	return n.db.Write(ctx, file.Routine, len(refusals), func(tx *file.Tx) error {
		sum := file.Deltas{}
		for i := range refusals {
			r := &refusals[i]
			_, err := tx.Exec(`INSERT INTO refusal (facility, serial, at, sender, size, digest, code, lane, facility_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				string(r.ID.Facility), r.ID.Serial[:], file.Micros(r.At), r.Sender, r.Size, r.Digest[:], r.Code, int(r.Lane), r.FacilityVersion)
			if err != nil {
				return err
			}
			for _, d := range r.Deltas {
				sum.Add(d, nil)
			}
		}
		return sum.Append(tx)
	})
}

func checkDeltas(all []store.Delta) error {
	for _, d := range all {
		if err := store.CheckText(d.Kind, d.Measure, d.Purpose); err != nil {
			return err
		}
	}
	return nil
}

// accepted reports whether a state column says that a record counts as accepted.
func accepted(state string) bool { return dossier.State(state).IsAccepted() }
