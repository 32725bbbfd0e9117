package rooms

import (
	"context"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/law"
	"lienthong/internal/review"
	"lienthong/internal/urgent"
	pages "lienthong/internal/web/portal/privacy"
)

// Reviews is the service of privacy officers and auditors.
func Reviews(p Parts, said *choice.Desk, cases *casework.Desk, stops *brake.Brake) (*review.Desk, error) {
	emergencies, err := UrgentDesk(p)
	if err != nil {
		return nil, err
	}
	s := p.Slices
	return review.New(review.Deps{Matters: s.Matters, Openings: s.Openings, Looks: s.Disclosures, Records: s.Records, Staffs: s.Staffs, Notices: s.Notices, Acts: s.Keys,
		Trail: s.Audit, Ledger: s.Ledger, Cases: cases, Rights: rights{emergencies}, Choices: restrictions{said}, Stops: stops, Sealer: sealer{p.Vault, p.Clock}, Clock: p.Clock})
}

// Privacy is what the pages of privacy officers and auditors ask for.
func Privacy(p Parts, said *choice.Desk, cases *casework.Desk, stops *brake.Brake, names StaffNames) (*pages.Deps, error) {
	desk, err := Reviews(p, said, cases, stops)
	if err != nil {
		return nil, err
	}
	return &pages.Deps{Desk: desk, Facility: p.facilityName, Law: law.Text,
		StaffName: func(ctx context.Context, id care.Staff) string {
			name, err := names.Name(ctx, id)
			if err != nil {
				p.Logger.WarnContext(ctx, "a member of staff is not named", "error", err)
			}
			return name
		}}, nil
}

// rights are the rights to open in an emergency, in the words of package review.
type rights struct{ desk *urgent.Desk }

func member(o review.Officer) urgent.Member {
	return urgent.Member{Role: o.Role, Staff: o.Staff, Name: o.Mark, SteppedUp: o.SteppedUp}
}

func (x rights) Suspend(ctx context.Context, o review.Officer, whose care.Staff) error {
	return x.desk.Suspend(ctx, member(o), whose)
}

func (x rights) Lift(ctx context.Context, o review.Officer, whose care.Staff) error {
	return x.desk.Lift(ctx, member(o), whose)
}

// restrictions are what citizens asked of an officer, said as they would say it.
type restrictions struct{ desk *choice.Desk }

func (x restrictions) Restrict(ctx context.Context, o review.Officer, person care.Person, number string, scope consent.Scope) error {
	_, err := x.desk.Say(ctx, choice.Speaker{Person: person, Channel: "portal", Actor: o.Actor(), Form: number}, consent.Consent{Effect: consent.Deny, Scope: scope})
	return err
}
