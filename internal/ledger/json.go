package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appendString appends s as an RFC 8785 §3.2.2.2 string: the shortest escapes,
// everything from U+0020 on as it is. s must be valid UTF-8.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

func appendBase64(dst, src []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, src)
	return append(dst, '"')
}

func uitoa(n uint64) string { return strconv.FormatUint(n, 10) }

// maxInteger is the largest integer every JSON reader keeps exactly (RFC 8785 §3.2.2.3).
const maxInteger = 1<<53 - 1

// maxDepth is deeper than any receipt; maxItems bounds what one array may hold.
const (
	maxDepth = 6
	maxItems = 200_000
)

type jsonKind byte

const (
	jsonNull jsonKind = iota
	jsonInteger
	jsonString
	jsonArray
	jsonObject
)

// jsonValue is a parsed value. Receipts hold no booleans and no fractions, so
// neither does this.
type jsonValue struct {
	kind    jsonKind
	text    string // of a string
	integer int64
	items   []jsonValue // of an array; an object's values
	names   []string    // an object's names, in order
}

var errJSON = errors.New("not the JSON of a receipt")

// parseJSON reads exactly one value. It refuses what receipts never hold:
// duplicate names, bad UTF-8, lone surrogates, fractions, booleans, depth.
func parseJSON(data []byte) (jsonValue, error) {
	if !utf8.Valid(data) {
		return jsonValue{}, fmt.Errorf("%w: not UTF-8", errJSON)
	}
	p := jsonParser{s: string(data)}
	v, err := p.value(0)
	if err != nil {
		return jsonValue{}, err
	}
	p.space()
	if p.i != len(p.s) {
		return jsonValue{}, p.fail("bytes after the value")
	}
	return v, nil
}

type jsonParser struct {
	s string
	i int
}

func (p *jsonParser) fail(why string) error {
	return fmt.Errorf("%w: %s at byte %d", errJSON, why, p.i)
}

func (p *jsonParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

// next consumes c after white space.
func (p *jsonParser) next(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *jsonParser) value(depth int) (jsonValue, error) {
	p.space()
	switch {
	case depth > maxDepth:
		return jsonValue{}, p.fail("too deep")
	case p.i == len(p.s):
		return jsonValue{}, p.fail("it ends too early")
	case strings.HasPrefix(p.s[p.i:], "null"):
		p.i += len("null")
		return jsonValue{}, nil
	case p.s[p.i] == '"':
		s, err := p.string()
		return jsonValue{kind: jsonString, text: s}, err
	case p.next('['):
		return p.array(depth)
	case p.next('{'):
		return p.object(depth)
	}
	return p.number()
}

func (p *jsonParser) number() (jsonValue, error) {
	from := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	digits := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	if p.i == digits || p.s[digits] == '0' && p.i > digits+1 {
		return jsonValue{}, p.fail("not an integer")
	}
	n, err := strconv.ParseInt(p.s[from:p.i], 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger {
		return jsonValue{}, p.fail("an integer out of range")
	}
	return jsonValue{kind: jsonInteger, integer: n}, nil
}

func (p *jsonParser) array(depth int) (jsonValue, error) {
	v := jsonValue{kind: jsonArray}
	if p.next(']') {
		return v, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return jsonValue{}, err
		}
		if v.items = append(v.items, item); len(v.items) > maxItems {
			return jsonValue{}, p.fail("too many items")
		}
		if p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return jsonValue{}, p.fail("no comma")
		}
	}
}

func (p *jsonParser) object(depth int) (jsonValue, error) {
	v := jsonValue{kind: jsonObject}
	if p.next('}') {
		return v, nil
	}
	for {
		p.space()
		if p.i == len(p.s) || p.s[p.i] != '"' {
			return jsonValue{}, p.fail("no name")
		}
		name, err := p.string()
		if err != nil {
			return jsonValue{}, err
		}
		if len(v.names) >= 32 { // more than any object of a receipt has
			return jsonValue{}, p.fail("too many names")
		}
		for _, n := range v.names {
			if n == name {
				return jsonValue{}, p.fail("a name twice")
			}
		}
		if !p.next(':') {
			return jsonValue{}, p.fail("no colon")
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return jsonValue{}, err
		}
		v.names, v.items = append(v.names, name), append(v.items, item)
		if p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return jsonValue{}, p.fail("no comma")
		}
	}
}

// string reads a string from its opening quote.
func (p *jsonParser) string() (string, error) {
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
func (p *jsonParser) escape() (rune, error) {
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
func (p *jsonParser) hex4() (rune, error) {
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

// members reads an object by name and remembers the first thing wrong with it.
type members struct {
	v    jsonValue
	seen int
	err  error
}

func membersOf(v jsonValue) *members {
	m := &members{v: v}
	if v.kind != jsonObject {
		m.err = fmt.Errorf("%w: not an object", errJSON)
	}
	return m
}

// get returns the member called name, which must be there and of one of kinds.
func (m *members) get(name string, kinds ...jsonKind) jsonValue {
	for i, n := range m.v.names {
		if n != name {
			continue
		}
		m.seen++
		for _, k := range kinds {
			if m.v.items[i].kind == k {
				return m.v.items[i]
			}
		}
		m.fail(name, "is of another type")
		return jsonValue{}
	}
	m.fail(name, "is absent")
	return jsonValue{}
}

func (m *members) fail(name, why string) {
	if m.err == nil {
		m.err = fmt.Errorf("%w: %s %s", errJSON, name, why)
	}
}

func (m *members) text(name string) string { return m.get(name, jsonString).text }

func (m *members) integer(name string) int64 { return m.get(name, jsonInteger).integer }

// textOrNull gives "" for null and refuses an empty string.
func (m *members) textOrNull(name string) string {
	v := m.get(name, jsonString, jsonNull)
	if v.kind == jsonString && v.text == "" {
		m.fail(name, "is empty")
	}
	return v.text
}

// integerOrNull gives 0 for null and refuses a 0.
func (m *members) integerOrNull(name string) int {
	v := m.get(name, jsonInteger, jsonNull)
	if v.kind == jsonInteger && v.integer == 0 {
		m.fail(name, "is 0")
	}
	return int(v.integer)
}

func (m *members) bytes(name string, length int) []byte {
	b, err := strictBase64(m.text(name))
	if err != nil || length > 0 && len(b) != length {
		m.fail(name, "is not base64 of its length")
		return nil
	}
	return b
}

func (m *members) texts(name string) []string {
	items := m.get(name, jsonArray).items
	out := make([]string, 0, len(items))
	for _, it := range items {
		if it.kind != jsonString {
			m.fail(name, "holds something else than strings")
			return nil
		}
		out = append(out, it.text)
	}
	return out
}

// close refuses members nobody asked for and returns the first error.
func (m *members) close() error {
	if m.err == nil && m.seen != len(m.v.names) {
		return fmt.Errorf("%w: an unknown member", errJSON)
	}
	return m.err
}

// strictBase64 decodes standard base64 in its one right spelling.
func strictBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // the decoder would skip them
		return nil, errJSON
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}
