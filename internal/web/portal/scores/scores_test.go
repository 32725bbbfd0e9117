package scores_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/asset"
	pages "lienthong/internal/web/portal/scores"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/problem"
)

var noon = time.Date(2026, 11, 13, 5, 0, 0, 0, time.UTC)

// book answers as package grade does, of two facilities.
type book struct {
	who     role.Role
	lang    string
	unequal int64
	kinds   bool // health checks too
	scopes  []role.Scope
	asked   []house.ScoreQuery
	put     string
	words   *words.Catalogue
	assets  *asset.Set
	rows    [][]string
}

func (b *book) note(scope role.Scope, q house.ScoreQuery) {
	b.scopes, b.asked = append(b.scopes, scope), append(b.asked, q)
}

func (b *book) Words(_ context.Context, scope role.Scope, q house.ScoreQuery) ([]grade.Line, error) {
	b.note(scope, q)
	line := grade.Line{Subject: "qd4750", Words: map[score.Word]score.Ratio{score.Correct: {Passed: 995, Applied: 1000}, score.Sufficient: {Passed: 870, Applied: 1000},
		score.Clean: {Passed: 960, Applied: 1000}, score.Alive: {Passed: 600, Applied: 1000}, score.Synchronous: {Passed: 1000, Applied: 1000}}}
	other := line
	other.Subject = "db:vaccination"
	if len(q.By) > 0 {
		key := map[house.ScoreDimension]string{house.ScoreByProvince: "24", house.ScoreByVendor: "HIS Một", house.ScoreByLevel: "commune", house.ScoreByDay: "20261113"}[q.By[0]]
		line.Key, other.Key = []string{key}, []string{""}
		if q.By[0] == house.ScoreByDay {
			other.Key = []string{"20261112"}
		}
	}
	if b.kinds {
		third := line
		third.Subject, third.Words = "checkup", map[score.Word]score.Ratio{score.Sufficient: {Passed: 130, Applied: 200}}
		return []grade.Line{line, third, other}, nil
	}
	return []grade.Line{line, other}, nil
}

func check(id string) *score.Check {
	s := score.Standard()["qd4750"]
	return &s.Checks[s.Index(id)]
}

func (b *book) Checks(_ context.Context, scope role.Scope, q house.ScoreQuery, w score.Word) ([]grade.CheckLine, error) {
	b.note(scope, q)
	var out []grade.CheckLine
	for i := range 250 {
		out = append(out, grade.CheckLine{Subject: "qd4750", Check: check("sufficient.XML1.SO_CCCD"), Ratio: score.Ratio{Passed: int64(i), Applied: 250}})
	}
	return out, nil
}

func (b *book) Check(_ context.Context, scope role.Scope, q house.ScoreQuery, id string) ([]grade.CheckLine, error) {
	b.note(scope, q)
	keys := []string{"24917", "79901"}
	if q.By[0] == house.ScoreByDay {
		keys = []string{"20261113", "20261112"}
	}
	var out []grade.CheckLine
	for i, k := range keys {
		out = append(out, grade.CheckLine{Subject: "qd4750", Check: check(id), Key: []string{k}, Ratio: score.Ratio{Passed: int64(800 + 100*i), Applied: 1000}})
	}
	return out, nil
}

func (b *book) Samples(_ context.Context, scope role.Scope, q house.ScoreQuery, id string, _ int) ([]dossier.ID, error) {
	b.note(scope, q)
	one, err := dossier.NewID("24917", noon, nil)
	return []dossier.ID{one}, err
}

func (b *book) Recounts(context.Context, int) ([]house.ScoreRecount, error) {
	return []house.ScoreRecount{{Day: 20261112, At: noon.Add(-9 * time.Hour), Seen: 41234, Unequal: b.unequal}}, nil
}

func (b *book) InForce(subject string) *score.Sheet { return score.Standard()[subject] }

func (b *book) Fields() []score.Field { return score.FieldsOf(score.Standard()["qd4750"]) }

func (b *book) PutFields(_ context.Context, by role.Role, text string) ([]string, error) {
	if by.Kind != role.Ministry {
		return nil, grade.ErrWho
	}
	if _, err := score.ParseFields(text); err != nil {
		return nil, err
	}
	b.put = text
	return []string{"qd4750"}, nil
}

type frame struct{ b *book }

func (f frame) Page(r *http.Request, nav, key string, args ...any) view.Page {
	w := f.b.words.In(f.b.lang)
	return view.Page{W: w, Title: w.T(key, args...), Nav: nav, Path: r.URL.RequestURI(), Now: noon, Theme: "light", Reader: &view.Reader{Role: f.b.who},
		Asset: func(name string) string {
			if !f.b.assets.Has(name) {
				return ""
			}
			return f.b.assets.URL(name)
		}}
}

func (f frame) Show(rw http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var body bytes.Buffer
	if err := c.Render(r.Context(), &body); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(body.Bytes())
}

func (f frame) Fail(rw http.ResponseWriter, r *http.Request, err error) {
	x := fault.Of(err)
	p := f.Page(r, "", "problem.title")
	f.Show(rw, r, problem.Status(x), view.Problem(p, p.Title, p.W.Text(x.Text), x.Code))
}

func (f frame) CSV(_ http.ResponseWriter, _ *http.Request, _ string, rows [][]string) {
	f.b.rows = rows
}

func (f frame) See(rw http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(rw, r, path, http.StatusSeeOther)
}

func serve(t *testing.T, who role.Role) (*book, *httptest.Server) {
	t.Helper()
	return serveWith(t, who, nil)
}

func serveWith(t *testing.T, who role.Role, closed func(role.Role, string) (bool, bool)) (*book, *httptest.Server) {
	t.Helper()
	b := &book{who: who, lang: "vi"}
	var err error
	if b.words, err = words.Load(); err != nil {
		t.Fatal(err)
	}
	if b.assets, err = asset.Load(); err != nil {
		t.Fatal(err)
	}
	room := pages.New(pages.Deps{Grades: b, Closed: closed, Facility: func(care.FacilityCode) string { return "Bệnh viện Đa khoa Kinh Bắc" }}, frame{b})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", b.assets)
	for _, line := range pages.Routes() {
		mux.HandleFunc(line.Method+" "+line.Pattern, func(rw http.ResponseWriter, r *http.Request) { line.Serve(room, rw, r) })
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return b, s
}

func get(t *testing.T, to string) (int, string) {
	t.Helper()
	r, err := http.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

const one = "subject=qd4750&check=sufficient.XML1.SO_CCCD"

func shown() []string {
	return []string{"/quality", "/quality?by=province", "/quality?by=vendor&period=day", "/quality?by=level&period=last", "/quality?by=day&period=year", "/quality/checks?word=sufficient&subject=qd4750",
		"/quality/check?" + one, "/quality/records?" + one + "&facility=24917", "/quality/fields"}
}

// Every page has its words in both languages, one h1 and no script or style of its own.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"vi", "en"} {
		b, s := serve(t, role.Role{Kind: role.Ministry})
		b.lang = lang
		for _, path := range shown() {
			status, body := get(t, s.URL+path)
			if status != 200 || strings.Count(body, "<h1") != 1 || strings.Contains(body, "style=") || strings.Contains(body, "onclick") || strings.Contains(body, "!score.") || strings.Contains(body, ">score.") {
				t.Errorf("%s %s: %d\n%.3000s", lang, path, status, body)
			}
			if unknown := b.words.In(lang); strings.Contains(body, unknown.T("no.such.key")) {
				t.Errorf("%s %s: a sentence is missing", lang, path)
			}
		}
	}
}

func TestTheBoardLeadsToTheRecordsThatFail(t *testing.T) {
	t.Parallel()
	b, s := serve(t, role.Role{Kind: role.Province, ID: "24"})
	_, body := get(t, s.URL+"/quality?by=vendor")
	for _, want := range []string{"87,0", "lt-s5", "/quality/checks?subject=qd4750&amp;vendor=HIS+M%E1%BB%99t&amp;word=sufficient", "✓", "db%3Avaccination"} {
		if !strings.Contains(body, want) {
			t.Errorf("the board has no %q", want)
		}
	}
	_, body = get(t, s.URL+"/quality/checks?subject=qd4750&vendor=HIS&word=sufficient")
	if !strings.Contains(body, "/quality/check?check=sufficient.XML1.SO_CCCD&amp;subject=qd4750&amp;vendor=HIS&amp;word=sufficient") || !strings.Contains(body, "50 dòng") {
		t.Error("checks lead nowhere, or do not say what is left out")
	}
	_, body = get(t, s.URL+"/quality/check?"+one)
	if !strings.Contains(body, "facility=24917") || !strings.Contains(body, "÷") {
		t.Error("a check has no facilities or no formula")
	}
	if _, body = get(t, s.URL+"/quality/records?"+one); !strings.Contains(body, "/records/24917-") {
		t.Errorf("no record: %s", body)
	}
	for i, scope := range b.scopes {
		if scope != (role.Scope{Province: "24"}) {
			t.Errorf("question %d is asked of %+v", i, scope)
		}
	}
	b.unequal = 2
	if _, body = get(t, s.URL+"/quality"); strings.Contains(body, "✓") || !strings.Contains(body, "12/11/2026") {
		t.Error("a recount that differs is not told")
	}
}

// What is asked for by a word is that word: over all kinds of records, as the first
// page says it, and of each of them.
func TestTheBoardOfOneWord(t *testing.T) {
	t.Parallel()
	b, s := serve(t, role.Role{Kind: role.Ministry})
	b.kinds = true
	status, body := get(t, s.URL+"/quality?period=day&word=sufficient")
	title := score.Sufficient.Title().VI
	if status != 200 || !strings.Contains(body, "Mọi loại hồ sơ") || !strings.Contains(body, "1.000 đạt trên 1.200 được xét") || strings.Contains(body, "995") || strings.Count(body, `<th scope="col" class="lt-r">`) != 1 || !strings.Contains(body, title) {
		t.Errorf("%d\n%s", status, body)
	}
	if _, body = get(t, s.URL+"/quality?period=day"); strings.Contains(body, "Mọi loại hồ sơ") || strings.Count(body, `<th scope="col" class="lt-r">`) != len(score.Words()) {
		t.Error("without a word the board is not whole")
	}
	get(t, s.URL+"/quality.csv?word=sufficient&period=day")
	for _, row := range b.rows[1:] {
		if row[3] != string(score.Sufficient) {
			t.Errorf("%v", row)
		}
	}
	if b.kinds = false; len(b.rows) != 5 { // a head, all kinds, two kinds and a database
		t.Errorf("%d rows", len(b.rows))
	}
	if _, body = get(t, s.URL+"/quality?word=sufficient"); strings.Contains(body, "Mọi loại hồ sơ") {
		t.Error("one kind is told twice")
	}
}

func TestPeriodsAreWholeDays(t *testing.T) {
	t.Parallel()
	b, s := serve(t, role.Role{Kind: role.Ministry})
	for period, want := range map[string][2]int{"": {20261101, 0}, "month": {20261101, 0}, "day": {20261113, 20261113}, "last": {20261001, 20261031}, "year": {20251114, 0}} {
		b.asked = nil
		get(t, s.URL+"/quality?period="+period)
		if len(b.asked) != 1 || b.asked[0].FromDay != want[0] || b.asked[0].ToDay != want[1] {
			t.Errorf("%q: %+v", period, b.asked)
		}
	}
	for _, bad := range []string{"/quality?period=never", "/quality?by=colour", "/quality?word=good", "/quality/check?subject=qd4750&check=none", "/quality/records?subject=none&check=clean",
		"/quality?province=" + strings.Repeat("x", 200), "/quality?vendor=%00"} {
		if status, body := get(t, s.URL+bad); status != 422 && status != 400 || !strings.Contains(body, "scores.query") {
			t.Errorf("%s: %d", bad, status)
		}
	}
}

func TestExportsHaveEveryRow(t *testing.T) {
	t.Parallel()
	b, s := serve(t, role.Role{Kind: role.Ministry})
	get(t, s.URL+"/quality.csv?by=province")
	if len(b.rows) != 1+2*8 || !slices.Equal(b.rows[1], []string{"qd4750", "province", "24", "correct", "995", "1000", "20261101", "0"}) {
		t.Errorf("%d rows, %v", len(b.rows), b.rows[min(1, len(b.rows)-1)])
	}
	if get(t, s.URL+"/quality/checks.csv"); len(b.rows) != 251 {
		t.Errorf("%d rows of checks", len(b.rows))
	}
	if get(t, s.URL+"/quality/check.csv?"+one); len(b.rows) != 3 || b.rows[1][5] != "24917" {
		t.Errorf("%v", b.rows)
	}
}

func TestTheMinistryChangesTheListOfPriorityFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		who    role.Role
		list   string
		status int
		says   string
	}{
		{role.Role{Kind: role.Ministry}, "qd4750\tXML1\tHO_TEN\t1\r\n", 200, "Đã áp dụng"},
		{role.Role{Kind: role.Ministry}, "qd4750\tXML1\tHO_TEN\t1\r\nqd4750\tXML1\tKHONG_CO\t1", 422, "Dòng 2."},
		{role.Role{Kind: role.Province, ID: "24"}, "qd4750\tXML1\tHO_TEN\t1", 403, "score.fields.who"},
	} {
		b, s := serve(t, c.who)
		r, err := http.PostForm(s.URL+"/quality/fields", url.Values{"list": {c.list}})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != c.status && !(c.status == 422 && r.StatusCode == 400) || !strings.Contains(string(body), c.says) {
			t.Errorf("%s: %d %v\n%.1500s", c.who, r.StatusCode, err, body)
		}
		if (b.put != "") != (c.status == 200) {
			t.Errorf("%s: put %q", c.who, b.put)
		}
		if _, form := get(t, s.URL+"/quality/fields"); strings.Contains(form, "<textarea") != (c.who.Kind == role.Ministry) {
			t.Errorf("%s: the form", c.who)
		}
	}
}
