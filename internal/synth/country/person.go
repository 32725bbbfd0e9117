package country

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/synth/world"
)

// HouseholdSize is how many people live together.
const HouseholdSize = 4

// district is the run of households that live in one province.
type district struct {
	province    string
	first, past int // households
}

// settle divides the households among the provinces that have facilities for
// them, by how many facilities there are.
func (n *Country) settle() {
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
	households := n.config.People / HouseholdSize
	sum := 0
	for _, p := range order {
		first := households * sum / total
		sum += weight[p]
		n.districts = append(n.districts, district{p, first, households * sum / total})
	}
}

// Person is somebody who does not exist.
type Person struct {
	Number     int
	Household  int
	Name       string
	Sex        int // as the XML family codes it
	Birth      time.Time
	Citizen    string // "" without
	OldID      string
	Guardian   string // number of the parent, of whoever has none
	Parent     string // name of the father or mother of a child
	Mother     string
	Province   string // of the 34
	Ward       world.Ward
	Address    string
	Phone      string
	Cards      []Card
	Chronic    []*world.Condition
	Ethnic     string
	Occupation string
	Blood      string
	Employer   string
	Social     string // 10 digits
}

// Card is one of social insurance, with the days it runs from and to.
type Card struct{ Number, From, To string }

// Age is in whole years on a day.
func (p *Person) Age(on time.Time) int {
	years := on.Year() - p.Birth.Year()
	if on.YearDay() < p.Birth.YearDay() {
		years--
	}
	return max(years, 0)
}

// home of a household: where it lives and what its surname is.
func (n *Country) home(household int) (r *rand.Rand, d district) {
	for _, d = range n.districts {
		if household < d.past {
			break
		}
	}
	return n.Stream("household", household), d
}

// Person returns somebody by number. Four numbers are a household: a man, a
// woman, and two who are children or an old couple's parents.
func (n *Country) Person(number int) *Person {
	hr, home := n.home(number / HouseholdSize)
	w := n.World
	p := &Person{Number: number, Household: number / HouseholdSize, Province: home.province, Ward: world.Pick(hr, w.Wards[home.province])}
	father, maiden := w.Names["surname"].Draw(hr), w.Names["surname"].Draw(hr)
	p.Address = fmt.Sprintf("%d %s", world.Between(hr, 1, 240), world.Pick(hr, w.Phrases["street"]))
	if strings.HasPrefix(p.Ward.Name, "Xã") {
		p.Address = world.Pick(hr, w.Phrases["hamlet"])
	}
	province, _ := catalog.ProvinceByCode(home.province)
	p.Address += ", " + p.Ward.Name + ", " + province.Name
	p.Ethnic = "01"
	if world.Chance(hr, 0.09) {
		p.Ethnic = fmt.Sprintf("%02d", world.Between(hr, 2, 54))
	}
	adult := world.Between(hr, 22, 66)
	poor := world.Chance(hr, 0.06)
	manName, womanName := w.FullName(hr, 1, father), w.FullName(hr, 2, maiden)

	r := n.Stream("person", number)
	years := adult + world.Between(r, -3, 3)
	switch number % HouseholdSize {
	case 0:
		p.Sex, p.Name = 1, manName
	case 1:
		p.Sex, p.Name = 2, womanName
	case 2:
		p.Sex = world.Between(r, 1, 2)
		years = max(0, adult-world.Between(r, 20, 34))
		p.Name, p.Parent, p.Mother = w.FullName(r, p.Sex, father), manName, womanName
	default:
		p.Sex = world.Between(r, 1, 2)
		if adult < 46 && world.Chance(r, 0.55) {
			years = max(0, adult-world.Between(r, 24, 38))
			p.Name, p.Parent, p.Mother = w.FullName(r, p.Sex, father), manName, womanName
		} else {
			years = min(adult+world.Between(r, 20, 30), 93)
			p.Name = w.FullName(r, p.Sex, father)
		}
	}
	p.Birth = n.config.From.AddDate(-years, 0, -r.IntN(365))
	p.Birth = time.Date(p.Birth.Year(), p.Birth.Month(), p.Birth.Day(), r.IntN(24), world.Between(r, 1, 59), 0, 0, Hanoi())
	n.papers(p, r, poor, years)
	if number%HouseholdSize > 1 && years < 16 {
		parent := n.Person(number - number%HouseholdSize + world.Between(r, 0, 1))
		p.Guardian = parent.Citizen
	}
	n.fallIll(p, r, years)
	return p
}

// citizenNumber agrees with sex and year of birth; its century digit is 8 or 9,
// which nobody living has.
func citizenNumber(r *rand.Rand, p *Person, old []string) string {
	return fmt.Sprintf("0%s%d%02d%06d", world.Pick(r, old), 9-p.Sex%2, p.Birth.Year()%100, r.IntN(1e6))
}

// papers gives numbers, cards, phone.
func (n *Country) papers(p *Person, r *rand.Rand, poor bool, years int) {
	province, _ := catalog.ProvinceByCode(p.Province)
	number := citizenNumber(n.Stream("citizen", p.Number), p, province.Old)
	switch {
	case years >= 60 && world.Chance(r, 0.05):
		p.OldID = fmt.Sprintf("99%07d", r.IntN(1e7))
	case years < 1 && world.Chance(r, 0.7), world.Chance(r, 0.03):
	default:
		p.Citizen = number
	}
	p.Social = fmt.Sprintf("99%08d", r.IntN(1e8))
	if years >= 15 && world.Chance(r, 0.8) || world.Chance(r, 0.5) {
		p.Phone = fmt.Sprintf("0000%06d", r.IntN(1e6))
	}
	p.Blood = world.Pick(r, []string{"", "", "O", "A", "B", "AB"})
	p.Occupation = "00000"
	if years >= 16 {
		p.Occupation = world.Pick(r, n.World.Phrases["occupation"])
		if years < 62 {
			p.Employer = world.Pick(r, n.World.Phrases["employer"])
		}
	}
	if !world.Chance(r, 0.94) && !poor {
		if world.Chance(r, 0.15) {
			p.Citizen = "" // neither card nor number
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
	c := Card{group + benefit + issued + p.Social, from.Format("20060102"), to.Format("20060102")}
	if p.Citizen != "" && world.Chance(r, 0.25) {
		c.Number = p.Citizen // stands for the card since 2025
	}
	p.Cards = []Card{c}
	if world.Chance(r, 0.04) { // the card before that one, as some systems send both
		p.Cards = append([]Card{{"GD4" + issued + p.Social, from.AddDate(-1, 0, 0).Format("20060102"), from.AddDate(0, 0, -1).Format("20060102")}}, p.Cards...)
	}
}

// fallIll gives lasting diseases by age.
func (n *Country) fallIll(p *Person, r *rand.Rand, years int) {
	for range min(years/18, 4) {
		if c := n.World.Sampler.Draw(r); c.Chronic && c.Fits(p.Sex, years) && !slices.Contains(p.Chronic, c) {
			p.Chronic = append(p.Chronic, c)
		}
	}
}

// Local is the person's number at a facility (MA_BN).
func (f *Facility) Local(p *Person) string {
	return fmt.Sprintf("%s%08d", f.Code[3:], p.Number+f.Number*97)
}

// Written is the name as the facility's system writes it.
func (f *Facility) Written(name string) string {
	if f.Habit.unmarked {
		name = care.Fold(name)
	}
	if f.Habit.caps {
		name = strings.ToUpper(name)
	}
	return name
}
