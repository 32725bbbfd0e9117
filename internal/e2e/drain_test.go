package e2e_test

import (
	"net/http"
	"testing"
)

// TestAStoppingHubSaysSo: what comes while a hub drains is told to come again,
// with a slot; what was taken stays readable, and nothing of the new is kept.
func TestAStoppingHubSaysSo(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		taken := w.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
		w.hub.Intake.Drain()
		status, head, body := w.do("79901", "POST", "/api/v1/submissions", "application/xml", ours(pairs().ec, envelope(newVisit())))
		if got := w.plain(body); status != http.StatusServiceUnavailable || head.Get("Retry-After") == "" || len(got) != 1 || !got[0].Deferred || got[0].Code != "hub.stopping" {
			t.Errorf("HTTP %d, Retry-After %q, %.300s", status, head.Get("Retry-After"), body)
		}
		if status, _ := w.get("79901", "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("a draining hub calls itself ready: HTTP %d", status)
		}
		if status, doc := w.get("79901", "/api/v1/records/"+taken.Record+"/receipt"); status != http.StatusOK || string(doc) != string(taken.Receipt) {
			t.Errorf("the receipt of what was taken: HTTP %d", status)
		}
	})
}
