package sqlite_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// benchDossier is a dossier of its own, as large as outpatient ones are.
func benchDossier(b testing.TB, code care.FacilityCode, version int64) store.Prepared {
	now := clock.System{}.Now()
	id, err := dossier.NewID(code, now, nil)
	if err != nil {
		b.Fatal(err)
	}
	noise := func(n int) []byte {
		x := make([]byte, n)
		if _, err := rand.Read(x); err != nil {
			b.Fatal(err)
		}
		return x
	}
	hash := func() (k vault.Keyed) {
		k[0] = 1
		copy(k[1:], noise(16))
		return k
	}
	body := noise(2100 + int(noise(1)[0])*3)
	day := clock.Day(now)
	certificate := []byte("certificate of " + string(code))
	subject := &store.NewSubject{Key: hash(), Person: store.PersonID(noise(16)), NewPerson: true, Evidence: "citizen_id"}
	copy(subject.Person[:8], fmt.Sprintf("%08x", uint32(now.UnixMilli()/16))) // named in runs, as identity does
	for _, kind := range []string{identity.ByPhone, identity.ByNameYear, identity.ByCommuneGivenYear, identity.ByBirthGiven} {
		subject.Features = append(subject.Features, identity.Feature{Kind: kind, Hash: hash()})
	}
	for range 1 + body[0]%2 {
		subject.Claims = append(subject.Claims, store.Claim{Key: hash(), Person: subject.Person, Name: hash(), Birth: hash()})
	}
	p := store.Prepared{
		File: &store.File{Facility: code, Hash: hash(), Digest: sha256.Sum256(body), Size: 47_000, Received: now, Sender: "client:" + string(code) + "-92b350f9980e", Lane: store.Routine,
			Wrapped: noise(82), Class: "clinical", Month: 202607, Skeleton: noise(300), Certificates: []store.Blob{{Hash: sha256.Sum256(certificate), Data: certificate}},
			Seals:    []store.SealNote{{Fingerprint: sha256.Sum256(certificate), Subject: "CN=Bệnh viện " + string(code), Algorithm: "ecdsa-sha256", Bound: "chained", Revocation: "not yet known"}},
			Dossiers: 1},
		ID: id, Kind: "qd4750", FacilityVersion: version, Received: now, Episode: hash(), Content: hash(), Documents: 0b1_0001_1110,
		Verdict: dossier.Verdict{State: dossier.Accepted, Pack: "v1/2026.1"},
		Tags:    []string{"doc:XML1", "doc:XML2", "doc:XML3", "doc:XML4", "doc:XML8"}, Version: 1, Current: true, Order: "d20260701", Subject: subject,
		Wrapped: noise(82), Class: "clinical", Month: 202607, Head: noise(700), Body: body, Leaf: append([]byte("lienthong/receipt/v1\n"), body[:32]...),
	}
	for _, m := range []string{"accepted", "doc:XML1", "doc:XML2", "doc:XML3", "doc:XML4", "doc:XML8"} {
		p.Deltas = append(p.Deltas, store.Delta{FacilityVersion: version, Day: day, Kind: "qd4750", Measure: m, N: 1})
	}
	return p
}
