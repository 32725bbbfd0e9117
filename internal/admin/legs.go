package admin

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

var (
	// ErrLegReason: an act on legs needs its reason.
	ErrLegReason = fault.New(fault.Invalid, "leg.reason", "Ghi lý do, từ 3 đến 500 ký tự.", "Give the reason, 3 to 500 characters.")
	// ErrLegDo: an act that cannot be done to what is selected.
	ErrLegDo = fault.New(fault.Invalid, "leg.act",
		"Gửi lại (retry) dùng cho parked hoặc skipped, bỏ qua (skip) dùng cho waiting, held hoặc parked; phải chọn trạng thái.",
		"Retry is for parked or skipped, skip for waiting, held or parked; a state must be chosen.")
	// ErrLegClosed: nobody lets it go.
	ErrLegClosed = fault.New(fault.Conflict, "leg.closed",
		"Hồ sơ có dữ liệu được bảo vệ riêng; nơi nhận này không được nhận.",
		"The record holds data of a closed compartment, which this destination does not get.")
	// ErrLegNotHeld: there is nothing to let go.
	ErrLegNotHeld = fault.New(fault.Conflict, "leg.not_held",
		"Hồ sơ không bị giữ lại hay dừng ở nơi nhận này.", "The record is neither held nor parked on its way to this destination.")
	// ErrLegUnknown: the record does not go there.
	ErrLegUnknown = fault.New(fault.Absent, "leg.unknown", "Hồ sơ không có đường tới nơi nhận này.", "The record has no leg to this destination.")
)

// The acts on many legs.
const (
	LegRetry = "retry"
	LegSkip  = "skip"
)

// LegAct is an operator's act on the legs a filter selects.
type LegAct struct {
	Do     string    `json:"do"` // LegRetry, LegSkip
	Filter LegFilter `json:"filter"`
	Reason string    `json:"reason"`
}

// LegFilter selects legs; empty fields select all.
type LegFilter struct {
	Destination string         `json:"destination,omitempty"`
	Facility    string         `json:"facility,omitempty"`
	Kind        string         `json:"kind,omitempty"`
	State       exchange.State `json:"state,omitempty"`
	Code        string         `json:"code,omitempty"`
	From        time.Time      `json:"from,omitzero"` // of Created
	To          time.Time      `json:"to,omitzero"`
}

func (f LegFilter) store() store.LegFilter {
	return store.LegFilter{Destination: f.Destination, Facility: care.FacilityCode(f.Facility), Kind: f.Kind, State: f.State, Code: f.Code, From: f.From, To: f.To}
}

func (a *LegAct) check() error {
	a.Reason = strings.TrimSpace(a.Reason)
	if n := utf8.RuneCountInString(a.Reason); n < 3 || n > 500 || store.CheckText(a.Reason) != nil {
		return ErrLegReason
	}
	switch a.Do + " " + string(a.Filter.State) {
	case "retry parked", "retry skipped", "skip waiting", "skip held", "skip parked":
	default:
		return ErrLegDo
	}
	return store.CheckText(a.Filter.Destination, a.Filter.Facility, a.Filter.Kind, a.Filter.Code)
}

// everything is what an operator acts on.
var everything = role.Scope{All: true}

// CountLegs counts what an act would be done to.
func (o *Office) CountLegs(ctx context.Context, a LegAct) (int, error) {
	if a.Reason == "" {
		a.Reason = "chưa có" // counting needs none
	}
	if err := a.check(); err != nil {
		return 0, err
	}
	return o.countOpen(ctx, a.Filter.store())
}

// countOpen counts legs without those held for a closed compartment: nobody acts
// on them, and how many there are is not an operator's to know (masked.Legs).
func (o *Office) countOpen(ctx context.Context, f store.LegFilter) (int, error) {
	if f.Code == exchange.HeldClosed {
		return 0, nil
	}
	n, err := o.Legs.Count(ctx, everything, f)
	if err != nil || f.Code != "" || f.State != "" && f.State != exchange.Held {
		return n, err
	}
	f.Code = exchange.HeldClosed
	closed, err := o.Legs.Count(ctx, everything, f)
	return max(0, n-closed), err
}

// step is how many legs are moved in one commit.
const step = 500

// MoveLegs does an act on as many legs as there were when it began, some at a
// time, until ctx ends; progress, where it is not nil, is told how many were
// moved. The act is kept before the first is moved, and again with what came of
// it: an act that is cancelled has moved what it had moved.
func (o *Office) MoveLegs(ctx context.Context, actor string, a LegAct, progress func(moved int)) (moved int, err error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	now := o.Clock.Now()
	f := a.Filter.store()
	if f.To.IsZero() {
		f.To = now.Add(time.Microsecond) // what comes meanwhile was not counted
	}
	count, err := o.countOpen(ctx, f)
	if err != nil {
		return 0, err
	}
	object := a.Filter.Destination
	detail := map[string]any{"filter": a.Filter, "reason": a.Reason, "legs": count}
	if err := o.act(ctx, actor, "legs."+a.Do, object, detail); err != nil {
		return 0, err
	}
	m := store.LegMove{To: exchange.Waiting, Code: exchange.AgainOperator, At: now}
	if a.Do == LegSkip {
		m.To, m.Code = exchange.Skipped, exchange.SkippedOperator
	}
	for moved < count {
		keys, e := o.Legs.Move(ctx, everything, f, m, min(step, count-moved))
		if err = e; err != nil || len(keys) == 0 {
			break
		}
		if moved += len(keys); progress != nil {
			progress(moved)
		}
	}
	detail["moved"] = moved
	return moved, errors.Join(err, o.act(context.WithoutCancel(ctx), actor, "legs."+a.Do+".ended", object, detail))
}

func (o *Office) act(ctx context.Context, actor, action, object string, detail map[string]any) error {
	act, err := serviceAct(o.Clock.Now(), actor, action, object, detail)
	if err != nil {
		return err
	}
	return o.Acts.Act(ctx, act)
}

// Files finds the records of a file.
type Files interface {
	File(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) (*store.File, []store.Stored, error)
}

// SendAnyway lets a record go that a finding holds back, or that was parked, by
// its own facility's word. A destination that gets whole files gets the file:
// what is held of it goes with the record. Faults: record.absent, leg.unknown,
// leg.closed, leg.not_held, leg.reason.
func (o *Office) SendAnyway(ctx context.Context, actor string, code care.FacilityCode, id dossier.ID, destination, reason string) error {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 3 || n > 500 || store.CheckText(reason) != nil {
		return ErrLegReason
	}
	own := role.Scope{Facility: code}
	r, err := o.Records.Get(ctx, own, id)
	if err != nil {
		return err
	}
	ids := []dossier.ID{id}
	if o.WholeFiles != nil && o.WholeFiles(destination) {
		_, places, err := o.Files.File(ctx, code, r.File)
		if err != nil {
			return err
		}
		for i := range places {
			if places[i].ID != id {
				ids = append(ids, places[i].ID)
			}
		}
	}
	legs, err := o.Legs.Of(ctx, ids...)
	if err != nil {
		return err
	}
	var states []exchange.State
	found := false
	for i := range legs {
		l := &legs[i]
		if l.Destination != destination {
			continue
		}
		found = found || l.Record == id
		switch {
		case l.Code == exchange.HeldClosed:
			return ErrLegClosed
		case l.State == exchange.Held, l.State == exchange.Parked && l.Record == id:
			states = append(states, l.State)
		}
	}
	switch {
	case !found:
		return ErrLegUnknown
	case len(states) == 0:
		return ErrLegNotHeld
	}
	if err := o.act(ctx, actor, "leg.send_anyway", id.String(), map[string]any{"destination": destination, "reason": reason}); err != nil {
		return err
	}
	m := store.LegMove{To: exchange.Waiting, Code: exchange.AgainFacility, At: o.Clock.Now()}
	for _, s := range []exchange.State{exchange.Held, exchange.Parked} {
		f := store.LegFilter{Records: ids, Destination: destination, Facility: code, State: s}
		if s == exchange.Parked {
			f.Records = ids[:1]
		}
		if _, err := o.Legs.Move(ctx, own, f, m, len(f.Records)); err != nil {
			return err
		}
	}
	return nil
}

// LegLine is a leg as an operator's list shows it.
type LegLine struct {
	Record      string         `json:"record"`
	Destination string         `json:"destination"`
	Kind        string         `json:"kind"`
	State       exchange.State `json:"state"`
	Code        string         `json:"code,omitempty"`
	Attempts    int            `json:"attempts"`
	Created     time.Time      `json:"created"`
	Due         time.Time      `json:"due,omitzero"` // of waiting ones
}

// ListLegs lists legs, newest first, at most limit (1 to 1,000). Legs that are
// held for a closed compartment are not among them.
func (o *Office) ListLegs(ctx context.Context, f LegFilter, limit int) ([]LegLine, error) {
	if err := store.CheckText(f.Destination, f.Facility, f.Kind, string(f.State), f.Code); err != nil {
		return nil, err
	}
	q := f.store()
	q.Limit = min(max(limit, 1), 1000)
	list, _, err := o.Legs.List(ctx, everything, q)
	if err != nil {
		return nil, err
	}
	out := []LegLine{}
	for i := range list {
		l := &list[i]
		if l.Code == exchange.HeldClosed {
			continue
		}
		x := LegLine{Record: l.Record.String(), Destination: l.Destination, Kind: l.Kind, State: l.State, Code: l.Code, Attempts: l.Attempts, Created: l.Created}
		if l.State == exchange.Waiting {
			x.Due = l.Due
		}
		out = append(out, x)
	}
	return out, nil
}
