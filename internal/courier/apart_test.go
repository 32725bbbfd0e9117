package courier_test

import (
	"slices"
	"testing"
	"time"

	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// TestLegsOfAFileEndEachByItself: one parcel, an answer for each leg; the file goes
// again for the one that did not, and the others stay as they are.
func TestLegsOfAFileEndEachByItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{wants: courier.Wants{Original: true, Apart: true, History: true}}
		w := setup(t, map[string]courier.Adapter{"tren": d})
		for n := 1; n <= 3; n++ {
			w.begin(n, "tren", func(l *store.Leg) { l.File = keyed(2, 100) })
		}
		w.records.change(3, func(r *store.Record) { r.Current = false }) // replaced meanwhile: it goes all the same
		var parcels []int
		d.answer = func(p *courier.Parcel) (exchange.Answer, bool) {
			parcels = append(parcels, len(p.Legs))
			out := exchange.Answer{Outcome: exchange.Finalized, Sent: true}
			for _, l := range p.Legs {
				one := exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: "so " + l.Record.String()}
				if l.Record == id(2) && len(parcels) == 1 {
					one = exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "parent.rejected"}
				}
				out.Each = append(out.Each, one)
			}
			return out, true
		}
		w.courier.Set([]exchange.Destination{dest("tren")})
		time.Sleep(time.Second)
		w.want(1, "tren", exchange.Done, "")
		w.want(2, "tren", exchange.Parked, "parent.rejected")
		w.want(3, "tren", exchange.Done, "")
		if a, b := w.legs.leg(1, "tren").Reference, w.legs.leg(3, "tren").Reference; a == b || a != "so "+id(1).String() {
			t.Errorf("numbers %q and %q", a, b)
		}
		again := w.legs.leg(2, "tren") // as an operator lets it go again
		again.State, again.Due = exchange.Waiting, time.Now()
		w.legs.add(again)
		time.Sleep(time.Minute)
		w.courier.Stop()
		w.want(2, "tren", exchange.Done, "")
		d.mu.Lock()
		defer d.mu.Unlock()
		if !slices.Equal(parcels, []int{3, 1}) {
			t.Errorf("parcels of %v legs", parcels)
		}
	})
}

// TestWhatReplacesAnotherRecordWaitsForIt where every version is kept, also when
// it is of another episode; nowhere else.
func TestWhatReplacesAnotherRecordWaitsForIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, history := range []bool{true, false} {
			d := &destination{wants: courier.Wants{Original: true, History: history}}
			w := setup(t, map[string]courier.Adapter{"tren": d})
			w.begin(1, "tren", func(l *store.Leg) { l.Due = l.Due.Add(time.Minute) })
			w.begin(2, "tren", func(l *store.Leg) { l.File = keyed(2, 7) })
			w.records.change(2, func(r *store.Record) { r.Supersedes = id(1) })
			w.courier.Set([]exchange.Destination{dest("tren")})
			time.Sleep(time.Second)
			w.courier.Stop()
			if early := w.legs.leg(2, "tren").State == exchange.Done; early == history {
				t.Errorf("history %v: gone early %v", history, early)
			}
		}
	})
}
