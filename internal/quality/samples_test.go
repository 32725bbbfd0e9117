package quality_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/quality"
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

// read opens a sample and gives what its dossiers are judged with.
func read(t testing.TB, path string) (kind.File, []kind.Dossier, quality.Input) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var reader kind.Reader = qd4750.New()
	if bytes.Contains(raw, []byte("<CHI_TIEU_TRANG_THAI_KCB")) {
		reader = checkin.New()
	}
	f, err := reader.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	in := quality.Input{Kind: reader.Name(), Facility: f.Facility(), Created: f.Created(), Received: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
	if in.Facility == "" {
		in.Facility = care.FacilityCode(filepath.Base(path)[:5])
	}
	var ds []kind.Dossier
	for i := range f.Len() {
		ds = append(ds, f.Dossier(i))
	}
	return f, ds, in
}

func judge(d kind.Dossier, in quality.Input) []dossier.Finding {
	in.Unreadable = d.Unreadable
	in.Day = d.Spec.From
	if m, err := care.ParseMoment(d.Content.Field("XML1", 0, "NGAY_RA")); err == nil {
		in.Day = m.Day()
	}
	return quality.V1().Judge(d.Content, in)
}

// TestValidSamplesAreAccepted: files made as hospitals make them, whose sums
// add up, come out with nothing worse than a remark.
func TestValidSamplesAreAccepted(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob(filepath.Join(shared(t, "samples", "dossiers"), "*.xml"))
	if len(paths) < 20 {
		t.Fatalf("%d samples", len(paths))
	}
	for _, path := range paths {
		_, ds, in := read(t, path)
		for i, d := range ds {
			findings := judge(d, in)
			if v := quality.Verdict(findings, quality.V1(), 1); v.State != dossier.Accepted {
				t.Errorf("%s dossier %d: %s", filepath.Base(path), i, v.State)
			}
			for _, f := range findings {
				if f.Severity != dossier.Info {
					t.Errorf("%s dossier %d: %+v", filepath.Base(path), i, f)
				}
				if _, ok := quality.V1().Rule(f.Code); !ok {
					t.Errorf("%s is not in the catalogue", f.Code)
				}
			}
		}
	}
}

// TestSizeSamplesAreFindingsOnly: sums that do not add up do not reject.
func TestSizeSamplesAreFindingsOnly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"synthetic-outpatient.signed.xml", "synthetic-inpatient.xml", "synthetic-referral.signed.xml"} {
		_, ds, in := read(t, shared(t, "samples", name))
		v := quality.Verdict(judge(ds[0], in), quality.V1(), 1)
		if v.State != dossier.AcceptedWithWarnings {
			t.Errorf("%s: %s", name, v.State)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	for _, name := range []string{"synthetic-outpatient.signed.xml", "synthetic-inpatient.xml", "dossiers/24604-006-followup.xml", "dossiers/19803-027-inpatient.xml"} {
		b.Run(filepath.Base(name), func(b *testing.B) {
			_, ds, in := read(b, shared(b, "samples", filepath.FromSlash(name)))
			rows := 0
			for _, t := range ds[0].Content.All {
				rows += len(t.Rows)
			}
			b.ReportAllocs()
			for b.Loop() {
				judge(ds[0], in)
			}
			b.ReportMetric(float64(rows), "rows")
		})
	}
}
