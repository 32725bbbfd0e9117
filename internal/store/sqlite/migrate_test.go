package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

// firstRelease is a store as the first release left it: one file with two
// dossiers, one of them rejected, and bodies in rows of their own.
const firstRelease = `
INSERT INTO facility_version VALUES (1, '79901', 'Bệnh viện', 'provincial', 'hospital', '79', '', 'kcb', '', '', 0, '[]', 1);
INSERT INTO file VALUES (1, '79901', x'0100000000000000000000000000000000', zeroblob(32), 9, 1000000, 'client:1', 1, x'aa', 'clinical', 202607, x'', '[{"Fingerprint":[7,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"Subject":"O=Bệnh viện","Algorithm":"rsa-sha256","Bound":"pinned","Revocation":"good","Expired":false}]', 2, x'bb');
INSERT INTO record (id, facility, serial, kind, facility_version, received, state, version, current, late, documents, lane, file, idx, episode, content, log, leaf, pack, trust_epoch, class, month, wrapped, head)
 VALUES (1, '79901', x'00000000000000000000000000000001', 'qd4750', 1, 1000000, 'accepted', 1, 1, 0, 8198, 1, x'0100000000000000000000000000000000', 0, x'0200000000000000000000000000000000', x'0300000000000000000000000000000000', 0, 0, 'base/1', 1, 'clinical', 202607, x'cc', x'dd'),
        (2, '79901', x'00000000000000000000000000000002', 'qd4750', 1, 1000000, 'rejected', 0, 0, 0, 2, 1, x'0100000000000000000000000000000000', 1, x'0400000000000000000000000000000000', x'0500000000000000000000000000000000', 0, 1, 'base/1', 1, 'clinical', 202607, x'cc', x'dd');
INSERT INTO body VALUES (1, CAST('body one' AS BLOB)), (2, CAST('body two' AS BLOB));
INSERT INTO place VALUES ('79901', x'0100000000000000000000000000000000', 0, 1), ('79901', x'0100000000000000000000000000000000', 1, 2);
INSERT INTO dossier VALUES ('79901', x'0200000000000000000000000000000000', 'qd4750', x'0300000000000000000000000000000000', 1), ('79901', x'0400000000000000000000000000000000', 'qd4750', x'0500000000000000000000000000000000', 2);
INSERT INTO episode VALUES ('79901', x'0200000000000000000000000000000000', 'qd4750', 1, x'00000000000000000000000000000001', 's1');
INSERT INTO tag VALUES ('79901', 'doc:XML1', 1000000, 1), ('79901', 'doc:XML2', 1000000, 1), ('79901', 'doc:XML13', 1000000, 1), ('79901', 'time.future', 1000000, 2);
INSERT INTO counter VALUES (1, 19700101, 'qd4750', 'accepted', '', 1), (1, 19700101, 'qd4750', 'rejected', '', 1),
 (1, 19700101, 'qd4750', 'doc:XML1', '', 1), (1, 19700101, 'qd4750', 'doc:XML2', '', 1), (1, 19700101, 'qd4750', 'doc:XML13', '', 1);
`

// A store of the first release opens, keeps what it had, is asked by the same
// tags, and takes what is new.
func TestAStoreOfTheFirstReleaseMigrates(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.MainFile)+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations/main"), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(firstRelease); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, dir, storetest.Options{OpenLog: storetest.OpenLog})
	all := role.Scope{All: true}
	for n, want := range []string{"body one", "body two"} {
		body, err := s.Records.Body(ctx, dossier.ID{Facility: "79901", Serial: [16]byte{15: byte(n + 1)}})
		if err != nil || string(body) != want {
			t.Errorf("body %d is %q: %v", n, body, err)
		}
	}
	file, places, err := s.Records.File(ctx, "79901", vault.Keyed{1})
	if err != nil || len(places) != 2 || len(file.Seals) != 1 || file.Seals[0].Fingerprint[0] != 7 || file.Seals[0].Subject != "O=Bệnh viện" {
		t.Errorf("the file is %+v with %d places: %v", file, len(places), err)
	}
	for tag, want := range map[string]int{"doc:XML1": 1, "doc:XML2": 1, "doc:XML13": 1, "doc:XML3": 0, "time.future": 1} {
		list, _, err := s.Records.List(ctx, all, store.Filter{Tag: tag})
		if err != nil || len(list) != want {
			t.Errorf("%d records by %s, want %d: %v", len(list), tag, want, err)
		}
	}
	by := store.CountQuery{By: []store.Dimension{store.ByMeasure}}
	counted, err := s.Counters.Sum(ctx, all, by)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Counters.Recount(ctx, all, by)
	if err != nil || len(counted) != 5 || len(again) != len(counted) {
		t.Errorf("counted %v, counted again %v: %v", counted, again, err)
	}
	for i := range again {
		if again[i].Key[0] != counted[i].Key[0] || again[i].N != counted[i].N {
			t.Errorf("counted %v, counted again %v", counted[i], again[i])
		}
	}
	fresh := benchDossier(t, "79901", 1)
	if out, err := s.Intake.Commit(ctx, store.Routine, []store.Prepared{fresh}); err != nil || out[0].Status != store.StatusStored {
		t.Fatal(out, err)
	}
	body, err := s.Records.Body(ctx, fresh.ID)
	if err != nil || !bytes.Equal(body, fresh.Body) {
		t.Errorf("a new body of %d bytes came back as %d: %v", len(fresh.Body), len(body), err)
	}
	if _, err := s.Records.Get(ctx, all, dossier.ID{Facility: "79901", Serial: [16]byte{15: 9}}); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a record that is not there: %v", err)
	}
}
