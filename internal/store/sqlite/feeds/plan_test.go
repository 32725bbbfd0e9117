package feeds_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/store/sqlite/feeds"
	"lienthong/internal/store/sqlite/file"
)

// A feed that reads more the larger the store is would be felt at a hundred
// million records only: the plan is what is tested.
func TestAFeedReadsWhatIsNewAndNothingElse(t *testing.T) {
	t.Parallel()
	db, err := file.Open(context.Background(), filepath.Join(t.TempDir(), "plan.db"), file.Config{Migrations: os.DirFS("../migrations/main")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	plans, err := feeds.Plans(db)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"following": "SEARCH r USING INDEX record_feed (facility=? AND log=? AND leaf>?)",
		"changed":   "SEARCH r USING INTEGER PRIMARY KEY",
		"day":       "SEARCH r USING INDEX record_facility_time (facility=? AND received>? AND received<?)",
	} {
		if plan := plans[name]; !strings.Contains(plan, want) || strings.Contains(plan, "SCAN r") || strings.Contains(plan, "SCAN f") || name == "following" && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: wanted %q in\n%s", name, want, plan)
		}
	}
}
