package e2e_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
)

// TestHowEverybodyTakesPart: a facility is moved between provinces in mid-month, and
// each province has what came while it belonged there: on its board, in the league
// and in its file. The maker of its software reads its month, anybody the public
// numbers once the month is over, with small ones hidden. A province lets in the
// systems of its own facilities and sets its own targets.
func TestHowEverybodyTakesPart(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24", Vendor: "Alpha"})
		w.facility(admin.Facility{Code: "79902", Name: "Trạm y tế Cửu Long", Province: "79", Vendor: "Beta"})
		send := func(from, n int) {
			t.Helper()
			for i := range n {
				if a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprint("LK-", from+i))))); a[0].Record == "" {
					t.Fatalf("%+v", a)
				}
			}
		}
		began := clock.Day(w.clock.Now())
		send(0, 3)
		w.clock.Advance(24 * time.Hour)
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "79", Vendor: "Alpha"})
		send(10, 2)
		ministry, old, now := w.sits("ministry"), w.sits("province:24"), w.sits("province:79")
		read := func(p person, path string) string {
			t.Helper()
			rec := p.ask(http.MethodGet, path, nil)
			if rec.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
			}
			return rec.Body.String()
		}
		file := func(p person, path string) [][]string {
			t.Helper()
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(read(p, path), "\ufeff"))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		span := "?from=" + strconv.Itoa(began) + "&to=" + strconv.Itoa(clock.Day(w.clock.Now()))
		for who, want := range map[*person]string{&old: "3", &now: "2", &ministry: "5"} {
			found := false
			for _, row := range file(*who, "/facilities.csv"+span)[1:] {
				if row[0] == "79901" {
					found = true
					if row[5] != want || row[9] != want || row[4] != "Alpha" || !strings.Contains(row[len(row)-1], "log 0 size ") {
						t.Errorf("want %s: %v", want, row)
					}
				}
			}
			if !found {
				t.Errorf("nobody sent %s", want)
			}
		}
		if page := read(old, "/facilities"+span); !strings.Contains(page, "đã chuyển tỉnh") {
			t.Error("the league does not say that it moved")
		}
		// pinned, each province has what came while it belonged there, and so does who counts again
		for who, want := range map[*person]string{&old: "3", &now: "2", &ministry: "5"} {
			rec := who.ask(http.MethodPost, "/league/pin", url.Values{"from": {strconv.Itoa(began)}, "to": {strconv.Itoa(clock.Day(w.clock.Now()))}})
			told := rec.Header().Get("Location")
			if rec.Code != http.StatusSeeOther || !strings.HasPrefix(told, "/statements/SL.21-") {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			rows := file(*who, told+"/csv")
			if len(rows) != 2 || strings.Join(rows[1][:6], " ") != "79901 "+want+" "+want+" 0 "+want+" SL.21" || !strings.Contains(rows[1][len(rows[1])-1], "— ") {
				t.Errorf("want %s: %v", want, rows)
			}
			if again := who.ask(http.MethodPost, told+"/recompute", nil); !strings.Contains(again.Body.String(), "Giống hệt") {
				t.Errorf("counted again: %d %s", again.Code, again.Body)
			}
			if page := read(*who, "/facilities"+span); !strings.Contains(page, told) {
				t.Errorf("the league does not name %s", told)
			}
		}
		for _, span := range []url.Values{{"from": {"x"}, "to": {"1"}}, {"from": {strconv.Itoa(began)}, "to": {"20990101"}}, {"from": {strconv.Itoa(began)}, "to": {strconv.Itoa(clock.Day(w.clock.Now().AddDate(0, 0, 1)))}}} {
			if rec := ministry.ask(http.MethodPost, "/league/pin", span); rec.Code != http.StatusBadRequest && rec.Code != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d", span, rec.Code)
			}
		}
		if check := must(w.hub.House.Figures.Compare(w.ctx, began)); check.Seen == 0 || check.Unequal != 0 {
			t.Errorf("the day before the move, counted again: %+v", check)
		}
		must(w.hub.House.Figures.Close(w.ctx, began))
		if page := read(old, "/province"); !strings.Contains(page, "/statements/SL.02-"+strconv.Itoa(began)+"-p24-v1") {
			t.Error("the province's board does not name what was closed")
		}
		for path, want := range map[string]string{"/province?province=24": `href="/messages?province=24">3</a>`, "/province?province=79": `href="/messages?province=79">2</a>`} {
			if page := read(ministry, path); !strings.Contains(page, want) {
				t.Errorf("%s has no %s", path, want)
			}
		}
		for path, code := range map[string]int{"/province?province=99": 400, "/league?sort=x": 400, "/league?from=20260199": 400, "/statement?month=2031-01": 400, "/benefit": 200, "/systems": 200, "/province": 200, "/facilities?at=5": 200} {
			if rec := ministry.ask(http.MethodGet, path, nil); rec.Code != code && (code != 400 || rec.Code != 422) {
				t.Errorf("%s: %d, want %d", path, rec.Code, code)
			}
		}
		if rec := old.ask(http.MethodGet, "/statement", nil); rec.Code != http.StatusNotFound {
			t.Errorf("a province reads a statement: %d", rec.Code)
		}

		t.Run("targets", func(t *testing.T) {
			due := w.clock.Now().AddDate(0, 1, 0).Format("2006-01-02")
			put := func(p person, was string, more ...string) int {
				form := url.Values{"measure": {"connected"}, "value": {"1"}, "due": {due}, "was": {was}, "note": {"Kế hoạch 02"}}
				for i := 0; i+1 < len(more); i += 2 {
					form.Set(more[i], more[i+1])
				}
				return p.ask(http.MethodPost, "/province/targets", form).Code
			}
			if a, b, c := put(now, "0"), put(now, "0"), put(now, "1", "value", "9"); a != 303 || b < 400 || c != 303 {
				t.Errorf("%d, twice %d, again %d", a, b, c)
			}
			if a, b, c := put(now, "0", "measure", "word.sufficient", "value", "95,5"), put(now, "0", "value", "0"), put(now, "0", "due", "2020-01-01"); a != 303 || b != 422 && b != 400 || c < 400 {
				t.Errorf("a share %d, nothing %d, past %d", a, b, c)
			}
			if code := put(ministry, "0"); code != http.StatusNotFound {
				t.Errorf("the ministry sets a province's target: %d", code)
			}
			if page := read(now, "/province"); !strings.Contains(page, "v1: 1 đến") || !strings.Contains(page, "v2: 9 đến") || !strings.Contains(page, "95,5") {
				t.Error("the board does not show both versions")
			}
			if page := read(old, "/province"); strings.Contains(page, "95,5") {
				t.Error("another province's target is shown")
			}
		})

		t.Run("enrolment", func(t *testing.T) {
			w.check(w.hub.Office.SetApproval(w.ctx, "operator An", "second"))
			e, status := w.outpost().enrol(w.invite("operator An", "79902"))
			if status != http.StatusCreated || e.State != "waiting" {
				t.Fatalf("%d %+v", status, e)
			}
			if !strings.Contains(read(now, "/province"), e.Client) || strings.Contains(read(old, "/province"), e.Client) {
				t.Error("who waits is shown to the wrong province")
			}
			path := "/province/enrolments/" + e.Client + "/approve"
			yes := url.Values{"name": {"Lê Bình"}}
			other, nobody := old.ask(http.MethodPost, path, yes), old.ask(http.MethodPost, "/province/enrolments/nobody/approve", yes)
			if other.Code != http.StatusNotFound || other.Body.String() != nobody.Body.String() {
				t.Errorf("another province's: %d, nobody's: %d", other.Code, nobody.Code)
			}
			if rec := ministry.ask(http.MethodPost, path, yes); rec.Code != http.StatusNotFound {
				t.Errorf("the ministry: %d", rec.Code)
			}
			if rec := now.ask(http.MethodPost, path, url.Values{"name": {"An"}}); rec.Code < 400 {
				t.Errorf("who invited approves: %d", rec.Code)
			}
			if rec := now.ask(http.MethodPost, path, yes); rec.Code < 400 {
				t.Errorf("a login link approves, under any name: %d", rec.Code)
			}
			if rec := w.works("province:79", 1).ask(http.MethodPost, path, yes); rec.Code != http.StatusSeeOther {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
			if strings.Contains(read(now, "/province"), e.Client) || len(w.details("facility.approve")) != 1 {
				t.Error("it waits still, or no act says that it does not")
			}
		})

		t.Run("statement", func(t *testing.T) {
			w.check(w.hub.Office.BindVendor(w.ctx, "test", "alpha", "Alpha"))
			partner, stranger := w.sits("partner:alpha"), w.sits("partner:beta")
			month := w.clock.Now().Format("2006-01")
			got := map[string]string{}
			for _, row := range file(partner, "/statement.csv?month="+month+"&vendor=Beta")[1:] {
				if row[0] != "Alpha" {
					t.Errorf("a row of another: %v", row)
				}
				got[row[2]+"."+row[3]] = row[4]
			}
			if got["cost.records"] != "5" || got["cost.files"] != "5" || got["service.facilities"] != "1" || got["service.days_with_sending"] != "2" || got["cost.bytes"] == "0" {
				t.Errorf("%v", got)
			}
			if page := read(partner, "/statement"); strings.Contains(page, "LK-") || !strings.Contains(page, "Alpha") {
				t.Error("the page")
			}
			if rec := stranger.ask(http.MethodGet, "/statement", nil); rec.Code != http.StatusForbidden {
				t.Errorf("a partner that is bound to nothing: %d", rec.Code)
			}
			if rec := partner.ask(http.MethodGet, "/benefit", nil); rec.Code == http.StatusOK {
				t.Error("a partner reads benefits")
			}
			read(ministry, "/statement?vendor=Alpha")
		})

		t.Run("public", func(t *testing.T) {
			w.clock.Advance(32 * 24 * time.Hour) // the month is over
			anybody := person{w: w}
			page := read(anybody, "/public")
			if strings.Contains(page, "79901") || !strings.Contains(page, "&lt;10") {
				t.Error("a facility is named, or nothing is hidden")
			}
			var public struct {
				License string
				Version string
				Numbers []struct {
					Month, Number string
					Provinces     []struct {
						Province, Told string
						N              *int64
					}
					Total struct{ N *int64 }
				}
			}
			w.check(json.Unmarshal([]byte(read(anybody, "/public.json")), &public))
			if public.License == "" || len(public.Numbers) == 0 {
				t.Fatalf("%+v", public)
			}
			for _, c := range public.Numbers { // all are small here: nothing may be told, the total neither
				for _, p := range c.Provinces {
					if p.N != nil || p.Told != "small" {
						t.Errorf("%s %s %+v", c.Month, c.Number, p)
					}
				}
				if c.Total.N != nil {
					t.Errorf("the total of %s %s is told", c.Month, c.Number)
				}
			}
			if rows := file(anybody, "/public.csv"); rows[1][3] != "<10" || !strings.Contains(rows[1][7], "root ") {
				t.Errorf("%v", rows[1])
			}
		})
	})
}
