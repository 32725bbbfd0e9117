package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/admission"
	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/delivery"
)

// ways is what package delivery asks, for the same made-up nation.
type ways struct {
	w       *world
	begun   []admin.LegAct
	sent    []string // "facility record destination"
	decided []string
	taken   []string
	asked   []store.SoftwareQuery
	waiting []admin.Pending
}

func (x *ways) deps() *delivery.Deps {
	oldest := noon.Add(-47 * time.Minute)
	open, until := noon.Add(-20*time.Minute), noon.Add(time.Minute)
	return &delivery.Deps{Legs: x, Office: x, Survey: x, Days: x, Kinds: []string{"qd4750", "checkin"},
		Directory: func() *facility.Directory { return nil },
		Flow: func() admission.State {
			return admission.State{At: noon, Lanes: []admission.LaneState{{Lane: "urgent"}, {Lane: "routine", Waiting: 3, Commit: 40, Age: 2 * time.Second}, {Lane: "backlog"}},
				InFlight: 3 << 20, Room: 256 << 20, Slots: admission.SlotState{Given: 412, Ahead: 9},
				Senders: []admission.Sent{{Sender: "22000", Requests: 9, Bytes: 9 << 20, Dossiers: 900, Deferrals: 4}, {Sender: "", Dossiers: 3}}}
		},
		Ways: func(context.Context) ([]admin.Way, error) {
			return []admin.Way{
				{Destination: "bhxh", Adapter: "insurer", Name: fault.Text{VI: "Cổng giám định", EN: "Insurer's gateway"}, Breaker: exchange.Open, Since: &open, Until: &until, PerSecond: 20,
					Parallel: 4, Waiting: 3418, Carried: 4, Held: 12, Parked: 31, Sent24h: 4711, Oldest: &oldest, Code: "outbound.unreachable"},
				{Destination: "so-suc-khoe", Name: fault.Text{VI: "Sổ sức khỏe", EN: "Health book"}, Breaker: exchange.Closed, Parallel: 2},
			}, nil
		}}
}

func (x *ways) legs() []store.Leg {
	var out []store.Leg
	states := []exchange.State{exchange.Parked, exchange.Held, exchange.Waiting, exchange.Done}
	codes := []string{"insurer.125", "purpose.payment", "outbound.unreachable", ""}
	for i, r := range x.w.rows[:8] {
		l := store.Leg{LegKey: store.LegKey{Record: r.ID, Destination: "bhxh"}, Kind: "qd4750", State: states[i%4], Code: codes[i%4], Created: r.At, Attempts: i}
		if l.State == exchange.Done {
			l.Sent, l.Received, l.Finalized, l.Reference = r.At, r.At, r.At.Add(time.Minute), "GD-1"
		}
		out = append(out, l)
	}
	return out
}

func (x *ways) List(_ context.Context, _ role.Scope, f store.LegFilter) ([]store.Leg, bool, error) {
	var out []store.Leg
	for _, l := range x.legs() {
		if f.State == "" || l.State == f.State {
			out = append(out, l)
		}
	}
	return out, true, nil
}

func (x *ways) Of(_ context.Context, ids ...dossier.ID) ([]store.Leg, error) {
	held := store.Leg{LegKey: store.LegKey{Record: ids[0], Destination: "bhxh"}, Kind: "qd4750", State: exchange.Held, Code: "purpose.payment", Created: noon}
	done := store.Leg{LegKey: store.LegKey{Record: ids[0], Destination: "so-suc-khoe"}, Kind: "qd4750", State: exchange.Done, Code: "insurer.200", Created: noon, Sent: noon, Finalized: noon, Opened: noon, Reference: "SK-1"}
	closed := store.Leg{LegKey: store.LegKey{Record: ids[0], Destination: "kin"}, State: exchange.Held, Code: exchange.HeldClosed, Created: noon}
	return []store.Leg{held, done, closed}, nil
}

func (x *ways) CountLegs(_ context.Context, a admin.LegAct) (int, error) {
	if a.Filter.State == exchange.Done {
		return 0, admin.ErrLegDo
	}
	return 3418, nil
}

func (x *ways) SendAnyway(_ context.Context, _ string, code care.FacilityCode, id dossier.ID, destination, reason string) error {
	if len(reason) < 3 {
		return admin.ErrLegReason
	}
	x.sent = append(x.sent, string(code)+" "+id.String()+" "+destination)
	return nil
}

func (x *ways) Enrolment(context.Context) (admin.Enrolment, error) {
	return admin.Enrolment{Second: true, Waiting: x.waiting, Forked: []admin.Forked{{Client: "22007-abc", Seen: noon}}}, nil
}

func (x *ways) Approve(_ context.Context, actor, client string) error {
	x.decided = append(x.decided, "approve "+client+" by "+actor)
	return nil
}

func (x *ways) Dismiss(_ context.Context, actor, client string) error {
	x.decided = append(x.decided, "dismiss "+client+" by "+actor)
	return nil
}

func (x *ways) Exchange(context.Context) (admin.Exchange, error) { return admin.Exchange{}, nil }

// acts on many
func (x *ways) Begin(_ context.Context, _ string, a admin.LegAct) (admin.Move, error) {
	x.begun = append(x.begun, a)
	return admin.Move{ID: "m1", LegAct: a, Count: 3418, State: admin.MoveRunning, Began: noon}, nil
}

func (x *ways) Get(id string) (admin.Move, error) {
	if id != "m1" {
		return admin.Move{}, admin.ErrMoveUnknown
	}
	return x.moves().List()[0], nil
}

func (x *ways) Cancel(id string) (admin.Move, error) { return x.Get(id) }

func (x *ways) moves() moveList { return moveList{x} }

// moveList gives Moves its List, which Legs has by another shape.
type moveList struct{ *ways }

func (m moveList) List() []admin.Move {
	a := admin.LegAct{Do: admin.LegRetry, Reason: "Cổng giám định đã thông", Filter: admin.LegFilter{Destination: "bhxh", State: exchange.Parked}}
	return []admin.Move{{ID: "m1", Actor: "portal operator", LegAct: a, Count: 3418, Moved: 1500, State: admin.MoveRunning, Began: noon},
		{ID: "m0", Actor: "portal operator", LegAct: a, Count: 31, Moved: 31, State: admin.MoveDone, Began: noon.Add(-time.Hour), Ended: noon}}
}

func (x *ways) Stuck(_ context.Context, _ role.Scope, f store.LegFilter) ([]store.LegGroup, error) {
	return []store.LegGroup{{Destination: "bhxh", State: f.State, Code: "insurer.125", N: 29, Facilities: 7, Oldest: noon.Add(-5 * time.Hour)},
		{Destination: "so-suc-khoe", State: f.State, Code: "leg.secret_missing", N: 2, Facilities: 1, Oldest: noon.Add(-time.Hour)},
		{Destination: "kin", State: f.State, Code: exchange.HeldClosed, N: 5, Facilities: 1, Oldest: noon}}, nil
}

func (x *ways) Rejects(_ context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error) {
	x.asked = append(x.asked, q)
	id := x.w.rows[4].ID
	return []store.SoftwareCount{
		{Software: "HIS Ánh/3.2", Vendor: "Ánh", Facility: "22000", Code: "time.order", N: 212, Newest: noon, Example: id},
		{Software: "HIS Ánh/3.2", Vendor: "Ánh", Facility: "22007", Code: "time.order", N: 40, Newest: noon.Add(-time.Hour), Example: id},
		{Software: "", Vendor: "Bình", Facility: "22014", Code: "facility.mismatch", N: 3, Newest: noon, Example: id},
		{Software: "HIS Ánh/3.2", Vendor: "Ánh", Facility: "22000", Code: "XML4.DON_VI_DO.missing", N: 9, Newest: noon, Example: id},
	}, nil
}

func (x *ways) Vendors(context.Context) ([]store.Vendor, error) {
	return []store.Vendor{{ID: "22000", Name: "HIS Ánh"}}, nil
}

func (x *ways) Manifests(_ context.Context, _ role.Scope, code care.FacilityCode, _, _ int) ([]store.Manifest, error) {
	today := clock.Day(noon)
	switch code {
	case "22014": // agrees
		return []store.Manifest{{Facility: code, Day: today, At: noon, Equal: true, Sent: 3, Accepted: 3}}, nil
	case "22021": // has compared nothing
		return nil, nil
	}
	return []store.Manifest{{Facility: "22000", Day: today, At: noon, Equal: true, Sent: 120, Accepted: 118, Rejected: 2},
		{Facility: "22007", Day: today - 1, At: noon, Sent: 51, Accepted: 49, Missing: 2, Extra: -1}}, nil
}

func (x *ways) Mirrors(_ context.Context, _ role.Scope, code care.FacilityCode, _, _ int) ([]store.Mirror, error) {
	if code == "22014" || code == "22021" {
		return nil, nil
	}
	return []store.Mirror{{Facility: "22000", Day: clock.Day(noon), Destination: "bhxh", Here: 120, There: 119, Equal: 119, OnlyHere: []store.MirrorItem{{Digest: "AB12", Kind: "qd4750", Record: x.w.rows[0].ID.String()}}}}, nil
}

func (x *ways) alarm() alarm.Alarm {
	return alarm.Of(store.Alarm{Cause: "leg.queue:bhxh", State: store.AlarmOpen, Detail: `{"minutes":61,"limit":60,"n":3418}`, Opened: noon.Add(-time.Hour), Seen: noon, Told: noon})
}

func (x *ways) Open(context.Context) ([]alarm.Alarm, error) { return []alarm.Alarm{x.alarm()}, nil }

func (x *ways) Acknowledge(_ context.Context, _, cause, owner, note string) error {
	if owner == "" {
		return alarm.ErrOwner
	}
	x.taken = append(x.taken, cause+" "+owner+" "+note)
	return nil
}

// alarmList gives Alarms its List.
type alarmList struct{ *ways }

func (x alarmList) List(context.Context, time.Time) ([]alarm.Alarm, error) {
	closed := alarm.Of(store.Alarm{Cause: "facility.silent:22007", State: store.AlarmClosed, Detail: `{"last":"2026-07-12T03:00:00Z"}`, Opened: noon.Add(-24 * time.Hour), Closed: noon, Owner: "An"})
	return []alarm.Alarm{x.alarm(), closed}, nil
}

func TestAnActOnManyIsCountedBeforeItIsDone(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	form := url.Values{"state": {"parked"}, "destination": {"bhxh"}, "from": {"2026-07-01"}, "do": {"retry"}, "reason": {"Cổng giám định đã thông"}}
	got := do(t, h, ask{method: "POST", path: "/legs/act", role: "operator", form: form})
	if got.status != http.StatusOK || !strings.Contains(got.body, "Gửi lại 3.418 chặng") || len(w.ways.begun) != 0 {
		t.Fatalf("%d, begun %d: %s", got.status, len(w.ways.begun), got.body)
	}
	form.Set("sure", "yes")
	got = do(t, h, ask{method: "POST", path: "/legs/act", role: "operator", form: form})
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/legs/acts/m1" || len(w.ways.begun) != 1 {
		t.Fatalf("%d %v", got.status, got.header)
	}
	a := w.ways.begun[0]
	if a.Do != "retry" || a.Reason != "Cổng giám định đã thông" || a.Filter.Destination != "bhxh" || a.Filter.State != exchange.Parked ||
		!a.Filter.From.Equal(time.Date(2026, 7, 1, 0, 0, 0, 0, clock.Hanoi)) || !a.Filter.To.IsZero() {
		t.Errorf("%+v", a)
	}
	for name, change := range map[string][2]string{"no reason": {"reason", ""}, "a state without acts": {"state", "done"}} {
		bad := url.Values{"state": {"parked"}, "do": {"retry"}, "reason": {"vì sao"}}
		bad.Set(change[0], change[1])
		if got := do(t, h, ask{method: "POST", path: "/legs/act", role: "operator", form: bad}); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := do(t, h, ask{path: "/legs?state=nowhere", role: "operator"}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a state that is none: %d", got.status)
	}
}

func TestAFacilityLetsItsOwnRecordGo(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	own := w.rows[0].ID
	who := "facility:" + string(own.Facility)
	page := do(t, h, ask{path: "/records/" + own.String(), role: who})
	if !strings.Contains(page.body, `/send"`) || !strings.Contains(page.body, "Sổ sức khỏe") || !strings.Contains(page.body, "SK-1") || !strings.Contains(page.body, "được bảo vệ riêng") {
		t.Errorf("the record shows no deliveries: %d", page.status)
	}
	if other := do(t, h, ask{path: "/records/" + own.String(), role: "ministry"}); strings.Contains(other.body, `/send"`) || strings.Contains(other.body, exchange.HeldClosed) || strings.Contains(other.body, ">kin<") {
		t.Error("others may let it go, or learn that it is closed")
	}
	send := ask{method: "POST", path: "/records/" + own.String() + "/legs/bhxh/send", role: who, form: url.Values{"reason": {"đã xem lại"}}}
	if got := do(t, h, send); got.status != http.StatusSeeOther || len(w.ways.sent) != 1 || w.ways.sent[0] != string(own.Facility)+" "+own.String()+" bhxh" {
		t.Errorf("%d %v", got.status, w.ways.sent)
	}
	send.form = url.Values{}
	if got := do(t, h, send); got.status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", got.status)
	}
}

// Advice is for what is stuck; what arrived says so.
func TestADeliveryThatArrivedIsNotToBeMended(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	own := w.rows[0].ID
	page := do(t, h, ask{path: "/records/" + own.String(), role: "facility:" + string(own.Facility)})
	if !strings.Contains(page.body, "Cổng giám định trả mã 200") || !strings.Contains(page.body, "Đã đến nơi nhận") || strings.Contains(page.body, "Tra mã trong tài liệu") {
		t.Errorf("a delivery that arrived: %d", page.status)
	}
	list := do(t, h, ask{path: "/legs?state=parked", role: "operator"})
	if !strings.Contains(list.body, "Tra mã trong tài liệu") || strings.Contains(list.body, "Đã đến nơi nhận") {
		t.Errorf("what is parked has no advice: %d", list.status)
	}
}

func TestDaysThatAgreeAndDaysThatWereNotCompared(t *testing.T) {
	t.Parallel()
	h, _ := setup(t)
	const agree, none, some = "Mọi ngày đã đối chiếu đều khớp.", "Chưa có ngày nào được đối chiếu.", "ngày lệch."
	for query, want := range map[string]string{"": some, "?facility=22014": agree, "?facility=22014&show=differ": agree,
		"?facility=22021": none, "?facility=22021&show=differ": none} {
		got := do(t, h, ask{path: "/reconciliation" + query, role: "operator"})
		for _, text := range []string{agree, none, some} {
			if strings.Contains(got.body, text) != (text == want) {
				t.Errorf("%s: %d, %q is there: %t", query, got.status, text, text != want)
			}
		}
	}
}

func TestWhoInvitedDoesNotApprove(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	by := func(who, what, name string) int {
		return do(t, h, ask{method: "POST", path: "/enrolments/22000-a/" + what, role: who, form: url.Values{"name": {name}}}).status
	}
	decide := func(what, name string) int { return by("operator by name", what, name) }
	if got := by("operator", "approve", "Lê Bình"); got < 400 || len(w.ways.decided) != 0 {
		t.Errorf("a login link approves, under any name: %d", got)
	}
	for _, name := range []string{"", "Trần An", " trần  AN "} {
		if got := decide("approve", name); got < 400 || len(w.ways.decided) != 0 {
			t.Errorf("%q approves: %d", name, got)
		}
	}
	if got := decide("approve", "Lê Bình"); got != http.StatusSeeOther || len(w.ways.decided) != 1 || !strings.HasPrefix(w.ways.decided[0], "approve 22000-a by Lê Bình (portal operator 07000") {
		t.Errorf("%d %v", got, w.ways.decided)
	}
	if got := decide("dismiss", "Trần An"); got != http.StatusSeeOther || len(w.ways.decided) != 2 {
		t.Errorf("%d %v", got, w.ways.decided)
	}
}

func TestAVendorSeesItsOwnSoftwareOnly(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	got := do(t, h, ask{path: "/software?name=HIS+X", role: "partner:22000"})
	if got.status != http.StatusOK || len(w.ways.asked) != 1 || w.ways.asked[0].Name != "HIS Ánh" {
		t.Fatalf("%d %+v", got.status, w.ways.asked)
	}
	if strings.Contains(got.body, "/records/") || strings.Contains(got.body, "/messages") || strings.Contains(got.body, w.rows[4].ID.String()) {
		t.Error("a vendor is led to records")
	}
	if strings.Contains(got.body, "XML4.DON_VI_DO.missing") || !strings.Contains(got.body, "252") {
		t.Error("findings that reject nothing are counted, or rejects are not")
	}
	if got := do(t, h, ask{path: "/software", role: "partner:other"}); got.status != http.StatusForbidden || !strings.Contains(got.body, "vendor.unbound") {
		t.Errorf("nobody's: %d", got.status)
	}
	if got := do(t, h, ask{path: "/software", role: "operator"}); !strings.Contains(got.body, "/records/") || w.ways.asked[len(w.ways.asked)-1].Name != "" {
		t.Error("an operator is led nowhere")
	}
	csv := do(t, h, ask{path: "/software.csv?days=30", role: "ministry"})
	if csv.status != http.StatusOK || strings.Count(csv.body, "\n") != 4 {
		t.Errorf("%d %s", csv.status, csv.body)
	}
}

func TestAnAlarmIsTakenOn(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	if got := do(t, h, ask{path: "/overview", role: "operator"}); !strings.Contains(got.body, "leg.queue:bhxh") || !strings.Contains(got.body, "Ngắt, thử lại") || !strings.Contains(got.body, "412") {
		t.Errorf("the overview does not say how the ways stand: %d", got.status)
	}
	if got := do(t, h, ask{path: "/overview", role: "ministry"}); strings.Contains(got.body, "leg.queue:bhxh") {
		t.Error("a ministry is shown the operator's panel")
	}
	take := ask{method: "POST", path: "/alarms/leg.queue:bhxh/acknowledge", role: "operator", form: url.Values{"owner": {"An"}, "note": {"đã gọi"}}}
	if got := do(t, h, take); got.status != http.StatusSeeOther || len(w.ways.taken) != 1 || w.ways.taken[0] != "leg.queue:bhxh An đã gọi" {
		t.Errorf("%d %v", got.status, w.ways.taken)
	}
	take.role = "ministry" // whoever runs the operations centre acts on what it shows
	if got := do(t, h, take); got.status != http.StatusSeeOther || len(w.ways.taken) != 2 {
		t.Errorf("the ministry takes an alarm: %d %v", got.status, w.ways.taken)
	}
	if got := do(t, h, ask{path: "/alarms", role: "ministry"}); got.status != http.StatusOK || strings.Contains(got.body, `href="/enrolments`) {
		t.Errorf("the ministry's page of alarms: %d", got.status)
	}
	for _, other := range []string{"province:79", "unit:kcb", "facility:22000", "auditor"} {
		if got := do(t, h, ask{path: "/alarms", role: other}); got.status != http.StatusForbidden {
			t.Errorf("%s sees alarms: %d", other, got.status)
		}
	}
	take.role, take.form = "operator", url.Values{}
	if got := do(t, h, take); got.status != http.StatusUnprocessableEntity {
		t.Errorf("nobody takes it: %d", got.status)
	}
}
