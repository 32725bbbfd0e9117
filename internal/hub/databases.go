package hub

import (
	"context"
	"encoding/json"
	"io"
)

// Databases does what the command line asks about specialised databases.
func (a *Acts) Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error) {
	return a.hub.House.Databases(ctx, actor, what, ask)
}

// Receive takes a file that is to be brought into a database.
func (a *Acts) Receive(ctx context.Context, actor, id, name string, in io.Reader) (json.RawMessage, error) {
	return a.hub.House.Receive(ctx, actor, id, name, in)
}
