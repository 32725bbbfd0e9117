package storetest

import (
	"errors"
	"testing"

	"lienthong/internal/store"
)

// closedLog: a log that a restored store cannot prove is closed. Its holder
// appends nothing more, the next one to open takes another log, and what was
// in the first stays as it was; it goes on only while none was begun after it.
func closedLog(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	kept := w.send(say{episode: "before", content: "c"})
	head, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	if head.Closed != nil {
		t.Errorf("a log begins closed: %q", head.Closed)
	}
	if err := w.s.Ledger.CloseLog(w.ctx(), 77, "x"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a log nobody has: %v", err)
	}
	w.must(w.s.Ledger.CloseLog(w.ctx(), 0, string(head.Checkpoint)))
	if _, err := w.s.Ledger.Append(w.ctx(), [][]byte{leafOf("admin", "x")}); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("its holder: %v", err)
	}
	w.must(w.s.Ledger.ReopenLog(w.ctx(), 0))
	w.must(w.s.Ledger.CloseLog(w.ctx(), 0, string(head.Checkpoint)))
	w.reopen()
	after := w.commit(w.prepare(say{episode: "after", content: "c"}))
	if after[0].Status != store.StatusStored || after[0].Place.Log != 1 || after[0].Place.Index != 0 {
		t.Fatalf("the next one: %+v", after[0].Place)
	}
	old, err := w.s.Ledger.Head(w.ctx(), 0)
	w.must(err)
	if string(old.Closed) != string(head.Checkpoint) || old.Size != head.Size || string(old.Checkpoint) != string(head.Checkpoint) {
		t.Errorf("the closed log changed: %+v, was %+v", old, head)
	}
	if err := w.s.Ledger.ReopenLog(w.ctx(), 0); !errors.Is(err, store.ErrLogFollowed) {
		t.Errorf("reopened behind the next: %v", err)
	}
	if r := w.get(kept.ID); r.Place.Log != 0 {
		t.Errorf("a record moved to log %d", r.Place.Log)
	}
	w.reopen()
	if out := w.commit(w.prepare(say{episode: "again", content: "c"})); out[0].Place.Log != 1 || out[0].Place.Index != 1 {
		t.Errorf("opened once more: %+v", out[0].Place)
	}
}
