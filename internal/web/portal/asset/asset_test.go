package asset_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"lienthong/internal/web/portal/asset"
)

func TestTheProgramStandsWithoutDist(t *testing.T) {
	t.Parallel()
	s, err := asset.LoadFrom(fstest.MapFS{"own/lienthong.css": {Data: []byte(":root{}")}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Has("htmx.js") || !s.Has("lienthong.css") {
		t.Error("what is there is not what was given")
	}
}

func TestFilesAreServedUnderTheirTagOnly(t *testing.T) {
	t.Parallel()
	s, err := asset.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lienthong.css", "lienthong.js", "mark.svg"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, s.URL(name), nil))
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/assets/0000/lienthong.css", "/assets/lienthong.css", s.URL("asset.go"), s.URL("../own/lienthong.css"), s.URL("")} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		s.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestTextIsCompressedWhenAsked(t *testing.T) {
	t.Parallel()
	s, err := asset.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, s.URL("lienthong.css"), nil)
	r.Header.Set("Accept-Encoding", "br, gzip")
	s.ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" || !strings.HasPrefix(w.Body.String(), "\x1f\x8b") {
		t.Errorf("%v", w.Header())
	}
}

// Every address in our own style sheet is of this site.
func TestStyleLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	s, err := asset.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, s.URL("lienthong.css"), nil))
	if found := regexp.MustCompile(`https?://|@import`).FindString(w.Body.String()); found != "" {
		t.Errorf("the style sheet names %q", found)
	}
}
