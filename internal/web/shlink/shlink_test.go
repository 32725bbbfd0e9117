package shlink_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lienthong/internal/share"
	"lienthong/internal/web/shlink"
)

type desk struct{ err error }

func (d desk) Open(_ context.Context, path string, q share.Request) (*share.Manifest, error) {
	if d.err != nil {
		return nil, d.err
	}
	return &share.Manifest{Status: "finalized", Files: []share.File{{ContentType: share.FHIRDocument, Embedded: path + q.Recipient + q.Passcode}}}, nil
}

func (d desk) File(context.Context, string, string) (string, error) { return "a.b.c.d.e", d.err }

func ask(t *testing.T, d desk, method, path, kind, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", "https://viewer.example")
	w := httptest.NewRecorder()
	shlink.New(d, slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: headers %v", method, path, w.Header())
	}
	return w
}

func TestTheManifestIsAnsweredAsTheSpecificationSays(t *testing.T) {
	t.Parallel()
	good := `{"recipient":"BS Lan","passcode":"482913","embeddedLengthMax":10,"more":1}`
	for name, c := range map[string]struct {
		err              error
		method, path     string
		kind, body, want string
		status           int
	}{
		"right":     {nil, "POST", "/s/abc", "application/json; charset=utf-8", good, `{"status":"finalized","files":[{"contentType":"application/fhir+json","embedded":"abcBS Lan482913"}]}`, 200},
		"wrong pin": {&share.WrongPIN{Left: 3}, "POST", "/s/abc", "application/json", good, `{"remainingAttempts":3}`, 401},
		"absent":    {share.ErrLink, "POST", "/s/abc", "application/json", good, `"code":"share.absent"`, 404},
		"broken":    {errors.New("the disk"), "POST", "/s/abc", "application/json", good, `"code":"hub.broken"`, 500},
		"nobody":    {nil, "POST", "/s/abc", "application/json", `{"passcode":"1"}`, `"code":"share.request"`, 422},
		"no json":   {nil, "POST", "/s/abc", "application/json", `{`, `"code":"share.request"`, 422},
		"form":      {nil, "POST", "/s/abc", "application/x-www-form-urlencoded", good, `"code":"share.request"`, 422},
		"long":      {nil, "POST", "/s/abc", "application/json", `{"recipient":"` + strings.Repeat("a", 5000) + `"}`, `"code":"share.request"`, 422},
		"preflight": {nil, "OPTIONS", "/s/abc", "", "", "", 204},
		"file":      {nil, "GET", "/s/abc/files/x", "", "", "a.b.c.d.e", 200},
		"no file":   {share.ErrLink, "GET", "/s/abc/files/x", "", "", `"code":"share.absent"`, 404},
		"get":       {nil, "GET", "/s/abc", "", "", "", 405},
	} {
		w := ask(t, desk{c.err}, c.method, c.path, c.kind, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: HTTP %d %s, want %d %s", name, w.Code, w.Body, c.status, c.want)
		}
		if strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s tells the cause: %s", name, w.Body)
		}
	}
	if w := ask(t, desk{}, "OPTIONS", "/s/abc", "", ""); w.Header().Get("Access-Control-Allow-Headers") != "Content-Type" || !strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), http.MethodPost) {
		t.Errorf("preflight %v", w.Header())
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"recipient":"x","passcode":"1","embeddedLengthMax":1}`))
	f.Add([]byte(`{"recipient":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := shlink.ParseRequest("application/json", bytes.NewReader(b))
		if err == nil && (strings.TrimSpace(q.Recipient) == "" || len(q.Passcode) > 64) {
			t.Fatalf("taken: %+v", q)
		}
		if err != nil && !errors.Is(err, shlink.ErrRequest) {
			t.Fatalf("%v", err)
		}
	})
}
