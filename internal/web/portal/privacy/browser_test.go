package privacy_test

import (
	"testing"

	"lienthong/internal/web/browsertest"
)

// TestTheRoomInABrowser looks at each page on a desk, a phone and at 320 px: nothing
// wider than the window but what scrolls in itself, a label for each field, targets
// of 24 px at least. Pictures go to LIENTHONG_SHOTS, else nowhere.
func TestTheRoomInABrowser(t *testing.T) {
	tab := browsertest.Tab(t, browsertest.Start(t, "the pages of officers"))
	s := newBureau(t).serve(t)
	for page, path := range shown() {
		browsertest.Open(t, tab, s.URL+path)
		for size, width := range browsertest.Sizes() {
			name := page + "-" + size
			browsertest.Do(t, tab, browsertest.Window(width, 768))
			browsertest.Fits(t, tab, name)
			browsertest.Usable(t, tab, name)
			browsertest.Picture(t, tab, "privacy-"+name)
		}
	}
}
