package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/courier"
	"lienthong/internal/fault"
	"lienthong/internal/hub"
	"lienthong/internal/matter"
	"lienthong/internal/roster"
	"lienthong/internal/store"
)

// identities is a hub with two providers, one for citizens and one for staff.
type identities struct {
	*world
	vneid, staff *simulator.Provider
}

func newIdentities(t *testing.T, w *world) *identities {
	t.Helper()
	x := &identities{world: w}
	open := func(id, who string, push bool, people []simulator.Person) *simulator.Provider {
		p, err := simulator.New(simulator.Config{Clock: w.clock, People: people})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(p)
		t.Cleanup(srv.Close)
		options, err := json.Marshal(eid.Options{For: who, ClientID: "hub", Scopes: []string{"profile", map[string]string{"citizens": "citizen", "staff": "staff"}[who]},
			Levels: map[string]int{simulator.Level1: 1, simulator.Level2: 2}, Push: push})
		if err != nil {
			t.Fatal(err)
		}
		acts := w.hub.Administer()
		if err := acts.PutDestination(w.ctx, "test", admin.Destination{ID: id, Adapter: eid.AdapterName, Name: fault.Text{VI: id, EN: id}, URL: srv.URL, Private: true, Options: options}); err != nil {
			t.Fatal(err)
		}
		sealed, err := w.hub.Vault.SealSecret(courier.SecretName(id, ""), []byte(`{"client_secret":"s"}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := acts.PutSecret(w.ctx, "test", id, "", sealed); err != nil {
			t.Fatal(err)
		}
		return p
	}
	x.vneid = open("vneid", "citizens", true, []simulator.Person{{Subject: "an", Name: "Nguyễn Thị An", Birth: "1980-02-03", Number: "079980000001"},
		{Subject: "binh", Name: "Trần Bình", Birth: "1981-02-03", Number: "079981000002", Level: 1},
		{Subject: "gia", Name: "Người Khác", Birth: "1980-02-03", Number: "079980000001"}})
	x.staff = open("staff", "staff", false, []simulator.Person{{Subject: "lan", Name: "Lê Thị Lan", Licence: "0012345/HCM-CCHN", Facility: "79901"},
		{Subject: "la", Name: "Người Lạ", Licence: "9/HCM", Facility: "79901"}})
	return x
}

// guest is a browser.
type guest struct {
	x *identities
	*http.Client
}

func (x *identities) browser() *guest {
	jar, err := cookiejar.New(nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return &guest{x, &http.Client{Jar: jar}}
}

func (p *guest) get(path string) (int, string, string) {
	p.x.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.x.server.URL + path
	}
	res, err := p.Get(path)
	if err != nil {
		p.x.t.Fatal(err)
	}
	return p.read(res)
}

func (p *guest) post(path string, form url.Values) (int, string, string) {
	p.x.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.x.server.URL + path
	}
	res, err := p.PostForm(path, form)
	if err != nil {
		p.x.t.Fatal(err)
	}
	return p.read(res)
}

func (p *guest) read(res *http.Response) (status int, at, body string) {
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.x.t.Fatal(err)
	}
	return res.StatusCode, res.Request.URL.String(), string(b)
}

var loginRequest = regexp.MustCompile(`name="request" value="([^"]+)"`)

// through walks from a page of the hub through a provider as somebody.
func (p *guest) through(path, subject string) (int, string, string) {
	p.x.t.Helper()
	_, at, body := p.get(path)
	m := loginRequest.FindStringSubmatch(body)
	if m == nil {
		p.x.t.Fatalf("no page of a provider at %s: %s", at, body)
	}
	u, err := url.Parse(at)
	if err != nil {
		p.x.t.Fatal(err)
	}
	return p.post(u.Scheme+"://"+u.Host+"/authorize/choose", url.Values{"request": {m[1]}, "person": {subject}})
}

func withLogins(t *testing.T, test func(*testing.T, *identities)) {
	engines(t, func(t *testing.T, w *world) { test(t, newIdentities(t, w)) }, func(c *hub.Config) { c.Demo = false })
}

func TestACitizenLogsInSeesAndEndsSessionsAndStepsUp(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		phone, desk := x.browser(), x.browser()
		if status, at, body := phone.through("/login/vneid?next=/account", "an"); status != 200 || !strings.HasSuffix(at, "/account") || !strings.Contains(body, "Nguyễn Thị An") {
			t.Fatalf("%d %s", status, at)
		}
		if status, _, _ := desk.through("/login/vneid?next=/account", "an"); status != 200 {
			t.Fatal(status)
		}
		_, _, body := desk.get("/account")
		marks := regexp.MustCompile(`name="session" value="([0-9a-f]{10})"`).FindAllStringSubmatch(body, -1)
		if len(marks) != 1 {
			t.Fatalf("%d other sessions", len(marks))
		}
		// A new device is told to the citizen, and reaches the phone.
		if err := x.hub.Login.Teller.Round(x.ctx); err != nil {
			t.Fatal(err)
		}
		if _, body := fetch(t, x.vneid, "/phone/an"); !strings.Contains(body, "thiết bị mới") {
			t.Error("the phone shows no notice of the new device")
		}
		// Somebody else ends nobody's session but their own.
		other := x.browser()
		other.through("/login/vneid", "binh")
		other.post("/account/end", url.Values{"session": {marks[0][1]}})
		if status, _, _ := phone.get("/account"); status != 200 {
			t.Error("another's session was ended")
		}
		desk.post("/account/end", url.Values{"session": {marks[0][1]}})
		if status, _, _ := phone.get("/account"); status != 401 {
			t.Errorf("an ended session answers %d", status)
		}
		// Stepping up: as oneself only, and at level 2 only.
		if status, _, body := desk.through("/account/step-up/vneid?next=/account", "binh"); status != 403 || !strings.Contains(body, "session.other_person") {
			t.Errorf("another person steps up: %d", status)
		}
		if status, at, _ := desk.through("/account/step-up/vneid?next=/account", "an"); status != 200 || !strings.HasSuffix(at, "/account") {
			t.Errorf("%d %s", status, at)
		}
		if status, _, body := other.through("/account/step-up/vneid", "binh"); status != 403 || !strings.Contains(body, "session.level") {
			t.Errorf("level 1 steps up: %d", status)
		}
		// The number is held with another name.
		if status, _, body := x.browser().through("/login/vneid", "gia"); status != 409 || !strings.Contains(body, "login.person") {
			t.Errorf("%d", status)
		}
	})
}

func TestStaffLogInWithACodeAndASuspensionHoldsAtOnce(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		if status, _, body := x.browser().through("/login/staff", "lan"); status != 403 || !strings.Contains(body, "login.not_listed") {
			t.Fatalf("who is not on the roster: %d", status)
		}
		id, err := x.hub.Login.Roster.Add(x.ctx, "operator A", roster.Addition{Facility: "79901", Roles: []string{"clinician:79901", "privacy:79901"}, Name: "Lê Thị Lan", Licence: "0012345/hcm-cchn"})
		if err != nil {
			t.Fatal(err)
		}
		lan := x.browser()
		if status, at, body := lan.through("/login/staff", "lan"); status != 200 || !strings.Contains(at, "/account?choose=1") || !strings.Contains(body, "Lê Thị Lan") {
			t.Fatalf("%d %s", status, at)
		}
		if status, _, _ := x.browser().through("/login/staff", "la"); status != 403 {
			t.Errorf("a stranger is let in: %d", status)
		}
		if status, _, _ := lan.post("/login/role", url.Values{"role": {"privacy:79901"}, "next": {"/account"}}); status != 200 {
			t.Errorf("%d", status)
		}
		if status, _, body := lan.post("/login/role", url.Values{"role": {"operator"}}); status != 403 || !strings.Contains(body, "login.role") {
			t.Errorf("a role that is not theirs: %d", status)
		}
		code := enrolCode(t, lan)
		if status, _, body := lan.post("/account/factor", url.Values{"code": {code(0)}}); status != 200 || !strings.Contains(body, "Đã đặt mã") {
			t.Fatalf("%d %s", status, body)
		}
		if status, _, body := lan.post("/account/step-up", url.Values{"code": {code(0)}}); status != 422 || !strings.Contains(body, "đã dùng") {
			t.Errorf("a code is taken twice: %d", status)
		}
		x.clock.Advance(time.Minute)
		if status, at, _ := lan.post("/account/step-up", url.Values{"code": {code(0)}, "next": {"/account"}}); status != 200 || !strings.HasSuffix(at, "/account") {
			t.Errorf("%d %s", status, at)
		}
		x.clock.Advance(time.Minute)
		for range 5 {
			lan.post("/account/step-up", url.Values{"code": {"000000"}})
		}
		if status, _, body := lan.post("/account/step-up", url.Values{"code": {code(0)}}); status != 422 || !strings.Contains(body, "15 phút") {
			t.Errorf("after five wrong ones the right one is taken: %d", status)
		}
		if err := x.hub.Login.Roster.Suspend(x.ctx, "operator A", id, "left"); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := lan.get("/account"); status != 401 {
			t.Errorf("a suspended one still sits here: %d", status)
		}
		if status, _, body := lan.through("/login/staff", "lan"); status != 403 || !strings.Contains(body, "staff.suspended") {
			t.Errorf("%d", status)
		}
		if err := x.hub.Login.Roster.Resume(x.ctx, "operator A", id); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := lan.through("/login/staff", "lan"); status != 200 {
			t.Errorf("resumed: %d", status)
		}
		x.clock.Advance(46 * 24 * time.Hour)
		if status, _, body := lan.through("/login/staff", "lan"); status != 403 || !strings.Contains(body, "staff.suspended") {
			t.Errorf("unused for 46 days: %d", status)
		}
	})
}

// enrolCode opens the page of the second factor and returns the codes of its seed.
func enrolCode(t *testing.T, p *guest) func(steps int) string {
	t.Helper()
	_, _, body := p.get("/account/factor")
	m := regexp.MustCompile(`<code>([A-Z2-7 ]{32,})</code>`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no seed on the page: %s", body)
	}
	seed := strings.ReplaceAll(m[1], " ", "")
	return func(steps int) string {
		code, err := totp.GenerateCode(seed, p.x.clock.Now().Add(time.Duration(steps)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
}

func fetch(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return rec.Code, rec.Body.String()
}

func TestAQuestionIsAnsweredOnThePhone(t *testing.T) {
	t.Parallel()
	withLogins(t, func(t *testing.T, x *identities) {
		x.browser().through("/login/vneid", "an")
		person, err := x.hub.Login.Roster.Citizen(x.ctx, roster.Comer{Provider: "vneid", Subject: "an", Number: "079980000001", Name: "NGUYỄN THỊ AN", Birth: "1980-02-03"})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(n byte) (q eid.Question, ref string) {
			q = eid.Question{ID: [16]byte{n}, Person: person, Title: fault.Text{VI: "Cho xem hồ sơ?", EN: "Show records?"}, Text: fault.Text{VI: "Bệnh viện 79901", EN: "Hospital"}, Until: x.clock.Now().Add(10 * time.Minute)}
			ref, err := x.hub.Login.Phone.Push(x.ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			return q, ref
		}
		result := func(id [16]byte, ref, state string) {
			t.Helper()
			got, err := x.hub.Login.Phone.Result(x.ctx, id, ref)
			if err != nil || got.State != state {
				t.Errorf("%+v %v, want %s", got.State, err, state)
			}
		}
		yes, yesRef := ask(1)
		no, noRef := ask(2)
		result(yes.ID, yesRef, eid.Waiting)
		for _, d := range []string{"approve", "refuse"} {
			if err := x.vneid.Decide("an", "", d); err != nil {
				t.Fatal(err)
			}
		}
		result(yes.ID, yesRef, eid.Approved)
		result(no.ID, noRef, eid.Refused)
		if _, err := x.hub.Login.Phone.Result(x.ctx, no.ID, yesRef); fault.Of(err).Code != "eid.result" {
			t.Errorf("an answer to one question is taken for another: %v", err)
		}
		late, lateRef := ask(3)
		x.clock.Advance(11 * time.Minute)
		result(late.ID, lateRef, eid.Expired)
		if _, err := x.hub.Login.Phone.Push(x.ctx, eid.Question{ID: [16]byte{4}, Person: store.PersonID{9}, Title: yes.Title, Text: yes.Text, Until: x.clock.Now().Add(time.Minute)}); fault.Of(err).Code != "eid.no_address" {
			t.Errorf("nobody's phone: %v", err)
		}
		// Who cannot be reached does not keep the others from being told.
		for _, p := range []store.PersonID{{9}, person} {
			if err := x.hub.Slices.Notices.PutNotice(x.ctx, matter.Notice{Person: p, At: x.clock.Now(), Kind: "opening.emergency"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.hub.Login.Teller.Round(x.ctx); err != nil {
			t.Fatal(err)
		}
		if _, body := fetch(t, x.vneid, "/phone/an"); !strings.Contains(body, "cấp cứu") {
			t.Error("the phone shows no notice of the emergency")
		}
	})
}
