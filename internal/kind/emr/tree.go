package emr

import (
	"strings"

	"lienthong/internal/jsondoc"
	"lienthong/internal/kind"
	"lienthong/internal/xmltok"
)

// maxElements is how many elements or values an EMR may have.
const maxElements = 200_000

// node is one element of an XML document or one member of a JSON document, as
// both look alike: a name, and a text or nodes below. An array is its items, each
// with the array's name.
type node struct {
	name string // as sent, without a namespace prefix
	text string // of a leaf
	line int
	kids []node
}

func (n *node) leaf() bool { return len(n.kids) == 0 }

// rootName is the document element, and the member that holds everything in JSON.
const rootName = "HoSoBenhAn"

// fromXML reads the tree of an XML document. Text beside elements, comments and
// attributes belong to no field and are passed over. Faults: those of xmltok,
// envelope.invalid for another document element.
func fromXML(raw []byte) (*node, error) {
	tok := xmltok.New(raw, xmltok.Limits{Depth: 32, Elements: maxElements})
	var root *node
	for {
		k, err := tok.Next()
		if err != nil {
			return nil, err
		}
		switch k {
		case xmltok.EOF:
			if root == nil || root.name != rootName {
				return nil, kind.ErrEnvelope
			}
			return root, nil
		case xmltok.StartElement:
			if root, err = element(tok); err != nil {
				return nil, err
			}
		}
	}
}

// element reads the element whose start tag is the present token, to its end tag.
func element(tok *xmltok.Tokenizer) (*node, error) {
	n := &node{name: string(tok.Local()), line: tok.Line()}
	var text []byte
	for {
		k, err := tok.Next()
		if err != nil {
			return nil, err
		}
		switch k {
		case xmltok.StartElement:
			kid, err := element(tok)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, *kid)
		case xmltok.EndElement:
			if n.leaf() {
				n.text = strings.TrimSpace(string(text))
			}
			return n, nil
		case xmltok.Text:
			text = append(text, tok.Text()...)
		}
	}
}

// fromJSON reads the tree of a JSON document: the member HoSoBenhAn, or the object
// itself where it has none. Faults: file.unreadable, file.limits, envelope.invalid.
func fromJSON(raw []byte) (*node, error) {
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{Depth: 32, Values: maxElements})
	if err != nil {
		return nil, err
	}
	top := doc
	for i := range doc.Members {
		if plain(doc.Members[i].Name) == plain(rootName) {
			top = &doc.Members[i].Value
			break
		}
	}
	if top.Type != jsondoc.Object {
		return nil, kind.ErrEnvelope
	}
	root := &node{name: rootName, line: top.Line}
	for i := range top.Members {
		root.add(top.Members[i].Name, &top.Members[i].Value)
	}
	return root, nil
}

// add puts a JSON value below n.
func (n *node) add(name string, v *jsondoc.Value) {
	switch v.Type {
	case jsondoc.Array:
		for i := range v.Items {
			n.add(name, &v.Items[i])
		}
		return
	case jsondoc.Null:
		return
	}
	kid := node{name: name, text: strings.TrimSpace(v.Text), line: v.Line}
	for i := range v.Members {
		kid.add(v.Members[i].Name, &v.Members[i].Value)
	}
	n.kids = append(n.kids, kid)
}

// plain is how names are compared: small letters, without what separates words.
// MaLK, MA_LK and ma-lk are one name.
func plain(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, name))
}
