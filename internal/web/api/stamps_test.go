package api_test

import (
	"testing"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/api"
)

func TestTimeStampsArePublic(t *testing.T) {
	t.Parallel()
	w := setup(t)
	type page struct {
		Items []api.Stamp `json:"items"`
		Next  *int64      `json:"next"`
	}
	first := read[page](t, w.get("/ledger/0/stamps?limit=2", ""))
	if len(first.Items) != 2 || first.Next == nil || *first.Next != 2 || first.Items[0].State != "late" || first.Items[0].GenTime != nil || first.Items[0].Code != "outbound.unreachable" ||
		first.Items[1].GenTime == nil || first.Items[1].Checkpoint != "note 2" {
		t.Errorf("%+v", first)
	}
	rest := read[page](t, w.get("/ledger/0/stamps?before=2", ""))
	if len(rest.Items) != 1 || rest.Next != nil || rest.Items[0].Size != 1 {
		t.Errorf("%+v", rest)
	}
	rec := w.get("/ledger/0/stamp/2", "")
	if rec.Code != 200 || rec.Body.String() != "token" || rec.Header().Get("Content-Type") != "application/cms" {
		t.Errorf("%d %q %v", rec.Code, rec.Body, rec.Header())
	}
	for path, want := range map[string]int{"/ledger/0/stamp/0": 404, "/ledger/0/stamp/3": 404, "/ledger/0/stamp/02": 404, "/ledger/0/stamp/x": 404, "/ledger/1/stamp/2": 404,
		"/ledger/9/stamps": 404, "/ledger/0/stamps?limit=101": 422, "/ledger/0/stamps?before=-1": 422, "/ledger/0/stamps?before=0": 422} {
		if rec := w.get(path, ""); rec.Code != want {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

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
