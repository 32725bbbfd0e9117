package hub

import (
	"context"
	"encoding/json"
)

// Databases does what the command line asks about specialised databases.
func (a *Acts) Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error) {
	return a.hub.House.Databases(ctx, actor, what, ask)
}
