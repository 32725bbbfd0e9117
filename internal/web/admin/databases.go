package admin

import (
	"context"
	"encoding/json"
)

// Databases is what is done about specialised databases; acts that have it are a
// running hub's. What is asked and answered, package hub/house says (Ask).
type Databases interface {
	Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error)
}

func databases(serve func(string, func(context.Context, request) (response, error)), acts Databases) {
	serve("/databases", func(ctx context.Context, q request) (response, error) {
		said, err := acts.Databases(ctx, q.Actor, q.Code, q.Setting)
		return response{Said: said}, err
	})
}

// Databases does one thing about specialised databases.
func (c *Client) Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error) {
	a, err := c.post(ctx, "/databases", request{Actor: actor, Code: what, Setting: ask})
	return a.Said, err
}
