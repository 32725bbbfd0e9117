package hub_test

import (
	"testing"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
)

// A record accepted right after an act that says where records go is carried
// by it: the plan is read before the act answers.
func TestActsOnWaysOutHoldWhenTheyAnswer(t *testing.T) {
	t.Parallel()
	h := start(t)
	ctx, acts := t.Context(), h.Administer()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mode := func(facility care.FacilityCode, want exchange.Mode) {
		t.Helper()
		if got := h.Plan().Mode("so", facility, "qd4750"); got != want {
			t.Errorf("%s: %q, want %q", facility, got, want)
		}
	}
	must(acts.AddFacility(ctx, "test", admin.Facility{Code: "24601", Name: "A", Province: "24"}))
	must(acts.PutDestination(ctx, "test", admin.Destination{ID: "so", Adapter: "vneid", Name: fault.Text{VI: "Sổ", EN: "Book"}, URL: "http://127.0.0.1:9", Private: true}))
	if !h.Plan().InUse("so") {
		t.Error("a destination that was approved is not in use")
	}
	must(acts.PutRoute(ctx, "test", admin.Route{Destination: "so", Mode: exchange.Relay}))
	mode("24601", exchange.Relay)
	must(acts.PutRoute(ctx, "test", admin.Route{Destination: "so", Facility: "24601", Mode: exchange.Off}))
	mode("24601", exchange.Off)
	mode("24602", exchange.Relay)
	must(acts.PutSecret(ctx, "test", "so", "", []byte("sealed")))
	must(acts.DestinationDo(ctx, "test", "so", admin.DestinationEnd))
	if h.Plan().InUse("so") {
		t.Error("a destination that has ended is in use")
	}
}
