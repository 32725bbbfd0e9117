package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/registry"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func entryChanges(t *testing.T, h *Harness) {
	const writers, each = 3, 20
	w := newWorld(t, h)
	hubs := []*store.Slices{w.s}
	for n := 1; n < min(writers, h.Hubs); n++ {
		hubs = append(hubs, w.open(n))
	}
	var wg sync.WaitGroup
	failed := make(chan error, writers*each)
	for n := range writers {
		wg.Go(func() {
			for i := range each {
				if err := hubs[n%len(hubs)].House.Entries.Put(w.ctx(), vaccination, house.Batch{Rows: []house.Row{w.row(1000*(n+1)+i, 1, 'a')}}, ""); err != nil {
					failed <- err
				}
			}
		})
	}
	seen, place := map[registry.EntryID]bool{}, int64(0)
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for over := false; ; {
		got, err := w.s.House.Entries.Changes(w.ctx(), vaccination, place, 7)
		w.must(err)
		for _, r := range got {
			if seen[r.ID] || r.Seq <= place {
				t.Fatalf("change %d given twice or out of order after %d", r.Seq, place)
			}
			seen[r.ID], place = true, r.Seq
		}
		if len(got) == 0 && over {
			break
		}
		if len(got) == 0 {
			select {
			case <-done:
				over = true
			default:
			}
		}
	}
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if len(seen) != writers*each || place != writers*each {
		t.Errorf("%d entries seen up to %d, want %d", len(seen), place, writers*each)
	}
	w.putEntries(house.Batch{Rows: []house.Row{w.row(1000, 2, 'b')}})
	got, err := w.s.House.Entries.Changes(w.ctx(), vaccination, place, 7)
	w.must(err)
	if len(got) != 1 || got[0].Version != 2 {
		t.Errorf("%+v", got)
	}
}

func flowOrder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	f := w.s.House.Flow
	if _, _, err := f.After(w.ctx(), "x", 10); !errors.Is(err, store.ErrFeedPlace) {
		t.Errorf("no place: %v", err)
	}
	var want []registry.RecordID
	for i := range 4 {
		w.clock.Advance(time.Second)
		want = append(want, registry.RecordID(w.send(say{episode: fmt.Sprint(i), content: "a"}).ID))
		w.clock.Advance(time.Second)
		want = append(want, registry.RecordID(w.send(say{facility: hillStation, episode: fmt.Sprint(i), content: "a"}).ID))
	}
	second := w.send(say{episode: "0", content: "b"})
	p := w.withdrawal(say{episode: "2"}, dossier.ID(want[4]))
	w.commit(p)
	want = append(want, registry.RecordID(second.ID), registry.RecordID(p.ID))
	var got []house.Moved
	place := ""
	for {
		page, next, err := f.After(w.ctx(), place, 3)
		w.must(err)
		if len(page) == 0 {
			if next != place {
				t.Errorf("no news, and the place moved from %q to %q", place, next)
			}
			break
		}
		got, place = append(got, page...), next
	}
	var ids []registry.RecordID
	for _, m := range got {
		ids = append(ids, m.Record)
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Fatal(diff)
	}
	if got[0].State != string(dossier.Superseded) || got[0].Current || got[1].State != string(dossier.Accepted) || !got[1].Current || got[4].State != string(dossier.Withdrawn) {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]registry.RecordID{want[0]}, got[8].Changed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]registry.RecordID{want[4]}, got[9].Changed); diff != "" || got[9].Withdraws != want[4] {
		t.Error(diff, got[9])
	}
}

func turns(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	e, now := w.s.House.Entries, w.clock.Now()
	take := func(holder string, at time.Time) bool {
		t.Helper()
		is, err := e.Turn(w.ctx(), "project", holder, at, at.Add(time.Minute))
		w.must(err)
		return is
	}
	for i, c := range []struct {
		holder string
		at     time.Duration
		want   bool
	}{{"a", 0, true}, {"b", 0, false}, {"a", 30 * time.Second, true}, {"b", time.Minute, false}, {"b", 91 * time.Second, true}, {"a", 92 * time.Second, false}} {
		if got := take(c.holder, now.Add(c.at)); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
