package e2e_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/clock"
	"lienthong/internal/figure"
	"lienthong/internal/store/house"
)

// askFor makes the question of a figure.
func askFor(t *testing.T, id string, p figure.Place, day int) figure.Query {
	t.Helper()
	return must(figure.Ask(id, p, day, day))
}

// TestFiguresAreClosedAndChangeOnlyByVersions: the day is closed at night; what a
// facility corrects or withdraws later makes version 2, which says why, and version
// 1 counted again gives the same bytes.
func TestFiguresAreClosedAndChangeOnlyByVersions(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		w.facility(admin.Facility{Code: "79902", Name: "Trạm y tế Ánh Dương", Province: "79", Unit: "kcb"})
		day := clock.Day(w.clock.Now())
		var sent []answer
		for i := range 4 {
			a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprint("LK-", i)))))
			sent = append(sent, a[0])
		}
		w.send("79902", ours(pairs().ec, envelope(newVisit().episode("LK-9").set("XML1", "GIOI_TINH", "9")))) // rejected
		w.send("79902", ours(pairs().ec, envelope(newVisit().episode("LK-8"))))
		figures := w.hub.House.Figures
		if _, err := figures.Close(w.ctx, day); !errors.Is(err, figure.ErrSpan) {
			t.Errorf("a day that is not over: %v", err)
		}
		w.clock.Advance(24 * time.Hour)
		check := must(figures.Compare(w.ctx, day))
		if check.Seen == 0 || check.Unequal != 0 {
			t.Errorf("compared %+v", check)
		}
		if kept := must(w.hub.Slices.House.Boards.Checks(w.ctx, 1)); len(kept) != 1 || kept[0].Unequal != 0 {
			t.Errorf("kept %+v", kept)
		}
		closed := must(figures.Close(w.ctx, day))
		if closed.Changed < 6*35 {
			t.Errorf("closed %+v", closed)
		}
		if again := must(figures.Close(w.ctx, day)); again.Changed != 0 {
			t.Errorf("closed twice: %+v", again)
		}
		checkedOneByOne(t, w, day)
		bacNinh := figure.Place{Province: "24"}
		first := must(figures.Statement(w.ctx, askFor(t, "SL.09", bacNinh, day).Subject()))
		if first.Read().N != 4 || first.Read().By["79901"] != 4 || first.Version != 1 || len(first.Logs) != 1 || first.Pack == "" {
			t.Fatalf("%s", first.Bytes())
		}
		if n := must(figures.Statement(w.ctx, askFor(t, "SL.09", figure.Place{}, day).Subject())).Read(); n.N != 4 || n.By["24"] != 4 {
			t.Errorf("of the country %+v", n)
		}
		if n := must(figures.Statement(w.ctx, askFor(t, "SL.04", figure.Place{Province: "01"}, day).Subject())).Read(); n.N != 0 {
			t.Errorf("of another province %+v", n)
		}

		// the next day: one is withdrawn, one corrected
		status, _, body := w.do("79901", "POST", "/api/v1/records/"+sent[0].Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`))
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode("LK-1").set("XML2", "TEN_THUOC", "Thuốc khác")))); a[0].Supersedes == nil {
			t.Fatalf("%+v", a[0])
		}
		w.clock.Advance(24 * time.Hour)
		if r := must(figures.Close(w.ctx, clock.Day(w.clock.Now().AddDate(0, 0, -1)))); r.Changed < 6*35+4 {
			t.Errorf("the next night %+v", r)
		}
		second := must(figures.Statement(w.ctx, first.Query.Subject()))
		c := second.Changed
		if second.Version != 2 || second.Read().N != 2 || c == nil || c.Before != 4 || c.Now != 2 || c.Withdrawn != 1 || c.Superseded != 1 || c.Late != 0 || c.Erased != 0 {
			t.Fatalf("%s", second.Bytes())
		}
		if s := must(figures.Statement(w.ctx, askFor(t, "SL.04", bacNinh, day).Subject())); s.Version != 1 {
			t.Errorf("what was received that day changed: %s", s.Bytes())
		}
		for _, s := range []*figure.Statement{first, second} {
			if o := must(figures.Recompute(w.ctx, s)); !o.Same {
				t.Errorf("%s: pinned %s, recounted %s", s.ID, s.Value, o.Bytes)
			}
		}
		// a control: a statement of another number is not confirmed
		false1 := *first
		false1.Value = second.Value
		if o := must(figures.Recompute(w.ctx, &false1)); o.Same {
			t.Error("a false statement is confirmed")
		}
		var acts int
		for _, a := range must(w.hub.Slices.Keys.Acts(w.ctx, 0, 1000)) {
			if a.Action == "figure.pinned" {
				acts++
			}
		}
		if acts != 4 { // the first night and the month before it, the day before changed, the second night
			t.Errorf("%d acts of pinning", acts)
		}
		monthsAreClosed(t, w, day, sent[2].Record)
	})
}

// checkedOneByOne: a night answers all questions of a day together; each asked by
// itself gives the same bytes.
func checkedOneByOne(t *testing.T, w *world, day int) {
	t.Helper()
	n := 0
	for _, id := range []string{"SL.02", "SL.03", "SL.04", "SL.08", "SL.09", "SL.13"} {
		for _, s := range must(w.hub.House.Figures.Newest(w.ctx, fmt.Sprintf("%s-%d-", id, day))) {
			n++
			if o := must(w.hub.House.Figures.Recompute(w.ctx, s)); !o.Same {
				t.Errorf("%s: pinned %s, recounted %s", s.ID, s.Value, o.Bytes)
			}
		}
	}
	if n < 6*35 {
		t.Errorf("%d statements of the day", n)
	}
}

// theNightIsWatched: what the night's self-check finds unequal, and a job that gave
// up, are alarms until they are right.
func theNightIsWatched(w *world, day int) {
	w.t.Helper()
	n := must(w.hub.House.Night.Do(w.ctx, day, "scores.recount"))[0]
	open := func() (causes []string) {
		w.check(w.hub.Alarms.Round(w.ctx))
		for _, a := range must(w.hub.Alarms.Open(w.ctx)) {
			if a.Kind == alarm.Counted || a.Kind == alarm.GaveUp {
				causes = append(causes, a.Cause)
			}
		}
		return causes
	}
	if got := open(); n.State != house.NightDone || len(got) != 0 {
		w.t.Errorf("the control: %+v %v", n, got)
	}
	for cause, wrong := range map[string]house.Night{
		"house.unequal:scores.recount": {State: house.NightDone, Unequal: 2},
		"night.failed:scores.recount":  {State: house.NightFailed, Code: "store.busy"},
	} {
		bad := n
		bad.State, bad.Unequal, bad.Code = wrong.State, wrong.Unequal, wrong.Code
		w.check(w.hub.Slices.House.Nights.End(w.ctx, bad))
		for range 20 { // tried until it is given up
			if bad.State == house.NightFailed {
				must(w.hub.Slices.House.Nights.Begin(w.ctx, day, n.Job, w.clock.Now()))
				w.check(w.hub.Slices.House.Nights.End(w.ctx, bad))
			}
		}
		if got := open(); !slices.Equal(got, []string{cause}) {
			w.t.Errorf("%s: %v", cause, got)
		}
		w.check(w.hub.Slices.House.Nights.End(w.ctx, n))
		if got := open(); len(got) != 0 {
			w.t.Errorf("closed by itself: %v", got)
		}
	}
}

// monthsAreClosed: when the month is over its league and its public numbers are
// pinned; a record that is withdrawn later makes version 2 of the league, and no
// version of public numbers; each counted again gives the same bytes.
func monthsAreClosed(t *testing.T, w *world, day int, withdraw string) {
	t.Helper()
	figures := w.hub.House.Figures
	month := time.Date(day/10000, time.Month(day/100%100), 1, 12, 0, 0, 0, clock.Hanoi)
	last := clock.Day(month.AddDate(0, 1, -1))
	w.clock.Advance(month.AddDate(0, 1, 0).Sub(w.clock.Now()) + time.Hour)
	must(figures.Close(w.ctx, last))
	inCountry := must(figure.Ask("SL.21", figure.Place{}, clock.Day(month), last))
	inProvince := must(figure.Ask("SL.21", figure.Place{Province: "24"}, clock.Day(month), last))
	public := must(figure.Ask("SL.32", figure.Place{}, day, day))
	var pinned []*figure.Statement
	for _, q := range []figure.Query{inCountry, inProvince, public} {
		s := must(figures.Statement(w.ctx, q.Subject()))
		if s.Version != 1 {
			t.Fatalf("%s", s.Bytes())
		}
		pinned = append(pinned, s)
	}
	if v := pinned[1].Read(); v.N != 6 || v.By["79901/sent"] != 6 || v.By["79901/accepted"] != 6 || v.By["79901/retrievable"] != 3 || string(pinned[0].Value) != string(pinned[1].Value) {
		t.Errorf("the league: %s, in the country %s", pinned[1].Value, pinned[0].Value)
	}
	if v := pinned[2].Read(); v.N != 0 || len(v.By) != 0 || v.Hide["24/records"] != "small" || v.Hide["vn/prescriptions"] != "guard" {
		t.Errorf("public: %s", pinned[2].Value)
	}
	if status, _, body := w.do("79901", "POST", "/api/v1/records/"+withdraw+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`)); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	w.clock.Advance(24 * time.Hour)
	must(figures.Close(w.ctx, clock.Day(w.clock.Now().AddDate(0, 0, -1))))
	for i, q := range []figure.Query{inCountry, inProvince, public} {
		s, want := must(figures.Statement(w.ctx, q.Subject())), 2
		if q.Public() {
			want = 1
		} else if s.Read().By["79901/retrievable"] != 2 || s.Changed == nil || s.Changed.Withdrawn != 1 {
			t.Errorf("%s", s.Bytes())
		}
		if s.Version != want {
			t.Errorf("%s, want version %d", s.ID, want)
		}
		for _, s := range []*figure.Statement{pinned[i], s, must(figure.Parse(s.Bytes()))} {
			if o := must(figures.Recompute(w.ctx, s)); !o.Same {
				t.Errorf("%s: pinned %s, recounted %s", s.ID, s.Value, o.Bytes)
			}
		}
	}
	page := person{w: w}.ask(http.MethodGet, "/public", nil).Body.String()
	id := public.Subject() + "-v1"
	if rec := (person{w: w}).ask(http.MethodGet, "/public/"+id, nil); !strings.Contains(page, `href="/public/`+id) || rec.Body.String() != string(pinned[2].Bytes())+"\n" {
		t.Errorf("anybody's statement: %d %s", rec.Code, rec.Body)
	}
	if rec := (person{w: w}).ask(http.MethodGet, "/public/"+pinned[1].ID, nil); rec.Code != http.StatusNotFound {
		t.Errorf("anybody reads %s: %d", pinned[1].ID, rec.Code)
	}
}

// TestTheMinisterAsks: "prescriptions yesterday in Bắc Ninh, and how do you know?"
// From the map to the province, to its number of yesterday, to the list of records,
// and to the pinned statement, which counted again gives the same bytes.
func TestTheMinisterAsks(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		day := clock.Day(w.clock.Now())
		var sent []string
		for i := range 3 {
			a, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprint("LK-", i)))))
			sent = append(sent, a[0].Record)
		}
		w.clock.Advance(24 * time.Hour)
		must(w.hub.House.Figures.Compare(w.ctx, day))
		must(w.hub.House.Figures.Close(w.ctx, day))
		minister := w.sits("ministry")
		read := func(p person, path string) string {
			t.Helper()
			rec := p.ask(http.MethodGet, path, nil)
			if rec.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
			}
			return rec.Body.String()
		}
		link := func(page, pattern string) string {
			t.Helper()
			m := regexp.MustCompile(pattern).FindStringSubmatch(page)
			if m == nil {
				t.Fatalf("no link %s in %s", pattern, page)
			}
			return html.UnescapeString(m[1])
		}
		board := read(minister, "/overview")
		for _, want := range []string{"Bộ đếm = đếm lại", "bằng nhau", "/figures/SL.24", "Báo động đang mở", "Cấp cứu chưa xem xét", "Chất lượng hôm nay, 14 ngày qua", "Việc quá hạn"} {
			if !strings.Contains(board, want) {
				t.Errorf("the board does not say %q", want)
			}
		}
		province := read(minister, link(board, `href="(/figures\?province=24)"`))
		list := link(province, `Đơn thuốc</th><td class="lt-r"><a class="num" href="([^"]+)">3</a>`)
		records := read(minister, list)
		for _, id := range sent {
			if !strings.Contains(records, id) {
				t.Errorf("%s is not in %s", id, list)
			}
		}
		told := link(province, `href="(/statements/SL\.04-[0-9]+-p24-v1)"`)
		page := read(minister, told)
		if !strings.Contains(page, "lienthong recompute SL.04-"+strconv.Itoa(day)+"-p24-v1 --data DIR") || !strings.Contains(page, "79901") {
			t.Errorf("%s", page)
		}
		again := minister.ask(http.MethodPost, told+"/recompute", nil)
		if again.Code != http.StatusOK || !strings.Contains(again.Body.String(), "Giống hệt") {
			t.Errorf("counted again: %d %s", again.Code, again.Body)
		}
		if s, err := figure.Parse([]byte(strings.TrimSpace(read(minister, told+"/json")))); err != nil || s.Read().N != 3 {
			t.Errorf("the file: %v", err)
		}

		if reviews := read(minister, "/figures/SL.17"); !strings.Contains(reviews, "Không có lượt mở khẩn cấp nào chờ xem xét") {
			t.Errorf("%s", reviews)
		}
		theNightIsWatched(w, day)

		// a province has its own numbers; another's are as if they were not there
		here, elsewhere := w.sits("province:24"), w.sits("province:25")
		read(here, told)
		absent := elsewhere.ask(http.MethodGet, "/statements/SL.04-20200101-p99-v1", nil)
		for _, path := range []string{told, told + "/json"} {
			if rec := elsewhere.ask(http.MethodGet, path, nil); rec.Code != http.StatusNotFound || mask(rec.Body.String(), path) != mask(absent.Body.String(), "/statements/SL.04-20200101-p99-v1") {
				t.Errorf("another province asks %s: %d", path, rec.Code)
			}
		}
		for path, form := range map[string]url.Values{"/figures/SL.04/pin": {"province": {"24"}, "day": {strconv.Itoa(day)}}, told + "/recompute": {}} {
			if rec := elsewhere.ask(http.MethodPost, path, form); rec.Code < 400 {
				t.Errorf("another province does %s: %d", path, rec.Code)
			}
		}
		if rec := elsewhere.ask(http.MethodGet, "/figures?province=24", nil); rec.Code < 400 {
			t.Errorf("another province's numbers: %d", rec.Code)
		}
		// pinned by hand: the day is counted once more, and today's too
		pinned := here.ask(http.MethodPost, "/figures/SL.09/pin", url.Values{"province": {"24"}, "day": {strconv.Itoa(clock.Day(w.clock.Now()))}})
		if pinned.Code != http.StatusSeeOther || !strings.Contains(pinned.Header().Get("Location"), "-p24-v1") {
			t.Errorf("%d %s", pinned.Code, pinned.Body)
		}
		for path, code := range map[string]int{"/figures/SL.99": 404, "/figures?day=x": 422, "/figures?province=99": 422, "/wall": 303, "/figures/SL.24": 200, "/figures/SL.26": 200} {
			if rec := minister.ask(http.MethodGet, path, nil); rec.Code != code && !(code == 422 && rec.Code == 400) {
				t.Errorf("%s: %d, want %d", path, rec.Code, code)
			}
		}
		use := read(minister, "/overview/use")
		if !strings.Contains(use, "Tổng quan</th><td>Bộ</td>") || !strings.Contains(use, "Báo động được xử lý") {
			t.Errorf("the use of boards: %s", use)
		}
	})
}

// mask takes the address out of a page, which names it in its forms.
func mask(page, path string) string { return strings.ReplaceAll(page, path, "") }
