package disclose

import (
	"context"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/identity"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Candidate is the basis of a look at who somebody is, when it may be a patient
// without a name: name, birth, sex, phone and commune for package urgent, which
// masks them. Nothing clinical leaves by it.
const Candidate policy.Basis = "candidate"

// facesOf is how many records of a person are looked through for one that says
// who they are.
const facesOf = 20

// Faces tells who persons are, out of the newest accepted record of each; nil
// for one without. Only a named clinician may ask. A row for each person is
// durable before anything is opened.
func (d *Discloser) Faces(ctx context.Context, reader Reader, persons []store.PersonID) ([]*identity.Face, error) {
	if reader.Role.Kind != role.Clinician || reader.Staff == (care.Staff{}) {
		return nil, store.ErrAbsent
	}
	k := &look{rules: d.Policies, reader: reader, at: d.Clock.Now()}
	entries, of := make([]entry, 0, len(persons)), make([]int, 0, len(persons))
	for i, p := range persons {
		if p == (store.PersonID{}) {
			continue
		}
		r, err := d.speaksFor(ctx, p)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		dec := decision{Answer: policy.Answer{Permit: true, Policy: string(Candidate), Basis: Candidate, Version: "hub"},
			question: policy.Question{Action: policy.List, Role: reader.Role, Purpose: reader.Purpose, Staff: true, Author: r.ID.Facility, Kind: r.Kind, Classes: withTables(r.Documents), Basis: Candidate}}
		entries, of = append(entries, entry{*r, dec}), append(of, i)
	}
	out := make([]*identity.Face, len(persons))
	if len(entries) == 0 {
		return out, nil
	}
	if err := d.write(ctx, k, len(entries), entries...); err != nil {
		return nil, err
	}
	for n := range entries {
		o, err := d.open(ctx, &entries[n].record, everything)
		if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) { // since
			continue
		}
		if err != nil {
			return nil, err
		}
		out[of[n]] = faceOf(o)
	}
	return out, nil
}

// speaksFor finds the newest record that says who a person is, nil for none. One
// without sensitive classes goes first: its row tells less.
func (d *Discloser) speaksFor(ctx context.Context, p store.PersonID) (*store.Record, error) {
	list, _, err := d.Records.List(ctx, role.Scope{All: true}, store.Filter{Person: p, Limit: facesOf})
	if err != nil {
		return nil, err
	}
	var closed *store.Record
	for i := range list {
		switch r := &list[i]; {
		case !holdsTrue(r) || !r.Erased.IsZero() || d.Kinds.ByName(r.Kind) == nil:
		case withTables(r.Documents) == 0:
			return r, nil
		case closed == nil:
			closed = r
		}
	}
	return closed, nil
}

func faceOf(o *Opened) *identity.Face {
	told := o.Read.Patient.Told()
	f := &identity.Face{Name: o.Read.Patient.Name, Birth: told.Birth, Sex: told.Sex, Phones: told.Phones, Ward: o.Read.Patient.Ward}
	if o.Read.Content == nil {
		return f
	}
	for _, t := range o.Read.Content.Tables() {
		if text := t.Cell(0, "DIA_CHI").Text; f.Address == "" && text != "" {
			f.Address = text
		}
	}
	return f
}
