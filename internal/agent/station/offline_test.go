package station_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/store"
)

// versionOf gives the nth version of a dossier's file under another date, so
// that it is another file of the same episode. Its seal no longer holds: the
// fake hub does not look.
func versionOf(raw []byte, n int) []byte {
	return bytes.Replace(raw, []byte("</GIAMDINHHS>"), fmt.Appendf(nil, "<!-- %d --></GIAMDINHHS>", n), 1)
}

// For three days the line is down while the hospital works on; then everything
// arrives once, in order within each episode and lane, the urgent lane first.
func TestThreeDaysWithoutALine(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func() {
		w.hub.odd = func(_ int, rw http.ResponseWriter, _ *http.Request) bool {
			problem(rw, http.StatusBadGateway, "x")
			return true
		}
	})
	list := some(t, 40)
	type sent struct {
		lane    store.Lane
		version []byte
	}
	var all []sent
	took := 0
	for hour := range 72 {
		for range 2 {
			d := list[took%len(list)]
			v := versionOf(d.XML, took)
			lane := []store.Lane{store.Routine, store.Backlog, store.Routine, store.Urgent}[took%4]
			w.take(fmt.Sprintf("%d.xml", took), lane, v)
			all = append(all, sent{lane, v})
			took++
		}
		w.look()
		d, err := w.station.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d > time.Minute {
			t.Fatalf("hour %d: the next try is %v away", hour, d)
		}
		w.clock.Advance(time.Hour)
	}
	notices, err := w.station.Notices(t.Context())
	if err != nil || !slices.ContainsFunc(notices, func(n station.Notice) bool {
		return n.Code == station.ErrOffline.Code && n.Count == took && w.clock.Now().Sub(n.Since) > 71*time.Hour
	}) {
		t.Errorf("%+v, %v", notices, err)
	}
	before := w.hub.requests
	if before < 70 {
		t.Errorf("only %d tries in three days", before)
	}
	w.hub.set(func() { w.hub.odd = nil })
	w.steps(60)
	n, order := w.hub.counted()
	if n != took || w.left() != 0 {
		t.Fatalf("the hub has %d of %d, %d are left", n, took, w.left())
	}
	// Urgent first, and each episode's files in the order in which they were taken.
	last, place := "", map[string]int{}
	rank := map[string]int{"urgent": 0, "routine": 1, "backlog": 2}
	of := map[string]int{}
	for i, s := range all {
		of[shaOf(s.version)] = i
	}
	for _, a := range order {
		if last != "" && rank[a.lane] < rank[last] {
			t.Fatalf("a file of lane %s came after one of %s", a.lane, last)
		}
		last = a.lane
		key := a.lane + a.episode
		if at, ok := of[a.sha]; !ok || at < place[key] {
			t.Fatalf("episode %s: file %d came after %d", a.episode, at, place[key])
		} else {
			place[key] = at
		}
	}
	day, err := w.spool.Day(t.Context(), 20261125)
	if err != nil || day[spool.WasAccepted] != took {
		t.Errorf("%v, %v", day, err)
	}
	w.whole()
}

// An urgent file waits for the batch on the way, not for those behind it.
func TestTheUrgentLaneOvertakesBetweenBatches(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 40)
	for _, s := range list[:39] {
		w.take(s.FileName, store.Backlog, s.XML)
	}
	w.look()
	if _, err := w.station.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, _ := w.hub.counted()
	w.take("slip.xml", store.Urgent, list[39].XML)
	w.look()
	w.steps(20)
	_, order := w.hub.counted()
	if n >= 39 || order[n].lane != "urgent" || len(order) != 40 {
		t.Errorf("after %d of the backlog came %+v", n, order[n])
	}
}

// What the hub defers waits as long as it says, with what follows it of the same
// episode, and nothing else waits.
func TestADeferredFileHoldsOnlyItsEpisode(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 2)
	busy := true
	w.hub.set(func() {
		w.hub.odd = func(n int, rw http.ResponseWriter, r *http.Request) bool {
			if !busy || n > 0 {
				return false
			}
			rw.Header().Set("Content-Type", "application/x-ndjson")
			name := string(spool.RefOf(spool.KeyOf(spool.Payload{File: spool.Part{Bytes: versionOf(list[0].XML, 1)}}))) + ".xml"
			other := string(spool.RefOf(spool.KeyOf(spool.Payload{File: spool.Part{Bytes: list[1].XML}}))) + ".xml"
			fmt.Fprintf(rw, `{"file":%q,"index":0,"deferred":true,"code":"hub.busy","retry_after":300}`+"\n", name)
			fmt.Fprintln(rw, w.hub.decide("routine", other, list[1].XML))
			fmt.Fprintln(rw, `{"end":true,"results":2}`)
			return true
		}
	})
	first := w.take("1.xml", store.Routine, versionOf(list[0].XML, 1))
	second := w.take("2.xml", store.Routine, versionOf(list[0].XML, 2))
	other := w.take("3.xml", store.Routine, list[1].XML)
	w.look()
	if _, err := w.station.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := func(ref spool.Ref) spool.State {
		i, err := w.spool.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return i.State
	}
	if state(first) != spool.Ready || state(second) != spool.Ready || state(other) != spool.Accepted {
		t.Errorf("%v %v %v", state(first), state(second), state(other))
	}
	d, err := w.station.Step(t.Context())
	if err != nil || d <= 0 || d > 5*time.Minute || w.hub.requests != 1 {
		t.Errorf("the next step is %v away, %v", d, err)
	}
	w.steps(30)
	if state(first) != spool.Accepted || state(second) != spool.Accepted {
		t.Errorf("%v %v", state(first), state(second))
	}
}
