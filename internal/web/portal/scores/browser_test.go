package scores_test

import (
	"strconv"
	"testing"

	"lienthong/internal/role"
	"lienthong/internal/web/browsertest"
)

// TestTheRoomInABrowser looks at each page on a desk, a phone and at 320 px: nothing
// wider than the window but what scrolls in itself, a label for each field, targets
// of 24 px at least. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestTheRoomInABrowser(t *testing.T) {
	tab := browsertest.Tab(t, browsertest.Start(t, "the pages of quality"))
	_, s := serve(t, role.Role{Kind: role.Ministry})
	for n, path := range shown() {
		browsertest.Open(t, tab, s.URL+path)
		for size, width := range browsertest.Sizes() {
			name := strconv.Itoa(n) + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			browsertest.Usable(t, tab, name)
			browsertest.Picture(t, tab, "scores-"+name)
		}
	}
	browsertest.Do(t, tab, browsertest.Window(320, 768), browsertest.Scripts(true))
	if browsertest.Eval[bool](t, tab, `document.querySelector("main").append(Object.assign(document.createElement("pre"), {textContent: "x".repeat(999), style: "overflow:visible"})) === undefined`); browsertest.Wide(t, tab) == 0 {
		t.Error("a page that is too wide is not told from one that fits")
	}
}
