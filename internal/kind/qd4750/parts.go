package qd4750

import (
	"math/bits"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/table"
	"lienthong/internal/schema"
	"lienthong/internal/xmltok"
)

var _ kind.PartReader = (*Reader)(nil)

// Tables reads a dossier that was taken, out of the parts it is kept as. Which table
// a part is its document element says, where that leaves no doubt: there are as many
// parts as tables in documents, each undone, each with the element of another of
// them. The dates of the file are not there, so XML1 must say its own.
func (*Reader) Tables(documents uint32, parts []body.Part) (*dossier.Content, bool) {
	documents &^= compartment.Bits
	if len(parts) == 0 || len(parts) != bits.OnesCount32(documents) {
		return nil, false
	}
	spec := schema.For(newestDay)
	docs := make([]inner, len(parts))
	tok := xmltok.New(nil, xmltok.Limits{})
	size, first := 0, -1
	for i, p := range parts {
		t, ok := rootOf(tok, p)
		if !ok || documents&t.bit == 0 {
			return nil, false
		}
		documents &^= t.bit
		docs[i].name, docs[i].bytes, docs[i].text = t.name, p.Bytes, string(p.Bytes)
		if size += len(p.Bytes); t.name == "XML1" {
			first = i
		}
	}
	if first < 0 {
		return nil, false
	}
	r := table.NewReader(size).Again()
	docs[first].read(r, spec)
	ended, err := care.ParseMoment(docs[first].table.Cell(0, "NGAY_RA").Text)
	if err != nil || ended.Precision() < care.ByDay {
		return nil, false
	}
	if dated := schema.For(ended.Day()); dated != spec {
		if dated.Table("XML1").Columns != spec.Table("XML1").Columns {
			docs[first].read(r, dated)
		}
		spec = dated
	}
	content := &dossier.Content{All: make([]*dossier.Table, len(docs))}
	for i := range docs {
		if i != first {
			docs[i].read(r, spec)
		}
		if docs[i].err != nil || docs[i].table == nil {
			return nil, false
		}
		content.All[i] = docs[i].table
	}
	return content, true
}

// named is a table of a dossier, with its bit among documents.
type named struct {
	name string
	bit  uint32
}

// byRoot are the tables by the element of their document: those that have one, of
// their own.
var byRoot = sync.OnceValue(func() map[string]named {
	all := map[string]named{}
	for _, t := range schema.For(newestDay).Tables() {
		n, err := strconv.ParseUint(strings.TrimPrefix(t.Name, "XML"), 10, 5)
		_, twice := all[t.Root]
		if err != nil || t.Root == "" || twice {
			delete(all, t.Root)
			continue
		}
		all[t.Root] = named{t.Name, 1 << n}
	}
	return all
})

// rootOf tells which table a part is by its document element, which it reads with tok;
// false where it is none.
func rootOf(tok *xmltok.Tokenizer, p body.Part) (named, bool) {
	if !p.Decoded {
		return named{}, false
	}
	doc := trim(p.Bytes)
	tok.Reset(doc, xmltok.Limits{Bytes: max(len(doc), 1), Known: true})
	for {
		k, err := tok.Next()
		if err != nil || k == xmltok.EOF {
			return named{}, false
		}
		if k == xmltok.StartElement {
			t, ok := byRoot()[string(tok.Name())]
			return t, ok
		}
	}
}
