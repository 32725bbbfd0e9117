package inflow_test

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/inflow"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// far is a destination that gives what a test says.
type far struct {
	pages map[string]inflow.Page // by since
	bytes map[[32]byte][]byte
	fails *exchange.Answer // to every Holdings
	asked []string
}

func (f *far) Holdings(_ context.Context, _ string, _ care.FacilityCode, _, since string) (inflow.Page, exchange.Answer) {
	f.asked = append(f.asked, since)
	if f.fails != nil {
		return inflow.Page{}, *f.fails
	}
	return f.pages[since], exchange.Answer{Outcome: exchange.Finalized}
}

func (f *far) Bytes(_ context.Context, _ string, _ care.FacilityCode, d [32]byte) ([]byte, exchange.Answer) {
	b, ok := f.bytes[d]
	if !ok {
		return nil, exchange.Answer{Outcome: exchange.Refused}
	}
	return b, exchange.Answer{Outcome: exchange.Finalized}
}

// near is the hub's side.
type near struct {
	took   []string
	err    error
	places map[care.FacilityCode]store.InflowPlace
	notes  []store.Annotation
}

func (n *near) Submit(_ context.Context, from intake.Sender, f intake.File) ([]intake.Answer, error) {
	if n.err != nil {
		return nil, n.err
	}
	n.took = append(n.took, from.Via+" "+from.Name+" "+string(f.Bytes)+" "+f.Lane.String())
	id := dossier.ID{Facility: from.Facility}
	return []intake.Answer{{Result: &intake.Result{Record: id.String(), Episode: string(f.Bytes)}}}, nil
}

func (n *near) Day(context.Context, care.FacilityCode, int, int) ([]store.Dispatched, error) {
	return nil, nil
}

func (n *near) Get(context.Context, role.Scope, dossier.ID) (*store.Record, error) {
	return nil, store.ErrAbsent
}

func (n *near) Annotate(_ context.Context, list []store.Annotation) (int, error) {
	n.notes = append(n.notes, list...)
	return len(list), nil
}

func (n *near) Places(context.Context) (out []store.InflowPlace, _ error) {
	for _, p := range n.places {
		out = append(out, p)
	}
	return out, nil
}

func (n *near) PutPlace(_ context.Context, p store.InflowPlace) error {
	n.places[p.Facility] = p
	return nil
}

func (n *near) PutMirror(context.Context, store.Mirror) error { return nil }

func (n *near) Mirrors(context.Context, role.Scope, care.FacilityCode, int, int) ([]store.Mirror, error) {
	return nil, nil
}

func rounds(t *testing.T, f *far, n *near) *inflow.Rounds {
	t.Helper()
	n.places = map[care.FacilityCode]store.InflowPlace{}
	plan := exchange.NewPlan([]exchange.Destination{{ID: "bhxh", Adapter: "insurer"}}, []exchange.Route{{Destination: "bhxh", Facility: "79901", Kind: "qd4750", Mode: exchange.Pull}})
	d := facility.NewDirectory(facility.Contents{Versions: []facility.Version{{ID: 1, Code: "79901", From: now}, {ID: 2, Code: "79902", From: now}}})
	r, err := inflow.New(inflow.Deps{Outside: f, Intake: n, Feeds: n, Records: n, Notes: n, Store: n, Plan: func() *exchange.Plan { return plan },
		Among: func() []string { return []string{"bhxh"} }, Directory: func() *facility.Directory { return d }, Clock: clock.NewFake(now),
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func held(text, verdict string) inflow.Held {
	return inflow.Held{Digest: sha256.Sum256([]byte(text)), Kind: "qd4750", Facility: "79901", Episode: text, Verdict: verdict}
}

// TestARoundGoesOnWhereTheLastOneEnded: page by page, and a page that could not
// be finished is read again from its beginning.
func TestARoundGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	other := held("x", "accepted")
	other.Facility = "79902"
	arrival := held("y", "accepted")
	arrival.Kind = "checkin"
	f := &far{bytes: map[[32]byte][]byte{}, pages: map[string]inflow.Page{
		"":  {Items: []inflow.Held{held("a", "accepted"), held("gone", "accepted"), other, arrival}, Next: "4", More: true},
		"4": {Items: []inflow.Held{held("b", "pending")}, Next: "5"}}}
	for _, s := range []string{"a", "b", "x", "y"} {
		f.bytes[sha256.Sum256([]byte(s))] = []byte(s)
	}
	n := &near{}
	r := rounds(t, f, n)
	n.err = intake.ErrBusy
	if err := r.Round(context.Background()); err != nil {
		t.Fatal(err)
	}
	if p := n.places["79901"]; p.Cursor != "" || p.Code != "hub.busy" || p.Taken != 0 {
		t.Errorf("a busy hub: %+v", p)
	}
	n.err = nil
	for range 2 {
		if err := r.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if p := n.places["79901"]; p.Cursor != "5" || p.Code != "" || p.Taken != 2 || p.Refused != 1 || len(n.places) != 1 {
		t.Errorf("%+v", n.places)
	}
	if len(n.took) != 2 || n.took[0] != "insurer via:insurer:bhxh a backlog" || f.asked[len(f.asked)-1] != "5" {
		t.Errorf("%q, asked %q", n.took, f.asked)
	}
	if len(n.notes) != 1 || n.notes[0].Source != "insurer:accepted" { // what is pending is no verdict
		t.Errorf("%+v", n.notes)
	}
}

func TestWhatIsNotAsListedEndsTheRound(t *testing.T) {
	t.Parallel()
	f := &far{bytes: map[[32]byte][]byte{sha256.Sum256([]byte("a")): []byte("another")}, pages: map[string]inflow.Page{"": {Items: []inflow.Held{held("a", "accepted")}, Next: "1"}}}
	n := &near{}
	r := rounds(t, f, n)
	if err := r.Round(context.Background()); err != nil || n.places["79901"].Code != inflow.CodeDigest || len(n.took) != 0 {
		t.Errorf("%v %+v %v", err, n.places, n.took)
	}
	f.fails = &exchange.Answer{Outcome: exchange.Again, Code: "insurer.http_503"}
	if err := r.Round(context.Background()); err != nil || n.places["79901"].Code != "insurer.http_503" || n.places["79901"].Cursor != "" {
		t.Errorf("%v %+v", err, n.places)
	}
	if _, err := inflow.New(inflow.Deps{}); err == nil {
		t.Error("rounds out of nothing")
	}
}
