package records

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/vault"
)

// File returns a file and the records of its dossiers, in one snapshot.
func (x *Records) File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error) {
	f := &store.File{Facility: facility, Hash: hash}
	var stored []store.Stored
	err := x.db.Read(ctx, func(tx pgx.Tx) error {
		if err := scanFile(ctx, tx, f); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+handle.RecordColumns+`, p.idx
			FROM place p JOIN record r ON r.facility = p.facility AND r.serial = p.serial `+handle.RecordJoins+`
			WHERE p.facility = $1 AND p.file = $2 ORDER BY p.idx`, string(facility), handle.Hash(hash))
		if err != nil {
			return err
		}
		stored, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s store.Stored, err error) {
			s.Record, err = handle.ScanRecord(row, &s.Index)
			return s, err
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return f, stored, nil
}

func scanFile(ctx context.Context, tx pgx.Tx, f *store.File) error {
	var digest, certificates []byte
	var received int64
	var lane int16
	var seals string
	err := tx.QueryRow(ctx, `SELECT f.digest, f.size, f.received, f.sender, f.lane, f.wrapped, f.class, f.month,
		CASE f.skeleton WHEN '' THEN coalesce(a.data, '') ELSE f.skeleton END, f.certificates, f.seals, f.dossiers, f.software
		FROM file f LEFT JOIN skeleton_archive a ON a.facility = f.facility AND a.hash = f.hash WHERE f.facility = $1 AND f.hash = $2`, string(f.Facility), handle.Hash(f.Hash)).
		Scan(&digest, &f.Size, &received, &f.Sender, &lane, &f.Wrapped, &f.Class, &f.Month, &f.Skeleton, &certificates, &seals, &f.Dossiers, &f.Software)
	if err != nil {
		return err
	}
	f.Received, f.Lane, f.Wrapped, f.Skeleton = handle.Moment(received), store.Lane(lane), handle.OrNil(f.Wrapped), handle.OrNil(f.Skeleton)
	if err := handle.Digest(&f.Digest, digest); err != nil {
		return err
	}
	if f.Seals, err = readSeals(seals); err != nil {
		return err
	}
	for ; len(certificates) >= 32; certificates = certificates[32:] {
		b := store.Blob{Hash: [32]byte(certificates)}
		if err := tx.QueryRow(ctx, `SELECT data FROM blob WHERE hash = $1`, b.Hash[:]).Scan(&b.Data); err != nil {
			return handle.ErrBroken.Because(fmt.Errorf("a certificate of a file: %w", err))
		}
		f.Certificates = append(f.Certificates, b)
	}
	return nil
}

func readSeals(text string) ([]store.SealNote, error) {
	var seals []handle.Seal
	if err := form.Exact(text, &seals); err != nil {
		return nil, handle.ErrBroken.Because(err)
	}
	var notes []store.SealNote
	for _, s := range seals {
		n := store.SealNote{Subject: s.Subject, Algorithm: s.Algorithm, Bound: s.Bound, Revocation: s.Revocation, Expired: s.Expired,
			Role: s.Role, Covered: s.Covered, Serial: s.Serial, Issuer: s.Issuer}
		print, err := hex.DecodeString(s.Fingerprint)
		if err == nil {
			err = handle.Digest(&n.Fingerprint, print)
		}
		if err != nil {
			return nil, handle.ErrBroken.Because(err)
		}
		notes = append(notes, n)
	}
	return notes, nil
}

// Timeline returns what happened to a record later: its own events, and those
// of its subject's links.
func (x *Records) Timeline(ctx context.Context, id dossier.ID) ([]store.Transition, error) {
	var out []store.Transition
	err := x.db.Read(ctx, func(tx pgx.Tx) error {
		var received int64
		var subject []byte
		if err := tx.QueryRow(ctx, `SELECT received, subject FROM record WHERE facility = $1 AND serial = $2`,
			string(id.Facility), handle.UUID(id.Serial)).Scan(&received, &subject); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT at, what, by, actor, detail FROM (
				SELECT at, 1 AS part, id, what, by, actor, detail FROM transition WHERE facility = $1 AND serial = $2
				UNION ALL SELECT since, 2, id, 'linked', '00000000-0000-0000-0000-000000000000', actor, evidence
					FROM link WHERE facility = $1 AND subject = $3 AND $3 <> ''::bytea AND since > $4
				UNION ALL SELECT until, 3, id, 'unlinked', '00000000-0000-0000-0000-000000000000', ended_by, why
					FROM link WHERE facility = $1 AND subject = $3 AND $3 <> ''::bytea AND until > $4
			) t ORDER BY at, part, id`, string(id.Facility), handle.UUID(id.Serial), subject, received)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (t store.Transition, err error) {
			var at int64
			var by pgtype.UUID
			err = row.Scan(&at, &t.What, &by, &t.Actor, &t.Detail)
			t.At, t.By = handle.Moment(at), handle.ID(string(id.Facility), by)
			return t, err
		})
		return err
	})
	return out, err
}
