package stamp_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/clock"
	"lienthong/internal/stamp"
)

var noon = time.Date(2026, 7, 1, 5, 0, 0, 0, time.UTC)

const note = "hub.test/log/0\n42\nCQ==\n\n— hub.test/log/0 AAAA\n"

type world struct {
	*testing.T
	clock *clock.Fake
	tsa   *simulator.Authority
	trust stamp.Trust
}

func setup(t *testing.T) *world {
	t.Helper()
	c := clock.NewFake(noon)
	a, err := simulator.New(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, c, a, stamp.Trust{Roots: []*x509.Certificate{a.Root}}}
}

// ask makes a request and has the authority answer it.
func (w *world) ask() (*stamp.Request, []byte) {
	w.Helper()
	q, err := stamp.NewRequest([]byte(note), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := w.tsa.Stamp(q.DER)
	if err != nil {
		w.Fatal(err)
	}
	return q, answer
}

func TestATokenProvesItsTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q, answer := w.ask()
	token, p, err := q.Open(answer, noon, w.trust)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Time.Equal(noon) || p.Accuracy != time.Second || p.Policy != "2.999.3161" || !p.Certificate.Equal(w.tsa.Certificate) || !p.NotAfter.Equal(w.tsa.Certificate.NotAfter) {
		t.Errorf("proof %+v", p)
	}
	// years later, with nothing but the root
	again, err := stamp.Verify(token, sha256.Sum256([]byte(note)), w.trust)
	if err != nil || !again.Time.Equal(noon) || again.Serial != p.Serial {
		t.Errorf("offline: %+v, %v", again, err)
	}
	imprint, at, err := stamp.Imprint(token)
	if err != nil || imprint != q.Imprint || !at.Equal(noon) {
		t.Errorf("imprint %x at %v, %v", imprint, at, err)
	}
}

func TestWhatIsNotTheRequestedStampIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q, answer := w.ask()
	token, _, err := q.Open(answer, noon, w.trust)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := w.ask()
	elsewhere, err := stamp.NewRequest([]byte("other"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Nonce = q.Nonce
	stranger := setup(t)
	declined, err := w.tsa.Stamp([]byte("nonsense"))
	if err != nil {
		t.Fatal(err)
	}
	policy := w.trust
	policy.Policies = []asn1.ObjectIdentifier{{1, 2, 3}}
	for name, c := range map[string]struct {
		request *stamp.Request
		answer  []byte
		at      time.Time
		trust   stamp.Trust
		want    error
	}{
		"another nonce":     {other, answer, noon, w.trust, stamp.ErrImprint},
		"another imprint":   {elsewhere, answer, noon, w.trust, stamp.ErrImprint},
		"a clock ahead":     {q, answer, noon.Add(-stamp.Skew - time.Second), w.trust, stamp.ErrTime},
		"a clock behind":    {q, answer, noon.Add(stamp.Skew + time.Second), w.trust, stamp.ErrTime},
		"another root":      {q, answer, noon, stranger.trust, stamp.ErrUntrusted},
		"no root":           {q, answer, noon, stamp.Trust{}, stamp.ErrUntrusted},
		"another policy":    {q, answer, noon, policy, stamp.ErrTime},
		"declined":          {q, declined, noon, w.trust, stamp.ErrResponse},
		"empty":             {q, nil, noon, w.trust, stamp.ErrResponse},
		"a bare token":      {q, token, noon, w.trust, stamp.ErrResponse},
		"bytes behind":      {q, append(append([]byte{}, answer...), 0), noon, w.trust, stamp.ErrResponse},
		"cut":               {q, answer[:len(answer)-1], noon, w.trust, stamp.ErrResponse},
		"longer than taken": {q, make([]byte, stamp.MaxResponse+1), noon, w.trust, stamp.ErrResponse},
	} {
		if _, p, err := c.request.Open(c.answer, c.at, c.trust); !errors.Is(err, c.want) || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// Every bit of a token counts: none can be turned without a refusal, but for
// those that say nothing (unsigned parts may only vanish, not change the time).
func TestATokenEditedAnywhereProvesNoOtherTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	q, answer := w.ask()
	token, want, err := q.Open(answer, noon, w.trust)
	if err != nil {
		t.Fatal(err)
	}
	let := 0
	for i := range token {
		edited := append([]byte{}, token...)
		edited[i] ^= 1 << (i % 8)
		p, err := stamp.Verify(edited, q.Imprint, w.trust)
		if err != nil {
			continue
		}
		let++
		if !p.Time.Equal(want.Time) || p.Nonce.Cmp(want.Nonce) != 0 || !p.Certificate.Equal(want.Certificate) {
			t.Errorf("byte %d: proves %+v", i, p)
		}
	}
	if let > 16 { // CMS leaves the list of digest algorithms and parameters of algorithms unsigned
		t.Errorf("%d of %d edits say the same", let, len(token))
	}
}

func TestACertificateForAnythingElseSignsNoStamp(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*x509.Certificate){
		"not critical": func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = false },
		"also a server": func(c *x509.Certificate) {
			c.ExtraExtensions = nil
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageServerAuth}
		},
		"no purpose":      func(c *x509.Certificate) { c.ExtraExtensions = nil },
		"encrypts too":    func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment },
		"not yet valid":   func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Minute) },
		"no longer valid": func(c *x509.Certificate) { c.NotBefore = noon.AddDate(-2, 0, 0); c.NotAfter = noon.Add(-time.Minute) },
	} {
		w := setup(t)
		bad, err := w.tsa.Reissue(spoil)
		if err != nil {
			t.Fatal(err)
		}
		w.tsa = bad
		q, answer := w.ask()
		if _, p, err := q.Open(answer, noon, w.trust); !errors.Is(err, stamp.ErrSignature) && !errors.Is(err, stamp.ErrUntrusted) || p != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// Another implementation agrees.
func TestOpenSSLAgrees(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("LOUD: openssl is not installed, so no other implementation has checked the tokens")
	}
	w := setup(t)
	q, answer := w.ask()
	dir := t.TempDir()
	files, err := w.tsa.Files()
	if err != nil {
		t.Fatal(err)
	}
	files["note"], files["query.tsq"], files["reply.tsr"] = []byte(note), q.DER, answer
	if files["token.der"], _, err = q.Open(answer, noon, w.trust); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := big.NewInt(noon.Unix()).String()
	for _, args := range [][]string{
		{"-queryfile", "query.tsq", "-in", "reply.tsr"},
		{"-data", "note", "-in", "token.der", "-token_in"},
	} {
		cmd := exec.Command(openssl, append([]string{"ts", "-verify", "-CAfile", "root.pem", "-attime", at}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	cmd := exec.Command(openssl, "ts", "-verify", "-CAfile", "root.pem", "-attime", at, "-data", "root.pem", "-in", "token.der", "-token_in")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("the control verifies: %s", out)
	}
}

// Tokens of an authority we did not write: made by openssl ts -reply.
func TestAForeignAuthoritysTokenIsRead(t *testing.T) {
	t.Parallel()
	token, err := os.ReadFile("testdata/openssl.token.der")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile("testdata/openssl.root.der")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	p, err := stamp.Verify(token, sha256.Sum256([]byte("checkpoint\n")), stamp.Trust{Roots: []*x509.Certificate{ca}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Policy != "1.2.3.4.1" || p.Certificate.Subject.CommonName != "Test TSA" || p.Time.IsZero() {
		t.Errorf("proof %+v", p)
	}
}

func FuzzOpen(f *testing.F) {
	c := clock.NewFake(noon)
	a, err := simulator.New(c, 0)
	if err != nil {
		f.Fatal(err)
	}
	q, err := stamp.NewRequest([]byte(note), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := a.Stamp(q.DER)
	if err != nil {
		f.Fatal(err)
	}
	token, err := os.ReadFile("testdata/openssl.token.der")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add(token)
	f.Add([]byte{0x30, 0})
	trust := stamp.Trust{Roots: []*x509.Certificate{a.Root}}
	f.Fuzz(func(t *testing.T, b []byte) {
		token, p, err := q.Open(b, noon, trust)
		if (err == nil) != (p != nil && token != nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if p != nil && (!p.Time.Equal(noon) || !p.Certificate.Equal(a.Certificate)) {
			t.Fatalf("another time was proved: %+v", p)
		}
		if p, err := stamp.Verify(b, q.Imprint, trust); err == nil && !p.Time.Equal(noon) {
			t.Fatalf("another time was proved: %+v", p)
		}
	})
}
