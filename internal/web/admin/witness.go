package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"lienthong/internal/admin"
	"lienthong/internal/bundle"
	"lienthong/internal/fault"
	"lienthong/internal/web/problem"
)

// Witness does one act on witnesses.
func (c *Client) Witness(ctx context.Context, actor string, change admin.WitnessChange) error {
	_, err := c.post(ctx, "/witness", request{Actor: actor, Witness: change})
	return err
}

// Evidence collects the bundle of a record for the operator of this machine.
type Evidence func(ctx context.Context, actor, record, reason string) (*bundle.Parts, error)

// WithEvidence is the socket's handler with POST /evidence beside it, which
// answers a bundle as it is.
func WithEvidence(next http.Handler, collect Evidence, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST /evidence", func(w http.ResponseWriter, r *http.Request) {
		var q request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&q); err != nil {
			problem.Write(w, r, log, errRequest.Because(err))
			return
		}
		parts, err := collect(r.Context(), q.Actor, q.Record, q.Reason)
		var out bytes.Buffer
		if err == nil {
			err = bundle.Write(&out, parts)
		}
		if err != nil {
			problem.Write(w, r, log, err)
			return
		}
		w.Header().Set("Content-Type", "application/zip")
		if _, err := w.Write(out.Bytes()); err != nil {
			log.Debug("answer not written", "error", err)
		}
	})
	return mux
}

// Evidence asks a running hub for a record's bundle.
func (c *Client) Evidence(ctx context.Context, actor, record, reason string) ([]byte, error) {
	b, err := json.Marshal(request{Actor: actor, Record: record, Reason: reason})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin/evidence", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	got, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, bundle.MaxBundle+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("admin: %w", err)
	case len(body) > bundle.MaxBundle:
		return nil, errors.New("admin: a bundle longer than any")
	case got.StatusCode != http.StatusOK:
		var p problem.Problem
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, fmt.Errorf("admin: the hub answered %s", got.Status)
		}
		return nil, &fault.Error{Kind: fault.Invalid, Code: p.Code, Text: p.Message}
	}
	return body, nil
}
