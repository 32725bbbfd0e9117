package api_test

import (
	"testing"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/api"
)

func TestARecordNamesWhoSealedIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.records.rows = []store.Record{row(1)}
	w.records.seals = []store.SealNote{
		{Fingerprint: [32]byte{1}, Subject: "CN=Bệnh viện", Algorithm: "ecdsa-sha256", Bound: "chained", Revocation: "not yet known"}, // a row of an older release
		{Fingerprint: [32]byte{2}, Subject: "CN=BS Ánh", Algorithm: "rsa-sha256", Bound: "chained", Revocation: "good", Role: store.RolePerson, Covered: "exact bytes", Serial: "1f", Issuer: "CN=CA"},
	}
	path := "/api/v1/records/" + id(1).String()
	got := read[api.Item](t, w.get(path, hospital)).Seals
	if len(got) != 2 || got[0].Role != "facility" || got[0].AtReceipt != "not yet known" || got[0].Later == nil || got[0].Later.State != "revoked" || got[0].Later.Since == nil ||
		got[1].Role != "person" || got[1].Subject != "CN=BS Ánh" || got[1].Later != nil || got[1].Covered != "exact bytes" || got[1].Serial != "1f" || got[1].Issuer != "CN=CA" {
		t.Errorf("%+v", got)
	}
	if got := read[api.Item](t, w.get(path, string(role.Ministry))).Seals; len(got) != 2 || got[0].Subject != "CN=Bệnh viện" || got[1].Subject != "" {
		t.Errorf("the ministry sees %+v", got)
	}
	w.records.seals = nil
	if got := read[api.Item](t, w.get(path, hospital)).Seals; got != nil {
		t.Errorf("without a file: %+v", got)
	}
}
