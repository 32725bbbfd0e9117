package entries_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/registry/table"
	"lienthong/internal/synth/country"
	"lienthong/internal/synth/entries"
)

var day = time.Date(2026, 11, 20, 9, 0, 0, 0, country.Hanoi())

func land(t *testing.T) *country.Country {
	t.Helper()
	n, err := country.New(country.Config{Seed: 4, Profile: country.Small, People: 400, From: day.AddDate(0, 0, -30), To: day})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func text(t *testing.T, id string) []byte {
	t.Helper()
	if id == "occupational-health" {
		b, err := os.ReadFile("../../../doc/guide/databases/occupational-health.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	files, err := shipped.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(strings.TrimSuffix(f.Name, ".yaml"), id) {
			return f.Text
		}
	}
	t.Fatalf("no declaration %s", id)
	return nil
}

func database(t *testing.T, id string) *declaration.Database {
	t.Helper()
	d, _, err := declaration.Parse(text(t, id))
	if err != nil {
		t.Fatal(err)
	}
	db, problems := declaration.Compile(d, declaration.Config{})
	if registry.Blocks(problems) {
		t.Fatalf("%s: %v", id, problems)
	}
	return db
}

// TestFiles reads every file as an import does: all headings are known, what is not
// told as a fault is right, and what is told as one is found.
func TestFiles(t *testing.T) {
	t.Parallel()
	n := land(t)
	for _, id := range entries.Databases() {
		for _, format := range []string{entries.CSV, entries.NDJSON} {
			t.Run(id+"/"+format, func(t *testing.T) {
				t.Parallel()
				db := database(t, id)
				var file, again bytes.Buffer
				f := entries.File{Database: id, Rows: 200, Format: format, At: day}
				told, err := entries.Write(&file, n, f)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := entries.Write(&again, n, f); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
					t.Fatalf("another file from the same seed: %v", err)
				}
				rows := read(t, db, file.Bytes())
				faults, keys := 0, map[string]bool{}
				for i, v := range rows {
					if p := v["person"]; p != "" && (len(p) != 12 || p[3] != '8' && p[3] != '9') {
						t.Errorf("row %d: a number that somebody may have", i)
					}
					c := db.Check(v, day)
					if key, ok := db.Key(c.Values); ok {
						keys[string(key)] = true
					}
					for _, found := range c.Findings {
						if !strings.HasPrefix(found.Code, "rule.") {
							faults++
							break
						}
					}
				}
				if len(rows) != 200 || told.Rows != 200 || faults != told.Faults || faults == 0 || len(keys) != 200 {
					t.Errorf("%d rows, %d faults, %d keys; told %+v", len(rows), faults, len(keys), told)
				}
			})
		}
	}
}

func read(t *testing.T, db *declaration.Database, file []byte) (out []registry.Values) {
	t.Helper()
	r, err := table.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	known := db.Headers("import")
	for {
		row, err := r.Next()
		if err != nil {
			return out
		}
		v := registry.Values{}
		for i, h := range r.Header {
			field := known[care.Fold(h)]
			if field == "" {
				t.Fatalf("no field for heading %q", h)
			}
			v[field] = row.Cells[i]
		}
		out = append(out, v)
	}
}

// TestTwins: a person is told of twice, under two licences and almost the same name.
func TestTwins(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	told, err := entries.Write(&file, land(t), entries.File{Database: "personnel", Rows: 200, At: day, Faultless: true})
	if err != nil {
		t.Fatal(err)
	}
	twins, by := 0, map[string]registry.Values{}
	for _, v := range read(t, database(t, "personnel"), file.Bytes()) {
		if before := by[v["person"]]; before != nil {
			twins++
			if before["name"] == v["name"] || before["licence"] == v["licence"] || before["issued"] != v["issued"] {
				t.Errorf("%v and %v", before, v)
			}
		}
		by[v["person"]] = v
	}
	if twins != told.Twins || twins != 5 || told.Faults != 0 {
		t.Errorf("%d twins, told %+v", twins, told)
	}
}

func TestNoSuchFile(t *testing.T) {
	t.Parallel()
	for _, f := range []entries.File{{Database: "visits", At: day}, {Database: "devices"}, {Database: "devices", Rows: -1, At: day}, {Database: "devices", Format: "pdf", At: day}} {
		if _, err := entries.Write(&bytes.Buffer{}, land(t), f); !errors.Is(err, entries.ErrFile) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
