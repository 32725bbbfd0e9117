package kind

import (
	"slices"

	"lienthong/internal/jsondoc"
	"lienthong/internal/xmltok"
)

// Lead is how a document begins, by which its kind is told.
type Lead struct {
	Root    string   // local name of an XML document's element, "" for JSON
	Members []string // names of a JSON object's members, nil for XML
}

// Has reports whether a JSON object has every member named.
func (l Lead) Has(members ...string) bool {
	for _, m := range members {
		if !slices.Contains(l.Members, m) {
			return false
		}
	}
	return l.Root == ""
}

// LeadOf reads how a document begins: XML, unless it begins with a brace.
// Bytes that end or break before a document element are checked whole, so that
// the fault is the document's first. Faults: those of package xmltok.
func LeadOf(doc []byte) (Lead, error) {
	if jsondoc.IsJSON(doc) {
		return Lead{Members: jsondoc.Names(doc)}, nil
	}
	tok := xmltok.New(doc, xmltok.Limits{})
	for {
		k, err := tok.Next()
		if err != nil {
			return Lead{}, err
		}
		switch k {
		case xmltok.StartElement:
			return Lead{Root: string(tok.Local())}, nil
		case xmltok.EOF:
			return Lead{}, xmltok.ErrUnreadable
		}
	}
}

// check gives the fault of a document that is not well-formed.
func (l Lead) check(doc []byte) error {
	if l.Root != "" {
		return xmltok.Check(doc, xmltok.Limits{})
	}
	_, err := jsondoc.Parse(doc, jsondoc.Limits{})
	return err
}
