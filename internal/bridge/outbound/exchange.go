package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"
)

// Reply is what came back of an Exchange.
type Reply struct {
	Status int
	Body   []byte
	Wait   time.Duration // Retry-After in seconds, 0 without one
	Date   time.Time     // the other side's clock, zero when it said none
	Sent   bool          // at least the head of the request left: it may have arrived
}

// Exchange makes a call with a method and headers of its own, for protocols in
// which a status is an answer; Call.Accept is not looked at. Where it fails
// Reply.Sent still says whether the request may have arrived. Faults: outbound.*.
func (c *Client) Exchange(ctx context.Context, method string, call Call, header http.Header) (Reply, error) {
	if err := Check(call.URL); err != nil {
		return Reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	by := c.public
	if call.Private {
		by = c.private
	}
	var sent atomic.Bool // the transport's goroutine may still write it
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, method, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return Reply{}, ErrAddress.Because(err)
	}
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if call.Type != "" {
		r.Header.Set("Content-Type", call.Type)
	}
	r.Header.Set("User-Agent", "lienthong")
	got, err := by.Do(r)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return Reply{}, ErrAddress.Because(err)
		}
		return Reply{Sent: sent.Load()}, ErrUnreachable.Because(bare(err))
	}
	defer got.Body.Close()
	out := Reply{Status: got.StatusCode, Sent: true}
	if s, err := strconv.Atoi(got.Header.Get("Retry-After")); err == nil && s > 0 {
		out.Wait = time.Duration(min(s, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(got.Header.Get("Date")); err == nil {
		out.Date = at
	}
	if out.Body, err = io.ReadAll(io.LimitReader(got.Body, call.Limit+1)); err != nil {
		return out, ErrUnreachable.Because(err)
	}
	if int64(len(out.Body)) > call.Limit {
		return out, ErrAnswer.Because(errors.New("too long"))
	}
	return out, nil
}

// bare takes the address off an error of net/http: a query string in it may hold
// what no log may.
func bare(err error) error {
	var with interface{ Unwrap() error }
	if errors.As(err, &with) && with.Unwrap() != nil {
		return with.Unwrap()
	}
	return err
}
