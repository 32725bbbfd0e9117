package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/feed/simulator"
	"lienthong/internal/courier"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/store/house"
)

const waterFed = `id: water
name: {vi: Nguồn nước, en: Water}
entry: {vi: Điểm lấy nước, en: Water point}
steward: pb
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Số, en: Number}, type: text, class: open, priority: 1, max_length: 20, search: true}
  - {name: name, label: {vi: Tên, en: Name}, type: text, class: open, priority: 1, max_length: 100}
  - {name: tested, label: {vi: Ngày thử, en: Tested}, type: date, class: internal, priority: 2}
key: [number]
sources:
  - {id: environment, kind: feed, url: "%s"}
refresh: {every: 1 days, stale: 30 days}
retention: y10
`

func point(n int) string {
	return fmt.Sprintf(`{"number":"N%d","name":"Điểm số %d","tested":"2026-11-0%d"}`, n, n, 1+n%9)
}

// fedPlace is how far the feed was read.
func (w *world) fedPlace() (house.Place, feeding.Place) {
	w.t.Helper()
	places, err := w.hub.Slices.House.Entries.Places(w.ctx, "water")
	w.check(err)
	var at feeding.Place
	if len(places) != 1 {
		return house.Place{}, at
	}
	if places[0].Cursor != "" {
		w.check(json.Unmarshal([]byte(places[0].Cursor), &at))
	}
	return places[0], at
}

// TestAnotherBodysFeed: nothing before an operator approved the address; then all
// lines become entries, bad ones are told, failures cost time only, and what ends
// there ends here.
func TestAnotherBodysFeed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		sim, err := simulator.New(simulator.Config{Token: "mã của cục"})
		w.check(err)
		sim.Append(point(1), `{"name":"không số"}`, `{"cut`, point(2), `{"number":"N2","name":"Điểm số hai","tested":"31/02/2026"}`)
		for n := 3; n <= 700; n++ {
			sim.Append(point(n))
		}
		srv := httptest.NewServer(sim)
		t.Cleanup(srv.Close)
		address := srv.URL + "/nuoc"
		who := steward.Who{Role: asRole("unit:pb").Role, Name: "pb"}
		if c, err := w.hub.House.Steward.Declare(w.ctx, who, fmt.Appendf(nil, waterFed, address)); err != nil {
			t.Fatalf("%v %+v", err, c)
		}
		round := func(wait time.Duration) (house.Place, feeding.Place) {
			t.Helper()
			w.clock.Advance(wait)
			w.check(w.hub.House.Feeding.Round(w.ctx))
			return w.fedPlace()
		}
		if p, _ := round(0); p.Code != "feed.unapproved" || sim.Asked() != 0 {
			t.Fatalf("a feed that nobody approved: %+v, asked %d", p, sim.Asked())
		}
		w.check(w.hub.Office.PutDestination(w.ctx, "test", admin.Destination{ID: "nuoc", Adapter: "feed", URL: address, Private: true, Name: fault.Text{VI: "Nguồn nước", EN: "Water"}}))
		if p, _ := round(time.Minute); p.Code != "feed.login" {
			t.Fatalf("without a credential: %+v", p)
		}
		sealed, err := w.hub.Vault.SealSecret(courier.SecretName("nuoc", ""), []byte("mã của cục"))
		w.check(err)
		w.check(w.hub.Office.PutSecret(w.ctx, "test", "nuoc", "", sealed))
		w.check(sim.Fault("half-answer:after=1:count=1,500:after=2:count=1"))
		if round(30 * time.Second); sim.Asked() != 0 {
			t.Errorf("asked before its time: %d", sim.Asked())
		}
		// the first page stays when the second is cut; what was taken is not asked for again
		if p, at := round(2 * time.Minute); p.Code != "outbound.unreachable" || p.Seen != 500 || at.After != "p500" {
			t.Fatalf("cut on the second page: %+v %+v", p, at)
		}
		if p, at := round(2 * time.Minute); p.Code != "outbound.answer" || at.After != "p500" {
			t.Fatalf("an error on the second page: %+v %+v", p, at)
		}
		if round(90 * time.Second); sim.Asked() != 2 {
			t.Errorf("asked before its time: %d", sim.Asked())
		}
		p, at := round(time.Hour)
		if p.Code != "" || p.Seen != 703 || p.Made != 700 || at.Wrong != 2 || len(at.Last) != 2 || at.Last[0].Line != 2 || at.Last[0].Codes[0] != "entry.number.missing" ||
			at.Last[1].Line != 3 || at.Last[1].Codes[0] != "feed.line" {
			t.Fatalf("read: %+v %+v", p, at)
		}
		w.wrongLinesTold()
		two := w.entries("unit:pb", "water", "number", "N2")
		if len(two) != 1 || two[0].Version != 1 || two[0].Values["name"] != "Điểm số hai" || two[0].Values["tested"] != "31/02/2026" || two[0].Origin.Source != "environment" {
			t.Errorf("said twice, the last holds: %+v", two)
		}
		if round(time.Hour); sim.Asked() != 3 {
			t.Errorf("asked before a day was over: %d", sim.Asked())
		}
		// asked for by who answers for it, it is read again from the first line, and nothing is made twice
		pb := w.sits("unit:pb")
		if rec := pb.ask(http.MethodPost, "/databases/water/feeds", url.Values{"source": {"environment"}}); rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != "/databases/water/feeds?again=environment" {
			t.Fatalf("HTTP %d to %q\n%s", rec.Code, rec.Header().Get("Location"), rec.Body)
		}
		if page := pb.ask(http.MethodGet, "/databases/water/feeds?again=environment", nil).Body.String(); !strings.Contains(page, "Chờ đọc từ dòng đầu") {
			t.Errorf("nothing says that it will be read\n%s", page)
		}
		if p, at = round(0); sim.Asked() != 5 || p.Seen != 703 || p.Made != 700 || p.Declared != 1 || at.Wrong != 2 || at.Last[0].Line != 2 {
			t.Errorf("read again: asked %d, %+v %+v", sim.Asked(), p, at)
		}
		if status, body := pb.call("POST", "/api/v1/databases/water/sources/form/again", nil); status != http.StatusUnprocessableEntity || !strings.Contains(string(body), "database.source") {
			t.Errorf("a source that is no feed: HTTP %d %s", status, body)
		}
		if status, body := w.sits("unit:qld").call("POST", "/api/v1/databases/water/sources/environment/again", nil); status != http.StatusNotFound {
			t.Errorf("another unit has it read again: HTTP %d %s", status, body)
		}
		// what changes and ends there
		sim.Append(`{"number":"N1","name":"Điểm mới","tested":"2026-11-05"}`, `{"number":"N3","$ended":true}`, point(900), `{"number":"N900","$ended":true}`)
		if p, at = round(24 * time.Hour); p.Code != "" || at.After != "p707" || p.Ended != 1 {
			t.Errorf("%+v %+v", p, at)
		}
		for number, want := range map[string]registry.EntryState{"N1": registry.Live, "N3": registry.Ended} {
			if got := w.entries("unit:pb", "water", "number", number); len(got) != 1 || got[0].State != want || got[0].Version != 2 {
				t.Errorf("%s: %+v", number, got)
			}
		}
		if got := w.entries("unit:pb", "water", "number", "N900"); len(got) != 0 {
			t.Errorf("made and ended in one answer: %+v", got)
		}
		// another version reads all again, and confirms
		text := strings.Replace(fmt.Sprintf(waterFed, address), "id: water\n", "id: water\nversion: 2\n", 1)
		text = strings.Replace(text, "Water point", "Point of water", 1)
		if c, err := w.hub.House.Steward.Declare(w.ctx, who, []byte(text)); err != nil {
			t.Fatalf("%v %+v", err, c)
		}
		if p, at = round(time.Minute); p.Declared != 2 || p.Seen != 707 || at.Wrong != 2 {
			t.Errorf("%+v %+v", p, at)
		}
		counts, err := w.hub.Slices.House.Entries.Counts(w.ctx, "water")
		w.check(err)
		n := map[registry.EntryState]int64{}
		for _, c := range counts {
			n[c.State] += c.N
		}
		if n[registry.Live] != 699 || n[registry.Ended] != 1 {
			t.Errorf("%v", n)
		}
	})
}

// wrongLinesTold: the page, its CSV and the interface tell which lines were not taken
// and why, to who answers for the database, and to nobody else.
func (w *world) wrongLinesTold() {
	w.t.Helper()
	pb := w.sits("unit:pb")
	page := pb.ask(http.MethodGet, "/databases/water/feeds", nil).Body.String()
	for _, want := range []string{"entry.number.missing", "Số còn thiếu.", "feed.line", "feeds.csv", "Đọc lại từ dòng đầu"} {
		if !strings.Contains(page, want) {
			w.t.Errorf("the page does not say %q\n%s", want, page)
		}
	}
	if strings.Contains(page, "không số") {
		w.t.Error("a value of a line that was not taken is shown")
	}
	csv := pb.ask(http.MethodGet, "/databases/water/feeds.csv", nil).Body.String()
	if !strings.Contains(csv, "environment,2,entry.number.missing,number,Số còn thiếu.") || !strings.Contains(csv, "environment,3,feed.line,,") {
		w.t.Errorf("%s", csv)
	}
	status, body := pb.call("GET", "/api/v1/databases/water/sources", nil)
	var told struct {
		Sources []struct {
			Source, State string
			Read, Wrong   int64
			Lines         []struct {
				Line     int64
				Findings []struct{ Code, Field string }
			}
		}
	}
	if err := json.Unmarshal(body, &told); err != nil || status != http.StatusOK || len(told.Sources) != 1 || told.Sources[0].State != "reading" || told.Sources[0].Wrong != 2 ||
		told.Sources[0].Lines[1].Line != 2 || told.Sources[0].Lines[1].Findings[0].Field != "number" {
		w.t.Errorf("HTTP %d %v %s", status, err, body)
	}
	other := w.sits("unit:qld")
	if status, _ := other.call("GET", "/api/v1/databases/water/sources", nil); status != http.StatusNotFound {
		w.t.Errorf("another unit by the interface: HTTP %d", status)
	}
	if rec := other.ask(http.MethodGet, "/databases/water/feeds", nil); rec.Code != http.StatusForbidden {
		w.t.Errorf("another unit by the page: HTTP %d", rec.Code)
	}
}
