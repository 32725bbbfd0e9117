// Package identity decides which person a facility's patient is. This first
// step links by strong identifiers only: a citizen number or a social
// insurance number whose own digits agree with the record's sex and year of
// birth, and whose holder has the same name and birth date. Anything less
// leaves the patient unlinked, and what disagrees becomes a finding.
//
// It decides and keeps nothing: package store keeps links as rows with
// history, and commits a decision only while what it was based on still holds.
package identity

import (
	"slices"

	"lienthong/internal/care"
)

// Patient is what a dossier says of its subject, parsed.
type Patient struct {
	LocalID string // MA_BN trimmed; "" where absent
	Name    string // care.NameKey of HO_TEN
	Birth   care.Moment
	Sex     care.Sex
	IDs     []Identifier
}

// Identifier is a strong one that may link: its own digits agree with the record.
type Identifier struct {
	Type  string // CitizenNumber or InsuranceNumber
	Value string
}

// The types of strong identifiers.
const (
	CitizenNumber   = "citizen_id"
	InsuranceNumber = "insurance_no"
)

// Said is a patient in the sender's own words.
type Said struct {
	LocalID   string // MA_BN
	Name      string // HO_TEN
	CitizenID string // SO_CCCD
	Card      string // MA_THE_BHYT
	Birth     string // NGAY_SINH
	Sex       string // GIOI_TINH
}

// Parse reads what was said. Identifiers that are ill-formed, temporary or
// contradict the record by their own digits are left out: package quality
// has findings for them.
func Parse(s Said) Patient {
	p := Patient{LocalID: care.Clean(s.LocalID), Name: care.NameKey(s.Name)}
	if m, err := care.ParseMoment(s.Birth); err == nil {
		p.Birth = m
	}
	if x, err := care.ParseSex(s.Sex); err == nil {
		p.Sex = x
	}
	if p.Name == "" || p.Birth.Precision() < care.ByDay {
		return p // nothing to hold an identifier's owner against
	}
	citizen, err := care.ParseCitizenID(s.CitizenID)
	if err == nil && citizen.Agrees(p.Sex, p.Birth) {
		p.IDs = append(p.IDs, Identifier{CitizenNumber, string(citizen)})
	}
	cards, _ := care.ParseInsuranceNos(s.Card)
	for _, card := range cards {
		if id, ok := card.Citizen(); ok {
			if id != citizen && id.Agrees(p.Sex, p.Birth) {
				p.IDs = append(p.IDs, Identifier{CitizenNumber, string(id)})
			}
			continue
		}
		if social := card.Social(); social != "" && !card.Child() {
			p.IDs = append(p.IDs, Identifier{InsuranceNumber, social})
		}
	}
	return p
}

// Person names a person inside the hub; the zero Person is nobody.
type Person = care.Person

// Held is what is known of one identifier: who holds it, and whether the
// holder's name and birth date are the record's.
type Held struct {
	Person Person
	Agrees bool
}

// Subject is what is known of the patient at the facility.
type Subject struct {
	Person Person   // zero: not linked
	Barred []Person // unlinked from by hand
}

// Decision is what to do about one patient.
type Decision struct {
	Person  Person
	New     bool   // Person is made now
	Linked  bool   // the subject has this link already
	Take    []int  // identifiers, by index, to be claimed for Person
	Finding string // CodeDisagrees or CodeAmbiguous; "" none
}

// The findings of identity. Both leave a newcomer unlinked; an old link stays.
const (
	CodeDisagrees = "identity.disagrees" // an identifier belongs to somebody with another name or birth date
	CodeAmbiguous = "identity.ambiguous" // two identifiers belong to two persons
)

// Decide chooses the person. held stands in the order of the patient's
// identifiers. The error is that of naming a new person.
func Decide(subject Subject, held []Held, names *Names) (Decision, error) {
	agreeing, free, finding := weigh(held)
	if subject.Person != (Person{}) { // linked before: only what agrees with the link is added
		d := Decision{Person: subject.Person, Linked: true, Finding: finding}
		if finding == "" && len(agreeing) == 1 && agreeing[0] == subject.Person {
			d.Take = free
		}
		return d, nil
	}
	if finding != "" || len(held) == 0 {
		return Decision{Finding: finding}, nil
	}
	if len(subject.Barred) > 0 && (len(agreeing) == 0 || slices.Contains(subject.Barred, agreeing[0])) {
		return Decision{}, nil // unlinked by hand: people decide from here on
	}
	if len(agreeing) == 1 {
		return Decision{Person: agreeing[0], Take: free}, nil
	}
	fresh, err := names.New()
	if err != nil {
		return Decision{}, err
	}
	return Decision{Person: fresh, New: true, Take: free}, nil
}

// weigh sorts identifiers into the persons that agree, those free to take, and
// the finding where they contradict.
func weigh(held []Held) (agreeing []Person, free []int, finding string) {
	for i, h := range held {
		switch {
		case h.Person == Person{}:
			free = append(free, i)
		case !h.Agrees:
			finding = CodeDisagrees
		case !slices.Contains(agreeing, h.Person):
			agreeing = append(agreeing, h.Person)
		}
	}
	if len(agreeing) > 1 {
		finding = CodeAmbiguous
	}
	return agreeing, free, finding
}
