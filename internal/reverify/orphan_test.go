package reverify_test

import (
	"context"
	"log/slog"
	"testing"

	"lienthong/internal/ledger"
	"lienthong/internal/reverify"
)

// A hub that ended between the leaf of its looks and their marks, and a backup
// taken between the two, are as they were written; a look that is gone is not.
func TestARootWhoseRowsTheNextOneCoversIsNoLoss(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	h.register("79901")
	ids := h.stored("79901", h.dossiers("79901", "20261120", person(1)))
	h.look(ids[0], "")
	h.look(ids[0], "")
	looks, err := h.slices.Disclosures.Unrooted(context.Background(), 10)
	must(t, err)
	_, err = h.slices.Ledger.Append(context.Background(), [][]byte{ledger.DisclosureLeaf([][]byte{looks[0].Canonical(), looks[1].Canonical()})})
	must(t, err) // and here the hub ends
	found := func(dir string) []reverify.Difference {
		t.Helper()
		r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
		must(t, err)
		var of []reverify.Difference
		for _, d := range r.Differences {
			if d.Table == "disclosure" {
				of = append(of, d)
			}
		}
		return of
	}
	if bad := found(dir); len(bad) > 0 {
		t.Errorf("not covered yet: %+v", bad)
	}
	h.look(ids[0], "")
	h.root()
	h.close()
	if bad := found(dir); len(bad) > 0 {
		t.Errorf("covered by the next: %+v", bad)
	}
	for _, edit := range []string{`DELETE FROM disclosure WHERE id = 1`, `UPDATE disclosure SET reader = 'x' WHERE id = 2`} {
		copied := copyDir(t, dir)
		if !change("disclosure.db", edit)(t, copied) || len(found(copied)) < 2 { // its own root and the orphan
			t.Errorf("not found: %s", edit)
		}
	}
}
