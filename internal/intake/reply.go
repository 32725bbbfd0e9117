package intake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/store"
)

// replies makes the answers of stored dossiers with their receipts; nil entries
// stay empty. fresh has the receipts of those stored just now; the others are
// opened from their sealed head: a replay gets the first receipt byte for byte.
func (t *task) replies(ctx context.Context, stored []*store.Stored, fresh []receipt) ([]Answer, error) {
	// A commit wakes a whole group at once: without its turn each would compete
	// with whoever reads meanwhile.
	if err := t.in.gate.enter(ctx, t.file.Lane); err != nil {
		return nil, ErrBusy.Because(err)
	}
	defer t.in.gate.leave()
	answers := make([]Answer, len(stored))
	items := make([]evidence.Item, 0, len(stored))
	at := make([]int, 0, len(stored))
	for i, s := range stored {
		if s == nil {
			continue
		}
		replay := true
		var head evidence.Head
		if fresh != nil && len(fresh[i].Receipt.Body) > 0 {
			head, replay = fresh[i].Head, false
		} else {
			h, err := t.in.openHead(&s.Record)
			if err != nil {
				return nil, err
			}
			head = h
		}
		r := t.in.resultOf(t.file.Name, s.Index, &s.Record, head.Episode)
		r.Replay = replay
		answers[i].Result = &r
		if !s.Erased.IsZero() {
			continue // the receipt went with its key; the result says when
		}
		items = append(items, evidence.Item{Receipt: head.Receipt, Place: s.Place})
		at = append(at, i)
	}
	docs, err := t.in.Receipts.Documents(ctx, items)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		answers[i].Result.Receipt = docs[k]
	}
	return answers, nil
}

// openHead opens a record's own head for the answer to its own sender: no
// clinical content is in it (archtest allows intake this one opening).
func (in *Intake) openHead(r *store.Record) (evidence.Head, error) {
	if !r.Erased.IsZero() {
		return evidence.Head{}, nil
	}
	plain, err := in.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartHead, r.Head)
	if err != nil {
		return evidence.Head{}, fmt.Errorf("intake: opening the head of %s: %w", r.ID, err)
	}
	return evidence.ParseHead(plain)
}

func (in *Intake) phrases() Phrases { return PhrasesOf(in.Rules) }

// PhrasesOf gives the sentences of a pack's codes.
func PhrasesOf(p *quality.Pack) Phrases { return phrases{p} }

type phrases struct{ *quality.Pack }

// Phrase returns the sentence and hint of a code of the pack.
func (p phrases) Phrase(code string) (text, hint fault.Text) {
	r, _ := p.Rule(code)
	return r.Text, r.Hint
}

// meter counts deferrals of the last moments, so that a busy hub spreads who
// comes back.
type meter struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

func (m *meter) refused() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.since) > 10*time.Second {
		m.since, m.n = now, 0
	}
	m.n++
}

// wait returns 1..60 seconds: full jitter over a range that grows with load.
func (m *meter) wait(now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.since) > 10*time.Second {
		return 1 + rand.IntN(3)
	}
	return 1 + rand.IntN(min(3+m.n/10, 60))
}
