package admin

import (
	"context"
	"encoding/hex"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
)

// Trail lists looks at a person; store.Disclosures is one.
type Trail interface {
	OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}

// Look is one look at a person's records, as it is told to who unlinks.
type Look struct {
	ID     int64     `json:"id"` // of the row, for the auditor
	At     time.Time `json:"at"`
	Reader string    `json:"reader"`
	Staff  string    `json:"staff,omitempty"` // as `staff list` has it
	Role   string    `json:"role"`
	Basis  string    `json:"basis"`
	Record string    `json:"record,omitempty"`
	Route  string    `json:"route"`
}

// mostLooks is how many looks are named at most.
const mostLooks = 10_000

// saw lists who looked at the person a record's patient is linked to, since the
// link began: they may have seen two people as one.
func (o *Office) saw(ctx context.Context, r *store.Record) ([]Look, error) {
	if o.Trail == nil || r.Person == (store.PersonID{}) {
		return nil, nil
	}
	links, err := o.People.Links(ctx, r.ID.Facility, r.Subject)
	if err != nil {
		return nil, err
	}
	f := store.DisclosureFilter{Limit: 1000}
	if n := len(links); n > 0 {
		f.Since = links[n-1].From
	}
	var out []Look
	for {
		page, more, err := o.Trail.OfPerson(ctx, r.Person, f)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if len(out) == mostLooks {
				return out, nil
			}
			out = append(out, lookOf(&page[i]))
		}
		if !more || len(page) == 0 {
			return out, nil
		}
		f.Before = page[len(page)-1].ID
	}
}

func lookOf(d *store.Disclosure) Look {
	l := Look{ID: d.ID, At: d.At.UTC(), Reader: d.Reader, Role: d.Role, Basis: d.Basis, Record: recordOf(d), Route: d.Route}
	if d.Staff != (care.Staff{}) {
		l.Staff = hex.EncodeToString(d.Staff[:])
	}
	return l
}

// recordOf names the record looked at; "" where it was a list or a face.
func recordOf(d *store.Disclosure) string {
	if d.Record == (dossier.ID{}) {
		return ""
	}
	return d.Record.String()
}
