package his_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/web/his"
)

var now = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func said(t testing.TB, key *ecdsa.PrivateKey, typ string, change func(map[string]any)) string {
	t.Helper()
	claims := map[string]any{"iss": "79901", "aud": "https://hub.example" + his.SummaryPath, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": "1",
		"licence": " 001234/HCM-CCHN ", "name": "BS. Thử", "patient": "079990000001", "purpose": "treatment"}
	if change != nil {
		change(claims)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatASystemSaysOfAClinician(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	a, err := his.ParseAssertion(said(t, key, "clinician+jwt", nil), &key.PublicKey)
	if err != nil || a.Licence != "001234/HCM-CCHN" || a.Identifier != "079990000001" || a.Purpose != consent.Treatment || a.Issuer != "79901" || !a.Expires.Equal(now.Add(time.Minute)) {
		t.Errorf("%+v, %v", a, err)
	}
	without := func(name string) func(map[string]any) { return func(m map[string]any) { delete(m, name) } }
	for name, c := range map[string]struct {
		text string
		want *fault.Error
	}{
		"nothing":                    {"", his.ErrAssertion},
		"another type":               {said(t, key, "JWT", nil), his.ErrAssertion},
		"another's":                  {said(t, newKey(t), "clinician+jwt", nil), his.ErrAssertion},
		"without an id":              {said(t, key, "clinician+jwt", without("jti")), his.ErrAssertion},
		"without an end":             {said(t, key, "clinician+jwt", without("exp")), his.ErrAssertion},
		"without a start":            {said(t, key, "clinician+jwt", without("iat")), his.ErrAssertion},
		"without licence":            {said(t, key, "clinician+jwt", without("licence")), his.ErrClinician},
		"without a name":             {said(t, key, "clinician+jwt", without("name")), his.ErrClinician},
		"without purpose":            {said(t, key, "clinician+jwt", without("purpose")), his.ErrClinician},
		"a purpose that is research": {said(t, key, "clinician+jwt", func(m map[string]any) { m["purpose"] = "research" }), his.ErrClinician},
	} {
		if _, err := his.ParseAssertion(c.text, &key.PublicKey); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := his.ParseAssertion(said(t, key, "clinician+jwt", nil), nil); !errors.Is(err, his.ErrAssertion) {
		t.Errorf("without a key: %v", err)
	}
}

func TestRoutesThatDiscloseSaySo(t *testing.T) {
	t.Parallel()
	for _, r := range his.Routes() {
		if (r.Pattern == his.SummaryPath) != r.Discloses {
			t.Errorf("%s %s: discloses %v", r.Method, r.Pattern, r.Discloses)
		}
	}
}

// Whatever is presented is read or refused with a code.
func FuzzParseAssertion(f *testing.F) {
	key := newKey(f)
	f.Add(said(f, key, "clinician+jwt", nil))
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := his.ParseAssertion(s, &key.PublicKey)
		if (a == nil) == (err == nil) {
			t.Fatalf("%v, %v", a, err)
		}
		if code := fault.Of(err).Code; err != nil && code != "his.assertion" && code != "his.clinician" {
			t.Fatalf("%v", err)
		}
	})
}
