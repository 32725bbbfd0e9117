package qd4750_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
)

// shared finds a path beside the repository, where the sample files are.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(append([]string{dir, "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED LOUDLY: the shared samples are not here, nothing was tested: %v", err)
	}
	return path
}

func TestEverySampleReads(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob(filepath.Join(shared(t, "samples"), "*.xml"))
	more, _ := filepath.Glob(filepath.Join(shared(t, "samples", "dossiers"), "*.xml"))
	read := 0
	for _, path := range append(paths, more...) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(raw, []byte("<GIAMDINHHS>")) {
			continue
		}
		read++
		name := filepath.Base(path)
		f, err := qd4750.New().Open(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := bytes.Count(raw, []byte("<HOSO>")); f.Len() != want || f.Created().IsZero() || f.Sealing().Inside.Count != 1 {
			t.Errorf("%s: %d dossiers of %s, want %d", name, f.Len(), f.Created(), want)
		}
		if got, want := len(f.Extracts()), bytes.Count(raw, []byte("</X509Certificate>")); got != want {
			t.Errorf("%s: %d certificates, want %d", name, got, want)
		}
		documents := 0
		for i := range f.Len() {
			d := f.Dossier(i)
			documents += len(d.Inner)
			checkSample(t, name, f, d)
		}
		if documents != len(f.Spans()) {
			t.Errorf("%s: %d documents, %d spans", name, documents, len(f.Spans()))
		}
	}
	if read < 20 {
		t.Errorf("only %d samples were read", read)
	}
}

func checkSample(t *testing.T, name string, f kind.File, d kind.Dossier) {
	t.Helper()
	if len(d.Unreadable)+len(d.Unknown) != 0 || len(d.Content.All) != len(d.Inner) {
		t.Errorf("%s: unreadable %v, unknown %v", name, d.Unreadable, d.Unknown)
	}
	if d.Episode == "" || d.Patient.Name == "" || d.Patient.LocalID == "" || d.Patient.Sex == "" {
		t.Errorf("%s: episode or patient missing", name)
	}
	if got := d.Content.Field("XML1", 0, "MA_CSKCB"); got != string(f.Facility()) {
		t.Errorf("%s: MA_CSKCB %q in a file of %q", name, got, f.Facility())
	}
	for i, table := range d.Content.All {
		if table.Columns.Table != d.InnerNames[i] || len(table.Rows) == 0 {
			t.Errorf("%s %s: %d rows", name, d.InnerNames[i], len(table.Rows))
		}
		for j, row := range table.Rows {
			for _, x := range row.Extra {
				t.Errorf("%s %s row %d: %s is not in %s", name, d.InnerNames[i], j+1, x.Name, d.Spec.Decision)
			}
		}
	}
}

func BenchmarkDossier(b *testing.B) {
	raw, err := os.ReadFile(shared(b, "samples", "synthetic-outpatient.signed.xml"))
	if err != nil {
		b.Fatal(err)
	}
	f, err := qd4750.New().Open(raw)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if d := f.Dossier(0); len(d.Unreadable) != 0 {
			b.Fatal(d.Unreadable)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	raw, err := os.ReadFile(shared(b, "samples", "synthetic-outpatient.signed.xml"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := qd4750.New().Open(raw); err != nil {
			b.Fatal(err)
		}
	}
}
