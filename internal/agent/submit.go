package agent

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
)

// ErrLane (lane.invalid): no such lane.
var ErrLane = fault.New(fault.Invalid, "lane.invalid",
	"Làn gửi phải là urgent, routine hoặc backlog.", "The lane must be urgent, routine or backlog.")

// Options say how files are sent; zero values are defaults.
type Options struct {
	Lane     string // "urgent", "routine" (also ""), "backlog"
	Members  int    // most files in a pack; default 256
	Bytes    int64  // most bytes in a pack, as File.Size tells them; default 32 MiB
	Parallel int    // packs on their way at once; default 2
	Alone    bool   // each file in a request of its own, not in a tar
	State    *State // remembers what was decided, so that a later run does not send it again; nil for none
	Again    bool   // with State: send again what was rejected or refused, for instance after mending trust

	// Failed is told of files that could not be read here. May be nil.
	Failed func(file string, err error)
	// Progress is told after every file that is done. May be nil.
	Progress func(Summary)
}

func (o Options) withDefaults() Options {
	if o.Members <= 0 {
		o.Members = 256
	}
	if o.Bytes <= 0 {
		o.Bytes = 32 << 20
	}
	if o.Parallel <= 0 {
		o.Parallel = 2
	}
	if o.Alone {
		o.Members = 1
	}
	return o
}

// Summary counts what became of a submission. Files are counted once done;
// everything else but Failed counts answers: one for each dossier, and one for
// each refused file.
type Summary struct {
	Files    int   `json:"files"` // answered whole, now or in an earlier run
	Bytes    int64 `json:"bytes"` // of those files
	Accepted int   `json:"accepted"`
	Warned   int   `json:"accepted_with_warnings"` // of Accepted
	Rejected int   `json:"rejected"`
	Refused  int   `json:"refused"`
	Deferred int   `json:"deferred"` // not decided, after every try
	Failed   int   `json:"failed"`   // files that could not be read here
	Replayed int   `json:"replayed"` // of Accepted and Rejected: decided before
	Resumed  int   `json:"resumed"`  // files not sent, as an earlier run had their answers
}

// Exit is the exit code of DESIGN §6: 0 every dossier accepted, 1 some rejected
// or refused, 2 some without an answer.
func (s Summary) Exit() int {
	switch {
	case s.Deferred > 0 || s.Failed > 0:
		return 2
	case s.Rejected > 0 || s.Refused > 0:
		return 1
	}
	return 0
}

// Submit sends files and passes every answer to each, as they come, one at a
// time and each once, in no order. Four things may happen:
//  1. Every file is answered, refused, deferred to the end or unreadable here:
//     the summary counts them and the error is nil.
//  2. The hub is away, or gives no answer for something after
//     Config.Attempts tries: hub.unreachable or submit.undecided.
//  3. Nothing more can come of it: the hub does not let the sender in or does
//     not speak its contract, each returned an error, or ctx ended. That error.
//  4. The hub's log does not go on from what this sender saw of it:
//     ledger.fork, ledger.unproved. What was answered stands in the summary.
//
// In all but the first the summary counts what was answered until then; sending
// everything again is safe and, with a State, does not repeat what was done.
func (c *Client) Submit(ctx context.Context, files iter.Seq[File], o Options, each func(Answer) error) (Summary, error) {
	switch o.Lane {
	case "", "urgent", "routine", "backlog":
	default:
		return Summary{}, ErrLane
	}
	r := &run{client: c, o: o.withDefaults(), each: each, seen: &lastSeen{newest: map[string]ledger.Checkpoint{}}}
	if o.State != nil {
		r.seen = o.State.seen
	}
	group, inner := errgroup.WithContext(ctx)
	packs := make(chan []*item)
	for range r.o.Parallel {
		group.Go(func() error {
			for items := range packs {
				if err := r.deliver(inner, items); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(packs)
		return r.collect(inner, files, packs)
	})
	err := group.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil || fault.KindOf(err) == fault.Busy {
		if forked := c.settle(ctx, r.seen); forked != nil {
			err = errors.Join(err, forked)
		}
	}
	return r.summary(), err
}

// run is one Submit.
type run struct {
	client *Client
	o      Options
	each   func(Answer) error
	seen   *lastSeen

	mu  sync.Mutex // over sum, and over each, Failed, Progress and the state file
	sum Summary
}

func (r *run) summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum
}

// collect gathers files into packs. Two of one name never share a pack: the
// answers could not be told apart.
func (r *run) collect(ctx context.Context, files iter.Seq[File], packs chan<- []*item) error {
	var pack []*item
	var size int64
	names := map[string]bool{}
	flush := func() error {
		if len(pack) == 0 {
			return nil
		}
		select {
		case packs <- pack:
		case <-ctx.Done():
			return ctx.Err()
		}
		pack, size = nil, 0
		clear(names)
		return nil
	}
	for f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		it := &item{File: f, told: map[int]bool{}}
		settled, err := r.settledBefore(it)
		if err != nil {
			return err
		}
		if settled {
			continue
		}
		if len(pack) >= r.o.Members || size+f.Size > r.o.Bytes || names[f.Name] {
			if err := flush(); err != nil {
				return err
			}
		}
		pack, size, names[f.Name] = append(pack, it), size+f.Size, true
	}
	return flush()
}

// settledBefore answers a file out of the state file, or says that it cannot be sent.
func (r *run) settledBefore(it *item) (bool, error) {
	if it.Name == "" || strings.ContainsRune(it.Name, 0) {
		it.failed = ErrFile
		return true, r.done(it)
	}
	if r.o.State == nil || !r.o.State.knows(it.Name) {
		return false, nil
	}
	if _, err := it.load(); err != nil {
		it.failed = err
		return true, r.done(it)
	}
	answers, err := r.o.State.answers(it.Name, it.digest)
	if err != nil || len(answers) == 0 {
		return false, err
	}
	for _, a := range answers {
		if r.o.Again && a.Outcome != Accepted {
			return false, nil
		}
	}
	for _, a := range answers {
		a.Resumed = true
		if err := r.tell(a); err != nil {
			return true, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Resumed++
	r.finish(it)
	return true, nil
}

// tell counts an answer and passes it on.
func (r *run) tell(a Answer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch a.Outcome {
	case Accepted:
		r.sum.Accepted++
	case Rejected:
		r.sum.Rejected++
	case Refused:
		r.sum.Refused++
	case Deferred:
		r.sum.Deferred++
	}
	if a.Warned {
		r.sum.Warned++
	}
	if a.Replay {
		r.sum.Replayed++
	}
	return r.each(a)
}

// done closes the account of a file: unreadable here, or answered whole.
func (r *run) done(it *item) error {
	it.done = true
	if fault.Of(it.failed).Code == errLimits.Code {
		b, err := json.Marshal(struct {
			File    string     `json:"file"`
			Refused bool       `json:"refused"`
			Code    string     `json:"code"`
			Message fault.Text `json:"message"`
		}{it.Name, true, errLimits.Code, errLimits.Text})
		if err != nil {
			return err
		}
		if err := r.tell(Answer{File: it.Name, Outcome: Refused, Code: errLimits.Code, JSON: b}); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.finish(it)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if it.failed != nil {
		r.sum.Failed++
		if r.o.Failed != nil {
			r.o.Failed(it.Name, it.failed)
		}
		return nil
	}
	if r.o.State != nil {
		if err := r.o.State.keep(it.Name, it.digest, it.lines); err != nil {
			return err
		}
	}
	r.finish(it)
	return nil
}

// finish counts a file that is done; the caller holds mu.
func (r *run) finish(it *item) {
	r.sum.Files++
	r.sum.Bytes += it.size
	if r.o.Progress != nil {
		r.o.Progress(r.sum)
	}
}
