package admin_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"lienthong/internal/admin"
)

func (o *office) AddCarrier(_ context.Context, actor string, c admin.Carrier) error {
	o.did = append(o.did, actor+" registers "+c.Sort+" "+c.ID)
	return nil
}

func (o *office) AddCarrierClient(_ context.Context, _, unit string, spki []byte) (string, string, error) {
	return unit + "-1", string(spki), nil
}

func (o *office) GrantCarrier(_ context.Context, actor string, g admin.Grant) (int, error) {
	o.did = append(o.did, fmt.Sprintf("%s grants %s %s %v", actor, g.Of, g.Facility, g.Kinds))
	return 2, nil
}

func (o *office) EndCarrier(_ context.Context, actor string, g admin.Grant) (int, error) {
	o.did = append(o.did, actor+" ends "+g.Client+": "+g.Reason)
	return 1, nil
}

func (o *office) Granted(_ context.Context, code string) ([]admin.Granted, error) {
	return []admin.Granted{{Client: "bhxh-1", Facility: code, Kinds: []string{"qd4750"}}}, nil
}

func TestCarriersGoOverTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c, ctx := dial(t, o), context.Background()
	if err := c.AddCarrier(ctx, "me", admin.Carrier{ID: "bhxh", Sort: "insurer"}); err != nil {
		t.Fatal(err)
	}
	if id, kid, err := c.AddCarrierClient(ctx, "me", "bhxh", []byte("spki")); id != "bhxh-1" || kid != "spki" || err != nil {
		t.Errorf("%q %q %v", id, kid, err)
	}
	n, err := c.GrantCarrier(ctx, "me", admin.Grant{Of: "bhxh", Facility: "79901", Kinds: []string{"qd4750"}})
	if n != 2 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err = c.EndCarrier(ctx, "me", admin.Grant{Client: "bhxh-1", Reason: "hết hạn"}); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if list, err := c.Granted(ctx, "79901"); err != nil || len(list) != 1 || list[0].Facility != "79901" {
		t.Errorf("%v %v", list, err)
	}
	if want := []string{"me registers insurer bhxh", "me grants bhxh 79901 [qd4750]", "me ends bhxh-1: hết hạn"}; !slices.Equal(o.did, want) {
		t.Errorf("%v", o.did)
	}
}
