package admin

import (
	"context"

	"lienthong/internal/admin"
)

// Deliveries is what can be done to the ways out of records.
type Deliveries interface {
	PutDestination(ctx context.Context, actor string, d admin.Destination) error
	DestinationDo(ctx context.Context, actor, id, do string) error
	PutRoute(ctx context.Context, actor string, r admin.Route) error
	PutSecret(ctx context.Context, actor, destination, code string, sealed []byte) error
	Exchange(ctx context.Context) (admin.Exchange, error)
	CountLegs(ctx context.Context, a admin.LegAct) (int, error)
	MoveLegs(ctx context.Context, actor string, a admin.LegAct, progress func(moved int)) (int, error)
	ListLegs(ctx context.Context, f admin.LegFilter, limit int) ([]admin.LegLine, error)
}

// delivery is what an act on the ways out says.
type delivery struct {
	Destination admin.Destination `json:"destination,omitzero"`
	ID          string            `json:"id,omitempty"`
	Do          string            `json:"do,omitempty"`
	Route       admin.Route       `json:"route,omitzero"`
	Facility    string            `json:"facility,omitempty"`
	Sealed      []byte            `json:"sealed,omitempty"`
	Legs        admin.LegAct      `json:"legs,omitzero"`
	Limit       int               `json:"limit,omitempty"`
}

const moveLegsPath = "/legs/move"

// deliveries answers for destinations, routes, credentials and legs.
func deliveries(serve func(path string, do func(context.Context, request) (response, error)), acts Deliveries) {
	serve("/destination/put", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.PutDestination(ctx, q.Actor, q.Delivery.Destination)
	})
	serve("/destination/do", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.DestinationDo(ctx, q.Actor, q.Delivery.ID, q.Delivery.Do)
	})
	serve("/destination/secret", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.PutSecret(ctx, q.Actor, q.Delivery.ID, q.Delivery.Facility, q.Delivery.Sealed)
	})
	serve("/route/put", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.PutRoute(ctx, q.Actor, q.Delivery.Route)
	})
	serve("/exchange", func(ctx context.Context, _ request) (response, error) {
		x, err := acts.Exchange(ctx)
		return response{Exchange: &x}, err
	})
	serve("/legs/count", func(ctx context.Context, q request) (response, error) {
		n, err := acts.CountLegs(ctx, q.Delivery.Legs)
		return response{Count: n}, err
	})
	serve("/legs/list", func(ctx context.Context, q request) (response, error) {
		list, err := acts.ListLegs(ctx, q.Delivery.Legs.Filter, q.Delivery.Limit)
		return response{Legs: list}, err
	})
	serve(moveLegsPath, func(ctx context.Context, q request) (response, error) {
		n, err := acts.MoveLegs(ctx, q.Actor, q.Delivery.Legs, nil)
		return response{Count: n}, err
	})
}

// PutDestination approves a destination.
func (c *Client) PutDestination(ctx context.Context, actor string, d admin.Destination) error {
	_, err := c.post(ctx, "/destination/put", request{Actor: actor, Delivery: delivery{Destination: d}})
	return err
}

// DestinationDo ends, pauses or resumes a destination.
func (c *Client) DestinationDo(ctx context.Context, actor, id, do string) error {
	_, err := c.post(ctx, "/destination/do", request{Actor: actor, Delivery: delivery{ID: id, Do: do}})
	return err
}

// PutSecret keeps a sealed credential.
func (c *Client) PutSecret(ctx context.Context, actor, destination, code string, sealed []byte) error {
	_, err := c.post(ctx, "/destination/secret", request{Actor: actor, Delivery: delivery{ID: destination, Facility: code, Sealed: sealed}})
	return err
}

// PutRoute sets how records reach a destination.
func (c *Client) PutRoute(ctx context.Context, actor string, r admin.Route) error {
	_, err := c.post(ctx, "/route/put", request{Actor: actor, Delivery: delivery{Route: r}})
	return err
}

// Exchange lists destinations and routes.
func (c *Client) Exchange(ctx context.Context) (admin.Exchange, error) {
	a, err := c.post(ctx, "/exchange", request{})
	if err != nil || a.Exchange == nil {
		return admin.Exchange{}, err
	}
	return *a.Exchange, nil
}

// CountLegs counts what an act would be done to.
func (c *Client) CountLegs(ctx context.Context, act admin.LegAct) (int, error) {
	a, err := c.post(ctx, "/legs/count", request{Delivery: delivery{Legs: act}})
	return a.Count, err
}

// ListLegs lists legs, newest first.
func (c *Client) ListLegs(ctx context.Context, f admin.LegFilter, limit int) ([]admin.LegLine, error) {
	a, err := c.post(ctx, "/legs/list", request{Delivery: delivery{Legs: admin.LegAct{Filter: f}, Limit: limit}})
	return a.Legs, err
}

// MoveLegs does an act on many legs; it ends with ctx. Progress is told once, at
// the end.
func (c *Client) MoveLegs(ctx context.Context, actor string, act admin.LegAct, progress func(moved int)) (int, error) {
	a, err := c.post(ctx, moveLegsPath, request{Actor: actor, Delivery: delivery{Legs: act}})
	if err == nil && progress != nil {
		progress(a.Count)
	}
	return a.Count, err
}
