package bundle_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"lienthong/internal/bundle"
	"lienthong/internal/seal"
)

// yes are the steps of a name that hold and are not open.
func yes(r bundle.Report, name string) (n int) {
	for _, s := range r.Steps {
		if s.Name == name && s.OK && !s.Open {
			n++
		}
	}
	return n
}

// TestARedactedBundleVouchesForNoSigner: around redacted documents anything can
// be written, another's signature and certificate too.
func TestARedactedBundleVouchesForNoSigner(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "untrue-redacted")
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := issue("Another's authority", key.Public(), nil, key, 1)
	own := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	other := seal.KeyPair{Key: own, Certificate: issue("Bệnh viện khác", own.Public(), ca, key, 2)}
	p := *all[0]
	raw := string(p.Original)
	from, to := strings.Index(raw, "<CHUKYDONVI>"), strings.Index(raw, "</CHUKYDONVI>")
	p.Original = must(other.Sign([]byte(raw[:from]+"<CHUKYDONVI>"+raw[to:]), "CHUKYDONVI"))
	p.Redacted, p.Signers = true, [][]*x509.Certificate{{other.Certificate, ca}}
	p.Answers = []bundle.Answer{{State: bundle.Good, Kind: "ocsp", Raw: must(ocsp.CreateResponse(ca, ca,
		ocsp.Response{Status: ocsp.Good, SerialNumber: big.NewInt(2), ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)}, key))}}
	o := w.options(t)
	o.SignerRoots = nil
	if r := verify(t, write(t, &p), o); !r.Redacted || yes(r, "signer") > 0 || yes(r, "seal") > 0 {
		t.Errorf("another signer is vouched for: %+v", r.Steps)
	}
	if r := verify(t, write(t, &p), w.options(t)); r.OK {
		t.Error("a signer of no trusted root passes")
	}
}

// TestAnswersThatDoNotSayAll: the issuer's own, and still no answer.
func TestAnswersThatDoNotSayAll(t *testing.T) {
	t.Parallel()
	w, all := bundles(t, "untrue-answers")
	list := func(id ...int) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)}
		if id != nil {
			// a list of authorities only (onlyContainsCACerts), or a delta of list 1
			value := map[int][]byte{28: {0x30, 0x03, 0x82, 0x01, 0xFF}, 27: {0x02, 0x01, 0x01}}[id[3]]
			l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier(id), Critical: true, Value: value}}
		}
		return must(x509.CreateRevocationList(rand.Reader, l, w.ca, w.caKey))
	}
	check := func(raw []byte, kind string) bundle.Report {
		p := *all[0]
		p.Answers = []bundle.Answer{{State: bundle.Good, Kind: kind, Raw: raw}}
		return verify(t, write(t, &p), w.options(t))
	}
	if r := check(list(), "crl"); !r.OK || yes(r, "revocation") != 1 {
		t.Errorf("the control: a whole list: %v", failed(r))
	}
	for name, id := range map[string][]int{"of authorities only": {2, 5, 29, 28}, "a delta": {2, 5, 29, 27}} {
		if r := check(list(id...), "crl"); r.OK {
			t.Errorf("a list %s says that a certificate is good", name)
		}
	}
	old := ocsp.Response{Status: ocsp.Good, SerialNumber: w.signer.Certificate.SerialNumber, ThisUpdate: noon.AddDate(0, -2, 0), NextUpdate: noon.AddDate(0, -1, 0)}
	r := check(must(ocsp.CreateResponse(w.ca, w.ca, old, w.caKey)), "ocsp")
	open := false
	for _, s := range r.Steps {
		open = open || s.Name == "revocation" && s.Open
	}
	if !r.OK || !open {
		t.Errorf("an answer of a month before the record is taken for one of its moment: %+v", r.Steps)
	}
}
