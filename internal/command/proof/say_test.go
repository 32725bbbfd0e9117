package proof_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/choice"
	"lienthong/internal/command"
	"lienthong/internal/command/proof"
	"lienthong/internal/ledger"
)

const golden = "../../ledger/testdata/"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// goldenKey is the receipt key of the golden receipt of hub.test.
func goldenKey() *ecdsa.PrivateKey {
	block, _ := pem.Decode(must(os.ReadFile(golden + "golden-receipt-key.pem")))
	return must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*ecdsa.PrivateKey)
}

func anotherKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func publicPEM(k *ecdsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&k.PublicKey))})
}

// token signs a receipt as the hub does: typ, issuer and key are the test's.
func token(k *ecdsa.PrivateKey, typ, issuer string) string {
	signer := must(ledger.NewReceiptKey(k))
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
	body := part(map[string]string{"alg": "ES256", "kid": signer.Kid(), "typ": typ}) + "." +
		part(choice.Receipt{Issuer: issuer, ID: "00#1", State: "active", Effect: "deny", Signer: "self", Channel: "portal",
			Decided: 1767225600, Emergency: true, Scope: choice.ReceiptScope{Readers: nil, Authors: nil},
			Law: choice.ReceiptLaw{Text: choice.ErrReceipt.Text}})
	return body + "." + base64.RawURLEncoding.EncodeToString(must(signer.Sign([]byte(body))))
}

const consentType = "lienthong-consent+jwt"

func verify(t *testing.T, lang, jws string, c proof.VerifyCmd) (string, error) {
	t.Helper()
	c.Receipt = written(t, "receipt.jws", []byte(jws))
	var out bytes.Buffer
	err := c.Run(&command.Streams{Out: &out, Err: &out, Lang: lang})
	return out.String(), err
}

func written(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAReceiptOfAChoiceIsVerifiedByItsReader(t *testing.T) {
	t.Parallel()
	key := goldenKey()
	good := token(key, consentType, "hub.test")
	bare := written(t, "key.pem", publicPEM(key))
	jwk := written(t, "key.jwk", must(json.Marshal(jose.JSONWebKey{Key: &key.PublicKey})))
	stranger := written(t, "stranger.pem", publicPEM(anotherKey()))
	document := golden + "golden-receipt.json"
	vkey := golden + "golden-log-vkey.txt"
	changed := strings.Replace(good, ".", ".A", 1)
	for i := len(good) / 2; ; i++ { // one letter of the payload
		if good[i] != 'A' && good[i] != '.' {
			changed = good[:i] + "A" + good[i+1:]
			break
		}
	}
	tampered := bytes.Replace(must(os.ReadFile(document)), []byte(`"index":`), []byte(`"index":1`), 1)
	for name, x := range map[string]struct {
		jws  string
		cmd  proof.VerifyCmd
		no   bool   // exit 1
		open bool   // exit 2
		says string // a piece of what is printed
	}{
		"by a public key":               {jws: good, cmd: proof.VerifyCmd{Key: []string{bare}}, says: "✓ The hub's signature"},
		"by a JSON Web Key":             {jws: good + "\n", cmd: proof.VerifyCmd{Key: []string{jwk}}, says: "In an emergency too."},
		"one of two keys":               {jws: good, cmd: proof.VerifyCmd{Key: []string{stranger, bare}}, says: "the person themself"},
		"by the log":                    {jws: good, cmd: proof.VerifyCmd{Key: []string{document}, LogKey: []string{vkey}}, says: "✓ The key is in the log of the hub"},
		"a document without a log key":  {jws: good, cmd: proof.VerifyCmd{Key: []string{document}}, open: true, says: "✓ The hub's signature"},
		"no key":                        {jws: good, open: true, says: "? The signature was not checked"},
		"a changed byte":                {jws: changed, cmd: proof.VerifyCmd{Key: []string{bare}}, no: true, says: "✗"},
		"another hub's key":             {jws: good, cmd: proof.VerifyCmd{Key: []string{stranger}}, no: true, says: "✗ The key given is not the one"},
		"signed by another":             {jws: token(anotherKey(), consentType, "hub.test"), cmd: proof.VerifyCmd{Key: []string{document}, LogKey: []string{vkey}}, no: true, says: "✗"},
		"in the name of another hub":    {jws: token(key, consentType, "other.test"), cmd: proof.VerifyCmd{Key: []string{document}, LogKey: []string{vkey}}, no: true, says: "✗ It is not proved"},
		"another type":                  {jws: token(key, "JWT", "hub.test"), cmd: proof.VerifyCmd{Key: []string{bare}}, no: true, says: "✗ This is no receipt"},
		"another type, no key":          {jws: token(key, "JWT", "hub.test"), no: true, says: "✗ This is no receipt"},
		"a document that was tampered":  {jws: good, cmd: proof.VerifyCmd{Key: []string{written(t, "r.json", tampered)}, LogKey: []string{vkey}}, no: true, says: "✗"},
		"another's signature under kid": {jws: good[:strings.LastIndex(good, ".")] + token(anotherKey(), consentType, "hub.test")[strings.LastIndex(good, "."):], cmd: proof.VerifyCmd{Key: []string{bare}}, no: true, says: "✗ The hub's signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := verify(t, "en", x.jws, x.cmd)
			if no := errors.Is(err, command.ErrNo); no != x.no || (err != nil && !no) != x.open || !strings.Contains(out, x.says) {
				t.Errorf("%v\n%s", err, out)
			}
			if x.no && strings.Contains(out, "According to") {
				t.Errorf("what does not verify is told as if it did:\n%s", out)
			}
		})
	}
	out, err := verify(t, "vi", good, proof.VerifyCmd{Key: []string{bare}})
	for _, piece := range []string{"hub.test, chính người bệnh đã nói: không cho xem hồ sơ với mọi cơ sở.", "Cả khi cấp cứu.", "Nói lúc 07:00 01/01/2026.", "Cách nói: trên cổng thông tin.", "Căn cứ: "} {
		if err != nil || !strings.Contains(out, piece) {
			t.Errorf("%v, no %q in\n%s", err, piece, out)
		}
	}
	if _, err := verify(t, "en", good, proof.VerifyCmd{Key: []string{golden + "golden-receipt-key.pem"}}); !errors.Is(err, choice.ErrKey) {
		t.Errorf("a private key is taken: %v", err)
	}
}
