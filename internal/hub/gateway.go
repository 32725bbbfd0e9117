package hub

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"lienthong/internal/admission"
	"lienthong/internal/courier"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

// openGateway wires the drop-in gateway: the insurer's interface over the same
// intake as the hub's own.
func (h *Hub) openGateway() error {
	var err error
	h.gateway, err = gateway.New(gateway.Deps{Accounts: h.Slices.Gateways, Submitter: taker{h}, Cards: cards{h, courier.NewAsker(h.Courier, 0)}, Histories: histories{h}, Clock: h.cfg.Clock, Logger: h.cfg.Logger}, h.cfg.Gateway)
	return err
}

// taker hands what came through the drop-in gateway to intake. An account is
// the facility's own word, as a person in its room is.
type taker struct{ hub *Hub }

func sender(from gateway.Sender) intake.Sender {
	return intake.Sender{Facility: from.Facility, Name: from.Name()}
}

// Reserve keeps room for a body.
func (t taker) Reserve(ctx context.Context, bytes int64) (release func(), err error) {
	return t.hub.Intake.Reserve(ctx, bytes, false)
}

// RetryAfter is how long who was turned away should wait: until the slot it was
// given, where it was given one.
func (t taker) RetryAfter(err error) int {
	turned := (*admission.Turned)(nil)
	if errors.As(err, &turned) {
		return int(math.Ceil(turned.Slot.Start.Sub(t.hub.cfg.Clock.Now()).Seconds()))
	}
	return t.hub.Intake.RetryAfter()
}

// Arrive puts what is reserved on the facility's account.
func (t taker) Arrive(ctx context.Context, from gateway.Sender) context.Context {
	return t.hub.Intake.Arrive(ctx, sender(from), store.Routine)
}

// Refuse keeps that a file was refused unread.
func (t taker) Refuse(ctx context.Context, from gateway.Sender, size int64, why *fault.Error) error {
	return t.hub.Intake.RefuseUnread(ctx, sender(from), size, why)
}

// Submit takes a file in. What it is, its content says: a check-in goes before
// dossiers whichever door it came through.
func (t taker) Submit(ctx context.Context, from gateway.Sender, file []byte, _ bool) (gateway.Outcome, error) {
	answers, err := t.hub.Intake.Submit(ctx, sender(from), intake.File{Bytes: file, Lane: store.Routine, Software: from.Software})
	if err != nil {
		return gateway.Outcome{}, err
	}
	out := gateway.Outcome{At: t.hub.cfg.Clock.Now()}
	for _, a := range answers {
		switch {
		case a.Deferred != nil:
			out.Items = append(out.Items, gateway.Item{Deferred: &fault.Error{Kind: fault.Busy, Code: a.Deferred.Code, Text: a.Deferred.Message}})
		case a.Result != nil:
			if at, ok := receivedAt(a.Result.Record); ok {
				out.At = at
			}
			out.Items = append(out.Items, gateway.Item{Reference: a.Result.Record, State: a.Result.State, Replay: a.Result.Replay,
				Problems: t.problems(a.Result.Findings)})
		}
	}
	return out, nil
}

// receivedAt reads when a record was received off its id.
func receivedAt(record string) (time.Time, bool) {
	id, err := dossier.ParseID(record)
	if err != nil {
		return time.Time{}, false
	}
	var ms [8]byte
	copy(ms[2:], id.Serial[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))), true
}

// Status tells what became of a record of the sender's own facility.
func (t taker) Status(ctx context.Context, from gateway.Sender, reference string) (gateway.Outcome, error) {
	defer t.hub.Intake.Reading()()
	id, err := dossier.ParseID(reference)
	if err != nil {
		return gateway.Outcome{}, err
	}
	r, err := t.hub.Slices.Records.Get(ctx, role.Scope{Facility: from.Facility}, id)
	if err != nil {
		return gateway.Outcome{}, err
	}
	found := finding.Of(t.hub.Rules(), r.Verdict.Findings)
	return gateway.Outcome{At: r.Received, Items: []gateway.Item{{Reference: r.ID.String(), State: r.State(), Problems: t.problems(found)}}}, nil
}

// problems are findings as a HIS shows them: first those for which the dossier
// was rejected.
func (t taker) problems(list []finding.Finding) []gateway.Problem {
	pack := t.hub.Rules()
	rejects := func(f finding.Finding) bool { r, _ := pack.Rule(f.Code); return r.Rejects }
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b finding.Finding) int {
		switch ra, rb := rejects(a), rejects(b); {
		case ra == rb:
			return 0
		case ra:
			return -1
		}
		return 1
	})
	out := make([]gateway.Problem, len(list))
	for i, f := range list {
		out[i] = gateway.Problem{Code: f.Code, Severity: string(f.Severity), Table: f.Table, Row: f.Row, Field: f.Field, Text: f.Message.VI, Hint: f.Hint.VI}
	}
	return out
}
