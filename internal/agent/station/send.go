package station

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// Connection is how things stand between the agent and its hub.
type Connection struct {
	Hub       string        `json:"hub"`
	Reachable bool          `json:"reachable"`
	Since     time.Time     `json:"since"`                 // so it is since then
	Heard     time.Time     `json:"heard,omitzero"`        // the last answer of any sort
	Until     time.Time     `json:"until,omitzero"`        // the hub asked to come again then: the slot
	Code      string        `json:"code,omitempty"`        // of the last failure
	Message   fault.Text    `json:"message,omitzero"`      // and what it means
	Skew      time.Duration `json:"skew_ns"`               // how far the hub's clock is ahead of this machine's
	BatchSize int64         `json:"batch_bytes"`           // of the next one, in bytes of files
	Next      time.Time     `json:"next_attempt,omitzero"` // nothing is sent before
}

// Connection tells how things stand.
func (s *Station) Connection() Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conn
	c.Hub, c.BatchSize = s.Client.Hub(), s.line.next()
	return c
}

// skewNoticed is how far clocks may be apart before it is shown.
const skewNoticed = 2 * time.Minute

// listen takes note of what the header of any answer says.
func (s *Station) listen(status int, h http.Header) {
	now := s.cfg.Clock.Now()
	s.mu.Lock()
	s.conn.Heard = now
	if status < 500 {
		s.reached(true, now)
	}
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		// The header has whole seconds; what is nearer than the next tells nothing.
		if s.conn.Skew = at.Sub(now); s.conn.Skew.Abs() < 2*time.Second {
			s.conn.Skew = 0
		}
	}
	for name := range strings.SplitSeq(h.Get(headerCodings), ",") {
		if strings.TrimSpace(name) == codingUnwrapped {
			s.coding = true
		}
	}
	skew := s.conn.Skew
	s.mu.Unlock()
	if skew.Abs() >= skewNoticed {
		s.note(ErrClock.Code, ErrClock.Text, 1)
	} else {
		s.clear(ErrClock.Code)
	}
}

// reached notes whether the hub answers; the caller holds mu.
func (s *Station) reached(ok bool, now time.Time) {
	if s.conn.Reachable != ok || s.conn.Since.IsZero() {
		s.conn.Reachable, s.conn.Since = ok, now
	}
	if ok {
		s.conn.Code, s.conn.Message = "", fault.Text{}
	}
}

// failed notes why something did not get through.
func (s *Station) failed(err error) {
	f := fault.Of(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Code == agent.ErrUnreachable.Code {
		s.reached(false, s.cfg.Clock.Now())
	}
	s.conn.Code, s.conn.Message = f.Code, f.Text
}

func (s *Station) rebuilds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coding
}

// sending sends whatever is ready, for ever.
func (s *Station) sending(ctx context.Context) error {
	for {
		d, err := s.Step(ctx)
		if err != nil {
			return err
		}
		if err := s.rest(ctx, d); err != nil {
			return err
		}
	}
}

// rest waits before the next step. While the hub asked to stay away nothing
// wakes it; when there was nothing to send, what becomes ready does.
func (s *Station) rest(ctx context.Context, d time.Duration) error {
	switch {
	case d <= 0:
		return ctx.Err()
	case s.asked():
		return s.cfg.Sleep(ctx, d)
	}
	return s.wait(ctx, s.ready, d)
}

// asked reports whether sending has to wait until a moment.
func (s *Station) asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Next.After(s.cfg.Clock.Now())
}

// idle is how long a station with nothing to do waits to be woken before it
// looks itself: a command beside it may have put something in.
const idle = 30 * time.Second

// Step sends one batch of the most urgent lane that has something, if it may be
// sent now, and says how long to wait before the next step. Run does it all the
// time. Its error is the spool's, or ctx's: nothing a hub does is one.
func (s *Station) Step(ctx context.Context) (time.Duration, error) {
	now := s.cfg.Clock.Now()
	s.mu.Lock()
	next := s.conn.Next
	s.mu.Unlock()
	if next.After(now) {
		return next.Sub(now), nil
	}
	for _, lane := range []store.Lane{store.Urgent, store.Routine, store.Backlog} {
		items, err := s.Spool.Next(ctx, lane, spool.Limit{Items: mostItems, Bytes: s.line.next()})
		if err != nil {
			return 0, err
		}
		if len(items) == 0 {
			continue
		}
		return s.send(ctx, lane, items)
	}
	s.mu.Lock()
	if s.fresh { // the feed has news of what went; while there is more to send, that has the line
		s.fresh = false
		wake(s.heard)
	}
	s.mu.Unlock()
	soonest, err := s.Spool.Soonest(ctx)
	if err != nil {
		return 0, err
	}
	if soonest.IsZero() {
		return idle, nil
	}
	return min(max(soonest.Sub(now), 0), idle), nil
}

// send sends a batch and says how long to stay away from the hub.
func (s *Station) send(ctx context.Context, lane store.Lane, items []spool.Item) (time.Duration, error) {
	x, h, err := s.ship(ctx, lane, items)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if x.stop != nil {
		return 0, x.stop
	}
	if err != nil && fault.KindOf(err) == fault.Broken && !errors.Is(err, agent.ErrAnswer) {
		return 0, err // of this machine: the spool, the disk
	}
	s.mu.Lock()
	s.fresh = s.fresh || x.news > 0
	s.mu.Unlock()
	d, until := s.after(h, err), time.Time{}
	if d > 0 {
		until = s.cfg.Clock.Now().Add(d)
	}
	s.mu.Lock()
	s.conn.Next, s.conn.Until = until, time.Time{}
	if h.Wait > 0 {
		s.conn.Until = until
	}
	s.mu.Unlock()
	if h.Ended && err == nil {
		if err := s.session.Settle(ctx); err != nil && ctx.Err() == nil {
			s.failed(err)
			f := fault.Of(err)
			s.note(f.Code, f.Text, 1)
		}
	}
	return d, nil
}

// forkedPause is how long a sender stays away that is one of two with one key:
// somebody has to look into it, and every try is an alarm at the hub.
const forkedPause = time.Hour

// after is how long to stay away after a shipment: what the hub asks for, to the
// second; else, after tries that brought nothing, longer and longer.
func (s *Station) after(h agent.Heard, err error) time.Duration {
	switch {
	case isForked(err):
		s.note(codeForked, fault.Of(err).Text, 1)
		s.failed(err)
		return forkedPause
	case err != nil:
		s.failed(err)
		f := fault.Of(err)
		s.note(f.Code, f.Text, 1)
		return max(s.line.pause(s.cfg.Spread), 5*time.Second)
	case h.Wait > 0:
		s.failed(h.Cause)
		return h.Wait + s.cfg.Spread(min(h.Wait/10, 5*time.Second)) // never before; not all in the same moment
	case h.Ended:
		for _, code := range []string{codeForked, agent.ErrLogin.Code, agent.ErrAnswer.Code} {
			s.clear(code)
		}
		return 0
	}
	if h.Cause != nil {
		s.failed(h.Cause)
	}
	return s.line.pause(s.cfg.Spread)
}
