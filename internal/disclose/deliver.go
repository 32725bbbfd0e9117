package disclose

import (
	"context"
	"encoding/json"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The bases of a delivery.
const (
	// ByLaw: what every record of the kind goes to by law (the health book, the
	// prescription system, the level above).
	ByLaw = string(policy.ByLaw)
	// ByAssignment: the facility's own lawful sending, which the hub carries on
	// for it: what the facility may send, goes.
	ByAssignment = string(policy.ByAssignment)
)

// Courier is who hands deliveries over, as rows keep it.
const Courier = "courier"

// ErrNotWhole: a file that others were erased from is not what its facility
// sent and sealed any more.
var ErrNotWhole = fault.New(fault.Conflict, "file.not_whole",
	"Trong tệp này có hồ sơ đã xóa nên không còn gửi nguyên tệp được nữa.",
	"A record was erased from this file, which can no longer be sent as it was.")

// Destination is a reader that an operator approved: where legs lead.
type Destination struct {
	ID     string
	Closed bool // gets records of closed compartments: their facility's own sending
	Own    bool // Delivery.Own is wanted
}

// Own is what the hub itself says of a record that is delivered.
type Own struct {
	Record  store.Record
	Receipt []byte // receipt document
}

// Form is what a delivery holds.
type Form int

// The forms.
const (
	File    Form = iota + 1 // the file's exact bytes, with every record in it
	Reading                 // the record opened
)

// Delivery is what a destination is handed.
type Delivery struct {
	Record  store.Record
	Opened  *Opened        // Reading
	Sent    *evidence.Sent // File
	Receipt []byte         // the hub's receipt document
	Reason  string         // of a withdrawal, which has nothing else
	Own     []Own          // Destination.Own: of the record, and of every record of its file
}

// Deliver opens a record for a destination. The rows are durable before it
// returns: one for the record, or one for each record of the file; a delivery
// is no look and is not counted as one. Faults: record.absent, record.erased,
// disclosure.compartment, file.not_whole; a broken store or vault.
func (d *Discloser) Deliver(ctx context.Context, to Destination, form Form, id dossier.ID) (*Delivery, error) {
	r, err := d.Records.Get(ctx, role.Scope{All: true}, id)
	if err != nil {
		return nil, err
	}
	if !r.Erased.IsZero() {
		return nil, store.ErrErased
	}
	about := []store.Record{*r}
	if form == File && r.Withdraws.IsZero() {
		if about, err = d.inFile(ctx, r); err != nil {
			return nil, err
		}
	}
	k := &look{rules: d.Policies, at: d.Clock.Now(), reader: Reader{Role: role.Role{Kind: role.Destination, ID: to.ID}, Name: Courier, Route: "leg:" + to.ID}}
	rows := make([]store.Disclosure, len(about))
	for i := range about {
		dec, err := k.hand(to, form, &about[i])
		if err != nil {
			return nil, err
		}
		if rows[i], err = k.row(k.at, to.basis(), len(about), &about[i], dec); err != nil {
			return nil, err
		}
	}
	if err := d.Log.Record(ctx, rows); err != nil {
		return nil, fmt.Errorf("disclose: writing down a delivery: %w", err)
	}
	out, err := d.deliver(ctx, to, form, r)
	if err != nil || !to.Own {
		return out, err
	}
	out.Own, err = d.own(ctx, r, out.Receipt, about)
	return out, err
}

// own is what the hub says of a record, whose receipt is at hand, and of those beside it.
func (d *Discloser) own(ctx context.Context, r *store.Record, receipt []byte, about []store.Record) ([]Own, error) {
	out := []Own{{*r, receipt}}
	for i := range about {
		if about[i].ID == r.ID {
			continue
		}
		h, err := d.head(&about[i])
		if err != nil {
			return nil, err
		}
		docs, err := d.Receipts.Documents(ctx, []evidence.Item{{Receipt: h.Receipt, Place: about[i].Place}})
		if err != nil {
			return nil, err
		}
		out = append(out, Own{about[i], docs[0]})
	}
	return out, nil
}

func (to Destination) basis() string {
	if to.Closed {
		return ByAssignment
	}
	return ByLaw
}

// hand decides about one record of a delivery: a table alone is left out of what
// is read, not of a file.
func (k *look) hand(to Destination, form Form, r *store.Record) (decision, error) {
	q := policy.Question{Action: policy.Deliver, Role: k.reader.Role, Author: r.ID.Facility, Kind: r.Kind,
		Classes: care.ClassesOf(r.Documents), Basis: policy.Basis(to.basis()), Closed: to.Closed}
	if form == File {
		q.Classes = withTables(r.Documents)
	}
	a, err := k.rules.Decide(q)
	if err != nil {
		return decision{}, fmt.Errorf("disclose: deciding a delivery: %w", err)
	}
	if !a.Permit {
		return decision{}, ErrCompartment
	}
	return decision{a, q}, nil
}

// inFile returns the records of a record's file.
func (d *Discloser) inFile(ctx context.Context, r *store.Record) ([]store.Record, error) {
	_, places, err := d.Records.File(ctx, r.ID.Facility, r.File)
	if err != nil {
		return nil, err
	}
	out := make([]store.Record, len(places))
	for i := range places {
		if out[i] = places[i].Record; !out[i].Erased.IsZero() {
			return nil, ErrNotWhole
		}
	}
	return out, nil
}

func (d *Discloser) deliver(ctx context.Context, to Destination, form Form, r *store.Record) (*Delivery, error) {
	out := &Delivery{Record: *r}
	head, err := d.head(r)
	if err != nil {
		return nil, err
	}
	docs, err := d.Receipts.Documents(ctx, []evidence.Item{{Receipt: head.Receipt, Place: r.Place}})
	if err != nil {
		return nil, err
	}
	out.Receipt = docs[0]
	switch {
	case !r.Withdraws.IsZero():
		if out.Reason, err = d.reason(ctx, r); err == nil && form == Reading {
			out.Opened, err = d.open(ctx, r, nothingClosed) // its episode; there is nothing else in it
		}
	case form == File:
		as := whole
		var sent evidence.Sent
		if sent, _, err = d.rebuild(ctx, r, &as); err == nil && as != whole {
			err = ErrNotWhole // erased since
		}
		out.Sent = &sent
	default:
		may := nothingClosed
		if to.Closed {
			may = everything // as its facility would hand it over
		}
		out.Opened, err = d.open(ctx, r, may)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// reason reads why a record was taken back: its statement stands in the place of
// a file (package intake writes it).
func (d *Discloser) reason(ctx context.Context, r *store.Record) (string, error) {
	file, _, err := d.Records.File(ctx, r.ID.Facility, r.File)
	if err != nil {
		return "", err
	}
	sealed, err := d.Vault.Open(evidence.FileName(file), file.Wrapped, 0, file.Skeleton)
	if err != nil {
		return "", fmt.Errorf("disclose: opening a withdrawal: %w", err)
	}
	said, err := d.Codec.Decode(nil, sealed, longest)
	if err != nil {
		return "", err
	}
	var statement struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(said, &statement); err != nil {
		return "", fmt.Errorf("disclose: reading a withdrawal: %w", err)
	}
	return statement.Reason, nil
}
