package seal_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/seal"
)

func TestSampleDossiersVerify(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(sharedDir(t), "samples", "dossiers", "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skip("SKIPPED: no ../shared/samples/dossiers beside the repository; sample dossiers were not verified")
	}
	signed, err := filepath.Glob(filepath.Join(sharedDir(t), "samples", "*.signed.xml"))
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t)
	for _, f := range append(files, signed...) {
		doc, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := v.Verify(doc, container)
		if err != nil || len(verdict.Signatures) != 1 || verdict.Signatures[0].Certificate == nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		s := verdict.Signatures[0]
		if got := doc[s.Span.Start:s.Span.End]; !bytes.HasPrefix(got, []byte("<Signature ")) || !bytes.HasSuffix(got, []byte("</Signature>")) {
			t.Errorf("%s: span %v", filepath.Base(f), s.Span)
		}
	}
}

func TestSignThenVerify(t *testing.T) {
	t.Parallel()
	docs := map[string]string{
		"plain":         envelope,
		"empty element": strings.Replace(envelope, "<CHUKYDONVI></CHUKYDONVI>", "<CHUKYDONVI />", 1),
		"declaration":   "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- x -->\r\n" + envelope + "\r\n<?p q?>",
		"namespaces":    strings.Replace(envelope, "<GIAMDINHHS>", `<GIAMDINHHS xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xml:lang="vi">`, 1),
		"default space": strings.Replace(envelope, "<GIAMDINHHS>", `<GIAMDINHHS xmlns="urn:x">`, 1),
		"unusual":       strings.Replace(envelope, "<HOSO>", "<HOSO b='2' a = '&lt;&#9;'>\r\n<![CDATA[<&]]>&gt;>\r<!-- c --><E/>", 1),
	}
	for name, doc := range docs {
		for algorithm, pair := range map[seal.Algorithm]seal.KeyPair{seal.RSASHA256: rsaPair(), seal.ECDSASHA256: ecPair()} {
			t.Run(name+" "+string(algorithm), func(t *testing.T) {
				t.Parallel()
				out := sign(t, doc, pair)
				verdict, err := newVerifier(t).Verify([]byte(out), container)
				if err != nil {
					t.Fatal(err)
				}
				s := verdict.Signatures[0]
				if !s.Certificate.Equal(pair.Certificate) || s.Algorithm != algorithm || s.Covered != seal.Whole {
					t.Fatalf("verdict %+v", s)
				}
				if again := sign(t, doc, pair); again != out {
					t.Error("signing again gives other bytes")
				}
				whole := out[:s.Span.Start] + out[s.Span.End:]
				if name != "empty element" && whole != doc {
					t.Error("signing changed other bytes")
				}
			})
		}
	}
}

// Files signed by xmlsec1 1.2 with throw-away keys; the fingerprints are openssl's.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]struct {
		algorithm   seal.Algorithm
		fingerprint string
	}{
		"xmlsec-rsa.xml": {seal.RSASHA256, "12a1426534b0f7bce2ab29fa8ad8a04510c0dcf85d01234548e4c09f91023df0"},
		"xmlsec-ec.xml":  {seal.ECDSASHA256, "9d8c93a1058581a20f1c3e47beb464146a879d9c8072366d06a1b015325a94de"},
	} {
		doc, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := newVerifier(t).Verify(doc, container)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s := verdict.Signatures[0]
		if s.Algorithm != want.algorithm || hex.EncodeToString(s.Fingerprint[:]) != want.fingerprint {
			t.Errorf("%s: %s %x", file, s.Algorithm, s.Fingerprint)
		}
		bad := strings.Replace(string(doc), "<SOLUONGHOSO>1<", "<SOLUONGHOSO>2<", 1)
		if got := code(t, []byte(bad), container); got != "seal.broken" {
			t.Errorf("%s changed: %q", file, got)
		}
	}
}
