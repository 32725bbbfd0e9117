package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// Post posts a body and returns the answer's status and body, whatever the
// status: for protocols in which a status is an answer. Accept is not looked
// at. Faults: outbound.*.
func (c *Client) Post(ctx context.Context, call Call) (status int, body []byte, err error) {
	if err := Check(call.URL); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	by := c.public
	if call.Private {
		by = c.private
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return 0, nil, ErrAddress.Because(err)
	}
	r.Header.Set("Content-Type", call.Type)
	r.Header.Set("User-Agent", "lienthong")
	got, err := by.Do(r)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return 0, nil, ErrAddress.Because(err)
		}
		return 0, nil, ErrUnreachable.Because(err)
	}
	defer got.Body.Close()
	body, err = io.ReadAll(io.LimitReader(got.Body, call.Limit+1))
	if err != nil {
		return 0, nil, ErrUnreachable.Because(err)
	}
	if int64(len(body)) > call.Limit {
		return 0, nil, ErrAnswer.Because(errors.New("too long"))
	}
	return got.StatusCode, body, nil
}
