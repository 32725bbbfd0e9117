// Package chart writes synthetic medical records, as XML, as JSON and as a PDF of
// one page. It makes nothing up: package synth says what is in them.
package chart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"lienthong/internal/xmltok"
)

// Group is one group of a medical record.
type Group struct {
	Name string        // "KetQuaXetNghiem"
	Row  string        // element of a row; "" for a group of one
	Rows [][][2]string // rows of named fields
}

// XML writes a record as XML.
func XML(episode string, groups []Group) []byte {
	b := []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<HoSoBenhAn>\r\n")
	leaf := func(name, text string) {
		b = append(b, "<"+name+">"...)
		b = xmltok.AppendText(b, []byte(text))
		b = append(b, "</"+name+">"...)
	}
	leaf("MaLK", episode)
	for _, g := range groups {
		b = append(b, "\r\n<"+g.Name+">"...)
		for _, row := range g.Rows {
			if g.Row != "" {
				b = append(b, "<"+g.Row+">"...)
			}
			for _, f := range row {
				leaf(f[0], f[1])
			}
			if g.Row != "" {
				b = append(b, "</"+g.Row+">"...)
			}
		}
		b = append(b, "</"+g.Name+">"...)
	}
	return append(b, "\r\n</HoSoBenhAn>\r\n"...)
}

// JSON writes a record as JSON; rows of a group that may have several are an array.
func JSON(episode string, groups []Group) ([]byte, error) {
	var b bytes.Buffer
	var err error
	text := func(s string) {
		q, e := json.Marshal(s)
		if b.Write(q); err == nil {
			err = e
		}
	}
	b.WriteString("{\"HoSoBenhAn\": {\n  \"MaLK\": ")
	text(episode)
	for _, g := range groups {
		b.WriteString(",\n  \"" + g.Name + "\": ")
		if g.Row != "" {
			b.WriteString("[")
		}
		for i, row := range g.Rows {
			if i > 0 {
				b.WriteString(",\n    ")
			}
			b.WriteString("{")
			for k, f := range row {
				if k > 0 {
					b.WriteString(", ")
				}
				text(f[0])
				b.WriteString(": ")
				text(f[1])
			}
			b.WriteString("}")
		}
		if g.Row != "" {
			b.WriteString("]")
		}
	}
	b.WriteString("\n}}\n")
	return b.Bytes(), err
}

// Page is a PDF of one page with one line, plain ASCII.
func Page(line string) []byte {
	shown := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`()\`, r) {
			return '_'
		}
		return r
	}, line)
	text := "BT /F1 14 Tf 56 780 Td (" + shown + ") Tj ET"
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	var at []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}
