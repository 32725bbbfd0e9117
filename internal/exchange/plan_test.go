package exchange_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/exchange"
)

var noon = time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)

func destinations() []exchange.Destination {
	return []exchange.Destination{
		{ID: "so-suc-khoe", Adapter: "vneid", Purpose: "statistics"},
		{ID: "bhxh", Adapter: "insurer", Purpose: "payment", Closed: true},
		{ID: "cha", Adapter: "parent"},
		{ID: "cu", Adapter: "webhook", Ended: noon},
	}
}

func route(to, facility, kind string, m exchange.Mode, since time.Duration) exchange.Route {
	return exchange.Route{Destination: to, Facility: care.FacilityCode(facility), Kind: kind, Mode: m, Since: noon.Add(since)}
}

func TestTheMostSpecificRouteHolds(t *testing.T) {
	t.Parallel()
	p := exchange.NewPlan(destinations(), []exchange.Route{
		route("bhxh", "", "", exchange.Relay, 0),
		route("bhxh", "", "checkin", exchange.Off, 1),
		route("bhxh", "79901", "", exchange.Mirror, 2),
		route("bhxh", "79901", "checkin", exchange.Relay, 3),
		route("bhxh", "79902", "", exchange.Relay, 4),
		route("bhxh", "79902", "", exchange.ViaInsurer, 5), // newer
		route("cu", "", "", exchange.Direct, 0),            // ended
		route("khac", "", "", exchange.Direct, 0),          // unknown
	})
	for _, c := range []struct {
		to, facility, kind string
		want               exchange.Mode
	}{
		{"bhxh", "79903", "qd4750", exchange.Relay},
		{"bhxh", "79903", "checkin", exchange.Off},
		{"bhxh", "79901", "qd4750", exchange.Mirror},
		{"bhxh", "79901", "checkin", exchange.Relay},
		{"bhxh", "79902", "qd4750", exchange.ViaInsurer},
		{"cu", "79901", "qd4750", exchange.Off},
		{"khac", "79901", "qd4750", exchange.Off},
		{"cha", "79901", "qd4750", exchange.Off},
	} {
		if got := p.Mode(c.to, care.FacilityCode(c.facility), c.kind); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.to, c.facility, c.kind, got, c.want)
		}
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	p := exchange.NewPlan(destinations(), []exchange.Route{
		route("bhxh", "", "", exchange.Relay, 0), route("so-suc-khoe", "", "", exchange.Direct, 0), route("cha", "", "", exchange.Relay, 0),
	}, "insurer", "parent")
	w := func(to, code string) exchange.Start {
		s := exchange.Start{Destination: to, State: exchange.Waiting, Code: code}
		if code != "" {
			s.State = exchange.Held
		}
		return s
	}
	for name, c := range map[string]struct {
		r    exchange.Record
		want []exchange.Start
	}{
		"clean":   {exchange.Record{}, []exchange.Start{w("bhxh", ""), w("cha", ""), w("so-suc-khoe", "")}},
		"payment": {exchange.Record{Blocks: []string{"payment"}}, []exchange.Start{w("bhxh", "purpose.payment"), w("cha", ""), w("so-suc-khoe", "")}},
		"both": {exchange.Record{Blocks: []string{"statistics", "payment"}},
			[]exchange.Start{w("bhxh", "purpose.payment"), w("cha", ""), w("so-suc-khoe", "purpose.statistics")}},
		"closed": {exchange.Record{Closed: true, Blocks: []string{"statistics"}},
			[]exchange.Start{w("bhxh", ""), w("cha", "compartment.closed"), w("so-suc-khoe", "compartment.closed")}},
		"a closed table stays in a file, and is left out of what is made of it": {exchange.Record{Tables: true},
			[]exchange.Start{w("bhxh", ""), w("cha", "compartment.closed"), w("so-suc-khoe", "")}},
	} {
		if got := p.Legs(c.r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Whatever the routes, in whatever order they come: one leg at most for each
// destination in use, by the route that a search by hand finds.
func TestAPlanDoesNotDependOnTheOrderOfRoutes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var routes []exchange.Route
		for i := range rapid.IntRange(0, 12).Draw(t, "routes") {
			routes = append(routes, route(rapid.SampledFrom([]string{"bhxh", "cha", "cu"}).Draw(t, "to"), rapid.SampledFrom([]string{"", "79901", "79902"}).Draw(t, "facility"),
				rapid.SampledFrom([]string{"", "qd4750", "checkin"}).Draw(t, "kind"),
				rapid.SampledFrom([]exchange.Mode{exchange.Relay, exchange.Direct, exchange.Mirror, exchange.Off}).Draw(t, "mode"), time.Duration(i)))
		}
		r := exchange.Record{Facility: "79901", Kind: "qd4750"}
		legs := exchange.NewPlan(destinations(), rapid.Permutation(routes).Draw(t, "order")).Legs(r)
		for _, d := range destinations() {
			best, weight := exchange.Off, -1
			for _, x := range routes { // newest last
				fits := x.Destination == d.ID && (x.Facility == "" || x.Facility == r.Facility) && (x.Kind == "" || x.Kind == r.Kind)
				w := 0
				if x.Facility != "" {
					w = 2
				}
				if x.Kind != "" {
					w++
				}
				if fits && w >= weight {
					best, weight = x.Mode, w
				}
			}
			n := 0
			for _, l := range legs {
				if l.Destination == d.ID {
					n++
				}
			}
			want := 0
			if best.Sends() && d.Ended.IsZero() {
				want = 1
			}
			if n != want {
				t.Fatalf("%s: %d legs, want %d", d.ID, n, want)
			}
		}
	})
}
