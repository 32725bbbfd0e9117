package disclose

import (
	"context"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// elsewhere is what looks by another facility than the author's are counted as,
// besides being looks.
const elsewhere = "lookup.elsewhere"

// mostLooked bounds how many looks at one record are gone through.
const mostLooked = 10_000

// Elsewhere returns how many other facilities opened a record, for its page and
// its timeline: a number, not which. It shows nothing of the record, and is for
// whoever may know that the record is there (the caller has asked for it).
func (d *Discloser) Elsewhere(ctx context.Context, id dossier.ID) (int, error) {
	seen := map[care.FacilityCode]bool{}
	f := store.DisclosureFilter{Record: id, Limit: most}
	for n := 0; n < mostLooked; {
		rows, more, err := d.Log.List(ctx, role.Scope{All: true}, f)
		if err != nil {
			return 0, fmt.Errorf("disclose: reading who opened: %w", err)
		}
		for i := range rows {
			if at := readerAt(&rows[i]); at != "" && at != id.Facility {
				seen[at] = true
			}
		}
		if !more || len(rows) == 0 {
			break
		}
		n += len(rows)
		f.Before = rows[len(rows)-1].ID
	}
	return len(seen), nil
}

// readerAt is the facility at which somebody opened a record; "" where nobody
// did, or nobody at a facility.
func readerAt(l *store.Disclosure) care.FacilityCode {
	switch policy.Basis(l.Basis) {
	case policy.Presence, policy.ByReferral, policy.ByConsent, policy.BreakGlass, policy.AtCounter:
	default:
		return ""
	}
	r, err := role.Parse(l.Role)
	if err != nil {
		return "" // a destination's: nobody opened it
	}
	return r.At()
}
