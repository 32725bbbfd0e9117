package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/courier"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// person sits at a browser of the hub's portal.
type person struct {
	w      *world
	cookie *http.Cookie
}

// sits logs a role in by a one-time link.
func (w *world) sits(who string) person {
	w.t.Helper()
	token := must(w.hub.Office.MakeLink(w.ctx, "test", who, "/"))
	p := person{w: w}
	rec := p.ask(http.MethodPost, "/login", url.Values{"token": {token}})
	for _, c := range rec.Result().Cookies() {
		if c.HttpOnly {
			p.cookie = c
		}
	}
	if p.cookie == nil {
		w.t.Fatalf("%s is not let in: %d", who, rec.Code)
	}
	return p
}

// works logs a role in as somebody with an account, the n-th.
func (w *world) works(who string, n byte) person {
	w.t.Helper()
	id := care.Staff{0xE1, n}
	if _, err := w.hub.Slices.Staffs.Staff(w.ctx, id); err != nil {
		w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, staff.Staff{ID: id, Roles: []string{"ministry", "operator", "unit:kcb", "unit:tccb", "unit:attp", "province:24", "province:79"}, Since: w.clock.Now(), Version: 1},
			store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
	}
	return person{w: w, cookie: must(w.hub.Sessions.Grant(w.ctx, session.Entry{Role: must(role.Parse(who)), Name: "Người Thử", Staff: id, Level: 2, SteppedUp: w.clock.Now()}))}
}

func (p person) ask(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.cookie != nil {
		r.AddCookie(p.cookie)
	}
	rec := httptest.NewRecorder()
	p.w.hub.Handler().ServeHTTP(rec, r)
	return rec
}

// TestAnOperatorSendsParkedDeliveriesAgain: filter, count, reason, act in the
// background with its progress, and a leaf for it; then everything has arrived.
func TestAnOperatorSendsParkedDeliveriesAgain(t *testing.T) {
	t.Parallel()
	regions(t, func(t *testing.T, r region) {
		r.book.says(&exchange.Answer{Outcome: exchange.Refused, Sent: true, Code: "reads.125"})
		var records []string
		for range 5 {
			records = append(records, r.one("79901", ours(pairs().ec, envelope(paid(newVisit()))), fine).Record)
		}
		for _, x := range records {
			r.settled(x, "done", "parked")
		}
		operator := r.sits("operator")
		page := operator.ask(http.MethodGet, "/legs?state=parked&destination=so", nil)
		if body := page.Body.String(); page.Code != http.StatusOK || !strings.Contains(body, "reads.125") || !strings.Contains(body, "5 chặng, 1 cơ sở") {
			t.Fatalf("%d %s", page.Code, body)
		}
		form := url.Values{"state": {"parked"}, "destination": {"so"}, "code": {"reads.125"}, "do": {"retry"}, "reason": {"nơi nhận đã sửa"}}
		if asked := operator.ask(http.MethodPost, "/legs/act", form); asked.Code != http.StatusOK || !strings.Contains(asked.Body.String(), "Gửi lại 5 chặng") {
			t.Fatalf("%d %s", asked.Code, asked.Body)
		}
		if n := must(r.hub.Slices.Legs.Count(r.ctx, role.Scope{All: true}, store.LegFilter{State: exchange.Parked})); n != 5 {
			t.Fatalf("counting moved legs: %d are parked", n)
		}
		if shut := r.sits("ministry").ask(http.MethodPost, "/legs/act", form); shut.Code != http.StatusForbidden {
			t.Errorf("a ministry acts: %d", shut.Code)
		}
		r.book.says(nil)
		form.Set("sure", "yes")
		begun := operator.ask(http.MethodPost, "/legs/act", form)
		if begun.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", begun.Code, begun.Body)
		}
		for _, x := range records {
			r.settled(x, "done", "done")
		}
		r.until("the act has ended", func() bool {
			return strings.Contains(operator.ask(http.MethodGet, begun.Header().Get("Location"), nil).Body.String(), "5 / 5")
		})
		var acts []string
		for _, a := range must(r.hub.Slices.Keys.Acts(r.ctx, 0, 20)) {
			if strings.HasPrefix(a.Action, "legs.") {
				acts = append(acts, a.Action)
				if !strings.HasPrefix(a.Actor, "portal operator") || !strings.Contains(a.Detail, "nơi nhận đã sửa") {
					t.Errorf("%+v", a)
				}
			}
		}
		if fmt.Sprint(acts) != "[legs.retry.ended legs.retry]" {
			t.Errorf("acts %v", acts)
		}
	})
}

// listener is where alarms are posted.
type listener struct {
	mu   sync.Mutex
	got  []alarm.Message
	sign []string
}

func (l *listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct{ Data alarm.Message }
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(b, &body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.got = append(l.got, body.Data)
		l.sign = append(l.sign, r.Header.Get("webhook-signature"))
	}
}

// TestAnAlarmIsRaisedToldAndClosed: legs that wait too long are an alarm, signed
// and told once; somebody takes it; it closes when they have arrived.
func TestAnAlarmIsRaisedToldAndClosed(t *testing.T) {
	t.Parallel()
	const key = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	engines(t, func(t *testing.T, w *world) {
		heard := &listener{}
		srv := httptest.NewServer(heard)
		t.Cleanup(srv.Close)
		w.check(w.hub.Administer().SetAlarms(w.ctx, "test", fmt.Appendf(nil, `{"queue_minutes":30,"webhook":{"url":%q,"private":true}}`, srv.URL)))
		if n := must(w.hub.Administer().TryAlarms(w.ctx, "test")); n != 1 || len(heard.got) != 1 || heard.got[0].Kind != alarm.Test {
			t.Fatalf("a test: %d, %+v", n, heard.got)
		}
		r := region{w, nil, w.hub.Courier.Adapters["reads"].(*neighbour)}
		w.check(w.hub.Office.PutDestination(w.ctx, "test", admin.Destination{ID: "so", Adapter: "reads", URL: "http://localhost/b", Private: true, Name: fault.Text{VI: "Sổ", EN: "Book"}}))
		w.check(w.hub.Office.PutRoute(w.ctx, "test", admin.Route{Destination: "so", Mode: exchange.Direct}))
		r.until("the plan is read", func() bool { return len(must(w.hub.Courier.Status(w.ctx))) == 1 })
		r.book.says(&exchange.Answer{Outcome: exchange.Again, Code: "outbound.unreachable"})
		record := w.one("79901", ours(pairs().ec, envelope(paid(newVisit()))), fine).Record
		w.check(w.hub.Alarms.Round(w.ctx))
		if open := must(w.hub.Alarms.Open(w.ctx)); len(open) != 0 { // the control: it has just begun
			t.Fatalf("%+v", open)
		}
		w.clock.Advance(31 * time.Minute)
		for range 3 {
			w.check(w.hub.Alarms.Round(w.ctx))
		}
		open := must(w.hub.Alarms.Open(w.ctx))
		if len(open) != 1 || open[0].Cause != "leg.queue:so" || len(heard.got) != 2 || heard.got[1].Cause != "leg.queue:so" || !regexp.MustCompile(`^v1,.{44}$`).MatchString(heard.sign[1]) {
			t.Fatalf("open %+v, heard %+v", open, heard.got)
		}
		operator := w.sits("operator")
		if page := operator.ask(http.MethodGet, "/overview", nil); !strings.Contains(page.Body.String(), "leg.queue:so") {
			t.Errorf("the overview does not show it: %d", page.Code)
		}
		if took := operator.ask(http.MethodPost, "/alarms/leg.queue:so/acknowledge", url.Values{"owner": {"An"}}); took.Code != http.StatusSeeOther {
			t.Errorf("%d", took.Code)
		}
		w.clock.Advance(2 * time.Hour)
		w.check(w.hub.Alarms.Round(w.ctx))
		if len(heard.got) != 2 {
			t.Errorf("told %d times", len(heard.got))
		}
		r.book.says(nil)
		r.until("it arrived", func() bool {
			w.clock.Advance(time.Minute)
			return r.legs("79901", record)["so"].State == "done"
		})
		w.check(w.hub.Alarms.Round(w.ctx))
		if open := must(w.hub.Alarms.Open(w.ctx)); len(open) != 0 {
			t.Errorf("still open: %+v", open)
		}
		var acts []string
		for _, a := range must(w.hub.Slices.Keys.Acts(w.ctx, 0, 50)) {
			if strings.HasPrefix(a.Action, "alarm.") {
				acts = append([]string{a.Action}, acts...)
			}
		}
		if fmt.Sprint(acts) != "[alarm.set alarm.test alarm.opened alarm.acknowledged alarm.closed]" {
			t.Errorf("acts %v", acts)
		}
	}, func(c *hub.Config) {
		c.Alarms.Secret = func(name string) ([]byte, error) { return []byte(key + "\n"), nil }
		c.Delivery.Adapters = map[string]courier.Adapter{"reads": &neighbour{wants: courier.Wants{Content: true}}}
		c.Delivery.Courier.Poll = 10 * time.Millisecond
		c.Delivery.Courier.Draw = func() float64 { return 0.5 }
	})
}
