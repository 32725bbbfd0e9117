//go:build linux

package chaos_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
)

// hostile is one body that somebody hostile might send, made by code so that
// nothing big is kept.
type hostile struct {
	name     string
	facility string
	body     []byte
	header   []string
}

// hostileBodies makes all of them, after what TRUST R10 lists.
func hostileBodies(t testing.TB) []hostile {
	t.Helper()
	n := nation(t, 4750)
	a, err := n.Outpatient(1)
	check(t, err)
	b, err := n.Outpatient(2)
	for i := 3; err == nil && b.Facility != a.Facility; i++ {
		b, err = n.Outpatient(i)
	}
	check(t, err)
	m := &maker{t: t, facility: a.Facility, good: string(a.XML), other: string(b.XML)}
	m.entities()
	m.shapes()
	m.bytes()
	m.packed()
	m.base64()
	m.wrapped()
	m.json()
	return m.list
}

type maker struct {
	t           testing.TB
	facility    string
	good, other string // signed files
	list        []hostile
}

func (m *maker) add(name, body string, header ...string) {
	m.list = append(m.list, hostile{name, m.facility, []byte(body), header})
}

// in puts text into the signed file, behind its root's start tag.
func (m *maker) in(text string) string {
	at := strings.Index(m.good, "<GIAMDINHHS")
	end := at + strings.IndexByte(m.good[at:], '>') + 1
	return m.good[:end] + text + m.good[end:]
}

// entities are bombs and files by way of a document type.
func (m *maker) entities() {
	var laughs strings.Builder
	laughs.WriteString(`<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">`)
	for i := range 9 {
		fmt.Fprintf(&laughs, `<!ENTITY lol%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&lol%s;", strings.TrimPrefix(fmt.Sprint(i), "0")), 10))
	}
	laughs.WriteString(`]><GIAMDINHHS>&lol9;</GIAMDINHHS>`)
	m.add("billion laughs", laughs.String())
	m.add("quadratic blowup", `<!DOCTYPE a [<!ENTITY a "`+strings.Repeat("a", 100_000)+`">]><GIAMDINHHS>`+strings.Repeat("&a;", 10_000)+`</GIAMDINHHS>`)
	m.add("external entity, a file", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><GIAMDINHHS>&x;</GIAMDINHHS>`)
	m.add("external entity, a URL", `<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><GIAMDINHHS>&x;</GIAMDINHHS>`)
	m.add("external document type", `<!DOCTYPE GIAMDINHHS SYSTEM "http://127.0.0.1:9/x.dtd"><GIAMDINHHS/>`)
	m.add("parameter entity", `<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><GIAMDINHHS/>`)
	m.add("recursive entity", `<!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]><GIAMDINHHS>&a;</GIAMDINHHS>`)
	m.add("document type before a signed file", `<!DOCTYPE GIAMDINHHS>`+m.good)
	m.add("XInclude", m.in(`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>`))
	m.add("stylesheet instruction", `<?xml-stylesheet href="http://127.0.0.1:9/x.xsl" type="text/xsl"?>`+m.good)
}

// shapes are documents too deep, too wide, too long.
func (m *maker) shapes() {
	deep := strings.Repeat("<a>", 1_000_000)
	m.add("a million deep", deep)
	m.add("a million deep and back", deep+strings.Repeat("</a>", 1_000_000))
	m.add("a thousand deep inside", m.in(strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)))
	var attributes strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&attributes, ` a%d="1"`, i)
	}
	m.add("300,000 attributes", `<GIAMDINHHS`+attributes.String()+`/>`)
	m.add("50 MB of text", `<GIAMDINHHS>`+strings.Repeat("a", 50<<20)+`</GIAMDINHHS>`)
	m.add("20 MB of text", m.in(strings.Repeat("a", 20<<20)))
	m.add("a million elements", `<GIAMDINHHS>`+strings.Repeat("<a/>", 1_000_000)+`</GIAMDINHHS>`)
	m.add("an element name of 1 MB", `<`+strings.Repeat("a", 1<<20)+`/>`)
	m.add("an attribute of 4 MB", `<GIAMDINHHS a="`+strings.Repeat("a", 4<<20)+`"/>`)
	m.add("a comment of 4 MB", m.in(`<!--`+strings.Repeat("a", 4<<20)+`-->`))
	var spaces strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&spaces, ` xmlns:a%d="u%d"`, i, i)
	}
	m.add("20,000 namespaces", `<GIAMDINHHS`+spaces.String()+`/>`)
	m.add("a million character references", `<GIAMDINHHS>`+strings.Repeat("&#65;", 1_000_000)+`</GIAMDINHHS>`)
	m.add("SOLUONGHOSO of 999999999", `<GIAMDINHHS><THONGTINHOSO><SOLUONGHOSO>999999999</SOLUONGHOSO></THONGTINHOSO></GIAMDINHHS>`)
}

// bytes are not UTF-8, or not only.
func (m *maker) bytes() {
	sixteen := func(mark bool) string {
		var b []byte
		if mark {
			b = append(b, 0xFF, 0xFE)
		}
		for _, u := range utf16.Encode([]rune(m.good)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	m.add("nothing", "")
	m.add("UTF-16 with a mark", sixteen(true))
	m.add("UTF-16 without a mark", sixteen(false))
	m.add("UTF-7", "+ADw-GIAMDINHHS+AD4APA-/GIAMDINHHS+AD4-")
	m.add("UTF-7 that says so", `<?xml version="1.0" encoding="UTF-7"?>`+"+ADw-GIAMDINHHS/+AD4-")
	m.add("UTF-32", "\xFF\xFE\x00\x00<\x00\x00\x00G\x00\x00\x00")
	m.add("EBCDIC", "\x4C\x6F\xA7\x94\x93")
	m.add("NUL at the beginning", "\x00"+m.good)
	m.add("NUL inside", m.in("\x00"))
	m.add("NUL at the end", m.good+"\x00")
	m.add("a mark at the beginning", "\xEF\xBB\xBF"+m.good)
	m.add("two marks", "\xEF\xBB\xBF\xEF\xBB\xBF"+m.good)
	m.add("a mark inside", m.in("\xEF\xBB\xBF"))
	m.add("an overlong slash", m.in("\xC0\xAF"))
	m.add("a surrogate", m.in("\xED\xA0\x80"))
	m.add("cut in the middle", m.good[:len(m.good)/2])
	m.add("cut before the last byte", m.good[:len(m.good)-1])
	m.add("a second document behind", m.good+m.good)
	m.add("HTML with a script", "<html><script>alert(1)</script></html>")
	m.add("four megabytes of 0xFF", strings.Repeat("\xFF", 4<<20))
}

// packed are bodies that become much more, or are not what they say.
func (m *maker) packed() {
	plain := bytes.Repeat([]byte("a"), 300<<20)
	encoder := must(zstd.NewWriter(nil))
	bomb := encoder.EncodeAll(plain, nil)
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	must(gz.Write(plain))
	must(0, gz.Close())
	m.add("zstd bomb", string(bomb), "Content-Encoding", "zstd")
	m.add("zstd bomb in a zstd bomb", string(encoder.EncodeAll(bomb, nil)), "Content-Encoding", "zstd, zstd")
	m.add("zstd cut short", string(encoder.EncodeAll([]byte(m.good), nil)[:500]), "Content-Encoding", "zstd")
	m.add("zstd that is none", m.good, "Content-Encoding", "zstd")
	m.add("gzip bomb", zipped.String(), "Content-Encoding", "gzip")
	m.add("gzip that is not said", zipped.String())
	m.add("an encoding nobody knows", m.good, "Content-Encoding", "br")
	var z bytes.Buffer
	zw := zip.NewWriter(&z)
	must(must(zw.Create("../../etc/passwd")).Write(plain[:1<<20]))
	must(0, zw.Close())
	m.add("a zip with a way out", z.String())
	tarOf := func(name string, size int64, body string) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		must(0, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Typeflag: tar.TypeReg}))
		_, _ = w.Write([]byte(body)) // less than it says is the point
		return b.String()
	}
	m.add("a tar with a way out", tarOf("../../etc/passwd", int64(len(m.good)), m.good), "Content-Type", "application/x-tar")
	m.add("a tar member of 8 TB", tarOf("a.xml", 8<<40, m.good), "Content-Type", "application/x-tar")
	m.add("a tar bomb in zstd", string(encoder.EncodeAll([]byte(tarOf("a.xml", 200<<20, string(plain[:200<<20]))), nil)), "Content-Type", "application/x-tar", "Content-Encoding", "zstd")
	m.add("a tar of zeros", strings.Repeat("\x00", 1<<20), "Content-Type", "application/x-tar")
}

// base64 is what inner documents come in.
func (m *maker) base64() {
	for _, x := range []struct{ name, inner string }{
		{"inner base64 with a wrong letter", "!!!!"}, {"inner base64 cut short", "QUJDR"}, {"inner base64 with loose bits", "QUJDRB=="},
		{"inner base64 of nothing", ""}, {"inner base64 of base64", base64.StdEncoding.EncodeToString([]byte("QUJDRA=="))},
		{"inner document type", base64.StdEncoding.EncodeToString([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><TONG_HOP>&b;</TONG_HOP>`))},
		{"inner document a hundred thousand deep", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<a>", 100_000)))},
	} {
		const open, end = "<NOIDUNGFILE>", "</NOIDUNGFILE>"
		at := strings.Index(m.good, open) + len(open)
		to := at + strings.Index(m.good[at:], end)
		m.add(x.name, m.good[:at]+x.inner+m.good[to:])
	}
}

// wrapped are the eight ways to hide a signed part (XSW1 to XSW8), as far as
// they can be said of a file signed whole: evil is what is to be believed.
func (m *maker) wrapped() {
	at := strings.Index(m.good, "<CHUKYDONVI")
	end := strings.Index(m.good, "</CHUKYDONVI>") + len("</CHUKYDONVI>")
	seal := m.good[at:end]
	inner := seal[strings.IndexByte(seal, '>')+1 : len(seal)-len("</CHUKYDONVI>")]
	at2, end2 := strings.Index(m.other, "<CHUKYDONVI"), strings.Index(m.other, "</CHUKYDONVI>")+len("</CHUKYDONVI>")
	evil := m.other[:at2] + m.other[end2:] // unsigned
	original := m.good[strings.Index(m.good, "<GIAMDINHHS"):]
	with := func(seal string) string { return strings.Replace(evil, "</GIAMDINHHS>", seal+"</GIAMDINHHS>", 1) }
	object := func(inside string) string {
		return "<CHUKYDONVI>" + strings.Replace(inner, "</Signature>", "<Object>"+inside+"</Object></Signature>", 1) + "</CHUKYDONVI>"
	}
	bare := strings.Replace(original, seal, "", 1)
	m.add("XSW1 the original inside the signature", with(object(original)))
	m.add("XSW2 the original before the signature", with(bare+seal))
	m.add("XSW3 the original as first child", strings.Replace(evil, "<THONGTINDONVI>", original+"<THONGTINDONVI>", 1))
	m.add("XSW4 the evil around the original", strings.Replace(evil, "</GIAMDINHHS>", original+"</GIAMDINHHS>", 1))
	m.add("XSW5 the evil with the other's seal", with(seal))
	m.add("XSW6 two seals, the original inside one", with(seal+object(bare)))
	m.add("XSW7 an extension around the original", with("<Extensions>"+original+"</Extensions>"+seal))
	m.add("XSW8 an object beside the reference", with(object("<Extensions>"+bare+"</Extensions>")))
	m.add("a seal twice", strings.Replace(m.good, seal, seal+seal, 1))
	m.add("a seal moved to the beginning", strings.Replace(strings.Replace(m.good, seal, "", 1), "<THONGTINDONVI>", seal+"<THONGTINDONVI>", 1))
	m.add("a seal with a transform that selects", strings.Replace(m.good, "<Transforms>", `<Transforms><Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><XPath>1=1</XPath></Transform>`, 1))
	m.add("a seal with a comment in its value", strings.Replace(m.good, "<SignatureValue>", "<SignatureValue><!-- -->", 1))
	m.add("no seal", evil)
}

// json is for kinds that come as JSON.
func (m *maker) json() {
	as := []string{"Content-Type", "application/json"}
	m.add("JSON, a key twice", `{"a":1,"a":2}`, as...)
	m.add("JSON, a hundred thousand deep", strings.Repeat("[", 100_000), as...)
	m.add("JSON, a number of a million digits", `{"a":`+strings.Repeat("9", 1_000_000)+`}`, as...)
	m.add("JSON, a lone surrogate", `{"a":"\ud800"}`, as...)
	m.add("JSON, not UTF-8", "{\"a\":\"\xff\"}", as...)
	m.add("JSON, a mark and two documents", "\xEF\xBB\xBF{}{}", as...)
	m.add("JSON, NaN", `{"a":NaN}`, as...)
}
