package manifest

// Own is a dossier as the facility's side has it, from its receipt.
type Own struct {
	Kind   string   `json:"kind"`
	File   [32]byte `json:"-"`     // file_sha256 of the receipt
	Index  int      `json:"index"` // where it first came in that file, as answer and feed say it
	Record string   `json:"record"`
}

// Talk is the facility's side of a comparison. Request and Take go in turns
// until Take says that it is done:
//
//	for !done { answer := put(talk.Request()); done, err = talk.Take(answer) }
type Talk struct {
	set    Set
	own    []Own
	rounds int
	last   Answer
	ask    map[string]bool            // kinds whose parts are to be sent
	name   map[string]map[string]bool // parts whose elements are to be sent
}

// Begin begins a comparison of a day.
func Begin(own []Own) *Talk {
	t := &Talk{own: own}
	t.arrange()
	return t
}

func (t *Talk) arrange() {
	t.set = Set{}
	for i := range t.own {
		o := &t.own[i]
		t.set[o.Kind] = append(t.set[o.Kind], ElementOf(o.File, o.Index))
	}
	t.set.Sort()
}

// Request is what to send now.
func (t *Talk) Request() Request {
	q := Request{Kinds: []KindSum{}}
	for _, kind := range t.set.Kinds() {
		q.Kinds = append(q.Kinds, KindSum{kind, SumOf(t.set[kind])})
	}
	for kind := range t.ask {
		if q.Buckets == nil {
			q.Buckets = map[string]map[string]Sum{}
		}
		q.Buckets[kind] = map[string]Sum{}
		for n := range Parts {
			q.Buckets[kind][digits[n:n+1]] = SumOf(t.set.part(kind, n))
		}
		for part := range t.name[kind] {
			if q.Elements == nil {
				q.Elements = map[string]map[string][]string{}
			}
			if q.Elements[kind] == nil {
				q.Elements[kind] = map[string][]string{}
			}
			n := int(value(part[0]))
			list := []string{}
			for _, e := range t.set.part(kind, n) {
				list = append(list, e.String())
			}
			q.Elements[kind][part] = list
		}
	}
	return q
}

func value(digit byte) byte {
	if digit >= 'a' {
		return digit - 'a' + 10
	}
	return digit - '0'
}

// Take takes the answer in. It is done when both are equal, when all that
// differs is named, or after Rounds: then Result says what is known. Fault:
// manifest.invalid, for an answer that makes no sense.
func (t *Talk) Take(a Answer) (done bool, err error) {
	t.rounds++
	t.last = a
	dropped := t.drop(a.Erased)
	if !dropped && (a.Equal || a.Counts.Pending != nil && a.Counts.Extra != nil) {
		return true, nil
	}
	if t.rounds >= Rounds {
		return true, nil
	}
	t.ask, t.name = map[string]bool{}, map[string]map[string]bool{}
	if len(a.Kinds) > 2*maxKinds {
		return false, ErrForm
	}
	for _, k := range a.Kinds {
		if SumOf(t.set[k.Kind]) == k.Sum {
			continue
		}
		t.ask[k.Kind] = true
		parts, told := a.Buckets[k.Kind]
		if !told {
			continue
		}
		t.name[k.Kind] = map[string]bool{}
		for n := range Parts {
			part := digits[n : n+1]
			c, ok := parts[part]
			if !ok {
				return false, ErrForm
			}
			if SumOf(t.set.part(k.Kind, n)) != c.Sum {
				t.name[k.Kind][part] = true
			}
		}
	}
	return false, nil
}

// drop leaves out what the hub has erased, and reports whether there was any.
func (t *Talk) drop(gone []Gone) bool {
	if len(gone) == 0 {
		return false
	}
	names := make(map[string]bool, len(gone))
	for _, g := range gone {
		names[g.Record] = true
	}
	kept := make([]Own, 0, len(t.own))
	for _, o := range t.own {
		if !names[o.Record] {
			kept = append(kept, o)
		}
	}
	dropped := len(kept) < len(t.own)
	t.own = kept
	if dropped {
		t.arrange()
	}
	return dropped
}

// Result is how a day compared.
type Result struct {
	Equal   bool    `json:"equal"`
	Exact   bool    `json:"exact"`             // Missing and Extra are all that differs
	Missing []Own   `json:"missing,omitempty"` // the hub has not
	Extra   []Extra `json:"extra,omitempty"`
	Erased  []Gone  `json:"erased,omitempty"`
	Counts  Counts  `json:"counts"`
	Rounds  int     `json:"rounds"`
}

// Result says what is known now.
func (t *Talk) Result() Result {
	r := Result{Equal: t.last.Equal, Exact: t.last.Equal || t.last.Counts.Pending != nil && t.last.Counts.Extra != nil,
		Extra: t.last.Extra, Erased: t.last.Erased, Counts: t.last.Counts, Rounds: t.rounds}
	missing := make(map[string]bool, len(t.last.Missing))
	for _, m := range t.last.Missing {
		missing[m] = true
	}
	for _, o := range t.own {
		if len(missing) > 0 && missing[ElementOf(o.File, o.Index).String()] {
			r.Missing = append(r.Missing, o)
		}
	}
	return r
}
