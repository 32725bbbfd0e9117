package rooms

import (
	"context"

	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/reading"
)

// Asking is how clinicians ask people: through package choice, on the person's
// phone and in their pages.
func Asking(p Parts, desk *choice.Desk) reading.Asker { return asking{p, desk} }

type asking struct {
	Parts
	desk *choice.Desk
}

// Ask implements reading.Asker.
func (a asking) Ask(ctx context.Context, c consent.Consent) (consent.ID, error) {
	asked, err := a.desk.Ask(ctx, choice.Request{Person: c.Person, Facility: c.Asker, Name: a.facilityName(c.Asker), Staff: c.Staff, Purpose: c.Purpose,
		Scope: c.Scope, Until: c.Until, Channel: "vneid", Actor: "clinician:" + string(c.Asker)})
	if err != nil {
		return consent.ID{}, err
	}
	return asked.ID, nil
}

// State implements reading.Asker: the ticket that names the say is the asker's own.
func (a asking) State(ctx context.Context, id consent.ID) (*consent.Consent, error) {
	return a.desk.Asked(ctx, id)
}
