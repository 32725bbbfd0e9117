package databases_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/web/browsertest"
)

// TestTheRoomsInABrowser looks at each page on a desk, a phone and at 320 px: nothing
// wider than the window but what scrolls in itself, a label for each field, targets
// of 24 px at least. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestTheRoomsInABrowser(t *testing.T) {
	browser := browsertest.Start(t, "the pages of databases")
	p := newPlace(t)
	p.send("/databases/food-safety/imports", 200, map[string]string{"file:bep.csv": "Số giấy chứng nhận,Tên,Loại hình,Mã tỉnh,Ngày cấp,Ngày hết hạn\nATTP-0001,Bếp ăn Hoa Sen,kitchen,01,2026-01-05,2029-01-05\nATTP-0002,Nhà hàng Sông Quê,restaurant,24,2026-02-05,2025-01-01\n"})
	imports, err := p.desk.List(t.Context(), stewardOf(p), "food-safety", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.desk.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.post("/databases/food-safety/entries/new", 200, map[string][]string{"v.number": {"ATTP-0009"}, "v.name": {"Bếp ăn Trường Mầm non Ánh Dương"}, "v.kind": {"kitchen"}, "v.province": {"79"}, "v.granted": {"2026-03-01"}, "v.expires": {"2029-03-01"}})
	tab := browsertest.Tab(t, browser)
	for page, path := range map[string]string{"list": "/databases", "one": "/databases/food-safety", "entries": "/databases/food-safety/entries", "form": "/databases/food-safety/entries/new",
		"declare": "/databases/new?from=food-safety", "imports": "/databases/food-safety/imports", "import": "/databases/food-safety/imports/" + imports[0].ID, "feeds": "/databases/food-safety/feeds"} {
		browsertest.Open(t, tab, p.url+path)
		if n := browsertest.Keyed(t, tab, page); n < 5 {
			t.Errorf("%s: %d stops by keyboard", page, n)
		}
		for size, width := range browsertest.Sizes() {
			name := page + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			browsertest.Usable(t, tab, name)
			browsertest.Picture(t, tab, "databases-"+name)
		}
		browsertest.Do(t, tab, browsertest.Window(1280, 768))
	}
	aGrantByKeyboard(t, p, tab)
	theHelpOfKeys(t, p, tab)
}

// theHelpOfKeys is shown and hidden by its own key.
func theHelpOfKeys(t *testing.T, p *place, tab context.Context) {
	browsertest.Do(t, tab, browsertest.Scripts(true))
	browsertest.Open(t, tab, p.url+"/databases")
	for _, open := range []bool{true, false} {
		browsertest.Press(t, tab, ".lt-brand", "?")
		if got := browsertest.Eval[bool](t, tab, `document.getElementById("keys").open`); got != open {
			t.Fatalf("the help of keys is open: %t, not %t", got, open)
		}
	}
}

// feeds are two of a database: one with lines that were not taken, one that stands still.
type feeds struct{}

func (feeds) Told(context.Context, steward.Who, registry.ID) ([]feeding.Feed, error) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	return []feeding.Feed{
		{Source: "thanh-tra", Address: "https://du-lieu.example/thanh-tra/co-so-thuc-pham", Version: 1, At: at, Read: 12400, Made: 12398, Wrong: 2, Last: []feeding.WrongLine{
			{Line: 9001, Found: []feeding.Found{{Code: "feed.line", Text: fault.Text{VI: "Dòng này không đọc được: cần một đối tượng JSON gồm các giá trị đơn.", EN: "The line cannot be read: it must be one JSON object of plain values."}}}},
			{Line: 17, Found: []feeding.Found{{Code: "entry.number.missing", Field: "number", Text: fault.Text{VI: "Số giấy chứng nhận còn thiếu.", EN: "Certificate is missing."}}}}}},
		{Source: "dia-phuong", Address: "https://du-lieu.example/dia-phuong", Version: 1, At: at, Code: "feed.login"}}, nil
}

func (feeds) Again(context.Context, steward.Who, registry.ID, string) error { return nil }

// aGrantByKeyboard opens the fold of a database's page, fills in the form and sends
// it, all without a pointer: the other side and the term are on the page then.
func aGrantByKeyboard(t *testing.T, p *place, tab context.Context) {
	browsertest.Open(t, tab, p.url+"/databases/food-safety")
	fold := `section[aria-labelledby="grants"] summary`
	browsertest.Press(t, tab, fold, kb.Enter)
	if !browsertest.Eval[bool](t, tab, `document.getElementById("to").checkVisibility()`) {
		t.Fatal("the fold of grants does not open by Enter")
	}
	browsertest.Press(t, tab, "#to", "unit:pb")
	browsertest.Press(t, tab, "#purpose", "Phòng ngộ độc thực phẩm")
	until := time.Now().AddDate(1, 0, 0)
	browsertest.Press(t, tab, "#until", until.Format("01022006")) // month, day, year, as the browser of the test asks for them
	browsertest.Press(t, tab, `input[name="fields"]`, " ")
	browsertest.Press(t, tab, `section[aria-labelledby="grants"] form[action$="/grants"] button`, kb.Enter)
	browsertest.Do(t, tab, chromedp.WaitReady(chromedp.CSS(`form[action$="/end"], .lt-problem`)))
	if text := browsertest.Eval[string](t, tab, `document.querySelector("section[aria-labelledby=grants]").innerText`); !strings.Contains(text, "Phòng ngộ độc thực phẩm") || !strings.Contains(text, until.Format("02/01/2006")) {
		t.Errorf("the grant is not on the page: %s", browsertest.Eval[string](t, tab, `document.querySelector("main").innerText`))
	}
}

func stewardOf(p *place) steward.Who { return steward.Who{Role: p.who, Name: p.who.String()} }
