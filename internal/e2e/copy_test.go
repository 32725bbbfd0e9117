package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lienthong/internal/store"
)

// on is a person's browser that logged in for the first time at a moment; zero: never.
func (w *world) on(person store.PersonID, device byte, since time.Time) *clinician {
	w.t.Helper()
	c := w.citizen(person, w.clock.Now())
	raw := [32]byte{0xDE, device}
	c.http.Jar.SetCookies(must(url.Parse(w.server.URL)), []*http.Cookie{{Name: "lienthong-device", Value: base64.RawURLEncoding.EncodeToString(raw[:]), Path: "/"}})
	if !since.IsZero() {
		_, _, err := w.hub.Slices.Logins.Device(w.ctx, store.Owner{Person: person}, sha256.Sum256(raw[:]), since)
		w.check(err)
	}
	return c
}

// TestAFullCopyWaitsInANewBrowser: a day from when it was asked for, with a notice
// at once; in a browser that is long known there is no wait. What is fetched holds
// every record, more than a page of them.
func TestAFullCopyWaitsInANewBrowser(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		person, record, _ := w.treated("079990888361")
		const more = 104
		for i := range more {
			v := newVisit().set("XML1", "SO_CCCD", "079990888361").set("XML1", "HO_TEN", "TRẦN THỊ THU HÀ").set("XML1", "MA_BN", fmt.Sprintf("BN%04d", i))
			w.one("79901", ours(pairs().ec, envelope(v)), "accepted")
		}
		const file = "/me/download/lienthong.json"
		began := w.clock.Now()
		fresh := w.on(person, 1, began.Add(-time.Hour))
		refused := func(what string, c *clinician) {
			t.Helper()
			for _, path := range []string{file, "/me/download/lienthong.pdf"} {
				if status, _, body := c.ask(http.MethodGet, path, nil); status != http.StatusForbidden || strings.Contains(body, record) {
					t.Errorf("%s: %s %d", what, path, status)
				}
			}
		}
		refused("a new browser", fresh)
		refused("one that never logged in", w.on(person, 9, time.Time{}))
		if page := fresh.reads("/me/download", http.StatusOK); strings.Contains(page, file) || !strings.Contains(page, "Chuẩn bị bản sao") {
			t.Errorf("the page offers the file\n%s", page)
		}
		for range 2 {
			fresh.goes("/me/download", url.Values{})
		}
		refused("asked", fresh)
		if page := w.citizen(person, w.clock.Now()).reads("/me", http.StatusOK); strings.Count(page, "tải toàn bộ sổ từ một trình duyệt mới") != 1 {
			t.Errorf("its owner is not told once\n%s", page)
		}
		w.clock.Advance(copyAlmost)
		refused("a browser known for a day, that asked when it was new", w.on(person, 1, time.Time{}))
		w.clock.Advance(10 * time.Minute)
		whole := func(c *clinician) {
			t.Helper()
			var got struct {
				Format   string
				Records  []struct{ ID string }
				Count    int
				Complete bool
				Summary  map[string]any
			}
			w.check(json.Unmarshal([]byte(c.reads(file, http.StatusOK)), &got))
			ids := map[string]bool{}
			for _, r := range got.Records {
				ids[r.ID] = true
			}
			if got.Format != "lienthong-copy/1" || !got.Complete || got.Count != more+1 || len(ids) != more+1 || !ids[record] || got.Summary == nil {
				t.Errorf("the copy holds %d of %d records, complete %v", len(ids), more+1, got.Complete)
			}
			if _, _, pdf := c.ask(http.MethodGet, "/me/download/lienthong.pdf", nil); !strings.HasPrefix(pdf, "%PDF-") {
				t.Error("no PDF")
			}
		}
		whole(w.on(person, 1, time.Time{}))
		whole(w.on(person, 2, w.clock.Now().Add(-25*time.Hour)))
		stranger, _, _ := w.treated("079990888362")
		refused("the browser of somebody else", w.on(stranger, 1, time.Time{}))
	})
}

// copyAlmost is just short of the wait of a copy.
const copyAlmost = 24*time.Hour - 5*time.Minute
