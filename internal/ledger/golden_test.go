package ledger_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/ledger"
)

var update = flag.Bool("update", false, "write testdata/golden-* anew")

// The golden files are one receipt with all its keys and parts, for readers in
// other languages:
//
//	golden-receipt-key.pem   ES256 key, PKCS#8 (a test key)
//	golden-log-key.txt       private note key, a line
//	golden-log-vkey.txt      verifier line
//	golden-original.xml      the file the receipt is about
//	golden-body.json         the body's exact bytes
//	golden-leaf.bin          leaf data
//	golden-checkpoint.txt    signed note of its commit
//	golden-receipt.json      the receipt document
func golden(t *testing.T) map[string][]byte {
	t.Helper()
	priv := receiptPrivate(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	original := []byte("<GIAMDINHHS><!-- tệp mẫu --></GIAMDINHHS>\n")
	b := body(1)
	b.FileSHA256 = ledger.HexSHA256(sha256.Sum256(original))
	r := issue(t, b)
	m := newMemory()
	l := open(t, m)
	add(t, l, m, ledger.KeyLeaf(receiptKey(t).SPKI()))
	add(t, l, m, leavesFrom(1, 299)...)
	batch := add(t, l, m, leaf(300), r.Leaf(), leaf(302))
	docs, err := batch.Documents(t.Context(), ledger.KeyEntry{SPKI: receiptKey(t).SPKI()}, ledger.Entry{Receipt: r, Index: 301})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"golden-receipt-key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		"golden-log-key.txt":     []byte(logKey(t).Private() + "\n"),
		"golden-log-vkey.txt":    []byte(logKey(t).Verifier() + "\n"),
		"golden-original.xml":    original,
		"golden-body.json":       r.Body,
		"golden-leaf.bin":        r.Leaf(),
		"golden-checkpoint.txt":  batch.Head.Checkpoint,
		"golden-receipt.json":    docs[0],
	}
}

func TestTheGoldenReceiptIsMadeByteForByte(t *testing.T) {
	t.Parallel()
	for name, want := range golden(t) {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, name); !bytes.Equal(got, want) {
			t.Errorf("%s is no longer made as it was:\n%s\nwas\n%s", name, want, got)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheGoldenReceiptIsProvedFromItsFiles(t *testing.T) {
	t.Parallel()
	vkey := strings.TrimSpace(string(read(t, "golden-log-vkey.txt")))
	r, err := ledger.Verify(read(t, "golden-receipt.json"), ledger.VerifyOptions{LogKeys: []string{vkey}, Original: read(t, "golden-original.xml")})
	if err != nil || !r.OK || !r.Trusted {
		t.Fatalf("%+v %v", r, err)
	}
	d, err := ledger.ParseDocument(read(t, "golden-receipt.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.Body, read(t, "golden-body.json")) || !bytes.Equal(d.Leaf(), read(t, "golden-leaf.bin")) || d.Checkpoint != string(read(t, "golden-checkpoint.txt")) {
		t.Error("the parts are not those of the document")
	}
	block, _ := pem.Decode(read(t, "golden-receipt-key.pem"))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ledger.NewReceiptKey(parsed.(*ecdsa.PrivateKey))
	if err != nil || k.Kid() != d.Key.Kid || !bytes.Equal(k.SPKI(), d.Key.SPKI) {
		t.Errorf("the key is not the document's: %v", err)
	}
	again, err := k.Sign(d.Body)
	if err != nil || !bytes.Equal(again, d.Signature) {
		t.Errorf("the signature is not RFC 6979's: %v", err)
	}
}

// A reader that shares nothing with this package agrees on the golden receipt.
func TestASecondReaderProvesTheGoldenReceipt(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT CHECKED: the second reader (testdata/verify.py) needs %s, which is not installed", tool)
		}
	}
	verify := func(receipt string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "python3", "verify.py", receipt, "golden-log-vkey.txt")
		cmd.Dir = "testdata"
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := verify("golden-receipt.json"); err != nil || out != "proved: 01J0RECORD000001 accepted_with_warnings 2026-03-02T01:02:03.456789Z\n" {
		t.Fatalf("%v\n%s", err, out)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	moved := bytes.Replace(read(t, "golden-receipt.json"), []byte(`"index":301`), []byte(`"index":300`), 1)
	if err := os.WriteFile(bad, moved, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := verify(bad); err == nil || !strings.Contains(out, "AssertionError") {
		t.Fatalf("the control passes: %v\n%s", err, out)
	}
}
