package care

import "strings"

// Classes is a set of sensitive classes of clinical content. What belongs to
// which, package compartment says.
type Classes uint8

// The sensitive classes.
const (
	HIV Classes = 1 << iota
	TB
	MentalHealth
	PregnancyTermination
	AllClasses = HIV | TB | MentalHealth | PregnancyTermination
)

var classNames = [...]string{"hiv", "tb", "mental_health", "pregnancy_termination"}

// Documents returns the set as bits of a record's documents, beside those of tables.
func (c Classes) Documents() uint32 { return uint32(c) << 28 }

// ClassesOf returns the set in the bits of a record's documents.
func ClassesOf(documents uint32) Classes { return Classes(documents >> 28) }

// Names lists the classes of the set: "hiv", "tb", "mental_health", "pregnancy_termination".
func (c Classes) Names() []string {
	var out []string
	for i, name := range classNames {
		if c&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String joins the names with commas.
func (c Classes) String() string { return strings.Join(c.Names(), ",") }

// ParseClass reads one name; 0 for none.
func ParseClass(name string) Classes {
	for i, n := range classNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}
