package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/enrol"
	"lienthong/internal/facility"
	"lienthong/internal/ledger"
	"lienthong/internal/manifest"
	"lienthong/internal/store"
)

// enrolled is the answer to an agent that enrolled.
type enrolled struct {
	Client      string `json:"client_id"`
	KID         string `json:"kid"`
	Facility    string `json:"facility"`
	Hub         string `json:"hub"`
	State       string `json:"state"`
	ReceiptKeys []struct {
		KID  string `json:"kid"`
		SPKI []byte `json:"spki"`
	} `json:"receipt_keys"`
	LogKeys []string `json:"log_keys"`
	Code    string   `json:"code"`
}

// outpost is an agent of these tests: it has a key of its own.
type outpost struct {
	w   *world
	key *ecdsa.PrivateKey
}

func (w *world) outpost() *outpost {
	return &outpost{w, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
}

func (o *outpost) spki() string {
	return base64.StdEncoding.EncodeToString(must(x509.MarshalPKIXPublicKey(&o.key.PublicKey)))
}

// enrol redeems an invite.
func (o *outpost) enrol(code string) (enrolled, int) {
	o.w.t.Helper()
	body := must(json.Marshal(map[string]string{"invite": code, "public_key": o.spki(), "software": "HIS Ánh/1.0"}))
	return o.w.enrolRaw(body)
}

func (w *world) enrolRaw(body []byte) (enrolled, int) {
	w.t.Helper()
	res, err := http.Post(w.server.URL+"/api/v1/enrolments", "application/json", bytes.NewReader(body))
	w.check(err)
	b := must(io.ReadAll(res.Body))
	w.check(res.Body.Close())
	var e enrolled
	w.check(json.Unmarshal(b, &e))
	return e, res.StatusCode
}

func (w *world) invite(actor, facility string) string {
	w.t.Helper()
	i, err := w.hub.Administer().Invite(w.ctx, actor, facility, 72)
	w.check(err)
	return i.Code
}

// login takes a token with an enrolled key, or tells why none is given.
func (o *outpost) login(e enrolled) (token, code string) {
	o.w.t.Helper()
	target := o.w.server.URL + "/oauth2/token"
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: o.key}, (&jose.SignerOptions{}).WithHeader("kid", e.KID)))
	assertion := must(jwt.Signed(signer).Claims(jwt.Claims{Issuer: e.Client, Subject: e.Client, Audience: jwt.Audience{target}, ID: rand.Text(),
		Expiry: jwt.NewNumericDate(o.w.clock.Now().Add(4 * time.Minute))}).Serialize())
	res, err := http.PostForm(target, url.Values{"grant_type": {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}})
	o.w.check(err)
	var got struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
		Code  string `json:"code"`
	}
	o.w.check(json.NewDecoder(res.Body).Decode(&got))
	o.w.check(res.Body.Close())
	if (got.Token == "") != (res.StatusCode == http.StatusUnauthorized && got.Error == "invalid_client") {
		o.w.t.Errorf("token: %d %+v", res.StatusCode, got)
	}
	return got.Token, got.Code
}

// with makes a call with a token.
func (w *world) with(token, method, path string, body []byte, header ...string) (int, http.Header, []byte) {
	w.t.Helper()
	req := must(http.NewRequest(method, w.server.URL+path, bytes.NewReader(body)))
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.server.Client().Do(req)
	w.check(err)
	b := must(io.ReadAll(res.Body))
	w.check(res.Body.Close())
	return res.StatusCode, res.Header, b
}

// codeOf is the code of a problem document.
func codeOf(b []byte) string {
	var p struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(b, &p) != nil {
		return ""
	}
	return p.Code
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func newCode() (string, error) {
	c, err := enrol.NewCode(rand.Reader)
	return c.String(), err
}

func contentsOf(c facility.Client) facility.Contents {
	return facility.Contents{Clients: []facility.Client{c}}
}

// details are those of acts, by what was done.
func (w *world) details(actions ...string) (all []string) {
	w.t.Helper()
	acts, err := w.hub.Slices.Keys.Acts(w.ctx, 0, 1000)
	w.check(err)
	for _, a := range acts {
		if slices.Contains(actions, a.Action) {
			all = append(all, a.Detail)
		}
	}
	return all
}

// acts counts acts by what was done.
func (w *world) acts(action string) (n int) {
	w.t.Helper()
	all, err := w.hub.Slices.Keys.Acts(w.ctx, 0, 1000)
	w.check(err)
	for _, a := range all {
		if a.Action == action {
			n++
		}
	}
	return n
}

func TestAnAgentEnrolsAndSends(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		code := w.invite("operator An", "79901")
		o := w.outpost()
		e, status := o.enrol(strings.ToLower(strings.ReplaceAll(code, "-", " ")))
		if status != http.StatusCreated || e.State != "active" || e.Facility != "79901" || e.Hub != hubName || !strings.HasPrefix(e.Client, "79901-") {
			t.Fatalf("%d %+v", status, e)
		}
		if len(e.ReceiptKeys) != 1 || ledger.KeyID(e.ReceiptKeys[0].SPKI) != e.ReceiptKeys[0].KID || len(e.LogKeys) == 0 || e.LogKeys[0] != w.hub.LogKey.Verifier() {
			t.Errorf("keys: %+v", e)
		}
		token, _ := o.login(e)
		status, _, body := w.with(token, "POST", "/api/v1/submissions", ours(pairs().ec, envelope(newVisit())), "Content-Type", "application/xml")
		if got := w.plain(body); status != http.StatusOK || got[0].Record == "" {
			t.Fatalf("%d %s", status, body)
		}
		// what became of it, and both count the same
		sent := w.plain(body)[0]
		status, _, body = w.with(token, "GET", "/api/v1/feed", nil)
		var page struct{ Items []fed }
		w.check(json.Unmarshal(body, &page))
		records := slices.DeleteFunc(page.Items, func(f fed) bool { return f.Type != "record" })
		if status != http.StatusOK || len(records) != 1 || records[0].Record != sent.Record || records[0].File == nil {
			t.Fatalf("%d %s", status, body)
		}
		var digest [32]byte
		_, err := hex.Decode(digest[:], []byte(*records[0].File))
		w.check(err)
		talk := manifest.Begin([]manifest.Own{{Kind: records[0].Kind, File: digest, Index: records[0].Index, Record: sent.Record}})
		status, _, body = w.with(token, "PUT", "/api/v1/manifests/2026-11-21", must(json.Marshal(talk.Request())))
		var said manifest.Answer
		w.check(json.Unmarshal(body, &said))
		if done, err := talk.Take(said); status != http.StatusOK || err != nil || !done || !said.Equal {
			t.Errorf("%d %s, %v", status, body, err)
		}
		// the answer was lost: the same again, once more, and nothing is made twice
		again, status := o.enrol(code)
		if status != http.StatusCreated || again.Client != e.Client || again.State != "active" {
			t.Errorf("again: %d %+v", status, again)
		}
		if n := w.acts("facility.enrol"); n != 1 {
			t.Errorf("%d acts of enrolment", n)
		}
		w.check(w.hub.Administer().RevokeClient(w.ctx, "operator An", e.Client))
		if token, why := o.login(e); token != "" || why != "" {
			t.Errorf("a revoked client gets a token, or %q", why)
		}
		if got, status := o.enrol(code); status != http.StatusUnprocessableEntity || got.Code != "invite.invalid" {
			t.Errorf("an invite whose client was revoked: %d %+v", status, got)
		}
	})
}

// One answer for every reason.
func TestAnInviteIsRefusedInOneWay(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		used := w.invite("operator An", "79901")
		if _, status := w.outpost().enrol(used); status != http.StatusCreated {
			t.Fatal(status)
		}
		old := w.invite("operator An", "79901")
		w.clock.Advance(72 * time.Hour)
		foreign := must(newCode())
		wrong := []byte(w.invite("operator An", "79902"))
		wrong[0] = map[bool]byte{true: '2', false: '3'}[wrong[0] == '3']
		var first string
		for name, code := range map[string]string{"used": used, "expired": old, "unknown": foreign, "mistyped": string(wrong), "empty": "", "garbage": "🙂\u0000", "long": strings.Repeat("A", 9000)} {
			body := must(json.Marshal(map[string]string{"invite": code, "public_key": w.outpost().spki(), "software": ""}))
			res, err := http.Post(w.server.URL+"/api/v1/enrolments", "application/json", bytes.NewReader(body))
			w.check(err)
			b := must(io.ReadAll(res.Body))
			w.check(res.Body.Close())
			if first == "" {
				first = string(b)
			}
			if res.StatusCode != http.StatusUnprocessableEntity || codeOf(b) != "invite.invalid" || string(b) != first {
				t.Errorf("%s: %d %s", name, res.StatusCode, b)
			}
		}
		for body, want := range map[string]string{``: "enrolment.request", `[]`: "enrolment.request", `{"invite":"a"}`: "enrolment.request",
			`{"invite":"a","invite":"b","public_key":"","software":""}`:   "enrolment.request",
			`{"invite":"a","public_key":"AA==","software":"","role":"x"}`: "enrolment.request",
			`{"invite":"a","public_key":"AA==","software":"x"}`:           "invite.key",
			`{"invite":"a","public_key":"%%","software":"x"}`:             "invite.key",
			strings.Repeat(" ", 20_000):                                   "enrolment.request"} {
			if got, status := w.enrolRaw([]byte(body)); status != http.StatusUnprocessableEntity || got.Code != want {
				t.Errorf("%.40q: %d %s, want %s", body, status, got.Code, want)
			}
		}
		for range 3 { // the tenth wrong code in a row, and no more
			w.outpost().enrol(foreign)
		}
		if got, status := w.outpost().enrol(w.invite("operator An", "79901")); status != http.StatusTooManyRequests || got.Code != "invite.locked" {
			t.Errorf("after ten wrong codes: %d %+v", status, got)
		}
		w.clock.Advance(15 * time.Minute)
		if got, status := w.outpost().enrol(w.invite("operator An", "79901")); status != http.StatusCreated {
			t.Errorf("a quarter of an hour later: %d %+v", status, got)
		}
	})
}

func TestASecondPersonApproves(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		office := w.hub.Administer()
		w.check(office.SetApproval(w.ctx, "operator An", "second"))
		o, code := w.outpost(), w.invite("operator An", "79901")
		e, status := o.enrol(code)
		if status != http.StatusCreated || e.State != "waiting" {
			t.Fatalf("%d %+v", status, e)
		}
		if token, why := o.login(e); token != "" || why != "enrolment.waiting" {
			t.Errorf("before: %q", why)
		}
		stranger := w.outpost() // knows the name, not the key
		if token, why := stranger.login(e); token != "" || why != "" {
			t.Errorf("a stranger is told %q", why)
		}
		list, err := office.Enrolment(w.ctx)
		w.check(err)
		if !list.Second || len(list.Waiting) != 1 || list.Waiting[0].Client != e.Client || list.Waiting[0].By != "operator An" || list.Waiting[0].Software != "HIS Ánh/1.0" {
			t.Errorf("%+v", list)
		}
		for actor, want := range map[string]string{"operator An": "enrolment.same_person", "": "enrolment.operator"} {
			if err := office.Approve(w.ctx, actor, e.Client); !strings.Contains(errText(err), want) {
				t.Errorf("approved by %q: %v", actor, err)
			}
		}
		if err := office.Approve(w.ctx, "operator Bình", "79901-none"); !strings.Contains(errText(err), "enrolment.unknown") {
			t.Errorf("nobody: %v", err)
		}
		w.check(office.Approve(w.ctx, "operator Bình", e.Client))
		if token, why := o.login(e); token == "" {
			t.Errorf("approved: %q", why)
		}
		if again, _ := o.enrol(code); again.Client != e.Client || again.State != "active" {
			t.Errorf("again: %+v", again)
		}
		away := w.outpost()
		f, _ := away.enrol(w.invite("operator An", "79901"))
		w.check(office.Dismiss(w.ctx, "operator An", f.Client))
		if err := office.Approve(w.ctx, "operator Bình", f.Client); !strings.Contains(errText(err), "enrolment.unknown") {
			t.Errorf("turned away: %v", err)
		}
		w.check(office.SetApproval(w.ctx, "operator An", "none"))
		if g, _ := w.outpost().enrol(w.invite("operator An", "79901")); g.State != "active" {
			t.Errorf("%+v", g)
		}
		// every row of the directory is vouched for by a leaf
		dir, err := w.hub.Slices.Facilities.Load(w.ctx)
		w.check(err)
		marks := strings.Join(w.details("facility.enrol", "facility.approve"), "")
		for _, m := range store.DirectoryMarks(dir.Contents()) {
			if c, ok := dir.Client(e.Client); ok && m == store.DirectoryMarks(contentsOf(c))[0] && !strings.Contains(marks, m) {
				t.Errorf("no act vouches for %s", c.ID)
			}
		}
	})
}

func TestAForkedSenderIsNoticed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		o := w.outpost()
		e, _ := o.enrol(w.invite("operator An", "79901"))
		token, _ := o.login(e)
		send := func(sequence string) (int, string, string) {
			status, h, body := w.with(token, "POST", "/api/v1/submissions", ours(pairs().ec, envelope(newVisit())), "Content-Type", "application/xml", "Agent-Sequence", sequence)
			return status, h.Get("Agent-Sequence-Next"), codeOf(body)
		}
		ok := func(sequence string) string {
			t.Helper()
			status, next, code := send(sequence)
			if status != http.StatusOK || len(next) != 32 {
				t.Fatalf("%s: %d %q %s", sequence, status, next, code)
			}
			return next
		}
		a := ok("1 -")
		if b := ok("1 -"); a != b {
			t.Error("the answer was lost: another token came the second time")
		}
		b := ok("2 " + a)
		c := ok("3 " + b)
		for _, bad := range []string{"", " ", "0 -", "1", "2 -", "1 " + a, "-1 -", "01 -", "4 x", "4 " + strings.ToUpper(strings.Repeat("ab", 16)), "4  " + c, "99999999999999999999 " + c} {
			if strings.TrimSpace(bad) == "" {
				continue // a request that says none is not checked
			}
			if status, _, code := send(bad); status != http.StatusUnprocessableEntity || code != "sender.sequence" {
				t.Errorf("%q: %d %s", bad, status, code)
			}
		}
		d := ok("4 " + c)
		if status, next, code := send("3 " + b); status != http.StatusConflict || code != "sender.forked" || next != "" {
			t.Errorf("a copy that was left behind: %d %s", status, code)
		}
		if status, _, code := send("5 " + d); status != http.StatusConflict || code != "sender.forked" {
			t.Errorf("nobody can tell which of the two it is: %d %s", status, code)
		}
		if n := w.acts("sender.forked"); n != 1 {
			t.Errorf("%d acts", n)
		}
		list, err := w.hub.Administer().Enrolment(w.ctx)
		w.check(err)
		if len(list.Forked) != 1 || list.Forked[0].Client != e.Client {
			t.Errorf("%+v", list)
		}
		metrics := httptest.NewRecorder()
		w.hub.Metrics().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
		if got := metrics.Body.String(); !strings.Contains(got, "lienthong_senders_forked 1\n") || !strings.Contains(got, "lienthong_enrolments_waiting 0\n") {
			t.Error("the operator does not see it")
		}
		w.check(w.hub.Administer().RevokeClient(w.ctx, "operator An", e.Client))
		if list, err = w.hub.Administer().Enrolment(w.ctx); err != nil || len(list.Forked) != 0 {
			t.Errorf("after it was revoked: %+v, %v", list, err)
		}
	})
}
