package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func legsMoved(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	states := map[exchange.State]dossier.ID{}
	for i, s := range []exchange.State{exchange.Done, exchange.Parked, exchange.Skipped} {
		p := w.sendLegs(say{episode: string(s), content: "1"}, legsTo(insurer)...)
		holder := fmt.Sprint("h", i)
		if lost := w.settleLegs(holder, s, w.claim(insurer, holder, 1)...); len(lost) > 0 {
			t.Fatal(lost)
		}
		states[s] = p.ID
		w.clock.Advance(time.Second)
	}
	states["carried"] = w.sendLegs(say{episode: "carried", content: "1"}, legsTo(insurer)...).ID
	w.claim(insurer, "carrier", 1)
	w.clock.Advance(time.Second)
	states[exchange.Waiting] = w.sendLegs(say{episode: "waiting", content: "1"}, legsTo(insurer)...).ID
	w.clock.Advance(time.Second)
	states[exchange.Held] = w.sendLegs(say{episode: "held", content: "1"}, store.LegStart{Destination: insurer, State: exchange.Held, Code: "purpose.payment"}).ID
	w.clock.Advance(time.Second)
	closed := w.sendLegs(say{episode: "closed", content: "1"}, store.LegStart{Destination: insurer, State: exchange.Held, Code: exchange.HeldClosed}).ID
	move := func(f store.LegFilter, to exchange.State, code string, limit int) []dossier.ID {
		t.Helper()
		f.Destination = insurer
		moved, err := w.s.Legs.Move(w.ctx(), everything, f, store.LegMove{To: to, Code: code, At: w.clock.Now()}, limit)
		w.must(err)
		ids := []dossier.ID{}
		for _, k := range moved {
			ids = append(ids, k.Record)
		}
		return ids
	}
	want := func(what string, got []dossier.ID, states_ ...exchange.State) {
		t.Helper()
		ids := []dossier.ID{}
		for _, s := range states_ {
			ids = append(ids, states[s])
		}
		slices.SortFunc(got, dossierOrder)
		slices.SortFunc(ids, dossierOrder)
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	want("of another code", move(store.LegFilter{Code: "nothing"}, exchange.Waiting, "operator.retry", 10))
	want("one, the oldest that may", move(store.LegFilter{}, exchange.Waiting, "operator.retry", 1), exchange.Parked)
	if l := w.leg(states[exchange.Parked], insurer); l.State != exchange.Waiting || l.Code != "operator.retry" || !l.Due.Equal(w.clock.Now()) || l.Attempts != 1 {
		t.Errorf("sent again: %+v", l)
	}
	want("what is held, let go by its facility", move(store.LegFilter{Code: "purpose.payment", Facility: cityHospital}, exchange.Waiting, "facility.send_anyway", 10), exchange.Held)
	want("given up: waiting ones, but not what is carried", move(store.LegFilter{}, exchange.Skipped, "operator.skip", 10), exchange.Parked, exchange.Waiting, exchange.Held)
	want("what is skipped, again", move(store.LegFilter{Records: []dossier.ID{states[exchange.Skipped], states[exchange.Done]}}, exchange.Waiting, "operator.retry", 10), exchange.Skipped)
	want("within a scope", func() []dossier.ID {
		moved, err := w.s.Legs.Move(w.ctx(), role.Scope{Facility: coastClinic}, store.LegFilter{}, store.LegMove{To: exchange.Waiting, At: w.clock.Now()}, 10)
		w.must(err)
		return make([]dossier.ID, len(moved))
	}())
	for _, to := range []exchange.State{exchange.Waiting, exchange.Skipped} { // moved it would have another code, and be seen by who must not know
		want("what is held for a closed compartment", move(store.LegFilter{Records: []dossier.ID{closed}}, to, "operator.skip", 10))
	}
	if l := w.leg(closed, insurer); l.State != exchange.Held || l.Code != exchange.HeldClosed {
		t.Errorf("closed: %+v", l)
	}
	w.clock.Advance(2 * time.Minute) // the lease ran out: it may be given up, and its holder has lost it
	want("a lapsed claim", move(store.LegFilter{Records: []dossier.ID{states["carried"]}}, exchange.Skipped, "operator.skip", 10), "carried")
	if lost := w.settleLegs("carrier", exchange.Done, w.leg(states["carried"], insurer)); len(lost) != 1 {
		t.Errorf("its holder lost %v", lost)
	}
	if l := w.leg(states["carried"], insurer); l.State != exchange.Skipped || l.Attempts != 1 {
		t.Errorf("an attempt nobody knows the end of is not counted: %+v", l)
	}
}

func dossierOrder(a, b dossier.ID) int { return slices.Compare(a.Serial[:], b.Serial[:]) }

func legsBegunLater(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	first := w.sendLegs(say{episode: "a", content: "1", order: "d1", lane: store.Routine}, legsTo(insurer)...)
	w.clock.Advance(time.Second)
	second := w.send(say{episode: "a", content: "2", order: "d2"})
	erased := w.send(say{episode: "b", content: "3"})
	w.erase(erased.ID)
	w.clock.Advance(time.Hour)
	at := w.clock.Now().UTC()
	begin := []store.Leg{
		{LegKey: store.LegKey{Record: second.ID, Destination: healthy}, State: exchange.Waiting, Lane: store.Backlog, Created: at, Due: at.Add(time.Minute)},
		{LegKey: store.LegKey{Record: first.ID, Destination: healthy}, State: exchange.Waiting, Created: at},
		{LegKey: store.LegKey{Record: first.ID, Destination: insurer}, State: exchange.Held, Created: at},
		{LegKey: store.LegKey{Record: w.newID(cityHospital), Destination: healthy}, State: exchange.Waiting, Created: at},
		{LegKey: store.LegKey{Record: erased.ID, Destination: healthy}, State: exchange.Waiting, Created: at},
	}
	for i, want := range []int{2, 0} {
		if n, err := w.s.Legs.Begin(w.ctx(), begin); err != nil || n != want {
			t.Errorf("%d: %d begun, %v", i, n, err)
		}
	}
	want := store.Leg{LegKey: begin[0].LegKey, Kind: "qd4750", Episode: second.Episode, File: second.File.Hash, Lane: store.Backlog, State: exchange.Waiting,
		Created: at, Due: at.Add(time.Minute), Changed: at}
	if diff := cmp.Diff(want, w.leg(second.ID, healthy)); diff != "" {
		t.Error(diff)
	}
	if l := w.leg(first.ID, insurer); l.State != exchange.Waiting {
		t.Errorf("one that was there: %+v", l)
	}
	if l := w.leg(first.ID, healthy); l.Lane != store.Routine || !l.Due.Equal(at) {
		t.Errorf("the record's lane, due when created: %+v", l)
	}
	w.clock.Advance(time.Hour)
	w.wantRecords("the older version first", w.claim(healthy, "h1", 10), first.ID)
}

func legsOpened(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer)...)
	at := w.clock.Now().Add(time.Minute).UTC()
	key := store.LegKey{Record: p.ID, Destination: insurer}
	w.must(w.s.Legs.Open(w.ctx(), []store.LegKey{key, {Record: p.ID, Destination: "nobody"}}, at))
	w.must(w.s.Legs.Open(w.ctx(), []store.LegKey{key}, at.Add(time.Hour)))
	w.must(w.s.Legs.Open(w.ctx(), nil, at))
	if l := w.leg(p.ID, insurer); !l.Opened.Equal(at) || !l.Changed.Equal(at) {
		t.Errorf("opened: %+v", l)
	}
}

func legsListed(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var newest []store.LegKey
	for i := range 5 {
		p := w.sendLegs(say{episode: fmt.Sprint(i), content: "1"}, legsTo("c", "a", "b")...)
		for _, d := range []string{"c", "b", "a"} {
			newest = append(newest, store.LegKey{Record: p.ID, Destination: d})
		}
		w.clock.Advance(time.Second)
	}
	slices.Reverse(newest)
	for _, limit := range []int{1, 2, 3, 4, 7, 15, 0} {
		var got []store.LegKey
		f := store.LegFilter{Limit: limit}
		for more := true; more; {
			var page []store.Leg
			var err error
			page, more, err = w.s.Legs.List(w.ctx(), everything, f)
			w.must(err)
			if len(page) == 0 || len(page) > max(limit, 3) && limit != 0 {
				t.Fatalf("limit %d: a page of %d", limit, len(page))
			}
			for _, l := range page {
				got = append(got, l.LegKey)
			}
			f.Before = store.Cursor{At: page[len(page)-1].Created, ID: page[len(page)-1].Record}
		}
		if diff := cmp.Diff(newest, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	w.settleLegs("h1", exchange.Parked, w.claim("a", "h1", 2)...)
	mid := began.Add(2 * time.Second)
	for what, c := range map[string]struct {
		f    store.LegFilter
		want int
	}{
		"all": {store.LegFilter{}, 15}, "a destination": {store.LegFilter{Destination: "a"}, 5}, "parked": {store.LegFilter{State: exchange.Parked}, 2},
		"waiting": {store.LegFilter{State: exchange.Waiting}, 13}, "waiting there": {store.LegFilter{State: exchange.Waiting, Destination: "a"}, 3},
		"held": {store.LegFilter{State: exchange.Held}, 0}, "done": {store.LegFilter{State: exchange.Done}, 0},
		"a facility": {store.LegFilter{Facility: cityHospital}, 15}, "another": {store.LegFilter{Facility: coastClinic}, 0},
		"a kind": {store.LegFilter{Kind: "qd4750"}, 15}, "another kind": {store.LegFilter{Kind: "qd130"}, 0}, "a code": {store.LegFilter{Code: "x"}, 0},
		"from": {store.LegFilter{From: mid}, 9}, "to": {store.LegFilter{To: mid}, 6}, "records": {store.LegFilter{Records: []dossier.ID{newest[0].Record, newest[4].Record}, Destination: "b"}, 2},
	} {
		n, err := w.s.Legs.Count(w.ctx(), everything, c.f)
		w.must(err)
		list, more, err := w.s.Legs.List(w.ctx(), everything, c.f)
		w.must(err)
		if n != c.want || len(list) != c.want || more {
			t.Errorf("%s: counted %d, listed %d, more %v; want %d", what, n, len(list), more, c.want)
		}
	}
}

func legsInScope(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer)...)
	w.sendLegs(say{episode: "a", content: "1", facility: coastClinic}, legsTo(insurer)...)
	w.sendLegs(say{episode: "a", content: "1", facility: hillStation}, legsTo(insurer)...)
	for _, c := range []struct {
		scope role.Scope
		want  []care.FacilityCode
	}{
		{everything, []care.FacilityCode{hillStation, coastClinic, cityHospital}},
		{role.Scope{}, nil},
		{role.Scope{Facility: coastClinic}, []care.FacilityCode{coastClinic}},
		{role.Scope{Province: "79"}, []care.FacilityCode{cityHospital}},
		{role.Scope{Unit: "ttb"}, []care.FacilityCode{hillStation, coastClinic}},
		{role.Scope{Unit: "ttb", Province: "24"}, []care.FacilityCode{hillStation}},
	} {
		for _, f := range []store.LegFilter{{}, {State: exchange.Waiting}, {Destination: insurer}} {
			list, _, err := w.s.Legs.List(w.ctx(), c.scope, f)
			if err != nil {
				t.Fatalf("%+v, %+v: %v", c.scope, f, err)
			}
			n, err := w.s.Legs.Count(w.ctx(), c.scope, f)
			w.must(err)
			var got []care.FacilityCode
			for _, l := range list {
				got = append(got, l.Record.Facility)
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(c.want))
			if diff := cmp.Diff(want, got); diff != "" || n != len(want) {
				t.Errorf("%+v, %+v: %d counted, %s", c.scope, f, n, diff)
			}
		}
	}
}

func legsQueued(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	w.must(w.s.Destinations.PutDestination(w.ctx(), exchange.Destination{ID: "idle", Adapter: "axis", Parallel: 1, Since: began}, w.act("destination.add")))
	for i := range 6 {
		w.sendLegs(say{episode: fmt.Sprint(i), content: "1"}, legsTo(insurer)...)
		w.clock.Advance(time.Second)
	}
	w.sendLegs(say{episode: "held", content: "1"}, store.LegStart{Destination: insurer, State: exchange.Held}, store.LegStart{Destination: healthy, State: exchange.Held})
	got := w.claim(insurer, "h1", 3)
	w.settleLegs("h1", exchange.Done, got[0])
	now := w.clock.Now()
	_, err := w.s.Legs.Settle(w.ctx(), "h1", now, []store.LegResult{{LegKey: got[1].LegKey, State: exchange.Waiting, Due: now.Add(time.Hour), Attempts: 1, Received: now}})
	w.must(err)
	w.clock.Advance(time.Second)
	w.settleLegs("h2", exchange.Parked, w.claim(insurer, "h2", 1)...)
	queues, err := w.s.Legs.Queues(w.ctx())
	w.must(err)
	want := []store.LegQueue{
		{Destination: insurer, Waiting: 3, Carried: 1, Held: 1, Parked: 1, Oldest: got[1].Created, Sent24h: 2},
		{Destination: "idle"}, {Destination: healthy, Held: 1},
	}
	if diff := cmp.Diff(want, queues); diff != "" {
		t.Error(diff)
	}
	w.clock.Advance(2 * time.Hour) // what was received is finalized: counted once
	_, err = w.s.Legs.Settle(w.ctx(), "h3", w.clock.Now(), nil)
	w.must(err)
	again := w.claim(insurer, "h3", 10)
	w.settleLegs("h3", exchange.Done, again...)
	if q, err := w.s.Legs.Queues(w.ctx()); err != nil || q[0].Sent24h != 5 || q[0].Waiting+q[0].Carried != 0 || !q[0].Oldest.IsZero() {
		t.Errorf("%+v, %v", q[0], err)
	}
	w.clock.Advance(23 * time.Hour)
	if q, err := w.s.Legs.Queues(w.ctx()); err != nil || q[0].Sent24h != 3 {
		t.Errorf("a day after the first two: %+v, %v", q[0], err)
	}
}

func legsErased(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	p := w.sendLegs(say{episode: "a", content: "1"}, store.LegStart{Destination: "held", State: exchange.Held}, store.LegStart{Destination: "waiting", State: exchange.Waiting},
		store.LegStart{Destination: "done", State: exchange.Waiting}, store.LegStart{Destination: "carried", State: exchange.Waiting}, store.LegStart{Destination: "parked", State: exchange.Waiting})
	other := w.sendLegs(say{episode: "b", content: "2"}, legsTo("held")...)
	w.settleLegs("h1", exchange.Done, w.claim("done", "h1", 1)...)
	w.settleLegs("h1", exchange.Parked, w.claim("parked", "h1", 1)...)
	carried := w.claim("carried", "h1", 1)
	_, place, err := w.s.Legs.Changed(w.ctx(), cityHospital, "", 100)
	w.must(err)
	w.clock.Advance(time.Minute)
	w.erase(p.ID)
	legs, err := w.s.Legs.Of(w.ctx(), p.ID)
	w.must(err)
	for _, l := range legs {
		want := exchange.Skipped
		if l.Destination == "done" {
			want = exchange.Done
		}
		if l.State != want || want == exchange.Skipped && (l.Code != "erased" || !l.Changed.Equal(w.clock.Now())) {
			t.Errorf("%s is %s, code %q, changed %v", l.Destination, l.State, l.Code, l.Changed)
		}
	}
	if l := w.leg(other.ID, "held"); l.State != exchange.Waiting {
		t.Errorf("another record's: %+v", l)
	}
	if lost := w.settleLegs("h1", exchange.Done, carried...); len(lost) != 1 {
		t.Errorf("who carried one lost %v", lost)
	}
	moved, err := w.s.Legs.Move(w.ctx(), everything, store.LegFilter{Records: []dossier.ID{p.ID}}, store.LegMove{To: exchange.Waiting, Code: "operator.retry", At: w.clock.Now()}, 10)
	w.must(err)
	if len(moved) > 0 {
		t.Errorf("sent again though erased: %v", moved)
	}
	changes, _, err := w.s.Legs.Changed(w.ctx(), cityHospital, place, 100)
	w.must(err)
	if len(changes) != 4 {
		t.Errorf("%d changes told, want 4", len(changes))
	}
	w.agree("after an erasure")
}

func legsRestored(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	waiting := w.sendLegs(say{episode: "a", content: "1"}, legsTo(insurer)...)
	held := w.sendLegs(say{episode: "b", content: "1"}, store.LegStart{Destination: insurer, State: exchange.Held})
	w.settleLegs("h1", exchange.Done, w.claim(insurer, "h1", 1)...)
	w.clock.Advance(time.Second)
	late := w.sendLegs(say{episode: "c", content: "1"}, legsTo(insurer)...)
	_, place, err := w.s.Legs.Changed(w.ctx(), cityHospital, "", 100)
	w.must(err)
	logs, err := w.s.Ledger.Logs(w.ctx())
	w.must(err)
	w.must(w.s.Ledger.CloseLog(w.ctx(), logs[0], "")) // what a restore does with every log
	for id, want := range map[dossier.ID]int{waiting.ID: 1, held.ID: 1, late.ID: 1} {
		if l := w.leg(id, insurer); l.Attempts != want {
			t.Errorf("%s: %d attempts, want %d", l.State, l.Attempts, want)
		}
	}
	changes, next, err := w.s.Legs.Changed(w.ctx(), cityHospital, place, 100)
	w.must(err)
	if len(changes) != 3 || next == place {
		t.Errorf("%d legs told anew behind a place of before", len(changes))
	}
	if changes, _, err = w.s.Legs.Changed(w.ctx(), cityHospital, next, 100); err != nil || len(changes) != 0 {
		t.Errorf("and again: %d, %v", len(changes), err)
	}
	w.reopen() // the next log
	fresh := w.sendLegs(say{episode: "d", content: "1"}, legsTo(insurer)...)
	if l := w.leg(fresh.ID, insurer); l.Attempts != 0 {
		t.Errorf("begun after the restore: %+v", l)
	}
}

func legsRefused(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	bad := "\xff"
	p := w.prepare(say{episode: "a", content: "1"})
	for _, l := range []store.LegStart{{Destination: bad, State: exchange.Waiting}, {Destination: insurer, State: exchange.Waiting, Code: bad}, {Destination: insurer, State: exchange.Done}, {State: exchange.Waiting}} {
		p.Legs = []store.LegStart{l}
		if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{p}); err == nil {
			t.Errorf("begun: %+v", l)
		}
	}
	p.Legs = nil
	p.File.Software = bad
	if _, err := w.s.Intake.Commit(w.ctx(), store.Routine, []store.Prepared{p}); err == nil {
		t.Error("software that is no text was kept")
	}
	now := w.clock.Now()
	good := w.sendLegs(say{episode: "b", content: "1"}, legsTo(insurer)...)
	key := store.LegKey{Record: good.ID, Destination: insurer}
	for what, err := range map[string]error{
		"a claim without holder": second(w.s.Legs.Claim(w.ctx(), store.LegClaim{Destination: insurer, Now: now, Until: now.Add(1), Limit: 1})),
		"without limit":          second(w.s.Legs.Claim(w.ctx(), store.LegClaim{Destination: insurer, Holder: "h", Now: now, Until: now.Add(1)})),
		"without end":            second(w.s.Legs.Claim(w.ctx(), store.LegClaim{Destination: insurer, Holder: "h", Now: now, Until: now, Limit: 1})),
		"a state":                second(w.s.Legs.Settle(w.ctx(), "h", now, []store.LegResult{{LegKey: key, State: "x"}})),
		"a code":                 second(w.s.Legs.Settle(w.ctx(), "h", now, []store.LegResult{{LegKey: key, State: exchange.Done, Code: bad}})),
		"no holder":              second(w.s.Legs.Settle(w.ctx(), "", now, []store.LegResult{{LegKey: key, State: exchange.Done}})),
		"a move":                 second(w.s.Legs.Move(w.ctx(), everything, store.LegFilter{}, store.LegMove{To: exchange.Done}, 1)),
		"a filter":               second(w.s.Legs.Count(w.ctx(), everything, store.LegFilter{Code: bad})),
		"too many records":       second(w.s.Legs.Count(w.ctx(), everything, store.LegFilter{Records: make([]dossier.ID, 1001)})),
		"a begin":                second(w.s.Legs.Begin(w.ctx(), []store.Leg{{LegKey: key, State: exchange.Done}})),
	} {
		if err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	cancelled, cancel := contextCancelled()
	defer cancel()
	if _, err := w.s.Legs.Claim(cancelled, store.LegClaim{Destination: insurer, Holder: "h", Now: now, Until: now.Add(time.Hour), Limit: 1}); err == nil {
		t.Error("claimed for one who left")
	}
}

func second[T any](_ T, err error) error { return err }

func fileSoftware(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	for _, software := range []string{"", "hisone/3.2", "phần mềm/1"} {
		p := w.prepare(say{episode: "a" + software, content: "1"})
		p.File.Software = software
		w.commit(p)
		f, _, err := w.s.Records.File(w.ctx(), cityHospital, p.File.Hash)
		w.must(err)
		if f.Software != software {
			t.Errorf("%q, want %q", f.Software, software)
		}
	}
}
