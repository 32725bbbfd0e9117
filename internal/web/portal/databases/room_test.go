package databases_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/law"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store/house"
	"lienthong/internal/store/importspool"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal/asset"
	"lienthong/internal/web/portal/databases"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/problem"
)

// place is the pages over a real steward, reader and desk on SQLite.
type place struct {
	*testing.T
	who    role.Role
	lang   string
	words  *words.Catalogue
	assets *asset.Set
	desk   *bring.Desk
	kept   house.Entries
	deps   databases.Deps
	url    string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	at := clock.System{}
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: at, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	must(t, err)
	h, quiet := s.House, slog.New(slog.DiscardHandler)
	keeper, err := steward.New(t.Context(), steward.Deps{Databases: h.Databases, Entries: h.Entries, Grants: h.Grants, Flow: h.Flow, Scores: h.Scores, Keys: s.Keys, Vault: v,
		Directory: func() *facility.Directory { return facility.NewDirectory(facility.Contents{}) }, Clock: at, Logger: quiet},
		steward.Config{Holder: "test", Tables: func(kind string) map[string][]string {
			if kind == "checkup" {
				return declaration.TablesOf(checkup.Spec())
			}
			return declaration.Family(kind)
		}})
	must(t, err)
	files, err := shipped.Files()
	must(t, err)
	for _, f := range files {
		_, err := keeper.Declare(t.Context(), steward.Who{Role: role.Role{Kind: role.Operator}, Name: "program"}, f.Text)
		must(t, err)
	}
	entries, err := register.NewEntries(register.ReaderDeps{Live: keeper, Entries: h.Entries, Log: s.Disclosures, Vault: v, Clock: at})
	must(t, err)
	spool, err := importspool.Open(t.TempDir(), v)
	must(t, err)
	desk, err := bring.New(bring.Deps{Imports: h.Imports, Entries: h.Entries, Steward: keeper, Files: spool, Clock: at, Logger: quiet,
		History: func(ctx context.Context, unit string, id registry.ID, entry registry.EntryID) ([]registry.Entry, error) {
			return entries.History(ctx, register.Reader{Role: role.Role{Kind: role.Unit, ID: unit}, Name: "import", Route: "undo"}, id, entry)
		}}, bring.Config{Holder: "test"})
	must(t, err)
	p := &place{T: t, who: role.Role{Kind: role.Unit, ID: "attp"}, lang: "vi", desk: desk, kept: h.Entries}
	p.words, err = words.Load()
	must(t, err)
	p.assets, err = asset.Load()
	must(t, err)
	p.serve(databases.Deps{Steward: keeper, Entries: entries, Imports: desk, Feeds: feeds{}, Law: law.Text,
		Counts: func(ctx context.Context) (map[registry.ID]map[registry.EntryState]int64, error) {
			counts, err := h.Entries.Counts(ctx, "")
			out := map[registry.ID]map[registry.EntryState]int64{}
			for _, c := range counts {
				out[c.Database] = map[registry.EntryState]int64{c.State: c.N}
			}
			return out, err
		}, Words: func(context.Context) (map[registry.ID][]databases.Word, error) {
			return map[registry.ID][]databases.Word{"food-safety": {{Name: "correct", Passed: 98, Applied: 100}, {Name: "shared"}}}, nil
		}})
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) serve(d databases.Deps) {
	p.deps = d
	room := databases.New(d, frame{p})
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", p.assets)
	for _, line := range databases.Routes() {
		mux.HandleFunc(line.Method+" "+line.Pattern, func(w http.ResponseWriter, r *http.Request) { line.Serve(room, w, r) })
	}
	s := httptest.NewServer(mux)
	p.Cleanup(s.Close)
	p.url = s.URL
}

type frame struct{ p *place }

func (f frame) Page(r *http.Request, nav, key string, args ...any) view.Page {
	w := f.p.words.In(f.p.lang)
	return view.Page{W: w, Nav: nav, Title: w.T(key, args...), Path: r.URL.Path, Theme: "light", Now: time.Now(),
		Reader: &view.Reader{Role: f.p.who, Name: "thử", Mark: "ab12", Route: r.Pattern},
		Asset: func(name string) string {
			if !f.p.assets.Has(name) {
				return ""
			}
			return f.p.assets.URL(name)
		}}
}

func (f frame) Show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'")
	w.WriteHeader(status)
	b.WriteTo(w) //nolint:errcheck // a test's reader
}

func (f frame) Fail(w http.ResponseWriter, r *http.Request, err error) {
	x := fault.Of(err)
	if x.Kind == fault.Broken {
		f.p.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	page := f.Page(r, "", "problem.title")
	f.Show(w, r, problem.Status(x), view.Problem(page, page.Title, page.W.Text(x.Text), x.Code))
}

func (f frame) CSV(http.ResponseWriter, *http.Request, string, [][]string) {}
func (f frame) See(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, path, http.StatusSeeOther)
}

var unsaid = regexp.MustCompile(`«[^»]*»`)

// get reads a page and looks that all its words are there.
func (p *place) get(path string, status int) string {
	p.Helper()
	return p.answer(must2(p, func() (*http.Response, error) { return http.Get(p.url + path) }), path, status)
}

func (p *place) post(path string, status int, form url.Values) string {
	p.Helper()
	return p.answer(must2(p, func() (*http.Response, error) { return http.PostForm(p.url+path, form) }), path, status)
}

// send posts a multipart form; what is named "file:NAME" goes as a file.
func (p *place) send(path string, status int, parts map[string]string) string {
	p.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, text := range parts {
		var w io.Writer
		var err error
		if file, ok := strings.CutPrefix(name, "file:"); ok {
			w, err = m.CreateFormFile("file", file)
		} else {
			w, err = m.CreateFormField(name)
		}
		must(p.T, err)
		_, err = io.WriteString(w, text)
		must(p.T, err)
	}
	must(p.T, m.Close())
	return p.answer(must2(p, func() (*http.Response, error) { return http.Post(p.url+path, m.FormDataContentType(), &b) }), path, status)
}

func must2(p *place, do func() (*http.Response, error)) *http.Response {
	p.Helper()
	r, err := do()
	must(p.T, err)
	return r
}

func (p *place) answer(r *http.Response, path string, status int) string {
	p.Helper()
	b, err := io.ReadAll(r.Body)
	must(p.T, err)
	must(p.T, r.Body.Close())
	if r.StatusCode != status {
		p.Fatalf("%s: %d, want %d\n%s", path, r.StatusCode, status, b)
	}
	if missing := unsaid.FindString(string(b)); missing != "" {
		p.Errorf("%s: no words for %s", path, missing)
	}
	return string(b) + "\nAT " + r.Request.URL.Path
}

func (p *place) has(page string, texts ...string) {
	p.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			p.Errorf("%q is not in it", text)
		}
	}
}

// A unit adds the fourteenth database from a file, brings entries in, corrects one,
// shares it, and takes an import back: all by the pages.
func TestANonProgrammersWalk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "doc", "guide", "databases", "blood-donation.yaml"))
	must(t, err)
	p.who = role.Role{Kind: role.Unit, ID: "kcb"}
	p.has(p.get("/databases", 200), "An toàn thực phẩm", "98")
	p.has(p.send("/databases/new", 422, map[string]string{"do": "check", "text": strings.Replace(string(text), "key: [facility, number]", "key: [code]", 1)}), "Dòng", "Không có trường “code”")
	p.has(p.send("/databases/new", 200, map[string]string{"do": "check", "file:x.yaml": string(text)}), "Khai báo dùng được", "Ghi nhận")
	p.has(p.send("/databases/new", 200, map[string]string{"do": "take", "text": string(text)}), "Hiến máu", "AT /databases/blood-donation")
	for _, do := range []string{"check", "take"} {
		p.has(p.send("/databases/new", 422, map[string]string{"do": do, "base": "blood-donation/0", "text": string(text) + "# begun before the other was taken\n"}), "Người khác vừa đổi khai báo này")
	}

	file := "Mã túi máu;Mã cơ sở;CCCD;Ngày hiến máu;Thể tích;Nhóm máu\nM-00001;T0001;079088000001;20/11/2026;350;O+\nM-00002;T0001;079088000002;20/11/2026;9999;A+\n"
	page := p.send("/databases/blood-donation/imports", 200, map[string]string{"file:máu.csv": file})
	p.has(page, "máu.csv", "M-00001", "Thể tích (ml) nằm ngoài khoảng cho phép")
	at := page[strings.LastIndex(page, "AT ")+3:]
	p.post(at, 422, url.Values{"do": {"apply"}})
	must(t, p.desk.Work(t.Context()))
	p.has(p.get(at, 200), "Ghi 1 dòng", "entry.volume.range")
	p.post(at, 200, url.Values{"do": {"apply"}})
	must(t, p.desk.Work(t.Context()))
	p.has(p.get(at, 200), "Hoàn tác cả lần nhập")
	list := p.get("/databases/blood-donation/entries", 200)
	p.has(list, "M-00001", "079088000001", "20/11/2026")
	if strings.Contains(list, "M-00002") {
		t.Error("a refused row was written")
	}
	p.has(p.post("/databases/blood-donation/entries", 200, url.Values{"by.person": {"079088000001"}}), "M-00001")
	p.has(p.post("/databases/blood-donation/entries", 200, url.Values{"by.person": {"079088000009"}}), "Không có mục nào")
	p.has(p.post("/databases/blood-donation/export.csv", 200, url.Values{}), "M-00001", "079088000001")
	p.has(p.post("/databases/blood-donation/export.ndjson", 200, url.Values{}), `"number":"M-00001"`)

	entry := regexp.MustCompile(`/databases/blood-donation/entries/([0-9a-f]{32})`).FindStringSubmatch(list)[1]
	p.has(p.get("/databases/blood-donation/entries/"+entry, 200), "O+", "nhap-", "phiên bản 1")
	p.has(p.get("/databases/blood-donation/entries/new?from="+entry, 200), `value="079088000001"`)
	form := url.Values{"v.number": {"M-00001"}, "v.facility": {"T0001"}, "v.given": {"2026-11-20"}, "v.volume": {"5"}}
	p.has(p.post("/databases/blood-donation/entries/new", 422, form), "nằm ngoài khoảng", `value="5"`)
	form.Set("v.volume", "450")
	p.has(p.post("/databases/blood-donation/entries/new", 200, form), "450", "Lịch sử (2 phiên bản)", "AT /databases/blood-donation/entries/"+entry)

	p.has(p.post("/databases/blood-donation/steps", 422, url.Values{"state": {"operating"}, "evidence": {"Biên bản số 12/BB"}}), "từng bước")
	p.has(p.post("/databases/blood-donation/steps", 200, url.Values{"state": {"building"}, "evidence": {"Biên bản số 12/BB"}}), "Đang xây dựng", "Biên bản số 12/BB")
	p.post("/databases/blood-donation/grants", 422, url.Values{"to": {"unit:pb"}, "purpose": {"x"}, "fields": {"given"}, "until": {time.Now().AddDate(2, 0, 0).Format(time.DateOnly)}})
	p.has(p.post("/databases/blood-donation/grants", 200, url.Values{"to": {"unit:pb"}, "purpose": {"Điều phối máu"}, "fields": {"facility", "given"}, "until": {time.Now().AddDate(2, 0, 0).Format(time.DateOnly)}}), "Điều phối máu", "Chấm dứt")

	// The receiver sees the grant and its two fields; nobody else sees entries.
	p.who = role.Role{Kind: role.Unit, ID: "pb"}
	p.has(p.get("/databases/blood-donation", 200), "Điều phối máu", "2 trong 6 trường")
	if seen := p.get("/databases/blood-donation/entries", 200); strings.Contains(seen, "079088000001") || strings.Contains(seen, "M-00001") {
		t.Error("a receiver sees more than was given")
	}
	p.post("/databases/blood-donation/steps", 403, url.Values{"state": {"evaluated"}, "evidence": {"Biên bản số 13/BB"}})
	p.get("/databases/blood-donation/imports", 403)
	p.who = role.Role{Kind: role.Unit, ID: "yhct"}
	p.get("/databases/blood-donation/entries", 404)
	p.get("/databases/none", 404)

	p.who = role.Role{Kind: role.Unit, ID: "kcb"}
	p.has(p.post("/databases/blood-donation/entries/"+entry+"/end", 422, url.Values{"reason": {"sai"}}), "ít nhất 10 ký tự")
	p.has(p.post("/databases/blood-donation/entries/"+entry+"/end", 200, url.Values{"reason": {"Nhập nhầm túi máu"}}), "đã kết thúc")
	p.spoil("blood-donation", entry)
	p.has(p.get("/databases/blood-donation/entries", 200), entry[:8], "không đọc được")
	p.has(p.get("/databases/blood-donation/entries/"+entry, 200), "Phần đóng kín của mục này không mở được", "Lịch sử (4 phiên bản)")
	p.has(p.post("/databases/blood-donation/export.csv", 200, url.Values{}), entry+",4,unreadable")
	p.has(p.post("/databases/blood-donation/export.ndjson", 200, url.Values{}), `"unreadable":true`)
	p.lang = "en"
	for _, path := range []string{"/databases", "/databases/new", "/databases/blood-donation", "/databases/blood-donation/entries", "/databases/blood-donation/entries/new",
		"/databases/blood-donation/entries/" + entry, "/databases/blood-donation/imports", at} {
		p.get(path, 200)
	}
}

// spoil gives an entry a version whose sealed bytes do not open.
func (p *place) spoil(id registry.ID, entry string) {
	p.Helper()
	of, err := steward.ParseEntry(entry)
	must(p.T, err)
	row, err := p.kept.Get(p.Context(), id, of, time.Time{})
	must(p.T, err)
	row.Version, row.Sealed, row.Wrapped, row.Class, row.Month = row.Version+1, bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 64), "y10", 202611
	must(p.T, p.kept.Put(p.Context(), id, house.Batch{Rows: []house.Row{*row}}, ""))
}

// many is a database of very many entries.
type many struct {
	databases.Entries
	pages int
	fails bool // after the last page, and so in the middle
}

func (m many) List(_ context.Context, _ register.Reader, _ registry.ID, q register.Query) (register.Page, error) {
	at, err := strconv.Atoi(cmp.Or(q.Cursor, "0"))
	if err != nil {
		return register.Page{}, err
	}
	if at >= m.pages {
		return register.Page{}, errors.New("the store is gone")
	}
	p := register.Page{Entries: make([]registry.Entry, 500)}
	if at+1 < m.pages || m.fails {
		p.Next = strconv.Itoa(at + 1)
	}
	return p, nil
}

// An export has all entries, however many; one that cannot go on is cut off.
func TestAnExportIsWholeOrCutOff(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	deps := p.deps
	for _, kind := range []string{"csv", "ndjson"} {
		deps.Entries = many{Entries: p.deps.Entries, pages: 202}
		p.serve(deps)
		lines := strings.Count(p.post("/databases/food-safety/export."+kind, 200, url.Values{}), "\n") - 1 // AT
		if kind == "csv" {
			lines-- // the names of fields
		}
		if lines != 101_000 {
			t.Errorf("%s: %d entries of 101,000", kind, lines)
		}
		deps.Entries = many{Entries: p.deps.Entries, pages: 3, fails: true}
		p.serve(deps)
		r, err := http.PostForm(p.url+"/databases/food-safety/export."+kind, url.Values{})
		must(t, err)
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("%s: what was cut off looks whole", kind)
		}
		must(t, r.Body.Close())
	}
}

// The list of databases in a state is those in it.
func TestAListOfDatabasesInAState(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	of := regexp.MustCompile(`href="(/databases/[a-z-]+)"`)
	if all := of.FindAllString(p.get("/databases?state=surveyed", 200), -1); len(all) < 10 {
		t.Errorf("surveyed: %d", len(all))
	}
	p.has(p.get("/databases?state=operating", 200), "Không có cơ sở dữ liệu nào ở bước này", `href="/databases"`)
	p.get("/databases?state=none", 422)
}

// No number of a person is in a link or a form's address.
func TestSearchesAreNotInAddresses(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	page := p.get("/databases/food-safety/entries", 200)
	if !strings.Contains(page, `action="/databases/food-safety/entries" method="post"`) || strings.Contains(page, `method="get"`) {
		t.Error("a search goes into the address")
	}
}
