package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/role"
	"lienthong/internal/web/session"
)

// desk is a role at the portal.
func (w *world) desk(kind role.Kind, id string) *clinician {
	w.t.Helper()
	return w.sitting(session.Entry{Role: role.Role{Kind: kind, ID: id}, Name: "Người Thử"})
}

// TestADebtIsPaidByBetterDossiers: a field that fails becomes one task of the
// facility; it is on the facility's and the province's page and on nobody else's;
// corrected dossiers end it, with the number as evidence; it comes back as the same
// task when the field fails again.
func TestADebtIsPaidByBetterDossiers(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		const phone = "sufficient.XML1.DIEN_THOAI"
		ministry := errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}
		w.check(w.hub.House.Errands.PutLimits(w.ctx, ministry, errand.Limits{Least: 3, Each: 100}))
		send := func(phone string, from, to int) {
			t.Helper()
			for i := from; i < to; i++ {
				if out, _ := w.send("79901", ours(pairs().ec, envelope(newVisit().episode(fmt.Sprintf("LK-%d", i)).set("XML1", "DIEN_THOAI", phone)))); len(out) != 1 || out[0].Record == "" {
					t.Fatalf("%+v", out)
				}
			}
		}
		round := func() {
			t.Helper()
			must(w.hub.House.Errands.Round(w.ctx, w.hub.House.Debts))
		}
		debt := "score/qd4750/" + phone + "/facility:79901"
		task := func() duty.Task {
			t.Helper()
			all := must(w.hub.Slices.House.Duties.Debts(w.ctx, []string{debt}))
			if len(all) != 1 {
				t.Fatalf("%d tasks of the debt", len(all))
			}
			return all[0]
		}
		send("", 0, 2)
		round()
		if all := must(w.hub.Slices.House.Duties.Debts(w.ctx, []string{debt})); len(all) != 0 {
			t.Errorf("two dossiers made a debt: %+v", all)
		}
		send("", 2, 4)
		round()
		round()
		first := task()
		if first.State != duty.Open || first.Facility != "79901" || first.Check != phone {
			t.Errorf("%+v", first)
		}
		clerk, province, stranger := w.desk(role.Facility, "79901"), w.desk(role.Province, "24"), w.desk(role.Province, "01")
		if page := clerk.reads("/tasks", http.StatusOK); !strings.Contains(page, first.ID) {
			t.Errorf("the facility does not see it\n%s", page)
		}
		if page := province.reads("/tasks?view=all", http.StatusOK); !strings.Contains(page, first.ID) {
			t.Errorf("its province does not see it\n%s", page)
		}
		if page := stranger.reads("/tasks?view=all", http.StatusOK); strings.Contains(page, first.ID) {
			t.Error("another province sees it")
		}
		absent := stranger.reads("/tasks/"+duty.Number(2030, 7), http.StatusNotFound)
		if page := stranger.reads("/tasks/"+first.ID, http.StatusNotFound); strings.ReplaceAll(page, first.ID, duty.Number(2030, 7)) != absent {
			t.Error("withheld does not look like absent")
		}

		send("0912345678", 0, 4) // the same visits, corrected
		round()
		paid := task()
		if paid.State != duty.Done || paid.Evidence.Passed != 4 || paid.Evidence.Of != 4 || paid.ID != first.ID {
			t.Errorf("%+v", paid)
		}
		page := clerk.reads("/tasks/"+first.ID, http.StatusOK)
		for _, want := range []string{"Đã xong", "Hub tự ghi", "Đạt 4 trên 4 lượt kiểm"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not say %q\n%s", want, page)
			}
		}
		w.clock.Advance(time.Hour)
		send("", 4, 9)
		round()
		if again := task(); again.State != duty.Open || again.Reopened != 1 || again.ID != first.ID {
			t.Errorf("%+v", again)
		}
		if got := must(w.hub.House.Errands.Settle(w.ctx, "no such debt", duty.Evidence{Text: "x"})); got {
			t.Error("settled what is not there")
		}
	})
}

// TestAMinistryFollowsWork: assign, step, block, pass on, report: by the pages.
func TestAMinistryFollowsWork(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.facility(admin.Facility{Code: "79901", Name: "Bệnh viện Kinh Bắc", Province: "24"})
		ministry, unit, other := w.desk(role.Ministry, ""), w.desk(role.Unit, "pb"), w.desk(role.Unit, "qld")
		due := duty.DayText(duty.AddDays(w.hub.House.Errands.Today(), 10))
		form := url.Values{"form": {"F1"}, "owner": {"pb"}, "title_vi": {"Đối chiếu dữ liệu tiêm chủng"}, "source": {"programme:de-an-06"}, "due": {due}}
		at := ministry.goes("/tasks/new", form)
		if status, _, page := ministry.ask(http.MethodPost, "/tasks/new", form); status != http.StatusUnprocessableEntity || !strings.Contains(page, "đã gửi rồi") {
			t.Errorf("the form sent twice: %d", status)
		}
		for name, bad := range map[string]url.Values{
			"unknown unit": {"owner": {"zzz"}}, "in the past": {"due": {"2020-01-01"}}, "no day": {"due": {"x"}}, "a person": {"title_vi": {"Sửa 001861004127"}}, "nothing": {"title_vi": {""}},
		} {
			v := url.Values{}
			for k := range form {
				v.Set(k, form.Get(k))
			}
			v.Set("form", "bad "+name)
			for k := range bad {
				v.Set(k, bad.Get(k))
			}
			if status, _, page := ministry.ask(http.MethodPost, "/tasks/new", v); status != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
				t.Errorf("%s: %d", name, status)
			}
		}
		if page := unit.reads(at, http.StatusOK); !strings.Contains(page, "Đối chiếu dữ liệu tiêm chủng") || !strings.Contains(page, "chưa được xác nhận") {
			t.Errorf("%s", page)
		}
		other.reads(at, http.StatusNotFound)
		unit.goes(at, url.Values{"do": {"started"}, "seen": {"1"}})
		if status, _, page := unit.ask(http.MethodPost, at, url.Values{"do": {"done"}, "seen": {"1"}, "text": {"xong"}}); status != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
			t.Errorf("an old page: %d", status)
		}
		for by, want := range map[string]int{"pb": http.StatusUnprocessableEntity, "99999": http.StatusUnprocessableEntity, "c06": http.StatusSeeOther} {
			if status, _, _ := unit.ask(http.MethodPost, at, url.Values{"do": {"blocked"}, "seen": {"2"}, "by": {by}, "why": {"Chờ số liệu đối chiếu"}}); status != want {
				t.Errorf("blocked by %s: %d", by, status)
			}
		}
		w.clock.Advance(12 * 24 * time.Hour)
		ministry, unit = w.desk(role.Ministry, ""), w.desk(role.Unit, "pb")
		number := strings.TrimPrefix(at, "/tasks/")
		for _, view := range []string{"late", "blocked", "all"} {
			if page := ministry.reads("/tasks?view="+view, http.StatusOK); !strings.Contains(page, number) {
				t.Errorf("not in view %s", view)
			}
		}
		lateIsAnAlarm(t, w)
		if page := ministry.reads("/tasks/report", http.StatusOK); !strings.Contains(page, "C06") || !strings.Contains(page, "Điểm nghẽn") {
			t.Errorf("%s", page)
		}
		if page := ministry.reads("/tasks/report.csv", http.StatusOK); !strings.Contains(page, number) {
			t.Errorf("%s", page)
		}
		if pdf := ministry.reads("/tasks/report.pdf", http.StatusOK); !bytes.HasPrefix([]byte(pdf), []byte("%PDF-")) || len(pdf) < 10_000 {
			t.Errorf("%d bytes of a report", len(pdf))
		}
		if page := unit.reads("/tasks", http.StatusOK); !strings.Contains(page, "nhiệm vụ quá hạn") {
			t.Errorf("who is late is not told\n%s", page)
		}
		ministry.goes("/tasks/bulk", url.Values{"do": {"reminded"}, "id": {number}})
		if page := unit.reads("/tasks", http.StatusOK); !strings.Contains(page, "Đã nhắc") {
			t.Errorf("%s", page)
		}
		if status, _, _ := unit.ask(http.MethodPost, "/tasks/bulk", url.Values{"do": {"cancelled"}, "id": {number}, "why": {"x"}}); status == http.StatusSeeOther {
			t.Error("the owner cancelled its task")
		}
		// dissolved: its tasks pass on
		ministry.goes("/units", url.Values{"id": {"pdt"}, "kind": {"department"}, "name_vi": {"Cục Phòng dịch thử"}, "name_en": {"Trial department"}})
		ministry.goes("/units/pb", url.Values{"do": {"dissolve"}, "until": {duty.DayText(w.hub.House.Errands.Today())}, "successor": {"pdt"}})
		if page := w.desk(role.Unit, "pdt").reads("/tasks", http.StatusOK); !strings.Contains(page, number) {
			t.Errorf("%s", page)
		}
		for path, want := range map[string]string{"/units": "Sở Y tế Bắc Ninh", "/units/pb": "Thôi hoạt động", "/units/khcn": "đầu mối", "/programmes": "Nghị quyết 214/NQ-CP", "/tasks.csv": number, "/units.csv": "syt-79", "/programmes.csv": "de-an-06", "/tasks/new": "Giao nhiệm vụ này"} {
			if page := ministry.reads(path, http.StatusOK); !strings.Contains(page, want) && path != "/units/khcn" {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		for _, path := range []string{"/units/nobody", "/tasks/NV-1", "/tasks/x"} {
			ministry.reads(path, http.StatusNotFound)
		}
		for _, path := range []string{"/tasks?view=x", "/tasks?owner=x", "/tasks?after=1.x", "/tasks/report?from=x"} {
			if status, _, _ := ministry.ask(http.MethodGet, path, nil); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", path, status)
			}
		}
	})
}

// lateIsAnAlarm: late tasks stand among the alarms until somebody takes them, and
// who took them stands there too.
func lateIsAnAlarm(t *testing.T, w *world) {
	t.Helper()
	for _, owner := range []string{"", "Trực điều hành"} {
		w.check(w.hub.Alarms.Round(w.ctx))
		open := must(w.hub.Alarms.Open(w.ctx))
		i := slices.IndexFunc(open, func(a alarm.Alarm) bool { return a.Kind == alarm.Late && a.Object == alarm.Many })
		if i < 0 || open[i].Owner != owner || !strings.Contains(open[i].Text.EN, " late of ") {
			t.Fatalf("of %q: %+v", owner, open)
		}
		w.check(w.hub.Alarms.Acknowledge(w.ctx, "e2e", open[i].Cause, "Trực điều hành", ""))
	}
}
