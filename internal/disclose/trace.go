package disclose

import (
	"context"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// Trace is what a request wrote down of what it shows. Package web/trace begins
// one for each request that can disclose and holds the answer back without it.
type Trace struct {
	mu               sync.Mutex
	rows             int
	nothing, spooled bool
}

type traceKey struct{}

// Traced returns a context in which looks are traced, and the trace.
func Traced(ctx context.Context) (context.Context, *Trace) {
	t := &Trace{}
	return context.WithValue(ctx, traceKey{}, t), t
}

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// Logged reports whether what the request shows is written down: rows are
// durable, or it is known to show nothing of anybody.
func (t *Trace) Logged() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows > 0 || t.nothing
}

// Rows returns how many rows the request wrote.
func (t *Trace) Rows() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows
}

// Nothing says that what is answered shows nothing of anybody: an empty form, a
// search that found nobody, an error. It is for routes that can disclose.
func Nothing(ctx context.Context) {
	if t := traceOf(ctx); t != nil {
		t.mu.Lock()
		t.nothing = true
		t.mu.Unlock()
	}
}

// Spooled reports whether rows of this request wait beside the log, which is
// down: a page of an emergency says so.
func Spooled(ctx context.Context) bool {
	t := traceOf(ctx)
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spooled
}

func mark(ctx context.Context, rows int, spooled bool) {
	if t := traceOf(ctx); t != nil {
		t.mu.Lock()
		t.rows += rows
		t.nothing = t.nothing || rows == 0
		t.spooled = t.spooled || spooled
		t.mu.Unlock()
	}
}

// ErrLogDown: the log of looks cannot be written, so nothing is shown.
var ErrLogDown = fault.New(fault.Busy, "disclosure.log_down",
	"Nhật ký truy cập đang không ghi được nên chưa mở được nội dung hồ sơ. Thử lại sau ít phút; cấp cứu vẫn mở được dữ liệu cấp cứu.",
	"The log of who looked cannot be written, so content stays closed. Try again in a few minutes; the emergency set still opens.")

// Spool keeps rows on this machine while the log is down; it returns when they
// are durable.
type Spool interface {
	Keep(rows []store.Disclosure) error
}

// marked is the log of looks, which tells the request's trace what is durable.
type marked struct{ store.Disclosures }

// Record keeps rows. Fault: disclosure.log_down.
func (m marked) Record(ctx context.Context, rows []store.Disclosure) error {
	if len(rows) == 0 {
		mark(ctx, 0, false)
		return nil
	}
	if err := m.Disclosures.Record(ctx, rows); err != nil {
		return ErrLogDown.Because(err)
	}
	mark(ctx, len(rows), false)
	return nil
}
