package seal_test

import (
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
