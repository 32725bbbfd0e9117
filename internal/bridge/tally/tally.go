// Package tally counts what a simulated service was asked and what it recorded,
// to the record: the far side's book, against which hub and agent are counted.
// Every simulator under bridge/ keeps one and shows it at the same door.
//
// It is not for the hub's own counts (insight) and proves nothing.
package tally

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"lienthong/internal/clock"
)

// Entry is one thing recorded, and one line of the journal.
type Entry struct {
	Seq       int       `json:"seq"`               // from 1, without a gap
	At        time.Time `json:"at"`                // UTC
	Day       string    `json:"day"`               // yyyy-mm-dd in Hanoi
	Kind      string    `json:"kind"`              // dossier, checkin, entry, prescription, push, delivery
	Facility  string    `json:"facility"`          // code of the facility it is of
	Episode   string    `json:"episode"`           // MA_LK, or what is unique in the facility for this kind
	SHA256    string    `json:"sha256"`            // lower hex, of the bytes as they came, decoded
	Size      int       `json:"size"`              // of these bytes
	Route     string    `json:"route,omitempty"`   // the call or way it came by
	Account   string    `json:"account,omitempty"` // who brought it
	Code      string    `json:"code"`              // answer code
	Reference string    `json:"reference,omitempty"`
	Duplicate bool      `json:"duplicate"` // the same kind, facility, episode and bytes were recorded before
	Replaces  int       `json:"replaces"`  // seq of what was held for the same kind, facility and episode; 0: none
}

type heldKey struct{ kind, facility, episode string }

type distinctKey struct {
	heldKey
	digest string
}

// Config configures a Book; the zero value is right.
type Config struct {
	Clock   clock.Clock // default the machine's
	Journal io.Writer   // gets one JSON line for each entry, before it counts; nil: none
}

// Book counts. It is safe for use by many goroutines.
type Book struct {
	c        Config
	mu       sync.Mutex
	entries  []Entry
	distinct map[distinctKey]bool
	held     map[heldKey]int // seq
	paths    map[string]*Path
	answers  map[string]int
	kinds    map[string]*Kind
	extra    map[string]func() int
}

// New returns an empty book.
func New(c Config) *Book {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	return &Book{c: c, distinct: map[distinctKey]bool{}, held: map[heldKey]int{}, paths: map[string]*Path{},
		answers: map[string]int{}, kinds: map[string]*Kind{}, extra: map[string]func() int{}}
}

// Load counts the lines of an earlier run's journal, so that this run goes on
// with it. A last line that was cut off is left out; anything else that is no
// entry is an error.
func (b *Book) Load(journal io.Reader) error {
	lines := bufio.NewReader(journal)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("tally: journal: %w", err)
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("tally: journal line %d: %w", n, err)
		}
		b.mu.Lock()
		b.count(b.fill(e))
		b.mu.Unlock()
	}
}

// Record writes e down: Kind, Facility, Episode, SHA256, Size, Route, Account,
// Code and Reference are the caller's, the rest is filled in. When the journal
// cannot be written, nothing is recorded and the error returned.
func (b *Book) Record(e Entry) (Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.At = b.c.Clock.Now()
	e.Day = Day(e.At)
	e = b.fill(e)
	if b.c.Journal != nil {
		line, err := json.Marshal(e)
		if err != nil {
			return Entry{}, fmt.Errorf("tally: %w", err)
		}
		if _, err := b.c.Journal.Write(append(line, '\n')); err != nil {
			return Entry{}, fmt.Errorf("tally: journal: %w", err)
		}
	}
	b.count(e)
	return e, nil
}

// Day returns the day of t in Hanoi as yyyy-mm-dd.
func Day(t time.Time) string { return t.In(clock.Hanoi).Format(time.DateOnly) }

func (b *Book) fill(e Entry) Entry {
	key := heldKey{e.Kind, e.Facility, e.Episode}
	e.Seq = len(b.entries) + 1
	e.Duplicate = b.distinct[distinctKey{key, e.SHA256}]
	e.Replaces = b.held[key]
	return e
}

func (b *Book) count(e Entry) {
	key := heldKey{e.Kind, e.Facility, e.Episode}
	k := b.kinds[e.Kind]
	if k == nil {
		k = &Kind{}
		b.kinds[e.Kind] = k
	}
	k.Recorded++
	if e.Duplicate {
		k.Duplicates++
	} else {
		k.Distinct++
	}
	if e.Replaces > 0 {
		k.Replaced++
	} else {
		k.Held++
	}
	b.entries = append(b.entries, e)
	b.distinct[distinctKey{key, e.SHA256}] = true
	b.held[key] = e.Seq
}

// Answer counts an answer given at a path.
func (b *Book) Answer(path, code string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[code]++
	b.path(path).Answers[code]++
}

// Asked counts a request that came in, whatever becomes of it.
func (b *Book) Asked(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.path(path).Requests++
}

func (b *Book) path(name string) *Path {
	p := b.paths[name]
	if p == nil {
		p = &Path{Answers: map[string]int{}}
		b.paths[name] = p
	}
	return p
}

// Also shows a number of the simulator's own among the counts.
func (b *Book) Also(name string, number func() int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.extra[name] = number
}

// Path is what came to one path.
type Path struct {
	Requests int            `json:"requests"`
	Answers  map[string]int `json:"answers"` // by answer code; requests that got none are missing
}

// Kind is what is recorded of one kind.
type Kind struct {
	Recorded   int `json:"recorded"`   // entries, each time anew
	Distinct   int `json:"distinct"`   // by facility, episode and SHA-256
	Held       int `json:"held"`       // by facility and episode: what counts at present
	Duplicates int `json:"duplicates"` // entries whose very bytes were recorded before
	Replaced   int `json:"replaced"`   // entries that took the place of another of their episode
}

// Counts is what /simulator/counts shows: the sums over all kinds, and by kind.
type Counts struct {
	Requests int `json:"requests"`
	Kind
	Kinds   map[string]Kind `json:"kinds"`
	Answers map[string]int  `json:"answers"`
	Paths   map[string]Path `json:"paths"`
	Faults  map[string]int  `json:"faults"` // simulated faults that happened
	Extra   map[string]int  `json:"extra"`  // the simulator's own
}

// Counts counts up. Faults is left empty.
func (b *Book) Counts() Counts {
	b.mu.Lock()
	extra := maps.Clone(b.extra)
	b.mu.Unlock()
	c := Counts{Kinds: map[string]Kind{}, Paths: map[string]Path{}, Faults: map[string]int{}, Extra: map[string]int{}}
	for name, number := range extra { // without the lock: they have their own
		c.Extra[name] = number()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.Answers = maps.Clone(b.answers)
	for name, p := range b.paths {
		c.Requests += p.Requests
		c.Paths[name] = Path{p.Requests, maps.Clone(p.Answers)}
	}
	for name, k := range b.kinds {
		c.Kinds[name] = *k
		c.Recorded += k.Recorded
		c.Distinct += k.Distinct
		c.Held += k.Held
		c.Duplicates += k.Duplicates
		c.Replaced += k.Replaced
	}
	return c
}

// Select says which entries are asked for; what is empty asks for all.
type Select struct {
	Facility, Day, Kind, Episode string
	Held                         bool // only what counts at present
	After                        int  // seq
	Limit                        int  // 0: all
}

// Entries returns the entries selected, in the order they were recorded.
func (b *Book) Entries(s Select) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Entry{}
	for _, e := range b.entries[min(max(s.After, 0), len(b.entries)):] {
		switch {
		case s.Facility != "" && s.Facility != e.Facility, s.Day != "" && s.Day != e.Day,
			s.Kind != "" && s.Kind != e.Kind, s.Episode != "" && s.Episode != e.Episode,
			s.Held && b.held[heldKey{e.Kind, e.Facility, e.Episode}] != e.Seq:
			continue
		}
		if found = append(found, e); s.Limit > 0 && len(found) == s.Limit {
			break
		}
	}
	return found
}
