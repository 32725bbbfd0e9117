package identity_test

import (
	"crypto/rand"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/identity"
)

// Synthetic numbers: fourth digit 8 or 9, sex by parity, two digits of the year.
func said(change func(*identity.Said)) identity.Said {
	s := identity.Said{LocalID: "BN1", Name: "NGUYỄN THUỲ VÂN", CitizenID: "091988000123", Card: "HT3919901139768", Birth: "198803240000", Sex: "2"}
	if change != nil {
		change(&s)
	}
	return s
}

func types(p identity.Patient) (t []string) {
	for _, id := range p.IDs {
		t = append(t, id.Type)
	}
	return t
}

func TestOnlyIdentifiersThatAgreeMayLink(t *testing.T) {
	t.Parallel()
	both := []string{identity.CitizenNumber, identity.InsuranceNumber}
	card := []string{identity.InsuranceNumber}
	for name, q := range map[string]struct {
		change func(*identity.Said)
		want   []string
	}{
		"both agree":                     {nil, both},
		"another year in the number":     {func(s *identity.Said) { s.CitizenID = "091987000123" }, card},
		"a man's number":                 {func(s *identity.Said) { s.CitizenID = "091888000123" }, card},
		"an old nine-digit number":       {func(s *identity.Said) { s.CitizenID = "123456789" }, card},
		"number for card, once":          {func(s *identity.Said) { s.Card = s.CitizenID }, both[:1]},
		"a newborn's temporary card":     {func(s *identity.Said) { s.Card = "TE1919901139768"; s.CitizenID = "" }, nil},
		"no name":                        {func(s *identity.Said) { s.Name = " " }, nil},
		"year of birth only":             {func(s *identity.Said) { s.Birth = "198800000000" }, nil},
		"sex unknown: the card may link": {func(s *identity.Said) { s.Sex = "3" }, card},
	} {
		if diff := cmp.Diff(q.want, types(identity.Parse(said(q.change)))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	var none identity.Person
	a, b := identity.Person{1}, identity.Person{2}
	free, isA, isB := identity.Held{}, identity.Held{Person: a, Agrees: true}, identity.Held{Person: b, Agrees: true}
	notA := identity.Held{Person: a}
	for name, q := range map[string]struct {
		subject identity.Subject
		held    []identity.Held
		want    identity.Decision // New: Person is not compared
	}{
		"no identifier":                      {identity.Subject{}, nil, identity.Decision{}},
		"nobody holds it":                    {identity.Subject{}, []identity.Held{free, free}, identity.Decision{New: true, Take: []int{0, 1}}},
		"held by one who agrees":             {identity.Subject{}, []identity.Held{free, isA}, identity.Decision{Person: a, Take: []int{0}}},
		"held by one with another name":      {identity.Subject{}, []identity.Held{free, notA}, identity.Decision{Finding: identity.CodeDisagrees}},
		"held by two":                        {identity.Subject{}, []identity.Held{isA, isB}, identity.Decision{Finding: identity.CodeAmbiguous}},
		"linked, nothing new":                {identity.Subject{Person: a}, []identity.Held{isA}, identity.Decision{Person: a, Linked: true}},
		"linked, one more number":            {identity.Subject{Person: a}, []identity.Held{isA, free}, identity.Decision{Person: a, Linked: true, Take: []int{1}}},
		"linked, the only number is free":    {identity.Subject{Person: a}, []identity.Held{free}, identity.Decision{Person: a, Linked: true}},
		"linked, a number of somebody else":  {identity.Subject{Person: a}, []identity.Held{isB, free}, identity.Decision{Person: a, Linked: true}},
		"linked, and the name has changed":   {identity.Subject{Person: a}, []identity.Held{notA, free}, identity.Decision{Person: a, Linked: true, Finding: identity.CodeDisagrees}},
		"unlinked by hand from its holder":   {identity.Subject{Barred: []identity.Person{a}}, []identity.Held{isA}, identity.Decision{}},
		"unlinked by hand, number free":      {identity.Subject{Barred: []identity.Person{a}}, []identity.Held{free}, identity.Decision{}},
		"unlinked from one, held by another": {identity.Subject{Barred: []identity.Person{a}}, []identity.Held{isB}, identity.Decision{Person: b}},
	} {
		got, err := identity.Decide(q.subject, q.held, identity.NewNames(rand.Reader))
		if err != nil {
			t.Fatal(err)
		}
		if got.New {
			if got.Person == none {
				t.Errorf("%s: a new person without a name", name)
			}
			got.Person = none
		}
		if diff := cmp.Diff(q.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
