package xmltok_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lienthong/internal/xmltok"
)

// tags lists the tags of doc with their places, by NextTag or by Next, to the
// error or the end.
func tags(doc []byte, quick bool) (list []string, err error) {
	t := xmltok.New(doc, xmltok.Limits{Depth: 8, Elements: 50})
	for {
		read := t.Next
		if quick {
			read = t.NextTag
			if len(list)%3 == 1 {
				read = func() (xmltok.Kind, error) { return t.NextTagOf("B") }
			}
		}
		k, err := read()
		if err != nil || k == xmltok.EOF {
			return list, err
		}
		if k == xmltok.StartElement || k == xmltok.EndElement {
			list = append(list, fmt.Sprintf("%v %s [%d,%d) %d %d %q", k, t.Name(), t.Offset(), t.End(), t.Depth(), t.Line(), t.Attrs()))
		}
	}
}

// leaves lists the texts of the elements at depth 2, by ElementText or token by token.
func leaves(doc []byte, quick bool) (list []string, err error) { return texts(doc, quick, false) }

// contents lists them by ElementBytes.
func contents(doc []byte, quick bool) (list []string, err error) { return texts(doc, quick, quick) }

func texts(doc []byte, quick, raw bool) (list []string, err error) {
	t := xmltok.New(doc, xmltok.Limits{Depth: 8, Elements: 50})
	for {
		k, err := t.NextTag()
		if err != nil || k == xmltok.EOF {
			return list, err
		}
		if k != xmltok.StartElement || t.Depth() != 2 {
			continue
		}
		var text []byte
		nested := false
		switch {
		case raw:
			var literal bool
			if text, literal, nested, err = t.ElementBytes(); literal {
				text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
			}
		case quick:
			text, nested, err = t.ElementText()
		default:
			for k, err = t.Next(); err == nil && (k != xmltok.EndElement || t.Depth() != 2); k, err = t.Next() {
				nested = nested || k == xmltok.StartElement
				if k == xmltok.Text && t.Depth() == 2 {
					text = append(text, t.Text()...)
				}
			}
		}
		if err != nil {
			return list, err
		}
		list = append(list, fmt.Sprintf("%q %v %s [%d,%d)", text, nested, t.Name(), t.Offset(), t.End()))
	}
}

func sameReading(t *testing.T, doc []byte) {
	t.Helper()
	for what, read := range map[string]func([]byte, bool) ([]string, error){"tags": tags, "texts": leaves, "bytes": contents} {
		want, wrong := read(doc, false)
		got, err := read(doc, true)
		if fmt.Sprint(err) != fmt.Sprint(wrong) || len(got) > len(want) || wrong == nil && !slices.Equal(got, want) {
			t.Fatalf("%s of %q: %v, %v; want %v, %v", what, doc, got, err, want, wrong)
		}
		if !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("%s of %q: %v; want %v", what, doc, got, want)
		}
	}
}

var quickDocs = []string{
	"<A>\r\n <B>x</B>\r\n\t<C/><D></D>\n</A>", "<A><B>x</B>y<C>&lt;z</C></A>", "<A><B>x\r\ny\rz</B><B>x\ry<!-- c -->z\r</B><B>\r</B><B>\r&amp;</B></A>", "<A><B>x<![CDATA[y\r]]></B></A>", "<A><B>x]]></B></A>", "<A><B>x</C></A>", "<A><B>x",
	"<A><B>x</B ><B >x</B><B a='1'>x</B></A> ", "<A xmlns='u'><B>x<!-- c -->y</B></A>", "<p:A xmlns:p='u'><p:B>x</p:B></p:A>", "<A><p:B>x</p:B></A>",
	"<A></A><B></B>", "<A>\x01</A>", "<A><B>ữ ọ</B><Cữ>1</Cữ></A>", "<A><1></1></A>", "<A><B><C><D><E><F><G><H><I>x</I></H></G></F></E></D></C></B></A>",
	"<A>" + strings.Repeat("<B>1</B>", 60) + "</A>", "<A><B>" + strings.Repeat("chữ ", 40) + "</B></A>", " <A/>", "<A><B>x</B>", "<A><B></A></B>", "<A></A", "<!DOCTYPE A><A><B>x</B></A>",
}

func TestQuickReadingIsTheSame(t *testing.T) {
	t.Parallel()
	for _, doc := range quickDocs {
		sameReading(t, []byte(doc))
	}
}

func FuzzQuickReading(f *testing.F) {
	for _, doc := range quickDocs {
		f.Add([]byte(doc))
	}
	f.Fuzz(sameReading)
}

// FuzzCharacters holds the tokenizer's own check of characters against the
// standard library's idea of UTF-8 and the letter of XML 1.0 §2.2.
func FuzzCharacters(f *testing.F) {
	f.Add([]byte("NGUYỄN VĂN AN\r\n\tĐịa chỉ: 12/3 đường số 7"))
	f.Add([]byte("\xEF\xBF\xBE \xED\xA0\x80 \xC0\x80 \xF4\x90\x80\x80 \xE1\x80"))
	f.Add([]byte("1234567\x0B8"))
	f.Add([]byte("ế\x00"))
	f.Add([]byte("\U0001F600\uFFFD\x7F\u0085"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if strings.Contains(string(text)+"]]>", "]]>") && strings.Index(string(text)+"]]>", "]]>") < len(text) {
			return
		}
		want := utf8.Valid(text)
		for _, r := range string(text) {
			want = want && (r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000)
		}
		err := xmltok.Check([]byte("<A><![CDATA["+string(text)+"]]></A>"), xmltok.Limits{})
		if (err == nil) != want {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
