package synth

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

//go:embed data/*.tsv
var files embed.FS

// The world a nation is made from. Codes of drugs, services, indices and
// traditional diagnoses have the right form and are otherwise made up; prices
// are of the right order. Wards are facts of the 34 provinces.
type world struct {
	names      map[string]*choice[string]
	wards      map[string][]ward // by province
	drugs      map[string]*drug  // by code
	drugList   []*drug
	remedies   []*drug
	conditions []*condition
	sampler    *choice[*condition] // conditions people walk in with
	byICD      map[string]*condition
	tests      map[string][]*test // by panel
	services   map[string][]*service
	supplies   []*drug
	phrases    map[string][]string
}

type ward struct{ code, name, former string } // former: one code it had until 2025-06-30, "" where unchanged

type drug struct {
	code, name, strength, unit, route, form, how string
	low, high                                    int64 // VND a unit
	perDay                                       int   // 0: one for the visit
}

type condition struct {
	icd, name, system string
	sex               int // 0 both
	from, to          int // years of age
	chronic           bool
	drugs             []*drug
	panels            []string
	east              string // traditional diagnosis
}

func (c *condition) fits(p *person, age int) bool {
	return age >= c.from && age <= c.to && (c.sex == 0 || c.sex == p.sex)
}

type test struct {
	service, serviceName string // "" for a further index of the service before
	price                int64  // VND
	index, name, unit    string
	low, high            float64
	decimals             int
	group                string
}

type service struct {
	code, name, unit, group string
	price                   int64
}

// table reads a file of tab-separated lines under one line of heads.
func table(name string, columns int, row func(c []string) error) error {
	raw, err := files.ReadFile("data/" + name + ".tsv")
	if err != nil {
		return fmt.Errorf("synth: %w", err)
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
			return fmt.Errorf("synth: %s.tsv line %d: %w", name, i+1, err)
		}
	}
	return nil
}

func loadWorld() (*world, error) {
	w := &world{names: map[string]*choice[string]{}, wards: map[string][]ward{}, drugs: map[string]*drug{}, byICD: map[string]*condition{},
		tests: map[string][]*test{}, services: map[string][]*service{}, phrases: map[string][]string{}, sampler: &choice[*condition]{}}
	for _, load := range []func() error{w.loadPeople, w.loadGoods, w.loadConditions, w.loadTests} {
		if err := load(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) loadPeople() error {
	err := table("names", 3, func(c []string) error {
		weight, err := strconv.Atoi(c[2])
		if w.names[c[0]] == nil {
			w.names[c[0]] = &choice[string]{}
		}
		w.names[c[0]].add(c[1], weight)
		return err
	})
	if err != nil {
		return err
	}
	err = table("wards", 4, func(c []string) error {
		w.wards[c[0]] = append(w.wards[c[0]], ward{c[1], c[2], c[3]})
		return nil
	})
	if err != nil {
		return err
	}
	return table("phrases", 2, func(c []string) error {
		w.phrases[c[0]] = append(w.phrases[c[0]], c[1])
		return nil
	})
}

func (w *world) loadGoods() error {
	err := table("drugs", 10, func(c []string) error {
		n, err := numbers(c[6:9])
		if err != nil {
			return err
		}
		d := &drug{code: c[0], name: c[1], strength: c[2], unit: c[3], route: c[4], form: c[5], how: c[9], low: n[0], high: n[1], perDay: int(n[2])}
		w.drugs[d.code] = d
		w.drugList = append(w.drugList, d)
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
		w.remedies = append(w.remedies, &drug{code: c[0], name: c[1], strength: c[2], unit: c[3], route: "1.01", form: c[4],
			how: "Sắc uống ngày một thang, chia hai lần", low: n[0], high: n[1], perDay: 12})
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
		w.supplies = append(w.supplies, &drug{code: c[0], name: c[1], unit: c[2], low: n[0], high: n[1]})
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
		w.services[c[0]] = append(w.services[c[0]], &service{code: c[1], name: c[2], unit: c[3], price: n[0], group: c[5]})
		return nil
	})
}

func (w *world) loadConditions() error {
	return table("conditions", 11, func(c []string) error {
		n, err := numbers(c[3:8])
		if err != nil {
			return err
		}
		d := &condition{icd: c[0], name: c[1], system: c[2], sex: int(n[0]), from: int(n[1]), to: int(n[2]), chronic: n[3] == 1,
			panels: strings.Split(c[9], ","), east: c[10]}
		for code := range strings.SplitSeq(c[8], ",") {
			if w.drugs[code] == nil {
				return fmt.Errorf("drug %s is not known", code)
			}
			d.drugs = append(d.drugs, w.drugs[code])
		}
		w.conditions = append(w.conditions, d)
		w.byICD[d.icd] = d
		w.sampler.add(d, int(n[4]))
		return nil
	})
}

func (w *world) loadTests() error {
	return table("tests", 11, func(c []string) error {
		price, err := strconv.ParseInt(c[3], 10, 64)
		if err != nil {
			return err
		}
		t := &test{service: c[1], serviceName: c[2], price: price, index: c[4], name: c[5], unit: c[6], group: c[10]}
		if t.unit != "" {
			if t.low, err = strconv.ParseFloat(c[7], 64); err != nil {
				return err
			}
			if t.high, err = strconv.ParseFloat(c[8], 64); err != nil {
				return err
			}
			if t.decimals, err = strconv.Atoi(c[9]); err != nil {
				return err
			}
		}
		w.tests[c[0]] = append(w.tests[c[0]], t)
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

// choice draws values by weight.
type choice[T any] struct {
	values []T
	upto   []int
}

func (c *choice[T]) add(v T, weight int) {
	if weight <= 0 {
		return
	}
	sum := weight
	if n := len(c.upto); n > 0 {
		sum += c.upto[n-1]
	}
	c.values, c.upto = append(c.values, v), append(c.upto, sum)
}

func (c *choice[T]) draw(r *rand.Rand) T {
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

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// chance is true in share of cases.
func chance(r *rand.Rand, share float64) bool { return r.Float64() < share }

// between draws from low to high, both included.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }
