package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/exchange"
)

func (o *office) PutDestination(_ context.Context, actor string, d admin.Destination) error {
	o.did = append(o.did, fmt.Sprintf("%s puts %s %s %s", actor, d.ID, d.Adapter, d.Options))
	return nil
}

func (o *office) DestinationDo(_ context.Context, actor, id, do string) error {
	o.did = append(o.did, actor+" "+do+" "+id)
	return nil
}

func (o *office) PutRoute(_ context.Context, actor string, r admin.Route) error {
	o.did = append(o.did, fmt.Sprintf("%s routes %s %s %s %s", actor, r.Destination, r.Facility, r.Kind, r.Mode))
	return nil
}

func (o *office) PutSecret(_ context.Context, actor, destination, code string, sealed []byte) error {
	o.did = append(o.did, fmt.Sprintf("%s keeps %x of %s for %s", actor, sealed, code, destination))
	return nil
}

func (o *office) Exchange(context.Context) (admin.Exchange, error) {
	return admin.Exchange{Destinations: []admin.Destination{{ID: "bhxh", Secrets: map[care.FacilityCode]time.Time{"": time.Unix(1, 0).UTC()}}},
		Routes: []admin.Route{{Destination: "bhxh", Mode: exchange.Relay}}}, nil
}

func (o *office) CountLegs(_ context.Context, a admin.LegAct) (int, error) {
	return len(a.Filter.Code), nil
}

func (o *office) MoveLegs(_ context.Context, actor string, a admin.LegAct, _ func(int)) (int, error) {
	o.did = append(o.did, fmt.Sprintf("%s %s %s %s", actor, a.Do, a.Filter.State, a.Reason))
	return 3, nil
}

func (o *office) ListLegs(_ context.Context, f admin.LegFilter, limit int) ([]admin.LegLine, error) {
	return []admin.LegLine{{Record: "r", Destination: f.Destination, Attempts: limit}}, nil
}

func TestTheWaysOutPassTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	ctx := t.Context()
	told := 0
	check := func(err error, want string) {
		t.Helper()
		if err != nil || len(o.did) == 0 || o.did[len(o.did)-1] != want {
			t.Errorf("%q, %v; want %q", o.did, err, want)
		}
	}
	check(c.PutDestination(ctx, "me", admin.Destination{ID: "bhxh", Adapter: "insurer", Options: json.RawMessage(`{"a":1}`)}), `me puts bhxh insurer {"a":1}`)
	check(c.DestinationDo(ctx, "me", "bhxh", "pause"), "me pause bhxh")
	check(c.PutRoute(ctx, "me", admin.Route{Destination: "bhxh", Facility: "79901", Kind: "qd4750", Mode: exchange.Mirror}), "me routes bhxh 79901 qd4750 mirror")
	check(c.PutSecret(ctx, "me", "bhxh", "79901", []byte{1, 2}), "me keeps 0102 of 79901 for bhxh")
	x, err := c.Exchange(ctx)
	if err != nil || len(x.Destinations) != 1 || len(x.Destinations[0].Secrets) != 1 || x.Routes[0].Mode != exchange.Relay {
		t.Errorf("%+v, %v", x, err)
	}
	act := admin.LegAct{Do: "retry", Filter: admin.LegFilter{State: exchange.Parked, Code: "12345"}, Reason: "vì"}
	if n, err := c.CountLegs(ctx, act); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
	n, err := c.MoveLegs(ctx, "me", act, func(n int) { told = n })
	if check(err, "me retry parked vì"); n != 3 || told != 3 {
		t.Errorf("%d, told %d", n, told)
	}
	if list, err := c.ListLegs(ctx, admin.LegFilter{Destination: "so"}, 9); err != nil || len(list) != 1 || list[0].Destination != "so" || list[0].Attempts != 9 {
		t.Errorf("%+v, %v", list, err)
	}
}
