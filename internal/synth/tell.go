package synth

import (
	"fmt"
	"time"

	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// Telling is a visit that a caller wants told: who came where, when, and with
// what. What it leaves open is drawn by its number, as for everybody else.
type Telling struct {
	Number    int // of the telling: the source of its chance and of its episode
	As        string
	Person    *country.Person
	At        *Facility
	To        *Facility // where a Referral leads
	Visit     string    // Outpatient, Chronic, Referral...
	Main      *world.Condition
	Also      []*world.Condition
	Out       time.Time // when the visit ended
	Drugs     []Dose
	Results   []Result
	Allergies string // of As RecordJSON and HealthCheck a field, else a sentence of the history
}

// Dose is a drug for so many days.
type Dose struct {
	Drug *world.Drug
	Days int
}

// Result is the value of a test, by its index (MA_CHI_SO).
type Result struct {
	Index string
	Value float64
}

// toldFrom is the number of the first episode of Tell, between those of Beside
// and those of Outpatients.
const toldFrom = 1 << 38

// Tell makes the file of a telling. As says which: "" the dossier, ReferralSlip,
// HealthCheck, Prescribed or RecordJSON. It has no defect.
func (n *Nation) Tell(t Telling) (Submission, error) {
	if t.Person == nil || t.At == nil || t.Main == nil || t.Out.IsZero() {
		return Submission{}, fmt.Errorf("synth: telling %d lacks a person, a facility, a diagnosis or its end", t.Number)
	}
	sl := slot{story: story{id: toldFrom/64 + t.Number, visit: t.Visit, facility: t.At, drugs: true, at: t.Out, to: t.To, own: &t}, part: partDossier, sent: t.Out.Add(20 * time.Minute)}
	switch t.As {
	case ReferralSlip:
		return n.slipOf(&sl, "XML13", ReferralSlip, t.Number)
	case HealthCheck:
		return n.checkup(&sl, t.Number)
	case Prescribed:
		return n.prescribed(&sl, t.Number)
	case RecordJSON:
		return n.recorded(&sl, RecordJSON, t.Number)
	}
	return n.make(&sl, t.Number)
}

// asTold is the visit of a telling.
func (n *Nation) asTold(s *story) *visit {
	t := s.own
	v := &visit{n: n, told: s, f: t.At, p: t.Person, kind: t.Visit, out: t.Out, to: t.To, r: n.Stream("told", t.Number), main: t.Main, others: t.Also}
	v.begin(toldFrom + t.Number*64)
	v.course()
	v.insure()
	v.citizen = v.p.Citizen
	v.birth = v.p.Birth.Format("20060102") + "0000"
	v.tell()
	if t.Allergies != "" && t.As == "" {
		v.story += " " + t.Allergies + "."
	}
	return v
}

// spendAsTold writes XML2, XML3 and XML4 of a telling.
func (v *visit) spendAsTold() {
	for _, d := range v.told.own.Drugs {
		v.dispense(d.Drug, d.Days, v.within(0.8))
	}
	v.serve(examOf(v.n.World.Services["exam"], v.main.System, v.p.Age(v.out)), 1, v.within(0), v.within(0.1))
	seen := map[string]bool{}
	for _, x := range v.told.own.Results {
		test, of := v.n.test(x.Index)
		if test == nil {
			v.err = fmt.Errorf("synth: no test %s", x.Index)
			return
		}
		if !seen[of.Service] {
			seen[of.Service] = true
			v.serve(&world.Service{Code: of.Service, Name: of.ServiceName, Unit: "Lần", Price: of.Price, Group: of.Group}, 1, v.within(0.15), v.within(0.45))
		}
		verdict := "Trong giới hạn tham chiếu "
		switch {
		case x.Value > test.High:
			verdict = "Tăng so với tham chiếu "
		case x.Value < test.Low:
			verdict = "Giảm so với tham chiếu "
		}
		number := func(f float64) string { return fmt.Sprintf("%.*f", test.Decimals, f) }
		r := v.add("XML4")
		r.set("STT", itoa(v.rows("XML4")), "MA_DICH_VU", short(of.Service), "MA_CHI_SO", test.Index, "TEN_CHI_SO", test.Name, "NGAY_KQ", stamp(v.within(0.45)),
			"MA_BS_DOC_KQ", v.doctor.Code, "GIA_TRI", number(x.Value), "DON_VI_DO", test.Unit, "KET_LUAN", verdict+number(test.Low)+"-"+number(test.High))
	}
}

// test finds a test by index, and the one before it that says what it costs.
func (n *Nation) test(index string) (test, of *world.Test) {
	for _, panel := range n.World.Tests {
		for _, t := range panel {
			if t.Service != "" {
				of = t
			}
			if t.Index == index {
				return t, of
			}
		}
	}
	return nil, nil
}
