package manifest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lienthong/internal/jsondoc"
)

// KindSum is the sum of a kind.
type KindSum struct {
	Kind string `json:"kind"`
	Sum
}

// Request is what a facility says: every kind, the parts of those that differ,
// the elements of the parts that differ, each level only where it is asked for.
type Request struct {
	Kinds    []KindSum                      `json:"kinds"`
	Buckets  map[string]map[string]Sum      `json:"buckets,omitempty"`
	Elements map[string]map[string][]string `json:"elements,omitempty"`
}

// Compared is a sum here, and whether it is the sender's.
type Compared struct {
	Sum
	Equal bool `json:"equal"`
}

// KindCompared is the sum of a kind here.
type KindCompared struct {
	Kind string `json:"kind"`
	Compared
}

// Extra is a dossier that is here and that the sender did not name.
type Extra struct {
	Kind    string `json:"kind"`
	Element string `json:"element"`
	Record  string `json:"record"`
	File    string `json:"file_sha256"`
	Index   int    `json:"index"`
}

// Gone is a dossier that was sent and has been erased since: its file's digest
// went too, so that it is named by its record and left out of all sums.
type Gone struct {
	Kind   string `json:"kind"`
	Record string `json:"record"`
}

// Counts say where a day's dossiers are. When every part that differs was
// named, Sent + Extra = Accepted + Rejected + Pending; before, Pending and Extra
// are null.
type Counts struct {
	Sent     int  `json:"sent"` // as the sender counts, without those erased
	Accepted int  `json:"accepted"`
	Rejected int  `json:"rejected"`
	Erased   int  `json:"erased"`
	Pending  *int `json:"pending"` // sent and not here
	Extra    *int `json:"extra"`   // here and not sent
}

// Answer is what the hub says.
type Answer struct {
	Equal   bool                           `json:"equal"`
	Kinds   []KindCompared                 `json:"kinds"`
	Buckets map[string]map[string]Compared `json:"buckets,omitempty"`
	Missing []string                       `json:"missing"`
	Extra   []Extra                        `json:"extra"`
	Erased  []Gone                         `json:"erased"`
	Counts  Counts                         `json:"counts"`
}

// ParseRequest reads a request, strictly: each member once, nothing else, every
// number and digest in its one form. Faults: manifest.invalid, manifest.too_large.
func ParseRequest(b []byte) (Request, error) {
	var q Request
	v, err := jsondoc.Parse(b, jsondoc.Limits{Bytes: MaxBytes, Depth: 6, Values: Limit + 10_000})
	if errors.Is(err, jsondoc.ErrLimits) {
		return q, ErrLarge.Because(err)
	}
	if err != nil || v.Type != jsondoc.Object {
		return q, ErrForm.Because(err)
	}
	for i := range v.Members {
		m := &v.Members[i]
		switch m.Name {
		case "kinds":
			q.Kinds, err = kindsOf(&m.Value)
		case "buckets":
			q.Buckets, err = bucketsOf(&m.Value)
		case "elements":
			q.Elements, err = elementsOf(&m.Value)
		default:
			err = fmt.Errorf("member %d", i)
		}
		if err != nil {
			return q, ErrForm.Because(err)
		}
	}
	if v.Get("kinds") == nil {
		return q, ErrForm.Because(errors.New("no kinds"))
	}
	total := 0
	for _, k := range q.Kinds {
		if total += k.Count; total > Limit {
			return q, ErrLarge
		}
	}
	return q, nil
}

// MaxBytes is the longest request: Limit elements, and the sums.
const MaxBytes = 16 << 20

var errMember = errors.New("a member of another form")

func nameOf(s string) (string, error) {
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", errMember
	}
	return s, nil
}

// sumOf reads {"count","root"}, and with kind also {"kind"}.
func sumOf(v *jsondoc.Value, kind *string) (Sum, error) {
	members := 2
	if kind != nil {
		members = 3
		k := v.Get("kind")
		if k == nil || k.Type != jsondoc.String {
			return Sum{}, errMember
		}
		var err error
		if *kind, err = nameOf(k.Text); err != nil {
			return Sum{}, err
		}
	}
	count, root := v.Get("count"), v.Get("root")
	if v.Type != jsondoc.Object || len(v.Members) != members || count == nil || root == nil || count.Type != jsondoc.Number || root.Type != jsondoc.String {
		return Sum{}, errMember
	}
	n, err := strconv.Atoi(count.Text)
	if err != nil || n < 0 || strconv.Itoa(n) != count.Text || !isDigest(root.Text) {
		return Sum{}, errMember
	}
	return Sum{min(n, Limit+1), root.Text}, nil
}

func isDigest(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 64 && strings.ToLower(s) == s
}

func kindsOf(v *jsondoc.Value) ([]KindSum, error) {
	if v.Type != jsondoc.Array || len(v.Items) > maxKinds {
		return nil, errMember
	}
	out := make([]KindSum, len(v.Items))
	seen := map[string]bool{}
	for i := range v.Items {
		var err error
		if out[i].Sum, err = sumOf(&v.Items[i], &out[i].Kind); err != nil {
			return nil, err
		}
		if seen[out[i].Kind] {
			return nil, errMember
		}
		seen[out[i].Kind] = true
	}
	return out, nil
}

// each walks {"kind":{"0".."f": value}}.
func each(v *jsondoc.Value, fn func(kind, part string, v *jsondoc.Value) error) error {
	if v.Type != jsondoc.Object || len(v.Members) > maxKinds {
		return errMember
	}
	for i := range v.Members {
		kind, of := v.Members[i].Name, &v.Members[i].Value
		if _, err := nameOf(kind); err != nil || of.Type != jsondoc.Object {
			return errMember
		}
		for k := range of.Members {
			part := of.Members[k].Name
			if len(part) != 1 || !strings.Contains(digits, part) {
				return errMember
			}
			if err := fn(kind, part, &of.Members[k].Value); err != nil {
				return err
			}
		}
		if len(of.Members) == 0 {
			if err := fn(kind, "", nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func bucketsOf(v *jsondoc.Value) (map[string]map[string]Sum, error) {
	out := map[string]map[string]Sum{}
	return out, each(v, func(kind, part string, v *jsondoc.Value) error {
		if out[kind] == nil {
			out[kind] = map[string]Sum{}
		}
		if v == nil {
			return nil
		}
		s, err := sumOf(v, nil)
		out[kind][part] = s
		return err
	})
}

func elementsOf(v *jsondoc.Value) (map[string]map[string][]string, error) {
	out := map[string]map[string][]string{}
	return out, each(v, func(kind, part string, v *jsondoc.Value) error {
		if out[kind] == nil {
			out[kind] = map[string][]string{}
		}
		if v == nil {
			return nil
		}
		if v.Type != jsondoc.Array {
			return errMember
		}
		list, seen := make([]string, len(v.Items)), make(map[string]bool, len(v.Items))
		for i := range v.Items {
			e := &v.Items[i]
			if e.Type != jsondoc.String || !isDigest(e.Text) || e.Text[:1] != part || seen[e.Text] {
				return errMember
			}
			list[i], seen[e.Text] = e.Text, true
		}
		out[kind][part] = list
		return nil
	})
}
