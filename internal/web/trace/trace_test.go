package trace_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lienthong/internal/disclose"
	"lienthong/internal/web/trace"
)

const content = "Nguyễn Văn Thử, B20"

// TestNothingLeavesUnlogged: whatever a handler does to send a body, without a
// row not a byte of it leaves; errors, redirects and what shows nothing pass.
func TestNothingLeavesUnlogged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		status int
		leaves bool
	}{
		"write":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, content) }, 500, false},
		"status first": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); _, _ = io.WriteString(w, content) }, 500, false},
		"flush first": {func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, content)
		}, 500, false},
		"beneath": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w.(interface{ Unwrap() http.ResponseWriter }).Unwrap(), content)
		}, 200, false},
		"in a header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Name", content)
			_, _ = io.WriteString(w, content)
		}, 500, false},
		"nothing at all": {func(http.ResponseWriter, *http.Request) {}, 200, false},
		"shows nothing": {func(w http.ResponseWriter, r *http.Request) {
			disclose.Nothing(r.Context())
			_, _ = io.WriteString(w, content)
		}, 200, true},
		"error":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, content, 404) }, 404, true},
		"redirect":   {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(303) }, 303, false},
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, false},
	} {
		w := httptest.NewRecorder()
		trace.Guard(slog.New(slog.DiscardHandler), c.handle).ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		if w.Code != c.status || strings.Contains(w.Body.String(), content) != c.leaves || strings.Contains(w.Header().Get("X-Name"), "B20") {
			t.Errorf("%s: %d %q %v", name, w.Code, w.Body, w.Header())
		}
		if c.status == 500 && !strings.Contains(w.Body.String(), "disclosure.unlogged") {
			t.Errorf("%s: %q", name, w.Body)
		}
	}
}
