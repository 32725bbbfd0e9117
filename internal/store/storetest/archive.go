package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/store"
)

func archiveCases() []testCase {
	return []testCase{
		{"what is archived reads as before, beside what is not", archivedReads},
		{"what is archived is erased as before", archivedErased},
		{"nothing is moved twice, nor what is not old", archivedOnce},
	}
}

// nextMonth is the first moment of the month after the tests began.
var nextMonth = time.Date(2026, 8, 1, 0, 0, 0, 0, clock.Hanoi)

// sendOld stores records of two months, of sizes that share and cross whatever
// an engine lays bodies in, and returns them.
func (w *world) sendOld() (old, later []store.Prepared) {
	w.t.Helper()
	some := func(name string) (out []store.Prepared) {
		var group []store.Prepared
		for i, size := range []int{1, 2500, 16_857, 16_858, 40_000, 3, 150_000, 700} {
			body := bytes.Repeat([]byte{byte('a' + i)}, size)
			body[0], body[size-1] = '<', '>'
			group = append(group, w.prepare(say{episode: fmt.Sprint(name, i), content: fmt.Sprint(name, i), body: body}))
		}
		w.commit(group[:3]...)
		w.commit(group[3:]...)
		return group
	}
	old = some("old")
	w.clock.Advance(nextMonth.Sub(w.clock.Now()) + time.Hour)
	return old, some("later")
}

// archive moves all there is to move, a few at a time.
func (w *world) archive(limit int) (moved int) {
	w.t.Helper()
	for range 1000 {
		n, err := w.s.Retention.Archive(w.ctx(), nextMonth, limit)
		w.must(err)
		if n == 0 {
			return moved
		}
		moved += n
	}
	w.t.Fatal("archiving does not end")
	return 0
}

// whole holds bodies and skeletons against what was sent, record by record and
// along a walk.
func (w *world) whole(what string, all []store.Prepared) {
	w.t.Helper()
	bodies := map[string][]byte{}
	for i := range all {
		p := &all[i]
		bodies[p.ID.String()] = p.Body
		body, err := w.s.Records.Body(w.ctx(), p.ID)
		w.must(err)
		if !bytes.Equal(body, p.Body) {
			w.t.Errorf("%s: a body of %d bytes came back as %d", what, len(p.Body), len(body))
		}
		f, _, err := w.s.Records.File(w.ctx(), p.ID.Facility, p.File.Hash)
		w.must(err)
		if !bytes.Equal(f.Skeleton, p.File.Skeleton) {
			w.t.Errorf("%s: a skeleton came back as %q", what, f.Skeleton)
		}
	}
	n := 0
	w.must(w.s.Records.Walk(w.ctx(), 0, 0, func(r *store.Record, body []byte) error {
		if want, ok := bodies[r.ID.String()]; ok {
			if n++; !bytes.Equal(body, want) {
				w.t.Errorf("%s: walked, a body of %d bytes came as %d", what, len(want), len(body))
			}
		}
		return nil
	}))
	if n != len(all) {
		w.t.Errorf("%s: %d of %d records were walked", what, n, len(all))
	}
	strays, err := w.s.Audit.Strays(w.ctx(), 20)
	w.must(err)
	for _, s := range strays {
		w.t.Errorf("%s: stray %+v", what, s)
	}
}

func archivedReads(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	old, later := w.sendOld()
	all := append(old, later...)
	w.whole("before", all)
	if n, err := w.s.Retention.Archive(w.ctx(), nextMonth, 3); err != nil || n != 3 {
		t.Errorf("moved %d, %v", n, err)
	}
	w.whole("some moved", all)
	if n := w.archive(3); n == 0 {
		t.Error("nothing more was moved")
	}
	w.whole("moved", all)
	w.reopen()
	w.whole("opened again", all)
	w.clock.Advance(time.Second)
	all = append(all, w.send(say{episode: "new", content: "new", body: bytes.Repeat([]byte("n"), 40_000)}))
	w.whole("with a new one", all)
}

func archivedErased(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	old, later := w.sendOld()
	w.erase(old[0].ID)
	w.archive(4)
	w.erase(old[1].ID, old[6].ID, later[2].ID)
	for _, p := range []store.Prepared{old[0], old[1], old[6], later[2]} {
		if _, err := w.s.Records.Body(w.ctx(), p.ID); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("the body of an erased record: %v", err)
		}
		if f, _, err := w.s.Records.File(w.ctx(), p.ID.Facility, p.File.Hash); err != nil || f.Skeleton != nil || f.Wrapped != nil {
			t.Errorf("the skeleton of an erased file: %v, %v", f, err)
		}
	}
	left := []store.Prepared{old[2], old[3], old[4], old[5], old[7], later[0], later[1], later[3], later[7]}
	w.whole("some erased", left)
	w.agree("some erased")
	w.erase(old[2].ID, old[3].ID, old[4].ID, old[5].ID, old[7].ID)
	w.whole("all old ones erased", left[5:])
	if n := w.archive(100); n != 0 {
		t.Errorf("%d moved of nothing", n)
	}
	w.reopen()
	w.whole("opened again", left[5:])
}

func archivedOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if n := w.archive(10); n != 0 {
		t.Errorf("%d moved of an empty store", n)
	}
	old, later := w.sendOld()
	if n, err := w.s.Retention.Archive(w.ctx(), began.AddDate(0, -1, 0), 100); n != 0 || err != nil {
		t.Errorf("moved %d of what is not old, %v", n, err)
	}
	w.archive(100)
	if n := w.archive(100); n != 0 {
		t.Errorf("%d moved twice", n)
	}
	w.whole("once", append(old, later...))
	n, err := w.s.Retention.Archive(w.ctx(), nextMonth.AddDate(0, 1, 0), 1000)
	if err != nil || n == 0 {
		t.Errorf("of the next month %d moved, %v", n, err)
	}
	w.whole("all moved", append(old, later...))
	w.clock.Advance(time.Second)
	p := w.send(say{episode: "new", content: "new"})
	w.whole("after all were moved", []store.Prepared{old[0], later[7], p})
}
