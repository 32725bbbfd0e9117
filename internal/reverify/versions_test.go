package reverify_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"lienthong/internal/reverify"
)

// Two versions that come at once are received in one order and may be committed in
// the other: that is as it should be. A link to a record that came later is not.
func TestVersionsThatCameAtOnceAreNoDifference(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	h.register("79901")
	first := h.stored("79901", h.dossiers("79901", "20261118", with(person(1), "LY_DO_VV", "Sốt")))
	h.clock.Advance(-5 * time.Second) // the next is received before it
	next := h.stored("79901", h.dossiers("79901", "20261120", with(person(1), "LY_DO_VV", "Ho")))
	one, err := h.slices.Records.Get(context.Background(), everything, first[0])
	must(t, err)
	two, err := h.slices.Records.Get(context.Background(), everything, next[0])
	must(t, err)
	if two.Supersedes != one.ID || !two.Received.Before(one.Received) || two.Place.Index <= one.Place.Index {
		t.Fatalf("not as this test wants it: %+v, %+v", one, two)
	}
	h.close()
	r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("%s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	for name, edit := range map[string]string{
		"the other way round": `UPDATE record SET supersedes = CASE id WHEN 1 THEN (SELECT serial FROM record WHERE id = 2) END, superseded_by = CASE id WHEN 2 THEN (SELECT serial FROM record WHERE id = 1) END`,
		"one side alone":      `UPDATE record SET superseded_by = NULL WHERE id = 1`,
	} {
		copied := copyDir(t, dir)
		if !change("main.db", edit)(t, copied) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if r, err := verify(t, keys, sqliteOf(copied), reverify.Options{}); err != nil || len(r.Differences) == 0 {
			t.Errorf("%s: not found, %v", name, err)
		}
	}
}
