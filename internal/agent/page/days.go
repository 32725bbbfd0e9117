package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

// How agent and hub compare, day by day: every day is compared once it is over,
// and again when a person asks. What is kept of it is in the spool.

const (
	factDays = "compared/"
	mostKept = 200 // records named of what differs
	daysBack = 14
)

// compared is a day's comparison as it is kept.
type compared struct {
	Day     int         `json:"day"` // yyyymmdd in Hanoi
	At      time.Time   `json:"at"`
	Equal   bool        `json:"equal"`
	Here    int         `json:"here"`    // dossiers with a receipt here
	There   int         `json:"there"`   // of them and others, at the hub
	Erased  int         `json:"erased"`  // sent, and erased since
	Missing int         `json:"missing"` // here, and not at the hub
	Extra   int         `json:"extra"`   // at the hub, and not here
	Lacks   []named     `json:"lacks"`   // the first of Missing
	Surplus []named     `json:"surplus"` // the first of Extra
	Code    string      `json:"code"`    // it could not be compared: why
	Said    *fault.Text `json:"said"`    // and in words
}

// named is a record that differs.
type named struct {
	Kind   string `json:"kind"`
	Record string `json:"record"`
}

func summary(day int, at time.Time, c *station.Comparison) compared {
	out := compared{Day: day, At: at, Equal: c.Equal, Here: c.Counts.Sent, There: c.Counts.Accepted + c.Counts.Rejected, Erased: c.Counts.Erased,
		Missing: len(c.Missing), Extra: len(c.Extra)}
	for _, m := range c.Missing[:min(len(c.Missing), mostKept)] {
		out.Lacks = append(out.Lacks, named{m.Kind, m.Record})
	}
	for _, x := range c.Extra[:min(len(c.Extra), mostKept)] {
		out.Surplus = append(out.Surplus, named{x.Kind, x.Record})
	}
	return out
}

// reconcile compares a day with the hub and keeps how it stood. What stands in
// the way is kept too, and is not an error; the spool's faults are.
func (p *Page) reconcile(ctx context.Context, day int) (compared, error) {
	at := p.cfg.Clock.Now()
	noon := time.Date(day/10000, time.Month(day/100%100), day%100, 12, 0, 0, 0, clock.Hanoi)
	c, err := p.Station.Reconcile(ctx, noon)
	out := compared{Day: day, At: at}
	if err == nil {
		out = summary(day, at, c)
	} else {
		f := fault.Of(err)
		if ctx.Err() != nil || f.Kind == fault.Broken && f.Code != "hub.answer" {
			return out, err
		}
		out.Code, out.Said = f.Code, &f.Text
	}
	b, err := json.Marshal(out)
	if err != nil {
		return out, fmt.Errorf("page: %w", err)
	}
	return out, p.Station.Spool.Remember(ctx, factOf(day), b)
}

func factOf(day int) string { return fmt.Sprintf("%s%08d", factDays, day) }

// comparedOn is how a day stood when it was compared last; nil: it was not.
func (p *Page) comparedOn(ctx context.Context, day int) (*compared, error) {
	b, err := p.Station.Spool.Fact(ctx, factOf(day))
	if err != nil || b == nil {
		return nil, err
	}
	var c compared
	if err := json.Unmarshal(b, &c); err != nil { // written by another version: as if it was not
		return nil, nil
	}
	return &c, nil
}

// Run compares yesterday once it is over, and again each hour until it could be
// compared. It returns when ctx ends, or with the spool's error.
func (p *Page) Run(ctx context.Context) error {
	for {
		day := clock.Day(p.cfg.Clock.Now().AddDate(0, 0, -1))
		c, err := p.comparedOn(ctx, day)
		if err == nil && (c == nil || c.Code != "") && p.Station.Connection().Reachable {
			_, err = p.reconcile(ctx, day)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := p.cfg.Sleep(ctx, time.Hour); err != nil {
			return nil
		}
	}
}

// dayLine is a day of the list.
type dayLine struct {
	Day      int
	Answered int // dossiers with an answer of that day here
	Compared *compared
}

func (p *Page) dayLines(ctx context.Context, now time.Time) (out []dayLine, err error) {
	for n := range daysBack {
		l := dayLine{Day: clock.Day(now.AddDate(0, 0, -n))}
		by, err := p.Station.Spool.Day(ctx, l.Day)
		if err != nil {
			return nil, err
		}
		for _, k := range by {
			l.Answered += k
		}
		if l.Compared, err = p.comparedOn(ctx, l.Day); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (p *Page) days(w http.ResponseWriter, r *http.Request, f frame) {
	f = f.titled("days", "agent.nav.days")
	list, err := p.dayLines(r.Context(), f.Now)
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, daysPage(f, list))
}

var errDay = fault.New(fault.Absent, "page.day", "Ngày này chưa được đối chiếu.", "This day has not been compared.")

func (p *Page) day(w http.ResponseWriter, r *http.Request, f frame) {
	day := dayOf(r.PathValue("day"), f.Now)
	f = f.titled("days", "agent.days.one", f.W.Day(day))
	c, err := p.comparedOn(r.Context(), day)
	if err == nil && c == nil {
		err = errDay
	}
	if err != nil {
		p.fail(w, r, f, err)
		return
	}
	p.show(w, r, http.StatusOK, dayPage(f, *c))
}

func (p *Page) compare(w http.ResponseWriter, r *http.Request, f frame) {
	day := dayOf(field(r, "day", 10), f.Now)
	f = f.titled("days", "agent.nav.days")
	if _, err := p.reconcile(r.Context(), day); err != nil {
		p.fail(w, r, f, err)
		return
	}
	see(w, r, f, fmt.Sprintf("/days/%08d", day))
}
