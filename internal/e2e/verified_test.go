package e2e_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/alarm"
	"lienthong/internal/bridge/population/simulator"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/verification"
)

// residents approves a population register at an address.
func (w *world) residents(at string) {
	w.t.Helper()
	w.check(w.hub.Office.PutDestination(w.ctx, "test", admin.Destination{ID: "residents", Adapter: "population", URL: at, Private: true, Name: fault.Text{VI: "Sổ dân cư", EN: "Residents"}}))
}

// rounds lets the hub ask until nobody is left, or the register is let alone.
func (w *world) rounds() {
	w.t.Helper()
	w.clock.Advance(11 * time.Minute)
	for range 12 {
		w.check(w.hub.Login.Register.Round(w.ctx))
	}
}

// saysVerified: clinicians read what the register said on the person's page, and
// their own systems at the door of the HIS.
func (w *world) saysVerified(persons []store.PersonID) {
	w.t.Helper()
	status, body := w.hisAsk("79901", "/api/v1/his/summary", "application/json", nil, nil)
	if status != http.StatusOK || !bytes.Contains(body, []byte(`"verified":{"answer":"match","at":"`)) {
		w.t.Errorf("the door of the HIS: %d %s", status, body)
	}
	if status, body = w.hisAsk("79902", "/api/v1/his/summary", "application/json", nil, nil); status != http.StatusOK || bytes.Contains(body, []byte(`"verified"`)) {
		w.t.Errorf("to whom nothing is shown: %d %s", status, body)
	}
	anna := w.clinician("79902", 1)
	for i, say := range []string{"số định danh, họ tên, ngày sinh khớp", "khác ở họ tên"} {
		o := w.opening(persons[i], "79902", nil)
		if page := anna.reads("/openings/"+hex.EncodeToString(o[:]), http.StatusOK); !strings.Contains(page, say) {
			w.t.Errorf("the clinic's page does not say %q\n%s", say, page)
		}
	}
}

// Whose number the population register knows is on paper; whatever it says, no
// record and no link changes, and while it is silent nothing waits.
func TestVerifiedWithThePopulationRegister(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		want := []string{"match", "differs", "unknown", "cancelled", "replaced"}
		sim := must(simulator.New(simulator.Config{Residents: []simulator.Resident{
			{Number: "079990777001", Name: "Nguyễn Thị Đào", Birth: "19900203", Sex: "2"},
			{Number: "079990777002", Name: "Nguyễn Thị Mận", Birth: "19900203", Sex: "2"},
			{Number: "079990777004", State: "cancelled"}, {Number: "079990777005", State: "replaced", By: "079990777001"},
		}}))
		records, persons := make([]string, len(want)), make([]store.PersonID, len(want))
		for i := range want {
			number := fmt.Sprintf("07999077700%d", i+1)
			records[i] = w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", number))), "accepted").Record
			persons[i] = w.whoHolds(number)
		}
		if _, err := w.hub.Login.Register.VerifyPerson(w.ctx, "test", records[0]); !errors.Is(err, verification.ErrNone) {
			t.Errorf("without a register: %v", err)
		}
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		down := httptest.NewServer(nil)
		down.Close()
		w.residents(down.URL)
		w.rounds()
		if _, err := w.hub.Slices.Verifications.Verified(w.ctx, persons[0]); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("nobody answered, and %v", err)
		}
		w.one("79901", ours(pairs().ec, envelope(newVisit())), "accepted") // nothing waits for the register

		w.residents(server.URL)
		w.rounds()
		for i, person := range persons {
			v, err := w.hub.Slices.Verifications.Verified(w.ctx, person)
			w.check(err)
			if v.Answer != want[i] || v.By != "residents" || (v.Answer == "differs") != slices.Equal(v.Differs, []string{"name"}) || v.Holds() != (i == 0) {
				t.Errorf("%s: %+v", want[i], v)
			}
			told := 0
			for _, row := range w.rowsOf(store.DisclosureFilter{Person: person}) {
				if row.Basis == "register" && row.Role == "destination:residents" {
					told++
				}
			}
			if told == 0 {
				t.Errorf("%s: no row of what was told", want[i])
			}
			if w.whoHolds(fmt.Sprintf("07999077700%d", i+1)) != person {
				t.Errorf("%s: a link changed", want[i])
			}
		}
		clerk := &http.Client{Jar: must(cookiejar.New(nil))}
		if status, _ := w.form(clerk, "/login", url.Values{"token": {must(w.hub.Office.MakeLink(w.ctx, "test", "facility:79901", "/"))}}); status != http.StatusOK {
			t.Fatalf("login: %d", status)
		}
		for i, record := range records {
			res := must(clerk.Get(w.server.URL + "/records/" + record))
			page := must(io.ReadAll(res.Body))
			w.check(res.Body.Close())
			if shown := strings.Contains(string(page), "Đã đối chiếu với sổ dân cư"); res.StatusCode != http.StatusOK || shown != (i == 0) {
				t.Errorf("%s: page %d, says verified: %v", want[i], res.StatusCode, shown)
			}
		}
		w.saysVerified(persons)
		asked := sim.Asked()
		w.rounds()
		if n := sim.Asked(); n != asked {
			t.Errorf("asked again: %d, then %d", asked, n)
		}
		w.check(w.hub.Alarms.Round(w.ctx))
		var said *alarm.Alarm
		for _, a := range must(w.hub.Alarms.Open(w.ctx)) {
			if a.Kind == alarm.Register {
				said = &a
			}
		}
		if said == nil || said.Object != "residents" || !strings.Contains(said.Text.EN, " 3 persons") {
			t.Errorf("alarm: %+v", said)
		}
		w.clock.Advance(time.Minute)
		v := must(w.hub.Administer().VerifyPerson(w.ctx, "test", records[1]))
		if v.Answer != "differs" || !v.At.Equal(w.clock.Now()) || sim.Asked() != asked+1 {
			t.Errorf("asked now: %+v", v)
		}
	})
}
