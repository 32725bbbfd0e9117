package synth_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
	"lienthong/internal/synth"
)

// TestFilesSealedBeside: prescriptions and medical records are the same again,
// sealed beside, accepted by their rules, and about people of the nation.
func TestFilesSealedBeside(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 5, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	kinds := kind.NewRegistry(prescription.New(), emr.New())
	rules := quality.V1().With(prescription.Rules(), emr.Rules())
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i := range 60 {
		s, err := n.Beside(i)
		if err != nil {
			t.Fatal(err)
		}
		if s.Seal == "" {
			continue
		}
		seen[s.Visit]++
		again, err := n.Beside(i)
		if err != nil || !bytes.Equal(s.XML, again.XML) || s.Seal != again.Seal {
			t.Fatalf("file %d is another the second time", i)
		}
		reader, err := kinds.Pick(s.XML)
		if err != nil || reader.Name() != s.Kind {
			t.Fatalf("file %d: %v, %v", i, reader, err)
		}
		f, err := reader.Open(s.XML)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seals.VerifyDetached(s.XML, s.Seal); err != nil {
			t.Errorf("file %d: %v", i, err)
		}
		d := f.Dossier(0)
		found := rules.Judge(d.Content, quality.Input{Kind: s.Kind, Facility: "", Received: s.At.Add(time.Hour), Unreadable: d.Unreadable})
		for _, x := range found {
			if r, _ := rules.Rule(x.Code); r.Rejects || x.Severity == dossier.Error {
				t.Errorf("file %d (%s): %+v", i, s.Visit, x)
			}
		}
		if d.Episode == "" || d.Patient.Name == "" || strings.HasPrefix(s.Visit, "emr") && len(d.Content.All) < 4 {
			t.Errorf("file %d (%s): %q %+v", i, s.Visit, d.Episode, d.Patient)
		}
		for _, p := range s.Papers {
			if err := emr.New().Paper(p.Bytes); err != nil {
				t.Errorf("file %d: %v", i, err)
			}
			if _, err := seals.VerifyDetached(p.Bytes, p.Seal); err != nil {
				t.Errorf("file %d: %v", i, err)
			}
		}
		if (s.Visit == synth.RecordJSON) != (len(s.Papers) == 1) {
			t.Errorf("file %d (%s) has %d papers", i, s.Visit, len(s.Papers))
		}
	}
	if seen[synth.Prescribed] != 6 || seen[synth.RecordXML] != 6 || seen[synth.RecordJSON] != 6 {
		t.Errorf("%v", seen)
	}
}

func TestSealsAndPapersAreWrittenBeside(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 5, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := n.WriteBeside(t.Context(), dir, 1, 10, nil); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	err = filepath.WalkDir(filepath.Join(dir, "files"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count[filepath.Ext(path)]++
		}
		return err
	})
	if err != nil || count[".jws"] != 4 || count[".pdf"] != 1 || count[".json"] != 2 {
		t.Errorf("%v, %v", count, err)
	}
}
