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
