package xmltok

import "bytes"

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// binding is a namespace declaration in scope, or (attr) an xml: attribute that
// inclusive C14N of a subtree inherits.
type binding struct {
	prefix, uri []byte // or name and value of the attribute
	depth       int    // of the element it is on; 0: around the fragment
	id          int32  // same namespace name, same id
	attr        bool
}

// namespaces takes in the declarations of the element just pushed and checks
// that every prefix is declared and no attribute is there twice by expanded
// name (Namespaces in XML 1.0 §3-§6.3).
func (t *Tokenizer) namespaces() error {
	depth := t.Depth()
	copied := len(t.scratch) > 0
	for i := range t.attrs {
		a := &t.attrs[i]
		if prefix, ok := declares(a.Name); ok {
			if err := t.declare(prefix, a.Value, depth, copied); err != nil {
				return err
			}
		} else if bytes.HasPrefix(a.Name, []byte("xml:")) {
			value := a.Value
			if copied {
				value = bytes.Clone(value)
			}
			t.bind(binding{prefix: a.Name, uri: value, depth: depth, attr: true})
		}
	}
	if t.late != 0 {
		return nil
	}
	if p := prefixOf(t.name); p != nil && t.resolve(p) < 0 && string(p) != "xml" {
		return t.bad(t.start, "element prefix without declaration")
	}
	return t.expandedNames()
}

func (t *Tokenizer) bind(b binding) {
	if len(t.bindings) >= maxBindings {
		t.late |= lateLimits
		return
	}
	t.bindings = append(t.bindings, b)
}

// declares returns the prefix an xmlns attribute declares, "" for the default.
func declares(name []byte) (prefix []byte, ok bool) {
	if len(name) < 5 || string(name[:5]) != "xmlns" {
		return nil, false
	}
	if len(name) == 5 {
		return nil, true
	}
	return name[6:], name[5] == ':'
}

func (t *Tokenizer) declare(prefix, uri []byte, depth int, copied bool) error {
	isXML := string(uri) == xmlSpace
	switch {
	case string(prefix) == "xmlns", string(uri) == xmlnsSpace, isXML != (string(prefix) == "xml"),
		len(prefix) > 0 && len(uri) == 0:
		return t.bad(t.start, "namespace declaration that is not allowed")
	case isXML:
		return nil
	case len(uri) > maxNamespace:
		t.late |= lateLimits
		return nil
	}
	b := binding{prefix: prefix, uri: uri, depth: depth}
	if copied {
		b.uri = bytes.Clone(uri)
	}
	for i := range t.bindings {
		if o := &t.bindings[i]; !o.attr && bytes.Equal(o.uri, uri) {
			b.id = o.id
			break
		}
	}
	if b.id == 0 {
		t.spaces++
		b.id = t.spaces
	}
	t.bind(b)
	return nil
}

// expandedNames resolves the prefixes of the attributes, each once.
func (t *Tokenizer) expandedNames() error {
	t.resolved = t.resolved[:0]
	for i := range t.attrs {
		name := t.attrs[i].Name
		id := int32(0) // not prefixed, or a declaration: cannot clash
		p := prefixOf(name)
		if _, declared := declares(name); p != nil && !declared {
			at := t.resolve(p)
			switch {
			case string(p) == "xml":
				id = -1
			case at < 0:
				return t.bad(t.start, "attribute prefix without declaration")
			default:
				id = t.bindings[at].id
			}
		}
		for j, other := range t.resolved {
			if id != 0 && id == other && bytes.Equal(localOf(name), localOf(t.attrs[j].Name)) {
				return t.bad(t.start, "attribute twice by expanded name")
			}
		}
		t.resolved = append(t.resolved, id)
	}
	return nil
}

// resolve is lookup for the tokenizer's own checks, whose work is bounded: many
// declarations in scope times many prefixed names.
func (t *Tokenizer) resolve(prefix []byte) int {
	at := t.lookup(prefix)
	if t.effort += len(t.bindings) - at; t.effort > maxEffort {
		t.late |= lateLimits
	}
	return at
}

// lookup returns the index of the innermost declaration of prefix, or -1.
func (t *Tokenizer) lookup(prefix []byte) int {
	for i := len(t.bindings) - 1; i >= 0; i-- {
		if b := &t.bindings[i]; !b.attr && string(b.prefix) == string(prefix) {
			return i
		}
	}
	return -1
}

// space returns the namespace name prefix stands for, nil for none.
func (t *Tokenizer) space(prefix []byte) []byte {
	if string(prefix) == "xml" {
		return []byte(xmlSpace)
	}
	if at := t.lookup(prefix); at >= 0 {
		return t.bindings[at].uri
	}
	return nil
}

// Space returns the namespace name of the present element, empty for none.
func (t *Tokenizer) Space() []byte {
	if len(t.bindings) == 0 {
		return nil
	}
	return t.space(prefixOf(t.name))
}

// Scope is what an element inherits from its ancestors: namespace declarations
// and xml: attributes. The zero value is that of a root element.
type Scope struct{ bindings []binding }

// Scope puts into s what the present StartElement inherits, reusing s's memory.
// It holds slices of the document.
func (t *Tokenizer) Scope(s *Scope) {
	s.bindings = s.bindings[:0]
	depth := t.Depth()
	for _, b := range t.bindings {
		if b.depth < depth {
			b.depth = 0
			s.bindings = append(s.bindings, b)
		}
	}
}

// resetFragment starts on the element at offset of a document, within scope.
func (t *Tokenizer) resetFragment(doc []byte, offset int, scope *Scope, limits Limits) {
	t.Reset(doc, limits)
	t.pos, t.fragment = offset, true
	if scope == nil {
		return
	}
	t.bindings = append(t.bindings, scope.bindings...)
	for i := range t.bindings {
		t.spaces = max(t.spaces, t.bindings[i].id)
	}
}
