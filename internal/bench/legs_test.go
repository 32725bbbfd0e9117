package bench_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"lienthong/internal/bench"
	"lienthong/internal/care"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

func legStore(t testing.TB) *store.Slices {
	t.Helper()
	s, err := sqlite.Open(context.Background(), t.TempDir(), sqlite.Config{OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: "bench"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestLegsAreCarriedToTheirEnd(t *testing.T) {
	t.Parallel()
	s := legStore(t)
	facilities := []care.FacilityCode{"79901", "48777"}
	r, err := bench.Legs(context.Background(), bench.LegsConfig{Intake: s.Intake, Legs: s.Legs, Facilities: facilities,
		Versions: map[care.FacilityCode]int64{"79901": 1, "48777": 2}, Count: 300, Done: 40, Batch: 64, Couriers: 2, Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Legs != 300 || r.Done != 40 || r.LegsPerS <= 0 || r.Claim.Count == 0 || r.Settle.Count != r.Claim.Count {
		t.Errorf("%+v", r)
	}
	queues, err := s.Legs.Queues(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, q := range queues {
		if sent += q.Sent24h; q.Waiting+q.Carried+q.Held+q.Parked != 0 {
			t.Errorf("left: %+v", q)
		}
	}
	if sent != 340 {
		t.Errorf("%d sent", sent)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "legs/s") {
		t.Errorf("%q, %v", out.String(), err)
	}
}
