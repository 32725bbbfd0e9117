package xmltok_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"lienthong/internal/xmltok"
)

func document(tb testing.TB, doc string, m xmltok.Method, omit ...xmltok.Span) string {
	tb.Helper()
	var c xmltok.Canonicalizer
	var b bytes.Buffer
	if err := c.Document(&b, []byte(doc), xmltok.Limits{}, xmltok.Form{Method: m}, omit...); err != nil {
		tb.Fatalf("%v in %s", err, doc)
	}
	return b.String()
}

// find returns the span and the scope of the nth element with this name.
func find(tb testing.TB, doc, name string) (xmltok.Span, xmltok.Scope) {
	tb.Helper()
	t := xmltok.New([]byte(doc), xmltok.Limits{})
	for {
		k, err := t.Next()
		if err != nil || k == xmltok.EOF {
			tb.Fatalf("no %s: %v", name, err)
		}
		if k == xmltok.StartElement && string(t.Name()) == name {
			var s xmltok.Scope
			t.Scope(&s)
			start := t.Offset()
			if err := t.Skip(); err != nil {
				tb.Fatal(err)
			}
			return xmltok.Span{Start: start, End: t.End()}, s
		}
	}
}

func element(tb testing.TB, doc, name string, m xmltok.Method) string {
	tb.Helper()
	span, scope := find(tb, doc, name)
	var c xmltok.Canonicalizer
	var b bytes.Buffer
	if err := c.Element(&b, []byte(doc), span.Start, &scope, xmltok.Limits{}, xmltok.Form{Method: m}); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestCanonicalDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, inclusive, exclusive string }{
		{"empty element", "<a/>", "<a></a>", ""},
		{"declaration and white space", "\xEF\xBB\xBF<?xml version='1.0'?>\r\n<a />\n", "<a></a>", ""},
		{"outside the root", "<?p  q ?><!-- c -->\n<a/><!-- d --><?r?>\n<?s t?>", "<?p q ?>\n<a></a>\n<?r?>\n<?s t?>", ""},
		{"inside", "<a><!-- c --><?p  q?></a>", "<a><?p q?></a>", ""},
		{"text", "<a>&lt;&amp;&gt;\"'&#13;\r\n]] ><![CDATA[<&>\r]]></a>", "<a>&lt;&amp;&gt;\"'&#xD;\n]] &gt;&lt;&amp;&gt;\n</a>", ""},
		{"values", "<a b='&quot;\"&lt;&amp;>&#9;&#10;&#13;\t\r\n.'/>", "<a b=\"&quot;&quot;&lt;&amp;>&#x9;&#xA;&#xD;  .\"></a>", ""},
		{"attribute order", `<a xmlns:a="urn:2" xmlns:b="urn:1" a:x="1" b:x="2" x="3" B="4" xml:id="5"/>`,
			`<a xmlns:a="urn:2" xmlns:b="urn:1" B="4" x="3" xml:id="5" b:x="2" a:x="1"></a>`, ""},
		{"declared where used", `<a xmlns:p="urn:p" xmlns="urn:d"><p:b/><c xmlns=""><p:d p:e=""/></c></a>`,
			`<a xmlns="urn:d" xmlns:p="urn:p"><p:b></p:b><c xmlns=""><p:d p:e=""></p:d></c></a>`,
			`<a xmlns="urn:d"><p:b xmlns:p="urn:p"></p:b><c xmlns=""><p:d xmlns:p="urn:p" p:e=""></p:d></c></a>`},
		{"declared again", `<a xmlns:p="u"><b xmlns:p="u"><c xmlns:p="v" xmlns=""/></b></a>`,
			`<a xmlns:p="u"><b><c xmlns:p="v"></c></b></a>`, `<a><b><c></c></b></a>`},
		{"default undone and redone", `<a xmlns="u"><b xmlns=""><c xmlns="u"/></b></a>`, `<a xmlns="u"><b xmlns=""><c xmlns="u"></c></b></a>`, ""},
		{"xml declared", `<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="vi"/>`, `<a xml:lang="vi"></a>`, ""},
		{"namespace with entity", `<a xmlns:p="u&amp;&quot;"><p:b c="&amp;"/></a>`, `<a xmlns:p="u&amp;&quot;"><p:b c="&amp;"></p:b></a>`, `<a><p:b xmlns:p="u&amp;&quot;" c="&amp;"></p:b></a>`},
	} {
		if got := document(t, c.doc, xmltok.Inclusive); got != c.inclusive {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.inclusive)
		}
		if c.exclusive == "" {
			c.exclusive = c.inclusive
		}
		if got := document(t, c.doc, xmltok.Exclusive); got != c.exclusive {
			t.Errorf("%s, exclusive\n got %s\nwant %s", c.name, got, c.exclusive)
		}
		if again := document(t, c.inclusive, xmltok.Inclusive); again != c.inclusive {
			t.Errorf("%s: canonical form is not a fixed point: %s", c.name, again)
		}
	}
}

func TestCanonicalElements(t *testing.T) {
	t.Parallel()
	doc := `<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q" xml:lang="vi" xml:base="x&amp;" p:n="no"><b xml:lang="en" xmlns:q="urn:r"><t xml:space="preserve" q:x="1"><p:u/></t></b></a>`
	for _, c := range []struct {
		name, want string
		m          xmltok.Method
	}{
		{"t", `<t xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:r" xml:base="x&amp;" xml:lang="en" xml:space="preserve" q:x="1"><p:u></p:u></t>`, xmltok.Inclusive},
		{"t", `<t xmlns="urn:d" xmlns:q="urn:r" xml:space="preserve" q:x="1"><p:u xmlns:p="urn:p"></p:u></t>`, xmltok.Exclusive},
		{"p:u", `<p:u xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:r" xml:base="x&amp;" xml:lang="en" xml:space="preserve"></p:u>`, xmltok.Inclusive},
		{"p:u", `<p:u xmlns:p="urn:p"></p:u>`, xmltok.Exclusive},
	} {
		if got := element(t, doc, c.name, c.m); got != c.want {
			t.Errorf("%s %v\n got %s\nwant %s", c.name, c.m, got, c.want)
		}
	}
	if got := element(t, `<a xmlns="u"><b xmlns=""><c/></b></a>`, "c", xmltok.Inclusive); got != "<c></c>" {
		t.Errorf("undone default: %s", got)
	}
	var c xmltok.Canonicalizer
	for _, at := range []int{-1, 1, 3, 1000} {
		if err := c.Element(io.Discard, []byte("<a>b<!-- c --></a>"), at, nil, xmltok.Limits{}, xmltok.Form{}); !errors.Is(err, xmltok.ErrNoElement) {
			t.Errorf("offset %d: %v", at, err)
		}
	}
	if err := c.Element(io.Discard, []byte("<a>b<!-- c --></a>"), 4, nil, xmltok.Limits{}, xmltok.Form{}); !errors.Is(err, xmltok.ErrNoElement) {
		t.Errorf("comment: %v", err)
	}
}

func TestEscapingReadsBack(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "x", "<a b=\"'\">&amp;]]>", "\r\n\t x\r", "Ấ"} {
		doc := `<a b="` + string(xmltok.AppendAttr(nil, []byte(s))) + `">` + string(xmltok.AppendText(nil, []byte(s))) + "</a>"
		tok := xmltok.New([]byte(doc), xmltok.Limits{})
		if _, err := tok.Next(); err != nil {
			t.Fatal(err)
		}
		value, _ := tok.Attr("b")
		if string(value) != s {
			t.Errorf("value %q came back as %q", s, value)
		}
		if text, _, err := tok.ElementText(); err != nil || string(text) != s {
			t.Errorf("text %q came back as %q: %v", s, text, err)
		}
	}
}

func TestPrefixList(t *testing.T) {
	t.Parallel()
	doc := `<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:b><c xmlns:q="urn:r"/><q:d xmlns=""/></p:b></a>`
	for _, c := range []struct {
		prefixes []string
		want     string
	}{
		{nil, `<a xmlns="urn:d"><p:b xmlns:p="urn:p"><c></c><q:d xmlns:q="urn:q"></q:d></p:b></a>`},
		{[]string{"q"}, `<a xmlns="urn:d" xmlns:q="urn:q"><p:b xmlns:p="urn:p"><c xmlns:q="urn:r"></c><q:d></q:d></p:b></a>`},
		{[]string{"p", "none", "xml", "p"}, `<a xmlns="urn:d" xmlns:p="urn:p"><p:b><c></c><q:d xmlns:q="urn:q"></q:d></p:b></a>`},
		{[]string{""}, `<a xmlns="urn:d"><p:b xmlns:p="urn:p"><c></c><q:d xmlns="" xmlns:q="urn:q"></q:d></p:b></a>`},
	} {
		var can xmltok.Canonicalizer
		var b bytes.Buffer
		if err := can.Document(&b, []byte(doc), xmltok.Limits{}, xmltok.Form{Method: xmltok.Exclusive, Prefixes: c.prefixes}); err != nil || b.String() != c.want {
			t.Errorf("%q: %v\n got %s\nwant %s", c.prefixes, err, b.String(), c.want)
		}
	}
}

func TestLeavingOutElements(t *testing.T) {
	t.Parallel()
	doc := `<a xmlns:p="u">x<s><s/></s>y<p:b/><t/>z</a>`
	s, _ := find(t, doc, "s")
	u, _ := find(t, doc, "t")
	if got, want := document(t, doc, xmltok.Inclusive, s, u), `<a xmlns:p="u">xy<p:b></p:b>z</a>`; got != want {
		t.Errorf("got %s", got)
	}
	if got, want := document(t, doc, xmltok.Exclusive, s), `<a>xy<p:b xmlns:p="u"></p:b><t></t>z</a>`; got != want {
		t.Errorf("got %s", got)
	}
	var c xmltok.Canonicalizer
	for name, spans := range map[string][]xmltok.Span{
		"text": {{Start: 15, End: 16}}, "too short": {{Start: s.Start, End: s.End - 1}}, "wrong order": {u, s}, "root": {{Start: 0, End: len(doc)}},
	} {
		if err := c.Document(io.Discard, []byte(doc), xmltok.Limits{}, xmltok.Form{}, spans...); !errors.Is(err, xmltok.ErrNoElement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCanonicalFormIsBounded(t *testing.T) {
	t.Parallel()
	doc := `<a xmlns:p="` + strings.Repeat("u", 2000) + `">` + strings.Repeat("<p:b/>", 100_000) + "</a>"
	var c xmltok.Canonicalizer
	if err := c.Document(io.Discard, []byte(doc), xmltok.Limits{}, xmltok.Form{Method: xmltok.Exclusive}); !errors.Is(err, xmltok.ErrLimits) {
		t.Fatalf("got %v", err)
	}
	if err := c.Document(io.Discard, []byte(doc), xmltok.Limits{}, xmltok.Form{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Document(failing{}, []byte("<a/>"), xmltok.Limits{}, xmltok.Form{}); !errors.Is(err, io.ErrShortWrite) {
		t.Fatalf("writer's error: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// generate makes a well-formed document with everything canonicalisation cares
// about; simple leaves out what goxmldsig does not do.
func generate(choose func(n int) int, simple bool) string {
	g := generator{choose: choose, simple: simple}
	if !simple {
		g.misc()
	}
	g.element(0, []string{""})
	if !simple {
		g.misc()
	}
	return g.b.String()
}

type generator struct {
	b      strings.Builder
	choose func(n int) int
	simple bool
}

func pick(choose func(int) int, from ...string) string { return from[choose(len(from))] }

func (g *generator) misc() {
	for range g.choose(4) {
		g.b.WriteString(pick(g.choose, "<?p  q?>", "<!-- c -->", "\n", "<?r?>", " \r\n"))
	}
}

func (g *generator) element(depth int, prefixes []string) {
	used := map[string]bool{}
	scope := append([]string(nil), prefixes...)
	var attrs []string
	for range g.choose(3) {
		p := pick(g.choose, "", "p", "q", "éz")
		if used["xmlns"+p] {
			continue
		}
		used["xmlns"+p] = true
		uri := pick(g.choose, "urn:1", "urn:2", "urn:&amp;3", "http://x/?a&#61;'")
		if !g.simple { // libxml2 keeps "&#38;" in a namespace name that has an ampersand
			uri = strings.Replace(uri, "&amp;", "", 1)
		}
		if p == "" {
			if !g.simple {
				uri = pick(g.choose, uri, "")
			}
			attrs = append(attrs, `xmlns="`+uri+`"`)
			continue
		}
		attrs = append(attrs, `xmlns:`+p+`="`+uri+`"`)
		scope = append(scope, p)
	}
	name := func(p, local string) string {
		if p == "" {
			return local
		}
		return p + ":" + local
	}
	only := pick(g.choose, scope...)
	for range g.choose(4) {
		p := pick(g.choose, "", only)
		if !g.simple {
			p = pick(g.choose, scope...)
		}
		local := pick(g.choose, "a", "b", "B", "_1", "lớp")
		if used[local] {
			continue
		}
		used[local] = true
		values := []string{`""`, `'"'`, `"&lt;&amp;&gt;>'"`, `"&#9;&#10;&#13;"`, `"Ấ&#x1EA4;"`}
		if !g.simple {
			values = append(values, "\"\t\n\r\n.\"")
		}
		attrs = append(attrs, name(p, local)+pick(g.choose, "=", " =\n")+pick(g.choose, values...))
	}
	if !g.simple && g.choose(3) == 0 {
		attrs = append(attrs, pick(g.choose, `xml:lang="vi"`, `xml:space='preserve'`, `xml:lang="en"`))
	}
	tag := name(pick(g.choose, scope...), pick(g.choose, "e", "f", "Bệnh"))
	g.b.WriteString("<" + tag)
	for len(attrs) > 0 {
		i := g.choose(len(attrs))
		g.b.WriteString(pick(g.choose, " ", "\n\t") + attrs[i])
		attrs = append(attrs[:i], attrs[i+1:]...)
	}
	if g.choose(4) == 0 && depth > 0 {
		g.b.WriteString("/>")
		return
	}
	g.b.WriteString(">")
	for range g.choose(5) {
		if depth < 4 && g.choose(2) == 0 {
			g.element(depth+1, scope)
			continue
		}
		g.b.WriteString(pick(g.choose, "text", "&lt;&amp;&gt;>\"'", "\r\n", "&#13;", "<![CDATA[<&>]]>", "<!-- c -->", "<?p  q r?>", "Nguyễn Văn Ấ", "<![CDATA[]]>", "]]"))
	}
	g.b.WriteString("</" + tag + pick(g.choose, ">", " >"))
}

// FuzzCanonicalAgainstGoxmldsig generates documents from the fuzzer's bytes and
// compares both methods with goxmldsig's canonicalisers. Exceptions: what is
// outside the root (goxmldsig takes an element), xml: attributes, tabs and line
// ends in attribute values (encoding/xml under it does not normalise them),
// xmlns="" (its exclusive method shows it where it is superfluous) and attributes
// of different prefixes on one element (it sorts them by namespace name only
// where declared on the same element). TestCanonicalAgainstXmlsec has them all.
func FuzzCanonicalAgainstGoxmldsig(f *testing.F) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 200)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		i := 0
		doc := generate(func(n int) int {
			if i == len(choices) {
				return 0
			}
			i++
			return int(choices[i-1]) % n
		}, true)
		tree := etree.NewDocument()
		if err := tree.ReadFromString(doc); err != nil {
			t.Fatalf("etree: %v in %s", err, doc)
		}
		for m, c := range map[xmltok.Method]dsig.Canonicalizer{
			xmltok.Inclusive: dsig.MakeC14N10RecCanonicalizer(), xmltok.Exclusive: dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(""),
		} {
			want, err := c.Canonicalize(tree.Root().Copy())
			if err != nil {
				t.Fatal(err)
			}
			if got := document(t, doc, m); got != string(want) {
				t.Fatalf("method %d of %s\n got %s\nwant %s", m, doc, got, want)
			}
		}
	})
}

// xmlsec1 signs with an HMAC key, which makes libxml2 canonicalise: DigestValue
// is the hash of the document without the signature, SignatureValue that of the
// SignedInfo in its context.
func TestCanonicalAgainstXmlsec(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Skip("SKIPPED: xmlsec1 is not installed; canonical forms were not checked against libxml2")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "key.bin")
	if err := os.WriteFile(key, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	uris := []string{"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#"}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		doc := generate(r.IntN, false)
		info, body := xmltok.Method(r.IntN(2)), xmltok.Method(r.IntN(2))
		sig := fmt.Sprintf(`<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignedInfo><d:CanonicalizationMethod Algorithm="%s"/>`+
			`<d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"/><d:Reference URI=""><d:Transforms>`+
			`<d:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><d:Transform Algorithm="%s"/></d:Transforms>`+
			`<d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><d:DigestValue/></d:Reference></d:SignedInfo><d:SignatureValue/></d:Signature>`, uris[info], uris[body])
		at := strings.LastIndex(doc, "</")
		in, out := filepath.Join(dir, fmt.Sprint(seed)), filepath.Join(dir, fmt.Sprint(seed, "out"))
		if err := os.WriteFile(in, []byte(doc[:at]+sig+doc[at:]), 0o600); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command(tool, "--sign", "--hmackey", key, "--output", out, in).CombinedOutput(); err != nil {
			t.Fatalf("%v %s\n%s", err, msg, doc)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		signed := string(b)
		span, _ := find(t, signed, "d:Signature")
		digest := sha256.Sum256([]byte(document(t, signed, body, span)))
		if !strings.Contains(signed, base64.StdEncoding.EncodeToString(digest[:])) {
			t.Errorf("seed %d, document, method %d: another digest\n%s\n%s", seed, body, signed, document(t, signed, body, span))
		}
		mac := hmac.New(sha256.New, []byte("0123456789abcdef"))
		mac.Write([]byte(element(t, signed, "d:SignedInfo", info)))
		if !strings.Contains(signed, base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			t.Errorf("seed %d, SignedInfo, method %d: another value\n%s\n%s", seed, info, signed, element(t, signed, "d:SignedInfo", info))
		}
	}
}

func TestSamplesCanonicalAgainstGoxmldsig(t *testing.T) {
	t.Parallel()
	for name, doc := range shared(t) {
		tree := etree.NewDocument()
		if err := tree.ReadFromBytes(doc); err != nil {
			t.Fatal(err)
		}
		want, err := dsig.MakeC14N10RecCanonicalizer().Canonicalize(tree.Root())
		if err != nil {
			t.Fatal(err)
		}
		if got := document(t, string(doc), xmltok.Inclusive); got != string(want) {
			t.Errorf("%s differs", name)
		}
	}
}

func BenchmarkCanonicalize(b *testing.B) {
	for name, doc := range map[string][]byte{"envelope": sample(), "rows": rows()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			var c xmltok.Canonicalizer
			for b.Loop() {
				if err := c.Document(io.Discard, doc, xmltok.Limits{}, xmltok.Form{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
