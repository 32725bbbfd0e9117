package desk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal"
	"lienthong/internal/web/portal/desk"
	"lienthong/internal/web/portal/view"
)

var (
	_ portal.Boards   = (*desk.Desk)(nil)
	_ portal.Messages = (*desk.Desk)(nil)
	_ portal.Trail    = (*desk.Desk)(nil)
)

var now = time.Date(2026, 7, 14, 3, 42, 30, 0, time.UTC)

// slices of a store in memory: rows are kept as given, newest first.
type memory struct {
	counts  map[string][]store.Count // by what CountQuery asks
	records []store.Record
	asked   []store.Filter
	scopes  []role.Scope
	loads   int
	epoch   int64

	mu   sync.Mutex
	sums atomic.Int64
	slow time.Duration
}

func (m *memory) Sum(_ context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	m.sums.Add(1)
	time.Sleep(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scopes = append(m.scopes, scope)
	return m.counts[fmt.Sprint(q.FromDay, q.ToDay, q.By)], nil
}

func (m *memory) Minutes(_ context.Context, _ role.Scope, since time.Time) ([]store.MinuteCount, error) {
	return []store.MinuteCount{{Minute: since, Measure: "accepted", N: 2}, {Minute: now.Truncate(time.Minute), Measure: "rejected", N: 1}}, nil
}

func (m *memory) Get(_ context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	for i := range m.records {
		if m.records[i].ID == id && (scope.All || scope.Facility == id.Facility) {
			return &m.records[i], nil
		}
	}
	return nil, store.ErrAbsent
}

func (m *memory) List(_ context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error) {
	m.asked = append(m.asked, f)
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	var list []store.Record
	for _, r := range m.records {
		if f.State != "" && r.State() != f.State || f.Before.ID != (dossier.ID{}) && !r.Received.Before(f.Before.At) {
			continue
		}
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, r)
	}
	return list, false, nil
}

func (m *memory) Timeline(context.Context, dossier.ID) ([]store.Transition, error) {
	return []store.Transition{{At: now, What: "superseded", By: m.records[0].ID}}, nil
}

func (m *memory) Refusals(_ context.Context, scope role.Scope, f store.Filter) ([]store.Refusal, bool, error) {
	m.asked = append(m.asked, f)
	return []store.Refusal{{ID: m.records[0].ID, At: now, Code: "seal.broken", Size: 12}}, true, nil
}

func (m *memory) Epoch(context.Context) (int64, error) { return m.epoch, nil }

func (m *memory) Load(context.Context) (*facility.Directory, error) {
	m.loads++
	return facility.NewDirectory(facility.Contents{Epoch: m.epoch, Versions: []facility.Version{
		{ID: 1, Code: "22000", Name: "Bệnh viện đa khoa Sông Thương", Level: facility.Regional, Province: "24", Unit: "kcb"},
		{ID: 2, Code: "22007", Name: "Trạm y tế xã Tân Hòa", Level: facility.Commune, Province: "91"}},
		Certificates: []facility.Certificate{{Facility: "22000", DER: []byte("not a certificate")}}}), nil
}

func (m *memory) LastSeen(context.Context, role.Scope) (map[care.FacilityCode]time.Time, error) {
	return map[care.FacilityCode]time.Time{"22000": now.Add(-time.Minute)}, nil
}

type looks struct{ scopes []role.Scope }

func (l *looks) List(_ context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	l.scopes = append(l.scopes, scope)
	return []store.Disclosure{{ID: 3, At: now, Facility: "22000", Basis: "own_record", Count: 1}}, false, nil
}

func (l *looks) Acts(_ context.Context, before int64, limit int) ([]store.Act, error) {
	acts := make([]store.Act, limit)
	for i := range acts {
		acts[i].ID = int64(limit - i)
	}
	return acts, nil
}

func setup(t testing.TB) (*desk.Desk, *memory, *looks, *clock.Fake) {
	t.Helper()
	m := &memory{counts: map[string][]store.Count{}, epoch: 1}
	states := []dossier.State{dossier.Accepted, dossier.AcceptedWithWarnings, dossier.Rejected, dossier.Accepted}
	for i, s := range states {
		at := now.Add(-time.Duration(i) * time.Minute)
		id, err := dossier.NewID("22000", at, strings.NewReader("0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		r := store.Record{ID: id, Kind: "qd4750", FacilityVersion: 1, Received: at, Verdict: dossier.Verdict{State: s}, Documents: 1<<1 | 1<<13, Lane: store.Urgent, Current: true}
		if s.IsAccepted() {
			r.Version = 1
		}
		if s == dossier.Rejected {
			r.Verdict.Findings = []dossier.Finding{{Code: "XML1.A.sum", Severity: dossier.Warning}, {Code: "time.order", Severity: dossier.Error, Table: "XML1", Row: 1}, {Code: "time.order", Severity: dossier.Error}}
		}
		m.records = append(m.records, r)
	}
	l := &looks{}
	clk := clock.NewFake(now)
	d, err := desk.New(desk.Slices{Counters: m, Records: m, Facilities: m, Disclosures: l, Acts: l,
		Episode: func(care.FacilityCode, string) ([]vault.Keyed, error) { return []vault.Keyed{{1, 2}}, nil }}, clk)
	if err != nil {
		t.Fatal(err)
	}
	return d, m, l, clk
}

// withSilence is a desk that knows of facilities' own calendars.
func withSilence(t *testing.T, quiet *alarm.Silence) *desk.Desk {
	t.Helper()
	_, m, l, clk := setup(t)
	d, err := desk.New(desk.Slices{Counters: m, Records: m, Facilities: m, Disclosures: l, Acts: l, Silence: func() *alarm.Silence { return quiet }}, clk)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	operator = role.Role{Kind: role.Operator}
	own      = role.Role{Kind: role.Facility, ID: "22000"}
)

func TestOverviewOfCountersAndDirectory(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	byMeasure, byPlace := []store.Dimension{store.ByMeasure}, []store.Dimension{store.ByFacility, store.ByMeasure}
	m.counts[fmt.Sprint(0, 20260713, byMeasure)] = []store.Count{{Key: []string{"accepted"}, N: 87}, {Key: []string{"rejected"}, N: 10}}
	m.counts[fmt.Sprint(20260714, 0, byMeasure)] = []store.Count{{Key: []string{"accepted"}, N: 3}}
	m.counts[fmt.Sprint(20260707, 20260707, byMeasure)] = []store.Count{{Key: []string{"accepted"}, N: 7}}
	m.counts[fmt.Sprint(20260714, 20260714, byPlace)] = []store.Count{{Key: []string{"22000", "accepted"}, N: 3}, {Key: []string{"22000", "code:time.order"}, N: 1}}
	o, err := d.Overview(t.Context(), role.Role{Kind: role.Province, ID: "24"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if o.Records.Total != 100 || o.Records.Today != 3 || o.Records.WeekAgo != 7 || o.Registered != 1 || o.Sending != 1 || len(o.Causes) != 1 {
		t.Errorf("%+v", o)
	}
	for _, s := range m.scopes {
		if s != (role.Scope{Province: "24"}) {
			t.Errorf("asked in scope %+v", s)
		}
	}
	minutes, err := d.Minutes(t.Context(), operator, now)
	if err != nil || len(minutes) != 60 || minutes[0].Accepted != 2 || minutes[59].Rejected != 1 {
		t.Errorf("%v, %v", minutes, err)
	}
}

func TestACodeThatHoldsTwoPurposesCountsOnce(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	m.counts[fmt.Sprint(20260708, 20260714, []store.Dimension{store.ByFacility, store.ByMeasure, store.ByPurpose})] = []store.Count{
		{Key: []string{"22000", "accepted", ""}, N: 40}, {Key: []string{"22000", "rejected", ""}, N: 2},
		{Key: []string{"22000", "code:time.order", ""}, N: 2}, {Key: []string{"22000", "code:XML1.A.sum", ""}, N: 5},
		{Key: []string{"22000", "code:XML1.B.not_in_list", "payment"}, N: 9}, {Key: []string{"22000", "code:XML1.B.not_in_list", "statistics"}, N: 9}}
	c, err := d.Causes(t.Context(), own, now, 7)
	if err != nil {
		t.Fatal(err)
	}
	if c.Sent != 42 || len(c.Rejecting) != 1 || len(c.Holding) != 1 || c.Holding[0].N != 9 || !c.Holding[0].FixOnce || c.Holding[0].Rejects {
		t.Errorf("%+v", c)
	}
}

func TestTodayIsAFacilitysOwn(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	m.counts[fmt.Sprint(20260714, 20260714, []store.Dimension{store.ByMeasure})] = []store.Count{{Key: []string{"accepted"}, N: 3}, {Key: []string{"accepted_with_warnings"}, N: 2}, {Key: []string{"rejected"}, N: 1}, {Key: []string{"refused"}, N: 4}}
	got, err := d.Today(t.Context(), own, now)
	if err != nil || got.Accepted != 5 || got.Rejected != 1 || got.Refused != 4 || got.Records.Today != 6 || got.Facility.Name != "BVĐK Sông Thương" {
		t.Errorf("%+v, %v", got, err)
	}
	if none, err := d.Today(t.Context(), operator, now); err != nil || none.Records.Today != 0 {
		t.Errorf("an operator's day: %+v, %v", none, err)
	}
}

func TestListsPageAndMerge(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	list, err := d.List(t.Context(), own, view.Query{State: desk.AnyAccepted, Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Rows) != 2 || list.Rows[0].State != dossier.Accepted || list.Rows[1].State != dossier.AcceptedWithWarnings || list.Next == "" {
		t.Fatalf("%+v", list)
	}
	rest, err := d.List(t.Context(), own, view.Query{State: desk.AnyAccepted, Limit: 2, Before: list.Next})
	if err != nil || len(rest.Rows) != 1 || rest.Rows[0].ID != m.records[3].ID || rest.Next != "" {
		t.Errorf("%+v, %v", rest, err)
	}
	all, err := d.List(t.Context(), own, view.Query{Limit: 50})
	if err != nil || !slices.Equal(all.Rows[2].Codes, []string{"time.order", "XML1.A.sum"}) {
		t.Errorf("%+v, %v", all, err)
	}
	for _, bad := range []string{"x", "_", "zz_22000", "1_" + m.records[0].ID.String() + "x"} {
		if _, err := d.List(t.Context(), own, view.Query{Before: bad}); !errors.Is(err, desk.ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func TestAnEpisodeNeedsItsFacility(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	if _, err := d.List(t.Context(), operator, view.Query{Episode: "x"}); !errors.Is(err, view.ErrEpisodeFacility) {
		t.Errorf("without a facility: %v", err)
	}
	if _, err := d.List(t.Context(), operator, view.Query{Episode: "x", Facility: "22000"}); err != nil {
		t.Fatal(err)
	}
	if f := m.asked[len(m.asked)-1]; len(f.Episode) != 1 || f.Facility != "22000" {
		t.Errorf("asked %+v", f)
	}
}

func TestARecordsMetadata(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	r, err := d.Record(t.Context(), own, m.records[0].ID)
	if err != nil || !slices.Equal(r.Documents, []string{"XML1", "XML13"}) || r.Lane != "urgent" || len(r.Events) != 1 || r.Facility.Name != "BVĐK Sông Thương" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := d.Record(t.Context(), role.Role{Kind: role.Facility, ID: "22007"}, m.records[0].ID); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another facility: %v", err)
	}
	s, err := d.Samples(t.Context(), own, "time.order", 3)
	if err != nil || len(s) != 3 || s[2].Finding.Row != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	x, err := d.Refused(t.Context(), own, view.Query{})
	if err != nil || len(x.Rows) != 1 || x.Next == "" || len(x.Rows[0].Digest) != 64 {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestWhoLookedIsForOwnersAndAuditors(t *testing.T) {
	t.Parallel()
	d, _, l, _ := setup(t)
	auditor := role.Role{Kind: role.Auditor}
	for _, r := range []role.Role{own, auditor, operator, {Kind: role.Ministry}} {
		if _, _, err := d.Looks(t.Context(), r, dossier.ID{}, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	want := []role.Scope{{Facility: "22000"}, {All: true}, {All: true}, {All: true}}
	if !slices.Equal(l.scopes, want) {
		t.Errorf("scopes %+v", l.scopes)
	}
	acts, more, err := d.Acts(t.Context(), auditor, 0, 5)
	if err != nil || len(acts) != 5 || !more {
		t.Errorf("%d acts, %v, %v", len(acts), more, err)
	}
	if acts, _, err := d.Acts(t.Context(), own, 0, 5); err != nil || len(acts) != 0 {
		t.Errorf("a facility sees %d acts", len(acts))
	}
}

func TestTheDirectoryIsLoadedWhenItsEpochMoves(t *testing.T) {
	t.Parallel()
	d, m, _, clk := setup(t)
	use := func() {
		if _, err := d.Standings(t.Context(), operator, now, 1); err != nil {
			t.Fatal(err)
		}
	}
	use()
	use()
	clk.Advance(2 * time.Second)
	use()
	if m.loads != 1 {
		t.Errorf("%d loads in one epoch", m.loads)
	}
	m.epoch = 2
	clk.Advance(2 * time.Second)
	use()
	if m.loads != 2 {
		t.Errorf("%d loads after the epoch moved", m.loads)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("hq0c5yxs00_22000-06fnxdv8j0r30c1g60r30c1g68")
	f.Add("-1_22000-00000000000000000000000000")
	d, _, _, _ := setup(f)
	f.Fuzz(func(t *testing.T, before string) {
		if _, err := d.List(t.Context(), operator, view.Query{Before: before}); err != nil && !errors.Is(err, desk.ErrCursor) {
			t.Error(err)
		}
	})
}
