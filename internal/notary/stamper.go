// Package notary gets from outside what the hub cannot say of itself: from
// time-stamp authorities that a checkpoint existed at a time, from issuers
// whether a signer's certificate was revoked. It works in the background over
// what intake has committed; what is late or fails is visible and never in
// anybody's way (DESIGN §2.6). It dials nothing itself (package bridge does),
// and changes no verdict: what is learned later is an annotation.
package notary

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/stamp"
	"lienthong/internal/store"
)

// Authority fetches the answer to a time-stamp request; bridge/tsa is one.
type Authority interface {
	// Stamp returns the TimeStampResp of the authority at url, unread. An error
	// means that no answer came: unreachable, another status or type, too long.
	Stamp(ctx context.Context, url string, private bool, request []byte) ([]byte, error)
}

// errNoAuthority (stamp.no_authority): no entry is approved.
var errNoAuthority = fault.New(fault.Absent, "stamp.no_authority",
	"Chưa có dịch vụ cấp dấu thời gian nào được duyệt.", "No time-stamp authority is approved.")

// StamperConfig says when a checkpoint is stamped.
type StamperConfig struct {
	Own int // the log this process writes
	// Renew is how long before the end of an authority's certificate a new stamp
	// over the newest checkpoint is demanded; 0: 30 days. An authority's own
	// renewal takes days and a root's ceremony weeks.
	Renew time.Duration
	// StandIn is for how long another log must have rested unstamped before this
	// process stamps it, its own holder being gone; 0: 5 minutes.
	StandIn time.Duration
}

// StamperDeps is what a stamper works with.
type StamperDeps struct {
	Ledger    store.Ledger
	Stamps    store.Stamps
	Services  store.Services
	Authority Authority
	Clock     clock.Clock
	Random    io.Reader    // nil: crypto/rand
	Logger    *slog.Logger // nil: silent
}

// Stamper has the checkpoints of the logs time-stamped.
type Stamper struct {
	StamperDeps
	cfg StamperConfig

	mu      sync.Mutex
	status  map[int]Stamped
	resting map[int]rest
}

// rest is since when the head of another's log has been where it is.
type rest struct {
	size  uint64
	since time.Time
}

// Stamped is how a log stands with its time-stamps.
type Stamped struct {
	Log        int
	Size       uint64    // of the log
	Covered    uint64    // of the newest stamped checkpoint
	At         time.Time // its genTime; zero: never stamped
	NotAfter   time.Time // when that authority's certificate ends
	Late       time.Time // since when a stamp is demanded and has not come; zero: not late
	Attempts   int       // that failed since then
	Code       string    // why the last one failed
	RenewalDue bool      // the newest stamp's certificate ends soon and no better one came
}

// renewEvery is how often a renewal is tried while the authority still signs
// with the certificate that ends.
const renewEvery = 24 * time.Hour

// NewStamper returns a stamper.
func NewStamper(d StamperDeps, c StamperConfig) (*Stamper, error) {
	if d.Ledger == nil || d.Stamps == nil || d.Services == nil || d.Authority == nil || d.Clock == nil {
		return nil, errors.New("notary: a part of the stamper is missing")
	}
	if d.Random == nil {
		d.Random = rand.Reader
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Renew == 0 {
		c.Renew = 30 * 24 * time.Hour
	}
	if c.StandIn == 0 {
		c.StandIn = 5 * time.Minute
	}
	return &Stamper{StamperDeps: d, cfg: c, status: map[int]Stamped{}, resting: map[int]rest{}}, nil
}

// Round looks at every log once and has those stamped whose head has moved, or
// whose newest stamp ends soon. An error means that the store failed; an
// authority that fails is a demand that is late.
func (s *Stamper) Round(ctx context.Context) error {
	authorities, err := s.authorities(ctx)
	if err != nil || len(authorities) == 0 {
		return err
	}
	logs, err := s.Ledger.Logs(ctx)
	if err != nil {
		return err
	}
	for _, n := range logs {
		if err := s.look(ctx, n, authorities); err != nil {
			return fmt.Errorf("notary: log %d: %w", n, err)
		}
	}
	return nil
}

// Status tells how the logs stand, as of the last round.
func (s *Stamper) Status() []Stamped {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Stamped, 0, len(s.status))
	for _, st := range s.status {
		out = append(out, st)
	}
	return out
}

func (s *Stamper) authorities(ctx context.Context) ([]store.Service, error) {
	all, err := s.Services.Services(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.Service
	for _, v := range all {
		if v.Kind == store.ServiceTSA && v.Ended.IsZero() {
			out = append(out, v)
		}
	}
	return out, nil
}

// look stamps one log where that is due.
func (s *Stamper) look(ctx context.Context, n int, authorities []store.Service) error {
	head, err := s.Ledger.Head(ctx, n)
	if err != nil || head.Size == 0 {
		return err
	}
	last, late, err := s.Stamps.Last(ctx, n)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if s.due(head, last, now) {
		kept, err := s.stamp(ctx, head, late, authorities)
		if err != nil {
			return err
		}
		if kept != nil {
			last = kept
		}
		if _, late, err = s.Stamps.Last(ctx, n); err != nil {
			return err
		}
	}
	st := Stamped{Log: n, Size: head.Size}
	if last != nil {
		st.Covered, st.At, st.NotAfter = last.Size, last.GenTime, last.NotAfter
		st.RenewalDue = last.NotAfter.Sub(now) < s.cfg.Renew
	}
	if late != nil {
		st.Late, st.Attempts, st.Code = late.At, late.Attempts, late.Code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[n] = st
	return nil
}

// due reports whether a log's head is to be stamped now. The leaf of the last
// token, which alone came behind it in our own log, is no reason: else the two
// would follow each other for ever.
func (s *Stamper) due(head store.Head, last *store.Stamp, now time.Time) bool {
	own := head.Log == s.cfg.Own
	moved := last == nil || head.Size > last.Size
	if own && last != nil && head.Size == last.Size+1 {
		moved = false
	}
	renew := last != nil && last.NotAfter.Sub(now) < s.cfg.Renew && now.Sub(last.At) >= renewEvery
	if own || !moved && !renew {
		return moved || renew
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.resting[head.Log]
	if r.size != head.Size {
		r = rest{head.Size, now}
		s.resting[head.Log] = r
	}
	return now.Sub(r.since) >= s.cfg.StandIn
}

// stamp asks the authorities one after another; the first good answer is kept.
// Without one the demand is noted as late, and nil returned.
func (s *Stamper) stamp(ctx context.Context, head store.Head, late *store.Stamp, authorities []store.Service) (*store.Stamp, error) {
	out := store.Stamp{Log: head.Log, Size: head.Size, State: store.StampKept}
	if late != nil {
		out.Attempts = late.Attempts
	}
	why := error(errNoAuthority)
	for i := range authorities {
		a := &authorities[i]
		token, proof, err := s.ask(ctx, a, head.Checkpoint)
		out.Authority, out.At = a.URL, s.Clock.Now()
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err() // the hub stops: nobody failed
			}
			s.Logger.Warn("time-stamp not given", "log", head.Log, "size", head.Size, "authority", a.URL, "error", err)
			why = err
			continue
		}
		out.Token, out.GenTime, out.NotAfter = token, proof.Time, proof.NotAfter
		return &out, s.Stamps.Keep(ctx, out)
	}
	out.Code = fault.Of(why).Code
	return nil, s.Stamps.Late(ctx, out)
}

func (s *Stamper) ask(ctx context.Context, a *store.Service, checkpoint []byte) ([]byte, *stamp.Proof, error) {
	roots, err := x509.ParseCertificates(a.DER)
	if err != nil {
		return nil, nil, fmt.Errorf("notary: certificates of %s: %w", a.URL, err)
	}
	q, err := stamp.NewRequest(checkpoint, s.Random)
	if err != nil {
		return nil, nil, err
	}
	answer, err := s.Authority.Stamp(ctx, a.URL, a.Private, q.DER)
	if err != nil {
		return nil, nil, err
	}
	return q.Open(answer, s.Clock.Now(), stamp.Trust{Roots: roots})
}
