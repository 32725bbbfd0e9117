package body

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	"lienthong/internal/fault"
)

// ErrTooFew: nothing is said often enough to be learnt.
var ErrTooFew = fault.New(fault.Invalid, "body.too_few",
	"Chưa đủ hồ sơ của đủ nhiều người bệnh để tạo từ điển nén.",
	"There are not enough dossiers of enough patients to make a compression dictionary from.")

// Sample is a body to learn from, and whose it is: of each person at most one
// counts towards how often something is said.
type Sample struct {
	Person string // a key that is equal for one person, not shown anywhere
	Text   []byte
}

// Training says how a dictionary is made. Zero fields take the defaults.
type Training struct {
	Size  int // bytes at most; default 64 KiB
	Least int // persons in whose samples a phrase must stand, each; default 10
}

// maxPhrase is how many pieces (tag, text, tag, text, ...) a phrase has at
// most: half of that are fields.
const maxPhrase = 64

// Train makes a dictionary: the phrases that stand in the samples of the most
// persons, the most useful last. A sample is cut into tags and texts; a phrase
// is up to 64 of them in a row, taken whole or not at all, so every phrase of
// the dictionary stands, byte for byte, in samples of at least Training.Least
// persons. What fewer share is not in it: names, numbers, dates, and neighbours
// that are common only each by itself. The same samples give the same bytes.
// Fault: body.too_few.
func Train(samples []Sample, c Training) ([]byte, error) {
	if c.Size <= 0 {
		c.Size = 64 << 10
	}
	if c.Least <= 0 {
		c.Least = 10
	}
	t := &trainer{Training: c, seed: maphash.MakeSeed(), covered: map[uint64]bool{}}
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b Sample) int { return cmp.Compare(a.Person, b.Person) })
	for i, s := range sorted {
		if i == 0 || s.Person != sorted[i-1].Person {
			t.persons++
		}
		t.texts = append(t.texts, cutText{person: t.persons, text: s.Text, cuts: cut(s.Text)})
	}
	for n := 1; n <= maxPhrase; n *= 2 {
		t.count(n)
	}
	content := t.choose()
	if len(content) == 0 {
		return nil, ErrTooFew.Because(fmt.Errorf("%d samples of %d persons", len(samples), t.persons))
	}
	return content, nil
}

type trainer struct {
	Training
	seed    maphash.Seed
	persons int
	texts   []cutText
	found   []phrase        // said by enough persons
	covered map[uint64]bool // pieces and pairs of pieces that are in the dictionary
}

// cutText is a sample in pieces; common tells of each piece whether the phrase
// of the last length counted that begins there is said by enough persons.
type cutText struct {
	person int
	text   []byte
	cuts   []int // pieces are text[cuts[i]:cuts[i+1]]
	common []bool
}

// phrase is pieces in a row, with how many persons they were found with.
type phrase struct {
	text    []byte
	persons int
	last    int // the last person counted
}

// cut gives the ends of a text's pieces, with 0 before them: a tag with the
// white space before the next one, or what stands between tags.
func cut(text []byte) []int {
	cuts := make([]int, 1, len(text)/8+2)
	for i := 0; i < len(text); cuts = append(cuts, i) {
		close := byte('<')
		if text[i] == '<' {
			close = '>'
		}
		end := bytes.IndexByte(text[i:], close)
		switch {
		case end < 0:
			i = len(text)
			continue
		case close == '<':
			i += end
			continue
		}
		i += end + 1
		blank := i
		for blank < len(text) && isBlank(text[blank]) {
			blank++
		}
		if blank < len(text) && text[blank] == '<' {
			i = blank
		}
	}
	return cuts
}

// count counts the phrases of n pieces, of which both halves are common.
func (t *trainer) count(n int) {
	counts := map[uint64]*phrase{}
	each := func(s *cutText, do func(i int, key uint64)) {
		for i := 0; i+n < len(s.cuts); i++ {
			if n == 1 || s.common[i] && s.common[i+n/2] {
				do(i, t.key(s.text[s.cuts[i]:s.cuts[i+n]]))
			}
		}
	}
	for k := range t.texts {
		s := &t.texts[k]
		each(s, func(i int, key uint64) {
			p := counts[key]
			if p == nil {
				p = &phrase{text: s.text[s.cuts[i]:s.cuts[i+n]]}
				counts[key] = p
			}
			if p.last != s.person {
				p.last = s.person
				p.persons++
			}
		})
	}
	for k := range t.texts {
		s := &t.texts[k]
		common := make([]bool, len(s.cuts))
		each(s, func(i int, key uint64) { common[i] = counts[key].persons >= t.Least })
		s.common = common
	}
	for _, p := range counts {
		if p.persons >= t.Least && len(p.text) >= minPhrase {
			t.found = append(t.found, *p)
		}
	}
}

const minPhrase = 8 // bytes; shorter ones are hardly found again

func (t *trainer) key(b []byte) uint64 { return maphash.Bytes(t.seed, b) }

// choose takes the phrases that save the most, leaving out those of which most
// is there already, until the dictionary is full.
func (t *trainer) choose() []byte {
	slices.SortFunc(t.found, func(a, b phrase) int {
		if c := cmp.Compare(b.persons*len(b.text), a.persons*len(a.text)); c != 0 {
			return c
		}
		return bytes.Compare(a.text, b.text)
	})
	var chosen [][]byte
	room := t.Size
	for _, p := range t.found {
		if len(p.text) > room || !t.adds(p.text) {
			continue
		}
		chosen = append(chosen, p.text)
		room -= len(p.text)
	}
	slices.Reverse(chosen)
	return bytes.Join(chosen, nil)
}

// adds tells whether at least half of a phrase is not in the dictionary, and
// counts it in if so.
func (t *trainer) adds(text []byte) bool {
	cuts := cut(text)
	keys := make([]uint64, 0, len(cuts))
	fresh := 0
	for i := range len(cuts) - 1 {
		end := cuts[min(i+2, len(cuts)-1)]
		if i > 0 && i == len(cuts)-2 {
			break // the last piece is in the last pair
		}
		key := t.key(text[cuts[i]:end])
		keys = append(keys, key)
		if !t.covered[key] {
			fresh++
		}
	}
	if 2*fresh < len(keys) {
		return false
	}
	for _, key := range keys {
		t.covered[key] = true
	}
	return true
}
