package feeds_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/feeds"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A feed that reads more the larger the store is would be felt at a hundred
// million records only: the plan is what is tested.
func TestAFeedReadsWhatIsNewAndNothingElse(t *testing.T) {
	t.Parallel()
	ctx, url := context.Background(), pgtest.Database(t)
	s, err := postgres.Open(ctx, url, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	pool, err := handle.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	rows, err := pool.Query(ctx, `EXPLAIN `+feeds.Following, "79901", 0, int64(5), 500)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "entry_feed") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan on entry") || strings.Contains(plan, "Seq Scan on record") {
		t.Errorf("%s", plan)
	}
}
