package jcs

import "fmt"

// Members reads an object by name, each member once, and remembers the first
// thing wrong: after Close has returned nil everything read was as asked.
type Members struct {
	v    Value
	seen int
	err  error
}

// Object opens a value that should be an object.
func Object(v Value) *Members {
	m := &Members{v: v}
	if v.kind != object {
		m.err = fmt.Errorf("%w: not an object", ErrForm)
	}
	return m
}

// get returns the member called name, which must be there and of one of kinds.
func (m *Members) get(name string, kinds ...kind) Value {
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
		m.Fail(name, "is of another type")
		return Value{}
	}
	m.Fail(name, "is absent")
	return Value{}
}

// Fail records why a member is not as asked; the first reason stays.
func (m *Members) Fail(name, why string) {
	if m.err == nil {
		m.err = fmt.Errorf("%w: %s %s", ErrForm, name, why)
	}
}

// Text returns a string.
func (m *Members) Text(name string) string { return m.get(name, text).text }

// Int returns an integer.
func (m *Members) Int(name string) int64 { return m.get(name, integer).integer }

// TextOrNull returns a string, "" for null; an empty string is refused.
func (m *Members) TextOrNull(name string) string {
	v := m.get(name, text, null)
	if v.kind == text && v.text == "" {
		m.Fail(name, "is empty")
	}
	return v.text
}

// IntOrNull returns an integer, 0 for null; a 0 is refused.
func (m *Members) IntOrNull(name string) int {
	v := m.get(name, integer, null)
	if v.kind == integer && v.integer == 0 {
		m.Fail(name, "is 0")
	}
	return int(v.integer)
}

// Bytes returns what a string of standard base64 holds: length bytes, or any
// number for 0.
func (m *Members) Bytes(name string, length int) []byte {
	b, err := Base64(m.Text(name))
	if err != nil || length > 0 && len(b) != length {
		m.Fail(name, "is not base64 of its length")
		return nil
	}
	return b
}

// Texts returns an array of strings.
func (m *Members) Texts(name string) []string {
	items := m.get(name, array).items
	out := make([]string, 0, len(items))
	for _, it := range items {
		if it.kind != text {
			m.Fail(name, "holds something else than strings")
			return nil
		}
		out = append(out, it.text)
	}
	return out
}

// Object returns a member that is an object, to be closed by itself.
func (m *Members) Object(name string) *Members { return Object(m.get(name, object)) }

// Objects returns an array of objects, each to be closed by itself.
func (m *Members) Objects(name string) []*Members {
	items := m.get(name, array).items
	out := make([]*Members, len(items))
	for i, it := range items {
		out[i] = Object(it)
	}
	return out
}

// Close refuses members nobody asked for and returns the first thing wrong.
func (m *Members) Close() error {
	if m.err == nil && m.seen != len(m.v.names) {
		return fmt.Errorf("%w: an unknown member", ErrForm)
	}
	return m.err
}
