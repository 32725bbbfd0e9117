package desk_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// A board that takes long is computed once for all that ask for it at once; one
// that does not is computed at every question, and is never behind.
func TestALongBoardIsComputedOnce(t *testing.T) {
	t.Parallel()
	d, m, _, _ := setup(t)
	today := fmt.Sprint(20260714, 20260714, []store.Dimension{store.ByFacility, store.ByMeasure})
	m.counts[today] = []store.Count{{Key: []string{"22000", "accepted"}, N: 3}}
	ask := func(r role.Role) int64 {
		o, err := d.Overview(t.Context(), r, now)
		if err != nil {
			t.Error(err)
		}
		return o.Records.Today
	}
	if ask(operator) != 3 {
		t.Error("today")
	}
	m.counts[today] = []store.Count{{Key: []string{"22000", "accepted"}, N: 4}}
	if ask(operator) != 4 {
		t.Error("a quick board is behind")
	}
	m.slow = 60 * time.Millisecond
	province := role.Role{Kind: role.Province, ID: "24"}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if ask(province) != 4 {
				t.Error("of a province")
			}
		})
	}
	all.Wait()
	if n := m.sums.Load(); n > 12 { // each computation asks four sums; two were quick
		t.Errorf("%d sums for 20 readers", n)
	}
}

// Silence is by a facility's own calendar where that is known, and never of one that
// has sent since.
func TestSilenceIsByItsOwnCalendar(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quiet alarm.Silence
		want  int
	}{
		"unknown: it sent an hour ago": {alarm.Silence{At: now}, 0},
		"late by its own":              {alarm.Silence{At: now, Known: map[care.FacilityCode]bool{"22000": true}, Late: map[care.FacilityCode]bool{"22000": true}}, 1},
		"it sent since":                {alarm.Silence{At: now.AddDate(0, 0, -2), Known: map[care.FacilityCode]bool{"22000": true}, Late: map[care.FacilityCode]bool{"22000": true}}, 0},
	} {
		d := withSilence(t, &c.quiet)
		o, err := d.Overview(t.Context(), operator, now)
		if err != nil || o.Silent != c.want {
			t.Errorf("%s: %d silent, %v", name, o.Silent, err)
		}
	}
}
