package house

import (
	"context"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/duty"
	"lienthong/internal/masked"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/standing"
	rooms "lienthong/internal/web/portal/standing"
)

// openStanding wires how everybody takes part: provinces, makers of software, the
// league, what is public, what data once saves, the register of systems.
func (h *House) openStanding(_ context.Context, p Parts) error {
	s := p.Slices.House
	d := standing.Deps{Counters: masked.Sums{Counters: p.Slices.Counters}, Grades: p.Grades, Seen: p.Slices.Facilities, Ledger: p.Slices.Ledger,
		Rejects: masked.Surveys{Surveys: p.Slices.Surveys}, Targets: s.Targets, Benefits: s.Benefits, Looks: s.Looks, Directory: p.Directory, Clock: p.Clock}
	for _, b := range []policy.Basis{policy.Presence, policy.ByReferral, policy.ByConsent, policy.BreakGlass, policy.AtCounter} {
		d.Bases = append(d.Bases, string(b))
	}
	if p.Alarms != nil {
		d.Late = func(code care.FacilityCode, last time.Time) (learned, late bool) {
			quiet := p.Alarms.Silence()
			return quiet != nil && quiet.Known[code], quiet != nil && quiet.Late[code] && !last.After(quiet.At)
		}
	}
	desk, err := standing.New(d)
	if err != nil {
		return err
	}
	h.Pages.Standing = &rooms.Deps{Desk: desk, Directory: p.Directory, Hub: p.Hub,
		Office: &admin.Office{Deps: admin.Deps{Enrolments: p.Slices.Enrolments, Clock: p.Clock}}}
	if h.Steward != nil {
		h.Pages.Standing.Databases, h.Pages.Standing.Entries = h.Steward.List, h.Entries
	}
	if h.Errands != nil {
		h.Pages.Standing.Late = func(ctx context.Context, r role.Role) (late, open int, err error) {
			counts, err := h.Errands.Count(ctx, r, duty.Filter{}, duty.ByAll)
			if err != nil || len(counts) == 0 {
				return 0, 0, err
			}
			return int(counts[0].Late), int(counts[0].Open), nil
		}
	}
	return nil
}
