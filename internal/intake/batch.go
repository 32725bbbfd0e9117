package intake

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/intake/group"
	"lienthong/internal/retention"
	"lienthong/internal/store"
	"lienthong/internal/trust"
)

// chunk is how many dossiers are worked on and committed together: a file of a
// thousand holds its place no longer than others do.
const chunk = group.Limit

// attempts is how often dossiers are prepared anew, none of them stored in
// between, because another writer of the same episode or person was faster.
// Each conflict means somebody stored, so the bound is met only by a sender at
// war with itself.
const attempts = 12

// item is one dossier of a round, or one that was decided before and is only
// answered again.
type item struct {
	t        *task
	index    int
	judged   *judged
	known    store.Known
	replaced *store.Known // what is known of the dossier it replaces
	prepared store.Prepared

	stored  *store.Stored
	receipt receipt // zero for a replay
	failed  error
}

// run takes files through: admitted each by itself, then in rounds of dossiers
// that are asked for, prepared and committed together.
func (in *Intake) run(ctx context.Context, tasks []*task) {
	in.each(ctx, len(tasks), func(i int) (store.Lane, func()) {
		t := tasks[i]
		return t.file.Lane, func() {
			t.err = guarded(func() error {
				if err := t.admit(); err != nil || t.unsealed != nil || t.opened.Len() > chunk {
					return err
				}
				var err error // while its bytes are still near the processor
				t.ready, err = t.judgeAll(ctx, 0, t.opened.Len())
				return err
			})
		}
	}, func(i int, err error) { tasks[i].err = err })
	for _, r := range rounds(in, tasks) {
		r.run(ctx)
	}
	for _, t := range tasks {
		if t.err == nil {
			t.refusePapers(ctx)
			if err := trust.Bound(ctx, in.Notes, t.before, t.seals, t.received, t.from.Name); err != nil {
				in.Logger.Error("that a seal binds now is not noted", "error", err) // it is when the file comes again
			}
		}
	}
}

// guarded turns a panic into an error: a defect that one file meets must not
// end the hub for all.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("intake: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// each does n pieces of processor work, each in a place of the gate of its own
// lane. missed is told of those that found no place before ctx ended.
func (in *Intake) each(ctx context.Context, n int, piece func(i int) (store.Lane, func()), missed func(i int, err error)) {
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			lane, do := piece(i)
			if err := in.gate.enter(ctx, lane); err != nil {
				missed(i, ErrBusy.Because(err))
				continue
			}
			do()
			in.gate.leave(ctx)
		}
	}
	var helpers sync.WaitGroup
	for range min(in.cfg.Places, n) - 1 {
		helpers.Go(work)
	}
	work()
	helpers.Wait()
}

// round is dossiers of one lane, from one file or many.
type round struct {
	in    *Intake
	lane  store.Lane
	parts []part
	size  int
}

// part is dossiers from..to of a file; none of a file that is only asked for.
type part struct {
	t        *task
	from, to int
	items    []*item
}

// rounds cuts the files into rounds of at most chunk dossiers.
func rounds(in *Intake, tasks []*task) []*round {
	var list []*round
	open := map[store.Lane]*round{}
	put := func(p part) {
		lane := p.t.lane()
		r := open[lane]
		if r == nil || r.size+p.to-p.from > chunk {
			r = &round{in: in, lane: lane}
			open[lane] = r
			list = append(list, r)
		}
		r.parts = append(r.parts, p)
		r.size += p.to - p.from
	}
	for _, t := range tasks {
		switch {
		case t.err != nil:
		case t.unsealed != nil:
			put(part{t: t})
		default:
			for from := 0; from < t.opened.Len(); from += chunk {
				put(part{t: t, from: from, to: min(from+chunk, t.opened.Len())})
			}
		}
	}
	return list
}

func (r *round) run(ctx context.Context) {
	r.judge(ctx)
	if err := r.recall(ctx); err != nil {
		r.fail(err)
		return
	}
	again, open := r.settle()
	r.commit(ctx, open)
	if err := r.in.replies(ctx, r.lane, append(again, open...)); err != nil {
		r.fail(err)
		return
	}
}

// fail ends every file of the round that has no end yet.
func (r *round) fail(err error) {
	for _, p := range r.parts {
		if p.t.err == nil {
			p.t.err = err
		}
	}
}

// judge reads and judges the dossiers of the round that are not judged yet:
// those of files with more than go into one.
func (r *round) judge(ctx context.Context) {
	var open []*part
	for i := range r.parts {
		p := &r.parts[i]
		if p.items = p.t.ready; p.to > p.from && p.items == nil {
			open = append(open, p)
		}
	}
	r.in.each(ctx, len(open), func(i int) (store.Lane, func()) {
		p := open[i]
		return r.lane, func() {
			if p.t.err == nil {
				p.t.err = guarded(func() (err error) {
					p.items, err = p.t.judgeAll(ctx, p.from, p.to)
					return err
				})
			}
		}
	}, func(i int, err error) { open[i].t.err = err })
}

// judgeAll reads and judges dossiers from..to of the file.
func (t *task) judgeAll(ctx context.Context, from, to int) ([]*item, error) {
	items := make([]*item, 0, to-from)
	for k := from; k < to; k++ {
		items = append(items, &item{t: t, index: k, judged: t.judge(k)})
	}
	class := retention.Longest // what is around several dossiers stays as long as any
	if t.opened.Len() == 1 {
		class = items[0].judged.class
	}
	for _, it := range items {
		if err := t.in.months.ensure(ctx, it.judged.class, MonthOf(t.received)); err != nil {
			return nil, err
		}
	}
	return items, t.split(ctx, class)
}

// recall asks once what the files became before and what is known of their dossiers.
func (r *round) recall(ctx context.Context) error {
	asks := make([]store.Recall, len(r.parts))
	for i := range r.parts {
		p := &r.parts[i]
		asks[i].Facility = p.t.facility
		if p.from == 0 {
			asks[i].File = p.t.hashes
		}
		asks[i].Dossiers = queries(p.items)
	}
	got, err := r.in.Store.Recall(ctx, asks)
	if err != nil {
		return err
	}
	for i := range r.parts {
		p := &r.parts[i]
		if p.from == 0 {
			p.t.before = got[i].Places
		}
		learn(p.items, got[i].Known)
	}
	return nil
}

// queries asks of each dossier, and of the one it replaces.
func queries(items []*item) []store.Query {
	var list []store.Query
	for _, it := range items {
		list = append(list, it.judged.query)
		if it.judged.replaces != nil {
			list = append(list, *it.judged.replaces)
		}
	}
	return list
}

// learn takes the answers of queries in.
func learn(items []*item, known []store.Known) {
	for _, it := range items {
		it.known, known = known[0], known[1:]
		if it.judged.replaces != nil {
			it.replaced, known = &known[0], known[1:]
		}
	}
}

// settle parts what was decided before from what is open.
func (r *round) settle() (again, open []*item) {
	for i := range r.parts {
		p := &r.parts[i]
		switch t := p.t; {
		case t.err != nil:
		case t.settledBefore():
			for k := range t.before {
				if p.from == 0 {
					again = append(again, &item{t: t, index: t.before[k].Index, stored: &t.before[k]})
				}
			}
		case t.unsealed != nil:
			t.err = t.unsealed
		default:
			open = append(open, p.items...)
		}
	}
	return again, open
}

// commit prepares and commits the open dossiers until each is decided. Those
// that met a conflict are asked for and prepared anew.
func (r *round) commit(ctx context.Context, open []*item) {
	for try := 0; len(open) > 0; try++ {
		if try == attempts {
			for _, it := range open {
				it.failed = ErrBusy
			}
			return
		}
		before := len(open)
		ready := r.prepare(ctx, open)
		open = r.submit(ready)
		if len(open) == 0 {
			return
		}
		if len(open) < before { // several versions of one episode are stored one a round
			try = -1
		}
		known, err := r.in.Store.Known(ctx, queries(open))
		if err != nil {
			for _, it := range open {
				it.failed = err
			}
			return
		}
		learn(open, known)
	}
}

// prepare makes what each commit needs and returns the dossiers that have it.
func (r *round) prepare(ctx context.Context, open []*item) []*item {
	r.in.each(ctx, len(open), func(i int) (store.Lane, func()) {
		it := open[i]
		return r.lane, func() {
			it.failed = guarded(func() (err error) {
				it.prepared, it.receipt, err = it.t.prepare(ctx, it)
				return err
			})
		}
	}, func(i int, err error) { open[i].failed = err })
	ready := make([]*item, 0, len(open))
	for _, it := range open {
		if it.failed == nil {
			ready = append(ready, it)
		}
	}
	return ready
}

// submit commits and returns the dossiers that met a conflict.
func (r *round) submit(ready []*item) []*item {
	if len(ready) == 0 {
		return nil
	}
	members := make([]store.Prepared, len(ready))
	for k, it := range ready {
		members[k] = it.prepared
	}
	outcomes, errs := r.in.groups.Submit(r.lane, members)
	var conflicts []*item
	for k, it := range ready {
		switch o := outcomes[k]; {
		case errs[k] != nil:
			it.failed = errs[k]
		case o.Status == store.StatusConflict:
			conflicts = append(conflicts, it)
		case o.Status == store.StatusReplay:
			it.stored, it.receipt = o.Stored, receipt{}
		default:
			it.stored = recordOf(&it.prepared, o.Place)
		}
	}
	return conflicts
}

// deferred is the answer for what was not decided. A fault that is not the
// moment's is the operator's to know; the sender is told to come again.
func (t *task) deferred(name string, index int, err error) *Deferred {
	f := fault.Of(err)
	if f.Kind != fault.Busy {
		t.in.Logger.Error("dossier not stored", "code", f.Code, "error", err)
		f = ErrBusy
	}
	return &Deferred{File: name, Index: index, Deferred: true, Code: f.Code, RetryAfter: t.in.RetryAfter(), Message: f.Text}
}

// observe tells the metrics what became of a file.
func (t *task) observe(took time.Duration) {
	code := ""
	if t.err != nil {
		code = fault.Of(t.err).Code
	}
	t.in.Observer.File(t.kindName(), code, took)
	for _, a := range t.answers {
		if a.Result != nil {
			t.in.Observer.Dossier(a.Result.Kind, string(a.Result.State), a.Result.Replay)
		}
	}
}
