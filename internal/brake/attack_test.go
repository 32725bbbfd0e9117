package brake_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/store"
)

// TestASystemThatNamesManyIsOneAccount: a facility's system that names another
// clinician for every person is cut off as one that names none.
func TestASystemThatNamesManyIsOneAccount(t *testing.T) {
	t.Parallel()
	h, clk := &hall{}, clock.NewFake(start)
	b := newBrake(t, h, clk)
	named := func(n int) care.Staff {
		var s care.Staff
		binary.BigEndian.PutUint32(s[:], uint32(n)+1)
		return s
	}
	row := func(n int) []store.Disclosure {
		return of(clk.Now(), "clinician:79901", "his:client-1", named(n), "79902", n)
	}
	if n := scrape(t, h, b, clk, time.Second, 10_000, row); n > 100 {
		t.Errorf("%d people before it was cut off", n)
	}
	if err := b.Look(t.Context(), of(clk.Now(), "clinician:79901", "his:client-1", named(9000), "79902", 9000)); !errors.Is(err, brake.ErrCutOff) {
		t.Errorf("a clinician never named before: %v", err)
	}
	if err := newBrake(t, h, clk).Look(t.Context(), row(9001)); !errors.Is(err, brake.ErrCutOff) {
		t.Errorf("after a restart: %v", err)
	}
	// Clinicians who sit at a browser of their own work on.
	if err := b.Look(t.Context(), of(clk.Now(), "clinician:79901", "session:1", named(3), "79902", 3)); err != nil {
		t.Errorf("one of them, logged in: %v", err)
	}
	stops := b.Stops("79901")
	if len(stops) != 1 {
		t.Fatalf("%d accounts are stopped", len(stops))
	}
	if err := b.Unlock(t.Context(), "79901", stops[0].Mark, "privacy", "đã kiểm tra với phòng CNTT"); err != nil {
		t.Fatal(err)
	}
	if err := b.Look(t.Context(), row(9002)); err != nil {
		t.Errorf("opened again: %v", err)
	}
}
