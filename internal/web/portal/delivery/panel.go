package delivery

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/admin"
	"lienthong/internal/admission"
	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/web/portal/view"
)

// topSenders is how many senders the overview names.
const topSenders = 5

// Panel returns what an operator's overview says of the ways out and of the
// flow in.
func (x *Room) Panel(ctx context.Context, page view.Page) (templ.Component, error) {
	ways, err := x.Ways(ctx)
	if err != nil {
		return nil, err
	}
	var open []alarm.Alarm
	if x.Alarms != nil {
		if open, err = x.Alarms.Open(ctx); err != nil {
			return nil, err
		}
	}
	flow := x.Flow()
	top := flow.Senders[:min(topSenders, len(flow.Senders))]
	named := make([]Sender, len(top))
	for i, s := range top {
		named[i] = Sender{s, x.name(care.FacilityCode(s.Sender))}
	}
	return OverviewPanel(page, ways, flow, named, open), nil
}

// Sender is who sent lately, with its name.
type Sender struct {
	admission.Sent
	Name string
}

// wayLook is the mark and tone of a way.
func wayLook(w admin.Way) (mark, tone, word string) {
	switch {
	case w.Ended != nil:
		return "dash", "off", "way.ended"
	case w.Paused != nil:
		return "dash", "off", "way.paused"
	case w.Breaker == exchange.Open:
		return "bad", "bad", "way.open"
	case w.Breaker == exchange.HalfOpen:
		return "warn", "warn", "way.half"
	}
	return "ok", "ok", "way.closed"
}

// age is how old the oldest waiting leg is, 0 without one.
func age(p view.Page, w admin.Way) time.Duration {
	if w.Oldest == nil {
		return 0
	}
	return p.Now.Sub(*w.Oldest)
}
