package qd4750

import (
	"bytes"
	"encoding/base64"
	"io"
	"strconv"

	"lienthong/internal/care"
	"lienthong/internal/kind/table"
	"lienthong/internal/schema"
)

// Envelope is an unsigned file to write.
type Envelope struct {
	Facility string      // MACSKCB
	Created  care.Moment // NGAYLAP, to the day; empty when zero
	Dossiers [][]Inner   // one slice a HOSO
}

// Inner is one inner document.
type Inner struct {
	Type string // "XML1"
	XML  []byte
}

// Style is how producers differ. The zero Style is the form social insurance is
// known to take: no declaration, no line ends, base64 in one line.
type Style struct {
	Declaration bool // XML declaration and a line end before the root
	Lines       bool // a CRLF after every tag and content of the envelope
	Wrap        int  // characters of base64 in a line, wrapped with CRLF; 0: one line
	Inline      bool // inner XML as elements, without its declaration and BOM, instead of base64
}

// Write writes the file with an empty CHUKYDONVI for the signature. With
// Style.Inline the inner documents must be well-formed; they are not checked.
func Write(w io.Writer, e Envelope, style Style) error {
	p := printer{style: style}
	if style.Declaration {
		p.out = append(p.out, `<?xml version="1.0" encoding="utf-8"?>`+"\r\n"...)
	}
	p.open(rootName).open("THONGTINDONVI").leaf("MACSKCB", e.Facility).close("THONGTINDONVI")
	created := ""
	if !e.Created.IsZero() {
		created = e.Created.String()[:8]
	}
	p.open("THONGTINHOSO").leaf("NGAYLAP", created).leaf("SOLUONGHOSO", strconv.Itoa(len(e.Dossiers))).open("DANHSACHHOSO")
	for _, documents := range e.Dossiers {
		p.open("HOSO")
		for _, d := range documents {
			p.open("FILEHOSO").leaf("LOAIHOSO", d.Type)
			p.content(d.XML)
			p.close("FILEHOSO")
		}
		p.close("HOSO")
		if err := p.flush(w); err != nil {
			return err
		}
	}
	p.close("DANHSACHHOSO").close("THONGTINHOSO").leaf(container, "").close(rootName)
	return p.flush(w)
}

// WriteTable appends rows as an inner document of table t to dst: see table.Append.
func WriteTable(dst []byte, t *schema.Table, rows [][]string) []byte {
	return table.Append(dst, t, rows)
}

type printer struct {
	style Style
	out   []byte
}

func (p *printer) flush(w io.Writer) error {
	_, err := w.Write(p.out)
	p.out = p.out[:0]
	return err
}

func (p *printer) line() *printer {
	if p.style.Lines {
		p.out = append(p.out, "\r\n"...)
	}
	return p
}

func (p *printer) open(name string) *printer {
	p.out = append(append(append(p.out, '<'), name...), '>')
	return p.line()
}

func (p *printer) close(name string) *printer {
	p.out = append(append(append(p.out, "</"...), name...), '>')
	return p.line()
}

func (p *printer) leaf(name, text string) *printer {
	p.out = append(append(append(p.out, '<'), name...), '>')
	p.out = table.AppendText(p.out, text)
	return p.close(name)
}

func (p *printer) content(xml []byte) {
	p.out = append(p.out, "<NOIDUNGFILE>"...)
	switch {
	case p.style.Inline:
		p.out = append(p.out, element(xml)...)
	case p.style.Wrap > 0:
		text := base64.StdEncoding.EncodeToString(xml)
		for len(text) > p.style.Wrap {
			p.out = append(append(p.out, text[:p.style.Wrap]...), "\r\n"...)
			text = text[p.style.Wrap:]
		}
		p.out = append(p.out, text...)
	default:
		p.out = base64.StdEncoding.AppendEncode(p.out, xml)
	}
	p.close("NOIDUNGFILE")
}

// element drops BOM and XML declaration, which cannot stand inside a document.
func element(xml []byte) []byte {
	xml = bytes.TrimPrefix(xml, []byte(bom))
	if bytes.HasPrefix(xml, []byte("<?xml ")) {
		if _, rest, ok := bytes.Cut(xml, []byte("?>")); ok {
			xml = rest
		}
	}
	return trim(xml)
}
