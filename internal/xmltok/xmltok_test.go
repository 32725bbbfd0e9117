package xmltok_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// events lists the tokens of doc, one a line.
func events(doc string) (string, error) {
	var b strings.Builder
	t := xmltok.New([]byte(doc), xmltok.Limits{})
	for {
		k, err := t.Next()
		if err != nil {
			return b.String(), err
		}
		switch k {
		case xmltok.EOF:
			return b.String(), nil
		case xmltok.StartElement:
			fmt.Fprintf(&b, "<%s", t.Name())
			for _, a := range t.Attrs() {
				fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
			}
			b.WriteString(">\n")
		case xmltok.EndElement:
			fmt.Fprintf(&b, "</%s>\n", t.Name())
		case xmltok.Text:
			fmt.Fprintf(&b, "%q\n", t.Text())
		case xmltok.Comment:
			fmt.Fprintf(&b, "#%q\n", t.Text())
		case xmltok.ProcInst:
			fmt.Fprintf(&b, "?%s %q\n", t.Name(), t.Text())
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, want string }{
		{"empty element", `<a/>`, "<a>\n</a>\n"},
		{"bom and declaration", "\xEF\xBB\xBF<?xml version='1.0' encoding=\"utf-8\" standalone = 'no' ?>\r\n<a></a >\n", "<a>\n</a>\n"},
		{"line ends", "<a b='1\r\n2\t3\r4'>x\r\ny\rz&#13;</a>", "<a b=\"1 2 3 4\">\n\"x\\ny\\nz\\r\"\n</a>\n"},
		{"references", `<a b="&quot;&#10;&lt;">&amp;&#x1EA4;&gt;&apos;</a>`, "<a b=\"\\\"\\n<\">\n\"&Ấ>'\"\n</a>\n"},
		{"cdata", "<a>x<![CDATA[<&]]\r\n>]]>y</a>", "<a>\n\"x\"\n\"<&]]\\n>\"\n\"y\"\n</a>\n"},
		{"comments and instructions", "<!-- a --><?p  q?r ?><a><!----><?p?></a><?z?>", "#\" a \"\n?p \"q?r \"\n<a>\n#\"\"\n?p \"\"\n</a>\n?z \"\"\n"},
		{"names", `<Bệnh.nhân-1 xmlns:ả="u" ả:é_="1"/>`, "<Bệnh.nhân-1 xmlns:ả=\"u\" ả:é_=\"1\">\n</Bệnh.nhân-1>\n"},
		{"nested", "<a>\n <b c='d' e=\"f\" />\n</a>", "<a>\n\"\\n \"\n<b c=\"d\" e=\"f\">\n</b>\n\"\\n\"\n</a>\n"},
		{"brackets", "<a>]] ></a>", "<a>\n\"]] >\"\n</a>\n"},
		{"gt in text and value", "<a b='>'>></a>", "<a b=\">\">\n\">\"\n</a>\n"},
		{"xml prefix", `<a xml:lang="vi" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`, "<a xml:lang=\"vi\" xmlns:xml=\"http://www.w3.org/XML/1998/namespace\">\n</a>\n"},
		{"long text", "<a>" + strings.Repeat("Q", 200) + "&amp;</a>", "<a>\n\"" + strings.Repeat("Q", 200) + "&\"\n</a>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := events(c.doc)
			if err != nil || got != c.want {
				t.Fatalf("got %s (%v)\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65)
	var many strings.Builder
	for i := range 65 {
		fmt.Fprintf(&many, " a%d=''", i)
	}
	for name, c := range map[string]struct{ doc, code string }{
		"empty":                   {"", "file.unreadable"},
		"white space only":        {" \n", "file.unreadable"},
		"declaration only":        {"<?xml version='1.0'?>", "file.unreadable"},
		"space before declared":   {" <?xml version='1.0'?><a/>", "file.unreadable"},
		"text only":               {"abc", "file.unreadable"},
		"truncated tag":           {"<a", "file.unreadable"},
		"truncated end":           {"<a><b></b></a", "file.unreadable"},
		"truncated text":          {"<a>bc", "file.unreadable"},
		"truncated value":         {"<a b='c", "file.unreadable"},
		"truncated comment":       {"<a/><!-- ", "file.unreadable"},
		"truncated cdata":         {"<a><![CDATA[x]]</a>", "file.unreadable"},
		"truncated reference":     {"<a>&am</a>", "file.unreadable"},
		"only an opening":         {"<", "file.unreadable"},
		"trailing bytes":          {"<a/>x", "file.unreadable"},
		"trailing cdata":          {"<a/><![CDATA[x]]>", "file.unreadable"},
		"second root":             {"<a/><b/>", "file.unreadable"},
		"end without start":       {"<a/></a>", "file.unreadable"},
		"mismatch":                {"<a><b></a></b>", "file.unreadable"},
		"mismatch by prefix":      {"<ab></a>", "file.unreadable"},
		"mismatch by length":      {"<a></ab>", "file.unreadable"},
		"duplicate attribute":     {"<a b='' b=''/>", "file.unreadable"},
		"duplicate expanded":      {"<a xmlns:x='u' xmlns:y='u' x:b='' y:b=''/>", "file.unreadable"},
		"duplicate after entity":  {"<a xmlns:x='u&#65;' xmlns:y='uA' x:b='' y:b=''/>", "file.unreadable"},
		"no space":                {"<a b=''c=''/>", "file.unreadable"},
		"no value":                {"<a b/>", "file.unreadable"},
		"no quotes":               {"<a b=c/>", "file.unreadable"},
		"less in value":           {"<a b='<'/>", "file.unreadable"},
		"less after entity":       {"<a b='&amp;<'/>", "file.unreadable"},
		"cdata end in text":       {"<a>]]></a>", "file.unreadable"},
		"cdata end in long text":  {"<a>" + strings.Repeat("x", 47) + "]]></a>", "file.unreadable"},
		"dashes in comment":       {"<a><!-- -- --></a>", "file.unreadable"},
		"three dashes":            {"<a><!-- ---></a>", "file.unreadable"},
		"name with digit":         {"<1a/>", "file.unreadable"},
		"name with two colons":    {"<a:b:c xmlns:a='u'/>", "file.unreadable"},
		"name ending in colon":    {"<a: xmlns:a='u'/>", "file.unreadable"},
		"local with digit":        {"<a:1 xmlns:a='u'/>", "file.unreadable"},
		"undeclared prefix":       {"<x:a/>", "file.unreadable"},
		"undeclared on attribute": {"<a x:b=''/>", "file.unreadable"},
		"prefix out of scope":     {"<a><b xmlns:x='u'/><x:c/></a>", "file.unreadable"},
		"prefix undeclared":       {"<a xmlns:x=''/>", "file.unreadable"},
		"xmlns declared":          {"<a xmlns:xmlns='u'/>", "file.unreadable"},
		"xmlns as prefix":         {"<xmlns:a/>", "file.unreadable"},
		"xml bound elsewhere":     {"<a xmlns:xml='u'/>", "file.unreadable"},
		"other bound to xml":      {"<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>", "file.unreadable"},
		"unknown entity":          {"<a>&nbsp;</a>", "file.unreadable"},
		"bare ampersand":          {"<a>x & y</a>", "file.unreadable"},
		"empty reference":         {"<a>&;</a>", "file.unreadable"},
		"reference to NUL":        {"<a>&#0;</a>", "file.unreadable"},
		"reference to surrogate":  {"<a>&#xD800;</a>", "file.unreadable"},
		"reference too large":     {"<a>&#x110000;</a>", "file.unreadable"},
		"reference overflow":      {"<a>&#99999999999999999999;</a>", "file.unreadable"},
		"reference capital X":     {"<a>&#X41;</a>", "file.unreadable"},
		"NUL":                     {"<a>\x00</a>", "file.unreadable"},
		"control":                 {"<a>0123456789\x0B</a>", "file.unreadable"},
		"latin-1":                 {"<a>\xE9</a>", "file.unreadable"},
		"overlong":                {"<a>\xC0\xBC</a>", "file.unreadable"},
		"surrogate":               {"<a>\xED\xA0\x80</a>", "file.unreadable"},
		"U+FFFE":                  {"<a>\xEF\xBF\xBE</a>", "file.unreadable"},
		"U+FFFF":                  {"<a>\xEF\xBF\xBD\xEF\xBF\xBF</a>", "file.unreadable"},
		"utf-16":                  {"\xFE\xFF\x00<\x00a\x00/\x00>", "file.unreadable"},
		"utf-16 without mark":     {"<\x00a\x00/\x00>\x00", "file.unreadable"},
		"other encoding":          {"<?xml version='1.0' encoding='utf-16'?><a/>", "file.unreadable"},
		"latin encoding":          {"<?xml version='1.0' encoding='iso-8859-1'?><a/>", "file.unreadable"},
		"xml 1.1":                 {"<?xml version='1.1'?><a/>", "file.unreadable"},
		"no version":              {"<?xml encoding='utf-8'?><a/>", "file.unreadable"},
		"declaration out of turn": {"<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>", "file.unreadable"},
		"declaration inside":      {"<a><?xml version='1.0'?></a>", "file.unreadable"},
		"target xml":              {"<a><?XmL x?></a>", "file.unreadable"},
		"target with colon":       {"<a><?a:b x?></a>", "file.unreadable"},
		"two marks":               {"\xEF\xBB\xBF\xEF\xBB\xBF<a/>", "file.unreadable"},
		"unknown declaration":     {"<!ELEMENT a ANY><a/>", "file.unreadable"},
		"doctype":                 {"<!DOCTYPE a><a/>", "file.doctype"},
		"doctype with subset":     {"<!DOCTYPE a [<!ENTITY b \"]>\"><!-- ]> ' --><?p ' ]>?>]><a>&b;&c;</a>", "file.doctype"},
		"doctype external":        {"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a x:b=''/>", "file.doctype"},
		"doctype and malformed":   {"<!DOCTYPE a><a><b></a>", "file.unreadable"},
		"doctype and truncated":   {"<!DOCTYPE a [<!ENTITY b 'c'>", "file.unreadable"},
		"doctype open comment":    {"<!DOCTYPE a [<!-- ]><a/>", "file.unreadable"},
		"doctype and deep":        {"<!DOCTYPE a>" + deep, "file.doctype"},
		"doctype inside":          {"<a><!DOCTYPE a></a>", "file.unreadable"},
		"doctype behind":          {"<a/><!DOCTYPE a>", "file.unreadable"},
		"deep":                    {deep, "file.limits"},
		"deep and truncated":      {strings.Repeat("<a>", 10_000), "file.unreadable"},
		"deep and mismatched":     {strings.Repeat("<a>", 80) + strings.Repeat("</b>", 80), "file.unreadable"},
		"very deep":               {strings.Repeat("<a>", 1_100_000), "file.limits"},
		"many attributes":         {"<a" + many.String() + "/>", "file.limits"},
		"long namespace":          {"<a xmlns='" + strings.Repeat("u", 2049) + "'/>", "file.limits"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fault.Of(xmltok.Check([]byte(c.doc), xmltok.Limits{}))
			if f.Code != c.code {
				t.Fatalf("code %s (%v), want %s", f.Code, f, c.code)
			}
			if f.Text.VI == "" || f.Text.EN == "" {
				t.Fatal("no sentence")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	doc := []byte("<a b='' c=''><d/><d/></a>")
	for _, l := range []xmltok.Limits{{Depth: 1}, {Attributes: 1}, {Elements: 2}, {Bytes: len(doc) - 1}} {
		if err := xmltok.Check(doc, l); !errors.Is(err, xmltok.ErrLimits) || fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if err := xmltok.Check(doc, xmltok.Limits{Depth: 2, Attributes: 2, Elements: 3, Bytes: len(doc)}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	doc := []byte("<a>\n<b>x\n</b>\n<c/></a>")
	tok := xmltok.New(doc, xmltok.Limits{})
	var got []string
	for {
		k, err := tok.Next()
		if err != nil {
			t.Fatal(err)
		}
		if k == xmltok.EOF {
			break
		}
		got = append(got, fmt.Sprintf("%v %d %q %d", k, tok.Line(), doc[tok.Offset():tok.End()], tok.Depth()))
	}
	want := []string{
		`StartElement 1 "<a>" 1`, `Text 1 "\n" 1`, `StartElement 2 "<b>" 2`, `Text 2 "x\n" 2`, `EndElement 3 "</b>" 2`,
		`Text 3 "\n" 1`, `StartElement 4 "<c/>" 2`, `EndElement 4 "" 2`, `EndElement 4 "</a>" 1`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got %s", strings.Join(got, "\n"))
	}
}

func TestElementTextAndSkip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		doc, text string
		nested    bool
	}{
		{"<a>x</a>", "x", false}, {"<a/>", "", false}, {"<a>x&amp;y</a>", "x&y", false},
		{"<a>x<!-- q -->y<![CDATA[<]]>&gt;</a>", "xy<>", false}, {"<a>x<b>no<c>no</c></b>y</a>", "xy", true},
		{"<a>&lt;<?p?>x</a>", "<x", false},
	} {
		tok := xmltok.New([]byte(c.doc), xmltok.Limits{})
		if _, err := tok.Next(); err != nil {
			t.Fatal(err)
		}
		text, nested, err := tok.ElementText()
		if err != nil || string(text) != c.text || nested != c.nested || tok.Kind() != xmltok.EndElement {
			t.Errorf("%s: %q %v %v", c.doc, text, nested, err)
		}
	}
	tok := xmltok.New([]byte("<a><b><b/>x</b><c/></a>"), xmltok.Limits{})
	for range 2 {
		if _, err := tok.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if err := tok.Skip(); err != nil || string(tok.Name()) != "b" || tok.Depth() != 2 {
		t.Fatalf("skip ended at %s %d: %v", tok.Name(), tok.Depth(), err)
	}
	if k, err := tok.Next(); err != nil || k != xmltok.StartElement || string(tok.Local()) != "c" {
		t.Fatalf("after skip %v %s %v", k, tok.Name(), err)
	}
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	doc := `<a xmlns="u" xmlns:p="v&amp;w"><p:b><c xmlns=""/></p:b><d xml:lang="vi"/></a>`
	want := map[string]string{"a": "u", "p:b": "v&w", "c": "", "d": "u"}
	tok := xmltok.New([]byte(doc), xmltok.Limits{})
	for {
		k, err := tok.Next()
		if err != nil {
			t.Fatal(err)
		}
		if k == xmltok.EOF {
			return
		}
		if got := string(tok.Space()); got != want[string(tok.Name())] {
			t.Errorf("%v %s is in %q", k, tok.Name(), got)
		}
	}
}

// A namespace bomb: many declarations in scope times many prefixed attributes.
func TestNamespaceBombIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, "<a")
		for j := range 60 {
			fmt.Fprintf(&b, " xmlns:p%d='u%d'", i*60+j, j)
		}
		b.WriteString(">")
	}
	b.WriteString(strings.Repeat("</a>", 10))
	if err := xmltok.Check([]byte(b.String()), xmltok.Limits{}); !errors.Is(err, xmltok.ErrLimits) {
		t.Fatalf("many declarations: %v", err)
	}
	var declared, used strings.Builder
	for i := range 60 {
		fmt.Fprintf(&declared, " xmlns:p%d='u%d'", i, i)
		fmt.Fprintf(&used, " p%d:b=''", i)
	}
	many := "<r" + declared.String() + ">" + strings.Repeat("<a"+used.String()+"/>", 20_000) + "</r>"
	if err := xmltok.Check([]byte(many), xmltok.Limits{}); !errors.Is(err, xmltok.ErrLimits) {
		t.Fatalf("many uses: %v", err)
	}
}

// sample is a dossier-like document of about 46 KB.
func sample() []byte {
	var b bytes.Buffer
	b.WriteString("<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><DANHSACHHOSO>")
	for i := range 8 {
		fmt.Fprintf(&b, "<FILEHOSO><LOAIHOSO>XML%d</LOAIHOSO><NOIDUNGFILE>%s</NOIDUNGFILE></FILEHOSO>", i, strings.Repeat("PD94bWwgdmVyc2lv", 360))
	}
	b.WriteString("</DANHSACHHOSO></GIAMDINHHS>")
	return b.Bytes()
}

// rows is an inner document: many short fields, pretty-printed, Vietnamese text.
func rows() []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<DSACH>\r\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  <CHI_TIET>\r\n    <MA_LK>79901.%06d</MA_LK>\r\n    <TEN_THUOC>Thuốc giảm đau</TEN_THUOC>\r\n    <DON_GIA>1250.000</DON_GIA>\r\n    <GHI_CHU></GHI_CHU>\r\n  </CHI_TIET>\r\n", i)
	}
	b.WriteString("</DSACH>")
	return b.Bytes()
}

func TestTokenizingDoesNotAllocate(t *testing.T) {
	for name, doc := range map[string][]byte{"envelope": sample(), "rows": rows()} {
		tok := xmltok.New(doc, xmltok.Limits{})
		n := testing.AllocsPerRun(20, func() {
			tok.Reset(doc, xmltok.Limits{})
			for {
				if k, err := tok.Next(); err != nil || k == xmltok.EOF {
					return
				}
			}
		})
		if n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkTokenize(b *testing.B) {
	for name, doc := range map[string][]byte{"envelope": sample(), "rows": rows()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			tok := xmltok.New(doc, xmltok.Limits{})
			for b.Loop() {
				tok.Reset(doc, xmltok.Limits{})
				for {
					k, err := tok.Next()
					if err != nil {
						b.Fatal(err)
					}
					if k == xmltok.EOF {
						break
					}
				}
			}
		})
	}
}

// shared returns the sample dossiers beside the repository, or says loudly that
// there are none.
func shared(tb testing.TB) map[string][]byte {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "..", "shared", "samples", "dossiers", "*.xml"))
	if err != nil || len(files) == 0 {
		tb.Skip("SKIPPED: no ../shared/samples/dossiers beside the repository; sample dossiers were not read")
	}
	docs := map[string][]byte{}
	for _, f := range files {
		if docs[filepath.Base(f)], err = os.ReadFile(f); err != nil {
			tb.Fatal(err)
		}
	}
	return docs
}

func TestSampleDossiersAreWellFormed(t *testing.T) {
	t.Parallel()
	for name, doc := range shared(t) {
		if err := xmltok.Check(doc, xmltok.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
