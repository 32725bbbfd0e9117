package house

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/rehearsal"
	"lienthong/internal/web/portal/rulebook"
)

// openRules brings the rooms where people write rules; what is judged by and the
// rehearsal are the hub's own, as intake needs them first.
func (h *House) openRules(_ context.Context, p Parts) error {
	if p.Rulebook == nil || p.Stage == nil {
		return nil
	}
	h.Pages.Rulebook = &rulebook.Deps{Desk: p.Rulebook, Try: p.Stage.Try, Unread: p.Stage.Live.Unread, Pack: func() string { return p.Rules().String() },
		Place: func(code care.FacilityCode) rehearsal.Place {
			v, ok := p.Directory().Current(code)
			if !ok {
				return rehearsal.Place{}
			}
			return rehearsal.Place{Name: v.Name, Province: v.Province, Vendor: v.Vendor}
		}}
	return nil
}
