package admin

import (
	"context"

	"lienthong/internal/admin"
)

// Carriers is who may send for facilities.
type Carriers interface {
	AddCarrier(ctx context.Context, actor string, c admin.Carrier) error
	AddCarrierClient(ctx context.Context, actor, unit string, spki []byte) (id, kid string, err error)
	GrantCarrier(ctx context.Context, actor string, g admin.Grant) (int, error)
	EndCarrier(ctx context.Context, actor string, g admin.Grant) (int, error)
	Granted(ctx context.Context, code string) ([]admin.Granted, error)
}

func carriers(serve func(string, func(context.Context, request) (response, error)), acts Carriers) {
	serve("/carrier/register", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.AddCarrier(ctx, q.Actor, q.Carrier)
	})
	serve("/carrier/credential", func(ctx context.Context, q request) (response, error) {
		id, kid, err := acts.AddCarrierClient(ctx, q.Actor, q.Code, q.SPKI)
		return response{ID: id, KID: kid}, err
	})
	serve("/carrier/grant", func(ctx context.Context, q request) (response, error) {
		n, err := acts.GrantCarrier(ctx, q.Actor, q.Grant)
		return response{Count: n}, err
	})
	serve("/carrier/end", func(ctx context.Context, q request) (response, error) {
		n, err := acts.EndCarrier(ctx, q.Actor, q.Grant)
		return response{Count: n}, err
	})
	serve("/carrier/list", func(ctx context.Context, q request) (response, error) {
		list, err := acts.Granted(ctx, q.Code)
		return response{Grants: list}, err
	})
}

// AddCarrier registers an organisation that carries.
func (c *Client) AddCarrier(ctx context.Context, actor string, x admin.Carrier) error {
	_, err := c.post(ctx, "/carrier/register", request{Actor: actor, Carrier: x})
	return err
}

// AddCarrierClient gives a carrier's system a credential.
func (c *Client) AddCarrierClient(ctx context.Context, actor, unit string, spki []byte) (id, kid string, err error) {
	a, err := c.post(ctx, "/carrier/credential", request{Actor: actor, Code: unit, SPKI: spki})
	return a.ID, a.KID, err
}

// GrantCarrier lets systems send for facilities.
func (c *Client) GrantCarrier(ctx context.Context, actor string, g admin.Grant) (int, error) {
	a, err := c.post(ctx, "/carrier/grant", request{Actor: actor, Grant: g})
	return a.Count, err
}

// EndCarrier ends grants.
func (c *Client) EndCarrier(ctx context.Context, actor string, g admin.Grant) (int, error) {
	a, err := c.post(ctx, "/carrier/end", request{Actor: actor, Grant: g})
	return a.Count, err
}

// Granted lists grants.
func (c *Client) Granted(ctx context.Context, code string) ([]admin.Granted, error) {
	a, err := c.post(ctx, "/carrier/list", request{Code: code})
	return a.Grants, err
}
