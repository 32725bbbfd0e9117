package api

import (
	"context"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/inbound"
	"lienthong/internal/web/problem"
	"lienthong/internal/xmltok"
)

var errContentType = fault.New(fault.Invalid, "request.content_type",
	"Content-Type phải là application/xml, text/xml, application/json, application/octet-stream hoặc application/x-tar, mã UTF-8.",
	"The Content-Type must be application/xml, text/xml, application/json, application/octet-stream or application/x-tar, in UTF-8.")

// submit answers POST /api/v1/submissions: one file, or a tar of files.
func (a *API) submit(w http.ResponseWriter, r *http.Request, who Caller) error {
	if a.Edge != nil {
		if err := a.Edge.Step(w, r, agent(who)); err != nil {
			return err
		}
	}
	lane, err := store.ParseLane(r.Header.Get("Lane"))
	if err != nil {
		return err
	}
	if err := a.remembered(r, who); err != nil {
		return err
	}
	a.announce(w)
	out := newAnswers(w, r, a.cfg.Pause)
	defer out.readOff(r.Body)
	kind, err := contentType(r)
	switch {
	case err != nil:
		return a.refuseAlone(r.Context(), who, out, fileName(r), r.ContentLength, err)
	case kind == "application/x-tar":
		return a.submitTar(w, r, who, lane, out)
	}
	return a.submitFile(w, r, who, lane, out)
}

// contentType returns what the body is said to be; nothing said is a file.
func contentType(r *http.Request) (string, error) {
	said := r.Header.Get("Content-Type")
	if said == "" {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(said)
	if err != nil {
		return "", errContentType.Because(err)
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return "", errContentType
	}
	switch kind {
	case "application/x-tar", "application/xml", "text/xml", "application/json", "application/octet-stream":
		return kind, nil
	}
	return "", errContentType
}

func (a *API) submitFile(w http.ResponseWriter, r *http.Request, who Caller, lane store.Lane, out *answers) error {
	name := fileName(r)
	raw, leave, err := a.readFile(w, r, who)
	defer leave()
	if err != nil {
		if refused(err) {
			return a.refuseAlone(r.Context(), who, out, name, max(r.ContentLength, int64(len(raw))), err)
		}
		return a.deferAlone(w, out, name, err)
	}
	got, err := a.Intake.Submit(r.Context(), a.sender(who), intake.File{Name: name, Bytes: raw, Lane: lane, Seal: r.Header.Get("Seal"), Software: r.Header.Get("Software")})
	if err != nil {
		if refused(err) {
			out.status = problem.Status(fault.Of(err))
			out.add(0, refusal(name, err))
			return out.end()
		}
		return a.deferAlone(w, out, name, err)
	}
	if allDeferred(got) {
		return a.deferAlone(w, out, name, fault.New(fault.Busy, got[0].Deferred.Code, got[0].Deferred.Message.VI, got[0].Deferred.Message.EN))
	}
	out.add(0, flat(got)...)
	return out.end()
}

// readFile reads a lone file whole, within the limits and the room there is.
// leave is called when its bytes are no longer needed.
func (a *API) readFile(w http.ResponseWriter, r *http.Request, who Caller) (raw []byte, leave func(), err error) {
	held := inbound.NewRoom(func(n int64) (func(), error) { return a.Intake.Reserve(r.Context(), n, false) })
	if err := held.Hold(inbound.Size(r.ContentLength, a.cfg.FileLimit)); err != nil {
		return nil, held.Leave, err
	}
	if r.ContentLength > a.cfg.FileLimit {
		return nil, held.Leave, xmltok.ErrLimits
	}
	body, done, err := a.bodies.Open(w, r, who.Name, a.cfg.FileLimit)
	if err != nil {
		return nil, held.Leave, err
	}
	defer done()
	raw, err = inbound.ReadAll(body, r.ContentLength, held.Hold)
	return raw, held.Leave, err
}

// refuseAlone answers a file that could not even be read whole; the fact is kept.
func (a *API) refuseAlone(ctx context.Context, who Caller, out *answers, name string, size int64, why error) error {
	if err := a.keepRefusal(ctx, who, size, why); err != nil {
		return err
	}
	out.status = problem.Status(fault.Of(why))
	out.add(0, refusal(name, why))
	return out.end()
}

// keepRefusal keeps it also when the sender has gone: that is often why.
func (a *API) keepRefusal(ctx context.Context, who Caller, size int64, why error) error {
	return a.Intake.RefuseUnread(context.WithoutCancel(ctx), a.sender(who), max(size, 0), fault.Of(why))
}

// deferAlone answers a lone file that was not decided: 503 with a slot.
func (a *API) deferAlone(w http.ResponseWriter, out *answers, name string, err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Busy {
		return err
	}
	slot := a.slotOf(err)
	w.Header().Set("Retry-After", strconv.Itoa(slot.RetryAfter))
	out.status, out.slot = http.StatusServiceUnavailable, slot
	out.add(0, intake.Deferred{File: name, Deferred: true, Code: f.Code, RetryAfter: slot.RetryAfter, Message: f.Text})
	return out.end()
}

func refused(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.Withheld:
		return true
	}
	return false
}

func refusal(name string, err error) intake.Refused {
	f := fault.Of(err)
	return intake.Refused{File: name, Refused: true, Code: f.Code, Message: f.Text}
}

func flat(got []intake.Answer) []any {
	out := make([]any, len(got))
	for i, x := range got {
		switch {
		case x.Deferred != nil:
			out[i] = x.Deferred
		case x.Refused != nil:
			out[i] = x.Refused
		default:
			out[i] = x.Result
		}
	}
	return out
}

func allDeferred(got []intake.Answer) bool {
	for _, x := range got {
		if x.Deferred == nil {
			return false
		}
	}
	return len(got) > 0
}

// fileName is the name a sender gives a lone file: for its own use, never kept.
func fileName(r *http.Request) string {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition"))
	if err != nil || params["filename"] == "" {
		return ""
	}
	return path.Base(params["filename"])
}
