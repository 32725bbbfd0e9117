// Package country is who lives in a synthetic nation and where they are treated:
// facilities with keys, certificates and habits, households and their people.
// All of it follows from a seed, each thing by itself. What happens to them, and
// the files that tell of it, is package synth; nobody else should need this one.
package country

import (
	"math/rand/v2"
	"time"

	"lienthong/internal/synth/world"
)

// The profiles.
const (
	Small      = "small"  // 9 facilities of one province
	Pilot      = "pilot"  // 412 facilities of four provinces, and its proportions of kinds
	Nationwide = "nation" // every province
)

// Config says which country; nothing has a default.
type Config struct {
	Seed     uint64
	Profile  string
	People   int
	From, To time.Time // everything that happens is between
}

// Country is who lives there and where they are treated. It is shared and not
// to be changed.
type Country struct {
	config     Config
	World      *world.World
	authority  authority
	facilities []*Facility
	byLevel    map[string][]*Facility
	senders    *world.Choice[*Facility]
	primary    map[string][]*Facility // who gives primary care in a province
	districts  []district
}

// New founds the facilities and settles the people.
func New(c Config) (*Country, error) {
	w, err := world.Load()
	if err != nil {
		return nil, err
	}
	n := &Country{config: c, World: w, primary: map[string][]*Facility{}}
	if err := n.found(); err != nil {
		return nil, err
	}
	n.settle()
	return n, nil
}

// Hanoi is Vietnam's zone, which has had no other offset since 1975.
func Hanoi() *time.Location { return time.FixedZone("+07", 7*3600) }

// Stream is the source of chance for one thing: it depends on the seed, what the
// thing is and its number, and on nothing drawn before.
func (n *Country) Stream(what string, number int) *rand.Rand {
	return rand.New(rand.NewPCG(n.config.Seed, Mix(what, uint64(number))))
}

// Mix is the number that a thing of a kind has by chance.
func Mix(what string, number uint64) uint64 {
	h := uint64(14695981039346656037) // FNV-1a, then a finaliser so that neighbours differ in all bits
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 1099511628211
	}
	h ^= number * 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Somebody draws a person who may come to a facility: mostly those registered
// there for primary care, at hospitals those of the province.
func (n *Country) Somebody(r *rand.Rand, f *Facility) int {
	d := n.districts[r.IntN(len(n.districts))]
	for _, x := range n.districts {
		if x.province == f.Province && !(f.Level == "central" && world.Chance(r, 0.3)) {
			d = x
		}
	}
	household := d.first + r.IntN(max(1, d.past-d.first))
	if list := n.primary[f.Province]; f.primary && d.province == f.Province && world.Chance(r, 0.75) {
		if at := d.first + (household-d.first)/len(list)*len(list) + f.place; at < d.past {
			household = at
		}
	}
	return household*HouseholdSize + r.IntN(HouseholdSize)
}

// Registered is where a person is registered for primary care.
func (n *Country) Registered(p *Person) *Facility {
	household := p.Household
	for _, d := range n.districts {
		if household < d.past {
			list := n.primary[d.province]
			return list[(household-d.first)%len(list)]
		}
	}
	return n.facilities[len(n.facilities)-1]
}

// Nearest draws a facility of a level, of the province where it has one.
func (n *Country) Nearest(r *rand.Rand, level, province string) *Facility {
	var near []*Facility
	for _, f := range n.byLevel[level] {
		if f.Province == province {
			near = append(near, f)
		}
	}
	if len(near) > 0 {
		return world.Pick(r, near)
	}
	return world.Pick(r, n.byLevel[level])
}

// Sender draws the facility of a visit, by how many visits its level sees.
func (n *Country) Sender(r *rand.Rand) *Facility { return n.senders.Draw(r) }
