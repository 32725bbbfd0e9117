package disclosures_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/disclosures"
	"lienthong/internal/store/postgres/handle"
	"lienthong/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// Looks at a person that were found by going over all looks would be felt at a
// hundred million only: the plan is what is tested.
func TestLooksAtAPersonAreFoundByThePersonsRows(t *testing.T) {
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
	rows, err := pool.Query(ctx, `EXPLAIN `+disclosures.OfPerson+` ORDER BY d.id DESC LIMIT 51`, handle.UUID([16]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	for _, index := range []string{"subject_person", "record_subject", "disclosure_record", "disclosure_pkey"} {
		if !strings.Contains(plan, index) {
			t.Errorf("%s is not used", index)
		}
	}
	if strings.Contains(plan, "Seq Scan") || t.Failed() {
		t.Errorf("%s", plan)
	}
}
