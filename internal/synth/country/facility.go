package country

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"math/rand/v2"

	"lienthong/internal/admin"
	"lienthong/internal/catalog"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/seal"
	"lienthong/internal/synth/world"
)

// Facility is one sender. It is shared and not to be changed.
type Facility struct {
	Code, Name, Level, Type string
	Province, Ward          string // of the 34 provinces
	Unit                    string // managing unit
	Vendor                  string // maker of its hospital system
	TaxCode                 string
	Pinned                  bool // its certificate is to be registered; else the root and tax code bind it
	Key                     crypto.Signer
	Certificate             *x509.Certificate

	Pair    seal.KeyPair
	Habit   Habit
	Number  int
	Head    string // MA_TTDV
	Old     string // province on its code, which mergers did not change
	Doctors []Doctor
	primary bool // people register here for primary care
	place   int  // among those of the province
}

// Doctor is a practitioner of a facility; the code is of social insurance.
type Doctor struct{ Code, Name string }

// Habit is how a vendor's system writes.
type Habit struct {
	Style    qd4750.Style
	Episode  string // format of MA_LK: date, number
	File     string // format of file names: facility, date, number
	caps     bool   // names in capitals
	unmarked bool   // names without diacritics
	YearOnly bool   // birth dates often as a year
}

func vendors() []struct {
	name  string
	habit Habit
} {
	type v = struct {
		name  string
		habit Habit
	}
	return []v{
		{"HIS Giả lập Sao Mai", Habit{Episode: "KCB%s%08d", File: "%s_%s_%d_CheckOut.xml", caps: true}},
		{"HIS Giả lập Trường Sơn", Habit{Episode: "%s%08d", File: "%s-%s-%08d.xml", Style: qd4750.Style{Declaration: true, Lines: true}}},
		{"HIS Giả lập Cửu Long", Habit{Episode: "LK.%s.%d", File: "XML_%s_%s_%d.xml", caps: true, Style: qd4750.Style{Wrap: 76, Lines: true}}},
		{"HIS Giả lập Hồng Hà", Habit{Episode: "%s-4c1d-%09d", File: "HS_%s_%s_%d.xml", Style: qd4750.Style{Declaration: true}}},
		{"HIS Giả lập Bạch Đằng", Habit{Episode: "BD%s/%d", File: "%s.%s.%d.xml", caps: true, unmarked: true, YearOnly: true}},
		{"Trạm Giả lập Online", Habit{Episode: "TYT%s%07d", File: "%s_%s_%d.xml", Style: qd4750.Style{Inline: true}}},
	}
}

// group is facilities of one level in one province.
type group struct {
	level, province string
	count           int
}

// layout lists a profile's facilities. The pilot had 412: 2 central, 12
// provincial, the rest regional and commune, in Bắc Ninh, Thái Nguyên, Hồ Chí
// Minh City and An Giang.
func layout(profile string) []group {
	switch profile {
	case Small:
		return []group{{"central", "01", 1}, {"provincial", "24", 1}, {"regional", "24", 3}, {"commune", "24", 4}}
	case Pilot:
		return []group{
			{"central", "01", 1}, {"central", "79", 1},
			{"provincial", "24", 3}, {"provincial", "19", 3}, {"provincial", "79", 3}, {"provincial", "91", 3},
			{"regional", "24", 20}, {"regional", "19", 18}, {"regional", "79", 36}, {"regional", "91", 22},
			{"commune", "24", 70}, {"commune", "19", 64}, {"commune", "79", 96}, {"commune", "91", 72},
		}
	}
	all := []group{{"central", "01", 4}, {"central", "79", 3}, {"central", "46", 1}}
	for _, p := range catalog.Provinces() {
		all = append(all, group{"provincial", p.Code, 3}, group{"regional", p.Code, 9}, group{"commune", p.Code, 24})
	}
	return all
}

// share of all visits that a level sees.
func shares() map[string]int {
	return map[string]int{"central": 80, "provincial": 300, "regional": 420, "commune": 200}
}

// found makes the facilities.
func (n *Country) found() error {
	if err := n.makeAuthority(); err != nil {
		return err
	}
	n.byLevel = map[string][]*Facility{}
	within := map[string]int{}
	for _, g := range layout(n.config.Profile) {
		for range g.count {
			f := n.facility(g, within)
			if err := n.certify(f, len(n.facilities), RSAAt(len(n.facilities))); err != nil {
				return err
			}
			n.facilities = append(n.facilities, f)
			if f.primary = f.Level == "regional" || f.Level == "commune"; f.primary {
				f.place = len(n.primary[f.Province])
				n.primary[f.Province] = append(n.primary[f.Province], f)
			}
			n.byLevel[f.Level] = append(n.byLevel[f.Level], f)
		}
	}
	n.senders = &world.Choice[*Facility]{}
	for _, f := range n.facilities {
		n.senders.Add(f, shares()[f.Level]*1000/len(n.byLevel[f.Level]))
	}
	return nil
}

// RSAAt says which facilities have RSA keys: few, as a key takes a tenth of a
// second to make and RSA signs a tenth as fast as P-256.
func RSAAt(i int) bool { return i == 1 || i == 7 || i == 40 || i == 200 }

func (n *Country) facility(g group, within map[string]int) *Facility {
	i := len(n.facilities)
	r := n.Stream("facility", i)
	province, _ := catalog.ProvinceByCode(g.province)
	old := world.Pick(r, province.Old)
	f := &Facility{Level: g.level, Province: g.province, Ward: world.Pick(r, n.World.Wards[g.province]).Code, Number: i, Old: old,
		TaxCode: fmt.Sprintf("99%08d", i*7919+int(n.config.Seed%1000)), Pinned: i%11 == 4}
	const digits = "0123456789ABCDEFGHJKLMNPQRTUVWXYZ"
	at := within[old]
	within[old]++
	f.Code = old + "S" + string(digits[at/len(digits)]) + string(digits[at%len(digits)])
	within[g.level+g.province]++
	f.Name, f.Type = facilityName(g, province.Short, within[g.level+g.province])
	f.Unit = "SYT-" + g.province
	if g.level == "central" {
		f.Unit = "BYT"
	}
	v := world.Pick(r, vendors()[:5])
	if g.level == "commune" && world.Chance(r, 0.3) {
		v = vendors()[5]
	}
	f.Vendor, f.Habit = v.name, v.habit
	f.Head = practitioner(r)
	for range map[string]int{"central": 24, "provincial": 16, "regional": 9, "commune": 3}[g.level] {
		f.Doctors = append(f.Doctors, Doctor{practitioner(r), n.World.FullName(r, world.Between(r, 1, 2), n.World.Names["surname"].Draw(r))})
	}
	return f
}

// practitioner is a social insurance number that no office gave out.
func practitioner(r *rand.Rand) string { return fmt.Sprintf("99%08d", r.IntN(1e8)) }

func facilityName(g group, province string, number int) (name, kind string) {
	switch g.level {
	case "central":
		return fmt.Sprintf("Bệnh viện Giả lập Trung ương số %d %s", number, province), "hospital"
	case "provincial":
		return fmt.Sprintf("Bệnh viện đa khoa Giả lập tỉnh số %d %s", number, province), "hospital"
	case "regional":
		if number%5 == 0 {
			return fmt.Sprintf("Phòng khám đa khoa Giả lập số %d %s", number, province), "clinic"
		}
		return fmt.Sprintf("Trung tâm Y tế Giả lập khu vực %d %s", number, province), "hospital"
	}
	return fmt.Sprintf("Trạm Y tế Giả lập số %d %s", number, province), "station"
}

// Facilities lists them in a fixed order.
func (n *Country) Facilities() []*Facility { return n.facilities }

// Registration is the facility as an operator registers it.
func (f *Facility) Registration() admin.Facility {
	a := admin.Facility{Code: f.Code, Name: f.Name, Level: f.Level, Type: f.Type, Province: f.Province, Ward: f.Ward,
		Unit: f.Unit, Vendor: f.Vendor, TaxCode: f.TaxCode}
	if f.Pinned {
		a.TaxCode, a.Certificates = "", []string{string(f.CertificatePEM())}
	}
	return a
}
