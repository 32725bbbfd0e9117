package disclose

import (
	"context"
	"errors"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Born returns when a person was born, by the newest of their records that says
// so; not stated where none does. It is a fact for package choice (who may speak
// for a child), read by the hub itself and shown to nobody, so no row is written.
func (d *Discloser) Born(ctx context.Context, person store.PersonID) (care.Moment, error) {
	if person == (store.PersonID{}) {
		return care.Moment{}, nil
	}
	list, _, err := d.Records.List(ctx, role.Scope{All: true}, store.Filter{Person: person, Limit: facesOf})
	if err != nil {
		return care.Moment{}, err
	}
	for i := range list {
		r := &list[i]
		if !holdsTrue(r) || !r.Erased.IsZero() || d.Kinds.ByName(r.Kind) == nil {
			continue
		}
		o, err := d.open(ctx, r, everything)
		if errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrAbsent) {
			continue
		}
		if err != nil {
			return care.Moment{}, err
		}
		if born := o.Read.Patient.Told().Birth; !born.IsZero() {
			return born, nil
		}
	}
	return care.Moment{}, nil
}
