package api

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
	"lienthong/internal/xmltok"
)

// together is how many members of one tar are worked on at once: enough to
// fill a group, few enough that one sender cannot fill the hub.
const together = 96

var errTar = fault.New(fault.Invalid, "file.unreadable",
	"Gói tar hỏng hoặc bị cắt. Phần đã trả lời là đã ghi; gửi lại cả gói.",
	"The tar is damaged or cut short. What was answered is kept; send the whole again.")

// submit answers POST /api/v1/submissions: one file, or a tar of files.
func (a *API) submit(w http.ResponseWriter, r *http.Request, who Caller) error {
	lane, err := store.ParseLane(r.Header.Get("Lane"))
	if err != nil {
		return err
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	out := newAnswers(w, r)
	if kind == "application/x-tar" {
		return a.submitTar(w, r, who, lane, out)
	}
	return a.submitFile(w, r, who, lane, out)
}

func (a *API) submitFile(w http.ResponseWriter, r *http.Request, who Caller, lane store.Lane, out *answers) error {
	name := fileName(r)
	release, err := a.Intake.Reserve(r.Context(), reservation(r.ContentLength, a.cfg.FileLimit), false)
	if err != nil {
		return a.deferAlone(w, out, name, err)
	}
	defer release()
	if r.ContentLength > a.cfg.FileLimit {
		return a.refuseAlone(r.Context(), who, out, name, r.ContentLength, xmltok.ErrLimits)
	}
	body, closeBody, err := a.open(w, r, a.cfg.FileLimit)
	if err != nil {
		return a.refuseAlone(r.Context(), who, out, name, r.ContentLength, err)
	}
	defer closeBody()
	raw, err := readAll(body, r.ContentLength)
	if err != nil {
		return a.refuseAlone(r.Context(), who, out, name, int64(len(raw)), err)
	}
	got, err := a.Intake.Submit(r.Context(), a.sender(who), intake.File{Name: name, Bytes: raw, Lane: lane, Seal: r.Header.Get("Seal")})
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

// refuseAlone answers a file that could not even be read whole; the fact is kept.
func (a *API) refuseAlone(ctx context.Context, who Caller, out *answers, name string, size int64, why error) error {
	if !refused(why) {
		return why
	}
	if err := a.Intake.RefuseUnread(ctx, a.sender(who), max(size, 0), fault.Of(why)); err != nil {
		return err
	}
	out.status = problem.Status(fault.Of(why))
	out.add(0, refusal(name, why))
	return out.end()
}

// deferAlone answers a lone file that was not decided: 503 with a slot.
func (a *API) deferAlone(w http.ResponseWriter, out *answers, name string, err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Busy {
		return err
	}
	slot := a.slot()
	w.Header().Set("Retry-After", strconv.Itoa(slot.RetryAfter))
	out.status, out.slot = http.StatusServiceUnavailable, slot
	out.add(0, intake.Deferred{File: name, Deferred: true, Code: f.Code, RetryAfter: slot.RetryAfter, Message: f.Text})
	return out.end()
}

// submitTar takes each member of a tar by itself: a wrapper, not a transaction.
func (a *API) submitTar(w http.ResponseWriter, r *http.Request, who Caller, lane store.Lane, out *answers) error {
	body, closeBody, err := a.open(w, r, a.cfg.TarLimit)
	if err != nil {
		return a.refuseAlone(r.Context(), who, out, "", r.ContentLength, err)
	}
	defer closeBody()
	var wg sync.WaitGroup
	places := make(chan struct{}, together)
	members, failed := tar.NewReader(body), error(nil)
	for n := 0; ; n++ {
		h, err := members.Next()
		if err != nil {
			failed = tarFault(err)
			break
		}
		if h.Typeflag != tar.TypeReg || strings.HasSuffix(h.Name, ".jws") {
			continue
		}
		if n >= a.cfg.TarMembers {
			failed = xmltok.ErrLimits
			break
		}
		if h.Size > a.cfg.FileLimit {
			a.refuseMember(r.Context(), who, out, n, h.Name, h.Size)
			continue
		}
		release, err := a.Intake.Reserve(r.Context(), h.Size, true)
		if err != nil {
			failed = err
			break
		}
		raw, err := readAll(members, h.Size)
		if err != nil {
			release()
			failed = tarFault(err)
			break
		}
		places <- struct{}{}
		wg.Add(1)
		go func(n int, name string) {
			defer func() { release(); <-places; wg.Done() }()
			out.add(n, a.member(r.Context(), who, intake.File{Name: name, Bytes: raw, Lane: lane})...)
		}(n, h.Name)
	}
	wg.Wait()
	if failed != nil {
		if out.empty() && !refused(failed) {
			return failed
		}
		return a.cut(r.Context(), who, out, failed)
	}
	return out.end()
}

// cut ends a tar that broke off: what was decided is answered, then the reason.
func (a *API) cut(ctx context.Context, who Caller, out *answers, why error) error {
	if out.empty() {
		return a.refuseAlone(ctx, who, out, "", 0, why)
	}
	out.add(1<<30, refusal("", why))
	return out.stop()
}

func tarFault(err error) error {
	var f *fault.Error
	switch {
	case err == io.EOF:
		return nil
	case errors.As(err, &f):
		return err
	}
	return errTar.Because(err)
}

func (a *API) refuseMember(ctx context.Context, who Caller, out *answers, n int, name string, size int64) {
	if err := a.Intake.RefuseUnread(ctx, a.sender(who), size, xmltok.ErrLimits); err != nil {
		out.add(n, a.deferred(name, err))
		return
	}
	out.add(n, refusal(name, xmltok.ErrLimits))
}

// member takes one file of a tar and gives its answers, whatever happens.
func (a *API) member(ctx context.Context, who Caller, f intake.File) []any {
	got, err := a.Intake.Submit(ctx, a.sender(who), f)
	if err == nil {
		return flat(got)
	}
	if refused(err) {
		return []any{refusal(f.Name, err)}
	}
	return []any{a.deferred(f.Name, err)}
}

// deferred is the answer for a member that was not decided. A broken hub says
// so to its operator; the sender is told to come again.
func (a *API) deferred(name string, err error) intake.Deferred {
	f := fault.Of(err)
	if f.Kind != fault.Busy {
		a.Logger.Error("member not decided", "code", f.Code, "error", err)
		f = intake.ErrBusy
	}
	return intake.Deferred{File: name, Deferred: true, Code: f.Code, RetryAfter: a.Intake.RetryAfter(), Message: f.Text}
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
		if x.Deferred != nil {
			out[i] = x.Deferred
		} else {
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

// reservation is how many bytes a file of unknown length is counted as at first.
func reservation(length, limit int64) int64 {
	if length < 0 || length > limit {
		return 1 << 20
	}
	return length
}

func readAll(r io.Reader, hint int64) ([]byte, error) {
	if hint < 0 || hint > 4<<20 {
		hint = 64 << 10
	}
	buf := make([]byte, 0, hint+512)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}
