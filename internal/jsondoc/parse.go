package jsondoc

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

func because(why string) error { return ErrUnreadable.Because(errors.New(why)) }

// parser reads one document from the left.
type parser struct {
	doc    []byte
	at     int
	line   int
	values int // still allowed
	depth  int // still allowed
}

func (p *parser) space() {
	for p.at < len(p.doc) {
		switch p.doc[p.at] {
		case '\n':
			p.line++
		case ' ', '\t', '\r':
		default:
			return
		}
		p.at++
	}
}

// is takes c if it comes next.
func (p *parser) is(c byte) bool {
	if p.at < len(p.doc) && p.doc[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) value() (Value, error) {
	if p.values--; p.values < 0 {
		return Value{}, ErrLimits
	}
	p.space()
	if p.at == len(p.doc) {
		return Value{}, because("cut short")
	}
	v := Value{Line: p.line}
	var err error
	switch c := p.doc[p.at]; {
	case c == '{' || c == '[':
		if p.depth--; p.depth < 0 {
			return Value{}, ErrLimits
		}
		p.at++
		if c == '{' {
			v.Type = Object
			v.Members, err = p.members()
		} else {
			v.Type = Array
			v.Items, err = p.items()
		}
		p.depth++
	case c == '"':
		p.at++
		v.Type = String
		v.Text, err = p.text()
	case c == '-' || c >= '0' && c <= '9':
		v.Type = Number
		v.Text, err = p.number()
	default:
		v.Type, v.Text, err = p.word()
	}
	return v, err
}

// longObject is how many members are compared one by one before a set is made.
const longObject = 32

func (p *parser) members() ([]Member, error) {
	var list []Member
	var seen map[string]bool
	if p.space(); p.is('}') {
		return nil, nil
	}
	for {
		if p.space(); !p.is('"') {
			return nil, because("a member without a name")
		}
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		if len(list) == longObject {
			seen = make(map[string]bool, 2*longObject)
			for i := range list {
				seen[list[i].Name] = true
			}
		}
		if twice(list, seen, name) {
			return nil, because("a member name twice")
		}
		if p.space(); !p.is(':') {
			return nil, because("a member without a colon")
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, Member{name, v})
		if p.space(); p.is('}') {
			return list, nil
		}
		if !p.is(',') {
			return nil, because("members without a comma")
		}
	}
}

func twice(list []Member, seen map[string]bool, name string) bool {
	if seen != nil {
		was := seen[name]
		seen[name] = true
		return was
	}
	for i := range list {
		if list[i].Name == name {
			return true
		}
	}
	return false
}

func (p *parser) items() ([]Value, error) {
	var list []Value
	if p.space(); p.is(']') {
		return nil, nil
	}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.space(); p.is(']') {
			return list, nil
		}
		if !p.is(',') {
			return nil, because("items without a comma")
		}
	}
}

// text reads a string whose opening quote was taken.
func (p *parser) text() (string, error) {
	from := p.at
	for p.at < len(p.doc) {
		switch c := p.doc[p.at]; {
		case c == '"':
			p.at++
			return string(p.doc[from : p.at-1]), nil
		case c == '\\':
			return p.escaped(from)
		case c < 0x20:
			return "", because("a control character in a string")
		}
		p.at++
	}
	return "", because("a string cut short")
}

// escaped goes on with a string that has a backslash at p.at.
func (p *parser) escaped(from int) (string, error) {
	out := append([]byte(nil), p.doc[from:p.at]...)
	for p.at < len(p.doc) {
		c := p.doc[p.at]
		p.at++
		switch {
		case c == '"':
			return string(out), nil
		case c < 0x20:
			return "", because("a control character in a string")
		case c != '\\':
			out = append(out, c)
			continue
		}
		if p.at == len(p.doc) {
			break
		}
		c = p.doc[p.at]
		p.at++
		if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[i])
			continue
		}
		if c != 'u' {
			return "", because("an unknown escape")
		}
		r, err := p.unit()
		if err != nil {
			return "", err
		}
		if utf16.IsSurrogate(r) {
			if !bytes.HasPrefix(p.doc[p.at:], []byte(`\u`)) {
				return "", because("half a surrogate")
			}
			p.at += 2
			low, err := p.unit()
			if err != nil {
				return "", err
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return "", because("half a surrogate")
			}
		}
		if r == 0 {
			return "", because("NUL")
		}
		out = utf8.AppendRune(out, r)
	}
	return "", because("a string cut short")
}

// unit reads the four hexadecimal digits of an escape.
func (p *parser) unit() (rune, error) {
	if len(p.doc)-p.at < 4 {
		return 0, because("an escape cut short")
	}
	n, err := strconv.ParseUint(string(p.doc[p.at:p.at+4]), 16, 16)
	if err != nil {
		return 0, because("an escape that is not hexadecimal")
	}
	p.at += 4
	return rune(n), nil
}

// number reads a number and keeps it as written (RFC 8259 §6).
func (p *parser) number() (string, error) {
	from := p.at
	p.is('-')
	if !p.is('0') && p.digits() == 0 {
		return "", because("a number without digits")
	}
	if p.is('.') && p.digits() == 0 {
		return "", because("a number that ends with a point")
	}
	if p.is('e') || p.is('E') {
		if !p.is('+') {
			p.is('-')
		}
		if p.digits() == 0 {
			return "", because("an exponent without digits")
		}
	}
	return string(p.doc[from:p.at]), nil
}

func (p *parser) digits() int {
	n := 0
	for p.at < len(p.doc) && p.doc[p.at] >= '0' && p.doc[p.at] <= '9' {
		p.at++
		n++
	}
	return n
}

func (p *parser) word() (Type, string, error) {
	for _, w := range [...]struct {
		word, text string
		of         Type
	}{{"true", "true", Bool}, {"false", "false", Bool}, {"null", "", Null}} {
		if bytes.HasPrefix(p.doc[p.at:], []byte(w.word)) {
			p.at += len(w.word)
			return w.of, w.text, nil
		}
	}
	return Null, "", because("no JSON value")
}
