package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/rulebook"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// play is one rehearsal at work.
type play struct {
	*Stage
	row     house.Rehearsal
	found   Found
	book    *rulebook.Book // rules that differ, as they would be
	active  *rulebook.Book // and as they are
	rules   map[string]*RuleFound
	workers int
	kept    time.Time
	began   time.Time
	before  time.Duration
}

// begin reads a rehearsal, and sets up what it is about where that was not done yet.
func (s *Stage) begin(ctx context.Context, r house.Rehearsal) (*play, error) {
	p := &play{Stage: s, row: r, rules: map[string]*RuleFound{}, workers: s.Workers}
	if p.workers == 0 {
		p.workers = max(2, runtime.GOMAXPROCS(0))
	}
	if err := json.Unmarshal([]byte(r.Found), &p.found); err != nil {
		return nil, fmt.Errorf("rehearsal: reading how far it came: %w", err)
	}
	fresh := p.found.End == nil
	if fresh {
		active, err := s.Desk.InForce(ctx)
		if err != nil {
			return nil, err
		}
		if active != nil {
			p.found.Against = active.ID
		}
		if err := p.places(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.compile(ctx, fresh); err != nil {
		return nil, err
	}
	p.began, p.kept, p.before = time.Now(), time.Now(), p.found.Took
	return p, nil
}

// places finds from which leaf to which each log is read.
func (p *play) places(ctx context.Context) error {
	logs, err := p.Logs.Logs(ctx)
	if err != nil {
		return err
	}
	p.found.Next, p.found.End, p.found.Fails, p.found.Of = map[int]uint64{}, map[int]uint64{}, map[string]int{}, map[string]int{}
	for _, log := range logs {
		head, err := p.Logs.Head(ctx, log)
		if err != nil {
			return err
		}
		p.found.Next[log], p.found.End[log] = 0, head.Size
	}
	// The newest records of before, an hour to spare: each log is read from behind
	// its last one among them. Of a log that is not among them, all is.
	before, _, err := p.Records.List(ctx, role.Scope{All: true}, store.Filter{Before: store.Cursor{At: p.found.From.Add(-time.Hour)}, Limit: 1000})
	if err != nil {
		return err
	}
	for _, r := range before {
		if p.found.Next[r.Place.Log] <= r.Place.Index {
			p.found.Next[r.Place.Log] = r.Place.Index + 1
		}
	}
	return nil
}

// compile takes of both books what differs.
func (p *play) compile(ctx context.Context, fresh bool) error {
	read := func(id, edition int) ([]rulebook.Rule, error) {
		e, err := p.Store.Edition(ctx, id, edition)
		if err != nil {
			return nil, err
		}
		rules, problems := rulebook.Parse([]byte(e.Text))
		if len(problems) > 0 {
			return nil, ErrProblems.Because(problems[0])
		}
		return rules, nil
	}
	rules, err := read(p.row.Book, p.row.Edition)
	if err != nil {
		return err
	}
	var old []rulebook.Rule
	if p.found.Against != 0 {
		b, err := p.Store.Book(ctx, p.found.Against)
		if err != nil {
			return err
		}
		if old, err = read(b.ID, b.Edition); err != nil {
			return err
		}
	}
	var then, now []rulebook.Rule
	for _, c := range rulebook.Diff(pointers(old), pointers(rules)) {
		if !c.Judges {
			continue
		}
		if c.New != nil {
			then = append(then, *c.New)
		}
		if c.Old != nil {
			now = append(now, *c.Old)
		}
		if fresh {
			p.found.Rules = append(p.found.Rules, &RuleFound{Code: c.Code, Gone: c.New == nil, Closed: closed(c), Fails: map[string]int{}})
		}
	}
	if fresh {
		p.found.Same = len(rules) - len(then)
	}
	for _, r := range p.found.Rules {
		p.rules[r.Code] = r
	}
	var problems, more []rulebook.Problem
	p.book, problems = p.Desk.compiler.Compile(then)
	p.active, more = p.Desk.compiler.Compile(now)
	if problems = append(problems, more...); len(problems) > 0 {
		return ErrProblems.Because(problems[0])
	}
	return nil
}

func pointers(list []rulebook.Rule) []*rulebook.Rule {
	out := make([]*rulebook.Rule, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// naming are fields that tell who somebody is: a rule that compares one with a text
// would say where that person was.
var naming = regexp.MustCompile(`\b(?:SO_CCCD|HO_TEN|MA_THE_BHYT|MA_BN|DIEN_THOAI|DIA_CHI)\w*`)

// closed reports whether a rule speaks of a closed compartment, or of who somebody
// is: that it finds something in a record would tell of it.
func closed(c rulebook.Change) bool {
	for _, r := range []*rulebook.Rule{c.Old, c.New} {
		if r == nil {
			continue
		}
		table, _, _ := strings.Cut(c.Code, ".")
		if compartment.Table(table) != 0 || naming.MatchString(r.When+" "+r.Must) {
			return true
		}
		for _, name := range []string{"XML6", "XML15"} {
			if strings.Contains(r.When+r.Must, "dossier."+name) {
				return true
			}
		}
	}
	return false
}

// run reads log after log.
func (p *play) run(ctx context.Context) error {
	for log, end := range p.found.End {
		for p.found.Next[log] < end {
			if err := ctx.Err(); err != nil {
				return err
			}
			items, next, err := p.page(ctx, log, end)
			if err != nil {
				return err
			}
			c, err := p.judge(ctx, log, items)
			if err != nil {
				return err
			}
			p.merge(c)
			p.found.Next[log] = next
			if time.Since(p.kept) >= saved {
				if err := p.keep(ctx, p.Desk.clock.Now().Add(leased)); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range p.found.Rules {
		f.hide()
	}
	p.found.Took = p.before + time.Since(p.began)
	text, err := json.Marshal(p.found)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	r := p.row
	r.State, r.Found, r.Ended = house.Done, string(text), p.Desk.clock.Now()
	return p.Store.End(ctx, r, Draft, Rehearsed)
}

// keep notes how far it came.
func (p *play) keep(ctx context.Context, until time.Time) error {
	p.kept, p.found.Took = time.Now(), p.before+time.Since(p.began)
	text, err := json.Marshal(p.found)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	return p.Store.Came(ctx, p.row.ID, p.row.Holder, string(text), until)
}

var errPage = errors.New("the page is full")

// page reads the next records of a log that count: accepted, not taken back, of the
// window. next is the leaf after the last one seen. A page ends between two files
// where it can: a file that is in one page is read once for all of its dossiers.
func (p *play) page(ctx context.Context, log int, end uint64) (items []Item, next uint64, err error) {
	next, seen := p.found.Next[log], 0
	var file vault.Keyed // of the last record
	err = p.Records.Walk(ctx, log, next, func(r *store.Record, sealed []byte) error {
		if r.Place.Index >= end {
			next = end
			return errPage
		}
		if seen >= pageSize && r.File != file || seen >= 2*pageSize {
			return errPage
		}
		file = r.File
		next, seen = r.Place.Index+1, seen+1
		if r.Verdict.State.IsAccepted() && r.Withdraws.IsZero() && r.Erased.IsZero() && !r.Received.Before(p.found.From) && !r.Received.After(p.found.To) {
			items = append(items, Item{Record: *r, Body: sealed})
		}
		return nil
	})
	switch {
	case errors.Is(err, errPage):
		return items, next, nil
	case err != nil:
		return nil, 0, err
	}
	return items, end, nil // the log has no more
}

// counted is what was found in a page. It becomes part of what is kept when the whole
// page is done, together with the place after it: of a page that is cut off nothing
// is counted, and it is read again.
type counted struct {
	mu    sync.Mutex
	found Found
	rules map[string]*RuleFound
}

func (p *play) count() *counted {
	c := &counted{found: Found{Fails: map[string]int{}, Of: map[string]int{}}, rules: map[string]*RuleFound{}}
	for code, r := range p.rules {
		c.rules[code] = &RuleFound{Gone: r.Gone, Closed: r.Closed, Fails: map[string]int{}}
	}
	return c
}

// merge adds what was found in a page.
func (p *play) merge(c *counted) {
	f := &p.found
	f.Seen, f.Judged, f.Unread = f.Seen+c.found.Seen, f.Judged+c.found.Judged, f.Unread+c.found.Unread
	plus(f.Fails, c.found.Fails)
	plus(f.Of, c.found.Of)
	for code, more := range c.rules {
		r := p.rules[code]
		r.Judged, r.Applies, r.Now, r.Then, r.New = r.Judged+more.Judged, r.Applies+more.Applies, r.Now+more.Now, r.Then+more.Then, r.New+more.New
		r.Places, r.Unclear, r.Stopped = r.Places+more.Places, r.Unclear+more.Unclear, r.Stopped+more.Stopped
		plus(r.Fails, more.Fails)
		r.Samples = append(r.Samples, more.Samples[:min(len(more.Samples), mostIDs-len(r.Samples))]...)
	}
}

func plus(to, more map[string]int) {
	for k, n := range more {
		to[k] += n
	}
}

// judge replays a page.
func (p *play) judge(ctx context.Context, log int, items []Item) (*counted, error) {
	c := p.count()
	c.found.Seen = int64(len(items))
	about := map[string]bool{}
	for _, b := range []*rulebook.Book{p.book, p.active} {
		for _, k := range b.Kinds() {
			about[k] = true
		}
	}
	kept := items[:0]
	for _, x := range items {
		if about[x.Record.Kind] {
			kept = append(kept, x)
		}
	}
	if len(kept) == 0 {
		return c, nil
	}
	open, err := p.Open(ctx, Name(p.row.Book), log, kept)
	if err != nil {
		return nil, err
	}
	var work sync.WaitGroup
	at := make(chan int)
	for range p.workers {
		work.Go(func() {
			for i := range at {
				if ctx.Err() != nil { // cut off: the page is read again
					continue
				}
				fields, err := open(ctx, i)
				if err != nil {
					c.unread()
					if ctx.Err() == nil {
						p.Logger.Warn("record not read for a rehearsal", "record", kept[i].Record.ID.String(), "error", err)
					}
					continue
				}
				p.add(c, &kept[i].Record, p.outcome(p.book, kept[i].Record.Kind, fields), p.outcome(p.active, kept[i].Record.Kind, fields))
			}
		})
	}
	for i := range kept {
		at <- i
	}
	close(at)
	work.Wait()
	return c, ctx.Err()
}

func (c *counted) unread() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.Unread++
}

// said is what a rule said of one dossier.
type said struct {
	applies, broken  int
	unclear, stopped bool
}

func (p *play) outcome(b *rulebook.Book, kind string, fields dossier.Fields) map[string]*said {
	out := map[string]*said{}
	b.Judge(kind, fields, true, func(at rulebook.At) {
		s := out[at.Rule.Code]
		if s == nil {
			s = &said{}
			out[at.Rule.Code] = s
		}
		switch at.Outcome {
		case rulebook.Broken:
			s.broken++
			s.applies++
		case rulebook.Holds:
			s.applies++
		case rulebook.Stopped:
			s.stopped, s.unclear = true, true
		case rulebook.Unclear:
			s.unclear = true
		}
	})
	return out
}

// add counts one dossier.
func (p *play) add(c *counted, r *store.Record, then, now map[string]*said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.Judged++
	facility := string(r.ID.Facility)
	c.found.Of[facility]++
	fresh := false
	for _, b := range []*rulebook.Book{p.book, p.active} {
		for _, rule := range b.Rules() {
			f := c.rules[rule.Code]
			if rule.Kind == r.Kind && (b == p.book || f.Gone) {
				f.Judged++
			}
		}
	}
	for code, s := range now {
		if s.broken > 0 {
			c.rules[code].Now++
		}
	}
	for code, s := range then {
		f := c.rules[code]
		f.Applies += one(s.applies > 0)
		f.Unclear += one(s.unclear)
		f.Stopped += one(s.stopped)
		f.Places += int64(s.broken)
		if s.broken == 0 {
			continue
		}
		f.Then++
		if was := now[code]; was != nil && was.broken > 0 {
			continue
		}
		f.New++
		if f.Closed {
			continue
		}
		fresh = true
		f.Fails[facility]++
		if len(f.Samples) < mostIDs && care.ClassesOf(r.Documents) == 0 {
			f.Samples = append(f.Samples, r.ID.String())
		}
	}
	if fresh {
		c.found.Fails[facility]++
	}
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
