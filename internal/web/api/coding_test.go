package api_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/body"
	"lienthong/internal/intake"
	"lienthong/internal/web/api"
)

// inside wraps a text as an inner document, with enough around it to gain by it.
func inside(text string) string {
	return "two<NOIDUNGFILE>" + base64.StdEncoding.EncodeToString([]byte(text+strings.Repeat(" ", 300))) + "</NOIDUNGFILE>"
}

func unwrapped(t *testing.T, text string) string {
	t.Helper()
	u, ok := body.Unwrap([]byte(text))
	if !ok {
		t.Fatal("nothing to unwrap")
	}
	return string(u)
}

const asUnwrapped = "Member-Coding: unwrapped"

// What is sent without its base64 reaches intake byte for byte as it was before.
func TestUnwrappedMembersAreRebuilt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first, second := inside("a"), inside("b")
	tarred := pack(t, member{"a.xml", unwrapped(t, first)}, member{"b.xml", second}, member{"c.xml", "ok"}, member{"d.xml", unwrapped(t, first)[:40]})
	rec := w.send(string(tarred), asTar, asUnwrapped)
	var got []string
	for _, r := range read[submission](t, rec).Results {
		got = append(got, fmt.Sprint(r.File, " ", r.Index, " ", r.State, r.Code))
	}
	want := []string{"a.xml 0 accepted_with_warnings", "a.xml 1 accepted_with_warnings", "b.xml 0 accepted_with_warnings", "b.xml 1 accepted_with_warnings",
		"c.xml 0 accepted_with_warnings", "d.xml 0 file.unreadable"}
	if rec.Code != 200 || !slices.Equal(got, want) || rec.Header().Get("Member-Codings") != "unwrapped" {
		t.Errorf("%d %v\n%s", rec.Code, rec.Header(), strings.Join(got, "\n"))
	}
	if w.intake.held != 0 {
		t.Errorf("%d bytes are still held", w.intake.held)
	}
	if n := slices.IndexFunc(w.intake.files, func(f intake.File) bool { return string(f.Bytes) == first }); n < 0 {
		t.Error("intake did not see the file byte for byte")
	}
	if rec := w.send(string(tarred), asTar, "Member-Coding: rot13"); rec.Code != 422 || !strings.Contains(rec.Body.String(), "request.member_coding") {
		t.Errorf("another coding: %d %s", rec.Code, rec.Body)
	}
}

// Without the header the form is bytes like any other, and the limits are of the
// file, not of what travels.
func TestTheLimitsAreOfTheRebuiltFile(t *testing.T) {
	t.Parallel()
	long := inside(strings.Repeat("x", 3000))
	u := unwrapped(t, long)
	for name, change := range map[string]func(*api.Config){
		"of a file": func(c *api.Config) { c.FileLimit = int64(len(u)) + 10 },
		"of a tar":  func(c *api.Config) { c.TarLimit = int64(len(long)) + 1600 },
	} {
		w := setup(t, change)
		if rec := w.send(string(pack(t, member{"a", u}, member{"b", u})), asTar, asUnwrapped); !strings.Contains(rec.Body.String(), "file.limits") {
			t.Errorf("%s: %s", name, rec.Body)
		}
		if w.intake.held != 0 {
			t.Errorf("%s: %d bytes are still held", name, w.intake.held)
		}
	}
}

func TestAStreamMayBeCompressed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	packed := pack(t, member{"a", "ok"}, member{"b", "bad"}, member{"c", "two"})
	for accept, want := range map[string]string{"zstd": "zstd", "gzip, zstd": "zstd", "gzip": "", "zstd;q=0": ""} {
		r := httptest.NewRequest("POST", "/api/v1/submissions", bytes.NewReader(packed))
		for name, value := range map[string]string{"As": hospital, "Content-Type": "application/x-tar", "Accept": "application/x-ndjson", "Accept-Encoding": accept} {
			r.Header.Set(name, value)
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if rec.Header().Get("Content-Encoding") != want {
			t.Errorf("%s: %q", accept, rec.Header().Get("Content-Encoding"))
		}
		text := rec.Body.Bytes()
		if want == "zstd" {
			z, err := zstd.NewReader(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if text, err = io.ReadAll(z); err != nil {
				t.Errorf("%s: %v", accept, err)
			}
			z.Close()
		}
		if got := lines(t, string(text)); len(got) != 5 || !got[4].End || got[4].Results != 4 {
			t.Errorf("%s: %+v", accept, got)
		}
	}
	if rec := w.send(string(packed), asTar, "Accept-Encoding: zstd"); rec.Header().Get("Content-Encoding") != "" {
		t.Error("a document that is no stream was compressed")
	}
}

// Whatever bytes stand in a member of a tar that is said to be unwrapped: it is
// answered, and no room stays taken.
func FuzzUnwrappedMember(f *testing.F) {
	if u, ok := body.Unwrap([]byte(inside("seed"))); ok {
		f.Add(u)
	}
	f.Add([]byte("\x00unwrapped\x01"))
	f.Add([]byte("<G/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := setup(t)
		rec := w.send(string(pack(t, member{"a.xml", string(b)})), asTar, asUnwrapped)
		if got := read[submission](t, rec).Results; len(got) == 0 || w.intake.held != 0 {
			t.Errorf("%d answers, %d bytes held", len(got), w.intake.held)
		}
	})
}

func TestListsComeCompressedToWhoTakesNothingElse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	get := func(accept string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/api/v1/records", nil)
		r.Header.Set("As", hospital)
		r.Header.Set("Accept-Encoding", accept)
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		return rec
	}
	plain, small := get("gzip, zstd"), get("zstd")
	if plain.Header().Get("Content-Encoding") != "" || small.Header().Get("Content-Encoding") != "zstd" || plain.Code != 200 || small.Code != 200 {
		t.Fatalf("%d %v, %d %v", plain.Code, plain.Header(), small.Code, small.Header())
	}
	z, err := zstd.NewReader(small.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Body.Bytes()) {
		t.Errorf("%s, %v", got, err)
	}
}
