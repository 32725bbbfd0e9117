package disclose

import (
	"context"
	"fmt"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/store"
)

// Receipts finds what destinations said of records; store.Legs does.
type Receipts interface {
	Receipts(ctx context.Context, id dossier.ID) ([]store.LegReceipt, error)
}

// Above is the person of a record as a hub above this one knows them: a
// reference scoped to the record's facility, as of when it was given.
type Above struct {
	Destination string
	Reference   string
	At          time.Time
}

// LegReceipt returns the receipt that a destination gave of a record, byte for
// byte. Who may have the hub's own receipt may have it. Faults: record.absent,
// also where the destination gave none; those of Receipt.
func (d *Discloser) LegReceipt(ctx context.Context, reader Reader, id dossier.ID, destination string) ([]byte, error) {
	r, err := d.mayHave(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	all, err := d.Legs.Receipts(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Destination == destination {
			said, err := d.said(id, &all[i])
			return said.Receipt, err
		}
	}
	return nil, store.ErrAbsent
}

// LegReceipts returns what every destination gave of a record, by destination,
// to whom LegReceipt would.
func (d *Discloser) LegReceipts(ctx context.Context, reader Reader, id dossier.ID) ([][]byte, error) {
	r, err := d.mayHave(ctx, reader, id)
	if err != nil {
		return nil, err
	}
	all, err := d.Legs.Receipts(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(all))
	for i := range all {
		said, err := d.said(id, &all[i])
		if err != nil {
			return nil, err
		}
		out[i] = said.Receipt
	}
	return out, nil
}

// PersonAbove returns what the newest receipt with a person says, to the record's
// own facility; nil where there is none, or somebody else asks.
func (d *Discloser) PersonAbove(ctx context.Context, reader Reader, id dossier.ID) (*Above, error) {
	if !reader.owns(id) {
		return nil, nil
	}
	all, err := d.Legs.Receipts(ctx, id)
	if err != nil {
		return nil, err
	}
	var out *Above
	for i := range all {
		said, err := d.said(id, &all[i])
		if err != nil {
			return nil, err
		}
		if said.Person != "" && (out == nil || all[i].At.After(out.At)) {
			out = &Above{all[i].Destination, said.Person, all[i].At}
		}
	}
	return out, nil
}

func (d *Discloser) said(id dossier.ID, r *store.LegReceipt) (evidence.Said, error) {
	plain, err := d.Vault.Open(evidence.LegName(id, r.Destination), r.Wrapped, 0, r.Sealed)
	if err != nil {
		return evidence.Said{}, fmt.Errorf("disclose: opening the receipt that %s gave of %s: %w", r.Destination, id, err)
	}
	return evidence.ParseSaid(plain)
}

// noReceipts is of destinations that give none.
type noReceipts struct{}

// Receipts returns none.
func (noReceipts) Receipts(context.Context, dossier.ID) ([]store.LegReceipt, error) { return nil, nil }
