package insurer

import (
	"context"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
)

var _ courier.Follower = (*Adapter)(nil)

// Follow asks for the verdict of a file that was handed over, by its number in
// the list of what the insurer holds. A file the insurer does not list any more
// was replaced, or never written down: nobody can tell, and it is asked for until
// the law's end.
func (a *Adapter) Follow(ctx context.Context, p *courier.Parcel) exchange.Answer {
	leg := &p.Legs[0]
	again := exchange.Answer{Outcome: exchange.Again, Sent: true, Code: "insurer.not_listed"}
	if leg.Reference == "" {
		return again
	}
	day := leg.Received.In(clock.Hanoi).Format(time.DateOnly)
	h, ok, out := a.verdicts.of(ctx, a, p, day, leg.Reference)
	if out.Code == noHoldings { // taken out of its options meanwhile: it will never say more
		return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: "insurer.200", Reference: leg.Reference}
	}
	if out.Outcome != exchange.Finalized {
		return out
	}
	if !ok { // this hub's clock and the insurer's may stand on two sides of midnight
		day = leg.Received.In(clock.Hanoi).Add(-12 * time.Hour).Format(time.DateOnly)
		if h, ok, out = a.verdicts.of(ctx, a, p, day, leg.Reference); out.Outcome != exchange.Finalized || !ok {
			if out.Outcome == exchange.Finalized {
				return again
			}
			return out
		}
	}
	code := "insurer." + h.Code
	switch {
	case h.Verdict == Pending:
		return exchange.Answer{Outcome: exchange.Received, Sent: true, Code: "insurer.pending", Reference: leg.Reference}
	case h.Verdict == Rejected && h.Code == "":
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "insurer.rejected", Reference: leg.Reference}
	case h.Verdict == Rejected:
		return exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: code, Reference: leg.Reference}
	case h.Code == "":
		code = "insurer.accepted"
	}
	return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Code: code, Reference: leg.Reference}
}

// The verdicts of what the insurer holds.
const (
	Accepted = "accepted"
	Rejected = "rejected"
	Pending  = "pending"
)

// verdicts keeps the lists of facilities' days for a moment: a day's legs are
// followed by one list, not by one each.
type verdicts struct {
	clock clock.Clock
	mu    sync.Mutex
	days  map[string]*listed
}

type listed struct {
	mu    sync.Mutex
	by    map[string]Held // by reference
	next  string          // what came or was judged later is behind it
	asked time.Time
}

const (
	listLife = 30 * time.Second
	mostDays = 256 // lists kept
)

// of finds a number in the list of a day. The answer is exchange.Finalized when
// the list was read, or what kept it from being read.
func (v *verdicts) of(ctx context.Context, a *Adapter, p *courier.Parcel, day, reference string) (Held, bool, exchange.Answer) {
	l := v.list(p.Destination.ID + " " + p.Destination.URL + " " + string(p.Facility.Code) + " " + day)
	l.mu.Lock()
	defer l.mu.Unlock()
	fine := exchange.Answer{Outcome: exchange.Finalized}
	if now := v.clock.Now(); l.asked.IsZero() || now.Sub(l.asked) >= listLife || now.Before(l.asked) {
		for more := true; more; {
			page, out := a.Holdings(ctx, p, string(p.Facility.Code), day, l.next)
			if out.Outcome != exchange.Finalized {
				return Held{}, false, out
			}
			for _, h := range page.Items {
				l.by[h.Reference] = h
			}
			if more = page.More && page.Next != l.next; page.Next != "" {
				l.next = page.Next
			}
		}
		l.asked = now
	}
	h, ok := l.by[reference]
	return h, ok, fine
}

func (v *verdicts) list(name string) *listed {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.days[name]
	if l == nil {
		if len(v.days) >= mostDays {
			clear(v.days)
		}
		l = &listed{by: map[string]Held{}}
		v.days[name] = l
	}
	return l
}

// said makes what a hand-over came to final where the insurer lists nothing:
// it will never say more.
func said(out exchange.Answer, o Options) exchange.Answer {
	if o.Holdings == "" && out.Outcome == exchange.Received {
		out.Outcome = exchange.Finalized
	}
	return out
}

const noHoldings = "insurer.no_holdings"
