package e2e_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"archive/zip"

	tsasim "lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/bundle"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
)

func (w *world) bundleOptions() bundle.Options {
	return bundle.Options{Kinds: hub.Kinds(), Seals: must(seal.NewVerifier(seal.Config{})), LogKeys: []string{w.hub.LogKey.Verifier()}}
}

// wrong are the steps that failed.
func wrong(r bundle.Report) (out []string) {
	for _, s := range r.Steps {
		if !s.OK {
			out = append(out, s.Code+" "+s.Member)
		}
	}
	return out
}

func openSteps(r bundle.Report) string {
	var out []string
	for _, s := range r.Steps {
		if s.Open {
			out = append(out, s.Name)
		}
	}
	return strings.Join(out, " ")
}

func operatorOf(reason string) disclose.Reader {
	return disclose.Reader{Role: role.Role{Kind: role.Operator}, Name: "session:operator", Route: "test", Reason: reason}
}

func packed(p *bundle.Parts) []byte {
	var b bytes.Buffer
	if err := bundle.Write(&b, p); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestAFacilityGetsTheWholeEvidenceOfItsRecord(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		sim, pair := w.issuer()
		a, _ := w.send("79903", taxed(pair))
		path := "/api/v1/records/" + a[0].Record + "/evidence"
		status, early := w.get("79903", path)
		r := must(bundle.Verify(early, w.bundleOptions()))
		if status != http.StatusOK || !r.OK || !r.Trusted || r.Redacted || openSteps(r) != "time_stamp revocation" {
			t.Fatalf("%d %v open %q", status, wrong(r), openSteps(r))
		}
		if _, again := w.get("79903", path); !bytes.Equal(early, again) {
			t.Error("the same parts gave other bytes")
		}
		at := httptest.NewServer(sim)
		t.Cleanup(at.Close)
		w.approve("ocsp", at.URL, sim.Issuer)
		authority := must(tsasim.New(w.clock, 0))
		tsa := httptest.NewServer(authority)
		t.Cleanup(tsa.Close)
		w.approve("tsa", tsa.URL, authority.Root)
		w.clock.Advance(time.Minute)
		w.check(w.hub.Checker.Round(w.ctx))
		w.check(w.hub.Stamper.Round(w.ctx))
		_, full := w.get("79903", path)
		o := w.bundleOptions()
		o.TSARoots, o.SignerRoots, o.RequireStamp = []*x509.Certificate{authority.Root}, []*x509.Certificate{sim.Issuer}, true
		r = must(bundle.Verify(full, o))
		if !r.OK || !r.Trusted || r.Stamped == nil || openSteps(r) != "" {
			t.Fatalf("%v open %q", wrong(r), openSteps(r))
		}
		if status, _ := w.get("79901", path); status != http.StatusNotFound {
			t.Errorf("another facility is answered %d", status)
		}
		w.looks.set(true)
		if status, body := w.get("79903", path); status != http.StatusServiceUnavailable || bytes.HasPrefix(body, []byte("PK")) {
			t.Errorf("without a log of looks: %d, %d bytes", status, len(body))
		}
		w.looks.set(false)
		byHand(t, full, authority.Root, sim.Issuer)
	})
}

// byHand runs the commands of the bundle's own page, as its reader would.
func byHand(t *testing.T, data []byte, root, issuer *x509.Certificate) {
	for _, tool := range []string{"bash", "openssl", "jq", "xxd", "xmlsec1", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: %s is not here, the page's commands were not run", tool)
		}
	}
	dir := t.TempDir()
	z := must(zip.NewReader(bytes.NewReader(data), int64(len(data))))
	var page string
	for _, f := range z.File {
		var b bytes.Buffer
		rc := must(f.Open())
		must(b.ReadFrom(rc))
		if err := os.WriteFile(filepath.Join(dir, f.Name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if f.Name == "DOC-TRUOC.html" {
			page = b.String()
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tsa-root.pem"), []byte(pemOf(root)), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?s)<pre>(.*?)</pre>`).FindAllStringSubmatch(page, -1)
	if len(commands) < 6 {
		t.Fatalf("%d commands in the page", len(commands))
	}
	for _, m := range commands {
		line := html.UnescapeString(m[1])
		if strings.HasPrefix(line, "lienthong") {
			continue
		}
		cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", line)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\n%v\n%s", line, err, out)
		}
	}
	// the control: with another original the same commands fail
	original := filepath.Join(dir, "original.xml")
	b := must(os.ReadFile(original))
	if err := os.WriteFile(original, bytes.Replace(b, []byte("<"), []byte(" <"), 2), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", "jq -r '.members[] | \"\\(.sha256)  \\(.name)\"' manifest.json | sha256sum -c")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("an edited original passes: %s", out)
	}
}

func TestAnOperatorsEvidenceIsRedactedOrRefused(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit(), newVisit().episode("LK-OTHER").set("XML1", "MA_BN", "BN-OTHER"))))
		id := must(dossier.ParseID(a[0].Record))
		if _, err := w.hub.Bundles.Collect(w.ctx, operatorOf(""), id); !errors.Is(err, disclose.ErrReason) {
			t.Errorf("without a reason: %v", err)
		}
		p, err := w.hub.Bundles.Collect(w.ctx, operatorOf("kiểm tra khiếu nại"), id)
		w.check(err)
		data := packed(p)
		r := must(bundle.Verify(data, w.bundleOptions()))
		if !r.OK || !r.Trusted || !r.Redacted || openSteps(r) != "seal signer time_stamp revocation" {
			t.Errorf("%v open %q", wrong(r), openSteps(r))
		}
		if bytes.Contains(data, []byte("BN-OTHER")) {
			t.Error("the other patient is in it")
		}
		if len(p.Signers) != 1 || !p.Signers[0][0].Equal(pairs().ec.Certificate) {
			t.Errorf("%d signers", len(p.Signers))
		}
		looks, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Record: id})
		w.check(err)
		if len(looks) == 0 || looks[0].Reason != "kiểm tra khiếu nại" {
			t.Errorf("looks %+v", looks)
		}
		b, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-HIV").add("XML6"))))
		if _, err := w.hub.Bundles.Collect(w.ctx, operatorOf("kiểm tra khiếu nại"), must(dossier.ParseID(b[0].Record))); !errors.Is(err, disclose.ErrCompartment) {
			t.Errorf("a closed compartment: %v", err)
		}
	})
}
