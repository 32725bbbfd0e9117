package proof_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/proof"
)

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	if _, err := proof.KeysOf([]home.ReceiptKey{{ID: "k", SPKI: []byte("x")}}); !errors.Is(err, home.ErrReceiptKeys) {
		t.Errorf("%v", err)
	}
}

// FuzzRead: nothing that is not signed is read, whatever it looks like.
func FuzzRead(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	keys := proof.Keys{"k1": &key.PublicKey}
	for _, s := range []string{`{}`, `[]`, `{"receipt":null}`, `{"receipt":{"body":"e30=","signature":""}}`,
		`{"receipt":{"body":"eyJraWQiOiJrMSJ9","signature":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if r, err := keys.Read(line); !errors.Is(err, proof.ErrUnproved) || r != (proof.Receipt{}) {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}
