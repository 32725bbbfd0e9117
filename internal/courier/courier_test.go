package courier_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// bubble runs a test in simulated time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestALegIsCarried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{wants: courier.Wants{Content: true}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		w.courier.Stop()
		l := w.want(1, "so", exchange.Done, "")
		if l.Reference != "GD-1" || l.Sent.IsZero() || l.Received.IsZero() || l.Finalized.IsZero() || l.Attempts != 1 {
			t.Errorf("%+v", l)
		}
		if d.count(1) != 1 || d.repeated[id(1)] != 0 || w.opener.opened[id(1)] != 1 || w.opener.forms[disclose.Reading] != 1 {
			t.Errorf("handed over %d times, opened %d times", d.count(1), w.opener.opened[id(1)])
		}
	})
}

// Every outcome has its end.
func TestEveryOutcomeHasItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{answer: func(p *courier.Parcel) (exchange.Answer, bool) {
			switch p.Legs[0].Record {
			case id(1):
				return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
			case id(2):
				return exchange.Answer{Outcome: exchange.Received, Sent: true, Reference: "GD-2"}, true
			case id(3):
				return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "so.125"}, false
			case id(4):
				return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "so.500"}, false
			}
			return exchange.Answer{}, false // an adapter's defect
		}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		for n := 1; n <= 5; n++ {
			w.begin(n, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(2 * time.Second)
		w.want(1, "so", exchange.Done, "")
		if l := w.want(2, "so", exchange.Done, ""); l.Received.IsZero() || !l.Finalized.IsZero() || l.Reference != "GD-2" {
			t.Errorf("received by one that says no more: %+v", l)
		}
		w.want(3, "so", exchange.Parked, "so.125")
		w.want(4, "so", exchange.Waiting, "so.500")
		time.Sleep(24 * time.Hour)
		w.courier.Stop()
		for _, n := range []int{4, 5} {
			if l := w.want(n, "so", exchange.Parked, exchange.TriesExhausted); l.Attempts != 12 {
				t.Errorf("parked after %d tries", l.Attempts)
			}
		}
	})
}

// A lost answer after the destination recorded it: the next attempt says that it
// may be a repetition, and the destination keeps one.
func TestALostAnswerAfterRecording(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := map[dossier.ID]bool{}
		d := &destination{answer: func(p *courier.Parcel) (exchange.Answer, bool) {
			of := p.Legs[0].Record
			if seen[of] {
				return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "GD-first"}, !p.Repeated // it knows it by its key
			}
			seen[of] = true
			return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "outbound.answer"}, true
		}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Minute)
		w.courier.Stop()
		if l := w.want(1, "so", exchange.Done, ""); l.Reference != "GD-first" {
			t.Errorf("%+v", l)
		}
		if d.count(1) != 1 || d.repeated[id(1)] != 1 {
			t.Errorf("recorded %d times, repeated %d times", d.count(1), d.repeated[id(1)])
		}
	})
}

// A success that was never recorded: nothing the hub can know. The leg is done;
// reconciliation finds it.
func TestASuccessThatWasNeverRecorded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{answer: says(exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "GD-9"}, false)}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Minute)
		w.courier.Stop()
		w.want(1, "so", exchange.Done, "")
		if d.count(1) != 0 {
			t.Error("it was recorded")
		}
	})
}

// The process dies between the delivery and its settlement.
func TestACrashBeforeSettling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.legs.broken = true
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(3 * time.Second)
		w.courier.Stop() // cannot settle either
		if d.count(1) != 1 {
			t.Fatalf("delivered %d times", d.count(1))
		}
		w.legs.mu.Lock()
		w.legs.broken = false
		w.legs.mu.Unlock()
		again := w.another(map[string]courier.Adapter{"so": d})
		again.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Minute)
		if d.count(1) != 1 {
			t.Error("delivered again while the lease of the dead one runs")
		}
		time.Sleep(10 * time.Minute)
		again.Stop()
		w.want(1, "so", exchange.Done, "")
		if d.count(1) != 2 || d.repeated[id(1)] != 1 {
			t.Errorf("delivered %d times, %d of them said to be repetitions", d.count(1), d.repeated[id(1)])
		}
	})
}

// After a restore the store knows nothing of what was delivered since the backup:
// legs older than the process are said to be repetitions.
func TestLegsOlderThanTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		time.Sleep(time.Second)
		after := w.another(map[string]courier.Adapter{"so": d})
		w.begin(2, "so")
		after.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		after.Stop()
		if d.repeated[id(1)] != 1 || d.repeated[id(2)] != 0 {
			t.Errorf("said to be repetitions: %v", d.repeated)
		}
	})
}

// The store is away for a while: what was delivered is settled when it is back,
// and not delivered again.
func TestAStoreThatComesBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.legs.broken = true
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(10 * time.Second)
		w.legs.mu.Lock()
		w.legs.broken = false
		w.legs.mu.Unlock()
		time.Sleep(10 * time.Minute)
		w.courier.Stop()
		w.want(1, "so", exchange.Done, "")
		if d.count(1) != 1 {
			t.Errorf("delivered %d times", d.count(1))
		}
	})
}

func TestTwoCouriersOnOneStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{takes: 50 * time.Millisecond}
		w := setup(t, map[string]courier.Adapter{"so": d})
		for i := range 400 {
			w.begin(i, "so")
		}
		sister := w.another(map[string]courier.Adapter{"so": d})
		w.courier.Set([]exchange.Destination{dest("so")})
		sister.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Minute)
		w.courier.Stop()
		sister.Stop()
		for i := range 400 {
			if d.count(i) != 1 {
				t.Errorf("record %d arrived %d times", i, d.count(i))
			}
		}
		if n := w.legs.count(exchange.Done); n != 400 {
			t.Errorf("%d done", n)
		}
	})
}

// Versions of an episode arrive in order, also when the first fails for a while.
func TestVersionsArriveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		failed := 0
		d := &destination{}
		d.answer = func(p *courier.Parcel) (exchange.Answer, bool) {
			if p.Legs[0].Record == id(1) && failed < 3 {
				failed++
				return exchange.Answer{Outcome: exchange.Again, Code: "so.500"}, false
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
		}
		w := setup(t, map[string]courier.Adapter{"so": d})
		for n := 1; n <= 3; n++ {
			w.begin(n, "so", func(l *store.Leg) { l.Episode, l.Created = keyed(1, 99), l.Created.Add(time.Duration(n)*time.Second) })
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(10 * time.Minute)
		w.courier.Stop()
		if !slices.Equal(d.order, []dossier.ID{id(1), id(2), id(3)}) {
			t.Errorf("arrived as %v", d.order)
		}
	})
}

func TestWhatIsOverIsSkipped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, original := range []bool{false, true} {
			d := &destination{wants: courier.Wants{Original: original}}
			w := setup(t, map[string]courier.Adapter{"so": d})
			w.records.change(1, func(r *store.Record) { r.Current = false })
			w.records.change(2, func(r *store.Record) { r.WithdrawnBy = id(9) })
			w.records.change(3, func(r *store.Record) { r.Erased = time.Now() })
			for n := 1; n <= 4; n++ {
				w.begin(n, "so")
			}
			w.courier.Set([]exchange.Destination{dest("so")})
			time.Sleep(time.Second)
			w.courier.Stop()
			w.want(1, "so", exchange.Skipped, "superseded")
			w.want(2, "so", exchange.Skipped, "withdrawn")
			w.want(3, "so", exchange.Skipped, "erased")
			w.want(4, "so", exchange.Done, "")
			if len(d.order) != 1 || len(w.opener.opened) != 1 {
				t.Errorf("handed over %v, opened %v", d.order, w.opener.opened)
			}
		}
	})
}

func TestWhatIsClosedIsHeldAndWhatCannotBeOpenedIsNotSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.opener.fail = func(to disclose.Destination, of dossier.ID) error {
			switch of {
			case id(1):
				return disclose.ErrCompartment
			case id(2):
				return errBroken
			case id(3):
				return disclose.ErrNotWhole
			}
			return nil
		}
		for n := 1; n <= 4; n++ {
			w.begin(n, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		w.courier.Stop()
		w.want(1, "so", exchange.Held, exchange.HeldClosed)
		w.want(2, "so", exchange.Waiting, "hub.broken")
		w.want(3, "so", exchange.Parked, "file.not_whole")
		w.want(4, "so", exchange.Done, "")
		if len(d.order) != 1 {
			t.Errorf("handed over %v", d.order)
		}
	})
}

// A file with several dossiers goes once, for all of its legs; one that is held
// holds it, one that is over does not, and one judged anew later is not sent again.
func TestAFileGoesOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{wants: courier.Wants{Original: true}}
		w := setup(t, map[string]courier.Adapter{"bhxh": d})
		of := func(file int) func(*store.Leg) { return func(l *store.Leg) { l.File = keyed(2, file) } }
		for n := 1; n <= 3; n++ {
			w.begin(n, "bhxh", of(100))
		}
		w.records.change(3, func(r *store.Record) { r.Current = false })
		w.begin(4, "bhxh", of(200))
		w.begin(5, "bhxh", of(200), func(l *store.Leg) { l.State, l.Code = exchange.Held, "purpose.payment" })
		parcels := 0
		d.answer = func(p *courier.Parcel) (exchange.Answer, bool) {
			parcels++
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: fmt.Sprint("GD-", parcels)}, true
		}
		w.courier.Set([]exchange.Destination{dest("bhxh")})
		time.Sleep(time.Second)
		w.want(1, "bhxh", exchange.Done, "")
		w.want(2, "bhxh", exchange.Done, "")
		w.want(3, "bhxh", exchange.Skipped, "superseded")
		w.want(4, "bhxh", exchange.Held, "purpose.payment")
		d.mu.Lock()
		if parcels != 1 {
			t.Errorf("%d parcels", parcels)
		}
		d.mu.Unlock()
		w.begin(6, "bhxh", of(100))
		time.Sleep(time.Second)
		w.courier.Stop()
		if l := w.want(6, "bhxh", exchange.Done, ""); l.Reference != "GD-1" || parcels != 1 {
			t.Errorf("judged anew: %+v, %d parcels", l, parcels)
		}
	})
}

func TestWithdrawals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var taken []store.Leg
		var reasons []string
		d := &destination{answer: func(p *courier.Parcel) (exchange.Answer, bool) {
			if p.Withdraws != nil {
				taken, reasons = append(taken, *p.Withdraws), append(reasons, p.Reason)
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "GD"}, true
		}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.begin(2, "so", func(l *store.Leg) { l.State, l.Code = exchange.Held, "purpose.statistics" })
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		for _, n := range []int{1, 2, 3} { // 3 has no leg there
			w.records.change(n, func(r *store.Record) { r.WithdrawnBy = id(10 + n) })
			w.begin(10+n, "so", func(l *store.Leg) { l.Withdraws, l.Episode = id(n), keyed(1, n) })
		}
		w.begin(4, "so") // not yet carried when it is taken back
		w.records.change(4, func(r *store.Record) { r.WithdrawnBy = id(14) })
		w.begin(14, "so", func(l *store.Leg) {
			l.Withdraws, l.Episode, l.Created = id(4), keyed(1, 4), l.Created.Add(time.Millisecond)
		})
		time.Sleep(time.Minute)
		w.courier.Stop()
		w.want(11, "so", exchange.Done, "")
		w.want(12, "so", exchange.Skipped, "withdrawn")
		w.want(13, "so", exchange.Skipped, "withdrawn")
		w.want(4, "so", exchange.Skipped, "withdrawn")
		w.want(14, "so", exchange.Skipped, "withdrawn")
		if len(taken) != 1 || taken[0].Record != id(1) || taken[0].Reference != "GD" || reasons[0] != "nhập nhầm" {
			t.Errorf("taken back: %+v %q", taken, reasons)
		}
	})
}

// A destination that gives its verdict later is asked, without content.
func TestAVerdictThatComesLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := 0
		d := follower{&destination{answer: says(exchange.Answer{Outcome: exchange.Received, Sent: true, Reference: "GD-7"}, true)}, nil}
		d.follow = func(p *courier.Parcel) exchange.Answer {
			if asked++; p.Opened != nil || p.Sent != nil || p.Legs[0].Reference != "GD-7" {
				t.Errorf("asked with %+v", p)
			}
			if asked < 4 {
				return exchange.Answer{Outcome: exchange.Received, Code: "so.processing"}
			}
			return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "so.rejected"}
		}
		w := setup(t, map[string]courier.Adapter{"so": d}, func(c *courier.Config) { c.Draw = func() float64 { return 0.5 } })
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		if l := w.want(1, "so", exchange.Waiting, ""); l.Received.IsZero() {
			t.Error("it does not say that it was received")
		}
		time.Sleep(time.Hour)
		w.courier.Stop()
		l := w.want(1, "so", exchange.Parked, "so.rejected")
		if asked != 4 || d.count(1) != 1 || w.opener.opened[id(1)] != 1 || l.Reference != "GD-7" {
			t.Errorf("asked %d times, sent %d times", asked, d.count(1))
		}
	})
}

// Stopping waits for what is under way and gives the rest back untouched.
func TestStoppingDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{takes: 3 * time.Second}
		w := setup(t, map[string]courier.Adapter{"so": d})
		for i := range 50 {
			w.begin(i, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(10 * time.Second)
		w.courier.Stop()
		done := w.legs.count(exchange.Done)
		if done == 0 || done != len(d.order) || done+w.legs.count(exchange.Waiting) != 50 {
			t.Errorf("%d done, %d arrived", done, len(d.order))
		}
		for i := range 50 {
			if l := w.legs.leg(i, "so"); l.State == exchange.Waiting && (l.Attempts != 0 || !l.Sent.IsZero()) {
				t.Errorf("leg %d was touched: %+v", i, l)
			}
		}
		if got, err := w.legs.Claim(t.Context(), store.LegClaim{Destination: "so", Holder: "x", Now: time.Now(), Until: time.Now().Add(time.Minute), Limit: 100}); err != nil ||
			len(got) != 50-done || got[0].Lapsed {
			t.Errorf("%d can be claimed at once, %v", len(got), err)
		}
	})
}

// An attempt that outlasts the patience of a stop is a repetition next time.
func TestStoppingDoesNotWaitForEver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{takes: 50 * time.Second}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		began := time.Now()
		w.courier.Stop()
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if l := w.legs.leg(1, "so"); l.State != exchange.Waiting || l.Sent.IsZero() {
			t.Errorf("%+v", l)
		}
	})
}

func TestACourierNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := courier.New(courier.Deps{}, courier.Config{}); err == nil {
		t.Error("made of nothing")
	}
	if fault.Of(courier.ErrAdapter).Kind != fault.Invalid {
		t.Error("an unknown bridge is no fault of the machine")
	}
}
