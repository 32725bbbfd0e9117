package api

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/xmltok"
)

// together is how many members of one tar are worked on at once: enough to
// fill a group, few enough that one sender cannot fill the hub.
const together = 96

var (
	errTar = fault.New(fault.Invalid, "file.unreadable",
		"Gói tar hỏng hoặc bị cắt. Phần đã trả lời là đã ghi; gửi lại cả gói.",
		"The tar is damaged or cut short. What was answered is kept; send the whole again.")
	errMember = fault.New(fault.Invalid, "file.unreadable",
		"Thành phần này của gói tar không phải tệp thường.", "This member of the tar is not a regular file.")
	errName = fault.New(fault.TooLarge, "file.limits",
		"Tên tệp trong gói tar dài hơn 1.024 byte. Đặt tên ngắn hơn rồi gửi lại.",
		"The name of this member of the tar is longer than 1,024 bytes. Shorten it and send again.")
)

// submitTar takes each member of a tar by itself: a wrapper, not a transaction.
func (a *API) submitTar(w http.ResponseWriter, r *http.Request, who Caller, lane store.Lane, out *answers) error {
	body, done, err := a.open(w, r, who, a.cfg.TarLimit)
	if err != nil {
		if refused(err) {
			return a.refuseAlone(r.Context(), who, out, "", r.ContentLength, err)
		}
		return err
	}
	defer done()
	end := &tail{from: body}
	u := &unpacking{API: a, ctx: r.Context(), who: who, lane: lane, out: out, members: tar.NewReader(end), places: make(chan struct{}, together)}
	failed := u.run()
	if failed == nil && !end.closed() {
		failed = errTar
	}
	u.work.Wait()
	if failed != nil {
		return a.cut(r.Context(), who, out, failed)
	}
	return out.end()
}

// unpacking is one tar on its way through.
type unpacking struct {
	*API
	ctx     context.Context
	who     Caller
	lane    store.Lane
	out     *answers
	members *tar.Reader
	places  chan struct{}
	work    sync.WaitGroup
}

// run takes the members one after another, until the end or what breaks it off.
func (u *unpacking) run() error {
	for entries, n := 1, 0; ; entries++ {
		h, err := u.members.Next()
		if err != nil {
			return tarFault(err)
		}
		if entries > 2*u.cfg.TarMembers { // each with its seal beside it
			return xmltok.ErrLimits
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader || strings.HasSuffix(h.Name, ".jws") {
			continue
		}
		if n >= u.cfg.TarMembers {
			return xmltok.ErrLimits
		}
		if err := u.take(n, h); err != nil {
			return err
		}
		n++
	}
}

// maxName is the longest name of a member, in bytes: an answer repeats it, and
// a name may be a megabyte of the same letter.
const maxName = 1024

// take reads member n and hands it over; an error ends the tar.
func (u *unpacking) take(n int, h *tar.Header) error {
	switch {
	case len(h.Name) > maxName:
		h.Name = strings.Clone(strings.ToValidUTF8(h.Name[:maxName], "")) // and let go of the rest
		u.refuse(n, h, errName)
		return nil
	case h.Typeflag != tar.TypeReg || sparse(h):
		u.refuse(n, h, errMember)
		return nil
	case h.Size > u.cfg.FileLimit:
		u.refuse(n, h, xmltok.ErrLimits)
		return nil
	}
	release, err := u.Intake.Reserve(u.ctx, h.Size, true)
	if err != nil {
		return err
	}
	raw := make([]byte, h.Size)
	if _, err := io.ReadFull(u.members, raw); err != nil {
		release()
		return tarFault(noEOF(err))
	}
	u.places <- struct{}{}
	u.work.Go(func() {
		defer func() { release(); <-u.places }()
		u.out.add(n, u.member(u.ctx, u.who, intake.File{Name: h.Name, Bytes: raw, Lane: u.lane})...)
	})
	return nil
}

// sparse reports whether a member's holes are not in the tar: a few bytes
// there would be gigabytes here.
func sparse(h *tar.Header) bool {
	for name := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// refuse answers a member that is not even read; the fact is kept.
func (u *unpacking) refuse(n int, h *tar.Header, why error) {
	u.out.add(n, u.refusal(u.ctx, u.who, h.Name, h.Size, why))
}

// refusal keeps a refusal and gives its answer, or the deferral if it cannot be kept.
func (a *API) refusal(ctx context.Context, who Caller, name string, size int64, why error) any {
	if err := a.keepRefusal(ctx, who, size, why); err != nil {
		return a.deferred(name, err)
	}
	return refusal(name, why)
}

// cut ends a tar that broke off: what was decided is answered, then the reason.
func (a *API) cut(ctx context.Context, who Caller, out *answers, why error) error {
	switch {
	case out.empty() && refused(why):
		return a.refuseAlone(ctx, who, out, "", 0, why)
	case out.empty():
		return why
	case refused(why):
		out.add(last, a.refusal(ctx, who, "", 0, why))
	default:
		out.add(last, a.deferred("", why))
	}
	return out.stop()
}

// last is after every member.
const last = 1 << 30

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

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// member takes one file of a tar and gives its answers, whatever happens: a
// defect that one member meets must not end the hub for all.
func (a *API) member(ctx context.Context, who Caller, f intake.File) (answers []any) {
	defer func() {
		if p := recover(); p != nil {
			answers = []any{a.deferred(f.Name, fmt.Errorf("panic: %v", p))}
		}
	}()
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
		if !errors.Is(err, context.Canceled) { // the sender has gone
			a.Logger.Error("member not decided", "code", f.Code, "error", err)
		}
		f = intake.ErrBusy
	}
	return intake.Deferred{File: name, Deferred: true, Code: f.Code, RetryAfter: a.Intake.RetryAfter(), Message: f.Text}
}

// tail watches for the two blocks of zeros that end a tar (POSIX ustar): the
// reader of the library takes a tar cut between two members for whole.
type tail struct {
	from  io.Reader
	zeros int
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	i := n
	for i > 0 && p[i-1] == 0 {
		i--
	}
	if i > 0 {
		t.zeros = 0
	}
	t.zeros += n - i
	return n, err
}

func (t *tail) closed() bool { return t.zeros >= 1024 }
