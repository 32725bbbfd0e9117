package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/hub"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// citizen stands for a person's phone: an app whose provider signs, and codes.
type citizen struct {
	key *ecdsa.PrivateKey

	mu   sync.Mutex
	code string
}

const appIssuer = "https://vneid.test"

// PresenceKeys implements reading.Keys.
func (p *citizen) PresenceKeys(context.Context) (string, []jose.JSONWebKey, error) {
	return appIssuer, []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "p", Algorithm: "ES256"}}, nil
}

// Code implements reading.Phone.
func (p *citizen) Code(_ context.Context, person store.PersonID, _ care.FacilityCode, code string, _ time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if person != (store.PersonID{}) {
		p.code = code
	}
	return nil
}

func (p *citizen) has(c *hub.Config) { c.Proofs.Apps, c.Proofs.Phone = p, p }

func newCitizen() *citizen {
	return &citizen{key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
}

func jwsOf(key *ecdsa.PrivateKey, typ, kid string, claims map[string]any) string {
	s := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", kid)))
	return must(jwt.Signed(s).Claims(claims).Serialize())
}

// scans answers a challenge as the person's app does.
func (p *citizen) scans(now time.Time, number, nonce, facility string) string {
	return jwsOf(p.key, "presence+jwt", "p", map[string]any{"iss": appIssuer, "aud": reading.Audience, "nonce": nonce, "facility": facility,
		"citizen_id": number, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
}

var (
	handleOf = regexp.MustCompile(`name="patient" value="([^"]+)"`)
	nonceOf  = regexp.MustCompile(`name="nonce" value="([^"]+)"`)
	ticketOf = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
)

func hiddenIn(t testing.TB, page string, re *regexp.Regexp) string {
	t.Helper()
	m := re.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no %s in\n%s", re, page)
	}
	return m[1]
}

// finds looks a number up and returns the page and what is handed back.
func (c *clinician) finds(number string) (page, handle string) {
	c.w.t.Helper()
	status, _, page := c.ask(http.MethodPost, "/patients", url.Values{"query": {number}})
	if status != http.StatusOK {
		c.w.t.Fatalf("looking up: %d\n%s", status, page)
	}
	return page, hiddenIn(c.w.t, page, handleOf)
}

// present walks the person in by their app.
func (c *clinician) present(p *citizen, number, facility string) (path string) {
	c.w.t.Helper()
	_, handle := c.finds(number)
	_, _, page := c.ask(http.MethodPost, "/patients/presence", url.Values{"patient": {handle}})
	nonce := hiddenIn(c.w.t, page, nonceOf)
	return c.goes("/patients/presence/shown", url.Values{"patient": {handle}, "nonce": {nonce}, "proof": {p.scans(c.w.clock.Now(), number, nonce, facility)}})
}

const (
	there  = "Viêm phế quản tại nơi khác"
	theirs = "079990777001"
)

// wroteElsewhere is a person with a dossier at 79902 and one at 79901.
func (w *world) wroteElsewhere() (store.PersonID, string) {
	w.t.Helper()
	rec := w.one("79902", elsewhere(newVisit().set("XML1", "SO_CCCD", theirs).set("XML1", "CHAN_DOAN_RV", there).set("XML1", "MA_BENH_CHINH", "J20.9")), "accepted").Record
	w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", theirs))), "accepted")
	return w.whoHolds(theirs), rec
}

// Patient look-up of SCREENS.md: own records at once, others' on a basis that
// somebody else makes.
func TestReadingAcrossFacilities(t *testing.T) {
	t.Parallel()
	p := newCitizen()
	engines(t, func(t *testing.T, w *world) {
		person, rec := w.wroteElsewhere()
		anna, binh := w.clinician("79901", 1), w.clinician("79901", 2)
		page, handle := anna.finds(theirs)
		unknown, _ := anna.finds("079990777999")
		if strings.Contains(page, there) || strings.Contains(page, rec) || strings.Contains(page, "79902") {
			t.Errorf("a look-up shows what others wrote:\n%s", page)
		}
		only := func(s string) string {
			_, s, _ = strings.Cut(s, `aria-labelledby="c-basis"`)
			s, _, _ = strings.Cut(s, `aria-labelledby="c-own"`)
			return handleOf.ReplaceAllString(s, "")
		}
		if only(page) != only(unknown) || only(page) == "" {
			t.Errorf("somebody who is not known is answered otherwise:\n%s\n%s", page, unknown)
		}
		if status, _, body := anna.ask(http.MethodPost, "/patients/referral", url.Values{"patient": {handle}}); status != http.StatusUnprocessableEntity || strings.Contains(body, rec) {
			t.Errorf("a referral nobody wrote: %d", status)
		}
		if status, _, _ := anna.ask(http.MethodGet, "/openings/"+strings.Repeat("0", 32), nil); status != http.StatusNotFound {
			t.Errorf("an opening nobody made: %d", status)
		}
		path := anna.present(p, theirs, "79901")
		for _, c := range []*clinician{anna, binh} {
			if body := c.reads(path, http.StatusOK); !strings.Contains(body, there) || !strings.Contains(body, "đến ") {
				t.Errorf("the summary does not show it:\n%s", body)
			}
			if body := c.reads(path+"/records/"+rec, http.StatusOK); !strings.Contains(body, there) || !strings.Contains(body, rec) {
				t.Errorf("the document does not show it:\n%s", body)
			}
		}
		if body := anna.reads(path+"/why", http.StatusOK); !strings.Contains(body, "presence@") {
			t.Errorf("why: %s", body)
		}
		notices := must(w.hub.Slices.Notices.Notices(w.ctx, person, 10))
		if len(notices) != 1 || notices[0].Kind != "opening.presence" {
			t.Errorf("the person was told %+v", notices)
		}
		if author := w.clinician("79902", 4).reads("/records/"+rec, http.StatusOK); !strings.Contains(author, "Nơi khác đã xem") || !strings.Contains(author, "từ 1 cơ sở khác") {
			t.Errorf("its author is not told that others opened it:\n%s", author)
		}
		other := w.clinician("79903", 3)
		other.reads(path, http.StatusNotFound)
		other.reads(path+"/records/"+rec, http.StatusNotFound)

		// What the citizen says acts on the next request.
		deny := consent.Consent{ID: consent.ID{7}, Person: person, Version: 1, Effect: consent.Deny, State: consent.Active, Scope: consent.Scope{Authors: []care.FacilityCode{"79902"}},
			Since: w.clock.Now().Add(-time.Second), Asked: w.clock.Now(), Decided: w.clock.Now(), Signer: consent.Self, Channel: "vneid", Law: "law-91-2025-art-9"}
		w.check(w.hub.Slices.Consents.PutConsent(w.ctx, deny, nil, store.Act{}))
		if body := anna.reads(path, http.StatusOK); strings.Contains(body, there) || strings.Contains(body, rec) {
			t.Errorf("denied, and still shown:\n%s", body)
		}
		anna.reads(path+"/records/"+rec, http.StatusNotFound)
		deny.Version, deny.State, deny.Ended = 2, consent.Revoked, w.clock.Now()
		w.check(w.hub.Slices.Consents.PutConsent(w.ctx, deny, nil, store.Act{}))
		if body := anna.reads(path, http.StatusOK); !strings.Contains(body, there) {
			t.Error("the denial was taken back, and it is still withheld")
		}
		id := must(reading.ParseOpening(strings.TrimPrefix(path, "/openings/")))
		w.check(w.hub.Slices.Openings.EndOpening(w.ctx, id, w.clock.Now(), "citizen", store.Act{}))
		anna.reads(path, http.StatusNotFound)
		anna.reads(path+"/records/"+rec, http.StatusNotFound)

		// A code that the person reads out.
		_, handle = anna.finds(theirs)
		_, _, page = anna.ask(http.MethodPost, "/patients/presence/code", url.Values{"patient": {handle}})
		p.mu.Lock()
		code := p.code
		p.mu.Unlock()
		if strings.Contains(page, code) {
			t.Error("the clinician is shown the code")
		}
		told := url.Values{"patient": {handle}, "ticket": {hiddenIn(t, page, ticketOf)}, "code": {code}}
		path = anna.goes("/patients/presence/told", told)
		anna.reads(path, http.StatusOK)
		if next := anna.goes(path+"/end", nil); next != "/patients" {
			t.Errorf("ended, and led to %s", next)
		}
		binh.reads(path, http.StatusNotFound)

		// A presence ends a day after the facility's own dossier says that the person left.
		path = anna.present(p, theirs, "79901")
		w.clock.Advance(24 * time.Hour)
		anna.stepUp(w.clock.Now())
		w.one("79901", ours(pairs().ec, envelope(newVisit().set("XML1", "SO_CCCD", theirs).set("XML1", "NGAY_VAO", "202611220800").set("XML1", "NGAY_RA", "202611220900").set("XML2", "NGAY_YL", "202611220830"))), "accepted")
		anna.reads(path, http.StatusOK)
		w.clock.Advance(25 * time.Hour)
		anna.stepUp(w.clock.Now())
		anna.reads(path, http.StatusNotFound)
		path = anna.present(p, theirs, "79901")
		w.clock.Advance(reading.Stay)
		anna.stepUp(w.clock.Now())
		anna.reads(path, http.StatusNotFound)
	}, p.has)
}

// TestAReferralOpensAtItsReceiver: where another facility sent the person, until
// the slip is over; what the facility wrote itself is none.
func TestAReferralOpensAtItsReceiver(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit().set("XML1", "SO_CCCD", theirs)
		v.add("XML13", "MA_LK", v.lk, "SO_HOSO", "1", "SO_CHUYENTUYEN", "1", "GIAY_CHUYEN_TUYEN", "1", "MA_CSKCB", "79901", "MA_NOI_DI", "79901", "MA_NOI_DEN", "79902",
			"HO_TEN", "NGUYỄN THỊ ĐÀO", "NGAY_SINH", "199002030000", "GIOI_TINH", "2", "NGAY_VAO", "202611200800", "NGAY_RA", "202611200930", "DAU_HIEU_LS", "Sốt", "QT_BENHLY", "Sốt",
			"CHAN_DOAN_RV", there, "MA_BENH_CHINH", "J02.9", "MA_LYDO_CT", "1", "HUONG_DIEU_TRI", "Chuyển", "PHUONGTIEN_VC", "Xe", "MA_BAC_SI", "1", "MA_TTDV", "1")
		a, _ := w.send("79901", ours(pairs().ec, envelope(v)))
		if len(a) != 1 || !strings.HasPrefix(a[0].State, "accepted") {
			t.Fatalf("%+v", a)
		}
		there79902, there79903, own := w.clinician("79902", 1), w.clinician("79903", 2), w.clinician("79901", 3)
		for _, c := range []*clinician{there79903, own} {
			_, handle := c.finds(theirs)
			if status, _, _ := c.ask(http.MethodPost, "/patients/referral", url.Values{"patient": {handle}}); status != http.StatusUnprocessableEntity {
				t.Errorf("who was not referred to opened: %d", status)
			}
		}
		_, handle := there79902.finds(theirs)
		path := there79902.goes("/patients/referral", url.Values{"patient": {handle}})
		if body := there79902.reads(path, http.StatusOK); !strings.Contains(body, "Viêm họng cấp") {
			t.Errorf("the referral opens nothing:\n%s", body)
		}
		w.clock.Advance(20 * 24 * time.Hour)
		there79902.stepUp(w.clock.Now())
		there79902.reads(path, http.StatusNotFound)
	})
}

// hisAsk is a request of a facility's own system for a clinician; change may spoil the assertion.
func (w *world) hisAsk(facility, path, accept string, more map[string]any, change func(claims map[string]any) *ecdsa.PrivateKey) (int, []byte) {
	w.t.Helper()
	c := w.clients[facility]
	now := w.clock.Now()
	claims := map[string]any{"iss": facility, "aud": w.server.URL + path, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text(),
		"licence": "001234/HCM-CCHN", "name": "BS. Lê Văn Thử", "patient": theirs, "purpose": "treatment"}
	key := c.key
	if change != nil {
		if k := change(claims); k != nil {
			key = k
		}
	}
	return w.hisPost(facility, path, accept, jwsOf(key, "clinician+jwt", c.kid, claims), more)
}

func (w *world) hisPost(facility, path, accept, assertion string, more map[string]any) (int, []byte) {
	w.t.Helper()
	body := map[string]any{"assertion": assertion}
	for k, v := range more {
		body[k] = v
	}
	status, _, data := w.do(facility, "POST", path, "application/json", must(json.Marshal(body)), "Accept", accept)
	return status, data
}

type hisAnswer struct {
	Basis, Opening, Link, Patient, Nonce string
	Own                                  int `json:"own_records"`
	Others                               int `json:"other_records"`
	Ways                                 []string
	Text                                 string `json:"qr_text"`
}

// TestTheDoorOfTheHIS: the summary beside the work, and into the portal by one link.
func TestTheDoorOfTheHIS(t *testing.T) {
	t.Parallel()
	const summary, make = "/api/v1/his/summary", "/api/v1/his/openings"
	p := newCitizen()
	engines(t, func(t *testing.T, w *world) {
		person, rec := w.wroteElsewhere()
		ask := func(path string, more map[string]any) (a hisAnswer, raw string) {
			t.Helper()
			status, data := w.hisAsk("79901", path, "application/json", more, nil)
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, status, data)
			}
			w.check(json.Unmarshal(data, &a))
			return a, string(data)
		}
		a, raw := ask(summary, nil)
		if a.Basis != "own_record" || a.Own != 1 || a.Others != 0 || len(a.Ways) == 0 || strings.Contains(raw, there) || strings.Contains(raw, rec) {
			t.Errorf("without a basis: %s", raw)
		}
		c, _ := ask(make, map[string]any{"basis": "presence"})
		if c.Nonce == "" || !strings.Contains(c.Text, c.Nonce) {
			t.Fatalf("%+v", c)
		}
		o, _ := ask(make, map[string]any{"basis": "presence", "patient": c.Patient, "nonce": c.Nonce, "proof": p.scans(w.clock.Now(), theirs, c.Nonce, "79901")})
		if o.Basis != "presence" || o.Opening == "" {
			t.Fatalf("%+v", o)
		}
		a, raw = ask(summary, nil)
		if a.Basis != "presence" || a.Others != 1 || !strings.Contains(raw, there) {
			t.Errorf("with a basis: %s", raw)
		}
		rows := w.rowsOf(store.DisclosureFilter{Person: person, Limit: 5})
		if len(rows) == 0 || rows[0].Staff == (care.Staff{}) || !strings.HasPrefix(rows[0].Reader, "his:") || !strings.Contains(rows[0].Route, summary) {
			t.Errorf("what was told is not written down: %+v", rows)
		}
		for accept, whole := range map[string]bool{"text/html": true, "text/html; profile=fragment": false} {
			status, data := w.hisAsk("79901", summary, accept, nil, nil)
			if status != http.StatusOK || !bytes.Contains(data, []byte(there)) || bytes.Contains(data, []byte("<html")) != whole {
				t.Errorf("%s: %d %.300s", accept, status, data)
			}
		}
		w.entersOnce(a.Link)
		w.spoiled(summary)
		// Another facility has no basis, whoever it names.
		status, data := w.hisAsk("79903", summary, "application/json", nil, nil)
		if status != http.StatusOK || bytes.Contains(data, []byte(there)) || bytes.Contains(data, []byte(rec)) {
			t.Errorf("another facility: %d %s", status, data)
		}
		w.check(w.hub.Slices.Openings.EndOpening(w.ctx, must(reading.ParseOpening(o.Opening)), w.clock.Now(), "citizen", store.Act{}))
		if a, raw = ask(summary, nil); a.Others != 0 || strings.Contains(raw, there) {
			t.Errorf("after the citizen ended it: %s", raw)
		}
	}, p.has)
}

// entersOnce goes in by a link: once, as the clinician who was named.
func (w *world) entersOnce(link string) {
	w.t.Helper()
	browser := *w.server.Client()
	browser.Jar = must(cookiejar.New(nil))
	get := func(method, address string) (int, string) {
		w.t.Helper()
		res := must(browser.Do(must(http.NewRequestWithContext(w.ctx, method, address, nil))))
		defer res.Body.Close()
		return res.StatusCode, string(must(io.ReadAll(res.Body)))
	}
	if status, body := get("GET", link); status != http.StatusOK || !strings.Contains(body, "<button") {
		w.t.Errorf("the link's page: %d", status)
	}
	if status, body := get("POST", link); status != http.StatusOK || !strings.Contains(body, there) {
		w.t.Errorf("by the link: %d %s", status, body)
	}
	if status, _ := get("POST", link); status != http.StatusUnauthorized {
		w.t.Errorf("the link twice: %d", status)
	}
	a, _ := w.hisAsk("79901", "/api/v1/his/summary", "application/json", nil, nil)
	if a != http.StatusOK {
		w.t.Fatal(a)
	}
	// A link is none at /login, and a login link none here.
	token := must(w.hub.Sessions.Link(w.ctx, role.Role{Kind: role.Facility, ID: "79901"}, ""))
	if status, _ := get("POST", w.server.URL+"/his/"+token); status != http.StatusUnauthorized {
		w.t.Errorf("a login link: %d", status)
	}
}

// spoiled are words about a clinician that are not believed.
func (w *world) spoiled(path string) {
	w.t.Helper()
	strange := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := w.clock.Now()
	for name, c := range map[string]struct {
		change func(m map[string]any) *ecdsa.PrivateKey
		status int
		code   string
	}{
		"forged":                 {func(map[string]any) *ecdsa.PrivateKey { return strange }, 401, "his.assertion"},
		"another's key":          {func(map[string]any) *ecdsa.PrivateKey { return w.clients["79902"].key }, 401, "his.assertion"},
		"another facility":       {func(m map[string]any) *ecdsa.PrivateKey { m["iss"] = "79902"; return nil }, 401, "his.assertion"},
		"another audience":       {func(m map[string]any) *ecdsa.PrivateKey { m["aud"] = "https://other.example" + path; return nil }, 401, "his.assertion"},
		"another call's":         {func(m map[string]any) *ecdsa.PrivateKey { m["aud"] = w.server.URL + "/api/v1/his/openings"; return nil }, 401, "his.assertion"},
		"expired":                {func(m map[string]any) *ecdsa.PrivateKey { m["exp"] = now.Add(-time.Minute).Unix(); return nil }, 401, "his.assertion"},
		"from the future":        {func(m map[string]any) *ecdsa.PrivateKey { m["iat"] = now.Add(time.Minute).Unix(); return nil }, 401, "his.assertion"},
		"valid for an hour":      {func(m map[string]any) *ecdsa.PrivateKey { m["exp"] = now.Add(time.Hour).Unix(); return nil }, 401, "his.assertion"},
		"without an id":          {func(m map[string]any) *ecdsa.PrivateKey { delete(m, "jti"); return nil }, 401, "his.assertion"},
		"without a licence":      {func(m map[string]any) *ecdsa.PrivateKey { m["licence"] = " "; return nil }, 422, "his.clinician"},
		"without a patient":      {func(m map[string]any) *ecdsa.PrivateKey { delete(m, "patient"); return nil }, 422, "his.clinician"},
		"for a sale":             {func(m map[string]any) *ecdsa.PrivateKey { m["purpose"] = "marketing"; return nil }, 422, "his.clinician"},
		"a licence that is none": {func(m map[string]any) *ecdsa.PrivateKey { m["licence"] = "x\x00y"; return nil }, 422, "staff.licence"},
	} {
		status, data := w.hisAsk("79901", path, "application/json", nil, c.change)
		var problem struct{ Code string }
		if err := json.Unmarshal(data, &problem); err != nil || status != c.status || problem.Code != c.code {
			w.t.Errorf("%s: %d %s", name, status, data)
		}
	}
	c := w.clients["79901"]
	text := jwsOf(c.key, "clinician+jwt", c.kid, map[string]any{"iss": "79901", "aud": w.server.URL + path, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": "once",
		"licence": "001234/HCM-CCHN", "name": "BS. Lê Văn Thử", "patient": theirs, "purpose": "treatment"})
	for i, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if status, data := w.hisPost("79901", path, "application/json", text, nil); status != want {
			w.t.Errorf("presented for the %d. time: %d %s", i+1, status, data)
		}
	}
	for _, bad := range []string{"", "x", `{"assertion":5}`, `{"assertion":"a.b.c","other":1}`} {
		if status, _, _ := w.do("79901", "POST", path, "application/json", []byte(bad)); status != http.StatusUnprocessableEntity {
			w.t.Errorf("body %q: %d", bad, status)
		}
	}
	// A session of a person is no system.
	cookie := must(w.hub.Sessions.Grant(w.ctx, session.Entry{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "x"}))
	req := must(http.NewRequestWithContext(w.ctx, "POST", w.server.URL+path, strings.NewReader(`{"assertion":"`+text+`"}`)))
	req.AddCookie(cookie)
	res := must(w.server.Client().Do(req))
	w.check(res.Body.Close())
	if res.StatusCode != http.StatusUnauthorized {
		w.t.Errorf("by a session: %d", res.StatusCode)
	}
}
