package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Session sends one request after another over a client, for who decides
// itself what goes when (package station). It remembers the hub's checkpoints as
// a State does.
type Session struct {
	client *Client
	seen   *lastSeen
}

// Session begins one; path is where checkpoints are kept, "" nowhere. Fault: submit.state.
func (c *Client) Session(path string) (*Session, error) {
	seen, err := openSeen(path)
	if err != nil {
		return nil, err
	}
	return &Session{client: c, seen: seen}, nil
}

// Resume begins one that remembers what another of the same hub has seen.
func (c *Client) Resume(s *Session) *Session { return &Session{client: c, seen: s.seen} }

// Settle has the hub prove that its logs go on from what was seen of them.
// Faults: ledger.fork, ledger.unproved, submit.state.
func (s *Session) Settle(ctx context.Context) error { return s.client.settle(ctx, s.seen) }

// Shipment is one submission.
type Shipment struct {
	Header http.Header
	Body   func(io.Writer) error                   // writes the body, not compressed
	Level  func(io.Writer) (io.WriteCloser, error) // compresses it with zstd; nil: as Submit does
	Each   func(Answer) error                      // told of every answer as it comes
	Heard  func(int, http.Header)                  // told of the status and header as they come; may be nil
}

// Heard is how a shipment ended.
type Heard struct {
	Ended bool          // every answer came
	Wait  time.Duration // the hub asks to come again after this; 0 when it does not
	Cause error         // why it did not end well
	Sent  int64         // bytes of the body that went out
}

// Ship sends once. A hub that is away, busy or breaks off is told in Heard; an
// error is final, as for Submit.
func (s *Session) Ship(ctx context.Context, x Shipment) (Heard, error) {
	var sent atomic.Int64
	open := x.Level
	if open == nil {
		open = func(w io.Writer) (io.WriteCloser, error) { return compressor(w) }
	}
	h, err := s.client.post(ctx, request{header: x.Header, seen: s.seen, heard: x.Heard, body: func(w io.Writer) error {
		z, err := open(&counted{w, &sent})
		if err != nil {
			return err
		}
		if err := x.Body(z); err != nil {
			return err
		}
		return z.Close()
	}}, x.Each)
	return Heard{Ended: h.ended, Wait: h.wait, Cause: h.cause, Sent: sent.Load()}, err
}

type counted struct {
	w io.Writer
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// Client is whose session it is.
func (s *Session) Client() *Client { return s.client }

// Said is an answer read whole.
type Said struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask does one request with the client's token; at most limit bytes of the
// answer are read. A token that was refused is taken anew once. Faults:
// hub.unreachable, token.assertion.
func (c *Client) Ask(ctx context.Context, method, path string, header http.Header, body []byte, limit int64) (Said, error) {
	for again := false; ; again = true {
		token, err := c.Token(ctx)
		if err != nil {
			return Said{}, err
		}
		inner, cancel := context.WithTimeout(ctx, c.cfg.Stall) // a hub that drips is away
		defer cancel()
		req, err := http.NewRequestWithContext(inner, method, c.base+path, bytes.NewReader(body))
		if err != nil {
			return Said{}, fmt.Errorf("agent: %w", err)
		}
		if header != nil {
			req.Header = header.Clone()
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept-Encoding", "zstd")
		resp, err := c.http.Do(req)
		if err != nil {
			return Said{}, unreachable(ctx, err)
		}
		plain := resp.Body
		done, err := unpacked(resp)
		if err != nil {
			return Said{}, errors.Join(err, plain.Close())
		}
		got, err := io.ReadAll(io.LimitReader(resp.Body, limit))
		done()
		_ = plain.Close() // read as far as it is wanted
		if err != nil {
			return Said{}, unreachable(ctx, err)
		}
		if resp.StatusCode == http.StatusUnauthorized && !again {
			c.forget(token)
			continue
		}
		return Said{resp.StatusCode, resp.Header, got}, nil
	}
}
