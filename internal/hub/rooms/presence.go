package rooms

import (
	"context"
	"errors"
	"strings"
	"time"

	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/outbound"
	"lienthong/internal/exchange"
	"lienthong/internal/reading"
	"lienthong/internal/roster"
	"lienthong/internal/store"
)

// Signers are the keys that a person's presence is signed with: of the approved
// provider of citizens' logins. Chips are answered for by a provider only where
// its entry says so (option chips).
func Signers(p Parts) (apps, chips reading.Keys) {
	e := entries{destinations: p.Slices.Destinations}
	out := outbound.New(10 * time.Second)
	of := func(is func(eid.Options) bool) func(context.Context) ([]eid.Provider, error) {
		return func(ctx context.Context) (list []eid.Provider, err error) {
			err = e.all(ctx, func(d exchange.Destination, o eid.Options) {
				if o.For == "citizens" && is(o) {
					list = append(list, eid.Provider{ID: d.ID, Issuer: d.URL, Private: d.Private, ClientID: o.ClientID, Levels: o.Levels})
				}
			})
			return list, err
		}
	}
	return eid.NewPresence(out, of(func(eid.Options) bool { return true }), p.Clock), eid.NewPresence(out, of(func(o eid.Options) bool { return o.Chips }), p.Clock)
}

// Subjects tells under which name a provider knew a person when they logged in.
func Subjects(p Parts, staff *roster.Desk) reading.Subjects {
	e := entries{destinations: p.Slices.Destinations}
	return func(ctx context.Context, person store.PersonID) (issuer, subject string, err error) {
		a, err := staff.AddressOf(ctx, person)
		if errors.Is(err, store.ErrAbsent) {
			return "", "", nil
		}
		if err != nil {
			return "", "", err
		}
		err = e.all(ctx, func(d exchange.Destination, o eid.Options) {
			if d.ID == a.Provider && o.For == "citizens" {
				issuer = strings.TrimSuffix(d.URL, "/")
			}
		})
		if issuer == "" {
			return "", "", err
		}
		return issuer, a.Subject, err
	}
}
