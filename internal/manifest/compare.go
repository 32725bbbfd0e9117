package manifest

import (
	"encoding/hex"
	"slices"
)

// Held is a dossier of the day as the hub has it.
type Held struct {
	Kind     string
	File     [32]byte // zero: erased
	Index    int
	Record   string
	Accepted bool // by its verdict; else rejected
}

// Here is the hub's side of a day.
type Here struct {
	set    Set
	of     map[Element]*Held
	gone   []Gone
	counts Counts
}

// NewHere arranges what the hub has.
func NewHere(held []Held) *Here {
	h := &Here{set: Set{}, of: make(map[Element]*Held, len(held)), gone: []Gone{}}
	for i := range held {
		d := &held[i]
		if d.File == [32]byte{} {
			h.gone = append(h.gone, Gone{d.Kind, d.Record})
			h.counts.Erased++
			continue
		}
		e := ElementOf(d.File, d.Index)
		h.set[d.Kind] = append(h.set[d.Kind], e)
		// A file that is sent again may be judged anew: it was sent once, and
		// what was made of it at best counts.
		if old := h.of[e]; old == nil || !old.Accepted {
			h.of[e] = d
		}
	}
	for _, d := range h.of {
		if d.Accepted {
			h.counts.Accepted++
		} else {
			h.counts.Rejected++
		}
	}
	h.set.Sort()
	return h
}

// Answer compares: the sums of all kinds that either side has, of the parts
// asked about, and exactly what differs in the parts whose elements are named.
func (h *Here) Answer(q Request) Answer {
	a := Answer{Equal: true, Kinds: []KindCompared{}, Missing: []string{}, Extra: []Extra{}, Erased: h.gone, Counts: h.counts}
	theirs := map[string]Sum{}
	names := h.set.Kinds()
	for _, k := range q.Kinds {
		theirs[k.Kind] = k.Sum
		a.Counts.Sent += k.Count
		if _, ours := h.set[k.Kind]; !ours {
			names = append(names, k.Kind)
		}
	}
	slices.Sort(names)
	exact := true
	for _, kind := range names {
		sum := SumOf(h.set[kind])
		said, named := theirs[kind]
		equal := said == sum || !named && sum.Count == 0
		a.Kinds = append(a.Kinds, KindCompared{kind, Compared{sum, equal}})
		if !equal {
			a.Equal = false
			exact = h.parts(kind, q, &a) && exact
		}
	}
	if exact {
		pending, extra := len(a.Missing), len(a.Extra)
		a.Counts.Pending, a.Counts.Extra = &pending, &extra
	}
	return a
}

// parts compares the parts of a kind that differs, and reports whether all that
// differ were named.
func (h *Here) parts(kind string, q Request, a *Answer) (exact bool) {
	sums, asked := q.Buckets[kind]
	elements := q.Elements[kind]
	exact = true
	for n := range Parts {
		part := digits[n : n+1]
		ours := h.set.part(kind, n)
		if asked {
			c := Compared{Sum: SumOf(ours)}
			said, named := sums[part]
			c.Equal = said == c.Sum || !named && c.Count == 0
			if a.Buckets == nil {
				a.Buckets = map[string]map[string]Compared{}
			}
			if a.Buckets[kind] == nil {
				a.Buckets[kind] = make(map[string]Compared, Parts)
			}
			a.Buckets[kind][part] = c
			if c.Equal {
				continue
			}
		}
		list, named := elements[part]
		if !named {
			exact = false
			continue
		}
		h.differ(kind, ours, list, a)
	}
	return exact
}

// differ names what one side has and the other has not.
func (h *Here) differ(kind string, ours []Element, theirs []string, a *Answer) {
	named := make(map[Element]bool, len(theirs))
	for _, text := range theirs {
		var e Element
		if _, err := hex.Decode(e[:], []byte(text)); err != nil {
			continue // ParseRequest let none through
		}
		named[e] = true
		if !h.set.has(kind, e) {
			a.Missing = append(a.Missing, text)
		}
	}
	for _, e := range ours {
		if !named[e] {
			d := h.of[e]
			a.Extra = append(a.Extra, Extra{Kind: kind, Element: e.String(), Record: d.Record, File: hex.EncodeToString(d.File[:]), Index: d.Index})
		}
	}
}
