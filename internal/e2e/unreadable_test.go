package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// signed is a good file of 79901 with one visit, signed by its P-256 key.
func signed() string { return string(ours(pairs().ec, envelope(newVisit()))) }

// before changes a good file before it is signed.
func before(old, new string) []byte {
	s := envelope(newVisit())
	if !strings.Contains(s, old) {
		panic("nothing to change: " + old)
	}
	return ours(pairs().ec, strings.Replace(s, old, new, 1))
}

func utf16of(s string, big, bom bool) []byte {
	var b []byte
	put := func(u uint16) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	if bom {
		put(0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		put(u)
	}
	return b
}

const gone = "refused file.unreadable"

// bytesSamples: bytes that are not one well-formed UTF-8 document.
func bytesSamples() []sample {
	s := signed()
	bare := envelope(newVisit())
	list := []sample{
		{name: "an empty file", data: nil},
		{name: "one blank", data: []byte(" ")},
		{name: "line ends only", data: []byte("\r\n\r\n\t ")},
		{name: "a BOM alone", data: []byte("\xEF\xBB\xBF")},
		{name: "a declaration alone", data: []byte(`<?xml version="1.0"?>`)},
		{name: "a comment alone", data: []byte(`<!-- x -->`)},
		{name: "JSON", data: []byte(`{"a":1}`)},
		{name: "a JSON array", data: []byte(`[]`)},
		{name: "plain text", data: []byte("Hồ sơ bệnh án")},
		{name: "HTML that is no XML", data: []byte("<html><body><p>x<br></body></html>")},
		{name: "PDF", data: []byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<< >>\nendobj")},
		{name: "ZIP", data: []byte("PK\x03\x04\x14\x00\x00\x00")},
		{name: "gzip without saying so", data: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00")},
		{name: "base64 of a file", data: []byte(b64(s))},
		{name: "UTF-16LE with BOM", data: utf16of(s, false, true)},
		{name: "UTF-16BE with BOM", data: utf16of(s, true, true)},
		{name: "UTF-16LE without BOM", data: utf16of(s, false, false)},
		{name: "UTF-16 that says so", data: utf16of(`<?xml version="1.0" encoding="UTF-16"?>`+s, false, true)},
		{name: "a declaration of UTF-16 over UTF-8 bytes", data: []byte(`<?xml version="1.0" encoding="UTF-16"?>` + s)},
		{name: "a declaration of Latin-1", data: []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>` + s)},
		{name: "a declaration of windows-1258", data: []byte(`<?xml version="1.0" encoding="windows-1258"?>` + s)},
		{name: "a declaration of US-ASCII", data: []byte(`<?xml version="1.0" encoding="US-ASCII"?>` + s)},
		{name: "XML 1.1", data: []byte(`<?xml version="1.1" encoding="UTF-8"?>` + s)},
		{name: "a declaration without version", data: []byte(`<?xml encoding="UTF-8"?>` + s)},
		{name: "a blank before the declaration", data: []byte(` <?xml version="1.0"?>` + s)},
		{name: "two declarations", data: []byte(`<?xml version="1.0"?><?xml version="1.0"?>` + s)},
		{name: "two BOMs", data: []byte("\xEF\xBB\xBF\xEF\xBB\xBF" + s)},
		{name: "Latin-1 bytes", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><GHICHU>b\xe9n\xe8</GHICHU>", 1))},
		{name: "a lone continuation byte", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\x80", 1))},
		{name: "an overlong slash", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\xC0\xAF", 1))},
		{name: "an overlong NUL", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\xC0\x80", 1))},
		{name: "a surrogate in UTF-8", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\xED\xA0\x80", 1))},
		{name: "beyond U+10FFFF", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\xF4\x90\x80\x80", 1))},
		{name: "U+FFFE", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\uFFFE", 1))},
		{name: "NUL inside", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\x00", 1))},
		{name: "NUL at the end", data: []byte(s + "\x00")},
		{name: "NUL at the beginning", data: []byte("\x00" + s)},
		{name: "a control character", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>\x0B", 1))},
		{name: "a reference to NUL", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#0;", 1))},
		{name: "a reference to a control character", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#x1F;", 1))},
		{name: "a reference to a surrogate", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#xD800;", 1))},
		{name: "a reference beyond Unicode", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#x110000;", 1))},
		{name: "a reference without digits", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#;", 1))},
		{name: "a capital X in a reference", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&#X41;", 1))},
		{name: "an entity nobody declared", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>&nbsp;", 1))},
		{name: "a bare ampersand", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO> & ", 1))},
		{name: "]]> in text", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO>]]>", 1))},
		{name: "-- in a comment", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><!-- a -- b -->", 1))},
		{name: "a comment without end", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><!-- a ", 1))},
		{name: "CDATA without end", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><![CDATA[ ", 1))},
		{name: "an instruction named xml", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><?xml version='1.0'?>", 1))},
		{name: "an attribute twice", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO a='1' a='2'>", 1))},
		{name: "an attribute twice by namespace", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'>", 1))},
		{name: "an attribute without quotes", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO a=1>", 1))},
		{name: "< in an attribute", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO a='<'>", 1))},
		{name: "a prefix nobody declared", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><x:a/>", 1))},
		{name: "end tags crossed", data: []byte(strings.Replace(s, "</HOSO></DANHSACHHOSO>", "</DANHSACHHOSO></HOSO>", 1))},
		{name: "an end tag of another case", data: []byte(strings.Replace(s, "</HOSO>", "</hoso>", 1))},
		{name: "an element without end", data: []byte(strings.Replace(s, "</HOSO>", "", 1))},
		{name: "a second root", data: []byte(s + "<A/>")},
		{name: "the file twice", data: []byte(s + s)},
		{name: "text behind the root", data: []byte(s + "x")},
		{name: "text before the root", data: []byte("x" + s)},
		{name: "CDATA behind the root", data: []byte(s + "<![CDATA[ ]]>")},
		{name: "a reference behind the root", data: []byte(s + "&#32;")},
		{name: "a tag cut off", data: []byte(s[:len(s)-1])},
		{name: "the root's end cut off", data: []byte(strings.TrimSuffix(s, "</GIAMDINHHS>"))},
		{name: "cut off, with a DOCTYPE", data: []byte("<!DOCTYPE GIAMDINHHS>" + s[:len(s)/2])},
		{name: "cut off, with an unknown root", data: []byte("<A><B>")},
		{name: "a DOCTYPE that does not end", data: []byte("<!DOCTYPE GIAMDINHHS [ " + s)},
		{name: "a DOCTYPE behind the root", data: []byte(s + "<!DOCTYPE a>")},
		{name: "a DOCTYPE inside the root", data: []byte(strings.Replace(s, "<THONGTINHOSO>", "<THONGTINHOSO><!DOCTYPE a>", 1))},
		{name: "too deep and cut off", data: []byte("<GIAMDINHHS>" + strings.Repeat("<A>", 100))},
		{name: "unsigned and cut off", data: []byte(bare[:len(bare)-3])},
	}
	for i := range 12 {
		at := (len(s) - 1) * (i + 1) / 13
		for at > 0 && s[at]&0xC0 == 0x80 {
			at--
		}
		list = append(list, sample{name: fmt.Sprintf("cut off after %d thirteenths", i+1), data: []byte(s[:at])})
	}
	for i := range list {
		list[i].want = gone
	}
	return list
}

func doctypeSamples() []sample {
	s := signed()
	put := func(doctype string) []byte { return []byte(doctype + s) }
	list := []sample{
		{name: "a DOCTYPE", data: put("<!DOCTYPE GIAMDINHHS>")},
		{name: "a DOCTYPE behind the declaration", data: put("<?xml version=\"1.0\"?>\n<!DOCTYPE GIAMDINHHS>\n")},
		{name: "a DOCTYPE behind BOM and comment", data: put("\xEF\xBB\xBF<!-- x --><!DOCTYPE GIAMDINHHS>")},
		{name: "an external subset", data: put(`<!DOCTYPE GIAMDINHHS SYSTEM "http://127.0.0.1:1/x.dtd">`)},
		{name: "a public identifier", data: put(`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">`)},
		{name: "an empty internal subset", data: put("<!DOCTYPE GIAMDINHHS []>")},
		{name: "an entity, not used", data: put(`<!DOCTYPE GIAMDINHHS [<!ENTITY a "b">]>`)},
		{name: "an entity, used", data: []byte(`<!DOCTYPE GIAMDINHHS [<!ENTITY a "79901">]>` + strings.Replace(s, "<MACSKCB>79901", "<MACSKCB>&a;", 1))},
		{name: "an external entity, used", data: []byte(`<!DOCTYPE GIAMDINHHS [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + strings.Replace(s, "<MACSKCB>79901", "<MACSKCB>&a;", 1))},
		{name: "a parameter entity", data: put(`<!DOCTYPE GIAMDINHHS [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>`)},
		{name: "a billion laughs", data: []byte(laughs() + strings.Replace(s, "<MACSKCB>79901", "<MACSKCB>&l9;", 1))},
		{name: "quotes and brackets in the subset", data: put(`<!DOCTYPE GIAMDINHHS [<!ENTITY a "]>"><!-- ]> --><?p ]>?><!ATTLIST HOSO Id ID #IMPLIED>]>`)},
		{name: "a DOCTYPE over another root", data: []byte("<!DOCTYPE A><A/>")},
		{name: "a DOCTYPE and too deep", data: []byte("<!DOCTYPE A>" + strings.Repeat("<A>", 70) + strings.Repeat("</A>", 70))},
		{name: "a DOCTYPE and no seal", data: []byte("<!DOCTYPE GIAMDINHHS>" + envelope(newVisit()))},
		{name: "a DOCTYPE and too few HOSO", data: []byte("<!DOCTYPE GIAMDINHHS>" + strings.Replace(s, "<SOLUONGHOSO>1<", "<SOLUONGHOSO>2<", 1))},
		{name: "HTML 5 that is well-formed", data: []byte("<!DOCTYPE html><html><body/></html>")},
	}
	for i := range list {
		list[i].want = "refused file.doctype"
	}
	return list
}

func laughs() string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE GIAMDINHHS [<!ENTITY l0 "ha">`)
	for i := range 9 {
		fmt.Fprintf(&b, `<!ENTITY l%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	return b.String() + "]>"
}

func limitSamples() []sample {
	deep := func(n int) string { // n levels below the root
		return strings.Repeat("<A>", n) + strings.Repeat("</A>", n)
	}
	many := strings.Repeat("<HOSO></HOSO>", 1001)
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d='1'", i)
		}
		return b.String()
	}
	over := "refused file.limits"
	return []sample{
		{name: "64 levels", data: before("<CHUKYDONVI>", deep(63)+"<CHUKYDONVI>"), want: "accepted"},
		{name: "65 levels", data: before("<CHUKYDONVI>", deep(64)+"<CHUKYDONVI>"), want: over},
		{name: "100,000 levels", data: before("<CHUKYDONVI>", deep(100_000)+"<CHUKYDONVI>"), want: over},
		{name: "65 levels under another root", data: []byte("<X>" + deep(64) + "</X>"), want: over},
		{name: "65 levels and no seal", data: []byte(strings.Replace(envelope(newVisit()), "<CHUKYDONVI>", deep(64)+"<CHUKYDONVI>", 1)), want: over},
		{name: "10,000 attributes", data: before("<THONGTINHOSO>", "<THONGTINHOSO"+attributes(10_000)+">"), want: over},
		{name: "1,001 HOSO", data: ours(pairs().ec, enclosed("79901", "20261120", "1001", many)), want: over},
		{name: "1,001 HOSO that say 1,000", data: ours(pairs().ec, enclosed("79901", "20261120", "1000", many)), want: over},
		{name: "1,001 HOSO that say nothing", data: ours(pairs().ec, enclosed("79901", "20261120", "", many)), want: over},
		{name: "1,001 HOSO of nobody", data: ours(pairs().ec, enclosed("79999", "20261120", "1001", many)), want: over},
		{name: "1,001 HOSO and no seal", data: []byte(enclosed("79901", "20261120", "1001", many)), want: over},
		{name: "five million elements", data: []byte("<GIAMDINHHS>" + strings.Repeat("<A/>", 5_000_000) + "</GIAMDINHHS>"), want: over},
		{name: "1,001 check-ins", data: ours(pairs().ec, checkin(slicesOf(1001)...)), want: over},
		{name: "a comment of a megabyte", data: before("<CHUKYDONVI>", "<!--"+strings.Repeat("x", 1<<20)+"--><CHUKYDONVI>"), want: "accepted"},
	}
}

func slicesOf(n int) [][]field {
	one := arrival()
	out := make([][]field, n)
	for i := range out {
		out[i] = one
	}
	return out
}

func TestBytesThatAreNoFile(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		judge(t, w, bytesSamples())
		judge(t, w, doctypeSamples())
		judge(t, w, limitSamples())
	})
}

func TestFilesOver32MiB(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		base := signed()
		fill := func(size int) []byte { // white space behind the root is not signed
			return append([]byte(base), bytes.Repeat([]byte(" "), size-len(base))...)
		}
		whole, over := fill(32<<20), fill(32<<20+1)
		judge(t, w, []sample{{name: "32 MiB", data: whole, want: "accepted"}, {name: "32 MiB and a byte", data: over, want: "refused file.limits"}})
	})
}
