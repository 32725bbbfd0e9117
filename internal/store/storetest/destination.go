package storetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

func destinationCases() []testCase {
	return []testCase{
		{"destinations are kept as they are, with their acts", destinationsKept},
		{"of routes for the same the last holds", routesHold},
		{"a secret is read by its name only", secretsKept},
	}
}

func destinationsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	before, err := w.s.Destinations.Epoch(w.ctx())
	w.must(err)
	d := exchange.Destination{ID: insurer, Adapter: "insurer", Name: fault.Text{VI: "Cổng giám định", EN: "Insurer"}, URL: "https://gateway.example", Private: true,
		Options: json.RawMessage(`{"user":"79901_BV"}`), Purpose: "payment", Closed: true, PerSecond: 0.1, Parallel: 4, Since: began}
	plain := exchange.Destination{ID: healthy, Adapter: "vneid", URL: "https://health.example", Parallel: 1, Since: began.Add(time.Second)}
	w.must(w.s.Destinations.PutDestination(w.ctx(), d, w.act("destination.add")))
	w.must(w.s.Destinations.PutDestination(w.ctx(), plain, w.act("destination.add")))
	d.Paused, d.Ended, d.PerSecond = began.Add(time.Hour), began.Add(2*time.Hour), 1.0/3
	w.must(w.s.Destinations.PutDestination(w.ctx(), d, w.act("destination.end")))
	w.reopen()
	all, routes, err := w.s.Destinations.Destinations(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]exchange.Destination{d, plain}, all); diff != "" || len(routes) != 0 {
		t.Errorf("%d routes, %s", len(routes), diff)
	}
	if after, err := w.s.Destinations.Epoch(w.ctx()); err != nil || after != before+3 {
		t.Errorf("the epoch moved from %d to %d, %v", before, after, err)
	}
	acts, err := w.s.Keys.Acts(w.ctx(), 0, 10)
	w.must(err)
	if acts[0].Action != "destination.end" || acts[1].Action != "destination.add" {
		t.Errorf("acts: %+v", acts[:2])
	}
	d.Name.VI = "\x00"
	if err := w.s.Destinations.PutDestination(w.ctx(), d, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a name that is no text: %v", err)
	}
}

func routesHold(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	put := func(r exchange.Route) exchange.Route {
		t.Helper()
		w.clock.Advance(time.Second)
		r.Since = w.clock.Now().UTC()
		w.must(w.s.Destinations.PutRoute(w.ctx(), r, w.act("route.set")))
		return r
	}
	put(exchange.Route{Destination: insurer, Mode: exchange.Relay})
	all := put(exchange.Route{Destination: insurer, Mode: exchange.Off})
	kind := put(exchange.Route{Destination: insurer, Kind: "qd4750", Mode: exchange.Mirror})
	own := put(exchange.Route{Destination: insurer, Facility: cityHospital, Mode: exchange.Direct})
	put(exchange.Route{Destination: insurer, Facility: cityHospital, Kind: "qd4750", Mode: exchange.Pull})
	both := put(exchange.Route{Destination: insurer, Facility: cityHospital, Kind: "qd4750", Mode: exchange.ViaInsurer})
	_, routes, err := w.s.Destinations.Destinations(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]exchange.Route{all, kind, own, both}, routes); diff != "" {
		t.Error(diff)
	}
	if err := w.s.Destinations.PutRoute(w.ctx(), exchange.Route{Destination: "\xff"}, w.act("x")); !errors.Is(err, store.ErrText) {
		t.Errorf("a destination that is no text: %v", err)
	}
}

func secretsKept(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	before, err := w.s.Destinations.Epoch(w.ctx())
	w.must(err)
	if _, err := w.s.Secrets.Secret(w.ctx(), insurer, cityHospital); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("none yet: %v", err)
	}
	for _, s := range []string{"first", "second"} {
		w.clock.Advance(time.Minute)
		w.must(w.s.Secrets.PutSecret(w.ctx(), insurer, cityHospital, []byte(s), w.act("secret.put")))
	}
	at := w.clock.Now().UTC()
	w.must(w.s.Secrets.PutSecret(w.ctx(), insurer, "", []byte("the hub's"), w.act("secret.put")))
	w.must(w.s.Secrets.PutSecret(w.ctx(), healthy, coastClinic, []byte("other"), w.act("secret.put")))
	for facility, want := range map[care.FacilityCode]string{cityHospital: "second", "": "the hub's"} {
		if got, err := w.s.Secrets.Secret(w.ctx(), insurer, facility); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", facility, got, err)
		}
	}
	since, err := w.s.Secrets.Secrets(w.ctx(), insurer)
	w.must(err)
	if diff := cmp.Diff(map[care.FacilityCode]time.Time{cityHospital: at, "": at}, since); diff != "" {
		t.Error(diff)
	}
	if after, err := w.s.Destinations.Epoch(w.ctx()); err != nil || after == before {
		t.Errorf("the epoch stays %d, %v", after, err)
	}
}
