package e2e_test

import (
	"context"
	"crypto/x509"
	"strings"
	"testing"

	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/hub"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

// TestASisterHubReadsTheFirstRecordOfAMonth: the month's key was made by
// another hub, before either needed it.
func TestASisterHubReadsTheFirstRecordOfAMonth(t *testing.T) {
	t.Parallel()
	url := pgtest.Copy(t, postgres.Migrate)
	open := func(owner string) func(clock.Clock) hub.OpenStore {
		return func(c clock.Clock) hub.OpenStore {
			return func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
				return postgres.Open(ctx, url, postgres.Config{Clock: c, OpenLog: log, HubName: hubName, Owner: owner})
			}
		}
	}
	w := newWorld(t, open("first"))
	sister, err := hub.Start(w.ctx, hub.Config{Name: hubName, Keys: w.keys, Clock: w.clock, Open: open("sister")(w.clock)})
	w.check(err)
	t.Cleanup(func() {
		if err := sister.Close(); err != nil {
			t.Errorf("closing the sister: %v", err)
		}
	})
	w.clock.Advance(14 * day) // into December
	a := w.one("79901", ours(pairs().ec, envelope(newVisit())), fine)
	id := must(dossier.ParseID(a.Record))
	reader := disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Name: "test", Route: "test"}
	if o, err := sister.Disclose.Open(w.ctx, reader, id); err != nil || o.Episode != a.Episode {
		t.Errorf("the sister reads %v, %v", o, err)
	}
	if raw, _, err := sister.Disclose.Original(w.ctx, reader, id); err != nil || len(raw) == 0 {
		t.Errorf("the sister gives %d bytes back, %v", len(raw), err)
	}
	if doc, err := sister.Disclose.Receipt(w.ctx, reader, id); err != nil || string(doc) != string(a.Receipt) {
		t.Errorf("the sister's copy of the receipt is another, %v", err)
	}
}

func TestASubjectThatNoStoreKeepsDefersNothing(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		odd := k.chained(k.root, k.rootKey, oidUID, taxCode, func(c *x509.Certificate) { c.Subject.CommonName = "Trạm\x00y tế" })
		got, _ := w.send("79903", ours(odd, strings.Replace(envelope(newVisit().of("79903")), "<MACSKCB>79901", "<MACSKCB>79903", 1)))
		if v := verdict(got, fine); v != fine {
			t.Errorf("%s: %s", v, got[0].Code)
		}
	})
}
