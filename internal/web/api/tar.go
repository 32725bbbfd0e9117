package api

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/store"
	"lienthong/internal/xmltok"
)

// What one tar has under work at once: enough to fill groups of dossiers, few
// enough that one sender cannot fill the hub.
const (
	together  = 64      // members handed over together
	heavy     = 4 << 20 // or as many bytes
	underWork = 2       // handovers at a time
)

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
	w.Header().Set(headerCodings, codingUnwrapped)
	coded, err := coding(r)
	if err != nil {
		return err
	}
	body, done, err := a.bodies.Open(w, r, who.Name, a.cfg.TarLimit)
	if err != nil {
		if refused(err) {
			return a.refuseAlone(r.Context(), who, out, "", r.ContentLength, err)
		}
		return err
	}
	defer done()
	end := &tail{from: body}
	u := &unpacking{API: a, ctx: r.Context(), who: who, lane: lane, out: out, members: tar.NewReader(end), places: make(chan struct{}, underWork), unwrapped: coded, software: r.Header.Get("Software")}
	stop := u.flushing()
	failed := u.run()
	stop()
	if failed == nil && !end.closed() {
		failed = errTar
	}
	u.finish(failed)
	u.work.Wait()
	if failed != nil {
		return a.cut(r.Context(), who, out, failed)
	}
	return out.end()
}

// unpacking is one tar on its way through.
type unpacking struct {
	*API
	ctx  context.Context
	who  Caller
	lane store.Lane
	out  *answers

	software string // that made the files, as the sender says

	members *tar.Reader
	places  chan struct{}
	work    sync.WaitGroup

	unwrapped bool   // members may have their base64 undone
	whole     int64  // bytes of members, rebuilt
	beside    beside // members that wait for what may lie beside them

	mu    sync.Mutex
	batch []*member // read, not handed over yet
	bytes int64     // of the batch
}

// dawdle is how long a member waits for others to be handed over with: a tar
// that comes slowly is answered as it comes.
const dawdle = 20 * time.Millisecond

// flushing hands the batch over again and again until the tar is read.
func (u *unpacking) flushing() (stop func()) {
	tick := time.NewTicker(dawdle)
	end := make(chan struct{})
	u.work.Go(func() {
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				u.flush()
			case <-end:
				return
			}
		}
	})
	return func() { close(end) }
}

// member is one file of a tar, with what lies beside it.
type member struct {
	n       int // its place among the answers
	file    intake.File
	release []func() // room kept for its bytes
	size    int64
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
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if n >= u.cfg.TarMembers {
			return xmltok.ErrLimits
		}
		if isSeal(h.Name) {
			if err := u.takeSeal(h); err != nil {
				return err
			}
			continue
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

// take reads member n; an error ends the tar.
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
	release, err := u.room(roomFor(h.Size, u.cfg.FileLimit, u.unwrapped))
	if err != nil {
		return err
	}
	raw := make([]byte, h.Size)
	if _, err := io.ReadFull(u.members, raw); err != nil {
		release()
		return tarFault(noEOF(err))
	}
	if u.unwrapped {
		if raw, err = rebuilt(raw, u.cfg.FileLimit); err != nil {
			release()
			u.refuse(n, h, err)
			return nil
		}
		if u.whole += int64(len(raw)); u.whole > u.cfg.TarLimit {
			release()
			return xmltok.ErrLimits
		}
	}
	m := &member{n: n, file: intake.File{Name: h.Name, Bytes: raw, Lane: u.lane, Software: u.software}, release: []func(){release}, size: int64(len(raw))}
	u.handOver(u.beside.arrived(m, u.wants(m))...)
	return nil
}

// wants says what a member waits for.
func (u *unpacking) wants(m *member) waits {
	if isPaper(m.file.Name) {
		return waits{paper: true}
	}
	sealed, papers := u.Intake.Wants(m.file.Bytes)
	return waits{sealed: sealed, papers: papers}
}

// room keeps room for bytes. A tar that holds members back never makes others
// wait for room that only it could give: it lets go of them first. With seals
// whose files have not come it does not wait at all: it breaks off, to be sent again.
func (u *unpacking) room(size int64) (release func(), err error) {
	release, err = u.Intake.Reserve(u.ctx, size, false)
	if err == nil || fault.KindOf(err) != fault.Busy || u.Intake.Stopping() {
		return release, err
	}
	u.flush()
	for _, m := range u.beside.empty() {
		m.done()
		u.out.add(m.n, u.deferred(m.file.Name, intake.ErrBusy))
	}
	if len(u.beside.seals) > 0 {
		return nil, err
	}
	return u.Intake.Reserve(u.ctx, size, true)
}

// takeSeal reads a detached seal and gives it to the file it lies beside.
func (u *unpacking) takeSeal(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg || sparse(h) || len(h.Name) > maxName {
		return nil
	}
	token := "too long" // no seal, but not a missing one
	size := int64(len(h.Name)) + min(h.Size, maxSeal) + sealPlace
	release, err := u.room(size)
	if err != nil {
		return err
	}
	if h.Size <= maxSeal {
		raw := make([]byte, h.Size)
		if _, err := io.ReadFull(u.members, raw); err != nil {
			release()
			return tarFault(noEOF(err))
		}
		token = strings.TrimSpace(string(raw))
	}
	u.handOver(u.beside.sealed(strings.TrimSuffix(h.Name, sealSuffix), token, size, release)...)
	return nil
}

// handOver puts members that wait for nothing into the batch.
func (u *unpacking) handOver(members ...*member) {
	for _, m := range members {
		if isPaper(m.file.Name) {
			m.done()
			u.out.add(m.n, u.refusal(u.ctx, u.who, m.file.Name, m.size, intake.ErrPaperAlone))
			continue
		}
		u.mu.Lock()
		u.batch = append(u.batch, m)
		u.bytes += m.size
		full := len(u.batch) == together || u.bytes >= heavy
		u.mu.Unlock()
		if full {
			u.flush()
		}
	}
}

// finish hands over what waits. A tar that broke off may have lost what lies
// beside them: then those members are not decided.
func (u *unpacking) finish(failed error) {
	u.beside.forget()
	for _, m := range u.beside.empty() {
		if failed == nil {
			u.handOver(m)
			continue
		}
		m.done()
		u.out.add(m.n, u.deferred(m.file.Name, intake.ErrBusy))
	}
	u.flush()
}

// flush hands the batch to intake.
func (u *unpacking) flush() {
	u.mu.Lock()
	batch := u.batch
	u.batch, u.bytes = nil, 0
	u.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	u.places <- struct{}{}
	u.work.Go(func() {
		defer func() { <-u.places }()
		files := make([]intake.File, len(batch))
		for i, m := range batch {
			files[i] = m.file
		}
		var told []placed
		for i, d := range u.Intake.SubmitAll(u.ctx, u.sender(u.who), files) {
			batch[i].done()
			for _, answer := range u.told(batch[i].file.Name, d) {
				told = append(told, placed{batch[i].n, answer})
			}
		}
		u.out.addAll(told)
	})
}

// done gives back the room of a member.
func (m *member) done() {
	for _, release := range m.release {
		release()
	}
}

// told are the answers of one file.
func (a *API) told(name string, d intake.Decided) []any {
	switch {
	case d.Err == nil:
		return flat(d.Answers)
	case refused(d.Err):
		return []any{refusal(name, d.Err)}
	}
	return []any{a.deferred(name, d.Err)}
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
	return intake.Deferred{File: name, Deferred: true, Code: f.Code, RetryAfter: a.slotOf(err).RetryAfter, Message: f.Text}
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
