package synth_test

import (
	"bytes"
	"testing"
	"time"

	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/kind/slip"
	"lienthong/internal/quality"
	"lienthong/internal/seal"
	"lienthong/internal/synth"
)

// TestFilesBeside: slips go before their dossier and name its episode, health
// checks are signed by a person and the facility, and what is closed is told by
// content alone; nothing is rejected.
func TestFilesBeside(t *testing.T) {
	t.Parallel()
	n, err := synth.New(synth.Config{Seed: 5, Profile: synth.Small})
	if err != nil {
		t.Fatal(err)
	}
	kinds := kind.NewRegistry(qd4750.New(), slip.New(), checkup.New())
	rules := quality.V1().With(slip.Rules(), checkup.Rules())
	seals, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var last synth.Submission
	var episode string
	seen := map[string]int{}
	for i := range 42 {
		s, err := n.Beside(i)
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		again, err := n.Beside(i)
		if err != nil || !bytes.Equal(s.XML, again.XML) {
			t.Fatalf("file %d is another the second time", i)
		}
		if s.Seal != "" {
			continue // sealed beside: TestFilesSealedBeside
		}
		reader, err := kinds.Pick(s.XML)
		if err != nil || reader.Name() != s.Kind {
			t.Fatalf("file %d: %s is %v, %v", i, s.Visit, reader, err)
		}
		f, err := reader.Open(s.XML)
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := seals.Verify(s.XML, *f.Sealing().Inside)
		if err != nil {
			t.Fatalf("file %d (%s): %v", i, s.Visit, err)
		}
		d := f.Dossier(0)
		findings := rules.Judge(d.Content, quality.Input{Kind: s.Kind, Received: s.At.Add(time.Hour), Day: d.Spec.From, Unreadable: d.Unreadable})
		if v := quality.Verdict(findings, rules, 1); v.State == dossier.Rejected || s.Kind != "qd4750" && v.State != dossier.Accepted {
			t.Errorf("file %d (%s): %s %v", i, s.Visit, v.State, findings)
		}
		seen[s.Visit]++
		switch s.Visit {
		case synth.ReferralSlip, synth.AppointmentSlip:
			last, episode = s, d.Episode
			if !s.Urgent || s.Kind != "slip" {
				t.Errorf("file %d: %+v", i, s)
			}
		case synth.ReferredDossier, synth.FollowedDossier:
			if d.Episode != episode || s.Facility != last.Facility || s.At.Before(last.At) && !s.At.Equal(last.At) && last.At.Sub(s.At) > time.Minute {
				t.Errorf("file %d: the dossier of another visit: %q, the slip's %q", i, d.Episode, episode)
			}
		case synth.HealthCheck:
			if len(verdict.Signatures) != 2 || f.Sealing().Of(0) != kind.ByPerson || verdict.Signatures[0].Certificate.Subject.SerialNumber[3] < '8' {
				t.Errorf("file %d: %+v", i, verdict.Signatures)
			}
		case synth.ClosedHIV, synth.ClosedTB:
			want := compartment.HIV
			if s.Visit == synth.ClosedTB {
				want = compartment.TB
			}
			if compartment.Content(d.Content)&want == 0 || d.Content.Table("XML6") != nil || d.Content.Table("XML15") != nil {
				t.Errorf("file %d (%s) is not told by its content", i, s.Visit)
			}
		}
	}
	for _, v := range []string{synth.ReferralSlip, synth.ReferredDossier, synth.AppointmentSlip, synth.HealthCheck, synth.ClosedHIV, synth.ClosedTB} {
		if seen[v] == 0 {
			t.Errorf("no %s in %v", v, seen)
		}
	}
}
