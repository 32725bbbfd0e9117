package body

import (
	"bytes"
	"cmp"
	"container/heap"
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
	person string
	text   []byte
	cuts   []int // pieces are text[cuts[i]:cuts[i+1]]
}

// How much of a sample's structure and values is looked at, in bytes.
const (
	sampleStructure = 16 << 10
	sampleValues    = 48 << 10
)

// NewSample makes a sample of a dossier's frame (File.Dossier). Person is a key
// that is equal for one person and shown nowhere. The frame is not kept: a
// sample is its token form, and empty where it has none.
func NewSample(person string, frame []byte) Sample {
	t := newTokener()
	if !t.tokens(frame) {
		return Sample{person: person}
	}
	s := Sample{person: person, text: slices.Clone(t.structure), cuts: []int{0}}
	for at := 0; at < len(s.text) && at < sampleStructure; {
		at += tokenSize(s.text[at:])
		s.cuts = append(s.cuts, at)
	}
	at := s.cuts[len(s.cuts)-1]
	s.text = append(s.text[:at], t.values...)
	for start := at; at < len(s.text) && at < start+sampleValues; {
		at += pieceSize(s.text[at:])
		s.cuts = append(s.cuts, at)
	}
	s.text = slices.Clip(s.text[:at])
	return s
}

// pieceSize returns how long the first piece of values is: one of a single byte,
// the day of a moment (yyyyMMddHHmm), a clause of a text, or all of it.
func pieceSize(values []byte) int {
	if values[0] < valText {
		return 1
	}
	end := bytes.IndexByte(values, 0)
	text := values[:end]
	if len(text) == len("yyyyMMddHHmm") && text[0] == '2' && len(bytes.Trim(text, "0123456789")) == 0 {
		return len("yyyyMMdd")
	}
	for i, c := range text {
		if c == ';' || c == '/' || c == ' ' && i > 0 && (text[i-1] == '.' || text[i-1] == ',') {
			return i + 1
		}
	}
	return end + 1
}

// Training says how a dictionary is made. Zero fields take the defaults.
type Training struct {
	Size  int // bytes at most; default 64 KiB
	Least int // persons in whose samples a phrase must stand, each; default 10
}

const (
	maxPhrase = 64 // pieces (tokens or values) of a phrase
	minPhrase = 8  // bytes; shorter ones are hardly found again
)

// Train makes a dictionary of the token form: the phrases that stand in the
// samples of the most persons, the most useful last. A sample is cut into tokens
// and values; a phrase is up to 64 of them in a row, taken whole or not at all,
// so every phrase of the dictionary stands, byte for byte, in samples of at
// least Training.Least persons. What fewer share is not in it: names, numbers, dates, and neighbours
// that are common only each by itself. The same samples give the same bytes.
// Fault: body.too_few.
func Train(samples []Sample, c Training) ([]byte, error) {
	if c.Size <= 0 {
		c.Size = 64 << 10
	}
	if c.Least <= 0 {
		c.Least = 10
	}
	c.Size -= len(tokenMark)
	t := &trainer{Training: c, seed: maphash.MakeSeed(), covered: map[uint64]bool{}}
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b Sample) int { return cmp.Compare(a.person, b.person) })
	for i, s := range sorted {
		if i == 0 || s.person != sorted[i-1].person {
			t.persons++
		}
		t.texts = append(t.texts, cutText{person: t.persons, Sample: s})
	}
	for n, less := 1, 0; n <= maxPhrase; n, less = next2(n), n {
		t.count(n, less)
	}
	content := t.choose()
	if len(content) == 0 {
		return nil, ErrTooFew.Because(fmt.Errorf("%d samples of %d persons", len(samples), t.persons))
	}
	return append([]byte(tokenMark), content...), nil
}

type trainer struct {
	Training
	seed    maphash.Seed
	persons int
	texts   []cutText
	found   []phrase        // said by enough persons
	covered map[uint64]bool // pieces and pairs of pieces that are in the dictionary
}

// cutText is a sample; common tells of each piece whether the phrase of the last
// length counted that begins there is said by enough persons.
type cutText struct {
	Sample
	person int
	common []bool
}

// phrase is pieces in a row, with how many persons they were found with.
type phrase struct {
	text    []byte
	cuts    []int // of the sample it was found in
	persons int
	last    int // the last person counted
}

// next2 is the number of pieces counted after n: 1, 2, 3, 4, 6, 8, 12, 16, ...
func next2(n int) int {
	if n&(n-1) == 0 {
		return max(n+n/2, 2)
	}
	return n / 3 * 4
}

// count counts the phrases of n pieces, of which the first and the last less
// are common.
func (t *trainer) count(n, less int) {
	counts := map[uint64]*phrase{}
	each := func(s *cutText, do func(i int, key uint64)) {
		for i := 0; i+n < len(s.cuts); i++ {
			if n == 1 || s.common[i] && s.common[i+n-less] {
				do(i, t.key(s.text[s.cuts[i]:s.cuts[i+n]]))
			}
		}
	}
	for k := range t.texts {
		s := &t.texts[k]
		each(s, func(i int, key uint64) {
			p := counts[key]
			if p == nil {
				p = &phrase{text: s.text[s.cuts[i]:s.cuts[i+n]], cuts: s.cuts[i : i+n+1]}
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

func (t *trainer) key(b []byte) uint64 { return maphash.Bytes(t.seed, b) }

// choose takes, one after the other, the phrase that saves most for its length
// beside those taken, until the dictionary is full.
func (t *trainer) choose() []byte {
	list := make(worthList, 0, len(t.found))
	for i := range t.found {
		p := &t.found[i]
		list = append(list, worth{p, t.worth(p)})
	}
	heap.Init(&list)
	var chosen [][]byte
	room := t.Size
	for room > 0 && len(list) > 0 {
		best := &list[0]
		if now := t.worth(best.phrase); now < best.saves {
			best.saves = now
			if now > 0 {
				heap.Fix(&list, 0)
				continue
			}
		}
		p := heap.Pop(&list).(worth).phrase
		if len(p.text) > room || !t.adds(p) {
			continue
		}
		chosen = append(chosen, p.text)
		room -= len(p.text)
	}
	slices.Reverse(chosen)
	return bytes.Join(chosen, nil)
}

// worth is a phrase with what a byte of it saves.
type worth struct {
	*phrase
	saves float64
}

type worthList []worth

func (l worthList) Len() int      { return len(l) }
func (l worthList) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l worthList) Push(x any)    { panic("body: nothing is added to a list of phrases") }
func (l worthList) Less(i, j int) bool {
	if l[i].saves != l[j].saves {
		return l[i].saves > l[j].saves
	}
	return bytes.Compare(l[i].text, l[j].text) < 0
}

func (l *worthList) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

// grams are the lengths in pieces that are looked for in the dictionary: a
// neighbourhood that is there saves a reference of about sequenceSize bytes.
var grams = [...]int{1, 2, 4, 8, 16, 32}

const sequenceSize = 3

// worth estimates what a byte of a phrase saves.
func (t *trainer) worth(p *phrase) float64 {
	saved := 0
	t.grams(p, func(key uint64, n, size int) {
		if !t.covered[key] {
			if n == 1 {
				saved += size
			} else {
				saved += sequenceSize
			}
		}
	})
	return float64(p.persons*saved) / float64(len(p.text)+wordSize)
}

const wordSize = 4

// adds counts a phrase in; false where all of it is there.
func (t *trainer) adds(p *phrase) bool {
	fresh := false
	t.grams(p, func(key uint64, _, _ int) {
		fresh = fresh || !t.covered[key]
		t.covered[key] = true
	})
	return fresh
}

// grams gives the key, number of pieces and size of all neighbourhoods of a phrase.
func (t *trainer) grams(p *phrase, do func(key uint64, n, size int)) {
	for _, n := range grams {
		for i := 0; i+n < len(p.cuts); i++ {
			text := p.text[p.cuts[i]-p.cuts[0] : p.cuts[i+n]-p.cuts[0]]
			do(t.key(text), n, len(text))
		}
	}
}
