package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestWhatLiesBesideAFileGoesWithIt: seals and papers find their file whatever
// their order in the tar. The fake takes "seal..." for a file that needs a seal,
// "papers..." for one that may have papers too.
func TestWhatLiesBesideAFileGoesWithIt(t *testing.T) {
	t.Parallel()
	rx, emr, dossier := member{"a.json", "seal a"}, member{"b.xml", "papers b"}, member{"c.xml", "ok"}
	rxSeal, emrSeal := member{"a.json.jws", "A\n"}, member{"b.xml.jws", "B"}
	pdf, pdfSeal := member{"b.xml.pdf", "%PDF b"}, member{"b.xml.pdf.jws", "P"}
	want := []string{"a.json A []", "b.xml B [b.xml.pdf P]", "c.xml  []"}
	for name, order := range map[string][]member{
		"sorted":          {rx, rxSeal, emr, emrSeal, pdf, pdfSeal, dossier},
		"seals first":     {rxSeal, emrSeal, pdfSeal, rx, emr, pdf, dossier},
		"seals last":      {rx, emr, pdf, dossier, pdfSeal, emrSeal, rxSeal},
		"paper first":     {pdf, pdfSeal, dossier, emrSeal, emr, rxSeal, rx},
		"nothing between": {emr, pdf, pdfSeal, emrSeal, dossier, rxSeal, rx},
	} {
		w := setup(t)
		rec := w.send(string(pack(t, order...)), "Content-Type: application/x-tar")
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", name, rec.Code, rec.Body)
		}
		var got []string
		for _, f := range w.intake.files {
			var papers []string
			for _, p := range f.Beside {
				papers = append(papers, p.Name+" "+p.Seal)
			}
			got = append(got, fmt.Sprintf("%s %s %v", f.Name, f.Seal, papers))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
		if w.intake.held != 0 {
			t.Errorf("%s: %d bytes are still reserved", name, w.intake.held)
		}
	}
}

func TestPaperBesideNothingIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rec := w.send(string(pack(t, member{"x.pdf", "%PDF"}, member{"c.xml", "ok"})), "Content-Type: application/x-tar")
	if body := rec.Body.String(); !strings.Contains(body, `"paper.alone"`) || len(w.intake.files) != 1 {
		t.Errorf("%s, %d files", body, len(w.intake.files))
	}
}

// TestMembersThatWaitDoNotFillTheHub: files whose seals never come go as they
// are once too much waits, and a tar that broke off leaves them undecided.
func TestMembersThatWaitDoNotFillTheHub(t *testing.T) {
	t.Parallel()
	w := setup(t)
	big := strings.Repeat("x", 1<<20)
	var list []member
	for i := range 40 {
		list = append(list, member{fmt.Sprintf("%d.json", i), "seal " + big})
	}
	rec := w.send(string(pack(t, list...)), "Content-Type: application/x-tar")
	if rec.Code != 200 || len(w.intake.files) != 40 || w.intake.most > 30<<20 {
		t.Errorf("%d, %d files, %d bytes held at most", rec.Code, len(w.intake.files), w.intake.most)
	}

	w = setup(t)
	whole := pack(t, member{"a.json", "seal a"}, member{"c.xml", "ok"})
	rec = w.send(string(whole[:len(whole)-1024]), "Content-Type: application/x-tar")
	if body := rec.Body.String(); !strings.Contains(body, `"deferred":true`) || len(w.intake.files) != 1 {
		t.Errorf("a tar that broke off: %s, %d files", body, len(w.intake.files))
	}
}

// TestSealsThatNobodyWaitsForCount: what is held of them, names too, is room
// like any other, and is given back.
func TestSealsThatNobodyWaitsForCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n           int
		name, token string
		least       int64
	}{
		"long seals":       {100, "", strings.Repeat("x", 60<<10), 5 << 20},
		"nothing but name": {2000, strings.Repeat("n", 900), "", 1 << 20},
		"more than may":    {400, "", strings.Repeat("x", 60<<10), 15 << 20},
	} {
		w := setup(t)
		list := []member{{"c.xml", "ok"}}
		for i := range c.n {
			list = append(list, member{fmt.Sprintf("%s%d.json.jws", c.name, i), c.token})
		}
		list = append(list, list[1], list[1]) // one again and again
		rec := w.send(string(pack(t, list...)), "Content-Type: application/x-tar")
		if rec.Code != 200 || len(w.intake.files) != 1 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		if w.intake.most < c.least || w.intake.most > 20<<20 || w.intake.held != 0 {
			t.Errorf("%s: %d bytes reserved at most, %d still", name, w.intake.most, w.intake.held)
		}
	}
}
