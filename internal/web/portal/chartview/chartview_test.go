package chartview_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/emr"
	"lienthong/internal/schema"
	"lienthong/internal/web/browsertest"
	"lienthong/internal/web/portal/asset"
	"lienthong/internal/web/portal/chartview"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, clock.Hanoi)

type cells = map[string]string

func table(t testing.TB, spec *schema.Version, name string, rows ...cells) *dossier.Table {
	t.Helper()
	st := spec.Table(name)
	out := &dossier.Table{Columns: st.Columns}
	for n, fields := range rows {
		row := dossier.Row{Line: n + 1, Cells: make([]dossier.Cell, len(st.Columns.Names()))}
		for field, text := range fields {
			if i := st.Columns.Index(field); i >= 0 {
				row.Cells[i].Text = text
			} else {
				row.Extra = append(row.Extra, dossier.Extra{Name: field, Cell: dossier.Cell{Text: text}})
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func entry(facility string, n byte, what, title string, ago time.Duration, spec *schema.Version, tables ...*dossier.Table) chart.Entry {
	content := &dossier.Content{All: tables}
	return chart.Entry{ID: dossier.ID{Facility: care.FacilityCode(facility), Serial: [16]byte{n}}, Kind: what, Received: now.Add(-ago), Version: 1,
		Read: kind.Dossier{Content: content, Spec: spec, Episode: kind.EpisodeOf(content), Patient: kind.PatientOf(content)}, View: kind.View{Title: fault.Text{VI: title, EN: what}}}
}

// book is somebody with an allergy here and none there, two blood groups, no
// word on implants, and creatinine over a year.
func book(t testing.TB) []chart.Entry {
	qd, em := schema.ByDecision("3176"), emr.Spec()
	var all []chart.Entry
	for i, v := range []string{"88", "92,5", "101", "118", "131"} {
		in := fmt.Sprintf("2026%02d05", 2*i+1)
		all = append(all, entry("79001", byte(i+1), "qd4750", "Hồ sơ khám bệnh, chữa bệnh", time.Duration(300-60*i)*24*time.Hour, qd,
			table(t, qd, "XML1", cells{"MA_LK": "V" + v, "NGAY_SINH": "196003050000", "NGAY_VAO": in + "0800", "NGAY_RA": in + "1000", "MA_LOAI_KCB": "01", "NHOM_MAU": "A",
				"MA_BENH_CHINH": "I10", "MA_BENH_KT": "E11.9", "CHAN_DOAN_RV": "Tăng huyết áp; Đái tháo đường típ 2", "DIEN_THOAI": "0000123456"}),
			table(t, qd, "XML2", cells{"MA_LK": "V" + v, "MA_THUOC": "40.491", "TEN_THUOC": "Amlodipin 5mg", "HAM_LUONG": "5mg", "LIEU_DUNG": "1 viên/ngày * 90 ngày", "CACH_DUNG": "Uống sáng", "SO_LUONG": "60.00", "DON_VI_TINH": "Viên", "NGAY_YL": in + "0900"}),
			table(t, qd, "XML4", cells{"MA_LK": "V" + v, "MA_CHI_SO": "2300511", "TEN_CHI_SO": "Creatinin", "GIA_TRI": v, "DON_VI_DO": "µmol/L", "NGAY_KQ": in + "0930"},
				cells{"MA_LK": "V" + v, "TEN_CHI_SO": "CRP", "GIA_TRI": "12", "NGAY_KQ": in + "0930"})))
	}
	stay := entry("79002", 9, "qd4750", "Hồ sơ khám bệnh, chữa bệnh", 3*time.Second, qd,
		table(t, qd, "XML1", cells{"MA_LK": "S", "NGAY_SINH": "196003050000", "NGAY_VAO": "202611150800", "NGAY_RA": "202611221000", "MA_LOAI_KCB": "03", "NHOM_MAU": "O", "MA_BENH_CHINH": "J18.9", "CHAN_DOAN_RV": "Viêm phổi", "KET_QUA_DTRI": "2"}),
		table(t, qd, "XML2", cells{"MA_LK": "S", "MA_THUOC": "40.491", "TEN_THUOC": "Amlor", "HAM_LUONG": "5mg", "LIEU_DUNG": "1 viên/ngày * 7 ngày", "NGAY_YL": "202611160900"}),
		table(t, qd, "XML8", cells{"MA_LK": "S", "QT_BENHLY": "Sốt, ho. Chưa ghi nhận dị ứng thuốc. Không mang thai."}),
		table(t, qd, "XML13", cells{"MA_LK": "S", "GIAY_CHUYEN_TUYEN": "2071/2026", "MA_CSKCB_DEN": "79001", "NGAY_RA": "202611201000", "MA_BENH_CHINH": "J18.9"}),
		table(t, qd, "XML14", cells{"MA_LK": "S", "SO_GIAYHEN_KL": "88", "NGAY_HEN_KL": "20261130", "NGAY_CT": "20261120"}))
	paper := entry("79003", 10, "emr", "Hồ sơ bệnh án", time.Hour, em, table(t, em, "THONG_TIN_BENH_NHAN", cells{"MA_LK": "P", "DI_UNG": "Penicillin: mày đay, <b>sốc</b>", "Ma.La": "tự đặt"}),
		table(t, em, "THONG_TIN_VAO_VIEN", cells{"NGAY_VAO": "2026-09-01", "CHAN_DOAN": "Mày đay"}))
	return append(all, stay, paper)
}

func speaker(t testing.TB, lang string) words.Speaker {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.In(lang)
}

func look() chartview.Look {
	names := map[care.FacilityCode]string{"79001": "BVĐK Sao Mai", "79002": "TTYT Hoa Sen"}
	return chartview.Look{Facility: func(c care.FacilityCode) string { return names[c] }, Link: func(s chart.Source) string { return "/records/" + s.Record.String() }}
}

// parts are all components over a book.
func parts(t testing.TB, p view.Page, entries []chart.Entry) templ.Component {
	t.Helper()
	c, l := chart.Read(entries, now), look()
	list := []templ.Component{chartview.SummaryCard(p, c.Summary(), l), chartview.EmergencyCard(p, c.Emergency(), l), chartview.FactCard(p, "vaccinations", c.Vaccinations, l),
		chartview.Timeline(p, c.Visits, l), chartview.SlipList(p, c.Slips, l), chartview.ResultSeries(p, c.Results, l), chartview.MedicineList(p, c.Medicines(365), l), chartview.ProblemList(p, c.Problems, l)}
	for i := range entries[:min(1, len(entries))] {
		list = append(list, chartview.DocumentSections(p, entries[len(entries)-1-i].Sections(), l))
	}
	return templ.Join(list...)
}

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func page(t testing.TB, lang string) view.Page {
	return view.Page{W: speaker(t, lang), Title: "Hồ sơ", Theme: "light", Now: now, Asset: func(string) string { return "" }}
}

func TestEveryPartSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"vi", "en"} {
		for _, entries := range [][]chart.Entry{book(t), nil} {
			html := render(t, parts(t, page(t, lang), entries))
			if i := strings.Index(html, "«"); i >= 0 {
				t.Errorf("%s: a word is missing: %s", lang, html[i:min(len(html), i+60)])
			}
			if strings.Contains(html, " style=") || strings.Contains(html, "<script") || strings.Contains(html, "<b>sốc") {
				t.Errorf("%s: what a page may not hold", lang)
			}
		}
	}
}

func TestTheThreeDisplaysAreNeverAlike(t *testing.T) {
	t.Parallel()
	p := page(t, "vi")
	for _, kind := range []string{"allergies", "blood", "implants", "pregnancy", "contacts", "vaccinations"} {
		displays(t, p, kind)
	}
}

func displays(t *testing.T, p view.Page, kind string) {
	t.Helper()
	card := func(s chart.State) string {
		f := chart.Fact{State: s}
		if s != chart.Nothing {
			f.Items = []chart.Item{{Says: s, Text: "x", How: chart.ByField}}
		}
		return render(t, chartview.FactCard(p, kind, f, chartview.Look{}))
	}
	said := map[chart.State]string{chart.Recorded: "Có ghi nhận", chart.None: "Ghi nhận là không có", chart.Nothing: "Chưa ai ghi nhận"}
	marks := map[string]chart.State{}
	for s, words := range said {
		html := card(s)
		if !strings.Contains(html, "lt-fact-"+string(s)) || !strings.Contains(html, words) {
			t.Errorf("%s is shown as %s", s, html)
		}
		for other, text := range said {
			if other != s && strings.Contains(html, ">"+text+"<") {
				t.Errorf("%s says %q too", s, text)
			}
		}
		mark := regexp.MustCompile(`lt-badge.*?lt-mark-(\w+)`).FindStringSubmatch(html)
		if mark == nil || marks[mark[1]] != "" {
			t.Errorf("%s has the mark %q of %s", s, mark, marks[mark[1]])
		} else {
			marks[mark[1]] = s
		}
	}
}

func TestWhatAPageSaysOfABook(t *testing.T) {
	t.Parallel()
	entries := book(t)
	html := render(t, parts(t, page(t, "vi"), entries))
	for _, want := range []string{
		"Penicillin: mày đay, &lt;b&gt;sốc&lt;/b&gt;", "“Chưa ghi nhận dị ứng thuốc”", "Các nguồn nói khác nhau", `href="/records/` + entries[6].ID.String() + `"`,
		"Hồ sơ bệnh án: Thông tin người bệnh, 79003, 01/09/2026", "Tóm tắt hồ sơ bệnh án (XML8), TTYT Hoa Sen, 15/11/2026", "và 4 nguồn khác ghi như vậy", "TTYT Hoa Sen", "Chưa biết có hay không", "Hai nơi cùng kê, trùng ngày",
		"131", "↑ Cao", "thiếu đơn vị", "44 – 110", "khoảng thường dùng của người lớn", "lt-spark", "Creatinin theo thời gian: 05/09/2026: 131; 05/07/2026: 118",
		"đến 3 giây trước", "Giấy chuyển cơ sở", "Hẹn ngày 30/11/2026", "Có giá trị đến hết ngày 04/12/2026", "Điều trị nội trú", "Kết quả điều trị: Đỡ", "Ma.La", "60 Viên",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(render(t, chartview.ArrivedBadge(page(t, "vi"), now.Add(-time.Hour))), "đến") {
		t.Error("an hour ago has just arrived")
	}
	if ids := regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(render(t, chartview.EmergencyCard(page(t, "vi"), chart.EmergencySet(entries, now), look())), -1); len(ids) != 7 {
		t.Errorf("%d cards in the emergency set", len(ids))
	}
}

// TestPartsInABrowser looks at the parts in headless Chromium: a laptop, a phone
// and 320 px, light and dark, on screen and on paper. Pictures go to
// LIENTHONG_SHOTS where it is set.
func TestPartsInABrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED LOUDLY: no chromium on this machine, the parts were not looked at in a browser")
	}
	assets, err := asset.Load()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", assets)
	mux.HandleFunc("/part/{what}/{theme}/{lang}", func(w http.ResponseWriter, r *http.Request) {
		p := page(t, r.PathValue("lang"))
		p.Theme, p.Asset = r.PathValue("theme"), assets.URL
		c, l := chart.Read(book(t), now), look()
		body := chartview.SummaryCard(p, c.Summary(), l)
		switch r.PathValue("what") {
		case "emergency":
			body = chartview.EmergencyCard(p, c.Emergency(), l)
		case "empty":
			body = chartview.EmergencyCard(p, chart.EmergencySet(nil, now), l)
		case "documents":
			body = templ.Join(chartview.Timeline(p, c.Visits, l), chartview.SlipList(p, c.Slips, l), chartview.DocumentSections(p, book(t)[5].Sections(), l))
		}
		body = templ.Join(templ.Raw("<h1>Phần</h1>"), body)
		if err := view.Base(p).Render(templ.WithChildren(r.Context(), body), w); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking", "disable-sync", "hide-scrollbars"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	browser, stopBrowser := chromedp.NewContext(alloc)
	t.Cleanup(stopBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"summary", "emergency", "empty", "documents"} {
		for _, s := range []struct {
			theme, lang string
			width       int64
		}{{"light", "vi", 1366}, {"dark", "en", 390}, {"light", "en", 320}} {
			shoot(t, browser, srv.URL, what, s.theme, s.lang, s.width)
		}
	}
}

func shoot(t *testing.T, browser context.Context, url, what, theme, lang string, width int64) {
	t.Helper()
	tab, cancel := chromedp.NewContext(browser)
	defer cancel()
	tab, stop := context.WithTimeout(tab, time.Minute)
	defer stop()
	if err := chromedp.Do(tab, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url+"/part/"+what+"/"+theme+"/"+lang), chromedp.WaitReady("main")); err != nil {
		t.Fatal(err)
	}
	browsertest.Fits(t, tab, fmt.Sprintf("%s at %d px", what, width))
	if dir := os.Getenv("LIENTHONG_SHOTS"); dir != "" {
		png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("chart-%s-%d.png", what, width)), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
