package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
	"lienthong/internal/trust"
)

// carrier registers an organisation with a credential under its id.
func (w *world) carrier(id, sort string) {
	w.t.Helper()
	w.check(w.hub.Office.AddCarrier(w.ctx, "test", admin.Carrier{ID: id, Sort: sort, Name: fault.Text{VI: "Đơn vị " + id, EN: id}}))
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	client, kid, err := w.hub.Office.AddCarrierClient(w.ctx, "test", id, must(x509.MarshalPKIXPublicKey(&key.PublicKey)))
	w.check(err)
	w.refresh()
	w.clients[id] = newClient(client, kid, key)
}

func newClient(id, kid string, key *ecdsa.PrivateKey) *client {
	return &client{id: id, kid: kid, key: key}
}

func (w *world) grant(g admin.Grant) {
	w.t.Helper()
	g.Reason = "thử nghiệm"
	_, err := w.hub.Office.GrantCarrier(w.ctx, "test", g)
	w.check(err)
	w.refresh()
}

// visitOf is a file of one visit of another facility than 79901.
func visitOf(code string) string {
	return strings.Replace(envelope(newVisit().of(code)), "<MACSKCB>79901", "<MACSKCB>"+code, 1)
}

// TestACarrierSendsWhatItWasGranted: the seal stays the facility's, the grant
// holds for its kinds and its term, and the facility sees it.
func TestACarrierSendsWhatItWasGranted(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		w.carrier("vendor-a", "vendor")
		file := ours(k.ec, envelope(newVisit()))
		w.one("vendor-a", file, "refused sender.not_allowed")
		w.grant(admin.Grant{Of: "vendor-a", Facility: "79901", Kinds: []string{"qd4750"}, To: w.clock.Now().Add(time.Hour)})
		a := w.one("vendor-a", file, fine)
		if b := w.one("79901", file, fine); b.Record != a.Record {
			t.Error("the facility's own sending is another record")
		}
		w.one("vendor-a", ours(k.ec, checkin(arrival())), "refused sender.not_allowed")
		w.one("vendor-a", ours(k.stranger, envelope(newVisit())), "refused seal.untrusted") // no carrier of another's dossiers
		w.one("vendor-a", ours(k.other, visitOf("79902")), "refused sender.not_allowed")
		var grants struct{ Items []admin.Granted }
		_, body := w.get("79901", "/api/v1/carriers")
		w.check(json.Unmarshal(body, &grants))
		if len(grants.Items) != 1 || !grants.Items[0].Holds || grants.Items[0].Unit != "vendor-a" || !slices.Equal(grants.Items[0].Kinds, []string{"qd4750"}) {
			t.Errorf("%s", body)
		}
		if _, body := w.get("79902", "/api/v1/carriers?facility=79901"); strings.Contains(string(body), "vendor-a") {
			t.Errorf("another facility sees %s", body)
		}
		for _, path := range []string{"/api/v1/records/" + a.Record, "/api/v1/records", "/api/v1/feed", "/api/v1/carriers", "/api/v1/stats/counts"} {
			if status, body := w.get("vendor-a", path); status != 403 {
				t.Errorf("a carrier reads %s: %d %s", path, status, body)
			}
		}
		n, err := w.hub.Office.EndCarrier(w.ctx, "test", admin.Grant{Of: "vendor-a", Facility: "79901", Reason: "hết hợp đồng"})
		if w.check(err); n != 1 {
			t.Errorf("%d grants ended", n)
		}
		w.refresh()
		w.one("vendor-a", ours(k.ec, envelope(newVisit())), "refused sender.not_allowed")
		if _, err := w.hub.Office.EndCarrier(w.ctx, "test", admin.Grant{Of: "vendor-a", Facility: "79901", Reason: "lần nữa"}); fault.KindOf(err) != fault.Absent {
			t.Errorf("ended twice: %v", err)
		}
		w.grant(admin.Grant{Of: "vendor-a", AllOf: "province:79", To: w.clock.Now().Add(time.Hour)})
		w.one("vendor-a", ours(k.ec, envelope(newVisit())), fine)
		w.clock.Advance(2 * time.Hour)
		w.one("vendor-a", ours(k.ec, envelope(newVisit())), "refused sender.not_allowed")
	})
}

// TestAnExistingSystemHandsOn: dossiers of before the hub, with seals whose
// certificates ended long ago, in a declared migration only.
func TestAnExistingSystemHandsOn(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		w.carrier("he-thong-cu", "migration")
		w.grant(admin.Grant{Of: "he-thong-cu", AllOf: "province:79"})
		c := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "CSKCB cũ"}, NotBefore: now.AddDate(-3, 0, 0), NotAfter: now.AddDate(-1, 0, 0),
			KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
		old := seal.KeyPair{Key: k.stranger.Key, Certificate: must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, c, c, k.stranger.Key.Public(), k.stranger.Key))))}
		file := ours(old, visitOf("79904"))
		w.one("he-thong-cu", file, "refused seal.expired")
		w.facility(admin.Facility{Code: "79904", Migrating: "on"})
		a := w.one("he-thong-cu", file, "accepted with "+trust.SealViaMigration)
		var item struct{ Via string }
		_, body := w.get("79904", "/api/v1/records/"+a.Record)
		if w.check(json.Unmarshal(body, &item)); item.Via != "migration" {
			t.Errorf("%s", body)
		}
		w.facility(admin.Facility{Code: "79904", Migrating: "off"})
		w.one("he-thong-cu", ours(old, visitOf("79904")), "refused seal.expired")
		if b := w.one("he-thong-cu", file, "accepted with "+trust.SealViaMigration); b.Record != a.Record {
			t.Error("what was decided is judged again")
		}
		w.clean()
	})
}

// TestWhatTheInsurerHandsOn: dossiers of a facility nobody connected yet are
// taken with their finding; the same bytes from the facility itself are the same
// record, and the seal that binds now is noted.
func TestWhatTheInsurerHandsOn(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		w.carrier("bhxh", "insurer")
		w.grant(admin.Grant{Of: "bhxh", Facility: "79904", Kinds: []string{"qd4750"}})
		w.grant(admin.Grant{Of: "bhxh", Facility: "79901", Kinds: []string{"qd4750"}})
		file := ours(k.stranger, visitOf("79904"))
		w.one("79904", file, "refused seal.untrusted")
		a := w.one("bhxh", file, "accepted with "+trust.SealViaInsurer)
		w.one("bhxh", []byte(strings.Replace(string(ours(k.stranger, visitOf("79904"))), "<MACSKCB>", "<MACSKCB> ", 1)), "refused seal.broken")
		w.one("bhxh", ours(k.other, visitOf("79904")), "refused seal.untrusted")        // another facility's certificate
		w.one("bhxh", ours(k.stranger, envelope(newVisit())), "refused seal.untrusted") // a facility that registered its own
		bound := w.one("bhxh", ours(k.ec, envelope(newVisit())), "accepted with SENDER.VIA_INSURER")
		for code, record := range map[string]string{"79904": a.Record, "79901": bound.Record} {
			var item struct{ Via, State string }
			_, body := w.get(code, "/api/v1/records/"+record)
			if w.check(json.Unmarshal(body, &item)); item.Via != "insurer" {
				t.Errorf("%s", body)
			}
		}
		w.facility(admin.Facility{Code: "79904", Certificates: []string{pemOf(k.stranger.Certificate)}})
		again, _ := w.send("79904", file)
		identical(t, "the facility's own sending", a, again[0])
		w.send("79904", file)
		var story struct {
			Items []struct{ What, Actor, Detail string }
		}
		_, body := w.get("79904", "/api/v1/records/"+a.Record+"/timeline")
		w.check(json.Unmarshal(body, &story))
		n := 0
		for _, e := range story.Items {
			if e.What == "seal_bound" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the seal that binds now is noted %d times: %s", n, body)
		}
		w.clean()
	})
}
