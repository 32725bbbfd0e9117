package synth

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/synth/world"
)

const householdSize = 4

// district is the run of households that live in one province.
type district struct {
	province    string
	first, past int // households
}

// settle divides the households among the provinces that have facilities for
// them, by how many facilities there are.
func (n *Nation) settle() {
	weight := map[string]int{}
	var order []string
	total := 0
	for _, f := range n.facilities {
		if f.Level == "central" {
			continue
		}
		if weight[f.Province] == 0 {
			order = append(order, f.Province)
		}
		weight[f.Province]++
		total++
	}
	households := n.config.People / householdSize
	sum := 0
	for _, p := range order {
		first := households * sum / total
		sum += weight[p]
		n.districts = append(n.districts, district{p, first, households * sum / total})
	}
}

// person is somebody who does not exist.
type person struct {
	number     int
	household  int
	name       string
	sex        int // as the XML family codes it
	birth      time.Time
	citizen    string // "" without
	oldID      string
	guardian   string // number of the parent, of whoever has none
	parent     string // name of the father or mother of a child
	mother     string
	province   string // of the 34
	ward       world.Ward
	address    string
	phone      string
	cards      []card
	chronic    []*world.Condition
	ethnic     string
	occupation string
	blood      string
	employer   string
	social     string // 10 digits
}

type card struct{ number, from, to string }

// age is in whole years on a day.
func (p *person) age(on time.Time) int {
	years := on.Year() - p.birth.Year()
	if on.YearDay() < p.birth.YearDay() {
		years--
	}
	return max(years, 0)
}

// home of a household: where it lives and what its surname is.
func (n *Nation) home(household int) (r *rand.Rand, d district) {
	for _, d = range n.districts {
		if household < d.past {
			break
		}
	}
	return n.stream("household", household), d
}

// person returns somebody by number. Four numbers are a household: a man, a
// woman, and two who are children or an old couple's parents.
func (n *Nation) person(number int) *person {
	hr, home := n.home(number / householdSize)
	w := n.world
	p := &person{number: number, household: number / householdSize, province: home.province, ward: world.Pick(hr, w.Wards[home.province])}
	father, maiden := w.Names["surname"].Draw(hr), w.Names["surname"].Draw(hr)
	p.address = fmt.Sprintf("%d %s", world.Between(hr, 1, 240), world.Pick(hr, w.Phrases["street"]))
	if strings.HasPrefix(p.ward.Name, "Xã") {
		p.address = world.Pick(hr, w.Phrases["hamlet"])
	}
	province, _ := catalog.ProvinceByCode(home.province)
	p.address += ", " + p.ward.Name + ", " + province.Name
	p.ethnic = "01"
	if world.Chance(hr, 0.09) {
		p.ethnic = fmt.Sprintf("%02d", world.Between(hr, 2, 54))
	}
	adult := world.Between(hr, 22, 66)
	poor := world.Chance(hr, 0.06)
	manName, womanName := w.FullName(hr, 1, father), w.FullName(hr, 2, maiden)

	r := n.stream("person", number)
	years := adult + world.Between(r, -3, 3)
	switch number % householdSize {
	case 0:
		p.sex, p.name = 1, manName
	case 1:
		p.sex, p.name = 2, womanName
	case 2:
		p.sex = world.Between(r, 1, 2)
		years = max(0, adult-world.Between(r, 20, 34))
		p.name, p.parent, p.mother = w.FullName(r, p.sex, father), manName, womanName
	default:
		p.sex = world.Between(r, 1, 2)
		if adult < 46 && world.Chance(r, 0.55) {
			years = max(0, adult-world.Between(r, 24, 38))
			p.name, p.parent, p.mother = w.FullName(r, p.sex, father), manName, womanName
		} else {
			years = min(adult+world.Between(r, 20, 30), 93)
			p.name = w.FullName(r, p.sex, father)
		}
	}
	p.birth = n.config.From.AddDate(-years, 0, -r.IntN(365))
	p.birth = time.Date(p.birth.Year(), p.birth.Month(), p.birth.Day(), r.IntN(24), world.Between(r, 1, 59), 0, 0, hanoi())
	n.papers(p, r, poor, years)
	if number%householdSize > 1 && years < 16 {
		parent := n.person(number - number%householdSize + world.Between(r, 0, 1))
		p.guardian = parent.citizen
	}
	n.fallIll(p, r, years)
	return p
}

// citizenNumber agrees with sex and year of birth; its century digit is 8 or 9,
// which nobody living has.
func citizenNumber(r *rand.Rand, p *person, old []string) string {
	return fmt.Sprintf("0%s%d%02d%06d", world.Pick(r, old), 9-p.sex%2, p.birth.Year()%100, r.IntN(1e6))
}

// papers gives numbers, cards, phone.
func (n *Nation) papers(p *person, r *rand.Rand, poor bool, years int) {
	province, _ := catalog.ProvinceByCode(p.province)
	number := citizenNumber(n.stream("citizen", p.number), p, province.Old)
	switch {
	case years >= 60 && world.Chance(r, 0.05):
		p.oldID = fmt.Sprintf("99%07d", r.IntN(1e7))
	case years < 1 && world.Chance(r, 0.7), world.Chance(r, 0.03):
	default:
		p.citizen = number
	}
	p.social = fmt.Sprintf("99%08d", r.IntN(1e8))
	if years >= 15 && world.Chance(r, 0.8) || world.Chance(r, 0.5) {
		p.phone = fmt.Sprintf("0000%06d", r.IntN(1e6))
	}
	p.blood = world.Pick(r, []string{"", "", "O", "A", "B", "AB"})
	p.occupation = "00000"
	if years >= 16 {
		p.occupation = world.Pick(r, n.world.Phrases["occupation"])
		if years < 62 {
			p.employer = world.Pick(r, n.world.Phrases["employer"])
		}
	}
	if !world.Chance(r, 0.94) && !poor {
		if world.Chance(r, 0.15) {
			p.citizen = "" // neither card nor number
		}
		return
	}
	group, benefit := "GD", "4"
	switch {
	case years < 6:
		group, benefit = "TE", "1"
	case poor:
		group, benefit = "HN", "2"
	case years < 22:
		group, benefit = "HS", "4"
	case years >= 80:
		group, benefit = "BT", "2"
	case years >= 60 && world.Chance(r, 0.5):
		group, benefit = "HT", "3"
	case years < 60 && world.Chance(r, 0.5):
		group, benefit = "DN", "4"
	}
	issued := world.Pick(r, province.Old)
	from, to := n.config.From.AddDate(0, -r.IntN(6), -r.IntN(28)-40), n.config.To.AddDate(0, world.Between(r, 2, 14), 0)
	c := card{group + benefit + issued + p.social, from.Format("20060102"), to.Format("20060102")}
	if p.citizen != "" && world.Chance(r, 0.25) {
		c.number = p.citizen // stands for the card since 2025
	}
	p.cards = []card{c}
	if world.Chance(r, 0.04) { // the card before that one, as some systems send both
		p.cards = append([]card{{"GD4" + issued + p.social, from.AddDate(-1, 0, 0).Format("20060102"), from.AddDate(0, 0, -1).Format("20060102")}}, p.cards...)
	}
}

// fallIll gives lasting diseases by age.
func (n *Nation) fallIll(p *person, r *rand.Rand, years int) {
	for range min(years/18, 4) {
		if c := n.world.Sampler.Draw(r); c.Chronic && c.Fits(p.sex, years) && !has(p.chronic, c) {
			p.chronic = append(p.chronic, c)
		}
	}
}

func has(list []*world.Condition, c *world.Condition) bool {
	for _, x := range list {
		if x == c {
			return true
		}
	}
	return false
}

// local is the person's number at a facility (MA_BN).
func (f *Facility) local(p *person) string {
	return fmt.Sprintf("%s%08d", f.Code[3:], p.number+f.number*97)
}

// written is the name as the facility's system writes it.
func (f *Facility) written(name string) string {
	if f.habit.unmarked {
		name = care.Fold(name)
	}
	if f.habit.caps {
		name = strings.ToUpper(name)
	}
	return name
}
