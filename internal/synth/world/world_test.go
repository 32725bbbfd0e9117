package world_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/catalog"
	"lienthong/internal/synth/world"
)

func load(t *testing.T) *world.World {
	t.Helper()
	w, err := world.Load()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestNothingIsMissing: what a disease refers to is there.
func TestNothingIsMissing(t *testing.T) {
	t.Parallel()
	w := load(t)
	for _, c := range w.Conditions {
		if !catalog.ICDForm(c.ICD) || c.From > c.To || len(c.Drugs) == 0 || c.Sex != 0 && c.Sex != 1 && c.Sex != 2 {
			t.Errorf("%+v", c)
		}
		if only := int(catalog.ICDSex(c.ICD)); only != 0 && only != c.Sex {
			t.Errorf("%s is of one sex", c.ICD)
		}
		for _, p := range c.Panels {
			if len(w.Tests[p]) == 0 || w.Tests[p][0].Service == "" {
				t.Errorf("%s: no panel %s", c.ICD, p)
			}
		}
		if len(w.Phrases["symptom."+c.System]) == 0 || len(w.Phrases["exam."+c.System]) == 0 {
			t.Errorf("%s: no words for %s", c.ICD, c.System)
		}
	}
	for panel, tests := range w.Tests {
		for _, x := range tests {
			if x.Unit == "" && len(w.Phrases["image."+panel]) == 0 || x.Unit != "" && x.Low >= x.High {
				t.Errorf("%s: %+v", panel, x)
			}
		}
	}
	for _, p := range catalog.Provinces() {
		if len(w.Wards[p.Code]) < 4 {
			t.Errorf("%s has %d wards", p.Name, len(w.Wards[p.Code]))
		}
	}
	for part, list := range w.Phrases {
		for _, text := range list {
			if !norm.NFC.IsNormalString(text) || strings.TrimSpace(text) != text {
				t.Errorf("%s: %q", part, text)
			}
		}
	}
}

func TestDrawsFollowWeights(t *testing.T) {
	t.Parallel()
	var c world.Choice[string]
	c.Add("often", 9)
	c.Add("never", 0)
	c.Add("seldom", 1)
	r := rand.New(rand.NewPCG(1, 2))
	got := map[string]int{}
	for range 10000 {
		got[c.Draw(r)]++
	}
	if got["never"] != 0 || got["often"] < 8800 || got["often"] > 9200 {
		t.Errorf("%v", got)
	}
}

// TestNamesAreAsPeopleHaveThem: three surnames cover half of the people, and no
// given name repeats the middle one.
func TestNamesAreAsPeopleHaveThem(t *testing.T) {
	t.Parallel()
	w := load(t)
	r := rand.New(rand.NewPCG(3, 4))
	names, frequent := map[string]bool{}, 0
	for i := range 5000 {
		surname := w.Names["surname"].Draw(r)
		if surname == "Nguyễn" || surname == "Trần" || surname == "Lê" {
			frequent++
		}
		name := w.FullName(r, 1+i%2, surname)
		words := strings.Fields(name)
		if len(words) < 2 || len(words) > 4 || words[len(words)-1] == words[len(words)-2] && len(words) == 3 && words[0] != words[1] {
			t.Errorf("%s", name)
		}
		names[name] = true
	}
	if frequent < 2200 || frequent > 2900 || len(names) < 4000 {
		t.Errorf("%d of 5000 have a frequent surname; %d names", frequent, len(names))
	}
}
