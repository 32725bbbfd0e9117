package xmltok

import "bytes"

// begin checks the whole document's bytes, then reads BOM and XML declaration.
func (t *Tokenizer) begin() error {
	if len(t.doc) > t.limits.Bytes {
		return ErrLimits
	}
	if !t.limits.Known && !validBytes(t.doc[t.pos:]) { // a fragment's document was read before, up to here
		return t.bad(t.pos, "not UTF-8, or a character XML 1.0 does not allow")
	}
	if t.fragment {
		return nil
	}
	if bytes.HasPrefix(t.doc, []byte("\xEF\xBB\xBF")) {
		t.pos = 3
	}
	rest := t.doc[t.pos:]
	if len(rest) > 5 && string(rest[:5]) == "<?xml" && class[rest[5]]&isSpace != 0 {
		return t.declaration()
	}
	return nil
}

// declaration reads version, then encoding and standalone where present (§2.8).
func (t *Tokenizer) declaration() error {
	at := t.pos
	close := bytes.Index(t.doc[at:], []byte("?>"))
	if close < 0 {
		return t.bad(at, "XML declaration without end")
	}
	body := t.doc[at+5 : at+close]
	order := 0
	for p := 0; ; {
		q := skipSpace(body, p)
		if q == len(body) {
			break
		}
		if q == p {
			return t.bad(at, "XML declaration")
		}
		name, value, next, ok := pseudoAttr(body, q)
		if !ok {
			return t.bad(at, "XML declaration")
		}
		switch {
		case string(name) == "version" && order == 0 && string(value) == "1.0":
			order = 1
		case string(name) == "encoding" && order == 1 && bytes.EqualFold(value, []byte("utf-8")):
			order = 2
		case string(name) == "standalone" && (order == 1 || order == 2) && (string(value) == "yes" || string(value) == "no"):
			order = 3
		default:
			return t.bad(at, "XML declaration with something other than version 1.0, encoding UTF-8, standalone")
		}
		p = next
	}
	if order == 0 {
		return t.bad(at, "XML declaration without version")
	}
	t.pos = at + close + 2
	return nil
}

func pseudoAttr(body []byte, p int) (name, value []byte, next int, ok bool) {
	q := p
	for q < len(body) && class[body[q]]&isStart != 0 {
		q++
	}
	eq := skipSpace(body, q)
	if q == p || eq == len(body) || body[eq] != '=' {
		return nil, nil, 0, false
	}
	v := skipSpace(body, eq+1)
	if v == len(body) || body[v] != '"' && body[v] != '\'' {
		return nil, nil, 0, false
	}
	n := bytes.IndexByte(body[v+1:], body[v])
	if n < 0 {
		return nil, nil, 0, false
	}
	return body[p:q], body[v+1 : v+1+n], v + n + 2, true
}

// step reads one token.
func (t *Tokenizer) step() (Kind, error) {
	if t.popping {
		t.popping = false
		t.pop()
	}
	t.attrs, t.scratch, t.text, t.unread = t.attrs[:0], t.scratch[:0], nil, nil
	if t.closing {
		t.closing, t.popping = false, true
		t.start = t.end
		return EndElement, nil
	}
	if t.Depth() == 0 {
		if t.fragment && t.rootSeen {
			return EOF, nil
		}
		t.pos = skipSpace(t.doc, t.pos)
		if t.pos == len(t.doc) && t.rootSeen {
			t.start, t.end = t.pos, t.pos
			return EOF, nil
		}
	}
	t.start = t.pos
	if t.pos == len(t.doc) {
		return EOF, t.bad(t.pos, "document ends too early")
	}
	k, err := t.token()
	t.end = t.pos
	return k, err
}

func (t *Tokenizer) token() (Kind, error) {
	doc, p := t.doc, t.pos
	if doc[p] != '<' {
		return Text, t.characters()
	}
	if p+1 == len(doc) {
		return EOF, t.bad(p, "document ends inside a tag")
	}
	switch doc[p+1] {
	case '/':
		return EndElement, t.endTag()
	case '?':
		return ProcInst, t.procInst()
	case '!':
		rest := doc[p+2:]
		switch {
		case bytes.HasPrefix(rest, []byte("--")):
			return Comment, t.comment()
		case bytes.HasPrefix(rest, []byte("[CDATA[")):
			return Text, t.cdata()
		case bytes.HasPrefix(rest, []byte("DOCTYPE")):
			t.late |= lateDoctype
			return Comment, t.doctype()
		}
		return EOF, t.bad(p, "unknown declaration")
	default:
		return StartElement, t.startTag()
	}
}

func (t *Tokenizer) startTag() error {
	doc := t.doc
	p := t.pos + 1
	q, colon, ok := scanName(doc, p)
	if !ok {
		return t.bad(q, "element name")
	}
	if t.rootSeen && t.Depth() == 0 {
		return t.bad(p, "second root element")
	}
	t.rootSeen = true
	t.name = doc[p:q]
	if t.elements++; t.elements > t.limits.Elements {
		t.late |= lateLimits
	}
	spaced := colon >= 0
	if q >= len(doc) || doc[q] != '>' {
		var err error
		var more bool
		if q, more, err = t.attributes(q); err != nil {
			return err
		}
		spaced = spaced || more
	}
	if doc[q] == '/' {
		t.closing = true
		q++
	}
	t.pos = q + 1
	if err := t.push(p); err != nil {
		return err
	}
	if spaced {
		return t.namespaces()
	}
	return nil
}

// attributes reads from behind the element name to the closing '>' or '/',
// whose place it returns; spaced reports a colon or xmlns among the names.
func (t *Tokenizer) attributes(p int) (end int, spaced bool, err error) {
	doc := t.doc
	for n := 0; ; n++ {
		q := skipSpace(doc, p)
		if q == len(doc) {
			return q, false, t.bad(q, "document ends inside a tag")
		}
		if doc[q] == '>' {
			return q, spaced, nil
		}
		if doc[q] == '/' {
			if q+1 == len(doc) || doc[q+1] != '>' {
				return q, false, t.bad(q, "'/' inside a tag")
			}
			return q, spaced, nil
		}
		if q == p {
			return q, false, t.bad(q, "no white space before an attribute")
		}
		e, colon, ok := scanName(doc, q)
		if !ok {
			return e, false, t.bad(e, "attribute name")
		}
		name := doc[q:e]
		spaced = spaced || colon >= 0 || string(name) == "xmlns"
		var value []byte
		if value, p, err = t.attrValue(e); err != nil {
			return p, false, err
		}
		if n >= t.limits.Attributes {
			t.late |= lateLimits
			continue
		}
		for i := range t.attrs {
			if string(t.attrs[i].Name) == string(name) {
				return q, false, t.bad(q, "attribute twice")
			}
		}
		t.attrs = append(t.attrs, Attr{name, value})
	}
}

// attrValue reads `= "value"` at p.
func (t *Tokenizer) attrValue(p int) (value []byte, next int, err error) {
	doc := t.doc
	p = skipSpace(doc, p)
	if p == len(doc) || doc[p] != '=' {
		return nil, p, t.bad(p, "attribute without value")
	}
	p = skipSpace(doc, p+1)
	if p == len(doc) || doc[p] != '"' && doc[p] != '\'' {
		return nil, p, t.bad(p, "attribute value without quotes")
	}
	n := bytes.IndexByte(doc[p+1:], doc[p])
	if n < 0 {
		return nil, p, t.bad(p, "attribute value without end")
	}
	raw := doc[p+1 : p+1+n]
	next = p + n + 2
	for i, b := range raw {
		switch b {
		case '<':
			return nil, p, t.bad(p+1+i, "'<' in an attribute value")
		case '&', '\t', '\n', '\r':
			if bytes.IndexByte(raw[i:], '<') >= 0 {
				return nil, p, t.bad(p, "'<' in an attribute value")
			}
			value, err = t.decode(raw, i, true)
			return value, next, err
		}
	}
	return raw, next, nil
}

func (t *Tokenizer) endTag() error {
	doc, p := t.doc, t.pos+2
	var name []byte
	switch {
	case len(t.deep) > 0:
		from := int(t.deep[len(t.deep)-1])
		end, _, _ := scanName(doc, from)
		name = doc[from:end]
	case len(t.stack) > 0:
		name = t.stack[len(t.stack)-1]
	default:
		return t.bad(t.pos, "end tag without start")
	}
	q := p + len(name)
	if q >= len(doc) || string(doc[p:q]) != string(name) {
		return t.bad(p, "end tag that does not match")
	}
	if doc[q] != '>' {
		if q = skipSpace(doc, q); q == len(doc) || doc[q] != '>' {
			return t.bad(q, "end tag that does not match")
		}
	}
	t.name, t.pos, t.popping = name, q+1, true
	return nil
}

func (t *Tokenizer) push(nameAt int) error {
	if len(t.stack) < t.limits.Depth {
		t.stack = append(t.stack, t.name)
		return nil
	}
	t.late |= lateLimits
	if len(t.deep) == maxDeep {
		return errTooDeep
	}
	t.deep = append(t.deep, uint32(nameAt))
	return nil
}

func (t *Tokenizer) pop() {
	depth := t.Depth()
	for n := len(t.bindings); n > 0 && t.bindings[n-1].depth == depth; n-- {
		t.bindings = t.bindings[:n-1]
	}
	if n := len(t.deep); n > 0 {
		t.deep = t.deep[:n-1]
		return
	}
	t.stack = t.stack[:len(t.stack)-1]
}

func (t *Tokenizer) comment() error {
	body := t.pos + 4
	n := bytes.Index(t.doc[body:], []byte("--"))
	if n < 0 || body+n+2 == len(t.doc) {
		return t.bad(t.pos, "comment without end")
	}
	if t.doc[body+n+2] != '>' {
		return t.bad(body+n, "'--' in a comment")
	}
	t.text = t.lines(t.doc[body : body+n])
	t.pos = body + n + 3
	return nil
}

func (t *Tokenizer) procInst() error {
	p := t.pos + 2
	q, colon, ok := scanName(t.doc, p)
	if !ok || colon >= 0 || bytes.EqualFold(t.doc[p:q], []byte("xml")) {
		return t.bad(p, "target of a processing instruction")
	}
	n := bytes.Index(t.doc[q:], []byte("?>"))
	if n < 0 {
		return t.bad(t.pos, "processing instruction without end")
	}
	body := skipSpace(t.doc, q)
	if n > 0 && body == q {
		return t.bad(q, "target of a processing instruction")
	}
	t.name = t.doc[p:q]
	t.text = t.lines(t.doc[min(body, q+n) : q+n])
	t.pos = q + n + 2
	return nil
}
