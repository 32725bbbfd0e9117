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
	tok := xmltok.New(doc, xmltok.Limits{Known: true}) // its reader reads it whole
	for {
		k, err := tok.Next()
		switch {
		case err != nil:
			if fault := xmltok.Check(doc, xmltok.Limits{}); fault != nil {
				return Lead{}, fault
			}
			return Lead{}, err
		case k == xmltok.StartElement:
			return Lead{Root: string(tok.Local())}, nil
		case k == xmltok.EOF:
			return Lead{}, xmltok.ErrUnreadable
		}
	}
}

// unknown gives the fault of a document that nobody takes: its own, or that it
// is none of the kinds. A JSON object has no root that could be the wrong one.
func (l Lead) unknown(doc []byte) error {
	if l.Root == "" {
		if _, err := jsondoc.Parse(doc, jsondoc.Limits{}); err != nil {
			return err
		}
		return jsondoc.ErrUnreadable
	}
	if err := xmltok.Check(doc, xmltok.Limits{}); err != nil {
		return err
	}
	return ErrEnvelope
}
