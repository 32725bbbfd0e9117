package house

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/figure"
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
	if h.Figures != nil {
		d.Pinned = h.pinned
	}
	desk, err := standing.New(d)
	if err != nil {
		return err
	}
	h.Pages.Standing = &rooms.Deps{Desk: desk, Directory: p.Directory, Hub: p.Hub,
		Office: &admin.Office{Deps: admin.Deps{Enrolments: p.Slices.Enrolments, Clock: p.Clock}}}
	if h.Figures != nil {
		h.Pages.Standing.Figures = h.Figures
	}
	if h.Steward != nil {
		h.Pages.Standing.Databases, h.Pages.Standing.Entries = h.Steward.List, h.Entries
	}
	if h.Errands != nil {
		h.Pages.Standing.Late = func(ctx context.Context, r role.Role) (late, open int, err error) {
			return h.tasksLate(ctx, r, time.Time{})
		}
	}
	return nil
}

// pinned are the public numbers of a month as they were pinned.
func (h *House) pinned(ctx context.Context, m standing.Month) (string, []standing.PublicNumber, error) {
	first, last := m.Days()
	q, err := figure.Ask("SL.32", figure.Place{}, first, last)
	if err != nil {
		return "", nil, err
	}
	s, err := h.Figures.Statement(ctx, q.Subject())
	if errors.Is(err, figure.ErrAbsent) {
		return "", nil, nil
	} else if err != nil {
		return "", nil, err
	}
	var out []standing.PublicNumber
	for _, part := range s.Query.Parts {
		n := standing.PublicNumber{ID: part.Name}
		n.Codes, n.Column = s.Column(part.Name)
		out = append(out, n)
	}
	return s.ID, out, nil
}
