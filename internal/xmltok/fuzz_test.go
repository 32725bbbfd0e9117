package xmltok_test

import (
	"bytes"
	"encoding/xml" // as an oracle, in this file only
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"lienthong/internal/xmltok"
)

var seeds = []string{
	"<a/>", "<a b='c' d=\"&lt;&#10;\">x&amp;y<![CDATA[<]]>]]</a>", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<a>\r\n<b/></a>\n",
	"\xEF\xBB\xBF<a xmlns='u' xmlns:p='v'><p:b p:c=''/></a><!-- c --><?p q?>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
	"<a><b></a></b>", "<a", "<a>&#x1EA4;&#0;</a>", "<a b='<'/>", "<a>]]></a>", "<!-- -- --><a/>", "<a b='' b=''/>", "<x:a/>",
	"<a>\x00</a>", "<Bệnh>Nguyễn</Bệnh>", "<a xml:lang='vi'><?p?></a>", "<a>&nbsp;</a>", "<a><![CDATA[]]]]><![CDATA[>]]></a >",
	"<?xml version='1.0' standalone='yes'?><a></a>", "<a:b:c/>", "<a xmlns:p='u' xmlns:q='u' p:x='' q:x=''/>",
}

// FuzzTokenizer: no panic, coded errors, tokens that tile the document, and the
// same answer from a tokenizer used before.
func FuzzTokenizer(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, doc []byte, depth int) {
		limits := xmltok.Limits{Depth: depth % 20, Attributes: 4, Elements: 100}
		tok := xmltok.New(doc, limits)
		err := tile(t, tok, doc)
		tok.Reset(doc, limits)
		if again := xmltok.Check(doc, limits); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Fatalf("%v, then %v", err, again)
		}
		var c xmltok.Canonicalizer
		if cerr := c.Document(io.Discard, doc, limits, xmltok.Form{}); (cerr == nil) != (err == nil) {
			t.Fatalf("tokenizer says %v, canonicaliser %v", err, cerr)
		}
	})
}

func tile(t *testing.T, tok *xmltok.Tokenizer, doc []byte) error {
	t.Helper()
	at := 0
	for {
		k, err := tok.Next()
		if err != nil {
			if !errors.Is(err, xmltok.ErrUnreadable) && !errors.Is(err, xmltok.ErrDoctype) && !errors.Is(err, xmltok.ErrLimits) {
				t.Fatalf("error without code: %v", err)
			}
			return err
		}
		if k == xmltok.EOF {
			return nil
		}
		if tok.Offset() < at || tok.End() < tok.Offset() || tok.End() > len(doc) || tok.Offset() > at && tok.Depth() > 1 {
			t.Fatalf("%v at %d..%d, expected at %d", k, tok.Offset(), tok.End(), at)
		}
		if want := 1 + bytes.Count(doc[:tok.Offset()], []byte("\n")); tok.Line() != want {
			t.Fatalf("line %d, want %d", tok.Line(), want)
		}
		at = tok.End()
	}
}

// FuzzAgainstEncodingXML: what we accept encoding/xml accepts too, with the same
// elements, attributes and text. The exceptions are names by the fifth edition of
// XML 1.0 (encoding/xml knows the fourth), white space in attribute values
// (which it does not normalise), and its "<!" and "<?xml" leniency, which goes the
// other way.
func FuzzAgainstEncodingXML(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		ours, err := events(string(doc))
		if err != nil {
			return
		}
		theirs, err := oracle(doc)
		if err != nil {
			if beyondFourthEdition(doc) {
				return
			}
			t.Fatalf("we accept, encoding/xml says %v: %q", err, doc)
		}
		if a, b := squeeze(ours), squeeze(theirs); a != b {
			t.Fatalf("document %q\nours\n%s\ntheirs\n%s", doc, a, b)
		}
	})
}

func oracle(doc []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF"))))
	d.Strict = true
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var b strings.Builder
	depth := 0
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return b.String(), checkNesting(doc)
		}
		if err != nil {
			return "", err
		}
		switch x := tok.(type) {
		case xml.StartElement:
			depth++
			fmt.Fprintf(&b, "<%s", qualified(x.Name))
			for _, a := range x.Attr {
				value := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(a.Value)
				fmt.Fprintf(&b, " %s=%q", qualified(a.Name), value)
			}
			b.WriteString(">\n")
		case xml.EndElement:
			depth--
			fmt.Fprintf(&b, "</%s>\n", qualified(x.Name))
		case xml.CharData:
			if depth > 0 {
				fmt.Fprintf(&b, "%q\n", x)
			}
		case xml.Comment:
			fmt.Fprintf(&b, "#%q\n", x)
		case xml.ProcInst:
			if x.Target != "xml" {
				fmt.Fprintf(&b, "?%s %q\n", x.Target, x.Inst)
			}
		}
	}
}

// checkNesting reads with Token, which matches tags.
func checkNesting(doc []byte) error {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF"))))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// squeeze joins adjacent texts and makes all white space in values one kind.
func squeeze(events string) string {
	var out []string
	text := false
	for line := range strings.Lines(events) {
		line = strings.TrimSuffix(line, "\n")
		isText := strings.HasPrefix(line, `"`)
		switch {
		case isText && text:
			out[len(out)-1] += line[1 : len(line)-1]
		case isText:
			out = append(out, line[:len(line)-1])
		default:
			if strings.HasPrefix(line, "<") {
				line = strings.NewReplacer(`\n`, " ", `\t`, " ", `\r`, " ").Replace(line)
			}
			out = append(out, line)
		}
		text = isText
	}
	joined := out[:0]
	for _, line := range out {
		if line != `"` { // an empty CDATA section is no event of theirs
			joined = append(joined, line)
		}
	}
	return strings.Join(joined, "\n")
}

// beyondFourthEdition: the document has letters outside ASCII, so that a name in
// it may be one encoding/xml does not know.
func beyondFourthEdition(doc []byte) bool {
	for _, r := range string(doc) {
		if r > unicode.MaxASCII && r != 0xFEFF {
			return true
		}
	}
	return false
}
