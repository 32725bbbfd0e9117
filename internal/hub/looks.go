package hub

import (
	"context"
	"maps"
	"strings"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/brake"
	"lienthong/internal/clock"
	"lienthong/internal/rehearsal"
	"lienthong/internal/reverify/looks"
)

// openBrake wires who stops those that look at too many people.
func (h *Hub) openBrake(ctx context.Context) error {
	var err error
	h.Brake, err = brake.New(brake.Deps{Looks: h.Slices.Disclosures, Alarms: h.Slices.Alarms, Acts: h.Slices.Keys, Clock: h.cfg.Clock}, h.cfg.Brake)
	if err != nil {
		return err
	}
	h.Disclose.Brake = h.Brake
	if h.cfg.Spool != nil {
		h.Disclose.Spool = h.cfg.Spool
	}
	return h.Brake.Load(ctx)
}

// CheckLooks holds what was disclosed against the ledger and the counters. The
// hub does so each night; an alarm says where they differ.
func (h *Hub) CheckLooks(ctx context.Context) (*looks.Report, error) {
	r, err := looks.Check(ctx, looks.Sources{Rows: h.Slices.Audit, Ledger: h.Slices.Ledger, Counters: h.Slices.Counters}, h.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	h.looks.Store(r)
	h.cfg.Logger.Info("looks checked", "rows", r.Rows, "unrooted", r.Unrooted, "edited", len(r.Edited), "missing", len(r.Missing), "days", len(r.Days))
	return r, nil
}

// nightHour is when looks are checked, in Hanoi.
const nightHour = 2

// checkAtNight checks looks once a night.
func (h *Hub) checkAtNight(ctx context.Context) error {
	now := h.cfg.Clock.Now()
	last := h.looks.Load()
	if now.In(clock.Hanoi).Hour() < nightHour || last != nil && clock.Day(last.At) == clock.Day(now) {
		return nil
	}
	_, err := h.CheckLooks(ctx)
	return err
}

// lookAlarms are what is wrong with looks now, how many tasks are late, and which
// books of rules are not judged by.
func (h *Hub) lookAlarms(ctx context.Context) (map[string]alarm.Detail, error) {
	out := map[string]alarm.Detail{}
	add := func(kind, object string, n int) {
		if object == "" {
			object = "hub"
		}
		d := out[kind+":"+object]
		d.N += n
		out[kind+":"+object] = d
	}
	for _, s := range h.Brake.Stops("") {
		add(alarm.CutOff, string(s.Facility), 1)
	}
	for facility, n := range h.Brake.Many(24 * time.Hour) {
		add(alarm.ManyOwn, string(facility), n)
	}
	for _, u := range h.live.Unread() {
		out[alarm.Rules+":"+rehearsal.Name(u.ID)] = alarm.Detail{N: len(u.Problems), Code: u.Problems[0].Fault.Code}
	}
	if r := h.looks.Load(); r != nil {
		for what, n := range r.Wrong() {
			add(alarm.Unequal, strings.ToLower(what), n)
		}
	}
	if h.House == nil {
		return out, nil
	}
	house, err := h.House.Alarms(ctx, h.cfg.Clock.Now())
	maps.Copy(out, house)
	return out, err
}
