package e2e_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"lienthong/internal/bundle"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
)

// TestADetachedSealIsNotVouchedFor: another facility may seal the same bytes,
// and put its seal into the bundle in place of the one that was sent.
func TestADetachedSealIsNotVouchedFor(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		raw := prescription("79901aaaaaaa-C")
		a := w.accepted(raw)
		own := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "client:79901", Route: "test"}
		p, err := w.hub.Bundles.Collect(w.ctx, own, must(dossier.ParseID(a.Record)))
		w.check(err)
		o := w.bundleOptions()
		for name, change := range map[string]func(){
			"as sent": func() {},
			"another's ": func() {
				p.Seal, p.Answers = sealed(pairs().other, raw), nil
				p.Signers = [][]*x509.Certificate{{pairs().other.Certificate}}
			},
		} {
			change()
			if r := must(bundle.Verify(packed(p), o)); !r.OK || !strings.Contains(openSteps(r), "signer") {
				t.Errorf("%s: %v, open %q", name, wrong(r), openSteps(r))
			}
		}
		p.Seal = sealed(pairs().other, append(raw, ' '))
		if r := must(bundle.Verify(packed(p), o)); r.OK {
			t.Error("a seal over other bytes passes")
		}
	})
}
