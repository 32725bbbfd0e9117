package page_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"lienthong/internal/agent/page"
)

// Nothing is answered to who was not let in: another user of this machine, an
// address that bends a name to it, another machine, a page of another site.
func TestWhoMayLook(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rejected, _, _ := busyDay(w)
	stranger := &world{t: t, page: w.page}
	for _, line := range page.Routes() {
		method, path, _ := strings.Cut(line, " ")
		path = strings.NewReplacer("{$}", "", "{ref}", string(rejected.Ref), "{n}", "0", "{day}", "20261122").Replace(path)
		for name, at := range map[string]string{"without a cookie": w.at, "of a place made up": "/p/AAAA", "without a place": "/p/"} {
			rec := stranger.send(method, at+path, nil)
			if rec.Code != http.StatusUnauthorized && rec.Code != http.StatusNotFound && rec.Code != http.StatusTemporaryRedirect && rec.Code != http.StatusMovedPermanently {
				t.Errorf("%s %s %s: %d", name, method, path, rec.Code)
			}
			if body := rec.Body.String(); strings.Contains(body, "hs-") || strings.Contains(body, "24S00") {
				t.Errorf("%s %s: a stranger reads %s", name, path, body)
			}
		}
		own := w.at + path
		for _, c := range []struct {
			header string
			status int
		}{{"Host: evil.example", 403}, {"Host: localhost.evil.example:8085", 403}, {"Host: 10.0.0.5:8085", 403}, {"RemoteAddr: 10.0.0.5:1234", 403}} {
			if rec := w.send(method, own, nil, c.header); rec.Code != c.status {
				t.Errorf("%s %s %s: %d", c.header, method, path, rec.Code)
			}
		}
		if method != "POST" {
			continue
		}
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
			if rec := w.send("POST", own, nil, header, "Origin: http://127.0.0.1:9999"); rec.Code != http.StatusForbidden {
				t.Errorf("%s %s: %d", header, path, rec.Code)
			}
		}
	}
	if rec := stranger.send("GET", "/", nil); rec.Code != 200 || !strings.Contains(rec.Body.String(), "lienthong agent page") || strings.Contains(rec.Body.String(), facilityCode) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestALinkIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	link := func() string {
		u, err := url.Parse(w.page.Link(30))
		if err != nil || u.Host != "127.0.0.1:8085" {
			t.Fatalf("%v, %v", u, err)
		}
		return u.Path
	}
	first := link()
	if rec := w.send("GET", first, nil); rec.Code != http.StatusSeeOther {
		t.Fatalf("%d", rec.Code)
	} else if c := rec.Result().Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != rec.Header().Get("Location") || c.Secure {
		t.Errorf("%+v", c)
	}
	if rec := w.send("GET", first, nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("twice: %d", rec.Code)
	}
	late := link()
	w.clock.Advance(10 * time.Minute)
	if rec := w.send("GET", late, nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("late: %d", rec.Code)
	}
	w.get("/")
	w.clock.Advance(24 * time.Hour)
	if rec := w.send("GET", w.at+"/", nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("after a day: %d", rec.Code)
	}
}

// Sessions outlive a restart, and end when they are told to.
func TestSessionsAreKeptAndEnded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	again, err := page.New(page.Deps{Station: w.station, Home: w.home, Logger: w.station.Logger}, page.Config{Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.page = again
	w.get("/")
	kept, err := os.ReadFile(w.home.Path("page.json"))
	if err != nil || strings.Contains(string(kept), w.cookie.Value) || strings.Contains(string(kept), strings.TrimPrefix(w.at, "/p/")) {
		t.Errorf("%s, %v", kept, err)
	}
	if info, err := os.Stat(w.home.Path("page.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	first, cookie := w.at, w.cookie
	w.enter()
	if rec := w.post("/leave"); rec.Code != http.StatusSeeOther {
		t.Errorf("%d", rec.Code)
	}
	if rec := w.send("GET", w.at+"/", nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("after leaving: %d", rec.Code)
	}
	w.at, w.cookie = first, cookie
	w.get("/")
	if err := again.End(); err != nil {
		t.Fatal(err)
	}
	if rec := w.send("GET", w.at+"/", nil); rec.Code != http.StatusUnauthorized {
		t.Errorf("after the end: %d", rec.Code)
	}
}

func TestAChoiceIsRemembered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rec := w.post("/language", "lang", "en", "next", "/rejects?code=x")
	if rec.Code != http.StatusSeeOther || rec.Header().Get("Location") != w.at+"/rejects?code=x" || rec.Result().Cookies()[0].Value != "en" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	for _, next := range []string{"https://evil.example/", "//evil.example", "javascript:x", ""} {
		if rec := w.post("/theme", "theme", "dark", "next", next); !strings.HasPrefix(rec.Header().Get("Location"), w.at+"/") {
			t.Errorf("%q leads to %s", next, rec.Header().Get("Location"))
		}
	}
	if rec := w.post("/theme", "theme", "<script>"); len(rec.Result().Cookies()) != 0 {
		t.Error("any word was taken")
	}
}
