package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/courier"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/masked"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// neighbour is a destination outside: it keeps what it is handed and answers as a
// test says.
type neighbour struct {
	wants courier.Wants

	mu     sync.Mutex
	got    []handed
	answer *exchange.Answer
}

type handed struct {
	records  []string
	bytes    string
	episode  string
	reason   string
	secret   string
	takes    string // record taken back
	tables   []string
	repeated bool
}

func (n *neighbour) Wants() courier.Wants { return n.wants }

func (n *neighbour) Check(exchange.Destination) error { return nil }

func (n *neighbour) Deliver(_ context.Context, p *courier.Parcel) exchange.Answer {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := handed{reason: p.Reason, secret: string(p.Secret), repeated: p.Repeated}
	for _, l := range p.Legs {
		h.records = append(h.records, l.Record.String())
	}
	if p.Sent != nil {
		h.bytes = string(p.Sent.Bytes)
	}
	if p.Opened != nil {
		h.episode = p.Opened.Episode
		if p.Opened.Read.Content != nil {
			for _, t := range p.Opened.Read.Content.Tables() {
				h.tables = append(h.tables, t.Columns.Table)
			}
		}
	}
	if p.Withdraws != nil {
		h.takes = p.Withdraws.Record.String()
	}
	n.got = append(n.got, h)
	if n.answer != nil {
		return *n.answer
	}
	return exchange.Answer{Outcome: exchange.Finalized, Sent: true, Reference: fmt.Sprintf("GD-%d", len(n.got))}
}

func (n *neighbour) handed() []handed {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// says sets the answer to everything, nil: well received.
func (n *neighbour) says(a *exchange.Answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = a
}

// region is a hub with an insurer that gets files and a health book that gets
// what is in them.
type region struct {
	*world
	insurer, book *neighbour
}

func regions(t *testing.T, test func(t *testing.T, r region)) {
	t.Helper()
	engines(t, func(t *testing.T, w *world) {
		r := region{w, w.hub.Courier.Adapters["files"].(*neighbour), w.hub.Courier.Adapters["reads"].(*neighbour)}
		for _, d := range []admin.Destination{
			{ID: "bhxh", Adapter: "files", URL: "http://localhost/a", Private: true, Purpose: "payment", Closed: true, Name: fault.Text{VI: "BHXH", EN: "Insurer"}},
			{ID: "so", Adapter: "reads", URL: "http://localhost/b", Private: true, Name: fault.Text{VI: "Sổ sức khỏe", EN: "Health book"}},
		} {
			w.check(w.hub.Office.PutDestination(w.ctx, "test", d))
			w.check(w.hub.Office.PutRoute(w.ctx, "test", admin.Route{Destination: d.ID, Mode: exchange.Relay}))
		}
		r.until("the plan is read", func() bool { states := must(w.hub.Courier.Status(w.ctx)); return len(states) == 2 })
		test(t, r)
	}, func(c *hub.Config) {
		c.Delivery.Adapters = map[string]courier.Adapter{"files": &neighbour{wants: courier.Wants{Original: true}}, "reads": &neighbour{wants: courier.Wants{Content: true}}}
		c.Delivery.Courier.Poll = 10 * time.Millisecond
		c.Delivery.Courier.Draw = func() float64 { return 0.5 }
		c.Delivery.Courier.Breaker = exchange.BreakerLaw{Failures: 5, Slow: time.Minute, Samples: 20, Open: 20 * time.Millisecond, Cap: 100 * time.Millisecond}
	})
}

// until waits for what another goroutine is about to do; the test's own deadline
// is the limit.
func (r region) until(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s: not within a minute", what)
		}
	}
}

type legAnswer struct {
	Destination, State, Code, Reference string
	Attempts                            int
	Sent, Received, Finalized           *time.Time
}

func (r region) legs(code, record string) map[string]legAnswer {
	r.t.Helper()
	status, body := r.get(code, "/api/v1/records/"+record+"/legs")
	var doc struct{ Items []legAnswer }
	if err := json.Unmarshal(body, &doc); err != nil || status != http.StatusOK {
		r.t.Fatalf("%d %s", status, body)
	}
	out := map[string]legAnswer{}
	for _, l := range doc.Items {
		out[l.Destination] = l
	}
	return out
}

func (r region) settled(record string, states ...string) map[string]legAnswer {
	r.t.Helper()
	var got map[string]legAnswer
	r.until("legs "+strings.Join(states, " "), func() bool {
		r.clock.Advance(20 * time.Millisecond) // what a slow machine made wait for its next turn comes to it
		got = r.legs("79901", record)
		return got["bhxh"].State == states[0] && got["so"].State == states[1]
	})
	return got
}

// paid is a visit without a finding that blocks payment.
func paid(v *visit) *visit {
	for _, f := range []string{"T_BHTT", "T_BNCCT"} {
		v.set("XML1", f, "0.00").set("XML2", f, "0.00")
	}
	return v.set("XML1", "T_BNTT", "100000.00").set("XML2", "T_BNTT", "100000.00").set("XML2", "MUC_HUONG", "0").set("XML2", "THANH_TIEN_BH", "0.00").set("XML2", "TYLE_TT_BH", "0")
}

// TestARecordReachesItsDestinations: sent once, it goes on byte for byte to the
// one and opened to the other; both say so, and the looks are written down.
func TestARecordReachesItsDestinations(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		file := ours(pairs().ec, envelope(paid(newVisit())))
		a := r.one("79901", file, fine)
		got := r.settled(a.Record, "done", "done")
		if x := r.insurer.handed(); len(x) != 1 || x[0].bytes != string(file) || x[0].repeated {
			t.Errorf("the insurer was handed %d parcels", len(x))
		}
		if x := r.book.handed(); len(x) != 1 || x[0].episode != a.Episode || !slices.Contains(x[0].tables, "XML1") {
			t.Errorf("the book was handed %+v", x)
		}
		if got["bhxh"].Reference != "GD-1" || got["bhxh"].Finalized == nil || got["bhxh"].Attempts != 1 {
			t.Errorf("%+v", got["bhxh"])
		}
		_, body := r.get("79901", "/api/v1/records/"+a.Record+"/timeline")
		var story struct {
			Items []struct{ What, Destination string }
		}
		r.check(json.Unmarshal(body, &story))
		for _, to := range []string{"bhxh", "so"} {
			var said []string
			for _, e := range story.Items {
				if e.Destination == to {
					said = append(said, e.What)
				}
			}
			if !slices.Equal(said, []string{"leg.created", "leg.sent", "leg.received", "leg.finalized"}) {
				t.Errorf("%s: %v", to, said)
			}
		}
		id := must(dossier.ParseID(a.Record))
		looks, _, err := r.hub.Slices.Disclosures.List(r.ctx, role.Scope{All: true}, store.DisclosureFilter{Record: id, Limit: 10})
		r.check(err)
		by := map[string]store.Disclosure{}
		for _, l := range looks {
			by[l.Role] = l
		}
		if b := by["destination:bhxh"]; b.Basis != disclose.ByAssignment || b.Route != "leg:bhxh" {
			t.Errorf("%+v", looks)
		}
		if b := by["destination:so"]; b.Basis != disclose.ByLaw {
			t.Errorf("%+v", looks)
		}
		if again, _ := r.send("79901", file); !again[0].Replay || len(r.insurer.handed()) != 1 {
			t.Error("a replay was sent on")
		}
	})
}

// TestAFindingHoldsBackItsPurposeOnly: what blocks payment waits for the
// facility's word; the health book has the record already.
func TestAFindingHoldsBackItsPurposeOnly(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		a := r.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		got := r.settled(a.Record, "held", "done")
		if got["bhxh"].Code != "purpose.payment" || len(r.insurer.handed()) != 0 {
			t.Fatalf("%+v, handed over %v", got["bhxh"], r.insurer.handed())
		}
		path := "/api/v1/records/" + a.Record + "/legs/bhxh/send"
		if status, _, body := r.do("79902", "POST", path, "application/json", []byte(`{"reason":"gửi thay"}`)); status != 404 {
			t.Errorf("another facility: %d %s", status, body)
		}
		if status, _, body := r.do("79901", "POST", path, "application/json", []byte(`{"reason":"đã đối chiếu với bảng kê"}`)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		r.settled(a.Record, "done", "done")
		if x := r.insurer.handed(); len(x) != 1 || x[0].records[0] != a.Record {
			t.Errorf("%v", x)
		}
		acts := must(r.hub.Slices.Keys.Acts(r.ctx, 0, 1))
		if acts[0].Action != "leg.send_anyway" || acts[0].Object != a.Record {
			t.Errorf("%+v", acts[0])
		}
	})
}

// TestAFileIsHeldAndSentWhole: of two dossiers in one sealed file one is held:
// neither can go without the other, and both go in one parcel.
func TestAFileIsHeldAndSentWhole(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		answers, _ := r.send("79901", ours(pairs().ec, envelope(paid(newVisit()), newVisit())))
		clean, held := answers[0].Record, answers[1].Record
		r.until("the clean one is held too", func() bool { return r.legs("79901", clean)["bhxh"].State == "held" })
		if got := r.legs("79901", clean)["bhxh"]; got.Code != "purpose.payment" || len(r.insurer.handed()) != 0 {
			t.Fatalf("%+v", got)
		}
		if status, _, body := r.do("79901", "POST", "/api/v1/records/"+clean+"/legs/bhxh/send", "application/json", []byte(`{"reason":"gửi cả tệp"}`)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		r.settled(clean, "done", "done")
		r.settled(held, "done", "done")
		if x := r.insurer.handed(); len(x) != 1 || len(x[0].records) != 2 {
			t.Errorf("%v", x)
		}
	})
}

// TestAClosedCompartmentGoesWhereItsFacilityMaySendIt, and nowhere else; who is
// not the facility is not told why.
func TestAClosedCompartmentGoesWhereItsFacilityMaySendIt(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		a := r.one("79901", ours(pairs().ec, envelope(paid(newVisit()).set("XML1", "MA_BENH_CHINH", "B20"))), fine)
		got := r.settled(a.Record, "done", "held")
		if got["so"].Code != exchange.HeldClosed || len(r.book.handed()) != 0 || len(r.insurer.handed()) != 1 {
			t.Fatalf("%+v", got)
		}
		list, _, err := masked.Legs{Legs: r.hub.Slices.Legs}.List(r.ctx, role.Scope{All: true}, store.LegFilter{})
		if err != nil || len(list) != 1 || list[0].Destination != "bhxh" {
			t.Errorf("an operator sees %+v, %v", list, err)
		}
		if status, _, body := r.do("79901", "POST", "/api/v1/records/"+a.Record+"/legs/so/send", "application/json", []byte(`{"reason":"gửi đi"}`)); status != 409 || !strings.Contains(string(body), "leg.closed") {
			t.Errorf("%d %s", status, body)
		}
		open := r.one("79901", ours(pairs().ec, envelope(paid(newVisit()).add("XML6"))), fine)
		r.settled(open.Record, "done", "done")
		if x := r.book.handed(); len(x) != 1 || slices.Contains(x[0].tables, "XML6") || !slices.Contains(x[0].tables, "XML1") {
			t.Errorf("the book was handed %v", x)
		}
	})
}

// TestAWithdrawalFollowsItsRecord: told where it arrived, skipped where it never
// went; a version replaced before it was carried is not carried.
func TestAWithdrawalFollowsItsRecord(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		a := r.one("79901", ours(pairs().ec, envelope(newVisit())), fine) // held at the insurer
		r.settled(a.Record, "held", "done")
		status, _, body := r.do("79901", "POST", "/api/v1/records/"+a.Record+"/withdraw", "application/json", []byte(`{"reason":"nhập nhầm người bệnh"}`))
		var w answer
		if err := json.Unmarshal(body, &w); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		r.until("the withdrawal is told", func() bool { return r.legs("79901", w.Record)["so"].State == "done" })
		x := r.book.handed()
		if last := x[len(x)-1]; last.takes != a.Record || last.reason != "nhập nhầm người bệnh" || last.episode != a.Episode || len(last.tables) != 0 {
			t.Errorf("%+v", last)
		}
		if _, there := r.legs("79901", w.Record)["bhxh"]; there {
			t.Error("the insurer is told of what it never had")
		}
		r.check(r.hub.Office.DestinationDo(r.ctx, "test", "so", admin.DestinationPause))
		r.until("the book is paused", func() bool {
			for _, s := range must(r.hub.Courier.Status(r.ctx)) {
				if s.ID == "so" {
					return !s.Paused.IsZero()
				}
			}
			return false
		})
		v := paid(newVisit())
		first := r.one("79901", ours(pairs().ec, envelope(v)), fine)
		r.settled(first.Record, "done", "waiting")
		r.clock.Advance(time.Second)
		second := r.one("79901", ours(pairs().ec, envelope(v.set("XML1", "LY_DO_VV", "Ho"))), fine)
		r.check(r.hub.Office.DestinationDo(r.ctx, "test", "so", admin.DestinationResume))
		r.settled(second.Record, "done", "done")
		if got := r.settled(first.Record, "done", "skipped"); got["so"].Code != exchange.SkippedSuperseded {
			t.Errorf("%+v", got["so"])
		}
	})
}

// TestADeadDestinationIsLateAndStopsNobody: records are taken in and carried
// elsewhere; back again, each arrives once. Parked ones go again by an act.
func TestADeadDestinationIsLateAndStopsNobody(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		r.book.says(&exchange.Answer{Outcome: exchange.Again, Code: "outbound.unreachable", Whole: true})
		var records []string
		for range 12 {
			records = append(records, r.one("79901", ours(pairs().ec, envelope(paid(newVisit()))), fine).Record)
		}
		for _, x := range records {
			r.settled(x, "done", "waiting")
		}
		r.until("it is seen", func() bool {
			s := must(r.hub.Courier.Status(r.ctx))[1]
			return s.ID == "so" && s.Code == "outbound.unreachable" && s.Queue.Waiting+s.Queue.Carried == 12
		})
		r.book.says(&exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "reads.125"})
		r.until("refused for good", func() bool {
			r.clock.Advance(time.Second)
			n := must(r.hub.Slices.Legs.Count(r.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked, Code: "reads.125"}))
			return n == 12
		})
		before := len(r.book.handed())
		r.book.says(nil)
		act := admin.LegAct{Do: admin.LegRetry, Filter: admin.LegFilter{Destination: "so", State: exchange.Parked, Code: "reads.125"}, Reason: "nơi nhận đã sửa"}
		if n, err := r.hub.Office.CountLegs(r.ctx, act); n != 12 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if n, err := r.hub.Office.MoveLegs(r.ctx, "test", act, nil); n != 12 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		for _, x := range records {
			r.settled(x, "done", "done")
		}
		seen := map[string]int{}
		for _, h := range r.book.handed()[before:] {
			seen[h.records[0]]++
			if !h.repeated {
				t.Error("sent before, and not said to be a repetition")
			}
		}
		for _, x := range records {
			if seen[x] != 1 {
				t.Errorf("%s arrived %d times", x, seen[x])
			}
		}
	})
}

// TestNothingLeavesWithoutATrace: when the look cannot be written down, the
// record stays; and the credential reaches the bridge, sealed on its way.
func TestNothingLeavesWithoutATrace(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		sealed := must(r.hub.Vault.SealSecret(courier.SecretName("so", "79901"), []byte("mk-79901")))
		r.check(r.hub.Office.PutSecret(r.ctx, "test", "so", "79901", sealed))
		r.looks.set(true)
		a := r.one("79901", ours(pairs().ec, envelope(paid(newVisit()))), fine)
		r.until("the attempt failed here", func() bool { return r.legs("79901", a.Record)["so"].Code == "disclosure.log_down" })
		if n := len(r.book.handed()) + len(r.insurer.handed()); n != 0 {
			t.Fatalf("%d parcels left", n)
		}
		r.looks.set(false)
		r.until("carried", func() bool {
			r.clock.Advance(10 * time.Second)
			l := r.legs("79901", a.Record)
			return l["so"].State == "done" && l["bhxh"].State == "done"
		})
		if x := r.book.handed(); len(x) != 1 || x[0].secret != "mk-79901" {
			t.Errorf("%+v", x)
		}
		if x := r.insurer.handed(); len(x) != 1 || x[0].secret != "" {
			t.Errorf("%+v", x)
		}
	})
}
