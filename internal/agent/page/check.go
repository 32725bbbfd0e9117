package page

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/watch"
	"lienthong/internal/fault"
	"lienthong/internal/seal"
)

var (
	errNoFile = fault.New(fault.Invalid, "page.no_file", "Chưa chọn tệp. Chọn một tệp rồi bấm lại.", "No file was chosen. Choose one and press again.")
	errManyIn = fault.New(fault.Busy, "agent.busy", "Đang kiểm tra một tệp khác. Thử lại sau vài giây.", "Another file is being looked at. Try again in a few seconds.")
)

// check looks at a file as the hub would, and with send takes it when nothing
// stands against it: what was mended at the source goes on its way from here.
func (p *Page) check(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("check", "agent.nav.check")
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	default:
		p.fail(w, r, f, errManyIn)
		return
	}
	name, raw, send, err := upload(w, r)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	t, err := p.try(r, name, raw, send)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, checkPage(f, t))
}

// try judges a file and may take it.
func (p *Page) try(r *http.Request, name string, raw []byte, send bool) (*tried, error) {
	t := &tried{Name: name, Size: int64(len(raw))}
	payload := spool.Payload{File: spool.Part{Name: name, Bytes: raw}}
	preview, err := p.Station.Preview(r.Context(), payload)
	switch {
	case errors.Is(err, seal.ErrMissing) && p.Signer != nil:
		t.Waits = true
	case err != nil:
		if t.Refused = fault.Of(err); t.Refused.Kind == fault.Broken {
			return nil, err
		}
	case preview != nil:
		t.Results = preview.Results
	}
	if !send || !t.Good() {
		return t, nil
	}
	t.Sent, err = p.Station.Take(r.Context(), station.Item{Name: name, Source: "local", Payload: payload})
	return t, err
}

// upload reads the form's one file, without ever writing it to a disk.
func upload(w http.ResponseWriter, r *http.Request) (name string, raw []byte, send bool, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, watch.MaxFile+64<<10)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, false, errNoFile.Because(err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, false, tooLong(err)
		}
		switch part.FormName() {
		case "file":
			name = path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))
			if raw, err = io.ReadAll(part); err != nil {
				return "", nil, false, tooLong(err)
			}
		case "do":
			b, err := io.ReadAll(io.LimitReader(part, 10))
			if err != nil {
				return "", nil, false, tooLong(err)
			}
			send = string(b) == "send"
		}
	}
	if len(raw) == 0 {
		return "", nil, false, errNoFile
	}
	return name, raw, send, nil
}

func tooLong(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return watch.ErrLimits
	}
	return errNoFile.Because(err)
}
