package admin_test

import (
	"context"
	"fmt"
	"testing"

	"lienthong/internal/admin"
	"lienthong/internal/store"
)

func (o *office) SetGateway(_ context.Context, actor string, g admin.Gateway) error {
	o.did = append(o.did, fmt.Sprintf("%s gives %+v", actor, g))
	return nil
}

func (o *office) RevokeGateway(_ context.Context, actor, code, user string) error {
	o.did = append(o.did, actor+" takes "+user+" from "+code)
	return nil
}

func (o *office) GatewaysOf(_ context.Context, code string) ([]store.GatewayAccount, error) {
	return []store.GatewayAccount{{Facility: "79901", User: code + "_BV", Roaming: true}}, nil
}

func TestGatewayAccountsPassTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	if err := c.SetGateway(t.Context(), "me", admin.Gateway{Code: "79901", User: "u", Hash: "h", Roaming: true}); err != nil || o.did[0] != "me gives {Code:79901 User:u Hash:h Roaming:true}" {
		t.Errorf("%q, %v", o.did, err)
	}
	if err := c.RevokeGateway(t.Context(), "me", "79901", "u"); err != nil || o.did[1] != "me takes u from 79901" {
		t.Errorf("%q, %v", o.did, err)
	}
	if list, err := c.GatewaysOf(t.Context(), "79901"); err != nil || len(list) != 1 || list[0].User != "79901_BV" || !list[0].Roaming {
		t.Errorf("%+v, %v", list, err)
	}
}
