package portal_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"lienthong/internal/fault"
	"lienthong/internal/web/portal"
)

type answer struct {
	status int
	header http.Header
	body   string
}

type ask struct {
	method, path, role, lang string
	form                     url.Values
	header                   map[string]string
}

func do(t testing.TB, h http.Handler, a ask) answer {
	t.Helper()
	var body io.Reader
	if a.form != nil {
		body = strings.NewReader(a.form.Encode())
	}
	if a.method == "" {
		a.method = http.MethodGet
	}
	r := httptest.NewRequest(a.method, a.path, body)
	if a.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if a.role != "" {
		r.Header.Set("Test-Role", a.role)
	}
	if a.lang != "" {
		r.AddCookie(&http.Cookie{Name: "lang", Value: a.lang})
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func path(pattern string, w *world) string {
	return strings.NewReplacer("{id}", w.rows[2].ID.String(), "{$}", "", "{move}", "m1", "{destination}", "bhxh", "{client}", "22000-a", "{alarm}", "leg.queue:bhxh").Replace(pattern)
}

func TestEveryRouteIsOpenToItsRolesOnly(t *testing.T) {
	t.Parallel()
	for _, route := range portal.Routes() {
		for _, who := range allRoles() {
			t.Run(route.Method+" "+route.Pattern+" "+string(who.Kind), func(t *testing.T) {
				t.Parallel()
				h, w := setup(t)
				got := do(t, h, ask{method: route.Method, path: path(route.Pattern, w), role: who.String(),
					form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}})
				shut := strings.Contains(got.body, "role.withheld")
				if enters(who, route.Rooms) == shut {
					t.Errorf("status %d, withheld %v", got.status, shut)
				}
				if shut && (got.status != http.StatusForbidden || len(w.opened) > 0 || w.sent > 0) {
					t.Errorf("status %d, %d openings, %d sent", got.status, len(w.opened), w.sent)
				}
				if got.status >= 500 {
					t.Errorf("status %d: %s", got.status, got.body)
				}
			})
		}
		if len(route.Rooms) == 0 {
			continue
		}
		h, w := setup(t)
		if got := do(t, h, ask{method: route.Method, path: path(route.Pattern, w)}); got.status != http.StatusUnauthorized {
			t.Errorf("%s %s answers nobody with %d", route.Method, route.Pattern, got.status)
		}
	}
}

// pages are every page there is, as its reader sees it.
func pages(w *world) []ask {
	record := "/records/" + w.rows[2].ID.String()
	return []ask{
		{path: "/overview", role: "ministry"}, {path: "/overview", role: "facility:22000"}, {path: "/provinces", role: "ministry"}, {path: "/how", role: "ministry"},
		{path: "/facilities?days=7&sort=sent", role: "operator"}, {path: "/messages?state=rejected&province=25&day=2026-07-14&code=time.order", role: "operator"},
		{path: "/refused", role: "operator"}, {path: record, role: "facility:22000"}, {path: record, role: "operator"}, {path: record, role: "ministry"},
		{path: record + "/open", method: "POST", role: "operator", form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}},
		{path: record + "/verify", method: "POST", role: "facility:22000", form: url.Values{}},
		{path: "/overview", role: "operator"}, {path: "/legs?state=parked", role: "operator"}, {path: "/legs", role: "facility:22000"}, {path: "/legs/acts", role: "operator"}, {path: "/legs/acts/m1", role: "operator"},
		{path: "/legs/act", method: "POST", role: "operator", form: url.Values{"state": {"parked"}, "do": {"skip"}, "reason": {"Hồ sơ thử"}}},
		{path: "/reconciliation", role: "facility:22000"}, {path: "/reconciliation", role: "ministry"}, {path: "/enrolments", role: "operator"}, {path: "/alarms", role: "operator"},
		{path: "/software", role: "ministry"}, {path: "/software?days=30", role: "partner:22000"},
		{path: "/today", role: "facility:22000"}, {path: "/rejects", role: "facility:22000"}, {path: "/rejects?code=time.order&days=30", role: "province:25"},
		{path: "/upload", role: "facility:22000"}, {path: "/access", role: "auditor"}, {path: "/access", role: "facility:22000"}, {path: "/acts", role: "auditor"},
		{path: "/login"}, {path: "/login?token=good"}, {path: "/try"}, {path: "/nowhere", role: "operator"},
	}
}

func TestPagesAreWellMade(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	inline := regexp.MustCompile(`(?i)\sstyle\s*=|\son[a-z]+\s*=|<script>|javascript:`)
	for _, a := range pages(w) {
		for _, lang := range []string{"vi", "en"} {
			t.Run(lang+" "+a.role+" "+a.path, func(t *testing.T) {
				a.lang = lang
				got := do(t, h, a)
				if strings.Contains(got.body, "«") {
					t.Errorf("a sentence is missing: %s", regexp.MustCompile(`«[^»]*»`).FindString(got.body))
				}
				if found := inline.FindString(got.body); found != "" {
					t.Errorf("inline script or style: %q", found)
				}
				csp := got.header.Get("Content-Security-Policy")
				if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
					t.Errorf("policy %q", csp)
				}
				if got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("headers %v", got.header)
				}
				structure(t, got.body, lang)
			})
		}
	}
}

// structure checks what a screen reader leans on.
func structure(t *testing.T, page, lang string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	ids, labelled := map[string]bool{}, map[string]bool{}
	var controls []*html.Node
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q stands twice", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "html":
			if attr(n, "lang") != lang {
				t.Errorf("lang %q", attr(n, "lang"))
			}
		case "label":
			labelled[attr(n, "for")] = true
		case "input", "select", "textarea":
			if attr(n, "type") != "hidden" {
				controls = append(controls, n)
			}
		case "table":
			if n.FirstChild == nil || !slices.ContainsFunc(children(n), func(c *html.Node) bool { return c.Data == "caption" }) {
				t.Error("a table without caption")
			}
		case "svg":
			if attr(n, "aria-hidden") != "true" && attr(n, "aria-label") == "" {
				t.Error("a drawing neither named nor hidden")
			}
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["title"] < 1 {
		t.Errorf("%d h1, %d main, %d title", count["h1"], count["main"], count["title"])
	}
	for _, c := range controls {
		if !labelled[attr(c, "id")] && attr(c, "aria-label") == "" {
			t.Errorf("%s %q has no label", c.Data, attr(c, "name"))
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func children(n *html.Node) (list []*html.Node) {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode {
			list = append(list, c)
		}
	}
	return list
}

func TestALinkIsUsedByTheButtonOnly(t *testing.T) {
	t.Parallel()
	h, _ := setup(t)
	look := do(t, h, ask{path: "/login?token=good"})
	if len(look.header.Values("Set-Cookie")) > 0 || !strings.Contains(look.body, `value="good"`) {
		t.Error("looking at the link used it, or the button is missing")
	}
	in := do(t, h, ask{method: "POST", path: "/login", form: url.Values{"token": {"good"}}})
	if in.status != http.StatusSeeOther || len(in.header.Values("Set-Cookie")) == 0 {
		t.Errorf("status %d", in.status)
	}
	if bad := do(t, h, ask{method: "POST", path: "/login", form: url.Values{"token": {"bad"}}}); bad.status != http.StatusUnauthorized {
		t.Errorf("a bad token: %d", bad.status)
	}
}

func TestOnlyWhoMaySeesContent(t *testing.T) {
	t.Parallel()
	const name = "Trần Thị Thu Hà"
	for _, c := range []struct {
		a      ask
		opened int
		status int
		sees   bool
	}{
		{ask{role: "facility:22000"}, 1, 200, true},
		{ask{role: "operator"}, 0, 200, false},
		{ask{role: "ministry"}, 0, 200, false},
		{ask{role: "province:25"}, 0, 200, false},
		{ask{role: "operator", method: "POST", path: "/open", form: url.Values{"reason": {"xem"}}}, 0, 403, false},
		{ask{role: "operator", method: "POST", path: "/open", form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}}, 1, 200, true},
		{ask{role: "ministry", method: "POST", path: "/open", form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}}, 0, 403, false},
	} {
		h, w := setup(t)
		c.a.path = "/records/" + w.rows[2].ID.String() + c.a.path
		got := do(t, h, c.a)
		if got.status != c.status || len(w.opened) != c.opened || strings.Contains(got.body, name) != c.sees {
			t.Errorf("%+v: status %d, %d openings, sees %v", c.a, got.status, len(w.opened), strings.Contains(got.body, name))
		}
		for _, r := range w.opened {
			if r.Role.Kind == "operator" && r.Reason == "" || r.Route == "" || r.Mark == "" {
				t.Errorf("opened as %+v", r)
			}
		}
		if c.sees && strings.Contains(got.body, "001861004127") {
			t.Error("the citizen number is shown whole")
		}
	}
}

func TestAReceiptIsVerifiedWithoutOpening(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	record := "/records/" + w.rows[2].ID.String()
	got := do(t, h, ask{method: "POST", path: record + "/verify", role: "operator", form: url.Values{}})
	if got.status != 200 || !strings.Contains(got.body, "đúng, 10:42:00") || len(w.opened) != 0 {
		t.Errorf("status %d, %d openings", got.status, len(w.opened))
	}
	got = do(t, h, ask{method: "POST", path: record + "/verify", role: "operator", form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}})
	if got.status != 200 || !strings.Contains(got.body, "Trần Thị Thu Hà") || len(w.opened) != 1 {
		t.Errorf("with content open: status %d, %d openings", got.status, len(w.opened))
	}
	if f := do(t, h, ask{path: record + "/original", role: "operator"}); f.status != http.StatusSeeOther || len(w.opened) != 1 {
		t.Errorf("the original without a reason: %d", f.status)
	}
	if f := do(t, h, ask{path: record + "/receipt", role: "operator"}); f.status != 200 || f.body != `{"v":1}` || !strings.Contains(f.header.Get("Content-Disposition"), ".receipt.json") {
		t.Errorf("the receipt: %d %v", f.status, f.header)
	}
}

func TestAWithheldRecordShowsWhyAndNothingElse(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	w.deny = fault.New(fault.Withheld, "disclosure.withheld", "Chưa mở được hồ sơ này.", "This record is withheld.")
	got := do(t, h, ask{path: "/records/" + w.rows[2].ID.String(), role: "facility:22000"})
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "Chưa mở được hồ sơ này.") || strings.Contains(got.body, "Trần") {
		t.Errorf("status %d", got.status)
	}
}

func TestAnEpisodeNeverStandsInAnAddress(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	const code = "26.07.14.004217"
	got := do(t, h, ask{method: "POST", path: "/search", role: "facility:22000", form: url.Values{"q": {code}}})
	to := got.header.Get("Location")
	if got.status != http.StatusSeeOther || strings.Contains(to, "004217") {
		t.Fatalf("status %d to %q", got.status, to)
	}
	page := do(t, h, ask{path: to, role: "facility:22000"})
	if q := w.queries[len(w.queries)-1]; q.Episode != code || q.Facility != "22000" {
		t.Errorf("asked %+v", q)
	}
	for _, href := range regexp.MustCompile(`href="[^"]*"`).FindAllString(page.body, -1) {
		if strings.Contains(href, "004217") {
			t.Errorf("a link names the episode: %s", href)
		}
	}
	if none := do(t, h, ask{path: to, role: "operator"}); none.status != http.StatusUnprocessableEntity {
		t.Errorf("without a facility: %d", none.status)
	}
	id := w.rows[0].ID.String()
	if got := do(t, h, ask{method: "POST", path: "/search", role: "operator", form: url.Values{"q": {id}}}); got.header.Get("Location") != "/records/"+id {
		t.Errorf("a record's id leads to %q", got.header.Get("Location"))
	}
}

func TestExportsAreHarmless(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	got := do(t, h, ask{path: "/refused.csv", role: "operator"})
	if !strings.HasPrefix(got.body, "\ufeff") || !strings.Contains(got.body, "'=cmd()") || strings.Contains(got.body, ",=cmd()") {
		t.Errorf("export %q", got.body)
	}
	for _, p := range []string{"/messages.csv?state=rejected", "/facilities.csv?sort=sent", "/rejects.csv", "/rejects.csv?code=time.order"} {
		got := do(t, h, ask{path: p, role: "operator"})
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") || strings.Count(got.body, "\n") < 3 {
			t.Errorf("%s: %d, %q", p, got.status, got.body)
		}
	}
	if len(w.queries) == 0 || w.queries[0].Limit != 1000 {
		t.Errorf("asked %+v", w.queries)
	}
	for in, want := range map[string]string{"=1": "'=1", "+a": "'+a", "-1": "'-1", "@x": "'@x", "\ta": "'\ta", "a=1": "a=1", "": ""} {
		if got := portal.Harmless(in); got != want {
			t.Errorf("%q gave %q", in, got)
		}
	}
}

func TestAllFacilitiesAreReachedPageByPage(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	seen := map[string]bool{}
	next := "/facilities?sort=sent"
	for range 3 {
		page := do(t, h, ask{path: next, role: "operator"}).body
		for _, m := range regexp.MustCompile(`/messages\?facility=(\w{5})">`).FindAllStringSubmatch(page, -1) {
			seen[m[1]] = true
		}
		m := regexp.MustCompile(`href="(/facilities\?[^"]*from=\d+)"`).FindStringSubmatch(page)
		if m == nil {
			break
		}
		next = html.UnescapeString(m[1])
	}
	if len(seen) != len(w.places) {
		t.Errorf("%d of %d facilities", len(seen), len(w.places))
	}
}

func TestOtherSitesCannotPost(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	got := do(t, h, ask{method: "POST", path: "/records/" + w.rows[2].ID.String() + "/open", role: "operator",
		form: url.Values{"reason": {"Cơ sở hỏi vì sao bị giữ lại"}}, header: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	if got.status != http.StatusForbidden || len(w.opened) > 0 {
		t.Errorf("status %d, %d openings", got.status, len(w.opened))
	}
}

func TestBadConditionsAreAnsweredWithoutAsking(t *testing.T) {
	t.Parallel()
	h, w := setup(t)
	for _, p := range []string{"/messages?day=20261350", "/messages?state=nice", "/messages?facility=1", "/messages?level=x",
		"/messages?code=" + strings.Repeat("x", 90), "/facilities?sort=name%27", "/facilities?from=x", "/access?before=x", "/acts?before=99999999999999999999"} {
		if got := do(t, h, ask{path: p, role: "operator"}); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", p, got.status)
		}
	}
	if len(w.queries) > 0 {
		t.Errorf("asked %+v", w.queries)
	}
	for _, p := range []string{"/records/x", "/records/22000-00000000000000000000000000", "/access?record=x"} {
		if got := do(t, h, ask{path: p, role: "operator"}); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", p, got.status)
		}
	}
}

func TestChoicesAreKeptAndLeadBackHereOnly(t *testing.T) {
	t.Parallel()
	h, _ := setup(t)
	got := do(t, h, ask{method: "POST", path: "/language", form: url.Values{"lang": {"en"}, "next": {"/how"}}})
	if got.header.Get("Location") != "/how" || !strings.Contains(fmt.Sprint(got.header.Values("Set-Cookie")), "lang=en") {
		t.Errorf("%v", got.header)
	}
	got = do(t, h, ask{method: "POST", path: "/theme", form: url.Values{"theme": {"pink"}, "next": {"//evil.example/"}}})
	if got.header.Get("Location") != "/" || len(got.header.Values("Set-Cookie")) > 0 {
		t.Errorf("%v", got.header)
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("day=20260714&state=accepted_any&before=abc_22000-00000000000000000000000000&e=AAAA")
	f.Add("facility=%00&level=regional&province=25&code=%3D1")
	f.Add("from=99999999999999999999&sort=sent&days=7&show=silent")
	h, _ := setup(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, p := range []string{"/messages", "/refused", "/facilities", "/rejects", "/access"} {
			r := httptest.NewRequest(http.MethodGet, p, nil)
			r.URL.RawQuery = query
			r.Header.Set("Test-Role", "operator")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s: %d", p, w.Code)
			}
		}
	})
}

// What a page shows of an address cannot become markup.
func TestAddressesAreShownAsText(t *testing.T) {
	t.Parallel()
	h, _ := setup(t)
	for _, p := range []string{"/messages?code=%3Cscript%3Ealert(1)%3C/script%3E", "/facilities?province=%22%3E%3Cimg+src=x%3E", "/login?token=%22%3E%3Cscript%3E"} {
		got := do(t, h, ask{path: p, role: "operator"})
		if strings.Contains(got.body, "<script>alert") || strings.Contains(got.body, "<img") || strings.Contains(got.body, `"><script>`) {
			t.Errorf("%s came back as markup", p)
		}
	}
}
