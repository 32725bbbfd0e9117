package e2e_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/synth"
	"lienthong/internal/synth/entries"
	"lienthong/internal/web/session"
)

// worked has the hub work its files off.
func (w *world) worked() {
	w.t.Helper()
	for _, r := range w.hub.House.Rounds {
		if r.Failed == "imports not worked off" {
			w.check(r.Do(w.ctx))
			return
		}
	}
	w.t.Fatal("no files are taken here")
}

// TestAFileIsBroughtInOnPages: the steward's unit sends a file, looks at what would
// become of it, has it written, and the interface gives its entries.
func TestAFileIsBroughtInOnPages(t *testing.T) {
	t.Parallel()
	nation, err := synth.New(synth.Config{Seed: 5, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	told, err := entries.Write(&file, nation.Country, entries.File{Database: "personnel", Rows: 60, At: nation.Config().To})
	if err != nil {
		t.Fatal(err)
	}
	engines(t, func(t *testing.T, w *world) {
		unit := w.sitting(session.Entry{Role: role.Role{Kind: role.Unit, ID: "tccb"}, Name: "Tổ chức cán bộ", Level: 2, SteppedUp: w.clock.Now()})
		var form bytes.Buffer
		parts := multipart.NewWriter(&form)
		must(must(parts.CreateFormFile("file", "nhân lực.csv")).Write(file.Bytes()))
		w.check(parts.Close())
		r := must(http.NewRequestWithContext(w.ctx, http.MethodPost, w.server.URL+"/databases/personnel/imports", &form))
		r.Header.Set("Content-Type", parts.FormDataContentType())
		quiet := *unit.http
		quiet.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		a := must(quiet.Do(r))
		w.check(a.Body.Close())
		next := a.Header.Get("Location")
		if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(next, "/databases/personnel/imports/") {
			t.Fatalf("HTTP %d to %q", a.StatusCode, next)
		}
		w.worked()
		if page := unit.reads(next, http.StatusOK); !strings.Contains(page, "000000/") {
			t.Fatalf("no preview\n%s", page)
		}
		if got := w.entries("unit:tccb", "personnel"); len(got) != 0 {
			t.Fatalf("written before anybody said so: %d", len(got))
		}
		if status, to, body := unit.ask(http.MethodPost, next, url.Values{"do": {"apply"}}); status != http.StatusSeeOther || to != next {
			t.Fatalf("HTTP %d to %q\n%s", status, to, body)
		}
		w.worked()
		licence := strings.SplitN(strings.SplitN(file.String(), "\n", 3)[1], ",", 2)[0]
		status, body := w.sits("unit:tccb").call("GET", "/api/v1/databases/personnel/entries?by.licence="+url.QueryEscape(licence), nil)
		var found struct {
			Entries []struct{ Values map[string]string }
		}
		if err := json.Unmarshal(body, &found); err != nil || status != http.StatusOK || len(found.Entries) != 1 || found.Entries[0].Values["licence"] != licence || found.Entries[0].Values["name"] == "" {
			t.Fatalf("HTTP %d %v %s", status, err, body)
		}
		if status, body := w.sits("unit:qld").call("GET", "/api/v1/databases/personnel/entries?by.licence="+url.QueryEscape(licence), nil); status != http.StatusOK || strings.Contains(string(body), `"person"`) {
			t.Errorf("another unit: HTTP %d %s", status, body)
		}
		counts, err := w.hub.Slices.House.Entries.Counts(w.ctx, "personnel")
		w.check(err)
		n := int64(0)
		for _, c := range counts {
			n += c.N
		}
		if most := int64(told.Rows); n < most-int64(told.Faults) || n > most {
			t.Errorf("%d entries of %+v", n, told)
		}
	}, shipped, func(c *hub.Config) { c.Imports = t.TempDir() })
}
