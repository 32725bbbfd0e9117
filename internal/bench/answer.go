package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Counts is what became of what was sent, one for each dossier or refused file.
type Counts struct {
	Accepted int64 `json:"accepted"` // with and without warnings
	Rejected int64 `json:"rejected"`
	Refused  int64 `json:"refused"`
	Deferred int64 `json:"deferred"`
	Replayed int64 `json:"replayed"` // of accepted and rejected: this hub had them already
}

// Decided is how many dossiers have a record now.
func (c Counts) Decided() int64 { return c.Accepted + c.Rejected }

func (c *Counts) add(o Counts) {
	c.Accepted += o.Accepted
	c.Rejected += o.Rejected
	c.Refused += o.Refused
	c.Deferred += o.Deferred
	c.Replayed += o.Replayed
}

// Ref is a record that was made, for reading it back.
type Ref struct{ Facility, Record string }

// maxAnswer is the longest result line read.
const maxAnswer = 16 << 20

// CountAnswers counts the lines of a stream, which must come to its end.
// Fault: bench.hub.
func CountAnswers(stream io.Reader) (Counts, error) {
	var c Counts
	err := c.read(stream, nil)
	return c, err
}

// read counts the lines of a stream to its end and passes accepted records on.
// Only the head of a line is looked at, which costs next to nothing beside the
// hub; inside a JSON string none of these patterns can stand, as its quotes
// would be escaped.
func (c *Counts) read(body io.Reader, saw func(record string)) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 256<<10), maxAnswer)
	n := int64(0)
	for lines.Scan() {
		head, _, _ := bytes.Cut(lines.Bytes(), []byte(`"findings":`))
		switch {
		case bytes.HasPrefix(head, []byte(`{"end":true`)):
			if want, ok := number(head, `"results":`); !ok || want != n {
				return ErrHub.Because(fmt.Errorf("%d lines, and the end says %d", n, want))
			}
			return nil
		case bytes.Contains(head, []byte(`"refused":true`)):
			c.Refused++
		case bytes.Contains(head, []byte(`"deferred":true`)):
			c.Deferred++
		case bytes.Contains(head, []byte(`"state":"accepted`)):
			c.Accepted++
			if record, ok := text(head, `"record":"`); ok && saw != nil {
				saw(record)
			}
		case bytes.Contains(head, []byte(`"state":"rejected"`)):
			c.Rejected++
		default:
			return ErrHub.Because(errors.New("a line that says nothing"))
		}
		if bytes.Contains(head, []byte(`"replay":true`)) {
			c.Replayed++
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return ErrHub.Because(err)
	}
	return ErrHub.Because(errors.New("the stream was cut"))
}

// text returns what stands between a prefix and the next quote.
func text(line []byte, prefix string) (string, bool) {
	_, rest, ok := bytes.Cut(line, []byte(prefix))
	if !ok {
		return "", false
	}
	value, _, ok := bytes.Cut(rest, []byte(`"`))
	return string(value), ok
}

// number returns the digits after a prefix.
func number(line []byte, prefix string) (int64, bool) {
	_, rest, ok := bytes.Cut(line, []byte(prefix))
	if !ok {
		return 0, false
	}
	end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	return n, err == nil
}

// post sends one body and counts its answers. turnedAway is how long the hub
// asks to wait, when it took nothing.
func (s *senders) post(ctx context.Context, facility, kind string, body []byte, saw func(Ref)) (c Counts, turnedAway time.Duration, err error) {
	token, err := s.token(ctx, facility)
	if err != nil {
		return c, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/api/v1/submissions", bytes.NewReader(body))
	if err != nil {
		return c, 0, fmt.Errorf("bench: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := s.http.Do(req)
	if err != nil {
		return c, 0, s.failed(ctx, err)
	}
	defer resp.Body.Close() // read to its end below, where it matters
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil {
			wait = 1
		}
		_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
		return c, max(time.Duration(wait)*time.Second, time.Millisecond), nil
	case http.StatusOK, http.StatusUnprocessableEntity, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		if resp.Header.Get("Content-Type") == "application/x-ndjson" {
			var each func(string)
			if saw != nil {
				each = func(record string) { saw(Ref{facility, record}) }
			}
			if err := c.read(resp.Body, each); err != nil {
				return c, 0, s.failed(ctx, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body) // the chunk that ends the body: the connection is used again
			return c, 0, nil
		}
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
	return c, 0, ErrHub.Because(fmt.Errorf("status %d: %s", resp.StatusCode, said))
}

func (s *senders) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, ErrHub) {
		return err
	}
	return ErrHub.Because(err)
}
