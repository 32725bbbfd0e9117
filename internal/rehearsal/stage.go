package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Window is how many days of records a rehearsal goes through.
const Window = 30

const (
	pageSize = 500
	leased   = 60 * time.Second
	saved    = 5 * time.Second // how often is kept how far it came
	mostIDs  = 20              // samples of a rule
)

// Item is a record with its sealed body.
type Item struct {
	Record store.Record
	Body   []byte
}

// Read gives the fields of an item.
type Read func(ctx context.Context, item int) (dossier.Fields, error)

// Stage replays records through drafts: one at a time in a process.
type Stage struct {
	Desk    *Desk
	Live    *Live // what is judged by, for the rooms
	Store   house.Rules
	Records store.Records
	Logs    interface {
		Logs(ctx context.Context) ([]int, error)
		Head(ctx context.Context, log int) (store.Head, error)
	}
	// Open writes down that items of a log are opened for what, and gives them to be
	// read by several at once; package replay does.
	Open    func(ctx context.Context, what string, log int, items []Item) (Read, error)
	Holder  string // this process
	Workers int    // 0: the number of processors, at least 2
	Logger  *slog.Logger
}

// Ask has a draft rehearsed over the last days (0: Window) of records.
func (d *Desk) Ask(ctx context.Context, actor string, id, days int) error {
	b, err := d.sound(ctx, id)
	if err != nil {
		return err
	}
	if b.State != Draft && b.State != Rehearsed {
		return ErrState
	}
	if days <= 0 || days > 366 {
		days = Window
	}
	now := d.clock.Now()
	found, err := json.Marshal(Found{Window: days, To: now, From: now.AddDate(0, 0, -days)})
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	act, err := d.act(actor, "rules.rehearse", id, map[string]any{"edition": b.Edition, "days": days})
	if err != nil {
		return err
	}
	_, err = d.store.Ask(ctx, house.Rehearsal{Book: id, Edition: b.Edition, Asked: now, AskedBy: actor, Found: string(found)}, act)
	return err
}

// Cancel ends a rehearsal that runs. Faults: rulebook.absent, rulebook.not_running.
func (d *Desk) Cancel(ctx context.Context, actor string, id int) error {
	if _, err := d.book(ctx, id); err != nil {
		return err
	}
	act, err := d.act(actor, "rules.cancel", id, map[string]any{})
	if err != nil {
		return err
	}
	if err := d.store.Cancel(ctx, id, d.clock.Now(), act); !errors.Is(err, store.ErrAbsent) {
		return err
	}
	return ErrIdle
}

// Result is a rehearsal with what it found.
type Result struct {
	house.Rehearsal
	Found Found
	Stale bool // the book was changed since
}

// Progress is how much of it is done, of a hundred.
func (r *Result) Progress() int {
	var done, all uint64
	for log, end := range r.Found.End {
		all += end
		done += min(r.Found.Next[log], end)
	}
	switch {
	case r.State == house.Done:
		return 100
	case all == 0:
		return 0
	}
	return int(done * 100 / all)
}

// Result returns the latest rehearsal of a book. Fault: record.absent.
func (d *Desk) Result(ctx context.Context, b house.Book) (*Result, error) {
	r, err := d.store.Rehearsal(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	out := &Result{Rehearsal: r, Stale: r.Edition != b.Edition}
	if err := json.Unmarshal([]byte(r.Found), &out.Found); err != nil {
		return nil, fmt.Errorf("rehearsal: reading what was found: %w", err)
	}
	return out, nil
}

// Round takes a rehearsal that waits and goes through it; without one it does
// nothing. One that is cut off goes on, here or in another process, where it was
// kept last.
func (s *Stage) Round(ctx context.Context) error {
	now := s.Desk.clock.Now()
	r, err := s.Store.Lease(ctx, s.Holder, now, now.Add(leased))
	if errors.Is(err, store.ErrAbsent) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := s.begin(ctx, r)
	if err == nil {
		err = p.run(ctx)
	}
	switch {
	case errors.Is(err, store.ErrChanged): // cancelled, or another's now
		return nil
	case ctx.Err() != nil: // this process ends: whoever is next goes on
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if p == nil {
			return nil
		}
		return p.keep(back, time.Time{})
	case err != nil:
		r.State, r.Ended = house.Failed, s.Desk.clock.Now()
		return errors.Join(err, s.Store.End(ctx, r, "", ""))
	}
	return nil
}
