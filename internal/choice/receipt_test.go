package choice_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"lienthong/internal/choice"
)

func TestAReceiptThatWasTouchedIsNone(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		c := w.say(w.herself(), permit())
		good := string(c.Receipt)
		part := strings.Split(good, ".")
		payload, err := base64.RawURLEncoding.DecodeString(part[1])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(payload), "01000000000000000000000000000000") {
			t.Error("the receipt names the person")
		}
		forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"treatment"`, `"research"`, 1)))
		head := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		for name, bad := range map[string]string{
			"nothing":         "",
			"two parts":       part[0] + "." + part[1],
			"another purpose": part[0] + "." + forged + "." + part[2],
			"no signature":    part[0] + "." + part[1] + ".",
			"alg none":        head(`{"alg":"none","typ":"lienthong-consent+jwt"}`) + "." + part[1] + ".",
			"another type":    head(`{"alg":"ES256","kid":"`+w.kid+`","typ":"JWT"}`) + "." + part[1] + "." + part[2],
			"another key":     head(`{"alg":"ES256","kid":"0","typ":"lienthong-consent+jwt"}`) + "." + part[1] + "." + part[2],
			"too long":        good + strings.Repeat("A", 70_000),
		} {
			if _, err := choice.VerifyReceipt([]byte(bad), w.keys); !errors.Is(err, choice.ErrReceipt) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := choice.VerifyReceipt(c.Receipt, func(string) (*ecdsa.PublicKey, error) { return nil, nil }); !errors.Is(err, choice.ErrReceipt) {
			t.Errorf("no key: %v", err)
		}
	})
}

func FuzzVerifyReceipt(f *testing.F) {
	f.Add([]byte("eyJhbGciOiJFUzI1NiIsInR5cCI6ImxpZW50aG9uZy1jb25zZW50K2p3dCJ9.e30.c2ln"))
	f.Add([]byte("a.b.c"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := choice.VerifyReceipt(b, func(string) (*ecdsa.PublicKey, error) { return nil, errors.New("no key") })
		if !errors.Is(err, choice.ErrReceipt) || r != nil {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

// No bytes are a key by accident: what is taken is a P-256 key under its own name,
// and what a receipt says is printed without what a terminal obeys.
func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`)) // RFC 7515 appendix A.3
	f.Add([]byte(`{"kty":"oct","k":"AAAA"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		kid, key, err := choice.ParseKey(b)
		if (err == nil) != (key != nil && len(kid) == 16) || err != nil && !errors.Is(err, choice.ErrKey) {
			t.Fatalf("%q, %v, %v", kid, key, err)
		}
	})
}

func FuzzReadReceipt(f *testing.F) {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"lienthong-consent+jwt"}`))
	f.Add([]byte(head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"1","iss":"\u001b[2J","exp":-9}`)) + ".c2ln"))
	f.Add([]byte("a.b.c"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _, err := choice.ReadReceipt(b)
		if (err == nil) != (r != nil) || err != nil && !errors.Is(err, choice.ErrReceipt) {
			t.Fatalf("%+v, %v", r, err)
		}
		if r != nil && strings.ContainsAny(r.Says().VI+r.Says().EN, "\x1b\n\r\x00") {
			t.Fatalf("%q", r.Says())
		}
	})
}
