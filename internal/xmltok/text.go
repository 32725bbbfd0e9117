package xmltok

import (
	"bytes"
	"unicode/utf8"
)

const shortRun = 48 // bytes looked at one by one before searching with vector code

// characters reads a run of character data.
func (t *Tokenizer) characters() error {
	if t.Depth() == 0 {
		return t.bad(t.pos, "text outside the root element")
	}
	doc, p := t.doc, t.pos
	q := p
	for stop := min(len(doc), p+shortRun); q < stop && class[doc[q]]&isPlain != 0; q++ {
	}
	if q < len(doc) && doc[q] == '<' {
		t.text, t.plain, t.pos = doc[p:q], true, q
		return nil
	}
	n := bytes.IndexByte(doc[q:], '<')
	if n < 0 {
		return t.bad(len(doc), "document ends too early")
	}
	raw, from := doc[p:q+n], q-p
	t.pos = q + n
	returns, entity, bracket := survey(raw[from:])
	if bracket && bytes.Contains(raw[from:], []byte("]]>")) {
		return t.bad(p, "']]>' in text")
	}
	t.plain = !returns && !entity
	var err error
	switch {
	case t.plain:
		t.text = raw
	case entity:
		t.text, err = t.decode(raw, from, false)
	default:
		t.unread = raw // line ends are joined for who asks
	}
	return err
}

// survey reports whether s has a CR, an '&', a ']'.
func survey(s []byte) (returns, entity, bracket bool) {
	if len(s) > shortRun {
		return bytes.IndexByte(s, '\r') >= 0, bytes.IndexByte(s, '&') >= 0, bytes.IndexByte(s, ']') >= 0
	}
	for _, b := range s {
		switch b {
		case '\r':
			returns = true
		case '&':
			entity = true
		case ']':
			bracket = true
		}
	}
	return returns, entity, bracket
}

func (t *Tokenizer) cdata() error {
	if t.Depth() == 0 {
		return t.bad(t.pos, "text outside the root element")
	}
	body := t.pos + len("<![CDATA[")
	n := bytes.Index(t.doc[body:], []byte("]]>"))
	if n < 0 {
		return t.bad(t.pos, "CDATA section without end")
	}
	t.text, t.plain = t.lines(t.doc[body:body+n]), false
	t.pos = body + n + 3
	return nil
}

// value returns the text, its line ends joined by now.
func (t *Tokenizer) value() []byte {
	if t.unread != nil {
		t.text, t.unread = t.lines(t.unread), nil
	}
	return t.text
}

// appendText appends the canonical form of the present text.
func (t *Tokenizer) appendText(dst []byte) []byte {
	switch {
	case t.unread != nil && bytes.IndexByte(t.unread, '>') < 0:
		return appendLines(dst, t.unread)
	case t.plain && bytes.IndexByte(t.text, '>') < 0:
		return append(dst, t.text...)
	}
	return AppendText(dst, t.value())
}

// lines returns raw with CRLF and CR as LF (XML 1.0 §2.11).
func (t *Tokenizer) lines(raw []byte) []byte {
	if bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	from := len(t.scratch)
	t.scratch = appendLines(t.scratch, raw)
	return t.scratch[from:len(t.scratch):len(t.scratch)]
}

// appendLines appends raw with CRLF and CR as LF.
func appendLines(dst, raw []byte) []byte {
	for at := bytes.IndexByte(raw, '\r'); at >= 0; at = bytes.IndexByte(raw, '\r') {
		dst = append(append(dst, raw[:at]...), '\n')
		raw = raw[at+1:]
		if len(raw) > 0 && raw[0] == '\n' {
			raw = raw[1:]
		}
	}
	return append(dst, raw...)
}

// decode resolves references and line ends in raw; the first plain bytes need
// nothing. In an attribute value white space becomes a space (§3.3.3).
func (t *Tokenizer) decode(raw []byte, plain int, attr bool) ([]byte, error) {
	from := len(t.scratch)
	out := append(t.scratch, raw[:plain]...)
	for i := plain; i < len(raw); {
		b := raw[i]
		switch {
		case b == '&':
			var n int
			if out, n = t.reference(out, raw[i:]); n == 0 {
				return nil, t.bad(t.start, "entity or character reference")
			}
			i += n
		case b == '\r' || attr && (b == '\n' || b == '\t'):
			i++
			if b == '\r' && i < len(raw) && raw[i] == '\n' {
				i++
			}
			if b = '\n'; attr {
				b = ' '
			}
			out = append(out, b)
		default:
			j := i + 1
			for j < len(raw) && raw[j] != '&' && raw[j] != '\r' && !(attr && (raw[j] == '\n' || raw[j] == '\t')) {
				j++
			}
			out = append(out, raw[i:j]...)
			i = j
		}
	}
	t.scratch = out
	return out[from:len(out):len(out)], nil
}

// reference appends what the reference at the head of raw stands for and
// returns its length, 0 when it is none that is known here.
func (t *Tokenizer) reference(out, raw []byte) ([]byte, int) {
	end := bytes.IndexByte(raw[:min(len(raw), 1<<10)], ';')
	if end < 2 {
		return out, 0
	}
	name := raw[1:end]
	switch string(name) {
	case "amp":
		return append(out, '&'), end + 1
	case "lt":
		return append(out, '<'), end + 1
	case "gt":
		return append(out, '>'), end + 1
	case "quot":
		return append(out, '"'), end + 1
	case "apos":
		return append(out, '\''), end + 1
	}
	if name[0] != '#' {
		if q, _, ok := scanName(raw, 1); t.late&lateDoctype != 0 && ok && q == end {
			return out, end + 1
		}
		return out, 0
	}
	r, ok := charNumber(name[1:])
	if !ok || !validRune(r) {
		return out, 0
	}
	return utf8.AppendRune(out, r), end + 1
}

func charNumber(digits []byte) (rune, bool) {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	var r rune
	for _, d := range digits {
		var v rune
		switch {
		case d >= '0' && d <= '9':
			v = rune(d - '0')
		case base == 16 && d|0x20 >= 'a' && d|0x20 <= 'f':
			v = rune(d|0x20-'a') + 10
		default:
			return 0, false
		}
		if r = r*base + v; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, len(digits) > 0
}

// doctype scans past a document type declaration without interpreting it: quoted
// strings, comments, processing instructions and the internal subset (§2.8).
func (t *Tokenizer) doctype() error {
	if t.rootSeen {
		return t.bad(t.pos, "DOCTYPE behind the root's start")
	}
	doc, begin := t.doc, t.pos
	p := begin + len("<!DOCTYPE")
	q := skipSpace(doc, p)
	if _, _, ok := scanName(doc, q); !ok || q == p {
		return t.bad(p, "DOCTYPE without a name")
	}
	subset, declared := false, 0 // inside [ ], how many < are open
	for p = q; p < len(doc); {
		if n, ok := opaque(doc[p:]); !ok {
			return t.bad(p, "DOCTYPE with something that does not end")
		} else if n > 0 {
			p += n
			continue
		}
		switch b := doc[p]; {
		case b == '<':
			declared++
		case b == '>' && declared > 0:
			declared--
		case b == '>' && !subset:
			t.pos = p + 1
			return nil
		case b == '[' && !subset && declared == 0:
			subset = true
		case b == ']' && subset && declared == 0:
			subset = false
		case b == '>', b == ']' && declared == 0:
			return t.bad(p, "DOCTYPE")
		}
		p++
	}
	return t.bad(begin, "DOCTYPE without end")
}

// opaque returns the length of the quoted string, comment or processing
// instruction at the head of b, 0 when there is none; ok is false when it does
// not end.
func opaque(b []byte) (n int, ok bool) {
	close, head := "", 1
	switch {
	case b[0] == '"' || b[0] == '\'':
		close = string(b[:1])
	case bytes.HasPrefix(b, []byte("<!--")):
		close, head = "-->", 4
	case bytes.HasPrefix(b, []byte("<?")):
		close, head = "?>", 2
	default:
		return 0, true
	}
	at := bytes.Index(b[head:], []byte(close))
	return head + at + len(close), at >= 0
}
