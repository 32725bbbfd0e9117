package store

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/matter"
)

// Consents keeps what citizens say, with its history.
type Consents interface {
	// PutConsent keeps a new say, or the next version of one (Version is that of
	// the row plus one, else ErrChanged), with its history, the notice where there
	// is one, and the act, committed together. When it returns, the next Standing
	// knows it. ErrTooMany over 500 says of a person that may still hold.
	PutConsent(ctx context.Context, c consent.Consent, notice *matter.Notice, act Act) error
	// Consent returns one; ErrAbsent.
	Consent(ctx context.Context, id consent.ID) (*consent.Consent, error)
	// Consents returns those of a person, newest first, at most limit.
	Consents(ctx context.Context, person PersonID, limit int) ([]consent.Consent, error)
	// ConsentHistory returns every version of one, oldest first.
	ConsentHistory(ctx context.Context, id consent.ID) ([]consent.Consent, error)
	// Asked returns the requests of a facility that are requested or shown, oldest first.
	Asked(ctx context.Context, facility care.FacilityCode) ([]consent.Consent, error)
	// Due returns says whose state time has changed (asked too long ago, begun,
	// over) at a moment, for the keeper that moves them on.
	Due(ctx context.Context, at time.Time, limit int) ([]consent.Consent, error)

	// PutDelegation keeps that somebody may act for a person, or its end, with its act.
	PutDelegation(ctx context.Context, d consent.Delegation, act Act) error
	// Delegations returns those for a person and those given to it, that hold or held.
	Delegations(ctx context.Context, person PersonID) (of, to []consent.Delegation, err error)

	// Standing is all that decides about a person's records at a facility now: in
	// one round trip, from one state. opening may be zero.
	Standing(ctx context.Context, person PersonID, opening consent.OpeningID, at time.Time) (consent.Standing, error)
}
