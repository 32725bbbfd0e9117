package qd4750

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/table"
	"lienthong/internal/schema"
)

// CodeUnreadable marks an inner document that cannot be read: base64 or XML
// broken, a DOCTYPE, over a limit, another document than its type says, or a
// FILEHOSO without exactly one type and one content.
const CodeUnreadable = "dossier.unreadable"

var (
	errBase64    = errors.New("not base64")
	errMisshapen = errors.New("LOAIHOSO or NOIDUNGFILE is missing, there twice, or holds elements")
)

const (
	bom       = "\xEF\xBB\xBF"
	newestDay = 99991231
)

// decoded is one inner document with its base64 undone.
type decoded struct {
	name   string // as the schema spells it, where it knows it
	bytes  []byte
	undone *body.Undone // nil where it is kept as sent
	err    error
}

// inner is one document while its dossier is read.
type inner struct {
	decoded
	text  string // the same bytes
	table *dossier.Table
	line  int
}

// Dossier decodes and reads the inner documents of dossier i. The schema is the
// one in force on XML1's NGAY_RA, else on NGAYLAP, else the newest. What is sent
// as XML, and what cannot be decoded, stands in Inner exactly as sent.
func (f *file) Dossier(i int) kind.Dossier {
	docs, size := f.inner(i)
	r := table.NewReader(size)
	spec := f.read(r, docs)

	d := kind.Dossier{Content: &dossier.Content{}, Spec: spec}
	d.Inner = make([][]byte, len(docs))
	d.InnerNames = make([]string, len(docs))
	d.Content.All = make([]*dossier.Table, 0, len(docs))
	for j := range docs {
		doc := &docs[j]
		d.Inner[j], d.InnerNames[j] = doc.bytes, doc.name
		if doc.table != nil {
			d.Content.All = append(d.Content.All, doc.table)
		}
		switch known := spec.Table(doc.name) != nil; {
		case doc.err != nil:
			d.Unreadable = append(d.Unreadable, dossier.Finding{Code: CodeUnreadable, Severity: dossier.Error, Table: doc.name, Line: doc.line})
		case !known:
			d.Unknown = append(d.Unknown, doc.name)
		}
	}
	d.Episode = kind.EpisodeOf(d.Content)
	d.Patient = kind.PatientOf(d.Content)
	return d
}

// read fills in the tables and returns the version they were read by. The
// summary goes first, as its date chooses the version.
func (f *file) read(r *table.Reader, docs []inner) *schema.Version {
	spec := schema.For(newestDay)
	if f.created.Precision() >= care.ByDay {
		spec = schema.For(f.created.Day())
	}
	first := -1
	for j := range docs {
		if docs[j].name == "XML1" {
			first = j
			docs[j].read(r, spec)
			break
		}
	}
	if first >= 0 {
		ended, err := care.ParseMoment(docs[first].table.Cell(0, "NGAY_RA").Text)
		if dated := schema.For(ended.Day()); err == nil && ended.Precision() >= care.ByDay && dated != spec {
			if dated.Table("XML1").Columns != spec.Table("XML1").Columns {
				docs[first].read(r, dated)
			}
			spec = dated
		}
	}
	for j := range docs {
		if j != first {
			docs[j].read(r, spec)
		}
	}
	return spec
}

// read reads the document by its type, where it could be decoded and the type is known.
func (d *inner) read(r *table.Reader, spec *schema.Version) {
	if t := spec.Table(d.name); t != nil && (d.err == nil || d.table != nil) {
		d.table, d.line, d.err = r.Read(trim(d.bytes), strings.Trim(d.text, blanks), t)
	}
}

// inner gives dossier i's documents as bytes and as text, and their size.
func (f *file) inner(i int) (docs []inner, size int) {
	bytes, all := f.decode(i)
	docs = make([]inner, len(bytes))
	text, from := string(all), 0
	for j := range docs {
		docs[j].decoded = bytes[j]
		to := from + len(bytes[j].bytes)
		docs[j].text, from = text[from:to], to
	}
	return docs, len(text)
}

// decode undoes the base64 of dossier i, once for the reader and for package
// body. The bytes of its documents are all in one piece of memory.
func (f *file) decode(i int) (docs []decoded, all []byte) {
	at := &f.decoded[i]
	at.once.Do(func() {
		documents := f.dossiers[i]
		size := 0
		for j := range documents {
			size += documents[j].size(f.raw)
		}
		at.docs, at.bytes = make([]decoded, len(documents)), make([]byte, 0, size)
		for j := range documents {
			d, from := &at.docs[j], len(at.bytes)
			d.name = typeName(documents[j].name)
			at.bytes, d.undone, d.err = documents[j].decode(at.bytes, f.raw)
			d.bytes = at.bytes[from:len(at.bytes):len(at.bytes)]
		}
	})
	return at.docs, at.bytes
}

// Spans undoes the base64 of the whole file, which Dossier then finds done.
func (f *file) Spans() []body.Span {
	f.undone.Do(func() {
		for i := range f.dossiers {
			docs, _ := f.decode(i)
			for j := range docs {
				if at := f.dossiers[i][j].span; docs[j].undone != nil && at >= 0 {
					f.spans[at].Undone = docs[j].undone
				}
			}
		}
	})
	return f.spans
}

// typeName spells a type as the schema does where only case differs, so that
// "xml6" is the HIV table for everyone who asks for "XML6".
func typeName(sent string) string {
	if upper := strings.ToUpper(sent); upper != sent && schema.For(newestDay).Table(upper) != nil {
		return upper
	}
	return sent
}

// sent is the content of NOIDUNGFILE: base64, or XML, with white space around it.
func (d *document) sent(raw []byte) []byte {
	if d.text != nil {
		return d.text
	}
	return raw[d.start:d.end]
}

// decode appends the document's bytes to dst, the content as sent where it is
// XML already or cannot be decoded.
func (d *document) decode(dst, raw []byte) ([]byte, *body.Undone, error) {
	content := d.sent(raw)
	if d.misshapen {
		return append(dst, content...), nil, errMisshapen
	}
	if d.isXML(content) {
		return append(dst, content...), nil, nil
	}
	if d.text == nil {
		if out, u, ok := body.Undo(dst, content); ok {
			return out, u, nil
		}
	}
	from := len(dst)
	out, err := appendBase64(dst, trim(content))
	if err != nil {
		return append(dst[:from], content...), nil, err
	}
	return out, nil, nil
}

// size is how much decode appends at most, unless it fails.
func (d *document) size(raw []byte) int {
	content := d.sent(raw)
	if d.isXML(content) {
		return len(content)
	}
	return base64.StdEncoding.DecodedLen(len(content))
}

func (d *document) isXML(content []byte) bool {
	return d.inline || bytes.HasPrefix(bytes.TrimPrefix(trim(content), []byte(bom)), []byte("<"))
}

// appendBase64 reads standard base64 with padding, in one line or wrapped anyhow.
func appendBase64(dst, src []byte) ([]byte, error) {
	strict := base64.StdEncoding.Strict()
	if decoded, err := strict.AppendDecode(dst, src); err == nil {
		return decoded, nil
	}
	if bytes.ContainsAny(src, " \t") {
		src = bytes.Map(func(c rune) rune {
			if c == ' ' || c == '\t' {
				return -1
			}
			return c
		}, src)
		if decoded, err := strict.AppendDecode(dst, src); err == nil {
			return decoded, nil
		}
	}
	return dst, errBase64
}

// blanks is XML white space (XML 1.0 §2.3).
const blanks = " \t\r\n"

func trim(b []byte) []byte { return bytes.Trim(b, blanks) }
