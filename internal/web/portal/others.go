package portal

import (
	"context"

	"lienthong/internal/role"
	"lienthong/internal/web/portal/clinic"
	"lienthong/internal/web/portal/view"
)

// looksCounted is how many looks of one record are counted.
const looksCounted = 500

// others tells the author of a record how often other facilities opened it.
func (p *Portal) others(ctx context.Context, page view.Page, doc *view.RecordDoc) error {
	own := page.Reader.Role
	if own.Kind != role.Facility && own.Kind != role.Clinician || string(doc.Record.Facility.Code) != own.ID {
		return nil
	}
	looks, _, err := p.deps.Trail.Looks(ctx, own, doc.Record.ID, 0, looksCounted)
	if err != nil {
		return err
	}
	n, from := 0, map[string]bool{}
	for _, l := range looks {
		if r, err := role.Parse(l.Role); err == nil && r.At() != "" && string(r.At()) != own.ID && l.Count > 0 {
			n++
			from[r.ID] = true
		}
	}
	doc.Beside = append(doc.Beside, clinic.Others(page, n, len(from)))
	return nil
}
