package xmltok

import (
	"bytes"
	"errors"
	"io"
)

// Method is a canonicalisation method, always without comments.
type Method uint8

const (
	// Inclusive is C14N 1.0, http://www.w3.org/TR/2001/REC-xml-c14n-20010315.
	Inclusive Method = iota
	// Exclusive is Exclusive C14N 1.0, http://www.w3.org/2001/10/xml-exc-c14n#.
	Exclusive
)

// Form is a method with its parameter.
type Form struct {
	Method Method
	// Prefixes is the InclusiveNamespaces PrefixList of the exclusive method, ""
	// standing for #default: their declarations are shown as inclusive C14N does.
	Prefixes []string
}

// Span is a range of bytes of a document, from Start up to End.
type Span struct{ Start, End int }

// ErrNoElement: a span or offset given to the canonicaliser is not that of an
// element of the document. It is the caller's defect, not the document's.
var ErrNoElement = errors.New("xmltok: no element there")

// Canonicalizer writes canonical forms. It keeps its buffers from one document
// to the next and is for one goroutine.
type Canonicalizer struct {
	tok      Tokenizer
	w        io.Writer
	buf      []byte
	form     Form
	written  int
	most     int
	rendered []binding // namespace declarations written and in scope
	fresh    []binding // those of the present element
	keys     []attrKey
}

type attrKey struct{ space, local, name, value []byte }

const (
	flushAt = 16 << 10 // bytes gathered before writing
	direct  = 4 << 10  // texts from this length are written without gathering
)

// Document writes to w the canonical form of doc, leaving out the elements whose
// exact spans are given, in document order (the enveloped signatures). Errors
// are those of Next, w's, ErrNoElement, and ErrLimits when the form would be
// over 8 times the document and a MiB (namespace declarations repeated by
// exclusive canonicalisation).
func (c *Canonicalizer) Document(w io.Writer, doc []byte, limits Limits, form Form, omit ...Span) error {
	c.tok.Reset(doc, limits)
	c.reset(w, len(doc), form)
	after := false
	for {
		k, err := c.tok.Next()
		if err != nil {
			return err
		}
		switch k {
		case EOF:
			if len(omit) > 0 {
				return ErrNoElement
			}
			return c.flush()
		case StartElement:
			if len(omit) > 0 && c.tok.Offset() == omit[0].Start && c.tok.Depth() > 1 {
				if err := c.tok.Skip(); err != nil {
					return err
				}
				if c.tok.End() != omit[0].End {
					return ErrNoElement
				}
				omit = omit[1:]
				continue
			}
		case ProcInst:
			if c.tok.Depth() == 0 {
				err = c.outerProcInst(after)
				break
			}
			c.procInst()
			continue
		}
		if err == nil {
			err = c.token(k, false)
		}
		if err != nil {
			return err
		}
		after = after || k == EndElement && c.tok.Depth() == 1
	}
}

// Element writes to w the canonical form of the element whose start tag is at
// offset of doc, in the context scope (see Tokenizer.Scope; nil for none):
// inclusive canonicalisation puts the namespaces and xml: attributes of the
// scope on it, exclusive the namespaces it visibly uses. doc must have been read
// to its end without error before.
func (c *Canonicalizer) Element(w io.Writer, doc []byte, offset int, scope *Scope, limits Limits, form Form) error {
	if offset < 0 || offset >= len(doc) || doc[offset] != '<' {
		return ErrNoElement
	}
	c.tok.resetFragment(doc, offset, scope, limits)
	c.reset(w, len(doc), form)
	for apex := true; ; apex = false {
		k, err := c.tok.Next()
		if err != nil {
			return err
		}
		if apex && k != StartElement {
			return ErrNoElement
		}
		switch k {
		case EOF:
			return c.flush()
		case ProcInst:
			c.procInst()
		default:
			if err := c.token(k, apex); err != nil {
				return err
			}
		}
	}
}

func (c *Canonicalizer) reset(w io.Writer, size int, form Form) {
	c.form = form
	c.w, c.buf, c.written, c.most = w, c.buf[:0], 0, 8*size+1<<20
	c.rendered = c.rendered[:0]
}

func (c *Canonicalizer) flush() error {
	if c.written += len(c.buf); c.written > c.most {
		return ErrLimits.Because(errors.New("canonical form too long"))
	}
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

func (c *Canonicalizer) token(k Kind, apex bool) error {
	t := &c.tok
	switch k {
	case StartElement:
		c.startTag(apex)
	case EndElement:
		c.buf = append(append(append(c.buf, "</"...), t.name...), '>')
		depth := t.Depth()
		for n := len(c.rendered); n > 0 && c.rendered[n-1].depth == depth; n-- {
			c.rendered = c.rendered[:n-1]
		}
	case Text:
		if len(t.text) >= direct && isPlainText(t.text) {
			if err := c.flush(); err != nil {
				return err
			}
			c.written += len(t.text)
			_, err := c.w.Write(t.text)
			return err
		}
		c.buf = t.appendText(c.buf)
	}
	if len(c.buf) >= flushAt {
		return c.flush()
	}
	return nil
}

func (c *Canonicalizer) procInst() {
	c.buf = append(append(c.buf, "<?"...), c.tok.name...)
	if len(c.tok.text) > 0 {
		c.buf = append(append(c.buf, ' '), c.tok.text...)
	}
	c.buf = append(c.buf, "?>"...)
}

// outerProcInst is one outside the root: on a line of its own (C14N 1.0 §2.3).
func (c *Canonicalizer) outerProcInst(after bool) error {
	if after {
		c.buf = append(c.buf, '\n')
	}
	c.procInst()
	if !after {
		c.buf = append(c.buf, '\n')
	}
	if len(c.buf) >= flushAt {
		return c.flush()
	}
	return nil
}

func (c *Canonicalizer) startTag(apex bool) {
	t := &c.tok
	c.buf = append(append(c.buf, '<'), t.name...)
	if len(t.bindings) > 0 || len(c.rendered) > 0 {
		c.declarations(apex)
	}
	if len(t.attrs) > 0 || apex {
		c.attributes(apex && c.form.Method == Inclusive)
	}
	c.buf = append(c.buf, '>')
}

// declarations writes the namespace declarations this element must show: those
// it declares or is the first to show (inclusive), those it visibly uses
// or are asked for (exclusive), where the nearest written ancestor's differ.
func (c *Canonicalizer) declarations(apex bool) {
	t := &c.tok
	c.fresh = c.fresh[:0]
	switch {
	case c.form.Method == Exclusive:
		c.show(prefixOf(t.name))
		for _, p := range c.form.Prefixes {
			c.show([]byte(p))
		}
		for i := range t.attrs {
			_, declared := declares(t.attrs[i].Name)
			if p := prefixOf(t.attrs[i].Name); p != nil && !declared {
				c.show(p)
			}
		}
	default:
		depth := t.Depth()
		for i := len(t.bindings) - 1; i >= 0 && (apex || t.bindings[i].depth == depth); i-- {
			if b := &t.bindings[i]; !b.attr {
				c.show(b.prefix)
			}
		}
	}
	for i := range c.fresh {
		for j := i; j > 0 && bytes.Compare(c.fresh[j].prefix, c.fresh[j-1].prefix) < 0; j-- {
			c.fresh[j], c.fresh[j-1] = c.fresh[j-1], c.fresh[j]
		}
	}
	for i := range c.fresh {
		c.buf = append(c.buf, " xmlns"...)
		if len(c.fresh[i].prefix) > 0 {
			c.buf = append(append(c.buf, ':'), c.fresh[i].prefix...)
		}
		c.buf = append(c.buf, `="`...)
		c.buf = append(AppendAttr(c.buf, c.fresh[i].uri), '"')
	}
	c.rendered = append(c.rendered, c.fresh...)
}

// show adds prefix to the fresh declarations unless what is written says the same.
func (c *Canonicalizer) show(prefix []byte) {
	if string(prefix) == "xml" {
		return
	}
	for i := range c.fresh {
		if string(c.fresh[i].prefix) == string(prefix) {
			return
		}
	}
	uri := c.tok.space(prefix) // nil for a listed prefix that is not in scope
	var shown []byte
	for i := len(c.rendered) - 1; i >= 0; i-- {
		if string(c.rendered[i].prefix) == string(prefix) {
			shown = c.rendered[i].uri
			break
		}
	}
	if !bytes.Equal(uri, shown) {
		c.fresh = append(c.fresh, binding{prefix: prefix, uri: uri, depth: c.tok.Depth()})
	}
}

// attributes writes them sorted by namespace name, then local name; inherit adds
// the scope's xml: attributes the element does not have itself.
func (c *Canonicalizer) attributes(inherit bool) {
	t := &c.tok
	c.keys = c.keys[:0]
	for i := range t.attrs {
		a := &t.attrs[i]
		if _, declared := declares(a.Name); declared {
			continue
		}
		key := attrKey{local: a.Name, name: a.Name, value: a.Value}
		if p := prefixOf(a.Name); p != nil {
			key.space, key.local = t.space(p), a.Name[len(p)+1:]
		}
		c.insert(key)
	}
	for i := len(t.bindings) - 1; inherit && i >= 0; i-- {
		if b := &t.bindings[i]; b.attr && b.depth == 0 && !c.has(b.prefix) {
			c.insert(attrKey{space: []byte(xmlSpace), local: localOf(b.prefix), name: b.prefix, value: b.uri})
		}
	}
	for i := range c.keys {
		c.buf = append(append(c.buf, ' '), c.keys[i].name...)
		c.buf = append(c.buf, `="`...)
		c.buf = append(AppendAttr(c.buf, c.keys[i].value), '"')
	}
}

func (c *Canonicalizer) has(name []byte) bool {
	for i := range c.keys {
		if bytes.Equal(c.keys[i].name, name) {
			return true
		}
	}
	return false
}

func (c *Canonicalizer) insert(key attrKey) {
	c.keys = append(c.keys, key)
	for j := len(c.keys) - 1; j > 0; j-- {
		order := bytes.Compare(c.keys[j].space, c.keys[j-1].space)
		if order > 0 || order == 0 && bytes.Compare(c.keys[j].local, c.keys[j-1].local) >= 0 {
			return
		}
		c.keys[j], c.keys[j-1] = c.keys[j-1], c.keys[j]
	}
}

func isPlainText(s []byte) bool {
	return bytes.IndexByte(s, '&') < 0 && bytes.IndexByte(s, '<') < 0 &&
		bytes.IndexByte(s, '>') < 0 && bytes.IndexByte(s, '\r') < 0
}

// AppendText appends s to dst escaped as C14N writes character data; reading it
// back gives s. s must be characters XML 1.0 allows.
func AppendText(dst, s []byte) []byte {
	from := 0
	for i, b := range s {
		var to string
		switch b {
		case '&':
			to = "&amp;"
		case '<':
			to = "&lt;"
		case '>':
			to = "&gt;"
		case '\r':
			to = "&#xD;"
		default:
			continue
		}
		dst = append(append(dst, s[from:i]...), to...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// AppendAttr appends s to dst escaped as C14N writes an attribute value between
// double quotes; reading it back gives s.
func AppendAttr(dst, s []byte) []byte {
	from := 0
	for i, b := range s {
		var to string
		switch b {
		case '&':
			to = "&amp;"
		case '<':
			to = "&lt;"
		case '"':
			to = "&quot;"
		case '\t':
			to = "&#x9;"
		case '\n':
			to = "&#xA;"
		case '\r':
			to = "&#xD;"
		default:
			continue
		}
		dst = append(append(dst, s[from:i]...), to...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}
