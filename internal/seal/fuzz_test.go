package seal_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"lienthong/internal/seal"
)

// FuzzVerify: no panic, only coded errors, and what verifies has as many
// signatures as prescribed, inside the document.
func FuzzVerify(f *testing.F) {
	good := sign(f, envelope, ecPair())
	f.Add([]byte(good))
	f.Add([]byte(sign(f, unusual["namespaces"], rsaPair())))
	f.Add([]byte(envelope))
	f.Add([]byte(strings.Replace(good, "<SignedInfo>", "<SignedInfo><SignedInfo>", 1)))
	f.Add([]byte(strings.Replace(good, "</Signature>", "<Object/></Signature>", 1)))
	f.Add([]byte(strings.Replace(good, `URI=""`, `URI="#x"`, 1)))
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, e := range []seal.Expect{container, {Container: "CHUKYDONVI", Count: 2, Countersigned: true}} {
			verdict, err := v.Verify(doc, e)
			if err != nil {
				if c := faultCode(err); verdict != nil || !strings.HasPrefix(c, "seal.") && !strings.HasPrefix(c, "file.") {
					t.Fatalf("%v %v", verdict, err)
				}
				continue
			}
			if len(verdict.Signatures) != max(e.Count, 1) {
				t.Fatalf("%d signatures", len(verdict.Signatures))
			}
			for _, s := range verdict.Signatures {
				if s.Certificate == nil || s.Span.Start <= 0 || s.Span.End <= s.Span.Start || s.Span.End > len(doc) {
					t.Fatalf("%+v", s)
				}
			}
		}
	})
}

// FuzzSignThenVerify: whatever unsigned document can be signed then verifies, and
// no longer when a byte of text is put in.
func FuzzSignThenVerify(f *testing.F) {
	for _, doc := range unusual {
		f.Add([]byte(doc))
	}
	f.Add([]byte("<a><CHUKYDONVI>x</CHUKYDONVI ></a>"))
	f.Add([]byte("<a xmlns='http://www.w3.org/2000/09/xmldsig#'><CHUKYDONVI\n/></a>"))
	v, pair := newVerifier(f), ecPair()
	f.Fuzz(func(t *testing.T, doc []byte) {
		signed, err := pair.Sign(doc, "CHUKYDONVI")
		if err != nil {
			return
		}
		if _, err := v.Verify(doc, container); faultCode(err) != "seal.missing" {
			return
		}
		verdict, err := v.Verify(signed, container)
		if err != nil {
			t.Fatalf("%v\n%s", err, signed)
		}
		at := verdict.Signatures[0].Span.Start
		bad := string(signed[:at]) + "x" + string(signed[at:])
		if _, err := v.Verify([]byte(bad), container); faultCode(err) != "seal.broken" {
			t.Fatalf("changed: %v\n%s", err, bad)
		}
	})
}

// FuzzKeys: no panic, ErrKey or a pair that signs.
func FuzzKeys(f *testing.F) {
	pair := ecPair()
	f.Add(append(block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(keys().ec))), certBlock(pair.Certificate)...))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := seal.LoadPEM(data)
		if err == nil {
			_, err = got.Sign([]byte(envelope), "CHUKYDONVI")
			if err != nil {
				t.Fatal(err)
			}
		} else if faultCode(err) != "seal.key" {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	big := strings.Replace(envelope, "<HOSO>", "<HOSO>"+strings.Repeat("<FILEHOSO><LOAIHOSO>XML2</LOAIHOSO><NOIDUNGFILE>"+strings.Repeat("PD94bWwgdmVyc2lv", 360)+"</NOIDUNGFILE></FILEHOSO>", 8), 1)
	general := strings.Replace(big, "<GIAMDINHHS>", `<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`, 1)
	for name, doc := range map[string]string{"rsa verbatim": sign(b, big, rsaPair()), "ec verbatim": sign(b, big, ecPair()), "rsa general": sign(b, general, rsaPair())} {
		b.Run(name, func(b *testing.B) {
			v, data := newVerifier(b), []byte(doc)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(data, container); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
