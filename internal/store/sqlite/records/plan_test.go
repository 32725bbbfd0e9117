package records_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
	"lienthong/internal/store/sqlite/records"
	"lienthong/internal/vault"
)

// A list that passes over every record of the nation to show fifty is a defect
// that small tests do not feel: the plan is what is tested.
func TestNoListPassesOverAllRecords(t *testing.T) {
	t.Parallel()
	db, err := file.Open(context.Background(), filepath.Join(t.TempDir(), "plan.db"), file.Config{Migrations: os.DirFS("../migrations/main")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	x := records.New(db)
	all, own, province := role.Scope{All: true}, role.Scope{Facility: "79901"}, role.Scope{Province: "79"}
	key := []vault.Keyed{{1}, {2}}
	page := store.Cursor{At: time.Unix(1, 0)}
	for name, c := range map[string]struct {
		scope     role.Scope
		f         store.Filter
		with, not string
	}{
		"all, along the time":          {all, store.Filter{}, "USING INDEX record_time", "TEMP B-TREE FOR ORDER BY"},
		"a page of all":                {all, store.Filter{Before: page}, "SEARCH r USING INDEX record_time", "TEMP B-TREE FOR ORDER BY"},
		"a province, along the time":   {province, store.Filter{}, "USING INDEX record_time", "TEMP B-TREE FOR ORDER BY"},
		"a day":                        {all, store.Filter{Day: 20260701}, "SEARCH r USING INDEX record_time", "TEMP B-TREE FOR ORDER BY"},
		"one's own":                    {own, store.Filter{State: "rejected"}, "SEARCH r USING INDEX record_facility_time", "TEMP B-TREE FOR ORDER BY"},
		"a page of one's own":          {own, store.Filter{Before: page}, "SEARCH r USING INDEX record_facility_time (facility=? AND received<?)", "TEMP B-TREE FOR ORDER BY"},
		"a facility's, for a ministry": {all, store.Filter{Facility: "79901"}, "SEARCH r USING INDEX record_facility_time", "TEMP B-TREE FOR ORDER BY"},
		"an episode":                   {all, store.Filter{Episode: key}, "SEARCH r USING INTEGER PRIMARY KEY", "SCAN r"},
		"an episode of one's own":      {own, store.Filter{Episode: key, Before: page}, "SEARCH r USING INTEGER PRIMARY KEY", "record_facility_time"},
		"an episode of a province":     {province, store.Filter{Episode: key, Day: 20260701}, "SEARCH r USING INTEGER PRIMARY KEY", "record_time"},
		"a subject":                    {all, store.Filter{Subject: key}, "SEARCH r USING INTEGER PRIMARY KEY", "SCAN r"},
		"a subject of one's own":       {own, store.Filter{Subject: key}, "SEARCH r USING INTEGER PRIMARY KEY", "record_facility_time"},
		"a person":                     {all, store.Filter{Person: store.PersonID{1}}, "SEARCH r USING INTEGER PRIMARY KEY", "SCAN r"},
		"a person, at home":            {own, store.Filter{Person: store.PersonID{1}}, "SEARCH r USING INTEGER PRIMARY KEY", "record_facility_time"},
		"a common document":            {own, store.Filter{Tag: "doc:XML1"}, "SEARCH r USING INDEX record_facility_time", "TEMP B-TREE FOR ORDER BY"},
		"a rare tag":                   {own, store.Filter{Tag: "doc:XML13"}, "SEARCH r USING INTEGER PRIMARY KEY", "record_facility_time"},
	} {
		plan, err := records.Plan(x, c.scope, c.f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, c.with) || strings.Contains(plan, c.not) {
			t.Errorf("%s: wanted %q and not %q in\n%s", name, c.with, c.not, plan)
		}
	}
}
