package forward_test

import (
	"slices"
	"testing"
	"time"

	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/forward"
	"lienthong/internal/store"
)

func plan() *exchange.Plan {
	return exchange.NewPlan([]exchange.Destination{{ID: "bhxh", Adapter: "insurer", Purpose: "payment", Closed: true}, {ID: "so", Adapter: "vneid", Purpose: "statistics"}},
		[]exchange.Route{{Destination: "bhxh", Mode: exchange.Relay}, {Destination: "so", Mode: exchange.Direct}}, "insurer")
}

func accepted(change ...func(*store.Prepared)) *store.Prepared {
	p := &store.Prepared{ID: dossier.ID{Facility: "79901", Serial: [16]byte{1}}, Kind: "qd4750", Version: 1, Current: true, Verdict: dossier.Verdict{State: dossier.AcceptedWithWarnings}}
	for _, f := range change {
		f(p)
	}
	return p
}

func TestLegsOfARecord(t *testing.T) {
	t.Parallel()
	both := []store.LegStart{{Destination: "bhxh", State: exchange.Waiting}, {Destination: "so", State: exchange.Waiting}}
	for name, c := range map[string]struct {
		p    *store.Prepared
		want []store.LegStart
	}{
		"accepted":  {accepted(), both},
		"rejected":  {accepted(func(p *store.Prepared) { p.Verdict.State = dossier.Rejected }), nil},
		"came late": {accepted(func(p *store.Prepared) { p.Current = false }), nil},
		"a finding blocks payment": {accepted(func(p *store.Prepared) {
			p.Verdict.Findings = []dossier.Finding{{Blocks: []dossier.Purpose{dossier.Payment}}, {Blocks: []dossier.Purpose{dossier.Payment}}}
		}), []store.LegStart{{Destination: "bhxh", State: exchange.Held, Code: "purpose.payment"}, both[1]}},
		"closed":         {accepted(func(p *store.Prepared) { p.Documents = compartment.BitHIV }), []store.LegStart{both[0], {Destination: "so", State: exchange.Held, Code: "compartment.closed"}}},
		"a closed table": {accepted(func(p *store.Prepared) { p.Documents = 1 << 6 }), both},
	} {
		if got := forward.Record(plan, c.p); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := forward.Record(nil, accepted()); got != nil {
		t.Errorf("without a plan: %v", got)
	}
}

func TestLegsOfAWithdrawal(t *testing.T) {
	t.Parallel()
	now := time.Now()
	leg := func(to string, s exchange.State, sent time.Time) store.Leg {
		return store.Leg{LegKey: store.LegKey{Destination: to}, State: s, Sent: sent}
	}
	for name, c := range map[string]struct {
		legs []store.Leg
		want []string
	}{
		"delivered, and waiting":       {[]store.Leg{leg("bhxh", exchange.Done, now), leg("so", exchange.Waiting, time.Time{})}, []string{"bhxh", "so"}},
		"never sent":                   {[]store.Leg{leg("bhxh", exchange.Held, time.Time{}), leg("so", exchange.Skipped, time.Time{})}, nil},
		"parked when it may be there":  {[]store.Leg{leg("bhxh", exchange.Parked, now), leg("so", exchange.Parked, time.Time{})}, []string{"bhxh"}},
		"a destination that has ended": {[]store.Leg{leg("cu", exchange.Done, now)}, nil},
	} {
		var to []string
		for _, s := range forward.Withdrawal(plan(), c.legs) {
			if to = append(to, s.Destination); s.State != exchange.Waiting {
				t.Errorf("%s: begins %s", name, s.State)
			}
		}
		if !slices.Equal(to, c.want) {
			t.Errorf("%s: %v, want %v", name, to, c.want)
		}
	}
}
