package reverify

import (
	"context"
	"runtime"
	"sync"

	"lienthong/internal/ledger"
	"lienthong/internal/ledger/audit"
	"lienthong/internal/reverify/recount"
	"lienthong/internal/store"
)

// chunkSize is how many records one core verifies before it takes the next ones.
const chunkSize = 64

// chunk is some records that follow each other, verified together.
type chunk struct {
	records []walked
	part    *walk // what verifying them found
	entries []audit.Entry
	err     error
	done    chan struct{}
}

type walked struct {
	r      *store.Record
	sealed []byte
}

// part is a walk of its own over the same store: what it finds goes into the
// whole by merge, in the order of the log, whichever core was faster.
func (w *walk) part() *walk {
	p := *w
	p.report = &Report{Skipped: w.report.Skipped}
	p.tally = recount.New()
	p.cache, p.next = [8]*sentFile{}, 0
	return &p
}

// merge takes over what a part found. A file is looked at by every part that
// meets it, so what is wrong with it is said once.
func (w *walk) merge(p *walk) {
	for _, d := range p.report.Differences {
		if d.Table == "file" || d.Table == "place" {
			if w.said[d] {
				continue
			}
			w.said[d] = true
		}
		w.note(d)
	}
	w.report.More += p.report.More
	w.report.Whole += p.report.Whole
	w.report.Erased += p.report.Erased
	w.report.Legs += p.report.Legs
	w.tally.Add(p.tally)
}

// checked verifies the records of a log on all cores and gives their entries
// in order; errStop when fn has enough.
func (w *walk) checked(ctx context.Context, head store.Head, fn func(audit.Entry) bool) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cores := runtime.GOMAXPROCS(0)
	chunks := make(chan *chunk, cores)
	var failed error
	work.Go(func() {
		defer close(chunks)
		failed = w.chunks(ctx, head, &work, make(chan struct{}, cores), chunks)
	})
	for c := range chunks {
		<-c.done
		w.merge(c.part)
		for i := range c.entries {
			if !fn(c.entries[i]) {
				return errStop
			}
		}
		if c.err != nil {
			return c.err
		}
	}
	return failed // written before chunks was closed
}

// chunks reads the records and has them verified. A chunk ends where a file
// does, so that one core has all of a file's records.
func (w *walk) chunks(ctx context.Context, head store.Head, work *sync.WaitGroup, turns chan struct{}, out chan<- *chunk) error {
	reader := w.part()
	c := &chunk{}
	send := func() error {
		c.part, c.done = reader.part(), make(chan struct{})
		c.part.report.Differences, reader.report.Differences = reader.report.Differences, nil // rows that could not be read
		full := c
		c = &chunk{}
		select {
		case out <- full:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			full.err = ctx.Err()
			close(full.done)
			return ctx.Err()
		}
		work.Go(func() {
			defer func() { <-turns; close(full.done) }()
			full.verify(ctx, head)
		})
		return nil
	}
	err := reader.eachRecord(ctx, head, func(r *store.Record, sealed []byte) error {
		if n := len(c.records); n >= chunkSize && c.records[n-1].r.File != r.File {
			if err := send(); err != nil {
				return err
			}
		}
		c.records = append(c.records, walked{r, sealed})
		return nil
	})
	if err != nil {
		return err
	}
	return send()
}

func (c *chunk) verify(ctx context.Context, head store.Head) {
	if c.err = c.part.readLegs(ctx, c.records); c.err != nil {
		return
	}
	for _, x := range c.records {
		receipt, err := c.part.record(ctx, head, x.r, x.sealed)
		if err != nil {
			c.err = err
			return
		}
		c.entries = append(c.entries, audit.Entry{Index: x.r.Place.Index, Commit: x.r.Place.Size, Name: x.r.ID.String(), Kind: ledger.LeafReceipt, Receipt: receipt})
	}
	c.records = nil
}
