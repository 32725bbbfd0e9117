package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

func legCases() []testCase {
	return []testCase{
		{"legs lie with their record, in its commit", legsBegin},
		{"a claim takes the urgent lane first, then what was due first, and each leg once", legsClaimed},
		{"a claim that ran out is free again, and its holder has lost it", legsLapsed},
		{"versions of an episode arrive in order", legsInOrder},
		{"a leg put off for an older one goes when that one is done", legsWoken},
		{"legs of a file are claimed together", legsWhole},
		{"a file waits when one of its legs waits for another file", legsWholeInOrder},
		{"a claim is not held up by many legs that wait for older ones", legsBehindMany},
		{"settling keeps what came of an attempt, and what was known before", legsSettled},
		{"what a destination said is kept with its leg, the newest, and goes with the record", legsSaid},
		{"an operator moves legs from the states that allow it", legsMoved},
		{"legs of old records are begun once", legsBegunLater},
		{"what was opened first stays", legsOpened},
		{"legs are listed newest first, and a record's are not parted", legsListed},
		{"a list of legs stays within the scope", legsInScope},
		{"queues tell how destinations stand", legsQueued},
		{"every change of a leg is told once after a place", legsChanged},
		{"legs of an erased record are skipped and stay so", legsErased},
		{"after a restore every leg may have arrived, and changes are told anew", legsRestored},
		{"what no engine keeps of legs is refused", legsRefused},
		{"what made a file is kept", fileSoftware},
	}
}

const (
	insurer = "bhxh"
	healthy = "so-suc-khoe"
)

// legsTo are legs that begin waiting.
func legsTo(destinations ...string) []store.LegStart {
	var all []store.LegStart
	for _, d := range destinations {
		all = append(all, store.LegStart{Destination: d, State: exchange.Waiting})
	}
	return all
}

// sendLegs stores a dossier with legs.
func (w *world) sendLegs(x say, legs ...store.LegStart) store.Prepared {
	w.t.Helper()
	p := w.prepare(x)
	p.Legs = legs
	if out := w.commit(p); out[0].Status != store.StatusStored {
		w.t.Fatalf("%s/%s: status %d", x.episode, x.content, out[0].Status)
	}
	return p
}

// claim claims for a minute.
func (w *world) claim(destination, holder string, limit int) []store.Leg {
	w.t.Helper()
	return w.claimWith(store.LegClaim{Destination: destination, Holder: holder, Limit: limit})
}

func (w *world) claimWith(c store.LegClaim) []store.Leg {
	w.t.Helper()
	c.Now = w.clock.Now()
	c.Until = c.Now.Add(time.Minute)
	legs, err := w.s.Legs.Claim(w.ctx(), c)
	w.must(err)
	return legs
}

// settle settles legs as a state.
func (w *world) settleLegs(holder string, to exchange.State, legs ...store.Leg) []store.LegKey {
	w.t.Helper()
	now := w.clock.Now()
	var all []store.LegResult
	for _, l := range legs {
		r := store.LegResult{LegKey: l.LegKey, State: to, Due: now, Attempts: l.Attempts + 1}
		if to == exchange.Done {
			r.Sent, r.Received, r.Finalized = now, now, now
		}
		all = append(all, r)
	}
	lost, err := w.s.Legs.Settle(w.ctx(), holder, now, all)
	w.must(err)
	return lost
}

// leg is the only leg of a record to a destination.
func (w *world) leg(id dossier.ID, destination string) store.Leg {
	w.t.Helper()
	legs, err := w.s.Legs.Of(w.ctx(), id)
	w.must(err)
	i := slices.IndexFunc(legs, func(l store.Leg) bool { return l.Destination == destination })
	if i < 0 {
		w.t.Fatalf("no leg to %s among %d", destination, len(legs))
	}
	return legs[i]
}

func recordsOf(legs []store.Leg) []dossier.ID {
	ids := []dossier.ID{}
	for _, l := range legs {
		ids = append(ids, l.Record)
	}
	return ids
}

func (w *world) wantRecords(what string, got []store.Leg, want ...dossier.ID) {
	w.t.Helper()
	if diff := cmp.Diff(append([]dossier.ID{}, want...), recordsOf(got)); diff != "" {
		w.t.Errorf("%s: %s", what, diff)
	}
}

func legsBegin(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.prepare(say{episode: "a", content: "1"}) // urgent
	first.Legs = []store.LegStart{{Destination: insurer, State: exchange.Held, Code: "purpose.payment"}, {Destination: healthy, State: exchange.Waiting}}
	again := first // excludes the first: its legs must not begin
	again.ID, again.Leaf = w.newID(cityHospital), leafOf("receipt", "again")
	again.Legs = legsTo("other")
	if stored, replay, _ := w.statuses(w.commit(first, again)); stored != 1 || replay != 1 {
		t.Fatalf("%d stored, %d replays", stored, replay)
	}
	w.clock.Advance(time.Second)
	withdrawal := w.withdrawal(say{episode: "a", lane: store.Routine}, first.ID)
	withdrawal.Legs = legsTo(healthy)
	w.commit(withdrawal)
	w.reopen()
	legs, err := w.s.Legs.Of(w.ctx(), withdrawal.ID, first.ID, again.ID, first.ID)
	w.must(err)
	at, later := first.Received.UTC(), withdrawal.Received.UTC()
	want := []store.Leg{
		{LegKey: store.LegKey{Record: withdrawal.ID, Destination: healthy}, Kind: "qd4750", Episode: withdrawal.Episode, File: withdrawal.File.Hash, Lane: store.Routine,
			Withdraws: first.ID, State: exchange.Waiting, Due: later, Created: later, Changed: later},
		{LegKey: store.LegKey{Record: first.ID, Destination: insurer}, Kind: "qd4750", Episode: first.Episode, File: first.File.Hash, Lane: store.Urgent,
			State: exchange.Held, Code: "purpose.payment", Due: at, Created: at, Changed: at},
		{LegKey: store.LegKey{Record: first.ID, Destination: healthy}, Kind: "qd4750", Episode: first.Episode, File: first.File.Hash, Lane: store.Urgent,
			State: exchange.Waiting, Due: at, Created: at, Changed: at},
	}
	if diff := cmp.Diff(want, legs); diff != "" {
		t.Error(diff)
	}
	w.agree("with legs")
}

func legsClaimed(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	backlog := w.sendLegs(say{episode: "a", content: "1", lane: store.Backlog}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	second := w.sendLegs(say{episode: "b", content: "2", lane: store.Routine}, legsTo(insurer, healthy)...)
	w.clock.Advance(time.Second)
	third := w.sendLegs(say{episode: "c", content: "3", lane: store.Routine, facility: coastClinic}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	urgent := w.sendLegs(say{episode: "d", content: "4"}, legsTo(insurer)...)
	held := w.sendLegs(say{episode: "e", content: "5"}, store.LegStart{Destination: insurer, State: exchange.Held})
	got := w.claim(insurer, "h1", 2)
	w.wantRecords("the first two", got, urgent.ID, second.ID)
	if got[0].Lane != store.Urgent || got[0].Lapsed || got[0].State != exchange.Waiting {
		t.Errorf("claimed: %+v", got[0])
	}
	w.wantRecords("the rest", w.claim(insurer, "h2", 10), third.ID, backlog.ID)
	w.wantRecords("nothing more", w.claim(insurer, "h3", 10))
	w.wantRecords("the other destination", w.claim(healthy, "h1", 10), second.ID)
	w.wantRecords("none", w.claim("nobody", "h1", 10))
	// Tried again later: not before.
	now := w.clock.Now()
	if _, err := w.s.Legs.Settle(w.ctx(), "h1", now, []store.LegResult{{LegKey: got[0].LegKey, State: exchange.Waiting, Due: now.Add(10 * time.Second), Attempts: 1, Code: "outbound.unreachable"}}); err != nil {
		t.Fatal(err)
	}
	w.wantRecords("not due", w.claim(insurer, "h4", 10))
	w.clock.Advance(10 * time.Second)
	got = w.claim(insurer, "h4", 10)
	w.wantRecords("due", got, urgent.ID)
	if got[0].Attempts != 1 || got[0].Code != "outbound.unreachable" || got[0].Lapsed {
		t.Errorf("tried again: %+v", got[0])
	}
	if l := w.leg(held.ID, insurer); l.State != exchange.Held {
		t.Errorf("held: %+v", l)
	}
}

func legsLapsed(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer)...)
	first := w.claim(insurer, "h1", 10)
	w.clock.Advance(59 * time.Second)
	w.wantRecords("within the lease", w.claim(insurer, "h2", 10))
	w.clock.Advance(time.Second)
	second := w.claim(insurer, "h2", 10)
	w.wantRecords("after it", second, p.ID)
	if !second[0].Lapsed || first[0].Lapsed {
		t.Error("nothing says that the first claim ran out")
	}
	if lost := w.settleLegs("h1", exchange.Parked, first...); len(lost) != 1 || lost[0] != first[0].LegKey {
		t.Errorf("the first holder lost %v", lost)
	}
	if l := w.leg(p.ID, insurer); l.State != exchange.Waiting || l.Attempts != 0 {
		t.Errorf("the loser wrote %+v", l)
	}
	w.clock.Advance(2 * time.Minute) // ran out too, but nobody claimed it since
	if lost := w.settleLegs("h2", exchange.Done, second...); len(lost) != 0 {
		t.Errorf("the second holder lost %v", lost)
	}
	if lost := w.settleLegs("h2", exchange.Done, second...); len(lost) != 1 {
		t.Errorf("settled twice: lost %v", lost)
	}
	unknown := store.Leg{LegKey: store.LegKey{Record: w.newID(cityHospital), Destination: insurer}}
	if lost := w.settleLegs("h2", exchange.Done, unknown); len(lost) != 1 {
		t.Errorf("a leg nobody knows: lost %v", lost)
	}
}

func legsInOrder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.sendLegs(say{episode: "a", content: "1", order: "d1", lane: store.Routine}, legsTo(insurer, healthy)...)
	w.clock.Advance(time.Second)
	second := w.sendLegs(say{episode: "a", content: "2", order: "d2"}, legsTo(insurer, healthy)...)
	w.clock.Advance(time.Second)
	withdrawal := w.withdrawal(say{episode: "a"}, second.ID)
	withdrawal.Legs = legsTo(insurer)
	w.commit(withdrawal)
	other := w.sendLegs(say{episode: "a", content: "1", kind: "qd130", lane: store.Routine}, legsTo(insurer)...)
	elsewhere := w.sendLegs(say{episode: "a", content: "1", facility: coastClinic, lane: store.Routine}, legsTo(insurer)...)
	got := w.claim(insurer, "h1", 10)
	w.wantRecords("the oldest, though another is urgent, and what is of other kinds and facilities", got, first.ID, other.ID, elsewhere.ID)
	for _, l := range got { // due again one after the other
		if lost := w.settleLegs("h1", exchange.Waiting, l); len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
		w.clock.Advance(time.Second)
	}
	w.clock.Advance(time.Minute)
	got = w.claim(insurer, "h2", 1)
	w.wantRecords("still the oldest", got, first.ID)
	w.settleLegs("h2", exchange.Done, got...)
	got = w.claim(insurer, "h3", 1)
	w.wantRecords("then the urgent one", got, second.ID)
	w.settleLegs("h3", exchange.Parked, got...) // somebody must look; what follows goes on
	w.clock.Advance(time.Minute)
	got = w.claim(insurer, "h4", 10)
	if ids := recordsOf(got); len(ids) != 3 || !slices.Contains(ids, withdrawal.ID) || !slices.Contains(ids, other.ID) || !slices.Contains(ids, elsewhere.ID) {
		t.Errorf("then the withdrawal: %v", ids)
	}
	w.wantRecords("the other destination goes its own way", w.claim(healthy, "h1", 10), first.ID)
}

func legsWoken(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.sendLegs(say{episode: "a", content: "1", order: "d1"}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	second := w.sendLegs(say{episode: "a", content: "2", order: "d2"}, legsTo(insurer)...)
	got := w.claim(insurer, "h1", 10)
	w.wantRecords("the older one", got, first.ID) // the newer is put off until that lease ends
	w.settleLegs("h1", exchange.Done, got...)
	got = w.claim(insurer, "h2", 10)
	w.wantRecords("at once after it", got, second.ID)
	w.settleLegs("h2", exchange.Done, got...)
	// One given up by hand lets the next go too.
	third := w.sendLegs(say{episode: "b", content: "1", order: "d1"}, legsTo(insurer)...)
	now := w.clock.Now()
	w.claim(insurer, "h3", 10)
	_, err := w.s.Legs.Settle(w.ctx(), "h3", now, []store.LegResult{{LegKey: store.LegKey{Record: third.ID, Destination: insurer}, State: exchange.Waiting, Due: now.Add(time.Hour), Attempts: 1}})
	w.must(err)
	w.clock.Advance(time.Second)
	fourth := w.sendLegs(say{episode: "b", content: "2", order: "d2"}, legsTo(insurer)...)
	w.wantRecords("behind one tried again in an hour", w.claim(insurer, "h4", 10))
	moved, err := w.s.Legs.Move(w.ctx(), everything, store.LegFilter{Records: []dossier.ID{third.ID}}, store.LegMove{To: exchange.Skipped, Code: "operator.skip", At: w.clock.Now()}, 10)
	w.must(err)
	if len(moved) != 1 {
		t.Fatalf("moved %v", moved)
	}
	w.wantRecords("that one given up", w.claim(insurer, "h5", 10), fourth.ID)
}

func legsWhole(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var file []dossier.ID
	for i, e := range []string{"a", "b", "c"} {
		file = append(file, w.sendLegs(say{episode: e, content: "1", file: "shared", index: i}, legsTo(insurer, healthy)...).ID)
		w.clock.Advance(time.Second)
	}
	held := w.sendLegs(say{episode: "d", content: "1", file: "shared", index: 3}, store.LegStart{Destination: insurer, State: exchange.Held})
	w.clock.Advance(time.Second)
	alone := w.sendLegs(say{episode: "e", content: "1"}, legsTo(insurer)...)
	whole := store.LegClaim{Destination: insurer, Holder: "h1", Limit: 1, Whole: true}
	got := w.claimWith(whole)
	w.wantRecords("one and its siblings", got, file...)
	now := w.clock.Now()
	_, err := w.s.Legs.Settle(w.ctx(), "h1", now, []store.LegResult{
		{LegKey: got[0].LegKey, State: exchange.Waiting, Due: now.Add(time.Hour), Attempts: 1},
		{LegKey: got[1].LegKey, State: exchange.Waiting, Due: now, Attempts: 1},
		{LegKey: got[2].LegKey, State: exchange.Done, Attempts: 1},
	})
	w.must(err)
	whole.Holder, whole.Limit = "h2", 10
	got = w.claimWith(whole)
	slices.SortFunc(got, func(a, b store.Leg) int { return a.Created.Compare(b.Created) })
	w.wantRecords("a sibling that is not due too, what is done not", got, file[0], file[1], alone.ID)
	w.wantRecords("nothing is left", w.claim(insurer, "h3", 10))
	if l := w.leg(held.ID, insurer); l.State != exchange.Held {
		t.Errorf("held: %+v", l)
	}
	w.wantRecords("each by itself", w.claim(healthy, "h1", 2), file[:2]...)
}

func legsWholeInOrder(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	older := w.sendLegs(say{episode: "a", content: "1", order: "d1", lane: store.Backlog}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	newer := w.sendLegs(say{episode: "a", content: "2", order: "d2", file: "both", index: 0}, legsTo(insurer)...)
	beside := w.sendLegs(say{episode: "b", content: "1", file: "both", index: 1}, legsTo(insurer)...)
	c := store.LegClaim{Destination: insurer, Holder: "h1", Limit: 10, Whole: true}
	got := w.claimWith(c)
	w.wantRecords("the file with the newer version waits as a whole", got, older.ID)
	w.settleLegs("h1", exchange.Done, got...)
	c.Holder = "h2"
	got = w.claimWith(c)
	slices.SortFunc(got, func(a, b store.Leg) int {
		return map[dossier.ID]int{newer.ID: 0, beside.ID: 1}[a.Record] - map[dossier.ID]int{newer.ID: 0, beside.ID: 1}[b.Record]
	})
	w.wantRecords("then it goes", got, newer.ID, beside.ID)
	// Versions of one file wait for nothing but others: they go in one parcel.
	w.settleLegs("h2", exchange.Done, got...)
	w.clock.Advance(time.Second)
	one := w.sendLegs(say{episode: "c", content: "1", order: "d1", file: "two versions", index: 0}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	two := w.sendLegs(say{episode: "c", content: "2", order: "d2", file: "two versions", index: 1}, legsTo(insurer)...)
	c.Holder = "h3"
	w.wantRecords("both versions of one file", w.claimWith(c), one.ID, two.ID)
}

func legsBehindMany(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.sendLegs(say{episode: "a", content: "0", order: "d000"}, legsTo(insurer)...)
	now := w.clock.Now()
	w.claim(insurer, "h1", 10)
	_, err := w.s.Legs.Settle(w.ctx(), "h1", now, []store.LegResult{{LegKey: store.LegKey{Record: first.ID, Destination: insurer}, State: exchange.Waiting, Due: now.Add(time.Hour), Attempts: 1}})
	w.must(err)
	for i := range 40 {
		w.clock.Advance(time.Second)
		w.sendLegs(say{episode: "a", content: string(rune('A' + i)), order: "d" + string(rune('A'+i))}, legsTo(insurer)...)
	}
	free := w.sendLegs(say{episode: "z", content: "1"}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	var got []store.Leg
	for range 10 { // a claim looks only so far; the next goes on where it stood
		if got = append(got, w.claim(insurer, "h2", 1)...); len(got) > 0 {
			break
		}
	}
	w.wantRecords("the one that waits for nobody", got, free.ID)
}

func legsSettled(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer)...)
	key := store.LegKey{Record: p.ID, Destination: insurer}
	settle := func(holder string, r store.LegResult) {
		t.Helper()
		w.clock.Advance(time.Minute)
		w.claim(insurer, holder, 1)
		r.LegKey = key
		lost, err := w.s.Legs.Settle(w.ctx(), holder, w.clock.Now(), []store.LegResult{r})
		w.must(err)
		if len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
	}
	settle("h1", store.LegResult{State: exchange.Waiting, Due: w.clock.Now(), Attempts: 1, Code: "outbound.answer", Sent: began})
	settle("h2", store.LegResult{State: exchange.Waiting, Due: w.clock.Now(), Attempts: 2, Reference: "số 12", Sent: began.Add(time.Hour), Received: began.Add(time.Minute)})
	settle("h3", store.LegResult{State: exchange.Done, Attempts: 3, Code: "insurer.0", Received: began.Add(time.Hour), Finalized: began.Add(2 * time.Minute)})
	l := w.leg(p.ID, insurer)
	want := store.Leg{LegKey: key, Kind: l.Kind, Episode: p.Episode, File: p.File.Hash, State: exchange.Done, Due: l.Due, Attempts: 3, Code: "insurer.0",
		Reference: "số 12", Created: began, Sent: began, Received: began.Add(time.Minute), Finalized: began.Add(2 * time.Minute), Changed: w.clock.Now().UTC()}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	w.clock.Advance(time.Hour)
	w.wantRecords("done", w.claim(insurer, "h4", 10))
	// Hundreds in one commit, one of them twice.
	var results []store.LegResult
	var group []store.Prepared
	for i := range 300 {
		p := w.prepare(say{episode: string(rune(0x4e00 + i)), content: "1"})
		p.Legs = legsTo(healthy)
		group = append(group, p)
	}
	w.commit(group...)
	for _, l := range w.claim(healthy, "many", 300) {
		results = append(results, store.LegResult{LegKey: l.LegKey, State: exchange.Done, Attempts: 1})
	}
	results = append(results, results[0])
	lost, err := w.s.Legs.Settle(w.ctx(), "many", w.clock.Now(), results)
	w.must(err)
	if len(results) != 301 || len(lost) != 1 || lost[0] != results[0].LegKey {
		t.Errorf("of %d results lost %v", len(results), lost)
	}
	if n, err := w.s.Legs.Count(w.ctx(), everything, store.LegFilter{Destination: healthy, State: exchange.Done}); err != nil || n != 300 {
		t.Errorf("%d done, %v", n, err)
	}
}

func legsSaid(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer, healthy)...)
	other := w.sendLegs(say{episode: "b", content: "2"}, legsTo(insurer)...)
	says := func(destination, holder, text string) {
		t.Helper()
		w.clock.Advance(time.Minute)
		var results []store.LegResult
		for _, l := range w.claim(destination, holder, 10) {
			results = append(results, store.LegResult{LegKey: l.LegKey, State: exchange.Waiting, Due: w.clock.Now(), Attempts: 1,
				Receipt: &store.LegReceipt{Destination: "not looked at", At: w.clock.Now(), Wrapped: []byte("key of " + text + "................................................"), Sealed: []byte(text)}})
		}
		lost, err := w.s.Legs.Settle(w.ctx(), holder, w.clock.Now(), results)
		if w.must(err); len(lost) > 0 {
			t.Errorf("lost %v", lost)
		}
		stranger := results
		for i := range stranger { // who has lost a leg has nothing kept
			stranger[i].Receipt = &store.LegReceipt{At: w.clock.Now(), Wrapped: []byte("x"), Sealed: []byte("a stranger's")}
		}
		_, err = w.s.Legs.Settle(w.ctx(), "stranger", w.clock.Now(), stranger)
		w.must(err)
	}
	says(insurer, "h1", "first")
	says(insurer, "h2", "second")
	at := w.clock.Now().UTC()
	says(healthy, "h3", "book")
	w.clock.Advance(time.Minute)
	var quiet []store.LegResult
	for _, l := range w.claim(insurer, "h4", 10) {
		quiet = append(quiet, store.LegResult{LegKey: l.LegKey, State: exchange.Done, Attempts: 2})
	}
	_, err := w.s.Legs.Settle(w.ctx(), "h4", w.clock.Now(), quiet)
	w.must(err)
	w.reopen()
	said := func(id dossier.ID) []store.LegReceipt {
		t.Helper()
		all, err := w.s.Legs.Receipts(w.ctx(), id)
		w.must(err)
		return all
	}
	got := said(p.ID)
	if len(got) != 2 || got[0].Destination != insurer || string(got[0].Sealed) != "second" || !got[0].At.Equal(at) || got[1].Destination != healthy || string(got[1].Sealed) != "book" {
		t.Errorf("%+v", got)
	}
	w.clock.Advance(time.Minute)
	w.erase(p.ID)
	if got := said(p.ID); len(got) != 0 {
		t.Errorf("of an erased record: %+v", got)
	}
	if got := said(other.ID); len(got) != 1 {
		t.Errorf("of another: %+v", got)
	}
	if got := said(w.newID(cityHospital)); len(got) != 0 {
		t.Errorf("of none: %+v", got)
	}
}
