package synth_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
	"lienthong/internal/synth"
)

func nation(t testing.TB, c synth.Config) *synth.Nation {
	t.Helper()
	n, err := synth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// hub judges files as a hub does that knows a nation's facilities.
type hub struct {
	verifier *seal.Verifier
	trust    *seal.Trust
	known    map[string]bool
	received time.Time
}

func newHub(t testing.TB, n *synth.Nation) *hub {
	t.Helper()
	block, _ := pem.Decode(n.Root())
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	c := seal.TrustConfig{Epoch: "1", Roots: []*x509.Certificate{root}, Pinned: map[string][][sha256.Size]byte{}, TaxCodes: map[string]string{}}
	h := &hub{known: map[string]bool{}, received: n.Config().To.Add(time.Hour)}
	for _, f := range n.Facilities() {
		h.known[f.Code] = true
		a := f.Registration()
		if a.TaxCode != "" {
			c.TaxCodes[a.Code] = a.TaxCode
		}
		for _, text := range a.Certificates {
			b, _ := pem.Decode([]byte(text))
			c.Pinned[a.Code] = append(c.Pinned[a.Code], sha256.Sum256(b.Bytes))
		}
	}
	if h.trust, err = seal.NewTrust(c); err != nil {
		t.Fatal(err)
	}
	if h.verifier, err = seal.NewVerifier(seal.Config{}); err != nil {
		t.Fatal(err)
	}
	return h
}

var errUnknown = fault.New(fault.Invalid, "facility.unknown", "", "")

// judge returns the verdict of each dossier, or the fault the file is refused for.
func (h *hub) judge(s synth.Submission) ([][]dossier.Finding, []kind.Dossier, error) {
	var reader kind.Reader = qd4750.New()
	if s.Kind == "checkin" {
		reader = checkin.New()
	}
	f, err := reader.Open(s.XML)
	if err != nil {
		return nil, nil, err
	}
	code := string(f.Facility())
	if code != "" && !h.known[code] {
		return nil, nil, errUnknown
	}
	verdict, err := h.verifier.Verify(s.XML, *f.Sealing().Inside)
	if err != nil {
		return nil, nil, err
	}
	if code == "" {
		code = s.Facility // a check-in's facility is its certificate's, which Bind holds it to
	}
	if _, err := h.trust.Bind(verdict.Signatures[0], seal.Claim{Facility: code, At: h.received}); err != nil {
		return nil, nil, err
	}
	var all [][]dossier.Finding
	var dossiers []kind.Dossier
	for i := range f.Len() {
		d := f.Dossier(i)
		in := quality.Input{Kind: reader.Name(), Facility: care.FacilityCode(code), Received: h.received, Created: f.Created(), Day: d.Spec.From,
			Unreadable: d.Unreadable, Directory: func(c string) bool { return h.known[c] }}
		if m, err := care.ParseMoment(d.Content.Field("XML1", 0, "NGAY_RA")); err == nil {
			in.Day = m.Day()
		}
		all = append(all, quality.V1().Judge(d.Content, in))
		dossiers = append(dossiers, d)
	}
	return all, dossiers, nil
}

func worth(findings []dossier.Finding) (codes []string) {
	for _, f := range findings {
		if f.Severity != dossier.Info {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// quirky are the findings that what is unusual about a patient leads to.
func quirky(quirk string) map[string]bool {
	if quirk == synth.QuirkGuardian {
		return map[string]bool{"XML1.SO_CCCD.contradicts": true, "XML0.SO_CCCD.contradicts": true}
	}
	return nil
}

// TestWithoutDefectIsAccepted: what the nation's facilities send in order is
// accepted, without a warning unless the patient is unusual.
func TestWithoutDefectIsAccepted(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 1, DefectShare: -1})
	h := newHub(t, n)
	seen := map[string]int{}
	for i := range 350 {
		s, err := n.At(i * 7)
		if err != nil {
			t.Fatal(err)
		}
		seen[s.Visit]++
		all, _, err := h.judge(s)
		if err != nil {
			t.Fatalf("file %d (%s): %v", i*7, s.Visit, err)
		}
		if len(all) != s.Dossiers {
			t.Errorf("file %d: %d dossiers, said %d", i*7, len(all), s.Dossiers)
		}
		for _, findings := range all {
			for _, code := range worth(findings) {
				if !quirky(s.Quirk)[code] {
					t.Errorf("file %d (%s, %s): %s", i*7, s.Visit, s.Quirk, code)
				}
			}
		}
	}
	for _, visit := range []string{synth.Outpatient, synth.Chronic, synth.FollowUp, synth.Inpatient, synth.DayCare, synth.Emergency, synth.Referral,
		synth.Received, synth.Birth, synth.Newborn, synth.SickLeave, synth.Traditional, synth.Uninsured} {
		if seen[visit] == 0 {
			t.Errorf("no %s among 350", visit)
		}
	}
}

// TestDefectsAreFoundAsSuch: each defect has its code, and only files with one do.
func TestDefectsAreFoundAsSuch(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 2, Profile: synth.Small, DefectShare: 1, Days: 60})
	h := newHub(t, n)
	want := map[string]synth.Defect{}
	for _, d := range synth.Defects() {
		want[d.Name] = d
	}
	seen := map[string]int{}
	for i := range 300 {
		s, err := n.At(i)
		if err != nil {
			t.Fatal(err)
		}
		d, ok := want[s.Defect]
		if !ok {
			t.Fatalf("file %d: defect %q is not listed", i, s.Defect)
		}
		seen[s.Defect]++
		all, _, err := h.judge(s)
		if d.Outcome == synth.Refused {
			if f := new(fault.Error); !errors.As(err, &f) || f.Code != d.Code {
				t.Errorf("file %d (%s): %v", i, s.Defect, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("file %d (%s): %v", i, s.Defect, err)
		}
		check(t, i, s, d, all[0])
	}
	for name := range want {
		if seen[name] == 0 {
			t.Errorf("no %s among 300", name)
		}
	}
}

func check(t *testing.T, i int, s synth.Submission, d synth.Defect, findings []dossier.Finding) {
	t.Helper()
	state := quality.Verdict(findings, quality.V1(), 1).State
	if (state == dossier.Rejected) != (d.Outcome == synth.Rejected) {
		t.Errorf("file %d (%s): %s", i, s.Defect, state)
	}
	found := false
	for _, f := range findings {
		found = found || f.Code == d.Code
		if r, _ := quality.V1().Rule(f.Code); r.Rejects && f.Code != d.Code {
			t.Errorf("file %d (%s) is also %s", i, s.Defect, f.Code)
		}
		if d.Outcome == synth.Found && f.Code != d.Code && f.Severity != dossier.Info && !quirky(s.Quirk)[f.Code] {
			t.Errorf("file %d (%s) also has %s", i, s.Defect, f.Code)
		}
	}
	if !found {
		t.Errorf("file %d (%s): not found among %v", i, s.Defect, worth(findings))
	}
}

func BenchmarkOutpatient(b *testing.B) {
	n := nation(b, synth.Config{Seed: 3, Profile: synth.Small})
	size := 0
	for b.Loop() {
		list, err := n.Outpatients(64)
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range list {
			size += len(s.XML)
		}
	}
	b.ReportMetric(float64(size)/float64(b.N)/64, "bytes/dossier")
	b.ReportMetric(float64(b.N)*64/b.Elapsed().Seconds(), "dossiers/s")
}
