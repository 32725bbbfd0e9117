package door_test

import (
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/door"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/store"
	"lienthong/internal/synth"
	"lienthong/internal/web/gateway"
)

const facilityCode = "24S00"

var from = gateway.Sender{Facility: facilityCode, User: "BV"}

// setup is the door of an agent whose hub is away.
func setup(t *testing.T) (*door.Door, *spool.Spool, []synth.Submission) {
	t.Helper()
	c := clock.NewFake(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC))
	s, err := spool.Open(t.Context(), filepath.Join(t.TempDir(), "spool.db"), make([]byte, 32), spool.Config{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	key, spki, err := agent.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := agent.MakeCredential("lienthong.test", facilityCode, facilityCode+"-1", hex.EncodeToString(spki[:8]), key)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := agent.ParseCredential(file)
	if err != nil {
		t.Fatal(err)
	}
	client, err := agent.New(agent.Config{HubURL: "http://127.0.0.1:1", Credential: credential, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	st, err := station.New(station.Deps{Spool: s, Client: client, Kinds: hub.Kinds(), Logger: slog.New(slog.DiscardHandler)}, station.Config{Facility: facilityCode, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	all, err := n.Outpatients(60)
	if err != nil {
		t.Fatal(err)
	}
	return door.New(st, facilityCode), s, all
}

// Bodies share a room, and what one gives back another may have.
func TestBodiesShareARoom(t *testing.T) {
	t.Parallel()
	d, _, _ := setup(t)
	ctx := d.Arrive(t.Context(), from)
	largest, err := d.Reserve(ctx, 97<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reserve(ctx, 32<<20); fault.KindOf(err) != fault.Busy || d.RetryAfter(err) < 1 {
		t.Errorf("%v", err)
	}
	if _, err := d.Reserve(ctx, -1); err == nil {
		t.Error("less than nothing was given")
	}
	largest()
	largest() // once is once
	if _, err := d.Reserve(ctx, 128<<20); err != nil {
		t.Error(err)
	}
	if _, err := d.Reserve(ctx, 1); err == nil {
		t.Error("more than all was given")
	}
}

// While the hub is away a file is kept, its number stays, and what becomes of it
// is told in the hub's words once that is known.
func TestANumberStays(t *testing.T) {
	t.Parallel()
	d, s, all := setup(t)
	var own []synth.Submission
	for _, x := range all {
		if x.Facility == facilityCode {
			own = append(own, x)
		}
	}
	submit := func(raw []byte, checkIn bool) gateway.Outcome {
		t.Helper()
		out, err := d.Submit(t.Context(), from, raw, checkIn)
		if err != nil || len(out.Items) != 1 || out.At.IsZero() {
			t.Fatalf("%+v, %v", out, err)
		}
		return out
	}
	first, again := submit(own[0].XML, false), submit(own[0].XML, false)
	ref := first.Items[0].Reference
	if first.Items[0].State != gateway.Waiting || first.Items[0].Replay || again.Items[0].Reference != ref || !again.Items[0].Replay {
		t.Errorf("%+v, %+v", first, again)
	}
	i, err := s.Get(t.Context(), spool.Ref(ref))
	if err != nil || i.Source != "gateway" || i.Lane != store.Routine || i.Name == "" {
		t.Errorf("%+v, %v", i, err)
	}
	urgent, err := s.Get(t.Context(), spool.Ref(submit(own[1].XML, true).Items[0].Reference))
	if err != nil || urgent.Lane != store.Urgent {
		t.Errorf("a check-in is in lane %v, %v", urgent.Lane, err)
	}
	answer := func(i spool.Item, outcome spool.Outcome, line string, why ...spool.Reason) {
		t.Helper()
		if _, err := s.Apply(t.Context(), []spool.Answer{{Item: i.ID, Record: "24S00-R", Outcome: outcome, At: i.Taken, Reasons: why, Line: []byte(line)}}, i.ID); err != nil {
			t.Fatal(err)
		}
	}
	answer(i, spool.WasWarned, `{"record":"24S00-R","state":"accepted_with_warnings","findings":[{"code":"x.y","severity":"warning","table":"XML1","row":2,"field":"F","message":{"vi":"câu","en":"s"}}]}`)
	out, err := d.Status(t.Context(), from, ref)
	if err != nil || out.Items[0].Reference != ref || out.Items[0].Record != "24S00-R" || out.Items[0].State != "accepted_with_warnings" || out.Items[0].Problems[0].Row != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	for code, kind := range map[string]fault.Kind{"seal.expired": fault.Invalid, "sender.not_allowed": fault.Withheld} {
		answer(urgent, spool.WasRefused, `{"refused":true,"code":"`+code+`","message":{"vi":"câu","en":"s"}}`, spool.Reason{Code: code})
		if _, err := d.Status(t.Context(), from, string(urgent.Ref)); fault.Of(err).Code != code || fault.KindOf(err) != kind {
			t.Errorf("%s: %v", code, err)
		}
	}
	if again := submit(own[1].XML, true); again.Items[0].State != gateway.Waiting || again.Items[0].Replay {
		t.Errorf("what was refused and is sent again: %+v", again)
	}
	for _, reference := range []string{"", "24S00-R", "../x", "zz"} {
		if _, err := d.Status(t.Context(), from, reference); fault.Of(err).Code != "spool.absent" {
			t.Errorf("%q: %v", reference, err)
		}
	}
}
