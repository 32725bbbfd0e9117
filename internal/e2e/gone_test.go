package e2e_test

import (
	"context"
	"testing"

	"lienthong/internal/fault"
	"lienthong/internal/intake"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// TestARefusalIsKeptForASenderThatHasGone: a sender that hangs up on a bad file
// finds it among its refusals all the same.
func TestARefusalIsKeptForASenderThatHasGone(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		gone, hangUp := context.WithCancel(w.ctx)
		hangUp()
		_, err := w.hub.Intake.Submit(gone, intake.Sender{Facility: "79901", Name: "portal:test"}, intake.File{Bytes: []byte("<GIAMDINHHS>"), Lane: store.Routine})
		if err == nil || fault.Of(err).Code != "file.unreadable" {
			t.Fatalf("%v", err)
		}
		list, _, err := w.hub.Slices.Records.Refusals(w.ctx, role.Scope{Facility: "79901"}, store.Filter{})
		if err != nil || len(list) != 1 || list[0].Code != "file.unreadable" {
			t.Errorf("%v, %v", list, err)
		}
	})
}
