// Package feed reads another body's feed of entries of a specialised database: the
// lines behind a place, as NDJSON over HTTP. The form is our own, until a body that
// feeds the hub publishes its own: GET ADDRESS?after=PLACE&limit=N, each line an object
// of plain values by the names of the database's fields, "$ended": true beside them
// where the entry is over; the last line is {"$next": PLACE, "$more": bool, "$lines": N}.
// An answer without that line was cut, and nothing of it is taken. A line that cannot
// be read is told and stops nothing. It asks approved addresses only and keeps nothing.
package feed

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/fault"
	"lienthong/internal/jsondoc"
)

// AdapterName names approved entries that are feeds.
const AdapterName = "feed"

// The bounds of one answer.
const (
	mostBytes  = 8 << 20
	mostLine   = 256 << 10 // bytes
	mostValues = 500       // of a line
	atOnce     = 500       // lines asked for
	mostLines  = 2_000
)

// LineCode is what is wrong with a line that is no object of plain values.
const LineCode = "feed.line"

// Faults.
var (
	// ErrAnswer: an answer that is not in the form, or was cut.
	ErrAnswer = fault.New(fault.Invalid, "feed.answer",
		"Trả lời của nguồn cấp dữ liệu không đúng dạng hoặc bị cắt; chưa ghi gì, sẽ hỏi lại.",
		"The answer of the feed is not in its form, or was cut; nothing was taken, and it is asked again.")
	// ErrLogin: the feed does not take the credential.
	ErrLogin = fault.New(fault.Withheld, "feed.login",
		"Nguồn cấp dữ liệu không chấp nhận thông tin đăng nhập.", "The feed does not take the credential.")
)

// Line is one line. Code is "" or LineCode, and then Values is nil.
type Line struct {
	Values map[string]string
	Ended  bool
	Code   string
}

// Page is the lines of one answer. Next is the place behind them; More: ask again at once.
type Page struct {
	Lines []Line
	Next  string
	More  bool
}

// Bridge asks one approved address.
type Bridge struct {
	client  *outbound.Client
	address *url.URL
	private bool
}

// New returns a bridge. private: the operator approved an address of a private
// network. Fault: outbound.address.
func New(client *outbound.Client, address string, private bool) (*Bridge, error) {
	if client == nil {
		return nil, errors.New("feed: a client is missing")
	}
	if err := outbound.Check(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, outbound.ErrAddress.Because(err)
	}
	return &Bridge{client, u, private}, nil
}

// Read asks for the lines behind a place; "" is from the first. secret goes as a
// bearer's token where there is one. Faults: feed.answer, feed.login, outbound.*.
func (b *Bridge) Read(ctx context.Context, secret []byte, after string) (Page, error) {
	u := *b.address
	q := u.Query()
	q.Set("limit", strconv.Itoa(atOnce))
	if after != "" {
		q.Set("after", after)
	}
	u.RawQuery = q.Encode()
	header := http.Header{"Accept": {"application/x-ndjson"}}
	if len(secret) > 0 {
		header.Set("Authorization", "Bearer "+string(secret))
	}
	got, err := b.client.Exchange(ctx, http.MethodGet, outbound.Call{URL: u.String(), Private: b.private, Limit: mostBytes}, header)
	if err != nil {
		return Page{}, err
	}
	switch {
	case got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden:
		return Page{}, ErrLogin
	case got.Status != http.StatusOK:
		return Page{}, outbound.ErrAnswer.Because(errors.New("status " + strconv.Itoa(got.Status)))
	}
	return Parse(got.Body)
}

var placeForm = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)

// Parse reads an answer. Fault: feed.answer.
func Parse(body []byte) (Page, error) {
	body = bytes.TrimRight(body, "\r\n\t ")
	cut := bytes.LastIndexByte(body, '\n') + 1
	p, lines, err := ending(body[cut:])
	if err != nil {
		return Page{}, err
	}
	seen := 0
	for line := range bytes.SplitSeq(body[:cut], []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if seen++; seen > mostLines {
			return Page{}, ErrAnswer
		}
		p.Lines = append(p.Lines, read(line))
	}
	if seen != lines {
		return Page{}, ErrAnswer
	}
	return p, nil
}

// ending reads the last line.
func ending(line []byte) (p Page, lines int, err error) {
	doc, err := jsondoc.Parse(line, jsondoc.Limits{Bytes: 1 << 10, Depth: 2, Values: 8})
	if err != nil || doc.Type != jsondoc.Object || len(doc.Members) != 3 {
		return p, 0, ErrAnswer
	}
	next, more, n := doc.Get("$next"), doc.Get("$more"), doc.Get("$lines")
	if next == nil || more == nil || n == nil || next.Type != jsondoc.String || more.Type != jsondoc.Bool || n.Type != jsondoc.Number || !placeForm.MatchString(next.Text) {
		return p, 0, ErrAnswer
	}
	if lines, err = strconv.Atoi(n.Text); err != nil || lines < 0 {
		return p, 0, ErrAnswer
	}
	return Page{Next: next.Text, More: more.Text == "true"}, lines, nil
}

// read reads one line.
func read(line []byte) Line {
	doc, err := jsondoc.Parse(line, jsondoc.Limits{Bytes: mostLine, Depth: 2, Values: mostValues})
	if err != nil || doc.Type != jsondoc.Object {
		return Line{Code: LineCode}
	}
	out := Line{Values: make(map[string]string, len(doc.Members))}
	for _, m := range doc.Members {
		switch {
		case m.Name == "$ended" && m.Value.Type == jsondoc.Bool:
			out.Ended = m.Value.Text == "true"
		case m.Value.Type == jsondoc.Object, m.Value.Type == jsondoc.Array, m.Name == "" || m.Name[0] == '$':
			return Line{Code: LineCode}
		case m.Value.Type != jsondoc.Null:
			out.Values[m.Name] = m.Value.Text
		}
	}
	return out
}
