package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/delivery"
)

// fakeLegs keeps legs in memory.
type fakeLegs struct {
	store.Legs
	mu    sync.Mutex
	rows  []store.Leg
	moves int
	gate  chan struct{} // a move waits for it
}

func (f *fakeLegs) Of(_ context.Context, ids ...dossier.ID) ([]store.Leg, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []store.Leg
	for _, l := range f.rows {
		if slices.Contains(ids, l.Record) {
			out = append(out, l)
		}
	}
	return out, nil
}

// Receipts returns none: no destination here gives its own.
func (f *fakeLegs) Receipts(context.Context, dossier.ID) ([]store.LegReceipt, error) { return nil, nil }

func selects(scope role.Scope, q store.LegFilter, l *store.Leg) bool {
	return (scope.All || scope.Facility == l.Record.Facility) && (q.Records == nil || slices.Contains(q.Records, l.Record)) &&
		(q.Destination == "" || q.Destination == l.Destination) && (q.State == "" || q.State == l.State) && (q.Code == "" || q.Code == l.Code) &&
		(q.Facility == "" || q.Facility == l.Record.Facility) && (q.Kind == "" || q.Kind == l.Kind) &&
		(q.From.IsZero() || !l.Created.Before(q.From)) && (q.To.IsZero() || l.Created.Before(q.To))
}

func (f *fakeLegs) List(_ context.Context, scope role.Scope, q store.LegFilter) ([]store.Leg, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []store.Leg
	for _, l := range f.rows {
		past := q.Before == (store.Cursor{}) || l.Created.Before(q.Before.At)
		if selects(scope, q, &l) && past {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b store.Leg) int { return cmp.Compare(b.Created.UnixMicro(), a.Created.UnixMicro()) })
	n := min(len(out), q.Limit)
	return out[:n], n < len(out), nil
}

func (f *fakeLegs) Count(_ context.Context, scope role.Scope, q store.LegFilter) (n int, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if selects(scope, q, &f.rows[i]) {
			n++
		}
	}
	return n, nil
}

func (f *fakeLegs) Move(ctx context.Context, scope role.Scope, q store.LegFilter, m store.LegMove, limit int) (keys []store.LegKey, _ error) {
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moves++
	for i := range f.rows {
		if l := &f.rows[i]; len(keys) < limit && selects(scope, q, l) && l.State != m.To && l.State != exchange.Done {
			l.State, l.Code, l.Due = m.To, m.Code, m.At
			keys = append(keys, l.LegKey)
		}
	}
	return keys, nil
}

func (f *fakeLegs) states() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.rows {
		out = append(out, string(l.State)+" "+l.Code)
	}
	return out
}

type fakeActs struct {
	mu   sync.Mutex
	list []store.Act
}

func (f *fakeActs) Act(_ context.Context, act store.Act) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, act)
	return nil
}

type fakeWays struct{}

func (fakeWays) Ways(context.Context) ([]admin.Way, error) {
	until, oldest := noon.Add(time.Minute), noon.Add(-time.Hour)
	return []admin.Way{{Destination: "bhxh", Adapter: "insurer", Name: fault.Text{VI: "BHXH", EN: "Insurer"}, Parallel: 4, Breaker: exchange.Open, Until: &until,
		Waiting: 7, Oldest: &oldest, Code: "outbound.unreachable"}}, nil
}

func (w *world) moves() *admin.Moves {
	m := admin.NewMoves(w.office)
	w.t.Cleanup(m.Stop)
	return m
}

func leg(n byte, to string, state exchange.State, code string) store.Leg {
	return store.Leg{LegKey: store.LegKey{Record: id(n), Destination: to}, Kind: "qd4750", State: state, Code: code, Created: noon.Add(-time.Duration(n) * time.Minute),
		Changed: noon, Lane: store.Routine}
}

type legItems struct {
	Items []delivery.Leg `json:"items"`
	Next  *string        `json:"next"`
}

func TestLegsOfARecord(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.records.rows = []store.Record{row(1)}
	done := leg(1, "bhxh", exchange.Done, "")
	done.Sent, done.Received, done.Finalized, done.Reference, done.Attempts = noon, noon, noon, "GD-1", 1
	w.legs.rows = []store.Leg{done, leg(1, "so", exchange.Held, "purpose.statistics"), leg(1, "cha", exchange.Held, exchange.HeldClosed)}
	for who, want := range map[string][]string{hospital: {"bhxh", "so", "cha"}, "operator": {"bhxh", "so"}, "ministry": {"bhxh", "so"}} {
		got := read[legItems](t, w.get("/api/v1/records/"+id(1).String()+"/legs", who))
		var to []string
		for _, l := range got.Items {
			to = append(to, l.Destination)
		}
		if !slices.Equal(to, want) || got.Items[0].Reference != "GD-1" || got.Items[0].Finalized == nil || got.Items[1].Sent != nil {
			t.Errorf("%s: %v", who, to)
		}
		story := read[struct {
			Items []struct{ What, Destination, Detail string }
		}](t, w.get("/api/v1/records/"+id(1).String()+"/timeline", who))
		var said []string
		for _, e := range story.Items {
			if e.Destination != "" {
				said = append(said, e.Destination+" "+e.What+" "+e.Detail)
			}
		}
		for _, x := range []string{"bhxh leg.created ", "bhxh leg.sent ", "bhxh leg.received ", "bhxh leg.finalized ", "so leg.created ", "so leg.held purpose.statistics"} {
			if !slices.Contains(said, x) {
				t.Errorf("%s is not told %q: %q", who, x, said)
			}
		}
		if told := slices.Contains(said, "cha leg.held compartment.closed"); told != (who == hospital) {
			t.Errorf("%s is told of the closed compartment: %v", who, told)
		}
	}
}

func TestLegsAreListed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for n := byte(1); n <= 5; n++ {
		w.legs.rows = append(w.legs.rows, leg(n, "bhxh", exchange.Parked, "insurer.125"))
	}
	w.legs.rows = append(w.legs.rows, leg(6, "so", exchange.Held, exchange.HeldClosed), leg(7, "so", exchange.Waiting, ""))
	seen, cursor := 0, ""
	for range 9 {
		got := read[legItems](t, w.get("/api/v1/legs?limit=2&state=parked&code=insurer.125&destination=bhxh"+cursor, "operator"))
		if seen += len(got.Items); got.Next == nil {
			break
		}
		cursor = "&cursor=" + *got.Next
	}
	if seen != 5 {
		t.Errorf("%d legs over the pages", seen)
	}
	for query, want := range map[string]int{"": 6, "?code=compartment.closed": 0, "?destination=so": 1, "?facility=79901": 6, "?facility=79902": 0,
		"?from=2026-03-02T04:58:30Z": 1, "?to=2026-03-02T04:55:00Z": 1, "?kind=checkin": 0} {
		if got := read[legItems](t, w.get("/api/v1/legs"+query, "operator")); len(got.Items) != want {
			t.Errorf("%q: %d legs, want %d", query, len(got.Items), want)
		}
	}
	if got := read[legItems](t, w.get("/api/v1/legs?code=compartment.closed", hospital)); len(got.Items) != 1 {
		t.Errorf("its own facility sees %d", len(got.Items))
	}
	for _, bad := range []string{"state=lost", "facility=x", "from=yesterday", "limit=0", "cursor=x", "code=" + strings.Repeat("x", 101)} {
		if rec := w.get("/api/v1/legs?"+bad, "operator"); rec.Code != 422 {
			t.Errorf("%s: %d", bad, rec.Code)
		}
	}
}

func TestSendAnyway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.records.rows = []store.Record{row(1)}
	w.legs.rows = []store.Leg{leg(1, "bhxh", exchange.Held, "purpose.payment"), leg(1, "so", exchange.Done, ""), leg(1, "cha", exchange.Held, exchange.HeldClosed),
		leg(2, "bhxh", exchange.Held, "purpose.payment")}
	send := func(to, who, reason string) (int, string) {
		rec := w.request("POST", "/api/v1/records/"+id(1).String()+"/legs/"+to+"/send", who, strings.NewReader(`{"reason":"`+reason+`"}`))
		return rec.Code, rec.Body.String()
	}
	for _, c := range []struct {
		to, who, reason, code string
		status                int
	}{
		{"so", hospital, "gửi lại", "leg.not_held", 409},
		{"cha", hospital, "gửi lại", "leg.closed", 409},
		{"khac", hospital, "gửi lại", "leg.unknown", 404},
		{"bhxh", hospital, "x", "leg.reason", 422},
		{"bhxh", "facility:79902", "gửi lại", "record.absent", 404},
		{"bhxh", "operator", "gửi lại", "role.not_allowed", 403},
	} {
		if status, body := send(c.to, c.who, c.reason); status != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%+v: %d %s", c, status, body)
		}
	}
	if w.legs.moves != 0 || len(w.acts.list) != 0 {
		t.Fatalf("%d moves, %d acts", w.legs.moves, len(w.acts.list))
	}
	if status, body := send("bhxh", hospital, "đã đối chiếu bảng kê"); status != 200 || !strings.Contains(body, "facility.send_anyway") {
		t.Fatalf("%d %s", status, body)
	}
	if got := w.legs.states(); got[0] != "waiting facility.send_anyway" || got[3] != "held purpose.payment" {
		t.Errorf("%v", got)
	}
	if a := w.acts.list; len(a) != 1 || a[0].Action != "leg.send_anyway" || a[0].Actor != "client:79901-1" || !strings.Contains(a[0].Detail, "đối chiếu") || len(a[0].Leaf) == 0 {
		t.Errorf("%+v", a)
	}
}

func (w *world) act(body string) (int, []byte) {
	w.t.Helper()
	rec := w.request(http.MethodPost, "/api/v1/legs/actions", "operator", strings.NewReader(body))
	return rec.Code, rec.Body.Bytes()
}

func (w *world) ended(id string) admin.Move {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		m := read[admin.Move](w.t, w.get("/api/v1/legs/actions/"+id, "operator"))
		if m.State != admin.MoveRunning {
			return m
		}
		if time.Now().After(end) {
			w.t.Fatal("an act does not end")
		}
	}
}

func TestActsOnManyLegs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for n := range byte(200) {
		w.legs.rows = append(w.legs.rows, leg(n, "bhxh", exchange.Parked, "insurer.125"))
	}
	w.legs.rows[0].Code = "insurer.500"
	filter := `"filter":{"destination":"bhxh","state":"parked","code":"insurer.125"}`
	if status, body := w.act(`{"do":"retry",` + filter + `,"dry_run":true}`); status != 200 || strings.TrimSpace(string(body)) != `{"count":199}` {
		t.Fatalf("%d %s", status, body)
	}
	if w.legs.moves != 0 || len(w.acts.list) != 0 {
		t.Fatal("counting did something")
	}
	status, body := w.act(`{"do":"retry",` + filter + `,"reason":"BHXH đã sửa lỗi"}`)
	var m admin.Move
	if err := json.Unmarshal(body, &m); err != nil || status != 200 || m.Count != 199 {
		t.Fatalf("%d %s", status, body)
	}
	if m = w.ended(m.ID); m.State != admin.MoveDone || m.Moved != 199 {
		t.Errorf("%+v", m)
	}
	if got := w.legs.states(); got[0] != "parked insurer.500" || got[1] != "waiting operator.retry" {
		t.Errorf("%v", got[:2])
	}
	if a := w.acts.list; len(a) != 2 || a[0].Action != "legs.retry" || a[1].Action != "legs.retry.ended" || !strings.Contains(a[1].Detail, `"moved":199`) || a[0].Actor != "session:operator" {
		t.Errorf("%+v", a)
	}
	for bad, code := range map[string]string{
		`{"do":"retry",` + filter + `}`:                                            "leg.reason",
		`{"do":"retry","filter":{"destination":"bhxh"},"reason":"thử lại"}`:        "leg.act",
		`{"do":"retry","filter":{"state":"held"},"reason":"thử lại"}`:              "leg.act",
		`{"do":"skip","filter":{"state":"done"},"reason":"thử lại"}`:               "leg.act",
		`{"do":"retry","do":"skip",` + filter + `,"reason":"thử lại"}`:             "request.body",
		`{"do":"retry",` + filter + `,"reason":"thử lại","all":true}`:              "request.body",
		`{"do":"retry","filter":{"record":"x","state":"parked"},"reason":"thử l"}`: "request.body",
		`[]`: "request.body", ``: "request.body",
	} {
		if status, body := w.act(bad); status != 422 || !strings.Contains(string(body), code) {
			t.Errorf("%s: %d %s, want %s", bad, status, body, code)
		}
	}
}

func TestAnActIsCancelled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.legs.gate = make(chan struct{}, 1)
	for n := range 1200 {
		l := leg(1, "bhxh", exchange.Parked, "insurer.125")
		l.Record.Serial[14], l.Record.Serial[15] = byte(n>>8), byte(n)
		w.legs.rows = append(w.legs.rows, l)
	}
	_, body := w.act(`{"do":"skip","filter":{"state":"parked"},"reason":"không còn cần"}`)
	var m admin.Move
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	w.legs.gate <- struct{}{}
	for end := time.Now().Add(time.Minute); m.Moved < 500 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		m = read[admin.Move](t, w.get("/api/v1/legs/actions/"+m.ID, "operator"))
	}
	if rec := w.request(http.MethodPost, "/api/v1/legs/actions/"+m.ID+"/cancel", "operator", nil); rec.Code != 200 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if m = w.ended(m.ID); m.State != admin.MoveCancelled || m.Moved != 500 || m.Count != 1200 {
		t.Errorf("%+v", m)
	}
	if n := slices.Index(w.legs.states(), "parked insurer.125"); n != 500 {
		t.Errorf("%d were moved", n)
	}
	w.acts.mu.Lock()
	if last := w.acts.list[len(w.acts.list)-1]; last.Action != "legs.skip.ended" || !strings.Contains(last.Detail, `"moved":500`) {
		t.Errorf("%+v", last)
	}
	w.acts.mu.Unlock()
	if got := read[struct {
		Items []admin.Move `json:"items"`
	}](t, w.get("/api/v1/legs/actions", "operator")); len(got.Items) != 1 || got.Items[0].ID != m.ID {
		t.Errorf("%+v", got)
	}
	for _, path := range []string{"/api/v1/legs/actions/none", "/api/v1/legs/actions/none/cancel"} {
		method := http.MethodGet
		if strings.HasSuffix(path, "cancel") {
			method = http.MethodPost
		}
		if rec := w.request(method, path, "operator", nil); rec.Code != 404 {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestTheWaysAreShown(t *testing.T) {
	t.Parallel()
	got := read[struct {
		Items []admin.Way `json:"items"`
	}](t, setup(t).get("/api/v1/destinations", "operator"))
	if len(got.Items) != 1 || got.Items[0].Breaker != exchange.Open || got.Items[0].Waiting != 7 || got.Items[0].Oldest == nil || got.Items[0].Answered != nil {
		t.Errorf("%+v", got)
	}
}

// Whatever an act's body is, it is read or refused as not in its form; nothing
// breaks, and nothing is moved without a reason and a state.
func FuzzActBody(f *testing.F) {
	for _, s := range []string{"", "{}", `{"do":"retry","filter":{"state":"parked"},"dry_run":true}`, `{"do":"skip","filter":{"state":"held","from":"2026-01-01T00:00:00Z"},"reason":"thôi"}`,
		`{"do":1}`, "\xef\xbb\xbf{}", `{"filter":null}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := setup(t)
		w.legs.rows = []store.Leg{leg(1, "bhxh", exchange.Parked, "x"), leg(1, "so", exchange.Done, "")}
		rec := w.request(http.MethodPost, "/api/v1/legs/actions", "operator", strings.NewReader(body))
		if rec.Code != 200 && rec.Code != 422 && rec.Code != 409 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		if got := w.legs.states(); got[1] != "done " {
			t.Fatalf("%v", got)
		}
	})
}
