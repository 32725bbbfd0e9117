package intake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/clock"
	"lienthong/internal/evidence"
	"lienthong/internal/finding"
	"lienthong/internal/store"
)

// replies makes the answers of what was decided, with their receipts, and hands
// each to its file: a fresh record gets the receipt just issued; the others are
// opened from their sealed head, so that a replay gets the first receipt byte
// for byte. What failed is deferred.
func (in *Intake) replies(ctx context.Context, lane store.Lane, items []*item) error {
	// A commit wakes a whole group at once: without its turn each would compete
	// with whoever reads meanwhile.
	if err := in.gate.enter(ctx, lane); err != nil {
		return ErrBusy.Because(err)
	}
	defer in.gate.leave(ctx)
	results := make([]*Result, len(items))
	ask := make([]evidence.Item, 0, len(items))
	at := make([]int, 0, len(items))
	for i, it := range items {
		if it.stored == nil {
			continue
		}
		head, err := it.head()
		if err != nil {
			return err
		}
		r := in.resultOf(it.t.file.Name, it.stored.Index, &it.stored.Record, head.Episode)
		if r.Replay = len(it.receipt.Receipt.Body) == 0; !r.Replay && it.judged != nil {
			r.Findings = finding.Of(it.t.rules, it.judged.told) // what was judged now is told with its hints
		}
		results[i] = &r
		if it.stored.Erased.IsZero() { // else the receipt went with its key; the result says when
			ask = append(ask, evidence.Item{Receipt: head.Receipt, Place: it.stored.Place})
			at = append(at, i)
		}
	}
	docs, err := in.Receipts.Documents(ctx, ask)
	if err != nil {
		return err
	}
	for k, i := range at {
		results[i].Receipt = docs[k]
	}
	for i, it := range items {
		a := Answer{Result: results[i]}
		if it.failed != nil {
			a = Answer{Deferred: it.t.deferred(it.t.file.Name, it.index, it.failed)}
		}
		it.t.answers = append(it.t.answers, a)
	}
	return nil
}

// head is the head of what was stored: at hand when it was just made.
func (it *item) head() (evidence.Head, error) {
	if len(it.receipt.Receipt.Body) > 0 {
		return it.receipt.Head, nil
	}
	return it.t.in.openHead(&it.stored.Record)
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

// meter says when who was deferred comes again, where nobody knows its slot.
type meter struct {
	door  *admission.Door
	clock clock.Clock
}

// wait returns 1..60 seconds: full jitter over the time given out already.
func (m meter) wait(time.Time) int {
	ahead := int(m.door.Depth(m.clock.Now()).Seconds())
	return 1 + rand.IntN(min(3+ahead, 60))
}
