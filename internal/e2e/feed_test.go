package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/hub/keyring"
	erasing "lienthong/internal/keep"
	"lienthong/internal/ledger"
	"lienthong/internal/manifest"
	"lienthong/internal/role"
	"lienthong/internal/rulepack"
	"lienthong/internal/store"
)

// fed is an item of a feed.
type fed struct {
	Type     string    `json:"type"`
	Record   string    `json:"record"`
	File     *string   `json:"file_sha256"`
	Index    int       `json:"index"`
	Episode  *string   `json:"episode"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	Verdict  string    `json:"verdict"`
	Findings []finding `json:"findings"`
	Lane     string    `json:"lane"`
}

// follow reads a feed to its end and returns the last state of each record.
func (w *world) follow(code, since string, limit int) (map[string]fed, string) {
	w.t.Helper()
	all := map[string]fed{}
	for {
		status, body := w.get(code, fmt.Sprintf("/api/v1/feed?since=%s&limit=%d", since, limit))
		var page struct {
			Items []fed  `json:"items"`
			Next  string `json:"next"`
		}
		if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK || page.Items == nil {
			w.t.Fatalf("%d %s", status, body)
		}
		n := 0
		for _, it := range page.Items {
			if it.Type == "record" {
				all[it.Record] = it
				n++
			}
		}
		if n == 0 {
			return all, page.Next
		}
		since = page.Next
	}
}

func TestAFeedTellsWhatBecameOfEveryRecord(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		v := newVisit()
		sent := ours(pairs().ec, envelope(v))
		first := w.one("79901", sent, fine)
		w.one("79902", ours(pairs().other, strings.Replace(envelope(newVisit().of("79902")), "<MACSKCB>79901", "<MACSKCB>79902", 1)), fine)
		got, place := w.follow("79901", "", 2)
		sum := sha256.Sum256(sent)
		it := got[first.Record]
		if len(got) != 1 || it.File == nil || *it.File != hex.EncodeToString(sum[:]) || it.Episode == nil || *it.Episode != first.Episode ||
			it.State != first.State || it.Kind != first.Kind || it.Lane != "routine" || len(it.Findings) != len(first.Findings) {
			t.Fatalf("%+v of %+v", got, first)
		}
		if strings.Contains(fmt.Sprintf("%+v", got), "ĐÀO") {
			t.Error("a name in a feed")
		}
		second := w.one("79901", ours(pairs().ec, envelope(v.set("XML1", "LY_DO_VV", "Ho"))), fine)
		status, _, body := w.do("79901", "POST", "/api/v1/records/"+second.Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		got, place = w.follow("79901", place, 1)
		if got[first.Record].State != "superseded" || got[first.Record].Verdict != first.State || got[second.Record].State != "withdrawn" || len(got) != 3 {
			t.Errorf("%+v", got)
		}
		if got, again := w.follow("79901", place, 500); len(got) != 0 || again != place {
			t.Errorf("an idle feed: %+v, %q after %q", got, again, place)
		}
		id := must(dossier.ParseID(second.Record))
		_, err := w.hub.Slices.Revocations.Annotate(w.ctx, []store.Annotation{{Record: id, What: store.SealRevoked, Fingerprint: [32]byte{7}, At: w.clock.Now(), Since: now, Source: "http://ocsp.test"}})
		w.check(err)
		if status, body := w.get("79901", "/api/v1/feed?since="+place); status != http.StatusOK || !strings.Contains(string(body), `"type":"annotation"`) || !strings.Contains(string(body), second.Record) {
			t.Errorf("learned later: %d %s", status, body)
		}
		for name, c := range map[string]struct {
			query string
			want  string
		}{"garbage": {"since=%25%25", "feed.cursor"}, "no cursor": {"since=" + base64.RawURLEncoding.EncodeToString([]byte(`["x",""]`)), "feed.cursor"},
			"another form":     {"since=" + base64.RawURLEncoding.EncodeToString([]byte(`["",""] `)), "feed.cursor"},
			"one place":        {"since=" + base64.RawURLEncoding.EncodeToString([]byte(`[""]`)), "feed.cursor"},
			"too long":         {"since=" + strings.Repeat("A", 9000), "feed.cursor"},
			"no limit":         {"limit=0", "request.filter"},
			"too much":         {"limit=1001", "request.filter"},
			"no number at all": {"limit=x", "request.filter"}} {
			if status, body := w.get("79901", "/api/v1/feed?"+c.query); status != http.StatusUnprocessableEntity || codeOf(body) != c.want {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
	})
}

// compare lets an agent's side compare a day with the hub.
func (w *world) compare(code, day string, own []manifest.Own) manifest.Result {
	w.t.Helper()
	talk := manifest.Begin(own)
	for range manifest.Rounds {
		status, _, body := w.do(code, "PUT", "/api/v1/manifests/"+day, "application/json", must(json.Marshal(talk.Request())))
		var a manifest.Answer
		if err := json.Unmarshal(body, &a); err != nil || status != http.StatusOK {
			w.t.Fatalf("%d %s", status, body)
		}
		done, err := talk.Take(a)
		w.check(err)
		if done {
			return talk.Result()
		}
	}
	w.t.Fatal("no end")
	return manifest.Result{}
}

// own is what a facility's side keeps of an answer.
func own(a answer, raw []byte) manifest.Own {
	return manifest.Own{Kind: a.Kind, File: sha256.Sum256(raw), Index: a.Index, Record: a.Record}
}

func TestADayIsReconciled(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const day = "2026-11-21"
		var mine []manifest.Own
		put := func(raw []byte) answer {
			got, status := w.send("79901", raw)
			if status != http.StatusOK || got[0].Record == "" {
				t.Fatalf("%d %+v", status, got)
			}
			if !got[0].Replay {
				mine = append(mine, own(got[0], raw))
			}
			return got[0]
		}
		if r := w.compare("79901", day, nil); !r.Equal {
			t.Errorf("a day of nothing: %+v", r)
		}
		v := newVisit()
		raw := ours(pairs().ec, envelope(v))
		a := put(raw)
		put(raw)                                                                         // the same file
		put(ours(pairs().rsa, envelope(v)))                                              // sealed again
		put(ours(pairs().ec, envelope(v.set("XML1", "LY_DO_VV", "Ho"))))                 // a is superseded
		bad := put(ours(pairs().ec, envelope(newVisit().set("XML1", "GIOI_TINH", "9")))) // rejected
		gone := put(ours(pairs().ec, envelope(newVisit())))                              //
		w.do("79901", "POST", "/api/v1/records/"+gone.Record+"/withdraw", "application/json", []byte(`{"reason":"gửi nhầm người"}`))
		if bad.State != "rejected" {
			t.Fatalf("%+v", bad)
		}
		r := w.compare("79901", day, mine)
		if !r.Equal || !r.Exact || r.Rounds != 1 || r.Counts.Sent != 4 || r.Counts.Accepted != 3 || r.Counts.Rejected != 1 || *r.Counts.Pending != 0 || *r.Counts.Extra != 0 {
			t.Errorf("equal: %+v", r)
		}
		// one lost on the way, and one the agent does not know of
		lost := manifest.Own{Kind: "qd4750", File: sha256.Sum256([]byte("lost")), Record: "lost"}
		r = w.compare("79901", day, append(append([]manifest.Own{}, mine[1:]...), lost))
		if r.Equal || !r.Exact || len(r.Missing) != 1 || r.Missing[0] != lost || len(r.Extra) != 1 || r.Extra[0].Record != a.Record || r.Counts.Sent+*r.Counts.Extra != r.Counts.Accepted+r.Counts.Rejected+*r.Counts.Pending {
			t.Errorf("different: %+v", r)
		}
		w.sees("operator", "79901", func(m store.Manifest) bool { return !m.Equal && m.Missing == 1 && m.Extra == 1 })
		// erased: its digest is gone, it is named by its record
		w.erase(bad.Record)
		r = w.compare("79901", day, mine)
		if !r.Equal || len(r.Erased) != 1 || r.Erased[0].Record != bad.Record || r.Rounds != 2 || r.Counts.Erased != 1 {
			t.Errorf("erased: %+v", r)
		}
		w.clock.Advance(time.Minute)
		if r = w.compare("79901", day, mine); !r.Equal {
			t.Errorf("%+v", r)
		}
		w.sees("ministry", "79901", func(m store.Manifest) bool { return m.Equal && m.Missing == 0 && m.Day == 20261121 })
		if status, body := w.get("79902", "/api/v1/manifests"); status != http.StatusOK || strings.Contains(string(body), "79901") {
			t.Errorf("another facility sees %s", body)
		}
		if status, body := w.get("79901", "/api/v1/manifests?from=2026-11-01&to=2026-11-30"); status != http.StatusOK || !strings.Contains(string(body), `"day":"2026-11-21"`) || !strings.Contains(string(body), `"equal":true`) {
			t.Errorf("%d %s", status, body)
		}
		for path, want := range map[string]string{"2026-11-23": "manifest.date", "2026-13-01": "manifest.date", "20261121": "manifest.date", "x": "manifest.date"} {
			if status, _, body := w.do("79901", "PUT", "/api/v1/manifests/"+path, "application/json", []byte(`{"kinds":[]}`)); status != http.StatusUnprocessableEntity || codeOf(body) != want {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if status, _, body := w.do("79901", "PUT", "/api/v1/manifests/"+day, "application/json", []byte(`{"kinds":1}`)); status != http.StatusUnprocessableEntity || codeOf(body) != "manifest.invalid" {
			t.Errorf("%d %s", status, body)
		}
		if status, _, body := w.do("79901", "PUT", "/api/v1/manifests/"+day, "application/json", make([]byte, 17<<20)); status != http.StatusRequestEntityTooLarge || codeOf(body) != "manifest.too_large" {
			t.Errorf("%d %s", status, body)
		}
		for _, q := range []string{"from=x", "facility=1"} {
			if status, body := w.get("79901", "/api/v1/manifests?"+q); status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", q, status, body)
			}
		}
	})
}

// sees looks a kept comparison up as a role does.
func (w *world) sees(who, code string, fits func(store.Manifest) bool) {
	w.t.Helper()
	r, err := role.Parse(who)
	w.check(err)
	list, err := w.hub.Slices.Feeds.Manifests(w.ctx, r.Scope(), "", 0, 0)
	w.check(err)
	if len(list) != 1 || string(list[0].Facility) != code || !fits(list[0]) {
		w.t.Errorf("%s sees %+v", who, list)
	}
}

func (w *world) erase(record string) {
	w.t.Helper()
	id := must(dossier.ParseID(record))
	_, err := w.hub.Office.Erase(w.ctx, "operator An", eraseOf(id))
	w.check(err)
}

func TestRulesAreSignedForEachFacility(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		o := w.outpost()
		e, _ := o.enrol(w.invite("operator An", "79901"))
		keys := make([]rulepack.Key, len(e.ReceiptKeys))
		for i, k := range e.ReceiptKeys {
			keys[i] = rulepack.Key{KID: k.KID, SPKI: k.SPKI}
		}
		token, _ := o.login(e)
		status, h, body := w.with(token, "GET", "/api/v1/rules", nil)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		p, err := rulepack.Open(string(body), keys)
		w.check(err)
		if p.Pack != w.hub.Rules().String() || p.Hub != hubName || p.Facility.Code != "79901" || !p.IssuedAt.Equal(w.clock.Now()) || len(p.Rules) != len(w.hub.Rules().Rules()) ||
			len(p.Anchors) != 1 || len(p.Revoked) != 3 || len(p.Facility.Certificates) != 12 || p.ReceiptKeys[0].KID != e.ReceiptKeys[0].KID || len(p.LogKeys) == 0 {
			t.Errorf("%s %s: %d rules, %d anchors, %d revoked, %d certificates", p.Pack, p.Facility.Code, len(p.Rules), len(p.Anchors), len(p.Revoked), len(p.Facility.Certificates))
		}
		tag := h.Get("ETag")
		w.clock.Advance(time.Minute)
		for header, want := range map[string]int{tag: 304, `"x", W/` + tag: 304, `"x"`: 200, "": 200} {
			if status, _, body := w.with(token, "GET", "/api/v1/rules", nil, "If-None-Match", header); status != want || (want == 304) != (len(body) == 0) {
				t.Errorf("%q: %d, %d bytes", header, status, len(body))
			}
		}
		w.revoke("79901", pairs().ec.Certificate)
		if status, h, body = w.with(token, "GET", "/api/v1/rules", nil, "If-None-Match", tag); status != http.StatusOK || h.Get("ETag") == tag {
			t.Errorf("a certificate was revoked: %d", status)
		}
		if p, err = rulepack.Open(string(body), keys); err != nil || len(p.Revoked) != 4 {
			t.Errorf("%v", err)
		}
		stranger := must(w.other())
		if _, err := rulepack.Open(string(body), stranger); err == nil {
			t.Error("another hub's key opens it")
		}
	})
}

// other is a key of no hub under the name of this one's.
func (w *world) other() ([]rulepack.Key, error) {
	key, err := ledger.NewReceiptKey(must(keyring.New(nil)).Receipt)
	own := must(ledger.NewReceiptKey(w.keys.Receipt))
	return []rulepack.Key{{KID: own.Kid(), SPKI: key.SPKI()}}, err
}

func eraseOf(id dossier.ID) erasing.Request {
	return erasing.Request{Records: []string{id.String()}, Reason: erasing.CourtOrder, Case: "12/QĐ-TA"}
}
