package disclose

import (
	"context"
	"errors"
	"fmt"

	"lienthong/internal/identity"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Features is the basis of what people are looked for by later, of people linked
// before that was kept (package traits): nothing but keyed hashes stays, and nobody
// sees anything.
const Features policy.Basis = "features"

// Told tells who a person is by the newest record that says so, for package traits;
// nil where none does. A row is durable before the record is opened; it is the
// hub's own work and is not counted as a look.
func (d *Discloser) Told(ctx context.Context, person store.PersonID) (*identity.Told, error) {
	if person == (store.PersonID{}) {
		return nil, nil
	}
	r, err := d.speaksFor(ctx, person)
	if err != nil || r == nil {
		return nil, err
	}
	k := &look{rules: d.Policies, at: d.Clock.Now(), reader: Reader{Role: role.Role{Kind: role.Destination, ID: "hub"}, Name: "hub", Route: "features"}}
	dec := decision{Answer: policy.Answer{Permit: true, Policy: string(Features), Basis: Features, Version: "hub"},
		question: policy.Question{Action: policy.List, Role: k.reader.Role, Author: r.ID.Facility, Kind: r.Kind, Classes: withTables(r.Documents), Basis: Features}}
	row, err := k.row(k.at, string(Features), 1, r, dec)
	if err != nil {
		return nil, err
	}
	if err := d.Log.Record(ctx, []store.Disclosure{row}); err != nil {
		return nil, fmt.Errorf("disclose: writing down what a person is looked for by: %w", err)
	}
	o, err := d.open(ctx, r, everything)
	if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) { // since
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	told := o.Read.Patient.Told()
	return &told, nil
}
