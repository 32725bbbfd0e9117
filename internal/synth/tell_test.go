package synth_test

import (
	"strings"
	"testing"
	"time"

	"lienthong/internal/synth"
	"lienthong/internal/synth/country"
)

// What is told is in the file, and a hub that knows the nation takes it.
func TestATellingIsAFileLikeOthers(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Profile: synth.Small})
	p := *n.Person(8)
	p.Name, p.Citizen, p.Birth, p.Sex = "Lê Thị Thu Hà", "024991000318", time.Date(1991, 7, 21, 0, 0, 0, 0, country.Hanoi()), 2
	var at, to *synth.Facility
	for _, f := range n.Facilities() {
		switch f.Level {
		case "regional":
			at = f
		case "provincial":
			to = f
		}
	}
	w := n.World
	told := synth.Telling{Number: 3, Person: &p, At: at, Visit: synth.Chronic, Main: w.ByICD["E11.9"], Out: n.Config().To.AddDate(0, 0, -9),
		Drugs: []synth.Dose{{Drug: w.Drugs["40.807"], Days: 28}}, Results: []synth.Result{{Index: "0200021", Value: 8.4}}, Allergies: "Dị ứng penicillin"}
	for _, as := range []string{"", synth.ReferralSlip, synth.HealthCheck, synth.Prescribed, synth.RecordJSON} {
		x := told
		x.As = as
		if as == synth.ReferralSlip {
			x.Visit, x.To = synth.Referral, to
		}
		s, err := n.Tell(x)
		if err != nil {
			t.Fatalf("%q: %v", as, err)
		}
		text := string(s.XML)
		if s.Facility != at.Code || s.Defect != "" {
			t.Errorf("%q: %s %q", as, s.Facility, s.Defect)
		}
		again, err := n.Tell(x)
		if err != nil || again.FileName != s.FileName {
			t.Errorf("%q: told again it is %s, not %s: %v", as, again.FileName, s.FileName, err)
		}
		if as == synth.HealthCheck || as == synth.RecordJSON {
			if !strings.Contains(text, "Dị ứng penicillin") {
				t.Errorf("%q does not say the allergy", as)
			}
		}
	}
	if _, err := n.Tell(synth.Telling{}); err == nil {
		t.Error("a telling of nobody is told")
	}
}
