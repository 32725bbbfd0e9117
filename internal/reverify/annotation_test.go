package reverify_test

import (
	"context"
	"crypto/sha256"
	"encoding/pem"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/bridge/tsa/simulator"
	"lienthong/internal/notary"
	"lienthong/internal/reverify"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
)

// local answers time-stamp requests without a network.
type local struct{ *simulator.Authority }

func (l local) Stamp(_ context.Context, _ string, _ bool, request []byte) ([]byte, error) {
	return l.Authority.Stamp(request)
}

// outside has a hub's log time-stamped and every record of one signer annotated.
func outside(h *testHub) {
	h.t.Helper()
	ctx := context.Background()
	a, err := simulator.New(h.clock, 0)
	must(h.t, err)
	root := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw}))
	must(h.t, h.office.AddService(ctx, "operator", admin.Service{Kind: "tsa", URL: "https://tsa.test/", PEM: root}))
	must(h.t, h.office.AddService(ctx, "operator", admin.Service{Kind: "crl", URL: "https://crl.test/", PEM: root}))
	h.clock.Advance(time.Second)
	must(h.t, h.office.EndService(ctx, "operator", "crl", "https://crl.test/"))
	s, err := notary.NewStamper(notary.StamperDeps{Ledger: h.slices.Ledger, Stamps: h.slices.Stamps, Services: h.slices.Services, Authority: local{a}, Clock: h.clock}, notary.StamperConfig{})
	must(h.t, err)
	must(h.t, s.Round(ctx))
	print := sha256.Sum256(h.signers["79901"].Certificate.Raw)
	found, err := h.slices.Revocations.Sealed(ctx, store.SealedQuery{Fingerprint: print, Since: at.AddDate(-1, 0, 0), What: store.SealDisputed, Limit: 3})
	must(h.t, err)
	var list []store.Annotation
	for _, r := range found {
		list = append(list, store.Annotation{Record: r.ID, What: store.SealDisputed, Fingerprint: print, At: h.clock.Now(), Since: at.AddDate(-1, 0, 0), Source: "https://crl.test/"})
	}
	n, err := h.slices.Revocations.Annotate(ctx, list)
	must(h.t, err)
	if n != 3 {
		h.t.Fatalf("%d annotations", n)
	}
}

func TestStampsAndAnnotationsAreHeldAgainstTheLog(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newSecrets(t)
	address := pgtest.Copy(t, postgres.Migrate)
	for _, open := range []openStore{sqliteOf(dir), postgresOf(address)} {
		h := startHub(t, keys, open, slog.New(slog.DiscardHandler))
		live(h)
		outside(h)
		h.close()
		r, err := verify(t, keys, open, reverify.Options{})
		must(t, err)
		if !r.OK() || r.Stamps != 1 || r.Annotations != 3 {
			t.Errorf("untouched: %+v", r)
		}
	}
	for _, c := range []struct{ name, code, sql string }{
		{"another token", "stamp.edited", `UPDATE stamp SET token = CAST(token || x'00' AS BLOB)`},
		{"a token of another size", "stamp.edited", `UPDATE stamp SET size = size - 1`},
		{"another time", "stamp.edited", `UPDATE stamp SET gen_time = gen_time - 1000000`},
		{"another authority", "annotation.edited", `UPDATE stamp SET authority = 'https://other.test/'`},
		{"a longer certificate", "annotation.edited", `UPDATE stamp SET not_after = not_after + 1`},
		{"a stamp less", "annotation.missing", `DELETE FROM stamp`},
		{"a stamp called late", "annotation.missing", `UPDATE stamp SET state = 'late'`},
		{"an annotation less", "annotation.missing", `DELETE FROM annotation WHERE serial = (SELECT min(serial) FROM annotation)`},
		{"an annotation of another time", "annotation.edited", `UPDATE annotation SET since = since + 1`},
		{"an annotation turned into another", "annotation.edited", `UPDATE annotation SET what = 'seal_revoked'`},
		{"an annotation more", "annotation.edited", `INSERT INTO annotation SELECT facility, serial, 'seal_revoked', fingerprint, at, since, source FROM annotation`},
		{"a timeline that does not tell it", "record.timeline", `DELETE FROM transition WHERE what = 'seal_disputed'`},
		{"a timeline that tells another", "record.timeline", `UPDATE transition SET what = 'seal_revoked' WHERE what = 'seal_disputed'`},
		{"a service allowed to be private", "service.edited", `UPDATE service SET private = 1 - private`},
		{"a service at another address", "service.edited", `UPDATE service SET url = 'https://other.test/' WHERE kind = 'tsa'`},
		{"a service ended", "service.edited", `UPDATE service SET ended = since WHERE kind = 'tsa'`},
		{"a service approved past the acts", "service.edited", `INSERT INTO service SELECT 'ocsp', url, hash, der, private, since, ended FROM service WHERE kind = 'tsa'`},
	} {
		copied := copyDir(t, dir)
		if !change(sqlite.MainFile, c.sql)(t, copied) {
			t.Errorf("%s: nothing was changed", c.name)
			continue
		}
		r, err := verify(t, keys, sqliteOf(copied), reverify.Options{})
		must(t, err)
		if !slices.ContainsFunc(r.Differences, func(d reverify.Difference) bool { return d.Code == c.code && d.Text.VI != "" && d.Text.EN != "" }) {
			t.Errorf("%s: no %s in %+v", c.name, c.code, r.Differences)
		}
		must(t, os.RemoveAll(copied))
	}
}
