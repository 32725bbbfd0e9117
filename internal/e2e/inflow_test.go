package e2e_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	insurersim "lienthong/internal/bridge/insurer/simulator"
	"lienthong/internal/bridge/vneid"
	vneidsim "lienthong/internal/bridge/vneid/simulator"

	"lienthong/internal/admin"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

// insured is a hub beside a simulated insurer that lists what it holds.
type insured struct {
	region
	sim *insurersim.Simulator
}

func insureds(t *testing.T, judge func(insurersim.Held) insurersim.Verdict, test func(t *testing.T, r insured)) {
	t.Helper()
	engines(t, func(t *testing.T, w *world) {
		sim := must(insurersim.New(insurersim.Config{Clock: w.clock, Judge: judge}))
		s := httptest.NewServer(sim)
		t.Cleanup(s.Close)
		w.check(w.hub.Office.PutDestination(w.ctx, "test", admin.Destination{ID: "bhxh", Adapter: "insurer", URL: s.URL, Private: true, Closed: true,
			Options: []byte(`{"holdings_path":"/api/lienthong/holdings"}`), Name: fault.Text{VI: "BHXH", EN: "Insurer"}}))
		sealed := must(w.hub.Vault.SealSecret(courier.SecretName("bhxh", ""), []byte(`{"user":"hub","password":"mật khẩu","staff_name":"TRẦN THỊ CÁN BỘ","staff_citizen":"079890000009"}`)))
		w.check(w.hub.Office.PutSecret(w.ctx, "test", "bhxh", "", sealed))
		test(t, insured{region{world: w}, sim})
	}, func(c *hub.Config) {
		c.Delivery.Courier.Poll = 10 * time.Millisecond
		c.Delivery.Courier.Draw = func() float64 { return 0.5 }
	})
}

// route leads a facility to the insurer, and waits until the hub knows.
func (r insured) route(code string, mode exchange.Mode) {
	r.t.Helper()
	r.check(r.hub.Office.PutRoute(r.ctx, "test", admin.Route{Destination: "bhxh", Facility: code, Mode: mode}))
	r.until("the route is known", func() bool { return r.hub.Mode("bhxh", r.code(code), "qd4750") == mode })
}

func (r insured) hold(doc []byte) {
	r.t.Helper()
	r.check(r.sim.Hold(doc))
}

type listedRecord struct{ Record, State, Via, Episode string }

func (r insured) records(code string) []listedRecord {
	r.t.Helper()
	var list struct{ Items []listedRecord }
	_, body := r.get(code, "/api/v1/records")
	r.check(json.Unmarshal(body, &list))
	return list.Items
}

// TestWhatTheInsurerHoldsIsPulled: of a facility that nobody connected, once,
// with the insurer's verdict beside the hub's own.
func TestWhatTheInsurerHoldsIsPulled(t *testing.T) {
	t.Parallel()
	insureds(t, func(insurersim.Held) insurersim.Verdict {
		return insurersim.Verdict{State: "rejected", Code: "C07"}
	}, func(t *testing.T, r insured) {
		k := pairs()
		file := ours(k.stranger, visitOf("79904"))
		r.hold(file)
		r.hold(ours(k.ec, envelope(newVisit()))) // of a facility whose route is another
		r.route("79904", exchange.Pull)
		for range 2 {
			r.check(r.hub.Inflow(r.ctx))
		}
		list := r.records("79904")
		if len(list) != 1 || list[0].Via != "insurer" || list[0].State != "accepted_with_warnings" {
			t.Fatalf("%+v", list)
		}
		if n := len(r.records("79901")); n != 0 {
			t.Errorf("%d records of a facility that is not pulled", n)
		}
		_, body := r.get("79904", "/api/v1/records/"+list[0].Record+"/timeline")
		if n := strings.Count(string(body), `"insurer_verdict"`); n != 1 {
			t.Errorf("the insurer's verdict is told %d times: %s", n, body)
		}
		var notes []store.Annotation
		r.check(r.hub.Slices.Revocations.EachAnnotation(r.ctx, func(a *store.Annotation) error { notes = append(notes, *a); return nil }))
		if len(notes) != 1 || notes[0].Source != "insurer:rejected:C07" || notes[0].Record.String() != list[0].Record {
			t.Errorf("%+v", notes)
		}
		r.facility(admin.Facility{Code: "79904", Certificates: []string{pemOf(k.stranger.Certificate)}})
		again, _ := r.send("79904", file)
		if again[0].Record != list[0].Record || !again[0].Replay {
			t.Errorf("the facility's own sending: %+v", again[0])
		}
		r.sim.Judged("79904", again[0].Episode, insurersim.Verdict{State: "accepted", Code: "200"})
		second := ours(k.stranger, visitOf("79904"))
		r.hold(second)
		broken := []byte(strings.Replace(string(ours(k.stranger, visitOf("79904"))), "<SOLUONGHOSO>1", "<SOLUONGHOSO>1 ", 1))
		r.hold(broken)
		r.check(r.hub.Inflow(r.ctx))
		if n := len(r.records("79904")); n != 2 {
			t.Errorf("%d records after the second round", n)
		}
		places := must(r.hub.Slices.Inflow.Places(r.ctx))
		i := slices.IndexFunc(places, func(p store.InflowPlace) bool { return p.Facility == "79904" })
		if i < 0 || places[i].Code != "" || places[i].Refused != 1 || places[i].Taken != 3 {
			t.Errorf("%+v", places)
		}
		second2, _ := r.send("79904", second)
		if !second2[0].Replay {
			t.Error("what was pulled is not known")
		}
		r.clean()
	})
}

// TestDaysAreComparedWithTheInsurers: where a facility sends to both, what only
// one of them has is named.
func TestDaysAreComparedWithTheInsurers(t *testing.T) {
	t.Parallel()
	insureds(t, nil, func(t *testing.T, r insured) {
		k := pairs()
		both, there, here := ours(k.ec, envelope(newVisit())), ours(k.ec, envelope(newVisit())), ours(k.ec, envelope(newVisit()))
		r.route("79901", exchange.Mirror)
		r.one("79901", both, fine)
		a := r.one("79901", here, fine)
		r.hold(both)
		r.hold(there)
		type mirror struct {
			Equal             bool
			Here, There, Both int
			OnlyHere          []store.MirrorItem `json:"only_here"`
			OnlyThere         []store.MirrorItem `json:"only_there"`
		}
		compared := func() mirror {
			t.Helper()
			r.check(r.hub.Inflow(r.ctx))
			var got struct{ Items []mirror }
			_, body := r.get("79901", "/api/v1/mirror?facility=79901&day=2026-11-21")
			r.check(json.Unmarshal(body, &got))
			if len(got.Items) != 1 {
				t.Fatalf("%s", body)
			}
			return got.Items[0]
		}
		if m := compared(); m.Equal || m.Here != 2 || m.There != 2 || m.Both != 1 || len(m.OnlyHere) != 1 || m.OnlyHere[0].Record != a.Record || len(m.OnlyThere) != 1 {
			t.Errorf("%+v", m)
		}
		if n := len(r.records("79901")); n != 2 {
			t.Errorf("comparing took %d records in", n)
		}
		r.hold(here)
		r.one("79901", there, fine)
		r.clock.Advance(time.Minute)
		if m := compared(); !m.Equal || m.Both != 3 || len(m.OnlyHere)+len(m.OnlyThere) != 0 {
			t.Errorf("%+v", m)
		}
		if _, body := r.get("79902", "/api/v1/mirror?facility=79901"); !strings.Contains(string(body), `"items":[]`) {
			t.Errorf("another facility sees %s", body)
		}
	})
}

// TestACardIsAskedForAtTheInsurer: through the drop-in gateway, where the
// facility's route and credential allow it; only the card's own validity passes.
func TestACardIsAskedForAtTheInsurer(t *testing.T) {
	t.Parallel()
	insureds(t, nil, func(t *testing.T, r insured) {
		s := r.gatewayAccount("79901", "79901_BV", "Mật khẩu 1", false)
		if a := s.take(); a.Code != "200" {
			t.Fatalf("%+v", a)
		}
		ask := func(card string) told {
			q := url.Values{"token": {s.access}, "id_token": {s.id}, "username": {s.user}, "password": {s.password}}
			return s.post("/api/egw/KQNhanLichSuKCB2024?"+q.Encode(), "application/json", `{"maThe":"`+card+`","hoTen":"NGUYỄN VĂN THỬ","ngaySinh":"01/01/1990"}`)
		}
		if a := ask("DN4799900000000"); a.Code != gateway.NotAsked {
			t.Errorf("without a route: %+v", a)
		}
		r.route("79901", exchange.Relay)
		if a := ask("DN4799900000000"); a.Code != "000" || !strings.Contains(a.Note, "Lịch sử khám") {
			t.Errorf("a good card: %+v", a)
		}
		if a := ask("DN4799900000010"); a.Code != "010" {
			t.Errorf("an expired card: %+v", a)
		}
		r.check(r.hub.Office.DestinationDo(r.ctx, "test", "bhxh", admin.DestinationPause))
		r.until("the pause is known", func() bool { return ask("DN4799900000000").Code == gateway.NotAsked })
	})
}

// TestHealthBooksThatAreThereAreUsed: a visit goes into the book its citizen has;
// the share of such visits is counted.
func TestHealthBooksThatAreThereAreUsed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		r := region{world: w}
		const citizen = "079990000555"
		sim := must(vneidsim.New(vneidsim.Config{Clock: w.clock, Books: []vneidsim.Book{{Number: "SO-1", Citizen: citizen}}}))
		s := httptest.NewServer(sim)
		t.Cleanup(s.Close)
		for _, id := range []string{"so", "so-khac"} {
			w.check(w.hub.Office.PutDestination(w.ctx, "test", admin.Destination{ID: id, Adapter: "vneid", URL: s.URL, Private: true, Name: fault.Text{VI: "Sổ", EN: "Book"}}))
		}
		sealed := must(w.hub.Vault.SealSecret(courier.SecretName("so", ""), []byte(`{"client_id":"hub","client_secret":"s"}`)))
		w.check(w.hub.Office.PutSecret(w.ctx, "test", "so", "", sealed))
		w.check(w.hub.Office.PutRoute(w.ctx, "test", admin.Route{Destination: "so", Facility: "79901", Mode: exchange.Direct}))
		for _, m := range []exchange.Mode{exchange.Direct, exchange.ViaInsurer} {
			for _, code := range []string{"79901", ""} {
				if err := w.hub.Office.PutRoute(w.ctx, "test", admin.Route{Destination: "so-khac", Facility: code, Mode: m}); fault.KindOf(err) != fault.Conflict {
					t.Errorf("a second way into the book (%s, %q): %v", m, code, err)
				}
			}
		}
		w.check(w.hub.Office.PutRoute(w.ctx, "test", admin.Route{Destination: "so-khac", Facility: "79902", Mode: exchange.Direct}))
		r.until("the route is known", func() bool { return w.hub.Mode("so", "79901", "qd4750") == exchange.Direct })
		v := newVisit().set("XML1", "SO_CCCD", citizen)
		a := w.one("79901", ours(pairs().ec, envelope(v)), fine)
		b := w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", "079990000777").set("XML1", "MA_BN", "BN777"))), fine)
		for record, code := range map[string]string{a.Record: vneid.ReusedBook, b.Record: "vneid.moi"} {
			r.until("it is in the book", func() bool { l := r.legs("79901", record)["so"]; return l.State == "done" && l.Code == code })
		}
		var got struct {
			Items []struct {
				Day             string
				Entered, Reused int
				Share           *float64
			}
		}
		_, body := w.get("79901", "/api/v1/stats/books?from=2026-11-20&to=2026-11-21")
		w.check(json.Unmarshal(body, &got))
		if len(got.Items) != 2 || got.Items[0].Entered != 0 || got.Items[0].Share != nil || got.Items[1].Entered != 2 || got.Items[1].Reused != 1 || *got.Items[1].Share != 0.5 {
			t.Errorf("%s", body)
		}
		if _, body := w.get("79902", "/api/v1/stats/books?facility=79901&from=2026-11-21&to=2026-11-21"); !strings.Contains(string(body), `"entered":0`) {
			t.Errorf("another facility counts %s", body)
		}
		if status, _ := w.get("79901", "/api/v1/stats/books?from=2026-01-01&to=2026-12-01"); status != 422 {
			t.Errorf("a year: %d", status)
		}
	}, func(c *hub.Config) {
		c.Delivery.Courier.Poll = 10 * time.Millisecond
		c.Delivery.Courier.Draw = func() float64 { return 0.5 }
	})
}

// TestTheInsurersVerdictEndsALeg: received, then judged days later.
func TestTheInsurersVerdictEndsALeg(t *testing.T) {
	t.Parallel()
	insureds(t, func(insurersim.Held) insurersim.Verdict { return insurersim.Verdict{State: "pending"} }, func(t *testing.T, r insured) {
		k := pairs()
		r.route("79901", exchange.Relay)
		good, bad := r.one("79901", ours(k.ec, envelope(newVisit())), fine), r.one("79901", ours(k.ec, envelope(newVisit())), fine)
		for _, a := range []answer{good, bad} {
			r.until("it is received", func() bool { l := r.legs("79901", a.Record)["bhxh"]; return l.State == "waiting" && l.Received != nil })
		}
		r.sim.Judged("79901", good.Episode, insurersim.Verdict{State: "accepted", Code: "200"})
		r.sim.Judged("79901", bad.Episode, insurersim.Verdict{State: "rejected", Code: "C07"})
		r.clock.Advance(2 * time.Hour)
		for a, want := range map[string][2]string{good.Record: {"done", "insurer.200"}, bad.Record: {"parked", "insurer.C07"}} {
			r.until("it is judged", func() bool { l := r.legs("79901", a)["bhxh"]; return l.State == want[0] && l.Code == want[1] })
		}
	})
}
