package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/store"
)

func witnessCases() []testCase {
	return []testCase{
		{"a watched log moves on from where it is, and only from there", watchedLogs},
		{"of many that move a log on at once one does", advanceAtOnce},
		{"an alarm about a log is kept once", logAlarms},
		{"witnesses are kept, and how they do", peers},
		{"the newest cosigned checkpoint is given with every line", cosigned},
	}
}

func watchedLogs(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if logs, err := w.s.Witness.WatchedLogs(w.ctx()); err != nil || len(logs) != 0 {
		t.Errorf("before: %+v, %v", logs, err)
	}
	a := store.WatchedLog{Origin: "a.example/log/0", Key: "a.example/log/0+12345678+AAAA", Since: w.clock.Now()}
	b := store.WatchedLog{Origin: "b.example/log/0", Key: "b.example/log/0+12345678+AAAA", Since: w.clock.Now()}
	size := w.logSize()
	w.must(w.s.Witness.Watch(w.ctx(), b, w.act("witness.trust")))
	w.must(w.s.Witness.Watch(w.ctx(), a, w.act("witness.trust")))
	if n := w.logSize() - size; n != 2 {
		t.Errorf("%d leaves for two acts", n)
	}
	at := w.clock.Now()
	w.must(w.s.Witness.Advance(w.ctx(), a.Origin, a.Key, 0, 10, []byte("ten"), at))
	if err := w.s.Witness.Advance(w.ctx(), a.Origin, a.Key, 0, 11, []byte("eleven"), at); !errors.Is(err, store.ErrMoved) {
		t.Errorf("from a size it is not at: %v", err)
	}
	if err := w.s.Witness.Advance(w.ctx(), "c.example", a.Key, 0, 11, []byte("eleven"), at); !errors.Is(err, store.ErrMoved) {
		t.Errorf("a log nobody watches: %v", err)
	}
	w.must(w.s.Witness.Advance(w.ctx(), a.Origin, a.Key, 10, 10, []byte("ten again"), at))
	ended := a
	ended.Ended = w.clock.Now()
	w.must(w.s.Witness.Watch(w.ctx(), ended, w.act("witness.end")))
	w.reopen()
	logs, err := w.s.Witness.WatchedLogs(w.ctx())
	w.must(err)
	ended.Size, ended.Checkpoint, ended.At = 10, []byte("ten again"), at
	if diff := cmp.Diff([]store.WatchedLog{ended, b}, logs); diff != "" {
		t.Error(diff)
	}
	w.must(w.s.Witness.Watch(w.ctx(), a, w.act("witness.trust")))
	if logs, err = w.s.Witness.WatchedLogs(w.ctx()); err != nil || !logs[0].Ended.IsZero() || logs[0].Size != 10 {
		t.Errorf("in use again: %+v, %v", logs, err)
	}
	if err := w.s.Witness.Watch(w.ctx(), store.WatchedLog{Origin: "a\x00"}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a NUL: %v", err)
	}
}

func advanceAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	l := store.WatchedLog{Origin: "a.example/log/0", Key: "k", Since: w.clock.Now()}
	w.must(w.s.Witness.Watch(w.ctx(), l, w.act("witness.trust")))
	var moved, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			switch err := w.s.Witness.Advance(w.ctx(), l.Origin, l.Key, 0, uint64(i+1), []byte{byte(i)}, began); {
			case err == nil:
				moved.Add(1)
			case errors.Is(err, store.ErrMoved):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if moved.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d moved it on, %d were refused", moved.Load(), refused.Load())
	}
}

func logAlarms(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	a := store.LogAlarm{Origin: "a.example/log/0", Kind: store.AlarmFork, At: w.clock.Now(), From: "client:79901-1", Known: []byte("one"), Seen: []byte("two")}
	for i, want := range []bool{true, false} {
		if fresh, err := w.s.Witness.Alarm(w.ctx(), a); err != nil || fresh != want {
			t.Errorf("the %d. time: fresh %v, %v", i+1, fresh, err)
		}
	}
	b := a
	b.Kind, b.Known, b.At = store.AlarmSender, nil, a.At.Add(time.Minute)
	if fresh, err := w.s.Witness.Alarm(w.ctx(), b); err != nil || !fresh {
		t.Errorf("of another kind: %v, %v", fresh, err)
	}
	w.reopen()
	all, err := w.s.Witness.Alarms(w.ctx(), 10)
	w.must(err)
	if diff := cmp.Diff([]store.LogAlarm{b, a}, all); diff != "" {
		t.Error(diff)
	}
	if all, err = w.s.Witness.Alarms(w.ctx(), 1); err != nil || len(all) != 1 {
		t.Errorf("one: %+v, %v", all, err)
	}
}

func peers(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := store.Peer{Key: "w1+1+A", URL: "https://w1.example", Private: true, Since: w.clock.Now()}
	w.must(w.s.Witness.PutPeer(w.ctx(), p, w.act("witness.add")))
	w.must(w.s.Witness.PutPeer(w.ctx(), store.Peer{Key: "w0+1+A", URL: "https://w0.example", Since: w.clock.Now()}, w.act("witness.add")))
	p.Ended = w.clock.Now()
	w.must(w.s.Witness.PutPeer(w.ctx(), p, w.act("witness.end")))
	w.reopen()
	all, err := w.s.Witness.Peers(w.ctx())
	w.must(err)
	if len(all) != 2 || all[0].Key != "w0+1+A" || !cmp.Equal(all[1], p) {
		t.Errorf("%+v", all)
	}
	for range 2 {
		w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: p.Key, Log: 0, Code: "outbound.unreachable"}, ""))
	}
	at := w.clock.Now()
	want := store.PeerState{Key: p.Key, Failures: 2, Code: "outbound.unreachable"}
	if got, err := w.s.Witness.PeerStates(w.ctx()); err != nil || len(got) != 1 || !cmp.Equal(got[0], want) {
		t.Errorf("%+v, %v", got, err)
	}
	w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: p.Key, Size: 9, At: at}, "line 9"))
	w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: p.Key, Size: 8, At: at}, "line 8")) // came late
	want = store.PeerState{Key: p.Key, Size: 9, At: at}
	if got, err := w.s.Witness.PeerStates(w.ctx()); err != nil || len(got) != 1 || !cmp.Equal(got[0], want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func cosigned(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	if _, _, err := w.s.Witness.Cosigned(w.ctx(), 0); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("nobody cosigned: %v", err)
	}
	for _, key := range []string{"w1", "w2", "w3"} {
		w.must(w.s.Witness.PutPeer(w.ctx(), store.Peer{Key: key, URL: "https://x.example", Since: w.clock.Now()}, w.act("witness.add")))
	}
	size := w.logSize()
	w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: "w2", Size: size, At: w.clock.Now()}, "two"))
	w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: "w1", Size: size, At: w.clock.Now()}, "one"))
	w.must(w.s.Witness.Asked(w.ctx(), store.PeerState{Key: "w3", Size: size - 1, At: w.clock.Now()}, "three"))
	want, err := w.s.Ledger.Checkpoint(w.ctx(), 0, size)
	w.must(err)
	note, lines, err := w.s.Witness.Cosigned(w.ctx(), 0)
	w.must(err)
	if string(note) != want || !cmp.Equal(lines, []string{"one", "two"}) {
		t.Errorf("%s %q", note, lines)
	}
	for _, key := range []string{"w1", "w2"} {
		w.must(w.s.Witness.PutPeer(w.ctx(), store.Peer{Key: key, URL: "https://x.example", Since: w.clock.Now(), Ended: w.clock.Now()}, w.act("witness.end")))
	}
	if _, lines, err = w.s.Witness.Cosigned(w.ctx(), 0); err != nil || !cmp.Equal(lines, []string{"three"}) {
		t.Errorf("of those still in use: %q, %v", lines, err)
	}
}
