package admin

import (
	"context"

	"lienthong/internal/admin"
	"lienthong/internal/store"
)

// gateways answers for accounts of the drop-in gateway.
func gateways(serve func(path string, do func(context.Context, request) (response, error)), acts Acts) {
	serve("/facility/gateway", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.SetGateway(ctx, q.Actor, q.Gateway)
	})
	serve("/facility/gateway-revoke", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.RevokeGateway(ctx, q.Actor, q.Gateway.Code, q.Gateway.User)
	})
	serve("/facility/gateways", func(ctx context.Context, q request) (response, error) {
		list, err := acts.GatewaysOf(ctx, q.Gateway.Code)
		return response{Gateways: list}, err
	})
}

// SetGateway makes an account of the drop-in gateway.
func (c *Client) SetGateway(ctx context.Context, actor string, g admin.Gateway) error {
	_, err := c.post(ctx, "/facility/gateway", request{Actor: actor, Gateway: g})
	return err
}

// RevokeGateway ends an account.
func (c *Client) RevokeGateway(ctx context.Context, actor, code, user string) error {
	_, err := c.post(ctx, "/facility/gateway-revoke", request{Actor: actor, Gateway: admin.Gateway{Code: code, User: user}})
	return err
}

// GatewaysOf lists the accounts of a facility.
func (c *Client) GatewaysOf(ctx context.Context, code string) ([]store.GatewayAccount, error) {
	a, err := c.post(ctx, "/facility/gateways", request{Gateway: admin.Gateway{Code: code}})
	return a.Gateways, err
}
