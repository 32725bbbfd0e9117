package synth_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/synth"
)

func at(t testing.TB, n *synth.Nation, i int) synth.Submission {
	t.Helper()
	s, err := n.At(i)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t testing.TB, s synth.Submission) kind.File {
	t.Helper()
	var reader kind.Reader = qd4750.New()
	if s.Kind == "checkin" {
		reader = checkin.New()
	}
	f, err := reader.Open(s.XML)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSameSeedSameBytes: files depend on the seed and their number, not on what
// was made before them or on how many workers make them.
func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	c := synth.Config{Seed: 11, Profile: synth.Small}
	one, two, other := nation(t, c), nation(t, c), nation(t, synth.Config{Seed: 12, Profile: synth.Small})
	if !bytes.Equal(one.Root(), two.Root()) || bytes.Equal(one.Root(), other.Root()) {
		t.Error("roots")
	}
	for i, f := range one.Facilities() {
		k1, err1 := f.KeyPEM()
		k2, err2 := two.Facilities()[i].KeyPEM()
		if err1 != nil || err2 != nil || !bytes.Equal(k1, k2) || !bytes.Equal(f.Certificate.Raw, two.Facilities()[i].Certificate.Raw) {
			t.Errorf("%s: keys differ", f.Code)
		}
	}
	const count = 80
	made := make([]synth.Submission, count)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < count; i += 4 {
				s, err := two.At(count - 1 - i)
				if err != nil {
					t.Error(err)
				}
				made[count-1-i] = s
			}
		})
	}
	wg.Wait()
	different := 0
	for i := range count {
		s, ok, err := one.Next()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if !bytes.Equal(s.XML, made[i].XML) || s.FileName != made[i].FileName || s.Defect != made[i].Defect || !s.At.Equal(made[i].At) {
			t.Errorf("file %d differs", i)
		}
		if !bytes.Equal(s.XML, at(t, other, i).XML) {
			different++
		}
	}
	if different != count {
		t.Errorf("only %d files of another seed differ", different)
	}
}

func TestNextEndsAfterLen(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 5, Profile: synth.Small, People: 2000, Days: 2})
	names := map[string]bool{}
	for {
		s, ok, err := n.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		names[s.FileName] = true
	}
	if len(names) != n.Len() || n.Len() < 20 {
		t.Errorf("%d names of %d files", len(names), n.Len())
	}
}

var digitRun = regexp.MustCompile(`\d+`)

// TestNobodyIsReal: a number of twelve digits is a moment or has the century
// digit 8 or 9; telephones begin with 0000.
func TestNobodyIsReal(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 4, DefectShare: -1})
	citizens := 0
	for i := range 250 {
		s := at(t, n, i*13)
		f := open(t, s)
		var texts [][]byte
		for j := range f.Len() {
			d := f.Dossier(j)
			texts = append(texts, d.Inner...)
			if phone := d.Patient.Phone; phone != "" && !strings.HasPrefix(phone, "0000") {
				t.Errorf("phone %s", phone)
			}
			if id, err := care.ParseCitizenID(d.Patient.CitizenID); err == nil {
				citizens++
				if !id.Synthetic() || !catalog.OldProvince(string(id[1:3])) {
					t.Errorf("citizen %s", id)
				}
			}
		}
		for _, text := range append(texts, []byte(s.FileName)) {
			for _, run := range digitRun.FindAll(text, -1) {
				if len(run) != 12 || run[3] == '8' || run[3] == '9' {
					continue
				}
				if m, err := care.ParseMoment(string(run)); err != nil || m.Year() < 1900 || m.Year() > 2030 {
					t.Errorf("file %d: %s", i*13, run)
				}
			}
		}
	}
	if citizens < 150 {
		t.Errorf("only %d citizen numbers", citizens)
	}
}

// TestPilotIsThePilot: 412 facilities, and its proportions of records, referrals
// and prescriptions (4,873,804 : 169,742 : 2,012,794).
func TestPilotIsThePilot(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 6})
	levels, provinces, codes, rsaKeys, pinned := map[string]int{}, map[string]int{}, map[string]bool{}, 0, 0
	for _, f := range n.Facilities() {
		levels[f.Level]++
		provinces[f.Province]++
		codes[f.Code] = true
		if f.Certificate.PublicKeyAlgorithm.String() == "RSA" {
			rsaKeys++
		}
		if f.Pinned {
			pinned++
		}
		if _, err := care.ParseFacilityCode(f.Code); err != nil || f.Code[2] != 'S' || !strings.Contains(f.Name, "Giả lập") {
			t.Errorf("%s %s", f.Code, f.Name)
		}
		if _, ok := catalog.ProvinceByCode(f.Province); !ok {
			t.Errorf("%s in %s", f.Code, f.Province)
		}
	}
	if len(codes) != 412 || levels["central"] != 2 || levels["provincial"] != 12 || levels["regional"] != 96 || levels["commune"] != 302 || len(provinces) != 5 {
		t.Errorf("%d facilities, %v, %v", len(codes), levels, provinces)
	}
	if rsaKeys == 0 || rsaKeys > 20 || pinned < 20 || pinned > 80 {
		t.Errorf("%d with RSA, %d pinned", rsaKeys, pinned)
	}
	dossiers, referrals, drugs, defects, files := 0, 0, 0, 0, 1200
	for i := range files {
		s := at(t, n, i)
		if s.Defect != "" {
			defects++
			continue
		}
		if s.Kind == "checkin" {
			continue
		}
		f := open(t, s)
		for j := range f.Len() {
			dossiers++
			for _, name := range f.Dossier(j).InnerNames {
				switch name {
				case "XML2":
					drugs++
				case "XML13":
					referrals++
				}
			}
		}
	}
	near(t, "referrals", referrals, dossiers, 169742.0/4873804, 0.012)
	near(t, "prescriptions", drugs, dossiers, 2012794.0/4873804, 0.035)
	near(t, "defects", defects, files, 0.05, 0.012)
}

func near(t *testing.T, what string, part, whole int, want, tolerance float64) {
	t.Helper()
	if got := float64(part) / float64(whole); got < want-tolerance || got > want+tolerance {
		t.Errorf("%s: %.4f of %d, want %.4f", what, got, whole, want)
	}
}

// TestStoriesGoOn: check-ins and dossiers of one episode, second versions,
// referrals received elsewhere, mothers and children, patients seen twice.
func TestStoriesGoOn(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 8, Profile: synth.Small, People: 4000, DefectShare: -1, Days: 60})
	type episode struct{ facility, id string }
	checkins, versions, days := map[episode]bool{}, map[episode]int{}, map[episode]int{}
	people, senders := map[string]map[string]bool{}, map[string]map[string]bool{}
	var followed, lone, received, children, several int
	for i := range 800 {
		s := at(t, n, i)
		f := open(t, s)
		if s.Kind == "qd4750" && f.Len() > 1 {
			several++
		}
		for j := range f.Len() {
			d := f.Dossier(j)
			e := episode{s.Facility, d.Episode}
			if s.Kind == "checkin" {
				checkins[e] = true
				continue
			}
			if versions[e]++; versions[e] > 1 && f.Created().Day() <= days[e] {
				t.Errorf("the second version of %s was not made later", d.Episode)
			}
			days[e] = f.Created().Day()
			if id := d.Patient.CitizenID; id != "" {
				if people[id] == nil {
					people[id] = map[string]bool{}
				}
				people[id][s.Facility] = true
			}
			switch s.Visit {
			case synth.Received:
				received++
				if from, id := d.Content.Field("XML1", 0, "MA_NOI_DI"), d.Patient.CitizenID; id != "" && !senders[id][from] {
					t.Errorf("received from %s, not referred by it", from)
				}
			case synth.Referral:
				if id := d.Patient.CitizenID; id != "" {
					if senders[id] == nil {
						senders[id] = map[string]bool{}
					}
					senders[id][s.Facility] = true
				}
			case synth.Newborn:
				children++
				if card, err := care.ParseInsuranceNo(d.Patient.Card); err != nil || !card.Child() {
					t.Errorf("a newborn's card is %s", d.Patient.Card)
				}
			}
		}
	}
	for e := range checkins {
		if versions[e] > 0 {
			followed++
		} else {
			lone++
		}
	}
	twice, corrected := 0, 0
	for _, at := range people {
		if len(at) > 1 {
			twice++
		}
	}
	for _, v := range versions {
		if v == 2 {
			corrected++
		} else if v > 2 {
			t.Errorf("%d versions", v)
		}
	}
	if followed < 10 || lone < 2 || received < 5 || children < 2 || several < 2 || twice < 20 || corrected < 5 {
		t.Errorf("followed %d, alone %d, received %d, children %d, several %d, people seen twice %d, corrected %d",
			followed, lone, received, children, several, twice, corrected)
	}
}

// TestTextIsVaried: no two stories of an illness are alike, to speak of.
func TestTextIsVaried(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 9, DefectShare: -1})
	list, err := n.Outpatients(300)
	if err != nil {
		t.Fatal(err)
	}
	texts, bodies, size := map[string]bool{}, map[string]bool{}, 0
	rows := map[string]int{}
	for _, s := range list {
		d := open(t, s).Dossier(0)
		texts[d.Content.Field("XML8", 0, "QT_BENHLY")] = true
		bodies[d.Episode] = true
		size += len(s.XML)
		for _, table := range d.Content.All {
			rows[table.Columns.Table] += len(table.Rows)
		}
	}
	if len(texts) < 295 || len(bodies) != 300 {
		t.Errorf("%d texts, %d episodes", len(texts), len(bodies))
	}
	// vietnam.md §1.9: 46 KB with 5, 6 and 15 rows of XML2, XML3, XML4.
	near(t, "bytes", size, 300, 46_000, 6_000)
	near(t, "XML2", rows["XML2"], 300, 5, 1)
	near(t, "XML3", rows["XML3"], 300, 6, 4)
	near(t, "XML4", rows["XML4"], 300, 15, 5)
}

func TestInpatientStaysAreLong(t *testing.T) {
	t.Parallel()
	n := nation(t, synth.Config{Seed: 10, DefectShare: -1})
	found := 0
	for i := 0; found < 10; i++ {
		s := at(t, n, i)
		if s.Visit != synth.Inpatient || s.Kind != "qd4750" {
			continue
		}
		found++
		rows := 0
		for _, table := range open(t, s).Dossier(0).Content.All {
			if name := table.Columns.Table; name == "XML2" || name == "XML3" || name == "XML4" {
				rows += len(table.Rows)
			}
		}
		if rows < 45 || rows > 330 || len(s.XML)/rows < 1200 || len(s.XML)/rows > 2600 {
			t.Errorf("file %d: %d rows, %d bytes", i, rows, len(s.XML))
		}
	}
}

func TestImpossibleNationsAreRefused(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]synth.Config{
		"profile": {Profile: "moon"}, "nobody": {People: 2}, "no days": {From: day, To: day}, "backwards": {From: day, To: day.AddDate(0, -1, 0)}, "share": {DefectShare: 2},
	} {
		if _, err := synth.New(c); !errors.Is(err, synth.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := nation(t, synth.Config{Profile: synth.Small}).At(-1); err == nil {
		t.Error("file -1")
	}
}
