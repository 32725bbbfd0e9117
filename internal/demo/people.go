package demo

import (
	"fmt"
	"strings"
	"time"

	"lienthong/internal/fault"
	"lienthong/internal/synth"
	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// citizen is somebody of the cast who has a story. Nobody of that number can
// live: its century digit is 8 or 9.
type citizen struct {
	key, name, number string
	birth             time.Time
	sex               int
	phone, blood      string
	story             fault.Text
	account           bool // has one at the simulated VNeID
}

func (c citizen) day() string { return c.birth.Format(time.DateOnly) }

// card is the text in the QR code of the citizen's identity card.
func (c citizen) card() string {
	sex := "Nam"
	if c.sex == 2 {
		sex = "Nữ"
	}
	return strings.Join([]string{c.number, "", c.name, c.birth.Format("02012006"), sex, "Tổ 4", "01072024"}, "|")
}

// The keys of the cast.
const (
	lan, binh, ha, duc, khoi, mai = "lan", "binh", "ha", "duc", "khoi", "mai"
)

func born(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, country.Hanoi())
}

// citizens are the people of the cast. Their telephones begin with 0000.
func citizens(now time.Time) []citizen {
	say := func(vi, en string) fault.Text { return fault.Text{VI: vi, EN: en} }
	child := now.Year() - 5
	return []citizen{
		{lan, "Nguyễn Thị Lan", "079985000011", born(1985, 3, 12), 2, "0000385011", "A+",
			say("Đái tháo đường và tăng huyết áp, khám ở ba nơi; hai nơi kê cùng một thuốc, ngày dùng chồng nhau; có dị ứng ghi trong bệnh án; ba lần HbA1c. Là mẹ của Khôi.",
				"Diabetes and high blood pressure, seen at three places; two prescribed the same medicine for overlapping days; an allergy in the medical record; HbA1c three times. Khôi's mother."), true},
		{binh, "Trần Văn Bình", "001872000025", born(1972, 11, 2), 1, "0000372025", "O+",
			say("Một lượt khám tâm thần (F32.1) và bốn lượt khác ở hai bệnh viện. Dị ứng: hai nguồn nói khác nhau.", "One psychiatric visit (F32.1) and four others at two hospitals. Allergies: two sources disagree."), true},
		{ha, "Lê Thị Thu Hà", "024991000318", born(1991, 7, 21), 2, "0000912318", "B+",
			say("Người được đưa vào cấp cứu lúc 02:10, không giấy tờ. Hồ sơ ở bệnh viện thứ hai ghi số điện thoại của chồng, dị ứng, máy tạo nhịp tim.",
				"Brought in at 02:10 without papers. The second hospital's records hold her husband's phone, an allergy, a pacemaker."), true},
		{duc, "Phạm Văn Đức", "024888000446", born(1988, 1, 9), 1, "0000388446", "",
			say("Đang điều trị HIV và một lượt khám thường. Hồ sơ HIV đóng với mọi nơi khác, kể cả khi cấp cứu. Dị ứng: chưa nơi nào ghi.",
				"Treated for HIV, and one ordinary visit. The HIV records stay closed to everybody else, in an emergency too. Allergies: nothing recorded."), true},
		{khoi, "Nguyễn Minh Khôi", fmt.Sprintf("0248%02d000507", child%100), born(child, 5, 4), 1, "0000385011", "",
			say("Dưới 7 tuổi, không có tài khoản: mẹ (Lan) xem và chọn thay, theo giấy đã nộp tại quầy.", "Under 7, without an account: the mother (Lan) reads and chooses, by a paper shown at a counter."), false},
		{mai, "Vũ Thị Mai", "024958000612", born(1958, 9, 30), 2, "0000358612", "AB+",
			say("Trạm y tế chuyển tới bệnh viện thứ nhất, giấy chuyển còn hạn: bệnh viện ấy xem được hồ sơ để tiếp nhận.",
				"Referred by a commune's station to the first hospital; the slip holds, so that hospital may read what it needs to receive her."), true},
	}
}

// places are the facilities where the cast is treated and its staff works.
type places struct{ first, second, station *synth.Facility }

// placesOf takes two hospitals and a station of one province that send by
// themselves, where possible with names written as they are.
func placesOf(n *synth.Nation, c cast) places {
	var p places
	fit := func(f *synth.Facility, levels string) bool {
		return f.Code != c.own && f.Code != c.pull && strings.Contains(levels, f.Level)
	}
	for _, marked := range []bool{true, false} {
		for _, f := range n.Facilities() {
			if marked != strings.EqualFold(f.Written("Đ"), "Đ") {
				continue
			}
			switch {
			case p.first == nil && fit(f, "provincial regional"):
				p.first = f
			case p.second == nil && f != p.first && fit(f, "regional"):
				p.second = f
			case p.station == nil && fit(f, "commune"):
				p.station = f
			}
		}
	}
	for _, f := range n.Facilities() { // a nation of few
		if p.second == nil && f != p.first && fit(f, "central") {
			p.second = f
		}
	}
	return p
}

// tellings are the cast's visits, the oldest first.
func tellings(n *synth.Nation, p places, now time.Time) []synth.Telling {
	b := &book{n: n, now: now, people: map[string]*country.Person{}}
	for i, c := range citizens(now) {
		b.people[c.key] = personOf(n, p.first, c, i)
	}
	icd, drug := b.icd, b.drug
	diabetes, pressure := icd("E11.9"), icd("I10")
	low := &world.Condition{ICD: "F32.1", Name: "Giai đoạn trầm cảm vừa", System: "thankinh"}
	pacemaker := &world.Condition{ICD: "Z95.0", Name: "Mang thiết bị điện tử tim (máy tạo nhịp)", System: "tim"}
	penicillin := &world.Condition{ICD: "Z88.0", Name: "Tiền sử cá nhân dị ứng với penicillin", System: "da"}
	sertraline := &world.Drug{Code: "40.958", Name: "Sertralin", Strength: "50mg", Unit: "Viên", Route: "1.01", Form: "Viên nén bao phim", How: "Uống buổi sáng", Low: 2100, High: 4800, PerDay: 1}
	const hba1c, glucose = "0200021", "0200005"
	metformin, amlodipine := drug("40.807", 28), drug("40.491", 28)

	b.add(lan, p.first, synth.Chronic, 200, diabetes, synth.Telling{Also: []*world.Condition{pressure}, Drugs: []synth.Dose{metformin, amlodipine}, Results: []synth.Result{{Index: hba1c, Value: 8.4}, {Index: glucose, Value: 10.1}}})
	b.add(lan, p.second, synth.Outpatient, 95, icd("J20.9"), synth.Telling{Drugs: []synth.Dose{drug("40.998", 5)}, Results: []synth.Result{{Index: glucose, Value: 8.8}}})
	b.add(lan, p.first, synth.Chronic, 90, diabetes, synth.Telling{Also: []*world.Condition{pressure}, Drugs: []synth.Dose{metformin, amlodipine}, Results: []synth.Result{{Index: hba1c, Value: 7.6}, {Index: glucose, Value: 8.2}}})
	b.add(lan, p.first, synth.Inpatient, 40, icd("J18.9"), synth.Telling{As: synth.RecordJSON, Drugs: []synth.Dose{drug("40.184", 5)}, Allergies: "Dị ứng penicillin (nổi mày đay năm 2019)"})
	b.add(lan, p.first, synth.Chronic, 12, diabetes, synth.Telling{Also: []*world.Condition{pressure}, Drugs: []synth.Dose{metformin, amlodipine}, Results: []synth.Result{{Index: hba1c, Value: 7.1}, {Index: glucose, Value: 7.4}}})
	b.add(lan, p.station, synth.Chronic, 6, pressure, synth.Telling{Drugs: []synth.Dose{amlodipine}})

	b.add(binh, p.second, synth.Outpatient, 70, icd("K29.7"), synth.Telling{Drugs: []synth.Dose{drug("40.677", 14)}})
	b.add(binh, p.first, synth.Outpatient, 45, icd("K21.0"), synth.Telling{Drugs: []synth.Dose{drug("40.679", 14)}})
	b.add(binh, p.first, synth.Outpatient, 30, low, synth.Telling{Drugs: []synth.Dose{{Drug: sertraline, Days: 28}}})
	b.add(binh, p.first, synth.Outpatient, 25, icd("M54.5"), synth.Telling{As: synth.HealthCheck, Allergies: "Không"})
	b.add(binh, p.second, synth.Outpatient, 8, icd("M54.5"), synth.Telling{Drugs: []synth.Dose{drug("40.33", 7)}})

	b.add(ha, p.second, synth.Outpatient, 120, pacemaker, synth.Telling{Also: []*world.Condition{penicillin}, Drugs: []synth.Dose{drug("40.536", 28)}})
	b.add(ha, p.second, synth.Outpatient, 20, icd("I10"), synth.Telling{Also: []*world.Condition{pacemaker}, Drugs: []synth.Dose{amlodipine, drug("40.541", 28)}, Allergies: "Dị ứng penicillin"})

	b.add(duc, p.second, synth.HIV, 28, icd("B20"), synth.Telling{Drugs: []synth.Dose{drug("40.299", 28)}})
	b.add(duc, p.second, synth.Outpatient, 15, icd("J06.9"), synth.Telling{Drugs: []synth.Dose{drug("40.2", 5)}})

	b.add(khoi, p.station, synth.Outpatient, 33, icd("J06.9"), synth.Telling{Drugs: []synth.Dose{drug("40.2", 5)}})
	b.add(khoi, p.second, synth.Outpatient, 9, icd("J20.9"), synth.Telling{Drugs: []synth.Dose{drug("40.998", 5)}})

	b.add(mai, p.station, synth.Chronic, 35, pressure, synth.Telling{Drugs: []synth.Dose{amlodipine}})
	b.add(mai, p.station, synth.Referral, 1, icd("I50.9"), synth.Telling{As: synth.ReferralSlip, To: p.first})
	b.list = append(b.list, b.list[len(b.list)-1]) // the dossier of the slip, under its number
	b.list[len(b.list)-1].As = ""
	return b.list
}

// book gathers the tellings.
type book struct {
	n      *synth.Nation
	now    time.Time
	people map[string]*country.Person
	list   []synth.Telling
}

// add puts in a visit that ended so many days ago.
func (b *book) add(who string, at *synth.Facility, visit string, days int, main *world.Condition, t synth.Telling) {
	out := b.now.AddDate(0, 0, -days)
	t.Number, t.Person, t.At, t.Visit, t.Main = len(b.list), b.people[who], at, visit, main
	t.Out = time.Date(out.Year(), out.Month(), out.Day(), 9, 35+len(b.list), 0, 0, country.Hanoi())
	b.list = append(b.list, t)
}

func (b *book) icd(code string) *world.Condition { return b.n.World.ByICD[code] }
func (b *book) drug(code string, days int) synth.Dose {
	return synth.Dose{Drug: b.n.World.Drugs[code], Days: days}
}

// personOf is somebody of the cast as the nation's people are: neighbours of
// somebody who lives near a facility, with a name and numbers of their own.
func personOf(n *synth.Nation, near *synth.Facility, c citizen, i int) *country.Person {
	p := *n.Person(n.Somebody(n.Stream("cast", i), near))
	p.Number = castNumber + i
	p.Name, p.Sex, p.Birth, p.Citizen, p.Phone, p.Blood = c.name, c.sex, c.birth, c.number, c.phone, c.blood
	p.OldID, p.Guardian, p.Parent, p.Mother, p.Chronic, p.Employer = "", "", "", "", nil, ""
	p.Social = fmt.Sprintf("99%08d", castNumber+i)
	p.Cards = nil
	if c.key == khoi {
		p.Parent, p.Mother = "Nguyễn Văn Long", "Nguyễn Thị Lan"
	}
	return &p
}

// castNumber is behind the numbers of all other people.
const castNumber = 90_000_000
