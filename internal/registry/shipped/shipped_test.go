package shipped_test

import (
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/synth"
)

// config knows the records of the QĐ 4750 family and of health checks.
var config = declaration.Config{Tables: func(kind string) map[string][]string {
	if kind == "checkup" {
		return declaration.TablesOf(checkup.Spec())
	}
	return declaration.Family(kind)
}}

// all returns what is shipped and the two examples of the guide, compiled.
func all(t *testing.T) map[registry.ID]*declaration.Database {
	t.Helper()
	files, err := shipped.Files()
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob(filepath.Join("..", "..", "..", "doc", "guide", "databases", "*.yaml"))
	if err != nil || len(examples) != 2 {
		t.Fatalf("examples %v, %v", examples, err)
	}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, shipped.File{Name: filepath.Base(name), Text: text})
	}
	out := map[registry.ID]*declaration.Database{}
	for _, f := range files {
		d, problems, err := declaration.Parse(f.Text)
		for _, p := range problems {
			t.Errorf("%s:%d:%d: %s %s: %s", f.Name, p.Line, p.Column, p.Code, p.Path, p.Text.EN)
		}
		if err != nil {
			continue
		}
		db, problems := declaration.Compile(d, config)
		for _, p := range problems {
			t.Errorf("%s:%d:%d: %s %s: %s", f.Name, p.Line, p.Column, p.Code, p.Path, p.Text.EN)
		}
		if db != nil {
			out[d.ID] = db
		}
	}
	return out
}

func TestEveryDeclarationIsRight(t *testing.T) {
	t.Parallel()
	if got := len(all(t)); got != 15 {
		t.Errorf("%d databases, want the 13 shipped and 2 examples", got)
	}
}

// Every database that takes records finds entries in a synthetic nation, with their
// keys, and few of them are refused.
func TestRecordsOfASyntheticNationBecomeEntries(t *testing.T) {
	t.Parallel()
	nation, err := synth.New(synth.Config{Seed: 6, Profile: synth.Small, People: 1_000, DefectShare: -1})
	if err != nil {
		t.Fatal(err)
	}
	dbs, now := all(t), nation.Config().To.AddDate(0, 0, 1)
	entries, refused := map[string]int{}, map[string]int{}
	take := func(d dossier.Fields, kind string, at care.FacilityCode) {
		for id, db := range dbs {
			for i := range db.Sources {
				for _, made := range db.Project(db.Sources[i].ID, d, declaration.About{ID: dossier.ID{Facility: at}, Kind: kind, Received: now}) {
					checked := db.Check(made.Values, now)
					if _, ok := db.Key(checked.Values); !ok {
						continue
					}
					source := string(id) + "/" + db.Sources[i].ID
					if entries[source]++; checked.Refused() {
						refused[source]++
						for _, f := range checked.Findings {
							if f.Severity == "error" {
								refused[source+" "+f.Code]++
							}
						}
					}
				}
			}
		}
	}
	read := func(s synth.Submission, err error) {
		if err != nil {
			t.Fatal(err)
		}
		reader := map[string]kind.Reader{"qd4750": qd4750.New(), "checkup": checkup.New()}[s.Kind]
		if reader == nil {
			return
		}
		f, err := reader.Open(s.XML)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Len() {
			take(f.Dossier(i).Content, s.Kind, care.FacilityCode(s.Facility))
		}
	}
	for i := range 600 {
		read(nation.At(i))
	}
	for i := range 12 {
		read(nation.Beside(i))
	}
	for _, source := range []string{"visits/xml1", "prevention/xml1", "medicines/xml2", "births/xml9", "health-books/visits", "health-books/checkups", "hiv/xml6", "tb/xml15", "traditional/xml1"} {
		if entries[source] == 0 {
			t.Errorf("%s has no entry", source)
		}
		if refused[source]*20 > entries[source] {
			t.Errorf("%s: %d of %d entries have an error: %v", source, refused[source], entries[source], refused)
		}
	}
	t.Log(entries)
}
