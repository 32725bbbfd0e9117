package reverify_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"lienthong/internal/reverify"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// A log that was closed at a restore is told of by the first leaf of the next
// one: an edit of what is known of its end is found, also one that opens it again.
func TestEditsOfAClosedLogAreFound(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(testing.TB) (openStore, func(string)){"sqlite": closedThere, "postgres": closedHere} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			open, edit := engine(t)
			keys := newSecrets(t)
			h := startHub(t, keys, open, slog.New(slog.DiscardHandler))
			h.register("79901")
			signers := h.signers
			h.stored("79901", h.dossiers("79901", "20261120", person(1), person(2)))
			head, err := h.slices.Ledger.Head(ctx, 0)
			must(t, err)
			must(t, h.slices.Ledger.CloseLog(ctx, 0, string(head.Checkpoint)))
			h.close()
			h = startHub(t, keys, open, slog.New(slog.DiscardHandler))
			h.signers = signers
			h.stored("79901", h.dossiers("79901", "20261120", person(3)))
			h.close()
			said := func() []string {
				r, err := verify(t, keys, open, reverify.Options{})
				must(t, err)
				if r.Logs != 2 || r.Records != 3 {
					t.Errorf("too little was looked at: %+v", r)
				}
				var codes []string
				for _, d := range r.Differences {
					codes = append(codes, d.Code)
				}
				return codes
			}
			if codes := said(); len(codes) > 0 {
				t.Fatalf("untouched: %v", codes)
			}
			for _, value := range []string{"opened", "longer", "shorter", "of the next log"} {
				edit(value)
				if codes := said(); !slices.Contains(codes, "restore.edited") {
					t.Errorf("%s: %v", value, codes)
				}
				edit("back")
			}
			if codes := said(); len(codes) > 0 {
				t.Errorf("put back as it was: %v", codes)
			}
		})
	}
}

// closedThere is a directory, and edits what is known of the end of its first log.
func closedThere(t testing.TB) (openStore, func(string)) {
	dir := t.TempDir()
	queries := map[string]string{
		"opened": `UPDATE head SET closed = NULL WHERE log = 0`, "back": `UPDATE head SET closed = checkpoint WHERE log = 0`,
		"longer":          `UPDATE head SET closed = CAST(closed || x'0A' AS BLOB) WHERE log = 0`,
		"shorter":         `UPDATE head SET closed = x'' WHERE log = 0`,
		"of the next log": `UPDATE head SET closed = (SELECT n.checkpoint FROM head n WHERE n.log = 1) WHERE log = 0`,
	}
	return sqliteOf(dir), func(value string) {
		db := rawDB(t, filepath.Join(dir, sqlite.MainFile))
		defer db.Close()
		_, err := db.Exec(queries[value])
		must(t, err)
	}
}

// closedHere is a database, and does the same.
func closedHere(t testing.TB) (openStore, func(string)) {
	address := pgtest.Copy(t, postgres.Migrate)
	queries := map[string]string{
		"opened": `UPDATE log SET closed = '' WHERE log = 0`, "back": `UPDATE log SET closed = '\x01' || checkpoint WHERE log = 0`,
		"longer": `UPDATE log SET closed = closed || '\x0a' WHERE log = 0`, "shorter": `UPDATE log SET closed = '\x01' WHERE log = 0`,
		"of the next log": `UPDATE log SET closed = '\x01' || (SELECT n.checkpoint FROM log n WHERE n.log = 1) WHERE log = 0`,
	}
	conn := editor(t, address)
	return postgresOf(address), func(value string) {
		_, err := conn.Exec(context.Background(), queries[value])
		must(t, err)
	}
}
