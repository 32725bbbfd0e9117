package steward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/store/house"
)

// Asked is a record that databases take entries from.
type Asked struct {
	ID     dossier.ID
	Log    int
	Leaf   uint64
	Placed bool // Log and Leaf are known
	Names  string
	Sets   []care.Classes
}

// Opened is a record that was asked for: for every set of closed classes that was
// asked for and is permitted, what that set lets through; no Contents where it is not
// to be read, or not what its facility holds true now. Damaged says that its bytes do
// not open: then nothing is known of it.
type Opened struct {
	Contents map[care.Classes]dossier.Fields
	Damaged  error
}

// Records opens records for databases, and writes down who reads what.
type Records interface {
	Open(ctx context.Context, asked []Asked) ([]Opened, error)
}

// fromRecords names the place of all sources of records of a database: they are read
// together, each record once.
const fromRecords = "records"

const (
	atOnce  = 256             // records of a batch
	roundOf = 5 * time.Second // a round ends then, to be looked at
	turn    = 30 * time.Second
	abreast = 4 // databases of a batch: what they write at once goes into one commit
)

// projecting names the turn of who makes entries.
const projecting = "databases.project"

// Turn takes work that one hub of a store does at a time; mine: it is this one's, for
// so long, and until then if it ends before.
func (s *Steward) Turn(ctx context.Context, work string, long time.Duration) (mine bool, err error) {
	now := s.Clock.Now()
	return s.Entries.Turn(ctx, work, s.conf.Holder, now, now.Add(long))
}

// Round makes entries out of what came since, until all is made or some seconds are
// over. Of several hubs one does it at a time. more: there is more to do.
func (s *Steward) Round(ctx context.Context) (more bool, err error) {
	if err := s.ReadLists(ctx); err != nil {
		return false, err
	}
	s.round.Lock()
	defer s.round.Unlock()
	defer s.settle()
	began := s.Clock.Now()
	for {
		mine, err := s.Turn(ctx, projecting, turn)
		if err != nil || !mine {
			return false, err
		}
		wiped, err := s.erased(ctx)
		if err != nil {
			return false, err
		}
		some, err := s.once(ctx)
		if err != nil || !some && !wiped {
			return false, err
		}
		if s.Clock.Now().Sub(began) > roundOf {
			return true, nil
		}
	}
}

// settle waits for what is being read ahead, and forgets it.
func (s *Steward) settle() {
	if s.reading != nil {
		<-s.reading.ready
		s.reading = nil
	}
}

// once does one batch of each group of databases, and of each other source; some:
// there was something to do.
func (s *Steward) once(ctx context.Context) (some bool, err error) {
	groups, err := s.groups(ctx)
	if err != nil {
		return false, err
	}
	for _, g := range groups {
		did, err := s.batchOf(ctx, g)
		if err != nil {
			return some, err
		}
		some = some || did
	}
	did, err := s.fromOthers(ctx)
	return some || did, err
}

// group is databases that were read up to the same place.
type group struct {
	cursor string
	of     []*follower
}

// follower is a database on its way through the flow.
type follower struct {
	*Live
	place house.Place
	sets  map[care.Classes]bool
	kinds map[string]bool
}

func followerOf(l *Live) *follower {
	f := &follower{Live: l, sets: map[care.Classes]bool{}, kinds: map[string]bool{}, place: house.Place{Database: l.ID, Source: fromRecords, Declared: l.Taken.Version}}
	for _, src := range l.Sources {
		if src.Kind == registry.FromRecords {
			f.sets[src.Classes] = true
			for _, k := range src.Records {
				f.kinds[k] = true
			}
		}
	}
	return f
}

// groups are the databases that are made of records, by how far they were read: one
// that was declared lately is behind, and reads what the others have read by itself.
func (s *Steward) groups(ctx context.Context) ([]group, error) {
	if s.Records == nil {
		return nil, nil
	}
	places, err := s.Entries.Places(ctx, "")
	if err != nil {
		return nil, err
	}
	var out []group
	for _, l := range s.List() {
		f := followerOf(l)
		if len(f.kinds) == 0 || l.Dissolved {
			continue
		}
		for _, p := range places {
			if p.Database == l.ID && p.Source == fromRecords {
				f.place = p
			}
		}
		if err := s.again(ctx, f); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(g group) bool { return g.cursor == f.place.Cursor })
		if i < 0 {
			i, out = len(out), append(out, group{cursor: f.place.Cursor})
		}
		out[i].of = append(out[i].of, f)
	}
	return out, nil
}

// again has a database read all records anew where its new version makes that necessary.
func (s *Steward) again(ctx context.Context, f *follower) error {
	if f.place.Declared == f.Taken.Version {
		return nil
	}
	versions, err := s.Databases.Versions(ctx, f.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(versions, func(d house.Declared) bool { return d.Version == f.place.Declared })
	reread := i < 0
	if i >= 0 {
		old, _, err := declaration.Parse(versions[i].Text)
		if err != nil {
			return err
		}
		old.Version = f.Taken.Version - 1
		changes, err := declaration.Change(old, f.Declaration, declaration.Usage{})
		if err != nil {
			return err
		}
		reread = slices.ContainsFunc(changes, func(p registry.Problem) bool { return p.Need != "" })
	}
	was := f.place.Cursor
	f.place.Declared = f.Taken.Version
	if reread {
		f.place.Cursor, f.place.Seen = "", 0
	}
	place := f.place
	return s.Entries.Put(ctx, f.ID, house.Batch{Place: &place}, was)
}

// read is the next records of a group, opened.
type read struct {
	moved  []house.Moved
	next   string
	opened []Opened
	at     map[int]int // index of what was opened by that of moved
	err    error
}

// readOn reads the records behind a place for a group.
func (s *Steward) readOn(ctx context.Context, g group, cursor string) (r read) {
	if r.moved, r.next, r.err = s.Flow.After(ctx, cursor, atOnce); r.err != nil || len(r.moved) == 0 {
		return r
	}
	var asked []Asked
	asked, r.at = s.ask(g, r.moved)
	r.opened, r.err = s.Records.Open(ctx, asked)
	return r
}

// of is what was opened of a record of a read.
func (r *read) of(n int) Opened {
	if k, ok := r.at[n]; ok {
		return r.opened[k]
	}
	return Opened{}
}

// tellDamaged writes down which records databases go without. The place moves on:
// one record that does not open keeps no other from its databases.
func (s *Steward) tellDamaged(r *read) {
	for n := range r.moved {
		if err := r.of(n).Damaged; err != nil {
			s.Logger.Error("record not read for databases", "record", dossier.ID(r.moved[n].Record).String(), "error", err)
		}
	}
}

// ahead is what is being read while the records before it are written.
type ahead struct {
	of    string // the group and its place
	ready chan read
}

// name names a group at a place.
func (g *group) name(cursor string) string {
	var b strings.Builder
	for _, f := range g.of {
		fmt.Fprintf(&b, "%s/%d,", f.ID, f.Taken.Version)
	}
	return b.String() + cursor
}

// batchOf makes the entries of the next records of a group, while those behind them
// are read: a database that was declared lately has all there are to read.
func (s *Steward) batchOf(ctx context.Context, g group) (some bool, err error) {
	var r read
	if a := s.reading; a != nil && a.of == g.name(g.cursor) {
		s.reading = nil
		r = <-a.ready
	} else {
		r = s.readOn(ctx, g, g.cursor)
	}
	if r.err != nil || len(r.moved) == 0 {
		return false, r.err
	}
	if s.reading == nil && len(r.moved) == atOnce {
		a := &ahead{of: g.name(r.next), ready: make(chan read, 1)}
		s.reading = a
		go func() { a.ready <- s.readOn(ctx, g, r.next) }()
	}
	errs := make([]error, len(g.of))
	var wg sync.WaitGroup
	free := make(chan struct{}, abreast)
	for i, f := range g.of {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			errs[i] = s.follow(ctx, f, &r)
		})
	}
	wg.Wait()
	s.tellDamaged(&r)
	return true, errors.Join(errs...)
}

// ask says which of the records are opened, once each, and for whom. at gives the
// index of what is asked by that of moved.
func (s *Steward) ask(g group, moved []house.Moved) (asked []Asked, at map[int]int) {
	at = map[int]int{}
	for n := range moved {
		m := &moved[n]
		if !m.Current {
			continue
		}
		a := Asked{ID: dossier.ID(m.Record), Log: m.Log, Leaf: m.Leaf, Placed: true}
		var names []string
		for _, f := range g.of {
			if f.kinds[m.Kind] {
				names = append(names, string(f.ID))
				a.Sets = withSets(a.Sets, f, m.Kind)
			}
		}
		if len(names) > 0 {
			a.Names = strings.Join(names, ",")
			at[n] = len(asked)
			asked = append(asked, a)
		}
	}
	return asked, at
}

func withSets(sets []care.Classes, f *follower, kind string) []care.Classes {
	for _, src := range f.Sources {
		if src.Kind == registry.FromRecords && slices.Contains(src.Records, kind) && !slices.Contains(sets, src.Classes) {
			sets = append(sets, src.Classes)
		}
	}
	return sets
}

// follow makes the entries of one database out of a batch of records.
func (s *Steward) follow(ctx context.Context, f *follower, r *read) error {
	w := Writing{Was: f.place.Cursor}
	p := f.place
	p.Cursor, p.At, p.Code = r.next, s.Clock.Now(), ""
	var gone, reread []registry.RecordID
	for n := range r.moved {
		m, opened := &r.moved[n], r.of(n)
		gone = append(gone, m.Changed...)
		if !f.kinds[m.Kind] || opened.Damaged != nil { // what it said before stays
			continue
		}
		p.Seen++
		if f.Taken.Version > 1 {
			reread = append(reread, m.Record)
		}
		w.Drafts = append(w.Drafts, s.drafts(f.Live, dossier.ID(m.Record), m.Kind, m.Received, opened.Contents)...)
	}
	if err := s.unsay(ctx, f, gone, reread, &w); err != nil {
		return err
	}
	w.Place = &p
	_, err := s.Write(ctx, f.ID, w)
	if err != nil {
		return fmt.Errorf("steward: %s: %w", f.ID, err)
	}
	f.place = p
	return nil
}

// drafts are the entries that a record says.
func (s *Steward) drafts(l *Live, id dossier.ID, kind string, received time.Time, contents map[care.Classes]dossier.Fields) []Draft {
	var out []Draft
	about := declaration.About{ID: id, Kind: kind, Received: received}
	for i := range l.Sources {
		src := &l.Sources[i]
		fields := contents[src.Classes]
		if src.Kind != registry.FromRecords || fields == nil {
			continue
		}
		for _, made := range l.Project(src.ID, fields, about) {
			out = append(out, Draft{Values: made.Values, Origin: registry.Origin{Source: src.ID, Record: registry.RecordID(id), Facility: id.Facility}})
		}
	}
	return out
}
