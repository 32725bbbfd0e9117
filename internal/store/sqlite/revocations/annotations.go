package revocations

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"

	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// Sealed returns records sealed with a certificate, not annotated yet. It walks
// the files since then: it is asked when a certificate was revoked, which is rare.
func (x *Revocations) Sealed(ctx context.Context, q store.SealedQuery) ([]store.SealedRecord, error) {
	written, err := json.Marshal(q.Fingerprint) // as a note on a seal spells it
	if err != nil {
		return nil, err
	}
	until := int64(math.MaxInt64)
	if !q.Until.IsZero() {
		until = micros(q.Until)
	}
	var out []store.SealedRecord
	err = x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT r.facility, r.serial, r.received FROM file f
 JOIN place p ON p.facility = f.facility AND p.file = f.hash JOIN record r ON r.id = p.record AND r.file = f.hash
 WHERE f.received >= ?1 AND f.received < ?7 AND (f.seals IN (SELECT CAST(id AS TEXT) FROM seal WHERE instr(note, ?2) > 0 OR instr(note, ?3) > 0) OR instr(f.seals, ?2) > 0)
 AND NOT EXISTS (SELECT 1 FROM annotation a WHERE a.facility = r.facility AND a.serial = r.serial AND a.what = ?4 AND a.fingerprint = ?5) LIMIT ?6`,
			micros(q.Since), string(written), hex.EncodeToString(q.Fingerprint[:]), q.What, q.Fingerprint[:], file.Limit(q.Limit), until)
		if err != nil {
			return err
		}
		defer rows.Close()
		out = nil
		for rows.Next() {
			var facility string
			var serial []byte
			var received int64
			if err := rows.Scan(&facility, &serial, &received); err != nil {
				return err
			}
			id, err := file.ID(facilityOf(facility), serial)
			if err != nil {
				return err
			}
			out = append(out, store.SealedRecord{ID: id, Received: file.Time(received)})
		}
		return rows.Err()
	})
	return out, err
}

// Annotate keeps annotations with leaves and transitions.
func (x *Revocations) Annotate(ctx context.Context, list []store.Annotation) (int, error) {
	for i := range list {
		if err := store.CheckText(list[i].What, list[i].Source); err != nil {
			return 0, err
		}
	}
	added := 0
	err := x.db.Write(ctx, file.Administrative, 1, func(tx *file.Tx) error {
		added = 0
		for i := range list {
			n, err := annotate(tx, &list[i])
			if err != nil {
				return err
			}
			added += n
		}
		return nil
	})
	return added, err
}

func annotate(tx *file.Tx, a *store.Annotation) (int, error) {
	n, err := tx.Exec(`INSERT INTO annotation (facility, serial, what, fingerprint, at, since, source) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(a.Record.Facility), a.Record.Serial[:], a.What, a.Fingerprint[:], micros(a.At), micros(a.Since), a.Source)
	if err != nil || n == 0 {
		return 0, err
	}
	m, err := tx.Exec(`INSERT INTO transition (record, at, what, by, actor, detail) SELECT id, ?, ?, NULL, 'hub', ? FROM record WHERE facility = ? AND serial = ?`,
		micros(a.At), a.What, hex.EncodeToString(a.Fingerprint[:]), string(a.Record.Facility), a.Record.Serial[:])
	if err == nil && m == 0 {
		err = store.ErrAbsent
	}
	if err != nil {
		return 0, err
	}
	_, _, err = tx.Leaf(a.Leaf(), nil)
	return 1, err
}

// EachAnnotation gives every annotation.
func (x *Revocations) EachAnnotation(ctx context.Context, fn func(*store.Annotation) error) error {
	return x.db.Read(ctx, func(s *file.Snapshot) error {
		rows, err := s.Rows(`SELECT facility, serial, what, fingerprint, at, since, source FROM annotation ORDER BY facility, serial, what, fingerprint`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a store.Annotation
			var facility string
			var serial, print []byte
			var at, since int64
			if err := rows.Scan(&facility, &serial, &a.What, &print, &at, &since, &a.Source); err != nil {
				return err
			}
			if a.Record, err = file.ID(facilityOf(facility), serial); err != nil {
				return err
			}
			if copy(a.Fingerprint[:], print) != 32 {
				return errors.New("annotation: a fingerprint too short")
			}
			a.At, a.Since = moment(at), moment(since)
			if err := fn(&a); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
