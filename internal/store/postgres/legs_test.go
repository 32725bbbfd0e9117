package postgres_test

import (
	"testing"

	"lienthong/internal/store/storetest"
)

// TestFourHubsOfCouriers fails on any error of a courier; the server's own count
// says that no deadlock was hidden.
func TestFourHubsOfCouriers(t *testing.T) {
	t.Parallel()
	h, url := harnessAt(t)
	storetest.Couriers(t, h, 240)
	if n := deadlocks(t, url); n != 0 {
		t.Errorf("the server met %d deadlocks", n)
	}
}
