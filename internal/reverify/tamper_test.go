package reverify_test

import (
	"context"
	"log/slog"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/intake"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
)

func sqliteOf(dir string) openStore {
	return func(open store.OpenLog) (*store.Slices, error) {
		return sqlite.Open(context.Background(), dir, sqlite.Config{Clock: clock.NewFake(at), OpenLog: open, HubName: hubName, Owner: "test"})
	}
}

// live has a hub live through everything a small store can hold.
func live(h *hub) {
	ctx := context.Background()
	h.register("79901")
	h.register("79902")
	for i := range 12 {
		h.stored("79901", h.dossiers("79901", "20261120", person(3*i), person(3*i+1)))
		h.stored("79902", h.arrivals("79902", person(3*i+2)))
	}
	first := h.stored("79901", h.dossiers("79901", "20261118", with(person(100), "LY_DO_VV", "Sốt")))
	h.look(first[0], "")
	h.stored("79901", h.dossiers("79901", "20261120", with(person(100), "LY_DO_VV", "Ho")))          // a newer version
	h.stored("79901", h.dossiers("79901", "20261117", with(person(100), "LY_DO_VV", "Đau")))         // an older one, late
	again := h.stored("79901", h.dossiers("79901", "20261119", with(person(100), "LY_DO_VV", "Ho"))) // the same in a new envelope
	h.stored("79901", h.dossiers("79901", "20261120", with(person(101), "GIOI_TINH", "9")))          // rejected
	gone := h.stored("79901", h.dossiers("79901", "20261120", person(102)))
	_, err := h.intake.Withdraw(ctx, intake.Sender{Facility: "79901", Name: "portal:facility:79901"}, gone[0], "Nhập nhầm người bệnh")
	must(h.t, err)
	for _, raw := range []string{"", "<GIAMDINHHS/>", "<x>"} {
		if _, err := h.send("79901", []byte(raw)); err == nil {
			h.t.Fatalf("%q was taken", raw)
		}
	}
	h.look(again[0], "Kiểm tra khiếu nại 12")
	h.root()
	h.look(again[0], "")
	h.root()
	h.look(first[0], "Kiểm tra khiếu nại 13")
	_, err = h.slices.Counters.Fold(ctx)
	must(h.t, err)
	other := h.stored("79902", h.dossiers("79902", "20261120", person(102), person(103)))
	r, err := h.slices.Records.Get(ctx, everything, other[0])
	must(h.t, err)
	must(h.t, h.slices.People.Unlink(ctx, care.FacilityCode("79902"), r.Subject, "operator", "nhầm người", h.clock.Now()))
	must(h.t, h.office.AddFacility(ctx, "operator", facilityChange))
	_, err = h.office.MakeLink(ctx, "operator", "ministry", "/")
	must(h.t, err)
	for i := range 90 { // fill a tile
		h.stored("79901", h.dossiers("79901", "20261120", person(200+3*i), person(201+3*i), person(202+3*i)))
	}
}

func TestUntouchedStoreIsClean(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	h := startHub(t, keys, sqliteOf(dir), slog.New(slog.DiscardHandler))
	live(h)
	h.close()
	r, err := verify(t, keys, sqliteOf(dir), reverify.Options{})
	must(t, err)
	for _, d := range r.Differences {
		t.Errorf("%s %s %s %s", d.Code, d.Table, d.Row, d.Field)
	}
	t.Logf("%+v", *r)
	if r.Records < 300 || r.Tiles == 0 || r.Disclosures != 4 || r.Refusals != 3 || r.Acts != 4 || len(r.Skipped) > 0 {
		t.Errorf("too little was looked at: %+v", r)
	}
}
