package seal_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"slices"
	"testing"
	"time"

	"lienthong/internal/seal"
)

func signature(c *x509.Certificate, chain ...*x509.Certificate) seal.Signature {
	return seal.Signature{Certificate: c, Chain: chain, Fingerprint: sha256.Sum256(c.Raw)}
}

func newTrust(tb testing.TB, c seal.TrustConfig) *seal.Trust {
	tb.Helper()
	t, err := seal.NewTrust(c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestBind(t *testing.T) {
	t.Parallel()
	k := keys()
	root := issue(k.ca, nil, nil, authority)
	sub := issue(k.other, root, k.ca, func(c *x509.Certificate) { authority(c); c.Subject.CommonName = "TEST SUB CA" })
	oldSub := issue(k.other, root, k.ca, func(c *x509.Certificate) {
		authority(c)
		c.Subject.CommonName, c.NotAfter = "TEST SUB CA", at.AddDate(0, 0, -1)
	})
	leaf := func(change func(*x509.Certificate)) *x509.Certificate { return issue(k.ec, root, k.ca, change) }
	named := func(oid asn1.ObjectIdentifier, v string) *x509.Certificate { return leaf(withName(oid, v)) }
	serial, organization, uid := asn1.ObjectIdentifier{2, 5, 4, 5}, asn1.ObjectIdentifier{2, 5, 4, 97}, asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}
	ended := func(days int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotAfter = at.AddDate(0, 0, -days) }
	}
	future := func(c *x509.Certificate) { c.NotBefore = at.Add(time.Hour) }
	pinned := issue(k.other, nil, nil, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "any"} })
	pinnedOld := issue(k.other, nil, nil, ended(10))
	trust := newTrust(t, seal.TrustConfig{
		Epoch: "e1", Roots: []*x509.Certificate{root},
		Pinned:   map[string][][32]byte{"79901": {sha256.Sum256(pinned.Raw), sha256.Sum256(pinnedOld.Raw)}, "79902": {sha256.Sum256(pinned.Raw)}},
		TaxCodes: map[string]string{"79901": "9900079901", "79903": " MST:9900079903 ", "79904": ""},
	})
	under := func(p *x509.Certificate, change func(*x509.Certificate)) *x509.Certificate {
		return issue(k.ec, p, k.other, change)
	}
	claim := seal.Claim{Facility: "79901", At: at}
	for name, c := range map[string]struct {
		s       seal.Signature
		claim   seal.Claim
		code    string
		way     seal.Way
		expired bool
	}{
		"pinned":                           {signature(pinned), claim, "", seal.Pinned, false},
		"pinned to the other too":          {signature(pinned), seal.Claim{Facility: "79902", At: at}, "", seal.Pinned, false},
		"pinned to another":                {signature(pinned), seal.Claim{Facility: "79903", At: at}, "seal.untrusted", "", false},
		"pinned, expired within the grace": {signature(pinnedOld), claim, "", seal.Pinned, true},
		"serial number with MST-":          {signature(leaf(nil)), claim, "", seal.Chained, false},
		"serial number with MST:":          {signature(named(serial, "MST:9900079901")), claim, "", seal.Chained, false},
		"serial number bare":               {signature(named(serial, "9900079901")), claim, "", seal.Chained, false},
		"organization identifier":          {signature(named(organization, "MST-9900079901")), claim, "", seal.Chained, false},
		"UID":                              {signature(named(uid, "MST:9900079901")), claim, "", seal.Chained, false},
		"common name does not bind":        {signature(named(asn1.ObjectIdentifier{2, 5, 4, 3}, "9900079901")), claim, "seal.untrusted", "", false},
		"other prefix":                     {signature(named(serial, "CMND:9900079901")), claim, "seal.untrusted", "", false},
		"longer tax code":                  {signature(named(serial, "MST-99000799011")), claim, "seal.untrusted", "", false},
		"another facility's":               {signature(leaf(nil)), seal.Claim{Facility: "79903", At: at}, "seal.untrusted", "", false},
		"tax code registered with prefix":  {signature(named(serial, "9900079903")), seal.Claim{Facility: "79903", At: at}, "", seal.Chained, false},
		"no tax code":                      {signature(leaf(nil)), seal.Claim{Facility: "79904", At: at}, "seal.untrusted", "", false},
		"no tax code, empty in subject":    {signature(named(serial, "MST-")), seal.Claim{Facility: "79904", At: at}, "seal.untrusted", "", false},
		"no facility":                      {signature(pinned), seal.Claim{At: at}, "seal.untrusted", "", false},
		"self-signed with the tax code":    {signature(issue(k.ec, nil, nil, nil)), claim, "seal.untrusted", "", false},
		"another root":                     {signature(issue(k.ec, sub, k.other, nil), issue(k.other, nil, nil, authority)), claim, "seal.untrusted", "", false},
		"by an intermediate":               {signature(under(sub, nil), sub), claim, "", seal.Chained, false},
		"intermediate not sent":            {signature(under(sub, nil)), claim, "seal.untrusted", "", false},
		"intermediate expired":             {signature(under(oldSub, nil), oldSub), claim, "seal.untrusted", "", false},
		"both expired, leaf in grace":      {signature(under(oldSub, ended(2)), oldSub), claim, "seal.untrusted", "", false},
		"leaf as intermediate":             {signature(issue(k.ec, leaf(nil), k.ec, nil), leaf(nil)), claim, "seal.untrusted", "", false},
		"expired within the grace":         {signature(leaf(ended(29))), claim, "", seal.Chained, true},
		"expired at the grace's end":       {signature(leaf(ended(30))), claim, "", seal.Chained, true},
		"expired beyond":                   {signature(leaf(ended(31))), claim, "seal.expired", "", false},
		"expired beyond, in a migration":   {signature(leaf(ended(300))), seal.Claim{Facility: "79901", At: at, Migration: true}, "", seal.Chained, true},
		"expired, proved before":           {signature(leaf(ended(300))), seal.Claim{Facility: "79901", At: at, Sealed: at.AddDate(0, 0, -310)}, "", seal.Chained, false},
		"expired, proved behind":           {signature(leaf(ended(3))), seal.Claim{Facility: "79901", At: at, Sealed: at.AddDate(0, 0, -2)}, "seal.expired", "", false},
		"not yet valid":                    {signature(leaf(future)), claim, "seal.expired", "", false},
		"not yet valid, in a migration":    {signature(leaf(future)), seal.Claim{Facility: "79901", At: at, Migration: true}, "seal.expired", "", false},
		"untrusted before expired":         {signature(issue(k.ec, nil, nil, ended(300))), claim, "seal.untrusted", "", false},
		"any extended key usage": {signature(leaf(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		})), claim, "", seal.Chained, false},
	} {
		for _, round := range []string{"first", "again"} { // the second finds the chain proved
			b, err := trust.Bind(c.s, c.claim)
			if faultCode(err) != c.code || b.Way != c.way || b.Expired != c.expired {
				t.Errorf("%s, %s: %+v %v", name, round, b, err)
			}
			if err == nil && (b.Facility != c.claim.Facility || b.Epoch != "e1") {
				t.Errorf("%s: %+v", name, b)
			}
		}
	}
	// A chain proved once is proved only while what is above the leaf is valid.
	s := signature(under(sub, func(c *x509.Certificate) { c.NotAfter = at.AddDate(20, 0, 0) }), sub)
	if _, err := trust.Bind(s, claim); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Bind(s, seal.Claim{Facility: "79901", At: at.AddDate(11, 0, 0)}); faultCode(err) != "seal.untrusted" {
		t.Errorf("after the intermediate's end: %v", err)
	}
	if got := trust.Facilities(sha256.Sum256(pinned.Raw)); !slices.Equal(got, []string{"79901", "79902"}) {
		t.Errorf("pinned to %v", got)
	}
	if got := trust.FacilitiesByTaxCode(leaf(nil)); !slices.Equal(got, []string{"79901"}) {
		t.Errorf("by tax code %v", got)
	}
	if got := trust.FacilitiesByTaxCode(pinned); len(got) != 0 {
		t.Errorf("by no tax code %v", got)
	}
}

// longKey is an RSA key of many small primes: as long as one likes at no cost,
// while each try of it costs the hub the square of its length.
type longKey struct {
	pub rsa.PublicKey
	d   *big.Int
}

func newLongKey() *longKey {
	k := &longKey{pub: rsa.PublicKey{N: big.NewInt(1), E: 65537}, d: big.NewInt(1)}
	phi, one := big.NewInt(1), big.NewInt(1)
	for range 9 {
		p := must(rand.Prime(rand.Reader, 1024))
		k.pub.N.Mul(k.pub.N, p)
		phi.Mul(phi, p.Sub(p, one))
	}
	k.d.ModInverse(big.NewInt(int64(k.pub.E)), phi)
	return k
}

func (k *longKey) Public() crypto.PublicKey { return &k.pub }

// Sign is EMSA-PKCS1-v1_5 (RFC 8017 §9.2) for SHA-256.
func (k *longKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	size := k.pub.Size()
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest...)
	m := bytes.Repeat([]byte{0xff}, size)
	m[0], m[1], m[size-len(info)-1] = 0, 1, 0
	copy(m[size-len(info):], info)
	return new(big.Int).Exp(new(big.Int).SetBytes(m), k.d, k.pub.N).FillBytes(m), nil
}

func TestAnIntermediateWithAKeyTooLongDoesNotCount(t *testing.T) {
	t.Parallel()
	k, long := keys(), newLongKey()
	root := issue(k.ca, nil, nil, authority)
	sub := issue(long, root, k.ca, func(c *x509.Certificate) { authority(c); c.Subject.CommonName = "LONG" })
	trust := newTrust(t, seal.TrustConfig{Roots: []*x509.Certificate{root}, TaxCodes: map[string]string{"79901": "9900079901"}})
	_, err := trust.Bind(signature(issue(k.ec, sub, long, nil), sub), seal.Claim{Facility: "79901", At: at})
	if faultCode(err) != "seal.untrusted" {
		t.Error(err)
	}
}

func TestEmptyTrustBindsNothing(t *testing.T) {
	t.Parallel()
	trust := newTrust(t, seal.TrustConfig{TaxCodes: map[string]string{"79901": "9900079901"}})
	if _, err := trust.Bind(signature(issue(keys().ec, nil, nil, nil)), seal.Claim{Facility: "79901", At: at}); !errors.Is(err, seal.ErrUntrusted) {
		t.Fatalf("got %v", err)
	}
	if _, err := trust.Bind(seal.Signature{}, seal.Claim{Facility: "79901", At: at}); !errors.Is(err, seal.ErrUntrusted) {
		t.Fatalf("no certificate: %v", err)
	}
	for _, c := range []seal.TrustConfig{{Roots: []*x509.Certificate{nil}}, {Pinned: map[string][][32]byte{"": {{}}}}, {TaxCodes: map[string]string{"": "1"}}} {
		if _, err := seal.NewTrust(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

type known map[[sha256.Size]byte]seal.Answer

func (k known) Status(_ context.Context, f [sha256.Size]byte) seal.Answer { return k[f] }

func TestRevocation(t *testing.T) {
	t.Parallel()
	good, gone, other := [32]byte{1}, [32]byte{2}, [32]byte{3}
	r := known{good: {State: seal.Good, At: at}, gone: {State: seal.Revoked, At: at, Since: at.AddDate(0, -1, 0)}}
	for name, c := range map[string]struct {
		r     seal.Revocation
		print [32]byte
		state seal.State
		code  string
	}{
		"good": {r, good, seal.Good, ""}, "revoked": {r, gone, seal.Revoked, "seal.revoked"},
		"not yet known": {r, other, seal.NotYetKnown, ""}, "no hook": {nil, gone, seal.NotYetKnown, ""},
	} {
		a, err := seal.CheckRevocation(context.Background(), c.r, c.print)
		if a.State != c.state || faultCode(err) != c.code {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
}
