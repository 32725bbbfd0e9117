package station_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/proof"
	"lienthong/internal/agent/station"
	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/store"
)

func receiptKey(t *testing.T) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, spki
}

func signed(t *testing.T, key *ecdsa.PrivateKey, body map[string]any) (receipt, signature []byte) {
	t.Helper()
	receipt, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(receipt)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature = make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return receipt, signature
}

// contentOf is what a receipt of the file's first dossier says of its content.
func contentOf(t *testing.T, raw []byte) string {
	t.Helper()
	f, err := qd4750.New().Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	var inner [][32]byte
	for _, doc := range f.Dossier(0).Inner {
		inner = append(inner, sha256.Sum256(doc))
	}
	sum := kind.ContentHash(inner)
	return hex.EncodeToString(sum[:])
}

// TestOnlyAReceiptOfTheHubEndsTheKeepingOfAFile: who stands in between and says
// "accepted" does not make an agent let go of the only copy.
func TestOnlyAReceiptOfTheHubEndsTheKeepingOfAFile(t *testing.T) {
	t.Parallel()
	key, spki := receiptKey(t)
	stranger, _ := receiptKey(t)
	other := hex.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		sign    func(body map[string]any, raw []byte) ([]byte, []byte, bool)
		decided bool
	}{
		"the hub's": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			b, s := signed(t, key, body)
			return b, s, false
		}, true},
		"a first receipt of the same content": {func(body map[string]any, raw []byte) ([]byte, []byte, bool) {
			body["file_sha256"], body["content_sha256"] = other, contentOf(t, raw)
			b, s := signed(t, key, body)
			return b, s, true
		}, true},
		"nobody's": {nil, false},
		"a stranger's": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			b, s := signed(t, stranger, body)
			return b, s, false
		}, false},
		"of another file": {func(body map[string]any, raw []byte) ([]byte, []byte, bool) {
			body["file_sha256"], body["content_sha256"] = other, contentOf(t, raw)
			b, s := signed(t, key, body)
			return b, s, false // not said to be a replay
		}, false},
		"an old one of another content": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			body["file_sha256"], body["content_sha256"] = other, other
			b, s := signed(t, key, body)
			return b, s, true
		}, false},
		"of another record": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			body["record"] = "elsewhere"
			b, s := signed(t, key, body)
			return b, s, false
		}, false},
		"of a rejection": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			body["state"] = "rejected"
			b, s := signed(t, key, body)
			return b, s, false
		}, false},
		"broken": {func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
			b, s := signed(t, key, body)
			s[5] ^= 1
			return b, s, false
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(_ *station.Deps, c *station.Config) {
				c.Keys = func() ([]home.ReceiptKey, error) { return []home.ReceiptKey{{ID: "k1", SPKI: spki}}, nil }
			})
			w.hub.set(func() { w.hub.sign = c.sign })
			w.take("a.xml", store.Routine, some(t, 1)[0].XML)
			w.look()
			w.steps(1)
			if decided := w.left() == 0; decided != c.decided {
				t.Fatalf("decided: %v", decided)
			}
			if told := slices.Contains(codes(t, w), proof.ErrUnproved.Code); told == c.decided {
				t.Errorf("told: %v", told)
			}
			if c.decided {
				return
			}
			w.hub.set(func() {
				w.hub.sign = func(body map[string]any, _ []byte) ([]byte, []byte, bool) {
					b, s := signed(t, key, body)
					return b, s, false
				}
			})
			w.clock.Advance(6 * time.Minute)
			w.steps(3)
			if w.left() != 0 {
				t.Error("the hub's own word, later, is not taken")
			}
		})
	}
}
