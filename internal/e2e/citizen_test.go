package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/hub"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// public gives the hub an address, which links need.
func public(c *hub.Config) { c.PublicURL = "https://hub.example" }

// citizen is the browser of a person, the second factor given at a moment; zero: never.
func (w *world) citizen(person store.PersonID, steppedUp time.Time) *clinician {
	w.t.Helper()
	return w.sitting(session.Entry{Role: role.Role{Kind: role.Citizen}, Name: "Người Thử", Person: person, Level: 2, SteppedUp: steppedUp})
}

func (w *world) sitting(e session.Entry) *clinician {
	w.t.Helper()
	copied := *w.server.Client()
	copied.Jar = must(cookiejar.New(nil))
	copied.Jar.SetCookies(must(url.Parse(w.server.URL)), []*http.Cookie{must(w.hub.Sessions.Grant(w.ctx, e))})
	return &clinician{w: w, http: &copied}
}

// treated is a person with a visit at 79901, and its record.
func (w *world) treated(number string) (store.PersonID, string, *visit) {
	w.t.Helper()
	v := newVisit().set("XML1", "SO_CCCD", number).set("XML1", "HO_TEN", "TRẦN THỊ THU HÀ")
	a := w.one("79901", ours(pairs().ec, envelope(v)), "accepted")
	return w.whoHolds(number), a.Record, v
}

var (
	formOf = regexp.MustCompile(`name="form" value="([A-Z2-7]+)"`)
	sayOf  = regexp.MustCompile(`/me/choices/receipt/([0-9a-f]{32})`)
	uriOf  = regexp.MustCompile(`shlink:/([A-Za-z0-9_-]+)`)
)

func first(t testing.TB, re *regexp.Regexp, page string) string {
	t.Helper()
	m := re.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no %s\n%s", re, page)
	}
	return m[1]
}

// placesByName finds facilities by what people call them, without marks too.
func (w *world) placesByName(me *clinician) {
	w.t.Helper()
	v, ok := w.hub.Trust.Current().Directory.Current("79902")
	if !ok {
		w.t.Fatal("79902 is gone")
	}
	for _, typed := range []string{v.Name, strings.ToUpper(v.Name), care.Fold(v.Name), "79902"} {
		if page := me.reads("/me/choices?try="+url.QueryEscape(typed), http.StatusOK); !strings.Contains(page, "<b>"+v.Name+"</b>") {
			w.t.Errorf("%q is not found\n%s", typed, page)
		}
	}
	for _, typed := range []string{"không có nơi này", "bệnh", "b", strings.Repeat("a", 300)} {
		if page := me.reads("/me/choices?try="+url.QueryEscape(typed), http.StatusOK); !strings.Contains(page, `role="alert"`) {
			w.t.Errorf("%q is found\n%s", typed, page)
		}
	}
}

// What a citizen closes is hidden at a second hospital with the next question:
// lists, charts and the simulator's counts; the receipt is checked by the hub's
// key alone; opening it again needs a second factor.
func TestACitizenClosesAVisit(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888301")
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		sees := func(what string, want int) {
			t.Helper()
			list, chart := must(w.hub.Disclose.Person(w.ctx, reader, person, store.Filter{})), must(w.hub.Disclose.Chart(w.ctx, reader, person, 100))
			if len(list) != want || len(chart) != want {
				t.Errorf("%s: the second hospital lists %d and opens %d, want %d", what, len(list), len(chart), want)
			}
		}
		sees("before", 1)
		me := w.citizen(person, w.clock.Now())
		if page := me.reads("/me", http.StatusOK); !strings.Contains(page, "Trần Thị Thu Hà") || !strings.Contains(page, record) {
			t.Errorf("my book does not show my visit\n%s", page)
		}
		me.reads("/me/records/"+record, http.StatusOK)
		if page := me.reads("/me/choices/new?what=visit", http.StatusOK); !strings.Contains(page, record) {
			t.Errorf("the visit cannot be chosen\n%s", page)
		}
		form := url.Values{"what": {"visit"}, "visit": {record}, "try": {"79902"}}
		_, _, page := me.ask(http.MethodPost, "/me/choices/preview", form)
		if !strings.Contains(page, "Khi bạn đến khám: thấy 0 hồ sơ") || !strings.Contains(page, "Hiện nay: 1 hồ sơ khi bạn đến khám") {
			t.Errorf("the example does not say what it means\n%s", page)
		}
		sees("the example alone", 1)
		if strings.Contains(page, "Do bạn đã đồng ý") {
			t.Errorf("nothing was permitted, and the example speaks of it\n%s", page)
		}
		form.Set("form", first(t, formOf, page))
		me.goes("/me/choices/close", form)
		sees("after", 0)
		if _, _, again := me.ask(http.MethodPost, "/me/choices/preview", form); !strings.Contains(again, "không có gì thay đổi") || strings.Contains(again, "Hiện nay:") {
			t.Errorf("closed again, the example does not say that it was closed already\n%s", again)
		}
		w.placesByName(me)
		me.goes("/me/choices/close", form) // the same form again
		page = me.reads("/me/choices?try=79902", http.StatusOK)
		if n := strings.Count(page, ">Mở lại<"); n != 1 || !strings.Contains(page, "trừ 1 lượt khám") || !strings.Contains(page, "thấy 0 hồ sơ") {
			t.Errorf("%d choices stand\n%s", n, page)
		}
		if set := must(w.hub.Disclose.Would(w.ctx, reader, person, nil)); set.Emergency != 1 {
			t.Errorf("in an emergency %d records, want the one: the switch is on", set.Emergency)
		}
		say := first(t, sayOf, page)
		said := checkedReceipt(t, w, me.reads("/me/choices/receipt/"+say, http.StatusOK))
		if said.Effect != consent.Deny {
			t.Errorf("the receipt says %+v", said)
		}
		stolen := w.citizen(person, time.Time{})
		if status, next, _ := stolen.ask(http.MethodPost, "/me/choices/end", url.Values{"say": {say}}); status == http.StatusSeeOther && !strings.HasPrefix(next, "/account") || status == http.StatusOK {
			t.Errorf("opened again without a second factor: %d to %q", status, next)
		}
		sees("a stolen session", 0)
		stranger, _, _ := w.treated("079990888302")
		if status, _, _ := w.citizen(stranger, w.clock.Now()).ask(http.MethodPost, "/me/choices/end", url.Values{"say": {say}}); status != http.StatusNotFound {
			t.Errorf("somebody else opens it again: %d", status)
		}
		w.citizen(stranger, w.clock.Now()).reads("/me/records/"+record, http.StatusNotFound)
		w.citizen(stranger, w.clock.Now()).reads("/me/choices/receipt/"+say, http.StatusNotFound)
		me.goes("/me/choices/end", url.Values{"say": {say}})
		sees("opened again", 1)
	})
}

func checkedReceipt(t *testing.T, w *world, jws string) *choice.Receipt {
	t.Helper()
	key := must(ledger.NewReceiptKey(w.keys.Receipt))
	said, err := choice.VerifyReceipt([]byte(jws), func(kid string) (*ecdsa.PublicKey, error) {
		if kid != key.Kid() {
			t.Errorf("signed by %q", kid)
		}
		return must(x509.ParsePKIXPublicKey(key.SPKI())).(*ecdsa.PublicKey), nil
	})
	if err != nil {
		t.Fatalf("the receipt does not verify: %v", err)
	}
	i := len(jws) / 2
	if _, err := choice.VerifyReceipt([]byte(jws[:i]+"A"+jws[i+2:]), func(string) (*ecdsa.PublicKey, error) {
		return must(x509.ParsePKIXPublicKey(key.SPKI())).(*ecdsa.PublicKey), nil
	}); err == nil {
		t.Error("a changed receipt verifies")
	}
	return said
}

// Whoever acts for a child reads its book until that is over, and not a page longer.
func TestADelegationThatIsOverOpensNothing(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		child, record, _ := w.treated("079990888311")
		mother, _, _ := w.treated("079990888312")
		id := [16]byte{0xD1, 1}
		d := consent.Delegation{ID: id, Person: child, Delegate: mother, Kind: "guardian_7_to_18", From: w.clock.Now().Add(-time.Hour)}
		act := store.Act{At: w.clock.Now(), Actor: "e2e", Action: "delegation.make", Object: "e2e", Detail: "{}"}
		w.check(w.hub.Slices.Consents.PutDelegation(w.ctx, d, act))
		me := w.citizen(mother, w.clock.Now())
		me.reads("/me/records/"+record, http.StatusNotFound)
		if page := me.reads("/me", http.StatusOK); !strings.Contains(page, hex.EncodeToString(id[:])) {
			t.Fatalf("the child is not offered\n%s", page)
		}
		me.goes("/me/for", url.Values{"delegation": {hex.EncodeToString(id[:])}})
		if page := me.reads("/me", http.StatusOK); !strings.Contains(page, record) {
			t.Errorf("the child's book is not open\n%s", page)
		}
		me.reads("/me/records/"+record, http.StatusOK)
		d.Ended = w.clock.Now()
		w.check(w.hub.Slices.Consents.PutDelegation(w.ctx, d, act))
		me.reads("/me/records/"+record, http.StatusNotFound)
		if page := me.reads("/me", http.StatusOK); strings.Contains(page, record) || !strings.Contains(page, "không còn thay mặt") {
			t.Errorf("after the end\n%s", page)
		}
	})
}

// A link opens with its PIN, is read with its key, told to its owner, closed by a
// denial, and locked by guessing.
func TestALinkLivesAndEnds(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888321")
		me := w.citizen(person, w.clock.Now())
		me.reads("/me/share", http.StatusOK)
		_, _, page := me.ask(http.MethodPost, "/me/share", url.Values{"record": {record}, "label": {"Cho bác sĩ Lan"}, "pin": {"482913"}, "hours": {"24"}})
		var link struct{ URL, Key string }
		w.check(json.Unmarshal(must(base64.RawURLEncoding.DecodeString(first(t, uriOf, page))), &link))
		path := strings.TrimPrefix(link.URL, "https://hub.example")
		open := func(pin string, want int) string {
			t.Helper()
			r := must(http.NewRequestWithContext(w.ctx, http.MethodPost, w.server.URL+path, strings.NewReader(`{"recipient":"BS Lan","passcode":"`+pin+`"}`)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Origin", "https://viewer.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			a := must(w.server.Client().Do(r))
			defer a.Body.Close()
			b := string(must(io.ReadAll(a.Body)))
			if a.StatusCode != want {
				t.Fatalf("opening the link: %d, want %d: %s", a.StatusCode, want, b)
			}
			return b
		}
		if b := open("000000", http.StatusUnauthorized); b != `{"remainingAttempts":4}` {
			t.Errorf("a wrong PIN: %s", b)
		}
		var m struct{ Files []struct{ Embedded string } }
		w.check(json.Unmarshal([]byte(open("482913", http.StatusOK)), &m))
		if len(m.Files) != 1 {
			t.Fatalf("%d files", len(m.Files))
		}
		plain := must(must(jose.ParseEncryptedCompact(m.Files[0].Embedded, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})).
			Decrypt(must(base64.RawURLEncoding.DecodeString(link.Key))))
		if !strings.Contains(string(plain), `"resourceType":"Composition"`) || !strings.Contains(string(plain), "J02.9") || strings.Contains(string(plain), "079990888321") {
			t.Errorf("%s", plain)
		}
		if page := me.reads("/me/looks", http.StatusOK); !strings.Contains(page, "BS Lan") {
			t.Errorf("who opened the link is not told\n%s", page)
		}
		if page := me.reads("/me", http.StatusOK); !strings.Contains(page, "mở đường dẫn bạn chia sẻ") {
			t.Errorf("no notice of the link\n%s", page)
		}
		me.goes("/me/share/end", url.Values{"link": {first(t, regexp.MustCompile(`name="link" value="([0-9a-f]+)"`), me.reads("/me/share", http.StatusOK))}})
		open("482913", http.StatusNotFound)
		_, _, page = me.ask(http.MethodPost, "/me/share", url.Values{"record": {record}, "pin": {"482913"}, "hours": {"1"}})
		w.check(json.Unmarshal(must(base64.RawURLEncoding.DecodeString(first(t, uriOf, page))), &link))
		path = strings.TrimPrefix(link.URL, "https://hub.example")
		for range 5 {
			open("111222", http.StatusUnauthorized)
		}
		open("482913", http.StatusNotFound)
	}, public)
}

// A request has one number however often its form is sent; a correction ends with
// the facility's new version and names who saw the old one.
func TestACorrectionGoesRound(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, v := w.treated("079990888331")
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		must(w.hub.Disclose.Chart(w.ctx, reader, person, 10))
		me := w.citizen(person, w.clock.Now())
		page := me.reads("/me/requests?kind=request.correct&record="+record, http.StatusOK)
		form := url.Values{"kind": {"request.correct"}, "record": {record}, "text": {"Ghi sai cân nặng"}, "form": {first(t, formOf, page)}}
		at := me.goes("/me/requests", form)
		if again := me.goes("/me/requests", form); again != at {
			t.Errorf("sent twice: %s and %s", at, again)
		}
		number := strings.TrimPrefix(at, "/me/requests/")
		if _, err := matter.ParseNumber(number); err != nil {
			t.Errorf("number %q", number)
		}
		if page := me.reads(at, http.StatusOK); !strings.Contains(page, "Ghi sai cân nặng") || !strings.Contains(page, "Phải trả lời trước") {
			t.Errorf("the request\n%s", page)
		}
		stranger, _, _ := w.treated("079990888332")
		w.citizen(stranger, w.clock.Now()).reads(at, http.StatusNotFound)
		if n := must(w.hub.Cases.Corrected(w.ctx)); n != 0 {
			t.Errorf("closed %d before there was a new version", n)
		}
		w.clock.Advance(time.Hour)
		w.one("79901", dated("20261122", v.set("XML1", "CAN_NANG", "52.00")), "accepted")
		if n := must(w.hub.Cases.Corrected(w.ctx)); n != 1 {
			t.Fatalf("closed %d after the new version", n)
		}
		me = w.citizen(person, w.clock.Now())
		if page := me.reads(at, http.StatusOK); !strings.Contains(page, "Đã xem bản sai: 1 lượt") {
			t.Errorf("who saw the wrong one\n%s", page)
		}
	})
}

// A counter serves who stands there: by name, with the card and the signed paper.
func TestACounterServesWhoStandsThere(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, _, _ := w.treated("079990888341")
		id := care.Staff{0xC5, 1}
		w.check(w.hub.Slices.Staffs.PutStaff(w.ctx, staff.Staff{ID: id, Facility: "79901", Roles: []string{"counter:79901"}, Since: w.clock.Now(), Version: 1},
			store.Act{At: w.clock.Now(), Actor: "e2e", Action: "staff.add", Object: "e2e"}))
		clerk := w.sitting(session.Entry{Role: role.Role{Kind: role.Counter, ID: "79901"}, Name: "Quầy", Staff: id, Level: 2, SteppedUp: w.clock.Now()})
		card := "079990888341||TRẦN THỊ THU HÀ|03021990|Nữ|Thôn 3, Tân Hòa|01012022"
		if status, _, page := clerk.ask(http.MethodPost, "/counter", url.Values{"card": {card}}); status != http.StatusOK || !strings.Contains(page, "đúng là người trên thẻ") {
			t.Errorf("without looking at the photo: %d\n%s", status, page)
		}
		at := clerk.goes("/counter", url.Values{"card": {card}, "sight": {"yes"}})
		reader := clinicianAt("79902", w.opening(person, "79902", nil))
		if n := len(must(w.hub.Disclose.Person(w.ctx, reader, person, store.Filter{}))); n != 1 {
			t.Fatalf("79902 lists %d", n)
		}
		if status, _ := clerk.upload(at+"/say", map[string]string{"what": "place", "place": "79902"}, []byte("<html>no scan</html>"+strings.Repeat(" ", 99))); status != http.StatusOK {
			t.Errorf("what is no scan: %d", status)
		}
		paper := []byte("%PDF-1.7\n" + strings.Repeat("giấy có chữ ký ", 9000)) // more than a secret holds
		if status, next := clerk.upload(at+"/say", map[string]string{"what": "place", "place": "79902"}, paper); status != http.StatusSeeOther || next != at {
			t.Fatalf("the say was not kept: %d to %q", status, next)
		}
		if n := len(must(w.hub.Disclose.Person(w.ctx, reader, person, store.Filter{}))); n != 0 {
			t.Errorf("79902 lists %d after it was blocked", n)
		}
		said := must(w.hub.Slices.Consents.Consents(w.ctx, person, 10))
		if len(said) != 1 || said[0].Channel != "counter_paper" || said[0].Proof == [32]byte{} {
			t.Errorf("kept %+v", said)
		}
		clerk.reads(at+"/looks", http.StatusOK)
		if page := w.citizen(person, w.clock.Now()).reads("/me", http.StatusOK); !strings.Contains(page, "Quầy hỗ trợ của") {
			t.Errorf("the person is not told of the counter\n%s", page)
		}
		clerk.goes(at+"/end", nil)
		clerk.reads(at, http.StatusNotFound)
	})
}

// upload posts a form with a scan.
func (c *clinician) upload(path string, fields map[string]string, scan []byte) (status int, next string) {
	c.w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for k, v := range fields {
		c.w.check(form.WriteField(k, v))
	}
	must(must(form.CreateFormFile("paper", "scan.pdf")).Write(scan))
	c.w.check(form.Close())
	r := must(http.NewRequestWithContext(c.w.ctx, http.MethodPost, c.w.server.URL+path, &b))
	r.Header.Set("Content-Type", form.FormDataContentType())
	quiet := *c.http
	quiet.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := must(quiet.Do(r))
	defer a.Body.Close()
	return a.StatusCode, a.Header.Get("Location")
}
