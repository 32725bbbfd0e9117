package inflow_test

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"strconv"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/inflow"
	"lienthong/internal/store"
)

// endless is a destination whose list has no end: each page leads to another, or
// always to the same.
type endless struct {
	same  bool
	asked int
}

func (e *endless) Holdings(_ context.Context, _ string, _ care.FacilityCode, _, _ string) (inflow.Page, exchange.Answer) {
	if e.asked++; e.asked > 1_000_000 {
		panic("asked without end") // the test would not end either
	}
	p := inflow.Page{Next: strconv.Itoa(e.asked), More: true, Items: make([]inflow.Held, 500)}
	if e.same {
		p.Next = "again"
	}
	for i := range p.Items { // of nobody
		p.Items[i] = inflow.Held{Digest: sha256.Sum256([]byte(strconv.Itoa(e.asked*1000 + i))), Kind: "qd4750", Facility: "00000"}
	}
	return p, exchange.Answer{Outcome: exchange.Finalized}
}

func (e *endless) Bytes(context.Context, string, care.FacilityCode, [32]byte) ([]byte, exchange.Answer) {
	return nil, exchange.Answer{Outcome: exchange.Refused}
}

func TestAListWithoutEndEndsTheRound(t *testing.T) {
	t.Parallel()
	for _, mode := range []exchange.Mode{exchange.Pull, exchange.Mirror} {
		for _, same := range []bool{false, true} {
			n := &near{places: map[care.FacilityCode]store.InflowPlace{}}
			far := &endless{same: same}
			plan := exchange.NewPlan([]exchange.Destination{{ID: "bhxh", Adapter: "insurer"}}, []exchange.Route{{Destination: "bhxh", Facility: "79901", Kind: "qd4750", Mode: mode}})
			d := facility.NewDirectory(facility.Contents{Versions: []facility.Version{{ID: 1, Code: "79901", From: now}}})
			r, err := inflow.New(inflow.Deps{Outside: far, Intake: n, Feeds: n, Records: n, Notes: n, Store: n, Plan: func() *exchange.Plan { return plan },
				Among: func() []string { return []string{"bhxh"} }, Directory: func() *facility.Directory { return d }, Clock: clock.NewFake(now),
				Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Round(t.Context()); err != nil {
				t.Fatal(err)
			}
			if far.asked > 401 {
				t.Errorf("%s, same %t: asked %d times in one round", mode, same, far.asked)
			}
			want := inflow.CodeList
			if mode == exchange.Pull && !same { // long, and it goes on: the next round is behind it
				want = ""
			}
			if p := n.places["79901"]; p.Code != want || want == "" && p.Cursor != "200" {
				t.Errorf("%s, same %t: %+v", mode, same, p)
			}
		}
	}
}
