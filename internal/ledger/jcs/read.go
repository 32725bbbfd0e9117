package jcs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxInteger is the largest integer every JSON reader keeps exactly (RFC 8785 §3.2.2.3).
const MaxInteger = 1<<53 - 1

// maxDepth is deeper than any receipt; maxItems bounds what one array may hold.
const (
	maxDepth = 6
	maxItems = 200_000
)

type kind byte

const (
	null kind = iota
	integer
	text
	array
	object
)

// Value is a parsed value; Object opens it.
type Value struct {
	kind    kind
	text    string // of a string
	integer int64
	items   []Value  // of an array; an object's values
	names   []string // an object's names, in order
}

// ErrForm: the bytes are not of this form, or not what the caller expects.
var ErrForm = errors.New("not the JSON of evidence")

// Parse reads exactly one value, in any order of members and with any white
// space. Duplicate names, bad UTF-8, lone surrogates, integers beyond 2^53-1,
// fractions, booleans, depth and excess are ErrForm.
func Parse(data []byte) (Value, error) {
	if !utf8.Valid(data) {
		return Value{}, fmt.Errorf("%w: not UTF-8", ErrForm)
	}
	p := parser{s: string(data)}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.i != len(p.s) {
		return Value{}, p.fail("bytes after the value")
	}
	return v, nil
}

type parser struct {
	s string
	i int
}

func (p *parser) fail(why string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrForm, why, p.i)
}

func (p *parser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

// next consumes c after white space.
func (p *parser) next(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *parser) value(depth int) (Value, error) {
	p.space()
	switch {
	case depth > maxDepth:
		return Value{}, p.fail("too deep")
	case p.i == len(p.s):
		return Value{}, p.fail("it ends too early")
	case strings.HasPrefix(p.s[p.i:], "null"):
		p.i += len("null")
		return Value{}, nil
	case p.s[p.i] == '"':
		s, err := p.string()
		return Value{kind: text, text: s}, err
	case p.next('['):
		return p.array(depth)
	case p.next('{'):
		return p.object(depth)
	}
	return p.number()
}

func (p *parser) number() (Value, error) {
	from := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	digits := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	if p.i == digits || p.s[digits] == '0' && p.i > digits+1 {
		return Value{}, p.fail("not an integer")
	}
	n, err := strconv.ParseInt(p.s[from:p.i], 10, 64)
	if err != nil || n > MaxInteger || n < -MaxInteger {
		return Value{}, p.fail("an integer out of range")
	}
	return Value{kind: integer, integer: n}, nil
}

func (p *parser) array(depth int) (Value, error) {
	v := Value{kind: array}
	if p.next(']') {
		return v, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		if v.items = append(v.items, item); len(v.items) > maxItems {
			return Value{}, p.fail("too many items")
		}
		if p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return Value{}, p.fail("no comma")
		}
	}
}

func (p *parser) object(depth int) (Value, error) {
	v := Value{kind: object}
	if p.next('}') {
		return v, nil
	}
	for {
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '"' {
			return Value{}, p.fail("no name")
		}
		name, err := p.string()
		if err != nil {
			return Value{}, err
		}
		if len(v.names) >= 32 { // more than any object of a receipt has
			return Value{}, p.fail("too many names")
		}
		for _, n := range v.names {
			if n == name {
				return Value{}, p.fail("a name twice")
			}
		}
		if !p.next(':') {
			return Value{}, p.fail("no colon")
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.names, v.items = append(v.names, name), append(v.items, item)
		if p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return Value{}, p.fail("no comma")
		}
	}
}

// string reads a string from its opening quote.
func (p *parser) string() (string, error) {
	p.i++
	var b strings.Builder
	from := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c < 0x20:
			return "", p.fail("a control character")
		case c == '"':
			b.WriteString(p.s[from:p.i])
			p.i++
			return b.String(), nil
		case c == '\\':
			b.WriteString(p.s[from:p.i])
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			from = p.i
		default:
			p.i++
		}
	}
	return "", p.fail("an open string")
}

// escape reads one escape, or the two of a surrogate pair.
func (p *parser) escape() (rune, error) {
	if p.i+1 >= len(p.s) {
		return 0, p.fail("an open escape")
	}
	c := p.s[p.i+1]
	if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 {
		p.i += 2
		return rune("\"\\/\b\f\n\r\t"[k]), nil
	}
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.fail("a lone surrogate")
	}
	return r, nil
}

// hex4 reads \uXXXX.
func (p *parser) hex4() (rune, error) {
	if !strings.HasPrefix(p.s[p.i:], `\u`) || len(p.s) < p.i+6 {
		return 0, p.fail("a bad escape")
	}
	n, err := strconv.ParseUint(p.s[p.i+2:p.i+6], 16, 16)
	if err != nil {
		return 0, p.fail("a bad escape")
	}
	p.i += 6
	return rune(n), nil
}

// Base64 decodes standard base64 in its one right spelling.
func Base64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // the decoder would skip them
		return nil, ErrForm
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}
