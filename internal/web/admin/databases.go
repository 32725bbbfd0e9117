package admin

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"lienthong/internal/web/problem"
)

// Databases is what is done about specialised databases, files brought into them,
// the jobs of nights and cleaning; acts that have it are a running hub's. What is
// asked and answered, package hub/house says.
type Databases interface {
	Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error)
	// Receive takes a file of any size into a database; it is read once, as it comes.
	Receive(ctx context.Context, actor, id, name string, in io.Reader) (json.RawMessage, error)
}

const (
	databasesPath = "/databases"
	receivePath   = "/databases/receive"
)

func databases(serve func(string, func(context.Context, request) (response, error)), acts Databases) {
	serve(databasesPath, func(ctx context.Context, q request) (response, error) {
		said, err := acts.Databases(ctx, q.Actor, q.Code, q.Setting)
		return response{Said: said}, err
	})
}

// receive takes files, whose bytes are the body of the request.
func receive(mux *http.ServeMux, acts Databases, base string, log *slog.Logger) {
	mux.HandleFunc("POST "+receivePath, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		said, err := acts.Receive(r.Context(), q.Get("actor"), q.Get("database"), q.Get("name"), r.Body)
		if err != nil {
			problem.Write(w, r, log, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(response{Said: said, Base: base}); err != nil {
			log.Debug("answer not written", "error", err)
		}
	})
}

// Databases does one thing about specialised databases.
func (c *Client) Databases(ctx context.Context, actor, what string, ask json.RawMessage) (json.RawMessage, error) {
	a, err := c.post(ctx, databasesPath, request{Actor: actor, Code: what, Setting: ask})
	return a.Said, err
}

// Receive sends a file to a running hub as it is read.
func (c *Client) Receive(ctx context.Context, actor, id, name string, in io.Reader) (json.RawMessage, error) {
	path := receivePath + "?" + url.Values{"actor": {actor}, "database": {id}, "name": {name}}.Encode()
	a, err := c.send(ctx, path, "application/octet-stream", io.NopCloser(in)) // the caller closes what it opened
	return a.Said, err
}
