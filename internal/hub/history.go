package hub

import (
	"context"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/gateway"
)

// histories tells a facility's own software the visits of a person who is there:
// what the insurer's interface calls the history of treatment. A true number,
// name and date of birth are no basis: without an opening that stands for the
// facility and the person, made by somebody else, there are no visits.
type histories struct{ hub *Hub }

// mostVisits bounds the answer.
const mostVisits = 50

// History implements gateway.Histories.
func (x histories) History(ctx context.Context, from gateway.Sender, q gateway.Question) ([]gateway.Visit, error) {
	h := x.hub
	defer h.Intake.Reading()()
	person, err := x.person(ctx, q.Number)
	if err != nil || person == (store.PersonID{}) {
		return nil, err
	}
	openings, err := h.Slices.Openings.Openings(ctx, consent.OpeningFilter{Person: care.Person(person), Facility: from.Facility, LiveAt: h.cfg.Clock.Now(), Limit: 10})
	if err != nil {
		return nil, err
	}
	for i := range openings {
		if policy.Basis(openings[i].Basis) == policy.BreakGlass {
			continue // a named clinician's own
		}
		if ok, err := h.Reading.Stands(ctx, &openings[i]); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		reader := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: string(from.Facility)}, Name: from.Name(),
			Route: "POST /api/egw/KQNhanLichSuKCB2024", Opening: openings[i].ID, Purpose: openings[i].Purpose}
		chart, err := h.Disclose.Chart(ctx, reader, person, mostVisits)
		if err != nil {
			return nil, err
		}
		if out := visitsOf(chart, q); len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

// person finds who holds the number; zero: nobody, or not one alone.
func (x histories) person(ctx context.Context, number care.InsuranceNo) (store.PersonID, error) {
	domain, value := vault.Card, number.Social()
	if id, ok := number.Citizen(); ok {
		domain, value = vault.Citizen, string(id)
	}
	if value == "" {
		return store.PersonID{}, nil
	}
	found, err := x.hub.Slices.People.Find(ctx, x.hub.Vault.HashAll(domain, []byte(value)))
	if err != nil || len(found) != 1 {
		return store.PersonID{}, err
	}
	return found[0], nil
}

// visitsOf are the visits in what was opened that are of the person as asked: of
// another name or birth there are none.
func visitsOf(chart []*disclose.Opened, q gateway.Question) []gateway.Visit {
	name := care.NameKey(q.Name)
	var out []gateway.Visit
	for _, o := range chart {
		if o.Record.Kind != qd4750.New().Name() || o.Read.Content == nil {
			continue
		}
		said := identity.Parse(identity.Said{LocalID: "x", Name: o.Read.Patient.Name, Birth: o.Read.Patient.Birth})
		if said.Name != name || !bornOn(said.Birth, q.Birth) {
			continue
		}
		for _, t := range o.Read.Content.Tables() {
			if t.Columns.Table == "XML1" && len(t.Rows) > 0 {
				out = append(out, visitOf(o, t))
			}
		}
	}
	return out
}

func visitOf(o *disclose.Opened, t *dossier.Table) gateway.Visit {
	cell := func(field string) string {
		if i := t.Columns.Index(field); i >= 0 && i < len(t.Rows[0].Cells) {
			return t.Rows[0].Cells[i].Text
		}
		return ""
	}
	return gateway.Visit{Record: o.Record.ID.String(), Facility: string(o.Record.ID.Facility), In: cell("NGAY_VAO"), Out: cell("NGAY_RA"),
		Diagnosis: cell("CHAN_DOAN_RV"), State: cell("MA_LOAI_RV"), Outcome: cell("KET_QUA_DTRI"), Reason: cell("LY_DO_VV")}
}

// bornOn compares a date of birth as records have it with one as asked:
// dd/MM/yyyy, MM/yyyy or yyyy.
func bornOn(known care.Moment, asked string) bool {
	t := known.Time()
	return t.Format("02/01/2006") == asked || t.Format("01/2006") == asked || t.Format("2006") == asked
}
