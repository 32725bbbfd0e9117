package station_test

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/submit"
	"lienthong/internal/manifest"
	"lienthong/internal/store"
)

// local asks the agent as a program of this machine does.
func (w *world) local(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8085"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	rec := httptest.NewRecorder()
	submit.New(w.station).ServeHTTP(rec, r)
	return rec
}

type localAnswer struct {
	Results []struct {
		File    string
		Ref     spool.Ref
		State   string
		Replay  bool
		Refused bool
		Code    string
	}
}

func read[T any](t *testing.T, rec *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d: %v: %s", rec.Code, err, rec.Body)
	}
	return v
}

func TestAProgramHandsOverAndAsks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	d := some(t, 1)[0]
	rec := w.local("POST", "/submit", string(d.XML), "Content-Type: application/xml", `Content-Disposition: attachment; filename="../x.xml"`, "Lane: urgent")
	got := read[localAnswer](t, rec)
	if rec.Code != 202 || len(got.Results) != 1 || got.Results[0].File != "x.xml" || got.Results[0].State != "taken" || got.Results[0].Replay ||
		rec.Header().Get("Location") != "/submit/"+string(got.Results[0].Ref) {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if again := read[localAnswer](t, w.local("POST", "/submit", string(d.XML))); !again.Results[0].Replay || again.Results[0].Ref != got.Results[0].Ref {
		t.Errorf("again: %+v", again)
	}
	w.look()
	w.steps(2)
	fate := read[submit.Fate](t, w.local("GET", "/submit/"+string(got.Results[0].Ref), ""))
	if fate.State != "accepted" || fate.Lane != "urgent" || len(fate.Results) != 1 || !bytes.Contains(fate.Results[0], []byte(`"receipt"`)) {
		t.Errorf("%+v", fate)
	}
	for path, status := range map[string]int{"/submit/00000000000000000000000000000000": 404, "/submit/x": 404} {
		if rec := w.local("GET", path, ""); rec.Code != status {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{"no dossier": {"<html/>", 422, "envelope.invalid"}, "empty": {"", 422, "file.unreadable"}} {
		rec := w.local("POST", "/submit", c.body)
		if got := read[localAnswer](t, rec); rec.Code != c.status || !got.Results[0].Refused || got.Results[0].Code != c.code {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if rec := w.local("POST", "/submit", string(d.XML), "Lane: fast"); rec.Code != 422 {
		t.Errorf("%d", rec.Code)
	}
}

func tarred(t *testing.T, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: members[i], Size: int64(len(members[i+1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestATarOfFilesIsTakenOneByOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 2)
	rec := w.local("POST", "/submit", tarred(t, "a.xml.jws", "h.p.s", "a.xml", string(list[0].XML), "b.xml", "<x/>", "c.xml", string(list[1].XML)), "Content-Type: application/x-tar")
	got := read[localAnswer](t, rec)
	if rec.Code != 202 || len(got.Results) != 3 || got.Results[0].Ref == "" || got.Results[1].Code != "envelope.invalid" || got.Results[2].Ref == "" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	i, err := w.spool.Get(t.Context(), got.Results[0].Ref)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := w.spool.Payload(t.Context(), i.ID); err != nil || string(p.File.Seal) != "h.p.s" {
		t.Errorf("%q, %v", p.File.Seal, err)
	}
	for name, body := range map[string]string{"cut": tarred(t, "a.xml", string(list[0].XML))[:2000], "a stray seal": tarred(t, "a.xml", "<x/>", "b.xml.jws", "x"),
		"twice": tarred(t, "a.xml", "<x/>", "a.xml", "<x/>"), "nothing": tarred(t)} {
		if rec := w.local("POST", "/submit", body, "Content-Type: application/x-tar"); rec.Code != 422 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

// A page of another site, or a name that was bent to this machine, gets nothing.
func TestOnlyThisMachineIsAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct {
		header string
		status int
	}{
		{"Host: localhost:8085", 404}, {"Host: [::1]:8085", 404}, {"Host: 127.0.0.2", 404}, {"Origin: http://127.0.0.1:8085", 404}, {"Sec-Fetch-Site: same-origin", 404},
		{"Host: evil.example", 403}, {"Host: 10.0.0.1:8085", 403}, {"Host: localhost.evil.example", 403}, {"Host: ", 403}, {"Origin: https://evil.example", 403},
		{"Origin: null", 403}, {"Sec-Fetch-Site: cross-site", 403}, {"Sec-Fetch-Site: same-site", 403},
	} {
		if rec := w.local("GET", "/submit/x", "", c.header); rec.Code != c.status {
			t.Errorf("%s: %d", c.header, rec.Code)
		}
	}
}

func FuzzTar(f *testing.F) {
	f.Add([]byte("not a tar"), "application/x-tar")
	f.Add([]byte("{}"), "application/json")
	f.Fuzz(func(t *testing.T, b []byte, kind string) {
		w := setup(t)
		if strings.ContainsAny(kind, "\r\n") {
			return
		}
		if rec := w.local("POST", "/submit", string(b), "Content-Type: "+kind); rec.Code >= 500 && rec.Code != 503 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	})
}

// What was rejected is shown by its cause, may be judged again, and may be sent
// again after what stood against it was mended elsewhere.
func TestOneCauseManyDossiers(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *station.Deps, _ *station.Config) { d.Checker = nil })
	list := some(t, 6)
	var refs []spool.Ref
	for i, s := range list {
		raw := s.XML
		if i < 4 {
			raw = bytes.Replace(raw, []byte("</GIAMDINHHS>"), []byte("<!-- reject-me --></GIAMDINHHS>"), 1)
		}
		refs = append(refs, w.take(s.FileName, store.Routine, raw))
	}
	w.look()
	w.steps(3)
	causes, err := w.station.Causes(t.Context())
	if err != nil || len(causes) != 1 || causes[0].Code != "time.order" || causes[0].Dossiers != 4 || causes[0].Hint.VI != "sửa" {
		t.Fatalf("%+v, %v", causes, err)
	}
	rejects, err := w.station.Rejects(t.Context(), "time.order", 0, 10)
	if err != nil || len(rejects) != 4 || rejects[0].Ref != refs[0] {
		t.Fatalf("%+v, %v", rejects, err)
	}
	today, err := w.station.Today(t.Context())
	if err != nil || today != (station.Today{Day: 20261122, Accepted: 2, Rejected: 4}) {
		t.Errorf("%+v, %v", today, err)
	}
	var csv bytes.Buffer
	if err := w.station.Export(t.Context(), &csv, 20261122); err != nil || strings.Count(csv.String(), "\r\n") != 7 || strings.Count(csv.String(), "time.order") != 4 {
		t.Errorf("%v\n%s", err, &csv)
	}
	w.hub.set(func() { w.hub.mended = true })
	if n, err := w.station.Resend(t.Context(), false, refs...); err != nil || n != 4 {
		t.Fatalf("%d, %v", n, err)
	}
	w.look()
	w.steps(3)
	if causes, err = w.station.Causes(t.Context()); err != nil || len(causes) != 0 {
		t.Errorf("%+v, %v", causes, err)
	}
	w.whole()
}

// With Hold what the hub would not take stays here until a person says otherwise.
func TestWhatWouldNotBeTakenCanBeHeld(t *testing.T) {
	t.Parallel()
	w := setup(t, func(_ *station.Deps, c *station.Config) { c.Hold = true })
	list := some(t, 2)
	good := w.take("good", store.Routine, list[0].XML)
	broken := w.take("broken", store.Routine, bytes.Replace(list[1].XML, []byte("</GIAMDINHHS>"), []byte(" </GIAMDINHHS>"), 1)) // its seal does not hold any more
	w.look()
	w.steps(3)
	i, err := w.spool.Get(t.Context(), broken)
	if err != nil || i.State != spool.Held || i.Code != "seal.broken" || i.Said.VI == "" {
		t.Fatalf("%+v, %v", i, err)
	}
	if i, err = w.spool.Get(t.Context(), good); err != nil || i.State != spool.Accepted {
		t.Errorf("%+v, %v", i, err)
	}
	checked, err := w.station.Recheck(t.Context(), broken, good)
	if err != nil || len(checked) != 1 || checked[0].Good || checked[0].Code != "seal.broken" {
		t.Errorf("%+v, %v", checked, err)
	}
	if n, err := w.station.Resend(t.Context(), true, broken); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	w.look()
	w.steps(3)
	if i, err = w.spool.Get(t.Context(), broken); err != nil || i.State != spool.Accepted {
		t.Errorf("%+v, %v", i, err)
	}
}

func TestTheFeedIsFollowed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ref := w.take("a", store.Routine, some(t, 1)[0].XML)
	w.look()
	w.steps(2)
	w.hub.set(func() {
		w.hub.feed = []string{`{"type":"record","at":"2026-11-22T02:00:00Z","record":"r0","state":"superseded"}`,
			`{"type":"leg","at":"2026-11-22T02:00:00Z","record":"r0","destination":"insurer","state":"waiting"}`, `{"type":"annotation","record":"r0"}`,
			`{"type":"something newer"}`, `{"type":"leg","at":"2026-11-22T02:00:01Z","record":"r0","destination":"insurer","state":"done"}`}
	})
	for range 2 { // the second time there is nothing new
		if more, err := w.station.Follow(t.Context()); err != nil || more {
			t.Fatalf("%v, %v", more, err)
		}
	}
	entries, err := w.station.Receipts(t.Context(), ref)
	if err != nil || len(entries) != 1 || entries[0].Now != "superseded" {
		t.Errorf("%+v, %v", entries, err)
	}
	legs, err := w.spool.Legs(t.Context(), "r0")
	if err != nil || !bytes.Contains(legs["insurer"], []byte(`"done"`)) {
		t.Errorf("%s, %v", legs, err)
	}
}

// A day is compared with the hub's, and what one side lacks is named.
func TestADayIsReconciled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	list := some(t, 60)
	for _, s := range list {
		w.take(s.FileName, store.Routine, s.XML)
	}
	w.look()
	w.steps(10)
	var held []manifest.Held
	_, order := w.hub.counted()
	for i, a := range order {
		file, err := hex.DecodeString(a.sha)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, manifest.Held{Kind: "qd4750", File: [32]byte(file), Record: fmt.Sprintf("r%d", i), Accepted: true})
	}
	day := w.clock.Now()
	compare := func(held []manifest.Held) *station.Comparison {
		t.Helper()
		w.hub.manifest = func(rw http.ResponseWriter, r *http.Request) {
			var q manifest.Request
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.PathValue("date") != "2026-11-22" {
				t.Errorf("%s: %v", r.URL, err)
			}
			_ = json.NewEncoder(rw).Encode(manifest.NewHere(held).Answer(q))
		}
		c, err := w.station.Reconcile(t.Context(), day)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := compare(held); !c.Equal || c.Rounds != 1 || c.Day != "2026-11-22" {
		t.Errorf("%+v", c)
	}
	more := append(slices.Clone(held[1:]), manifest.Held{Kind: "slip", File: [32]byte{9}, Record: "elsewhere", Accepted: true})
	if c := compare(more); c.Equal || len(c.Missing) != 1 || c.Missing[0].Record != "r0" || len(c.Extra) != 1 || c.Extra[0].Record != "elsewhere" || c.Rounds > 4 {
		t.Errorf("%+v", c)
	}
	w.hub.manifest = func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("[]")) }
	if _, err := w.station.Reconcile(t.Context(), day); err == nil {
		t.Error("an answer that is none was taken")
	}
}
