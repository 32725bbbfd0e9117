package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	ocspsim "lienthong/internal/bridge/revocation/simulator"
	tsasim "lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/seal"
	"lienthong/internal/stamp"
	"lienthong/internal/web/api"
	"lienthong/internal/web/tlog"
)

// issuer is an authority with a revocation service, and a facility's pair under it.
func (w *world) issuer() (*ocspsim.Responder, seal.KeyPair) {
	w.t.Helper()
	make := func(c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
		c.NotBefore, c.NotAfter, c.BasicConstraintsValid = now.AddDate(-1, 0, 0), now.AddDate(2, 0, 0), true
		return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by))))
	}
	rootKey, key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, Subject: pkix.Name{CommonName: "GỐC CÓ TRA CỨU"}}
	root := make(template, template, rootKey, rootKey)
	leaf := make(&x509.Certificate{SerialNumber: big.NewInt(0x1f2e), KeyUsage: x509.KeyUsageDigitalSignature,
		Subject: pkix.Name{CommonName: "Phòng khám thử", SerialNumber: "MST-" + taxCode}}, root, key, rootKey)
	w.check(w.hub.Administer().AddAnchor(w.ctx, "test", pemOf(root)))
	return ocspsim.New(root, rootKey, w.clock), seal.KeyPair{Key: key, Certificate: leaf}
}

// approve lets the hub call an address of this machine.
func (w *world) approve(kind, url string, c *x509.Certificate) {
	w.t.Helper()
	w.check(w.hub.Office.AddService(w.ctx, "test", admin.Service{Kind: kind, URL: url, PEM: pemOf(c), Private: true}))
}

// taxed is a file of one visit at the facility that is bound by its tax code.
func taxed(pair seal.KeyPair) []byte {
	return ours(pair, strings.Replace(envelope(newVisit().of("79903")), "<MACSKCB>79901", "<MACSKCB>79903", 1))
}

func (w *world) record(id string) api.Item {
	w.t.Helper()
	status, _, body := w.do("79903", "GET", "/api/v1/records/"+id, "", nil)
	var it api.Item
	w.check(json.Unmarshal(body, &it))
	if status != http.StatusOK || len(it.Seals) != 1 {
		w.t.Fatalf("%d %s", status, body)
	}
	return it
}

// events is what a record's timeline tells, without what was said at receipt.
func (w *world) events(id string) string {
	w.t.Helper()
	_, _, body := w.do("79903", "GET", "/api/v1/records/"+id+"/timeline", "", nil)
	var got struct {
		Items []struct{ What string }
	}
	w.check(json.Unmarshal(body, &got))
	var all []string
	for _, e := range got.Items[2:] {
		all = append(all, e.What)
	}
	return strings.Join(all, " ")
}

func TestWhatIsLearnedLaterOfASealStandsBesideTheVerdict(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		sim, pair := w.issuer()
		first, _ := w.send("79903", taxed(pair))
		it := w.record(first[0].Record)
		s := it.Seals[0]
		if s.AtReceipt != "not yet known" || s.Later != nil || s.Role != "facility" || s.Covered != seal.Whole || s.Serial != "1f2e" ||
			!strings.Contains(s.Issuer, "GỐC CÓ TRA CỨU") || !strings.Contains(s.Subject, "Phòng khám thử") {
			t.Fatalf("at receipt: %+v", s)
		}
		at := httptest.NewServer(sim)
		t.Cleanup(at.Close)
		w.approve("ocsp", at.URL, sim.Issuer)
		w.approve("crl", at.URL+"/list", sim.Issuer)
		w.clock.Advance(time.Minute)
		w.check(w.hub.Checker.Round(w.ctx))
		if s = w.record(first[0].Record).Seals[0]; s.Later == nil || s.Later.State != "good" || s.Later.Kind != "ocsp" || s.AtReceipt != "not yet known" {
			t.Errorf("after it was asked: %+v", s)
		}
		w.clock.Advance(9 * time.Minute)
		second, _ := w.send("79903", taxed(pair))
		if s = w.record(second[0].Record).Seals[0]; s.AtReceipt != "good" {
			t.Errorf("the second at receipt: %+v", s)
		}
		sim.Revoke(pair.Certificate.SerialNumber, now.Add(5*time.Minute), now.Add(-time.Hour))
		w.clock.Advance(25 * time.Hour)
		w.check(w.hub.Checker.Round(w.ctx))
		w.check(w.hub.Checker.Round(w.ctx)) // nothing twice
		for id, want := range map[string]string{first[0].Record: "seal_disputed", second[0].Record: "seal_revoked"} {
			after := w.record(id)
			if got := w.events(id); got != want || after.Verdict != "accepted" && after.Verdict != "accepted_with_warnings" {
				t.Errorf("events %q, want %q; verdict %s", got, want, after.Verdict)
			}
			if l := after.Seals[0].Later; l == nil || l.State != "revoked" || l.Since == nil || !l.Since.Equal(now.Add(5*time.Minute)) || l.Invalid == nil {
				t.Errorf("later %+v", l)
			}
		}
		if got, _ := w.send("79903", taxed(pair)); verdict(got, "") != "refused seal.revoked" {
			t.Errorf("a new file: %+v", got)
		}
		raw, err := w.hub.Slices.Revocations.Answers(w.ctx, sha256.Sum256(pair.Certificate.Raw))
		if err != nil || len(raw) != 2 || len(raw[0].Raw) == 0 || len(raw[1].Raw) == 0 {
			t.Errorf("answers kept: %d, %v", len(raw), err)
		}
	})
}

// A service that takes connections and says nothing is late and visible; files
// are taken meanwhile as if it were not there.
func TestABlackHoleIsNobodysConcern(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		sim, pair := w.issuer()
		hole := must(net.Listen("tcp", "127.0.0.1:0"))
		taken := make(chan net.Conn, 16)
		go func() {
			for {
				c, err := hole.Accept()
				if err != nil {
					close(taken)
					return
				}
				taken <- c
			}
		}()
		t.Cleanup(func() { _ = hole.Close() })
		w.approve("ocsp", "http://"+hole.Addr().String()+"/", sim.Issuer)
		w.approve("tsa", "http://"+hole.Addr().String()+"/tsa", sim.Issuer)
		if got, status := w.send("79903", taxed(pair)); status != 200 || len(got) != 1 || got[0].Refused {
			t.Fatalf("%d %+v", status, got)
		}
		done := make(chan error, 1)
		go func() { done <- w.hub.Checker.Round(w.ctx) }()
		held := <-taken // it hangs in the hole now
		got, status := w.send("79903", taxed(pair))
		if status != 200 || len(got) != 1 || got[0].Refused || got[0].Deferred {
			t.Errorf("while it hangs: %d %+v", status, got)
		}
		select {
		case err := <-done:
			t.Errorf("the control: nothing hung: %v", err)
		default:
		}
		w.check(held.Close())
		go func() { // whatever else asks is let go too
			for c := range taken {
				_ = c.Close()
			}
		}()
		w.check(<-done)
		w.check(w.hub.Stamper.Round(w.ctx))
		st := w.hub.Stamper.Status()
		if len(st) != 1 || st[0].Late.IsZero() || st[0].Code != "outbound.unreachable" {
			t.Errorf("stamps stand %+v", st)
		}
		if p := w.hub.Checker.Progress(); p.Failing != 1 || p.Late.IsZero() {
			t.Errorf("signers stand %+v", p)
		}
		metrics := httptest.NewRecorder()
		w.hub.Metrics().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
		for _, line := range []string{`lienthong_stamp_failed_attempts{code="outbound.unreachable",log="0"} `, "lienthong_signers_failing 1"} {
			if !strings.Contains(metrics.Body.String(), line) {
				t.Errorf("no %q on the operator's door", line)
			}
		}
	})
}

func TestACheckpointIsTimeStampedForEverybody(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		authority := must(tsasim.New(w.clock, 0))
		at := httptest.NewServer(authority)
		t.Cleanup(at.Close)
		w.approve("tsa", at.URL, authority.Root)
		w.check(w.hub.Stamper.Round(w.ctx))
		get := func(path string) []byte {
			res := must(w.server.Client().Get(w.server.URL + path)) // no login
			b := must(io.ReadAll(res.Body))
			w.check(res.Body.Close())
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s %s", path, res.Status, b)
			}
			return b
		}
		var list struct{ Items []tlog.Stamp }
		w.check(json.Unmarshal(get("/ledger/0/stamps"), &list))
		if len(list.Items) != 1 || list.Items[0].State != "stamped" {
			t.Fatalf("%+v", list)
		}
		token := get("/ledger/0/stamp/" + big.NewInt(list.Items[0].Size).String())
		p, err := stamp.Verify(token, sha256.Sum256([]byte(list.Items[0].Checkpoint)), stamp.Trust{Roots: []*x509.Certificate{authority.Root}})
		if err != nil || !p.Time.Equal(now) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
