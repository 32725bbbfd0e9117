package rooms

import (
	"context"
	"crypto/rand"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/slip"
	"lienthong/internal/urgent"
	pages "lienthong/internal/web/portal/urgent"
)

// UrgentDesk is the service of emergencies.
func UrgentDesk(p Parts) (*urgent.Desk, error) {
	s := p.Slices
	return urgent.New(urgent.Deps{Temporaries: s.Temporaries, Openings: s.Openings, Matters: s.Matters, People: s.People, Staffs: s.Staffs, Trail: s.Disclosures,
		Keys: s.Keys, Alarms: s.Alarms, Looks: p.Disclose, Vault: p.Vault, Clock: p.Clock, Random: rand.Reader}, urgent.Config{Works: slip.Works})
}

// Urgent is what the pages of emergencies ask for.
func Urgent(p Parts) (*pages.Deps, error) {
	desk, err := UrgentDesk(p)
	if err != nil {
		return nil, err
	}
	return &pages.Deps{Patients: desk, Emergencies: emergencies{desk, p.Clock}, Names: desk, Facility: p.facilityName, Nothing: disclose.Nothing}, nil
}

// facilityName is what a facility is called now.
func (p Parts) facilityName(code care.FacilityCode) string {
	if v, ok := p.Directory().At(code, p.Clock.Now()); ok {
		return v.Name
	}
	return ""
}

// emergencies reads the emergency set out of what was opened.
type emergencies struct {
	*urgent.Desk
	clock clock.Clock
}

// Set opens and reads.
func (e emergencies) Set(ctx context.Context, by urgent.Member, of *urgent.Emergency) (pages.Shown, error) {
	opened, err := e.Desk.Set(ctx, by, of)
	if err != nil {
		return pages.Shown{}, err
	}
	entries := make([]chart.Entry, len(opened))
	for i, o := range opened {
		entries[i] = chart.Entry{ID: o.Record.ID, Kind: o.Record.Kind, Received: o.Record.Received, Version: o.Record.Version, State: o.Record.State(), Read: o.Read, View: o.View}
	}
	return pages.Shown{Emergency: chart.EmergencySet(entries, e.clock.Now()), Records: len(opened), Late: disclose.Spooled(ctx)}, nil
}
