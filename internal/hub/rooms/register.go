package rooms

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/bridge/population"
	"lienthong/internal/care"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/identity"
	"lienthong/internal/roster"
	"lienthong/internal/store"
	"lienthong/internal/traits"
	"lienthong/internal/verification"
)

// Residents is the adapter of a population register: an approved entry without legs.
const Residents = "population"

// Acts are what an operator does about people.
type Acts struct {
	roster.Acts
	*verification.Desk
	*traits.Filler
}

// Acts returns them.
func (l *Login) Acts() Acts { return Acts{l.Roster.Acts(), l.Register, l.Traits} }

// NewRegister wires who asks the population register: the first approved entry.
func NewRegister(p Parts) (*verification.Desk, error) {
	client := outbound.New(10 * time.Second)
	return verification.New(verification.Deps{Store: p.Slices.Verifications, Records: p.Slices.Records, Alarms: p.Slices.Alarms, Book: p.Disclose, Clock: p.Clock,
		Register: func(ctx context.Context) (*verification.Register, error) {
			list, _, err := p.Slices.Destinations.Destinations(ctx)
			if err != nil {
				return nil, err
			}
			for _, d := range list {
				if d.Adapter != Residents || !d.Ended.IsZero() || !d.Paused.IsZero() {
					continue
				}
				b, err := population.New(client, d.URL, d.Private)
				if err != nil {
					return nil, err
				}
				return &verification.Register{ID: d.ID, Ask: asked(b)}, nil
			}
			return nil, nil
		}})
}

// verified is the register's last answer about a person, nil for none.
func (p Parts) verified(ctx context.Context, person store.PersonID) (*identity.Verified, error) {
	v, err := p.Slices.Verifications.Verified(ctx, person)
	if errors.Is(err, store.ErrAbsent) {
		return nil, nil
	}
	return v, err
}

func asked(b *population.Bridge) func(context.Context, care.CitizenID, *identity.Face) (verification.Answer, error) {
	return func(ctx context.Context, number care.CitizenID, face *identity.Face) (verification.Answer, error) {
		a, err := b.Ask(ctx, population.Question{Number: number, Name: face.Name, Birth: face.Birth, Sex: face.Sex})
		return verification.Answer{State: string(a.State), Differs: a.Differs}, err
	}
}

// Register is the courier's side of a population register: it checks entries and carries nothing.
type Register struct{ Identities }

var _ courier.Adapter = Register{}

// Check says what is wrong with an entry. Fault: outbound.address.
func (Register) Check(d exchange.Destination) error { return outbound.Check(d.URL) }
