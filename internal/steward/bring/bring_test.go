package bring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
	"lienthong/internal/registry/table"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store"
	"lienthong/internal/store/importspool"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

const declared = `id: blood
name: {vi: Hiến máu, en: Blood donation}
entry: {vi: Lần hiến, en: Donation}
steward: kcb
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Mã túi máu, en: Unit}, type: text, class: internal, priority: 1, format: "[A-Z0-9-]+", search: true}
  - {name: person, label: {vi: Số định danh, en: Citizen number}, type: text, class: personal, format: "[0-9]{12}", search: true}
  - {name: given, label: {vi: Ngày hiến, en: Given}, type: date, class: internal}
  - {name: volume, label: {vi: Thể tích, en: Volume}, type: integer, class: internal, min: 100, max: 650}
key: [number]
person: person
sources:
  - {id: file, kind: import, columns: {person: [CCCD]}}
  - {id: form, kind: form}
retention: y10
`

var kcb = steward.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "unit:kcb/test"}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// world is a hub's worth of what imports need, over one store.
type world struct {
	*testing.T
	keys    store.Keys
	desk    *bring.Desk
	steward *steward.Steward
	entries *register.Entries
	dir     string
}

func setup(t *testing.T, s *store.Slices, at clock.Clock, batch int) *world {
	t.Helper()
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, keys: s.Keys, dir: t.TempDir()}
	h := s.House
	if w.steward, err = steward.New(t.Context(), steward.Deps{Databases: h.Databases, Entries: h.Entries, Grants: h.Grants, Flow: h.Flow, Scores: h.Scores, Keys: s.Keys, Vault: v,
		Directory: func() *facility.Directory { return facility.NewDirectory(facility.Contents{}) }, Clock: at, Logger: slog.New(slog.DiscardHandler)}, steward.Config{Holder: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.steward.Declare(t.Context(), steward.Who{Role: role.Role{Kind: role.Operator}, Name: "operator"}, []byte(declared)); err != nil {
		t.Fatal(err)
	}
	if w.entries, err = register.NewEntries(register.ReaderDeps{Live: w.steward, Entries: h.Entries, Log: s.Disclosures, Vault: v, Clock: at}); err != nil {
		t.Fatal(err)
	}
	spool, err := importspool.Open(w.dir, v)
	if err != nil {
		t.Fatal(err)
	}
	w.desk, err = bring.New(bring.Deps{Imports: h.Imports, Entries: h.Entries, Steward: w.steward, Files: spool, Clock: at, Logger: slog.New(slog.DiscardHandler),
		History: func(ctx context.Context, unit string, id registry.ID, entry registry.EntryID) ([]registry.Entry, error) {
			return w.entries.History(ctx, register.Reader{Role: role.Role{Kind: role.Unit, ID: unit}, Name: "import", Route: "import.undo"}, id, entry)
		}}, bring.Config{Holder: "test", Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, batch int, test func(w *world)) {
	t.Helper()
	at := clock.System{}
	for name, open := range map[string]func(t *testing.T) (*store.Slices, error){
		"sqlite": func(t *testing.T) (*store.Slices, error) {
			return sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: at, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
		"postgres": func(t *testing.T) (*store.Slices, error) {
			return postgres.Open(t.Context(), pgtest.Copy(t, postgres.Migrate), postgres.Config{Clock: at, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(setup(t, s, at, batch))
		})
	}
}

func (w *world) receive(file string) *bring.Import {
	w.Helper()
	i, err := w.desk.Receive(w.Context(), kcb, "blood", `C:\data\máu.csv`, strings.NewReader(file))
	if err != nil {
		w.Fatal(err)
	}
	return i
}

func (w *world) work() {
	w.Helper()
	if err := w.desk.Work(w.Context()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) get(name string) *bring.Import {
	w.Helper()
	i, err := w.desk.Get(w.Context(), kcb, "blood", name)
	if err != nil {
		w.Fatal(err)
	}
	return i
}

// volumes are the live entries, number to volume.
func (w *world) volumes() map[string]string {
	w.Helper()
	page, err := w.entries.List(w.Context(), register.Reader{Role: kcb.Role, Name: "t", Route: "t"}, "blood", register.Query{State: registry.Live, Limit: 500})
	if err != nil {
		w.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range page.Entries {
		out[e.Values["number"]] = e.Values["volume"] + "/" + e.Values["person"]
	}
	return out
}

func (w *world) apply(file string) *bring.Import {
	w.Helper()
	i := w.receive(file)
	w.work()
	if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); err != nil {
		w.Fatal(err)
	}
	w.work()
	if i = w.get(i.ID); i.State != bring.Done {
		w.Fatalf("%s %+v", i.State, i.Summary)
	}
	return i
}

const first = "Mã túi máu;CCCD;Ngày hiến;Thể tích\nM-1;079088000001;20/11/2026;350\nM-2;079088000002;20/11/2026;250\nM-3;079088000003;20/11/2026;900\n;079088000004;20/11/2026;350\n"

func TestRowsWithTheKeyOfAnEarlierRowAreTold(t *testing.T) {
	t.Parallel()
	onBoth(t, 2, func(w *world) {
		i := w.receive("Mã túi máu;Thể tích\nM-1;350\nM-2;250\nM-1;300\n;300\nM-1;999\n")
		w.work()
		i = w.get(i.ID)
		at := slices.IndexFunc(i.Summary.Causes, func(c bring.Cause) bool { return c.Code == "import.key_twice" })
		if i.Summary.Refused != 2 || at < 0 || i.Summary.Causes[at].N != 1 || !slices.Equal(i.Summary.Causes[at].Lines, []int64{4}) {
			w.Fatalf("%+v", i.Summary)
		}
	})
}

func TestAFileIsLookedAtWrittenAndUndone(t *testing.T) {
	t.Parallel()
	onBoth(t, 2, func(w *world) {
		i := w.receive(first)
		if i.State != bring.Received || i.Name != "máu.csv" || strings.Join(i.Summary.Fields, ",") != "number,person,given,volume" {
			w.Fatalf("%+v", i)
		}
		p, err := w.desk.Preview(w.Context(), kcb, "blood", i.ID, 10)
		if err != nil || len(p.Samples) != 4 || p.Samples[0].Refused || !p.Samples[2].Refused || !p.Samples[3].Refused || p.Samples[0].Values["given"] != "2026-11-20" {
			w.Fatalf("%+v %v", p, err)
		}
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); !errors.Is(err, bring.ErrState) {
			w.Error("applied before it was looked at", err)
		}
		w.work()
		i = w.get(i.ID)
		if i.State != bring.Checked || i.Summary.Rows != 4 || i.Summary.Refused != 2 || len(w.volumes()) != 0 {
			w.Fatalf("%s %+v", i.State, i.Summary)
		}
		causes := fmt.Sprint(i.Summary.Causes)
		if !strings.Contains(causes, "entry.volume.range") || !strings.Contains(causes, "entry.number.missing") || strings.Contains(causes, "0790") {
			w.Error(causes)
		}
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); err != nil {
			w.Fatal(err)
		}
		w.work()
		i = w.get(i.ID)
		if got := w.volumes(); i.State != bring.Done || i.Summary.Made != 2 || got["M-1"] != "350/079088000001" || len(got) != 2 {
			w.Fatalf("%s %+v %v", i.State, i.Summary, got)
		}
		if files, err := os.ReadDir(w.dir); err != nil || len(files) != 0 {
			w.Error("the file is still there", files, err)
		}

		// A second file changes one entry, confirms one and makes one; undoing it
		// brings back what was, and leaves the first file's work alone.
		two := w.apply("Mã túi máu,CCCD,Ngày hiến,Thể tích\nM-1,079088000001,20/11/2026,450\nM-2,079088000002,20/11/2026,250\nM-9,079088000009,20/11/2026,300\n")
		if s := two.Summary; s.Made != 1 || s.Changed != 1 || s.Same != 1 || w.volumes()["M-1"] != "450/079088000001" {
			w.Fatalf("%+v %v", s, w.volumes())
		}
		if err := w.desk.Undo(w.Context(), kcb, "blood", two.ID); err != nil {
			w.Fatal(err)
		}
		w.work()
		got := w.volumes()
		if two = w.get(two.ID); two.State != bring.Undone || two.Summary.Ended != 1 || two.Summary.Restored != 1 || len(got) != 2 || got["M-1"] != "350/079088000001" || got["M-2"] != "250/079088000002" {
			w.Errorf("%s %+v %v", two.State, two.Summary, got)
		}
		if err := w.desk.Undo(w.Context(), kcb, "blood", two.ID); !errors.Is(err, bring.ErrState) {
			w.Error("undone twice", err)
		}
	})
}

// An import is worked on however many were brought after it.
func TestAnOlderImportIsNotForgotten(t *testing.T) {
	t.Parallel()
	onBoth(t, 100, func(w *world) {
		old := w.receive("unit,volume\nB-1,250\n")
		for n := range 60 {
			later := old.Import
			later.ID, later.Version, later.State, later.At = fmt.Sprint("nhap-sau-", n), 1, bring.Done, old.At.Add(time.Minute)
			if err := w.desk.Imports.PutImport(w.Context(), later, nil); err != nil {
				w.Fatal(err)
			}
		}
		w.work()
		if i := w.get(old.ID); i.State != bring.Checked {
			w.Errorf("it is %s", i.State)
		}
	})
}

func TestColumnsAreMappedByHand(t *testing.T) {
	t.Parallel()
	onBoth(t, 0, func(w *world) {
		i := w.receive("Cột A,Cột B\nM-1,350\n")
		w.work()
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); !errors.Is(err, bring.ErrMapping) {
			w.Error("applied without a key", err)
		}
		for _, fields := range [][]string{{"number"}, {"number", "number"}, {"number", "none"}} {
			if err := w.desk.Map(w.Context(), kcb, "blood", i.ID, fields); !errors.Is(err, bring.ErrMapping) {
				w.Error(fields, err)
			}
		}
		if err := w.desk.Map(w.Context(), kcb, "blood", i.ID, []string{"number", "volume"}); err != nil {
			w.Fatal(err)
		}
		acts, err := w.keys.Acts(w.Context(), 0, 100)
		if err != nil {
			w.Fatal(err)
		}
		if a := acts[0]; a.Action != "database.import_map" || a.Actor != kcb.Name || a.Detail != `{"columns":["number","volume"]}` {
			w.Errorf("who mapped the columns: %+v", a)
		}
		w.work()
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); err != nil {
			w.Fatal(err)
		}
		w.work()
		if got := w.volumes(); got["M-1"] != "350/" {
			w.Error(got)
		}
	})
}

func TestWhoMayAndWhatIsNoTable(t *testing.T) {
	t.Parallel()
	onBoth(t, 0, func(w *world) {
		other := steward.Who{Role: role.Role{Kind: role.Unit, ID: "pb"}, Name: "unit:pb"}
		if _, err := w.desk.Receive(w.Context(), other, "blood", "a.csv", strings.NewReader(first)); !errors.Is(err, steward.ErrSteward) {
			w.Error(err)
		}
		if _, err := w.desk.Receive(w.Context(), kcb, "none", "a.csv", strings.NewReader(first)); !errors.Is(err, steward.ErrAbsent) {
			w.Error(err)
		}
		for file, want := range map[string]error{"": table.ErrFormat, "a,b\n": bring.ErrEmpty, "%PDF-1.4": table.ErrFormat, "a,a\n1,2\n": table.ErrHeader} {
			if _, err := w.desk.Receive(w.Context(), kcb, "blood", "a.csv", strings.NewReader(file)); !errors.Is(err, want) {
				w.Errorf("%q: %v", file, err)
			}
		}
		i := w.receive("Mã túi máu\nM-1\n\"open\n")
		w.work()
		if i = w.get(i.ID); i.State != bring.Stopped || i.Summary.Code != "table.quote" {
			w.Errorf("%s %+v", i.State, i.Summary)
		}
		if err := w.desk.Drop(w.Context(), kcb, "blood", i.ID); err != nil {
			w.Error(err)
		}
		if files, err := os.ReadDir(w.dir); err != nil || len(files) != 0 {
			w.Error("files of what was refused or dropped are there", files, err)
		}
	})
}

// A declaration that changes between the look at a file and its writing has the rows
// looked at again, and says so; nothing is written by what was looked at before.
func TestADeclarationThatChangedIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, 100, func(w *world) {
		i := w.receive(first)
		w.work()
		text := strings.Replace(declared, "max: 650", "max: 1000", 1)
		if text == declared {
			w.Fatal("the declaration does not change")
		}
		if _, err := w.steward.Declare(w.Context(), steward.Who{Role: role.Role{Kind: role.Operator}, Name: "operator"}, []byte(text)); err != nil {
			w.Fatal(err)
		}
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); !errors.Is(err, bring.ErrDeclared) {
			w.Fatalf("applied by what it was: %v", err)
		}
		if len(w.volumes()) != 0 || w.get(i.ID).State != bring.Received {
			w.Fatalf("%s %v", w.get(i.ID).State, w.volumes())
		}
		w.work()
		if err := w.desk.Apply(w.Context(), kcb, "blood", i.ID); err != nil {
			w.Fatal(err)
		}
		w.work()
		if got := w.get(i.ID); got.State != bring.Done || got.Summary.Refused != 1 || w.volumes()["M-3"] != "900/079088000003" {
			w.Errorf("%s %+v %v", got.State, got.Summary, w.volumes())
		}
	})
}

// What lies in the spool is sealed, any part of it can be read, and what is damaged
// is told.
func TestTheSpoolIsSealed(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := importspool.Open(dir, v)
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("Nguyễn Thị Bí Mật 079088000001\n"), 5000)
	out, err := s.Create("one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "one.sealed")
	kept, err := os.ReadFile(path)
	if err != nil || bytes.Contains(kept, []byte("079088")) {
		t.Fatal("it lies in the clear", err)
	}
	f, err := s.Open("one")
	if err != nil || f.Size() != int64(len(plain)) {
		t.Fatal(f, err)
	}
	part := make([]byte, 70_000)
	if n, err := f.ReadAt(part, 31_000); err != nil || !bytes.Equal(part[:n], plain[31_000:31_000+n]) {
		t.Error(n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	kept[200] ^= 1
	if err := os.WriteFile(path, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err = s.Open("one"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(part, 0); err == nil {
		t.Error("a damaged piece was read")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "../x", "a/b", "A"} {
		if _, err := s.Create(bad); err == nil {
			t.Errorf("%q was taken for a name", bad)
		}
	}
	if err := s.Sweep(time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if _, err := s.Open("one"); !errors.Is(err, os.ErrNotExist) {
		t.Error("it was not destroyed", err)
	}
}
