// Package feeding reads the feeds of other bodies that declarations name as sources
// of entries. How a feed is asked over the network is package bridge/feed's.
package feeding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Line is one line of a feed. Code says why it could not be read, and then there
// are no Values.
type Line struct {
	Values registry.Values
	Ended  bool
	Code   string
}

// Page is lines of a feed. Next is the place behind them; More: there are more.
type Page struct {
	Lines []Line
	Next  string
	More  bool
}

// Feeds reads the feeds of other bodies.
type Feeds interface {
	// Read returns the lines behind a place, "" from the first, of the feed at an
	// address. An address that nobody approved is ErrUnapproved.
	Read(ctx context.Context, address, after string) (Page, error)
}

// ErrUnapproved: a declaration names a feed that no operator approved.
var ErrUnapproved = fault.New(fault.Withheld, "feed.unapproved",
	"Chưa ai duyệt địa chỉ của nguồn cấp dữ liệu này.", "Nobody has approved the address of this feed.")

// errStuck: a feed that says there is more, and gives nothing.
var errStuck = fault.New(fault.Invalid, "feed.stuck",
	"Nguồn cấp dữ liệu báo còn nữa nhưng không đi tiếp.", "The feed says that there is more, and does not go on.")

// The pace of feeds.
const (
	usually     = time.Hour // where the declaration does not say
	soon        = time.Minute
	later       = time.Hour // the longest wait after failures
	turn        = 2 * time.Minute
	pagesARound = 100 // of a feed in a round
	atOnce      = 4   // feeds that are read at a time
	wrongKept   = 100 // lines that are named of those that were not taken
)

// Place is how far a feed was read: the cursor of its house.Place, as JSON.
type Place struct {
	After string  `json:"after"`
	Wrong int64   `json:"wrong,omitempty"` // lines that were not taken, since the first
	Last  []Wrong `json:"last,omitempty"`  // the newest of them
}

// Wrong is a line that was not taken. It holds codes, and no value.
type Wrong struct {
	Line  int64    `json:"line"` // of the feed, from 1
	Codes []string `json:"codes"`
}

// Desk reads the feeds that declarations name, each as often as its entries are
// to be confirmed (Refresh.Every; not oftener than each minute, not seldomer than
// each day). A feed that fails is asked again later and later; others go on.
type Desk struct {
	steward *steward.Steward
	feeds   Feeds
	mu      sync.Mutex
	due     map[string]waiting
}

type waiting struct {
	version int
	fails   int
	at      time.Time
}

// New returns who reads feeds for a steward.
func New(s *steward.Steward, f Feeds) (*Desk, error) {
	if s == nil || f == nil {
		return nil, errors.New("steward: a part of feeding is missing")
	}
	return &Desk{steward: s, feeds: f, due: map[string]waiting{}}, nil
}

// Round reads the feeds that are due. What a feed does wrong is kept at its place
// (house.Place.Code) and is no error of the round.
func (f *Desk) Round(ctx context.Context) error {
	if err := f.steward.Refresh(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for _, l := range f.steward.List() {
		for i := range l.Sources {
			if src := &l.Sources[i]; src.Kind == registry.FromFeed && !l.Dissolved {
				free <- struct{}{}
				all.Go(func() {
					defer func() { <-free }()
					if err := f.one(ctx, l, src); err != nil && ctx.Err() == nil {
						mu.Lock()
						errs = append(errs, fmt.Errorf("steward: feed of %s: %w", l.ID, err))
						mu.Unlock()
					}
				})
			}
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// one reads one feed, where it is due and this hub's turn.
func (f *Desk) one(ctx context.Context, l *steward.Live, src *registry.Source) error {
	s, key := f.steward, string(l.ID)+"/"+src.ID
	if !f.isDue(key, l.Taken.Version) {
		return nil
	}
	now := s.Clock.Now()
	mine, err := s.Turn(ctx, "databases.feed/"+key, turn)
	if err != nil || !mine {
		return err
	}
	p, err := f.place(ctx, l, src)
	if err != nil {
		return err
	}
	every := min(max(l.Refresh.Every, soon), 24*time.Hour)
	if l.Refresh.Every == 0 {
		every = usually
	}
	if rest := p.At.Add(every).Sub(now); f.unknown(key) && p.Code == "" && p.Declared == l.Taken.Version && rest > 0 {
		f.wait(key, waiting{l.Taken.Version, 0, now.Add(rest)}) // the program was started again
		return nil
	}
	more, err := f.pages(ctx, l, src, p)
	var told *fault.Error
	switch {
	case errors.Is(err, store.ErrChanged): // somebody else wrote an entry: again with the next round
		return nil
	case err == nil && more:
		f.wait(key, waiting{l.Taken.Version, 0, now})
		return nil
	case err == nil:
		f.wait(key, waiting{l.Taken.Version, 0, now.Add(every)})
		return nil
	case ctx.Err() != nil || !errors.As(err, &told):
		return err
	}
	before := p.Cursor
	if p, err = f.place(ctx, l, src); err != nil {
		return err
	}
	f.failed(key, l.Taken.Version, now, p.Cursor != before)
	return s.StandStill(ctx, p, p.Cursor, l, told.Code)
}

// pages reads until there is no more; more: it stopped before.
func (f *Desk) pages(ctx context.Context, l *steward.Live, src *registry.Source, p house.Place) (more bool, err error) {
	for range pagesARound {
		var at Place
		was := p.Cursor
		if p.Declared == l.Taken.Version && was != "" {
			if err := json.Unmarshal([]byte(was), &at); err != nil {
				return false, err
			}
		} else {
			p.Seen = 0 // another version reads all of it again: what is the same is confirmed
		}
		page, err := f.feeds.Read(ctx, src.URL, at.After)
		if err != nil {
			return false, err
		}
		if page.More && page.Next == at.After {
			return false, errStuck
		}
		if err := f.take(ctx, l, src, &p, at, page); err != nil {
			return false, err
		}
		if !page.More {
			return false, nil
		}
	}
	return true, nil
}

// take writes a page and moves the place, in one commit.
func (f *Desk) take(ctx context.Context, l *steward.Live, src *registry.Source, p *house.Place, at Place, page Page) error {
	s, w := f.steward, steward.Writing{Was: p.Cursor}
	now, next := s.Clock.Now(), *p
	at.After = page.Next
	last := map[registry.EntryID]Line{} // what the page says last of an entry
	var order []registry.EntryID
	for _, line := range page.Lines {
		next.Seen++
		if line.Code != "" {
			at.wrong(next.Seen, line.Code)
			continue
		}
		c := l.Check(line.Values, now)
		key, ok := l.Key(c.Values)
		if !ok {
			at.wrong(next.Seen, codes(c.Findings)...)
			continue
		}
		id := s.NameOf(key)
		if _, twice := last[id]; !twice {
			order = append(order, id)
		}
		last[id] = line
	}
	for _, id := range order {
		if line := last[id]; line.Ended {
			w.Closes = append(w.Closes, house.Close{ID: id, State: registry.Ended, Until: now})
		} else {
			w.Drafts = append(w.Drafts, steward.Draft{Values: line.Values, Origin: registry.Origin{Source: src.ID}})
		}
	}
	cursor, err := json.Marshal(at)
	if err != nil {
		return err
	}
	next.Declared, next.At, next.Code, next.Cursor = l.Taken.Version, now, "", string(cursor)
	w.Place = &next
	if _, err := s.Write(ctx, l.ID, w); err != nil {
		return err
	}
	*p = next
	return nil
}

// wrong counts a line that was not taken.
func (at *Place) wrong(line int64, codes ...string) {
	at.Wrong++
	at.Last = append(at.Last, Wrong{Line: line, Codes: codes})
	if n := len(at.Last) - wrongKept; n > 0 {
		at.Last = at.Last[n:]
	}
}

// codes are those of what forbids taking values.
func codes(found []registry.Finding) (out []string) {
	for i := range found {
		if found[i].Severity == "error" && len(out) < 5 {
			out = append(out, found[i].Code)
		}
	}
	return out
}

// place is how far a feed was read.
func (f *Desk) place(ctx context.Context, l *steward.Live, src *registry.Source) (house.Place, error) {
	places, err := f.steward.Entries.Places(ctx, l.ID)
	for _, x := range places {
		if x.Source == src.ID {
			return x, err
		}
	}
	return house.Place{Database: l.ID, Source: src.ID}, err
}

func (f *Desk) isDue(key string, version int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, known := f.due[key]
	return !known || d.version != version || !f.steward.Clock.Now().Before(d.at)
}

func (f *Desk) unknown(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, known := f.due[key]
	return !known
}

func (f *Desk) wait(key string, d waiting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due[key] = d
}

// failed counts a failure, and has the feed wait: a minute, then twice as long each
// time that nothing went well before it.
func (f *Desk) failed(key string, version int, now time.Time, moved bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.due[key]
	if d.version != version || moved {
		d = waiting{version: version}
	}
	d.fails++
	d.at = now.Add(min(soon<<min(d.fails-1, 10), later))
	f.due[key] = d
}
