// Package world holds what a synthetic nation is made from: names with their
// frequencies, wards, drugs, services, tests, diseases and phrases, and how to
// draw from them. It knows no person and no visit.
package world

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

//go:embed data/*.tsv
var files embed.FS

// World is a nation's raw material. Codes of drugs, services, indices and
// traditional diagnoses have the right form and are otherwise made up; prices
// are of the right order. Wards are facts of the 34 provinces. It is shared and
// not to be changed.
type World struct {
	Names      map[string]*Choice[string] // surname, male_middle, male_given, female_middle, female_given
	Wards      map[string][]Ward          // by province
	Drugs      map[string]*Drug           // by code
	DrugList   []*Drug
	Remedies   []*Drug // of traditional medicine
	Conditions []*Condition
	Sampler    *Choice[*Condition] // conditions people walk in with
	ByICD      map[string]*Condition
	Tests      map[string][]*Test    // by panel
	Services   map[string][]*Service // by kind
	Supplies   []*Drug
	Phrases    map[string][]string // by part of the text; {n} and the like stand for numbers
}

// Ward is one of the 34 provinces' wards. Former is one code it had until
// 2025-06-30, "" where it kept its own.
type Ward struct{ Code, Name, Former string }

// Drug is a drug, remedy or supply.
type Drug struct {
	Code, Name, Strength, Unit, Route, Form, How string
	Low, High                                    int64 // price of a unit in đồng
	PerDay                                       int   // 0: one for the visit
}

// Condition is a disease and what is done about it.
type Condition struct {
	ICD, Name, System string
	Sex               int // the only sex that has it, 0 both
	From, To          int // years of age
	Chronic           bool
	Drugs             []*Drug
	Panels            []string
	East              string // traditional diagnosis
}

// Fits reports whether somebody of that sex and age in years can have it.
func (c *Condition) Fits(sex, age int) bool {
	return age >= c.From && age <= c.To && (c.Sex == 0 || c.Sex == sex)
}

// Test is one index of a panel: a measurement, or a picture where Unit is "".
type Test struct {
	Service, ServiceName string // "" for a further index of the service before
	Price                int64  // đồng
	Index, Name, Unit    string
	Low, High            float64 // reference range
	Decimals             int
	Group                string // MA_NHOM
}

// Service is something done and paid for.
type Service struct {
	Code, Name, Unit, Group string
	Price                   int64 // đồng
}

// table reads a file of tab-separated lines under one line of heads.
func table(name string, columns int, row func(c []string) error) error {
	raw, err := files.ReadFile("data/" + name + ".tsv")
	if err != nil {
		return fmt.Errorf("world: %w", err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		cells := strings.Split(line, "\t")
		for len(cells) < columns {
			cells = append(cells, "")
		}
		if i == 0 {
			continue
		}
		if err := row(cells); err != nil {
			return fmt.Errorf("world: %s.tsv line %d: %w", name, i+1, err)
		}
	}
	return nil
}

// Load reads the embedded tables.
func Load() (*World, error) {
	w := &World{Names: map[string]*Choice[string]{}, Wards: map[string][]Ward{}, Drugs: map[string]*Drug{}, ByICD: map[string]*Condition{},
		Tests: map[string][]*Test{}, Services: map[string][]*Service{}, Phrases: map[string][]string{}, Sampler: &Choice[*Condition]{}}
	for _, load := range []func() error{w.loadPeople, w.loadGoods, w.loadConditions, w.loadTests} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *World) loadPeople() error {
	err := table("names", 3, func(c []string) error {
		weight, err := strconv.Atoi(c[2])
		if w.Names[c[0]] == nil {
			w.Names[c[0]] = &Choice[string]{}
		}
		w.Names[c[0]].Add(c[1], weight)
		return err
	})
	if err != nil {
		return err
	}
	err = table("wards", 4, func(c []string) error {
		w.Wards[c[0]] = append(w.Wards[c[0]], Ward{c[1], c[2], c[3]})
		return nil
	})
	if err != nil {
		return err
	}
	return table("phrases", 2, func(c []string) error {
		w.Phrases[c[0]] = append(w.Phrases[c[0]], c[1])
		return nil
	})
}

func (w *World) loadGoods() error {
	err := table("drugs", 10, func(c []string) error {
		n, err := numbers(c[6:9])
		if err != nil {
			return err
		}
		d := &Drug{Code: c[0], Name: c[1], Strength: c[2], Unit: c[3], Route: c[4], Form: c[5], How: c[9], Low: n[0], High: n[1], PerDay: int(n[2])}
		w.Drugs[d.Code] = d
		w.DrugList = append(w.DrugList, d)
		return nil
	})
	if err != nil {
		return err
	}
	err = table("remedies", 7, func(c []string) error {
		n, err := numbers(c[5:7])
		if err != nil {
			return err
		}
		w.Remedies = append(w.Remedies, &Drug{Code: c[0], Name: c[1], Strength: c[2], Unit: c[3], Route: "1.01", Form: c[4],
			How: "Sắc uống ngày một thang, chia hai lần", Low: n[0], High: n[1], PerDay: 12})
		return nil
	})
	if err != nil {
		return err
	}
	err = table("supplies", 5, func(c []string) error {
		n, err := numbers(c[3:5])
		if err != nil {
			return err
		}
		w.Supplies = append(w.Supplies, &Drug{Code: c[0], Name: c[1], Unit: c[2], Low: n[0], High: n[1]})
		return nil
	})
	if err != nil {
		return err
	}
	return table("services", 6, func(c []string) error {
		n, err := numbers(c[4:5])
		if err != nil {
			return err
		}
		w.Services[c[0]] = append(w.Services[c[0]], &Service{Code: c[1], Name: c[2], Unit: c[3], Price: n[0], Group: c[5]})
		return nil
	})
}

func (w *World) loadConditions() error {
	return table("conditions", 11, func(c []string) error {
		n, err := numbers(c[3:8])
		if err != nil {
			return err
		}
		d := &Condition{ICD: c[0], Name: c[1], System: c[2], Sex: int(n[0]), From: int(n[1]), To: int(n[2]), Chronic: n[3] == 1,
			Panels: strings.Split(c[9], ","), East: c[10]}
		for code := range strings.SplitSeq(c[8], ",") {
			if w.Drugs[code] == nil {
				return fmt.Errorf("drug %s is not known", code)
			}
			d.Drugs = append(d.Drugs, w.Drugs[code])
		}
		w.Conditions = append(w.Conditions, d)
		w.ByICD[d.ICD] = d
		w.Sampler.Add(d, int(n[4]))
		return nil
	})
}

func (w *World) loadTests() error {
	return table("tests", 11, func(c []string) error {
		price, err := strconv.ParseInt(c[3], 10, 64)
		if err != nil {
			return err
		}
		t := &Test{Service: c[1], ServiceName: c[2], Price: price, Index: c[4], Name: c[5], Unit: c[6], Group: c[10]}
		if t.Unit != "" {
			if t.Low, err = strconv.ParseFloat(c[7], 64); err != nil {
				return err
			}
			if t.High, err = strconv.ParseFloat(c[8], 64); err != nil {
				return err
			}
			if t.Decimals, err = strconv.Atoi(c[9]); err != nil {
				return err
			}
		}
		w.Tests[c[0]] = append(w.Tests[c[0]], t)
		return nil
	})
}

func numbers(cells []string) ([]int64, error) {
	out := make([]int64, len(cells))
	for i, c := range cells {
		n, err := strconv.ParseInt(c, 10, 64)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// Choice draws values by weight.
type Choice[T any] struct {
	values []T
	upto   []int
}

// Add adds a value; one without weight is never drawn.
func (c *Choice[T]) Add(v T, weight int) {
	if weight <= 0 {
		return
	}
	sum := weight
	if n := len(c.upto); n > 0 {
		sum += c.upto[n-1]
	}
	c.values, c.upto = append(c.values, v), append(c.upto, sum)
}

// Draw draws a value. There must be one.
func (c *Choice[T]) Draw(r *rand.Rand) T {
	x := r.IntN(c.upto[len(c.upto)-1])
	low, high := 0, len(c.upto)-1
	for low < high {
		if mid := (low + high) / 2; c.upto[mid] > x {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return c.values[low]
}

// Pick draws from a list that is not empty, all alike.
func Pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// Chance is true in share of cases.
func Chance(r *rand.Rand, share float64) bool { return r.Float64() < share }

// Between draws from low to high, both included.
func Between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// FullName makes a name as people have them; sex 2 is female.
func (w *World) FullName(r *rand.Rand, sex int, surname string) string {
	middle, given := "male_middle", "male_given"
	if sex == 2 {
		middle, given = "female_middle", "female_given"
	}
	m, g := w.Names[middle].Draw(r), w.Names[given].Draw(r)
	for m == g {
		g = w.Names[given].Draw(r)
	}
	if Chance(r, 0.05) {
		return surname + " " + g
	}
	return surname + " " + m + " " + g
}
