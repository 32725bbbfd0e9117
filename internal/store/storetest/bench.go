package storetest

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// BenchmarkStanding asks what stands about a person with as many says as one may
// have, all of which hold, and an opening by one of them; about one with a single
// say; and about one of whom nothing is said. Others have some too.
func BenchmarkStanding(b *testing.B, s *store.Slices) {
	ctx, at := context.Background(), began
	put := func(p store.PersonID, n int) (c consent.Consent) {
		for i := range n {
			c = consent.Consent{Person: p, Version: 1, Effect: consent.Permit, State: consent.Active, Purpose: consent.Treatment, Since: at, Decided: at,
				Signer: consent.Self, Channel: "portal", Law: "law-91-2025-art-19", Receipt: make([]byte, 900)}
			c.Scope.Readers = append(c.Scope.Readers, cityHospital)
			copy(c.ID[:], p[:8])
			binary.BigEndian.PutUint64(c.ID[8:], uint64(i+1))
			if err := s.Consents.PutConsent(ctx, c, nil, store.Act{}); err != nil {
				b.Fatal(err)
			}
		}
		return c
	}
	most := put(person(1), 500)
	put(person(2), 1)
	for i := range 200 {
		put(person(10+i), 3)
	}
	o := consent.Opening{ID: consent.OpeningID{1}, Person: person(1), Facility: cityHospital, Basis: "consent", Consent: most.ID, From: at, Until: at.Add(time.Hour)}
	if err := s.Openings.Begin(ctx, o, matter.Notice{Person: person(1), At: at, Kind: "x"}, nil, store.Act{}); err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		p       store.PersonID
		opening consent.OpeningID
		says    int
	}{"500": {person(1), o.ID, 500}, "1": {person(2), consent.OpeningID{2}, 1}, "0": {person(3), consent.OpeningID{}, 0}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				got, err := s.Consents.Standing(ctx, c.p, c.opening, at)
				if err != nil || len(got.Consents) != c.says || (got.Opening != nil) != (c.says == 500) {
					b.Fatal(len(got.Consents), got.Opening, err)
				}
			}
		})
	}
}
