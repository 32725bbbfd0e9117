package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/disclose/replay"
	"lienthong/internal/fault"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/rulebook"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/admin"
	"lienthong/internal/web/api"
)

// bookOf is a book of one rule on the quantity of medicines.
func bookOf(code, must, passing, failing string) string {
	return fmt.Sprintf(`rules:
  - code: XML2.SO_LUONG.%s
    kind: qd4750
    table: XML2
    field: SO_LUONG
    must: %s
    severity: warning
    blocks: [payment]
    word: correct
    vi: Số lượng thuốc bất thường.
    en: The quantity is unusual.
    source: quy tắc thử
    cases:
      - {name: đạt, passes: true, row: {SO_LUONG: "%s"}}
      - {name: không đạt, passes: false, row: {SO_LUONG: "%s"}}
`, code, must, passing, failing)
}

const many = "is_number(row.SO_LUONG) && number(row.SO_LUONG) <= 500.0"

// until waits for what a hub does by itself within seconds.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for began := time.Now(); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			w.t.Fatalf("not %s within a minute", what)
		}
	}
}

// rehearsed has a book rehearsed and returns what was found.
func (w *world) rehearsed(id int) *rehearsal.Result {
	w.t.Helper()
	w.check(w.hub.Rulebook.Ask(w.ctx, "unit:kcb/An", id, 0))
	var r *rehearsal.Result
	w.until("rehearsed", func() bool {
		b := must(w.hub.Rulebook.Book(w.ctx, id))
		r = must(w.hub.Rulebook.Result(w.ctx, b.Book))
		return r.State != house.Running
	})
	if r.State != house.Done || r.Progress() != 100 {
		w.t.Fatalf("%+v", r)
	}
	return r
}

// judgedWith names what a record was judged with.
func (w *world) judgedWith(record string) string {
	w.t.Helper()
	var it api.Item
	_, _, body := w.do("79901", "GET", "/api/v1/records/"+record, "", nil)
	w.check(json.Unmarshal(body, &it))
	return it.JudgedWith.Pack
}

// tooMany is a file of one visit with too much of a medicine.
func tooMany() []byte {
	return ours(pairs().ec, envelope(newVisit().set("XML2", "SO_LUONG", "9000")))
}

// found returns what a file's dossier is told of its quantity.
func (w *world) found(file []byte) (finding, answer) {
	w.t.Helper()
	list, _ := w.send("79901", file)
	for _, f := range list[0].Findings {
		if strings.HasPrefix(f.Code, "XML2.SO_LUONG.high") {
			return f, list[0]
		}
	}
	return finding{}, list[0]
}

// A rule goes from draft to force, and is judged by at the hub and at an agent; one
// that most dossiers break does not.
func TestRulesThatPeopleWrite(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		desk := w.hub.Rulebook
		visits := make([]*visit, 24)
		for i := range visits {
			visits[i] = newVisit()
		}
		visits[3].set("XML2", "SO_LUONG", "9000")
		w.send("79901", ours(pairs().ec, envelope(visits...)))
		base := w.hub.Rules().String()

		bad := must(desk.Draw(w.ctx, "unit:kcb/An", bookOf("low", "number(row.SO_LUONG) >= 5000.0", "6000", "10")))
		r := w.rehearsed(bad)
		if f := r.Found.Rules[0]; r.Found.Judged != 24 || f.Judged != 24 || f.New != 23 || !f.Everything() || f.Fails["79901"] != 23 || len(f.Samples) == 0 || r.Found.Fails["79901"] != 23 {
			t.Errorf("%+v %+v", r.Found, f)
		}
		day := clock.Day(w.clock.Now().AddDate(0, 0, 10))
		if err := desk.Announce(w.ctx, "ministry/Bình", bad, day, "thử một quy tắc sai"); !errors.Is(err, rehearsal.ErrEverything) {
			t.Errorf("announced what breaks everything: %v", err)
		}
		w.logged(24)

		id := must(desk.Draw(w.ctx, "unit:kcb/An", bookOf("high", many, "30", "9000")))
		if err := desk.Announce(w.ctx, "ministry/Bình", id, day, "số lượng gõ nhầm"); !errors.Is(err, rehearsal.ErrUnrehearsed) {
			t.Errorf("announced without a rehearsal: %v", err)
		}
		r = w.rehearsed(id)
		if f := r.Found.Rules[0]; f.New != 1 || f.Everything() || len(f.Samples) != 1 {
			t.Errorf("%+v", f)
		}
		w.check(desk.Announce(w.ctx, "ministry/Bình", id, day, "số lượng gõ nhầm"))
		announced := fmt.Sprintf("%s~r%d", base, id)
		w.until("announced", func() bool { return w.hub.Rules().String() == announced })
		file := tooMany()
		f, a := w.found(file)
		if f.Code != "XML2.SO_LUONG.high.soon" || f.Severity != "info" || len(f.Blocks) != 0 || !strings.HasPrefix(f.Message.VI, "Sẽ áp dụng từ ngày") {
			t.Errorf("%+v", f)
		}
		first := a.Record

		for name, actor := range map[string]string{"who wrote it": "unit:kcb/An", "who announced it": "ministry/Bình"} {
			if err := desk.Activate(w.ctx, actor, id, "hết thời gian thông báo", true); !errors.Is(err, rehearsal.ErrSecond) {
				t.Errorf("%s puts it into force: %v", name, err)
			}
		}
		if b := must(desk.Book(w.ctx, id)); b.Day != day {
			t.Errorf("announced for %d, it says %d", day, b.Day)
		}
		if err := desk.Activate(w.ctx, "ministry/Cường", id, "hết thời gian thông báo", false); !errors.Is(err, rehearsal.ErrEarly) {
			t.Errorf("put into force ten days before the day announced: %v", err)
		}
		if err := desk.Activate(w.ctx, "ministry/Cường", id, " sớm ", true); !errors.Is(err, rehearsal.ErrReason) {
			t.Errorf("put into force early without a reason: %v", err)
		}
		w.check(desk.Activate(w.ctx, "ministry/Cường", id, "bộ trước bỏ lọt lỗi", true))
		today := w.clock.Now().In(clock.Hanoi)
		if b := must(desk.Book(w.ctx, id)); b.Day != clock.Day(today) || b.Reason != today.AddDate(0, 0, 10).Format(time.DateOnly)+" → "+today.Format(time.DateOnly)+": bộ trước bỏ lọt lỗi" {
			t.Errorf("put into force today, it applies from %d: %q", b.Day, b.Reason)
		}
		active := fmt.Sprintf("%s+r%d", base, id)
		w.until("in force", func() bool { return w.hub.Rules().String() == active })
		f, a = w.found(tooMany())
		if f.Code != "XML2.SO_LUONG.high" || f.Severity != "warning" || !slices.Equal(f.Blocks, []string{"payment"}) || a.State != "accepted_with_warnings" || f.Table != "XML2" || f.Row != 1 {
			t.Errorf("%+v", f)
		}
		if got := w.judgedWith(a.Record); got != active {
			t.Errorf("judged with %s, want %s", got, active)
		}
		if got := w.judgedWith(first); got != announced {
			t.Errorf("the verdict of before is of %s now", got)
		}
		if again, b := w.found(file); !b.Replay || b.Record != first || again.Code != "XML2.SO_LUONG.high.soon" {
			t.Errorf("sent again it is another verdict: %+v", b)
		}
		w.agentJudgesAlike(active)
		w.audited()
	})
}

// agentJudgesAlike holds an agent's judgement before sending against the hub's.
func (w *world) agentJudgesAlike(pack string) {
	w.t.Helper()
	p := w.agentOf("79901", "79901_BV", "mật khẩu của bệnh viện")
	w.check(p.station.FetchRules(w.ctx))
	file := ours(pairs().ec, envelope(newVisit().set("XML2", "SO_LUONG", "501")))
	seen := must(p.station.Preview(w.ctx, spool.Payload{File: spool.Part{Name: "a.xml", Bytes: file}}))
	sent, _ := w.send("79901", file)
	var there []string
	for _, f := range seen.Results[0].Findings {
		there = append(there, f.Code)
	}
	if got := strings.Join(there, " "); got != codesOf(sent[0]) || !strings.Contains(got, "XML2.SO_LUONG.high") || seen.Results[0].JudgedWith.Pack != pack {
		w.t.Errorf("agent: %s by %s; hub: %s", got, seen.Results[0].JudgedWith.Pack, codesOf(sent[0]))
	}
}

// logged holds that the replay was written down: how many records, and why.
func (w *world) logged(records int) {
	w.t.Helper()
	list, _, err := w.hub.Slices.Disclosures.List(w.ctx, role.Scope{All: true}, store.DisclosureFilter{Limit: 100})
	w.check(err)
	if !slices.ContainsFunc(list, func(d store.Disclosure) bool {
		return d.Basis == replay.Basis && d.Reason == "r1" && strings.Contains(d.Facts, fmt.Sprintf(`"records":%d`, records))
	}) {
		w.t.Errorf("the replay of %d records is not written down: %+v", records, list)
	}
}

// Two write one draft: the later is told what the other wrote.
func TestTwoWriteOneBook(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		desk := w.hub.Rulebook
		id := must(desk.Draw(w.ctx, "unit:kcb/An", bookOf("high", many, "30", "9000")))
		w.check(desk.Write(w.ctx, "unit:kcb/An", id, 1, bookOf("high", many, "40", "9000")))
		err := desk.Write(w.ctx, "unit:pb/Chi", id, 1, bookOf("high", many, "50", "9000"))
		var c *rehearsal.Conflict
		if !errors.Is(err, store.ErrChanged) || !errors.As(err, &c) || c.By != "unit:kcb/An" || !slices.ContainsFunc(c.Lines, func(l rulebook.Line) bool { return l.Mark == '+' && strings.Contains(l.Text, "40") }) {
			t.Errorf("%v %+v", err, c)
		}
		if b := must(desk.Book(w.ctx, id)); b.Edition != 2 || !strings.Contains(b.Text, `"40"`) {
			t.Errorf("%+v", b)
		}
		if err := desk.Ask(w.ctx, "unit:kcb/An", must(desk.Draw(w.ctx, "unit:kcb/An", "rules: 1")), 0); !errors.Is(err, rehearsal.ErrProblems) {
			t.Errorf("rehearsed with problems: %v", err)
		}
		w.check(desk.Retire(w.ctx, "unit:kcb/An", id, "không cần nữa, bỏ"))
		if err := desk.Write(w.ctx, "unit:kcb/An", id, 2, "rules:\n"); !errors.Is(err, rehearsal.ErrState) {
			t.Errorf("written after its end: %v", err)
		}
		// a book that there is not has a code of its own, whatever is asked of it
		for what, err := range map[string]error{"read": errOf(desk.Book(w.ctx, 999)), "written": desk.Write(w.ctx, "unit:kcb/An", 999, 1, "rules:\n"), "rehearsed": desk.Ask(w.ctx, "unit:kcb/An", 999, 0),
			"cancelled": desk.Cancel(w.ctx, "unit:kcb/An", 999), "announced": desk.Announce(w.ctx, "ministry/An", 999, 20990101, "một lý do đủ dài"), "put into force": desk.Activate(w.ctx, "ministry/An", 999, "một lý do đủ dài", false),
			"retired": desk.Retire(w.ctx, "unit:kcb/An", 999, "một lý do đủ dài"), "asked by command": errOf(admin.DoRules(w.ctx, desk, "operator", admin.RuleRequest{Do: "show", Book: 999}))} {
			if !errors.Is(err, rehearsal.ErrAbsent) || fault.Of(err).Code != "rulebook.absent" {
				t.Errorf("a book that there is not, %s: %v", what, err)
			}
		}
		if err := desk.Cancel(w.ctx, "unit:kcb/An", id); !errors.Is(err, rehearsal.ErrIdle) {
			t.Errorf("a rehearsal that does not run is cancelled: %v", err)
		}
		unit := w.sits("unit:kcb")
		for _, at := range []string{"/rulebook/r999", "/rulebook/x", "/rulebook/r999/rehearsal"} {
			if rec := unit.ask("GET", at, nil); rec.Code != http.StatusNotFound {
				t.Errorf("%s: HTTP %d", at, rec.Code)
			}
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// The rooms: a unit drafts, tries and rehearses; the ministry announces and another
// of it puts into force; nobody else is let in. No page names a patient.
func TestRulesAreWrittenInTheRooms(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		a := w.one("79901", tooMany(), fine)
		unit, ministry, second := w.works("unit:kcb", 1), w.works("ministry", 2), w.works("ministry", 3)
		link, other := w.sits("ministry"), w.sits("ministry")
		page := func(p person, method, path string, form url.Values, status int, want ...string) string {
			t.Helper()
			rec := p.ask(method, path, form)
			body := rec.Body.String()
			if rec.Code != status {
				t.Errorf("%s %s: %d, want %d", method, path, rec.Code, status)
			}
			for _, s := range want {
				if !strings.Contains(body, s) {
					t.Errorf("%s %s lacks %q", method, path, s)
				}
			}
			if strings.Contains(body, "NGUYỄN THỊ ĐÀO") || strings.Contains(body, "079990") {
				t.Errorf("%s %s names a patient", method, path)
			}
			return rec.Header().Get("Location")
		}
		for _, who := range []string{"facility:79901", "province:79", "auditor"} {
			page(w.sits(who), "GET", "/rulebook", nil, http.StatusForbidden)
		}
		page(unit, "GET", "/rulebook", nil, http.StatusOK, w.hub.Rules().String())
		at := page(unit, "POST", "/rulebook", nil, http.StatusSeeOther)
		if at != "/rulebook/r1" {
			t.Fatalf("at %s", at)
		}
		broken := strings.Replace(bookOf("high", many, "30", "9000"), "row.SO_LUONG)", "row.SOLUONG)", 1)
		page(unit, "POST", at, url.Values{"text": {broken}, "edition": {"1"}, "do": {"try"}}, http.StatusOK, "SOLUONG", "rulebook.expression", "^</pre>")
		page(unit, "POST", at, url.Values{"text": {bookOf("high", many, "30", "9000")}, "edition": {"1"}, "do": {"try"}}, http.StatusOK, a.Record, "XML2.SO_LUONG.high dòng 1")
		page(unit, "POST", at, url.Values{"text": {bookOf("high", many, "30", "9000")}, "edition": {"1"}, "do": {"save"}}, http.StatusSeeOther)
		page(ministry, "POST", at, url.Values{"text": {bookOf("high", many, "31", "9000")}, "edition": {"1"}, "do": {"save"}}, http.StatusConflict, "Cục Quản lý Khám, chữa bệnh vừa lưu bản khác")
		page(unit, "POST", at+"/do", url.Values{"do": {"rehearse"}}, http.StatusSeeOther)
		w.until("rehearsed", func() bool { return must(w.hub.Rulebook.Book(w.ctx, 1)).State == rehearsal.Rehearsed })
		page(unit, "GET", at+"/rehearsal", nil, http.StatusOK, "100 % trong 1 hồ sơ không đạt", "1 trong 1 cơ sở", a.Record)
		page(unit, "GET", at+"/diff", nil, http.StatusOK, "XML2.SO_LUONG.high", "+ rules:")
		announce := url.Values{"do": {"announce"}, "day": {"2099-12-01"}, "reason": {"số lượng gõ nhầm"}}
		page(unit, "POST", at+"/do", announce, http.StatusForbidden)
		page(link, "POST", at+"/do", announce, http.StatusForbidden, "đăng nhập bằng tài khoản")
		page(ministry, "POST", at+"/do", announce, http.StatusSeeOther)
		page(second, "GET", "/rulebook", nil, http.StatusOK, "01/12/2099")
		activate := url.Values{"do": {"activate"}, "reason": {"hết thời gian thông báo"}}
		page(ministry, "POST", at+"/do", activate, http.StatusConflict, "phải khác người")
		for name, p := range map[string]person{"a link": link, "another link": other} { // nobody knows who it is
			if body := p.ask("POST", at+"/do", activate); body.Code != http.StatusForbidden {
				t.Errorf("%s puts a book into force: %d", name, body.Code)
			}
		}
		page(w.works("ministry", 1), "POST", at+"/do", activate, http.StatusConflict, "phải khác người") // who wrote it, in another role
		page(second, "POST", at+"/do", activate, http.StatusConflict, "Chưa đến ngày áp dụng", "01/12/2099")
		activate.Set("early", "yes")
		page(second, "POST", at+"/do", activate, http.StatusSeeOther)
		page(second, "GET", "/rulebook", nil, http.StatusOK, "đang áp dụng", w.clock.Now().In(clock.Hanoi).Format("02/01/2006"))
		page(unit, "GET", "/rulebook/r2", nil, http.StatusNotFound)
		page(unit, "GET", "/rulebook/1", nil, http.StatusNotFound)
	})
}

// TestARuleDoesNotTellWhoSomebodyIs: one that compares a name or a number finds
// where a person was; its rehearsal names no facility, no record and no small number.
func TestARuleDoesNotTellWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit().set("XML1", "HO_TEN", "TRẦN THỊ MỘT MÌNH")
		w.send("79901", ours(pairs().ec, envelope(v, newVisit())))
		who := strings.NewReplacer("XML2", "XML1", "SO_LUONG", "HO_TEN").Replace(bookOf("high", `row.SO_LUONG != "TRẦN THỊ MỘT MÌNH"`, "LÊ VĂN", "TRẦN THỊ MỘT MÌNH"))
		f := w.rehearsed(must(w.hub.Rulebook.Draw(w.ctx, "unit:kcb/An", who))).Found.Rules[0]
		if !f.Closed || !f.Few || f.Then != 0 || f.New != 0 || len(f.Fails) != 0 || len(f.Samples) != 0 {
			t.Errorf("it tells where somebody was: %+v", f)
		}
	})
}
