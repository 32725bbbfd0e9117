package postgres_test

import (
	"context"
	"strconv"
	"testing"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/store/postgres"
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

// TestLegsAreLookedUpByTheirNames holds the plans that a server without
// statistics makes: what it reads of the indexes of legs grows with the legs
// carried, not with those of their facility, destination or state.
func TestLegsAreLookedUpByTheirNames(t *testing.T) {
	t.Parallel()
	url := storeOfLegs(t)
	var read int64
	if err := connect(t, url).QueryRow(context.Background(), `SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'leg'`).Scan(&read); err != nil {
		t.Fatal(err)
	}
	if read == 0 || read > 300*2*manyLegs { // along the facility it would be manyLegs for each
		t.Errorf("%d index entries were read to carry %d legs", read, 2*manyLegs)
	}
}

const manyLegs = 2000

// storeOfLegs has carried legs of one facility, one by one and by files, and is closed.
func storeOfLegs(t *testing.T) (url string) {
	t.Helper()
	h, url := harnessAt(t)
	s := h.Open(t, storetest.Options{OpenLog: storetest.OpenLog})
	for _, whole := range []bool{false, true} {
		r, err := bench.Legs(context.Background(), bench.LegsConfig{Intake: s.Intake, Legs: s.Legs, Facilities: []care.FacilityCode{"79901"},
			Versions: map[care.FacilityCode]int64{"79901": 1}, Count: manyLegs, Batch: 200, Whole: whole})
		if err != nil || r.Legs != manyLegs {
			t.Fatal(strconv.Itoa(r.Legs), err)
		}
	}
	if err := s.Close(); err != nil { // the server counts what a connection read when it ends
		t.Fatal(err)
	}
	open(t, url, postgres.Config{})
	return url
}
