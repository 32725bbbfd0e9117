package disclose

import (
	"context"
	"errors"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/identity"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Register is the basis of what the population register is told of a person:
// number, name, birth and sex, for package verification. Nothing clinical leaves by it.
const Register policy.Basis = "register"

// whomOf is how many records are opened for one that says number, name and birth.
const whomOf = 3

// Whom tells number, name, birth and sex of a person for an approved register, by
// the newest accepted record that says them; those without sensitive classes go
// first. "" and nil where none does. A row is durable before a record is opened; it
// is the hub's own work, like a delivery, and is not counted as a look.
func (d *Discloser) Whom(ctx context.Context, register string, person store.PersonID) (care.CitizenID, *identity.Face, error) {
	if person == (store.PersonID{}) {
		return "", nil, nil
	}
	list, _, err := d.Records.List(ctx, role.Scope{All: true}, store.Filter{Person: person, Limit: facesOf})
	if err != nil {
		return "", nil, err
	}
	var open, closed []*store.Record
	for i := range list {
		switch r := &list[i]; {
		case !holdsTrue(r) || !r.Erased.IsZero() || d.Kinds.ByName(r.Kind) == nil:
		case withTables(r.Documents) == 0:
			open = append(open, r)
		default:
			closed = append(closed, r)
		}
	}
	all := append(open, closed...)
	for _, r := range all[:min(whomOf, len(all))] {
		number, face, err := d.says(ctx, register, r)
		if err != nil || face != nil {
			return number, face, err
		}
	}
	return "", nil, nil
}

// says reads who one record is of; nil where it does not say all.
func (d *Discloser) says(ctx context.Context, register string, r *store.Record) (care.CitizenID, *identity.Face, error) {
	k := &look{rules: d.Policies, at: d.Clock.Now(), reader: Reader{Role: role.Role{Kind: role.Destination, ID: register}, Name: "hub", Route: "register:" + register}}
	dec := decision{Answer: policy.Answer{Permit: true, Policy: string(Register), Basis: Register, Version: "hub"},
		question: policy.Question{Action: policy.Deliver, Role: k.reader.Role, Author: r.ID.Facility, Kind: r.Kind, Classes: withTables(r.Documents), Basis: Register}}
	row, err := k.row(k.at, string(Register), 1, r, dec)
	if err != nil {
		return "", nil, err
	}
	if err := d.Log.Record(ctx, []store.Disclosure{row}); err != nil {
		return "", nil, fmt.Errorf("disclose: writing down what a register is told: %w", err)
	}
	o, err := d.open(ctx, r, everything)
	if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) { // since
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	number, err := care.ParseCitizenID(o.Read.Patient.CitizenID)
	face := faceOf(o)
	if err != nil || face.Name == "" || face.Birth.Precision() < care.ByDay {
		return "", nil, nil // another record may say it
	}
	return number, face, nil
}
