package xmltok

// This file reads what inner documents consist of nearly throughout, tags of
// one ASCII name without attributes and short texts, without the detours that
// everything else needs. Whatever is not just so is left to Next, untouched.

// tag reads the tag that comes next, behind white space alone; likely is a name
// that is looked for first, "" for none.
func (t *Tokenizer) tag(likely string) (Kind, bool) {
	if t.err != nil || t.late != 0 || t.closing || !t.opened || len(t.deep) > 0 || len(t.bindings) > 0 {
		return EOF, false
	}
	doc, depth := t.doc, len(t.stack)
	if t.popping {
		depth--
	}
	if depth <= 0 {
		return EOF, false
	}
	p := skipSpace(doc, t.pos)
	if p+2 >= len(doc) || doc[p] != '<' {
		return EOF, false
	}
	if doc[p+1] == '/' {
		name := t.stack[depth-1]
		q := p + 2 + len(name)
		if q >= len(doc) || doc[q] != '>' || string(doc[p+2:q]) != string(name) {
			return EOF, false
		}
		t.stack = t.stack[:depth]
		t.take(EndElement, p, q+1, name)
		t.popping = true
		return EndElement, true
	}
	q := p + 1 + len(likely)
	if likely == "" || q >= len(doc) || doc[q] != '>' || string(doc[p+1:q]) != likely {
		q = p + 1
		if class[doc[q]]&isStart == 0 {
			return EOF, false
		}
		for q++; q < len(doc) && class[doc[q]]&isName != 0; q++ {
		}
	}
	if q == len(doc) || doc[q] != '>' || depth >= t.limits.Depth || t.elements >= t.limits.Elements {
		return EOF, false
	}
	t.elements++
	t.take(StartElement, p, q+1, doc[p+1:q])
	t.stack, t.popping = append(t.stack[:depth], t.name), false
	return StartElement, true
}

// leaf reads the text and the end tag of an element that holds nothing else and
// whose text needs no decoding. Its EndElement is then the present token.
func (t *Tokenizer) leaf() ([]byte, bool) {
	if t.closing || t.late != 0 || len(t.deep) > 0 || len(t.stack) == 0 || t.kind != StartElement {
		return nil, false
	}
	doc, p := t.doc, t.pos
	q := p
	for stop := min(len(doc), p+shortRun); q < stop && class[doc[q]]&isPlain != 0; q++ {
	}
	if q+1 >= len(doc) || doc[q] != '<' || doc[q+1] != '/' {
		return nil, false
	}
	name := t.stack[len(t.stack)-1]
	end := q + 2 + len(name)
	if end >= len(doc) || doc[end] != '>' || string(doc[q+2:end]) != string(name) {
		return nil, false
	}
	t.take(EndElement, q, end+1, name)
	t.popping = true
	if p == q {
		return nil, true
	}
	return doc[p:q], true
}

// take makes a tag from..to the present token.
func (t *Tokenizer) take(k Kind, from, to int, name []byte) {
	t.kind, t.name, t.start, t.end, t.pos = k, name, from, to, to
	if len(t.attrs) > 0 || len(t.scratch) > 0 || t.text != nil || t.unread != nil {
		t.attrs, t.scratch, t.text, t.unread = t.attrs[:0], t.scratch[:0], nil, nil
	}
}
