package carried

import (
	"context"

	"lienthong/internal/dossier"
	"lienthong/internal/reverify/doors"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Read reads the legs of records and counts them.
func Read(ctx context.Context, from store.Legs, ids []dossier.ID) (of map[dossier.ID][]store.Leg, n int, err error) {
	const step = 500 // a file has as many records as its sender likes
	of = map[dossier.ID][]store.Leg{}
	for ; len(ids) > 0; ids = ids[min(step, len(ids)):] {
		legs, err := from.Of(ctx, ids[:min(step, len(ids))]...)
		if err != nil {
			return nil, 0, err
		}
		for i := range legs {
			of[legs[i].Record] = append(of[legs[i].Record], legs[i])
		}
		n += len(legs)
	}
	return of, n, nil
}

// Lost looks for legs of no record: where there are others than the records had,
// each is asked for its own.
func Lost(ctx context.Context, from store.Legs, had int, there func(dossier.ID) (bool, error)) (out []doors.Finding, err error) {
	n, err := from.Count(ctx, role.Scope{All: true}, store.LegFilter{})
	if err != nil || n == had {
		return nil, err
	}
	f := store.LegFilter{Limit: 1000}
	for {
		page, more, err := from.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return out, err
		}
		for i := range page {
			ok, err := there(page[i].Record)
			if err != nil {
				return out, err
			}
			if !ok {
				out = append(out, doors.Finding{Code: "leg.stray", Table: "leg", Row: page[i].Record.String() + " " + page[i].Destination})
			}
		}
		if !more || len(page) == 0 {
			return out, nil
		}
		last := page[len(page)-1]
		f.Before = store.Cursor{At: last.Created, ID: last.Record}
	}
}
