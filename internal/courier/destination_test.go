package courier_test

import (
	"slices"
	"testing"
	"time"

	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/store"
)

// A dead destination for a day: nothing of a record's tries is used up, the
// other destination does not notice; back again, the queue drains within the
// pace, from one attempt at a time up, and each record arrives once.
func TestADestinationDeadForADay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n, rate = 2000, 20
		dead := true
		d := &destination{takes: 100 * time.Millisecond}
		d.answer = func(*courier.Parcel) (exchange.Answer, bool) {
			if dead {
				return exchange.Answer{Outcome: exchange.Again, Code: "outbound.unreachable", Whole: true}, false
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
		}
		other := &destination{}
		w := setup(t, map[string]courier.Adapter{"bhxh": d, "so": other}, func(c *courier.Config) { c.Poll = 10 * time.Second })
		w.courier.Set([]exchange.Destination{dest("bhxh", func(x *exchange.Destination) { x.PerSecond, x.Parallel = rate, 8 }), dest("so")})
		for i := range n {
			w.begin(i, "bhxh")
			w.begin(i, "so")
			time.Sleep(24 * time.Hour / n)
		}
		time.Sleep(time.Minute)
		if got := other.arrived(); got != n {
			t.Fatalf("the other destination has %d of %d", got, n)
		}
		if parked := w.legs.count(exchange.Parked); parked != 0 {
			t.Fatalf("%d parked for an outage", parked)
		}
		states, err := w.courier.Status(t.Context())
		if err != nil || states[0].Breaker == exchange.Closed || states[0].Code != "outbound.unreachable" || states[0].Queue.Waiting != n {
			t.Errorf("%+v, %v", states[0], err)
		}
		d.mu.Lock()
		tried := 0
		for range d.secrets {
			tried++
		}
		dead, d.most = false, 0
		back := time.Now()
		d.mu.Unlock()
		if tried > 24*6+20 {
			t.Errorf("%d attempts in a day at a dead destination", tried)
		}
		time.Sleep(2 * time.Hour)
		w.courier.Stop()
		for i := range n {
			if l := w.want(i, "bhxh", exchange.Done, ""); l.Attempts > 2 || d.count(i) != 1 {
				t.Fatalf("record %d: %d attempts, delivered %d times", i, l.Attempts, d.count(i))
			}
		}
		if d.most > 8 {
			t.Errorf("%d at once", d.most)
		}
		for i := range d.at { // never above the pace
			if j := i + 2*rate; j < len(d.at) && d.at[j].Sub(d.at[i]) < time.Second-200*time.Millisecond {
				t.Fatalf("%d deliveries in %v", 2*rate, d.at[j].Sub(d.at[i]))
			}
		}
		if done := d.at[len(d.at)-1].Sub(back); done > 10*time.Minute+2*n/rate*time.Second {
			t.Errorf("drained after %v", done)
		}
	})
}

// Records that a destination fails on as a whole, while it answers others, do
// not hide behind "it is down": they are parked in the end.
func TestOneRecordThatBringsADestinationDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{answer: func(p *courier.Parcel) (exchange.Answer, bool) {
			if p.Legs[0].Record == id(0) {
				return exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "outbound.unreachable", Whole: true}, false
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
		}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		w.begin(0, "so", func(l *store.Leg) { l.Lane = store.Urgent })
		w.courier.Set([]exchange.Destination{dest("so")})
		for i := 1; i <= 500; i++ {
			w.begin(i, "so")
			time.Sleep(2 * time.Minute)
		}
		w.courier.Stop()
		w.want(0, "so", exchange.Parked, exchange.TriesExhausted)
		for i := 1; i < 500; i++ {
			w.want(i, "so", exchange.Done, "")
		}
	})
}

// A destination that answers 500 to everybody is down, also when its bridge
// takes each answer for the record's own.
func TestManyRecordsFailingAreADestinationFailing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{answer: says(exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "so.500"}, false)}
		w := setup(t, map[string]courier.Adapter{"so": d})
		for i := range 50 {
			w.begin(i, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(24 * time.Hour)
		w.courier.Stop()
		if n := w.legs.count(exchange.Waiting); n != 50 {
			t.Errorf("%d of 50 still wait", n)
		}
	})
}

// 401 in the middle of a batch: the bridge logs in again and goes on; where the
// credential is refused for good the leg is parked with the code.
func TestALoginThatEndsMidBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		handed := 0
		d := &destination{answer: func(p *courier.Parcel) (exchange.Answer, bool) {
			if handed++; handed == 7 {
				return exchange.Answer{Outcome: exchange.Again, Code: "so.401", Wait: time.Second}, false
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
		}}
		w := setup(t, map[string]courier.Adapter{"so": d})
		sealed, err := w.vault.SealSecret(courier.SecretName("so", "79901"), []byte("mk-79901"))
		if err != nil {
			t.Fatal(err)
		}
		w.secrets.of["so/79901"] = sealed
		for i := range 20 {
			w.begin(i, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(2 * time.Minute)
		w.courier.Stop()
		for i := range 20 {
			w.want(i, "so", exchange.Done, "")
			if d.count(i) != 1 {
				t.Errorf("record %d arrived %d times", i, d.count(i))
			}
		}
		if slices.ContainsFunc(d.secrets, func(s string) bool { return s != "mk-79901" }) || w.opens != 1 {
			t.Errorf("opened %d times, handed %v", w.opens, d.secrets)
		}
	})
}

func TestTheHubsOwnCredentialStandsIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d})
		sealed, err := w.vault.SealSecret(courier.SecretName("so", ""), []byte("của hub"))
		if err != nil {
			t.Fatal(err)
		}
		w.secrets.of["so/"] = sealed
		w.begin(1, "so")
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		w.secrets.Lock()
		delete(w.secrets.of, "so/")
		w.secrets.Unlock()
		w.courier.Set([]exchange.Destination{dest("so")}) // a change drops what was kept
		w.begin(2, "so")
		time.Sleep(time.Second)
		w.courier.Stop()
		if !slices.Equal(d.secrets, []string{"của hub", ""}) {
			t.Errorf("%q", d.secrets)
		}
	})
}

func TestPausedEndedAndWrongDestinations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &destination{}
		w := setup(t, map[string]courier.Adapter{"so": d, "hu": d})
		for i, to := range []string{"so", "het", "hu", "la"} {
			w.begin(i, to)
		}
		now := time.Now()
		w.courier.Set([]exchange.Destination{dest("so", func(x *exchange.Destination) { x.Paused = now }), dest("het", func(x *exchange.Destination) { x.Ended = now }),
			dest("hu", func(x *exchange.Destination) { x.URL = "bad" }), dest("la")})
		time.Sleep(time.Hour)
		if n := d.arrived(); n != 0 {
			t.Errorf("%d carried", n)
		}
		states, err := w.courier.Status(t.Context())
		codes := map[string]string{}
		for _, s := range states {
			codes[s.ID] = s.Code
		}
		if err != nil || codes["hu"] != "webhook.options" || codes["la"] != "destination.adapter" || codes["so"] != "" {
			t.Errorf("%v, %v", codes, err)
		}
		w.courier.Set([]exchange.Destination{dest("so")})
		time.Sleep(time.Second)
		w.courier.Set(nil)
		w.courier.Stop()
		w.want(0, "so", exchange.Done, "")
	})
}

// Repetitions stay a small part of what a destination is asked, and no record is forgotten for it.
func TestRepetitionsAreRationed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		first := map[dossier.ID]bool{}
		repeats := 0
		d := &destination{}
		d.answer = func(p *courier.Parcel) (exchange.Answer, bool) {
			of := p.Legs[0].Record
			if !first[of] {
				first[of] = true
				if of.Serial[3]%2 == 0 {
					return exchange.Answer{Outcome: exchange.Again, Code: "so.500"}, false
				}
			} else {
				repeats++
			}
			return exchange.Answer{Outcome: exchange.Finalized, Sent: true}, true
		}
		w := setup(t, map[string]courier.Adapter{"so": d}, func(c *courier.Config) { c.Poll = 2 * time.Second })
		for i := range 600 {
			w.begin(i, "so")
		}
		w.courier.Set([]exchange.Destination{dest("so", func(x *exchange.Destination) { x.PerSecond = 50; x.Parallel = 1 })})
		time.Sleep(12 * time.Second)
		d.mu.Lock()
		if most := 10 + 60 + 15; repeats > most {
			t.Errorf("%d repetitions beside %d first attempts", repeats, len(first))
		}
		d.mu.Unlock()
		time.Sleep(2 * time.Hour)
		w.courier.Stop()
		if n := w.legs.count(exchange.Done); n != 600 {
			t.Errorf("%d done", n)
		}
	})
}
