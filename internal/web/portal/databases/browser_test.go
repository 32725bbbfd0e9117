package databases_test

import (
	"testing"

	"lienthong/internal/steward"
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
		"declare": "/databases/new?from=food-safety", "imports": "/databases/food-safety/imports", "import": "/databases/food-safety/imports/" + imports[0].ID} {
		browsertest.Open(t, tab, p.url+path)
		for size, width := range browsertest.Sizes() {
			name := page + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			browsertest.Usable(t, tab, name)
			browsertest.Picture(t, tab, "databases-"+name)
		}
	}
}

func stewardOf(p *place) steward.Who { return steward.Who{Role: p.who, Name: p.who.String()} }
