// Package intake is the embedded engine's side of store.Intake: what became of
// files, what is known of dossiers, and the commit of a group, which is the hot
// path. It decides nothing about a dossier; it holds what was decided against
// what is stored.
package intake

import (
	"context"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
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

// Known answers queries from one state of the file.
func (n *Intake) Known(ctx context.Context, queries []store.Query) ([]store.Known, error) {
	out, err := n.Recall(ctx, []store.Recall{{Dossiers: queries}})
	if err != nil {
		return nil, err
	}
	return out[0].Known, nil
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
