package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/time/rate"

	"lienthong/internal/fault"
)

const (
	submissions = "/api/v1/submissions"
	ndjson      = "application/x-ndjson"
	// maxLine is the longest line read: a dossier of 300 rows with a finding on each is under 1 MiB.
	maxLine = 16 << 20
	// maxProblem is the longest problem document read.
	maxProblem = 64 << 10
)

// heard is how a request ended.
type heard struct {
	ended bool          // the stream has its last line
	wait  time.Duration // the hub asks to come again after this; 0 when it does not
	cause error         // why it did not end well, for the operator
}

// request is one submission.
type request struct {
	header http.Header
	seen   *lastSeen
	heard  func(status int, header http.Header) // may be nil
	body   func(io.Writer) error
}

// post sends one request and passes every answer to each. A hub that is away,
// busy or breaks off is told in heard; an error is final: what the hub refused
// to talk about, what is not its contract, each's own, or the context's.
func (c *Client) post(ctx context.Context, r request, each func(Answer) error) (heard, error) {
	for again := false; ; again = true {
		if err := c.pace.Wait(ctx); err != nil {
			return heard{}, err
		}
		token, err := c.Token(ctx)
		if err != nil {
			if fault.KindOf(err) == fault.Busy {
				return heard{cause: err}, nil
			}
			return heard{}, err
		}
		h, status, err := c.exchange(ctx, r, token, each)
		if err == nil && status == http.StatusUnauthorized {
			c.forget(token)
			if !again {
				continue
			}
			return h, ErrLogin
		}
		return h, err
	}
}

// exchange does one HTTP exchange: the body goes out while answers come in.
func (c *Client) exchange(ctx context.Context, r request, token string, each func(Answer) error) (heard, int, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(c.cfg.Stall, cancel) // a hub that says nothing has gone
	defer quiet.Stop()
	alive := func() { quiet.Reset(c.cfg.Stall) }

	from, to := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		to.CloseWithError(r.body(&watched{to, alive}))
	}()
	defer func() { // the body's goroutine must be gone before its items are touched again
		cancel()
		from.CloseWithError(errors.New("the exchange is over"))
		<-packed
	}()

	req, err := http.NewRequestWithContext(inner, http.MethodPost, c.base+submissions, from)
	if err != nil {
		return heard{}, 0, fmt.Errorf("agent: %w", err)
	}
	req.Header = r.header.Clone()
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", ndjson)
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("Accept-Encoding", "zstd") // receipts are most of the answer, and shrink to a third
	if last := r.seen.header(); last != "" {
		req.Header.Set(headerLast, last)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return heard{}, 0, ctx.Err()
		}
		return heard{cause: ErrUnreachable.Because(err)}, 0, nil
	}
	defer func() { _ = resp.Body.Close() }() // read as far as it is wanted
	r.seen.heard(resp.Header.Get(headerCheckpoint))
	if r.heard != nil {
		r.heard(resp.StatusCode, resp.Header)
	}
	done, err := unpacked(resp)
	if err != nil {
		return heard{cause: err}, resp.StatusCode, nil
	}
	defer done()
	h, err := c.listen(ctx, resp, alive, each)
	return h, resp.StatusCode, err
}

// unpacked has an answer's body read decompressed. Fault: hub.answer.
func unpacked(resp *http.Response) (done func(), err error) {
	switch encoding := resp.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return func() {}, nil
	case "zstd":
		z, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, ErrAnswer.Because(err)
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{z, resp.Body}
		return z.Close, nil
	default:
		return nil, ErrAnswer.Because(fmt.Errorf("content encoding %q", encoding))
	}
}

// watched tells when bytes moved.
type watched struct {
	w     io.Writer
	alive func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.alive()
	return w.w.Write(p)
}

// listen reads an answer of either form.
func (c *Client) listen(ctx context.Context, resp *http.Response, alive func(), each func(Answer) error) (heard, error) {
	var h heard
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		h.wait = max(retryAfter(resp.Header, c.cfg.Clock.Now()), time.Second)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == ndjson {
		err := c.lines(ctx, resp.Body, alive, &h, each)
		return h, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		if ctx.Err() != nil {
			return h, ctx.Err()
		}
		h.cause = ErrUnreachable.Because(err)
		return h, nil
	}
	return c.problem(resp, b, h)
}

// lines reads a stream of answers to its last line, or to where it was cut.
func (c *Client) lines(ctx context.Context, body io.Reader, alive func(), h *heard, each func(Answer) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for lines.Scan() {
		alive()
		a, last, err := parseLine(bytes.Clone(lines.Bytes()))
		if err != nil { // half a line is how a cut looks, too
			h.cause = err
			return nil
		}
		if last != nil {
			if h.ended = last.results == n; !h.ended {
				h.cause = ErrAnswer.Because(fmt.Errorf("the stream has %d answers and says %d", n, last.results))
			}
			return nil
		}
		n++
		if err := each(a); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cause := lines.Err()
	if cause == nil {
		cause = io.ErrUnexpectedEOF
	}
	h.cause = ErrUnreachable.Because(cause)
	return nil
}

// problem reads a problem document (RFC 9457): a time to come again, or the end of it.
func (c *Client) problem(resp *http.Response, b []byte, h heard) (heard, error) {
	var p struct {
		Code    string     `json:"code"`
		Message fault.Text `json:"message"`
		Start   time.Time  `json:"slot_start"`
		Rate    float64    `json:"rate_per_s"`
		Retry   int        `json:"retry_after"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		p.Code = ""
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized: // the caller takes a new token
		return h, nil
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") == "" {
			h.wait = max(h.wait, time.Duration(p.Retry)*time.Second, untilSlot(p.Start, resp.Header, c.cfg.Clock.Now()))
		}
		if p.Rate > 0 {
			c.pace.SetLimit(rate.Limit(p.Rate))
		}
		h.cause = ErrUndecided.Because(fmt.Errorf("the hub answered %d %s", status, p.Code))
		return h, nil
	case status >= 500:
		h.cause = ErrUnreachable.Because(fmt.Errorf("the hub answered %d %s", status, p.Code))
		return h, nil
	case status >= 400 && p.Code != "" && p.Message.EN != "":
		return h, fault.New(kindOf(status), p.Code, p.Message.VI, p.Message.EN)
	default:
		return h, ErrAnswer.Because(fmt.Errorf("status %d, %s", status, resp.Header.Get("Content-Type")))
	}
}

// kindOf turns the status of a problem back into the kind of its fault.
func kindOf(status int) fault.Kind {
	switch status {
	case http.StatusForbidden:
		return fault.Withheld
	case http.StatusNotFound:
		return fault.Absent
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusRequestEntityTooLarge:
		return fault.TooLarge
	}
	return fault.Invalid
}

// retryAfter reads the header of that name in either form (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(s, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return untilSlot(at, h, now)
	}
	return 0
}

// untilSlot is how long it is to a moment of the hub's clock, which Date tells:
// the clock here may be wrong.
func untilSlot(at time.Time, h http.Header, now time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	if hubs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = hubs
	}
	return max(at.Sub(now), 0)
}
