package steward

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/store/house"
)

// mostCodes is how many entries a list that is a field of a database may have; the
// codes of one with more are not checked.
const mostCodes = 200_000

// codeList is the values of one field of a database's live entries.
type codeList struct {
	of    registry.ID
	field string
	after int64 // place in the order of changes it was read up to
	by    map[registry.EntryID]string
	n     map[string]int // entries that have the value
}

// lists are the fields of databases that are lists of others: filled by each hub from
// the order of changes, so that what another hub wrote is known within a second or two.
type lists struct {
	mu  sync.RWMutex
	all map[string]*codeList // nil of a name: there are too many, or not read yet
}

// has answers for a list; not known before all of it was read, nor while it is empty.
func (x *lists) has(list, code string) (known, has bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.all[list]
	if c == nil || len(c.n) == 0 { // an empty list was not filled yet: it makes nothing wrong
		return false, false
	}
	return true, c.n[code] > 0
}

// named are the lists that fields of databases name.
func (s *Steward) named() map[string]*codeList {
	out := map[string]*codeList{}
	for _, l := range s.List() {
		for i := range l.Fields {
			list := l.Declaration.ListOf(&l.Fields[i])
			id, field, is := declaration.OtherList(list)
			if !is {
				continue
			}
			of, err := s.Get(id)
			if err != nil {
				continue // declared before the other: nothing is known of its codes
			}
			for k := range of.Fields {
				if f := &of.Fields[k]; f.Name == field && !f.Class.Sealed() {
					out[list] = &codeList{of: id, field: field, by: map[registry.EntryID]string{}, n: map[string]int{}}
				}
			}
		}
	}
	return out
}

// ReadLists has the lists that are fields of other databases read up to now: before it
// did once in a process, nothing is known of them.
func (s *Steward) ReadLists(ctx context.Context) error {
	if err := s.Refresh(ctx); err != nil {
		return err
	}
	return s.readLists(ctx)
}

// readLists reads what changed in databases that are lists of others, and forgets
// lists that nobody names any more. Where nothing changed it is one small question for
// each list.
func (s *Steward) readLists(ctx context.Context) error {
	named := s.named()
	s.reads.Lock()
	defer s.reads.Unlock()
	for name, fresh := range named {
		s.lists.mu.RLock()
		c, read := s.lists.all[name]
		s.lists.mu.RUnlock()
		if read && c == nil {
			continue // too many
		}
		if c == nil {
			c = fresh
		}
		if err := s.readList(ctx, name, c); err != nil {
			return fmt.Errorf("steward: the list %s: %w", name, err)
		}
	}
	s.lists.mu.Lock()
	defer s.lists.mu.Unlock()
	for name := range s.lists.all {
		if named[name] == nil {
			delete(s.lists.all, name)
		}
	}
	return nil
}

func (s *Steward) readList(ctx context.Context, name string, c *codeList) error {
	for {
		rows, err := s.Entries.Changes(ctx, c.of, c.after, 500)
		if err != nil {
			return err
		}
		s.lists.mu.Lock()
		for i := range rows {
			if err = c.take(&rows[i]); err != nil {
				break
			}
		}
		switch {
		case err != nil:
		case len(c.by) > mostCodes:
			s.lists.all[name] = nil
		case len(rows) < 500:
			s.lists.all[name] = c // whole
		}
		s.lists.mu.Unlock()
		if err != nil || len(rows) < 500 || len(c.by) > mostCodes {
			return err
		}
	}
}

// take notes what an entry is now.
func (c *codeList) take(r *house.Row) error {
	c.after = r.Seq
	if was, is := c.by[r.ID]; is {
		if c.n[was]--; c.n[was] == 0 {
			delete(c.n, was)
		}
		delete(c.by, r.ID)
	}
	if r.State != registry.Live {
		return nil
	}
	var open registry.Values
	if err := json.Unmarshal([]byte(r.Open), &open); err != nil {
		return err
	}
	if v := open[c.field]; v != "" {
		c.by[r.ID] = v
		c.n[v]++
	}
	return nil
}
