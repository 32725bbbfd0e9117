package delivery

import (
	"context"
	"net/http"
	"time"

	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/masked"
	"lienthong/internal/role"
)

// Said opens what hubs above said of records; *disclose.Discloser does.
type Said interface {
	LegReceipt(ctx context.Context, reader disclose.Reader, id dossier.ID, destination string) ([]byte, error)
	PersonAbove(ctx context.Context, reader disclose.Reader, id dossier.ID) (*disclose.Above, error)
}

// Above is the person of a record as a hub above this one knows them.
type Above struct {
	Destination string    `json:"destination"`
	Person      string    `json:"person"` // a reference scoped to the record's facility
	At          time.Time `json:"at"`     // when it was given: it may have changed there since
}

// PersonAbove is what the hub above says of a record's person, to the record's own
// facility; nil: nothing.
func (d *Doors) PersonAbove(ctx context.Context, reader disclose.Reader, id dossier.ID) (*Above, error) {
	above, err := d.Said.PersonAbove(ctx, reader, id)
	if above == nil {
		return nil, err
	}
	return &Above{above.Destination, above.Reference, above.At}, nil
}

// Receipt answers GET /api/v1/records/{id}/legs/{destination}/receipt: the receipt
// document that a hub above gave of the record, byte for byte.
func (d *Doors) Receipt(w http.ResponseWriter, r *http.Request, reader disclose.Reader) error {
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	doc, err := d.Said.LegReceipt(r.Context(), reader, id, r.PathValue("destination"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+id.String()+`.above.receipt.json"`)
	_, _ = w.Write(doc) // a reader that has gone asks again
	return nil
}

// Events tells the story of a record's legs as the scope may know it, with the
// receipts that came of them.
func (d *Doors) Events(ctx context.Context, scope role.Scope, id dossier.ID) ([]masked.LegEvent, error) {
	legs, err := d.Of(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	said, err := d.Legs.Receipts(ctx, id)
	if err != nil {
		return nil, err
	}
	out := masked.LegEvents(legs)
	for i := range said {
		out = append(out, masked.LegEvent{At: said[i].At, What: "receipt", Destination: said[i].Destination})
	}
	return out, nil
}
