package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/witness"
)

// Senders are the first witnesses (DESIGN §5). Each answer to a submission says
// in Ledger-Checkpoint where the log is, as "<origin> <size> <root>"; a sender
// that says in Last-Checkpoint what it saw last is served only by a hub whose
// log still holds that. One that was put back to an old copy does not: it
// alarms, and answers 409 ledger.fork.
const (
	headerCheckpoint = "Ledger-Checkpoint"
	headerLast       = "Last-Checkpoint"
)

// seen remembers which checkpoints were compared, so that each costs once.
type seen struct {
	mu   sync.Mutex
	held map[ledger.Checkpoint]bool
	last ledger.Head // whose checkpoint line is
	line string
}

const mostSeen = 4096

// mostAlarms is how many alarms are kept of one sender: what it says it saw is
// its word, and it may say something new with every request.
const mostAlarms = 16

// announce puts the newest checkpoint of this process's log into the answer.
func (a *API) announce(w http.ResponseWriter) {
	head, ok := a.Receipts.Latest()
	if !ok {
		return
	}
	a.seen.mu.Lock()
	defer a.seen.mu.Unlock()
	if a.seen.line == "" || a.seen.last.Size != head.Size {
		cp, err := ledger.ParseCheckpoint(head.Checkpoint)
		if err != nil {
			return // an empty log has none
		}
		a.seen.last, a.seen.line = head, cp.Line()
	}
	w.Header().Set(headerCheckpoint, a.seen.line)
}

// remembered checks what a sender saw last. Faults: ledger.seen, ledger.fork.
func (a *API) remembered(r *http.Request, who Caller) error {
	text := r.Header.Get(headerLast)
	if text == "" {
		return nil
	}
	cp, err := ledger.ParseSeen(text)
	if err != nil {
		return err
	}
	a.seen.mu.Lock()
	known := a.seen.held[cp]
	a.seen.mu.Unlock()
	if known {
		return nil
	}
	held, head, err := a.holds(r.Context(), cp)
	if err != nil {
		return err
	}
	if !held {
		return a.forked(r.Context(), cp, head, who)
	}
	a.seen.mu.Lock()
	defer a.seen.mu.Unlock()
	if a.seen.held == nil || len(a.seen.held) >= mostSeen {
		a.seen.held = map[ledger.Checkpoint]bool{}
	}
	a.seen.held[cp] = true
	return nil
}

// holds reports whether a log of this hub holds the checkpoint. A log that was
// closed at a restore ends before what was seen of it: that is known and said
// (its last known checkpoint is a leaf of the log after it), and no fork.
func (a *API) holds(ctx context.Context, cp ledger.Checkpoint) (bool, store.Head, error) {
	number, ours := strings.CutPrefix(cp.Origin, a.cfg.Hub+"/log/")
	n, err := strconv.Atoi(number)
	if !ours || err != nil || strconv.Itoa(n) != number {
		return false, store.Head{}, nil
	}
	head, err := a.Slices.Ledger.Head(ctx, n)
	if errors.Is(err, store.ErrAbsent) {
		return false, store.Head{}, nil
	}
	if err != nil {
		return false, head, err
	}
	if cp.Size > head.Size {
		return head.Closed != nil, head, nil
	}
	root, err := a.Receipts.Reader(n).Root(ctx, cp.Size)
	return root == cp.Root, head, err
}

func (a *API) forked(ctx context.Context, cp ledger.Checkpoint, head store.Head, who Caller) error {
	a.Logger.Error("a sender remembers a checkpoint that this hub's log does not hold: was it restored from an old copy?",
		"seen", cp.Line(), "size", head.Size, "sender", who.Name)
	if a.Slices.Witness != nil {
		kept, err := a.Slices.Witness.Alarms(ctx, 1000)
		if err != nil {
			return err
		}
		n := 0
		for _, x := range kept {
			if x.Kind == store.AlarmSender && x.From == who.Name {
				n++
			}
		}
		if n >= mostAlarms {
			return witness.ErrFork
		}
		_, err = a.Slices.Witness.Alarm(ctx, store.LogAlarm{Origin: cp.Origin, Kind: store.AlarmSender, At: a.Clock.Now(), From: who.Name,
			Known: head.Checkpoint, Seen: []byte(cp.Line())})
		if err != nil {
			return err
		}
	}
	return witness.ErrFork
}
