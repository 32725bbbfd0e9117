// Package synth makes a synthetic nation: facilities with keys and
// certificates, people with households and diseases, and the signed files their
// visits lead to, some with the defects that real files have. Everything follows
// from a seed: the same seed gives the same bytes, on any number of workers.
//
// It is for demonstrations, tests and benchmarks, and for nothing else. Nobody
// in it exists: citizen numbers have the century digit 8 or 9, telephone numbers
// begin with 0000, facilities' codes have a letter S in the third place and tax
// codes begin with 99. Its keys can be made again by whoever knows the seed, so
// a real hub must never trust them.
package synth

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// The profiles.
const (
	Small      = country.Small      // 9 facilities of one province
	Pilot      = country.Pilot      // 412 facilities of four provinces, and its proportions of kinds
	Nationwide = country.Nationwide // every province
)

// Facility is one sender. It is shared and not to be changed.
type Facility = country.Facility

// Config says which nation. The zero value is a pilot of 30 days.
type Config struct {
	Seed    uint64
	Profile string // default Pilot
	People  int    // who may fall ill; default 2,000 (small), 200,000 (pilot), 2,000,000 (nation)
	// From and To bound everything that happens. To defaults to 2026-11-20 in
	// Hanoi, as a nation has no clock; From to Days before To.
	From, To time.Time
	Days     int // default 30; not used when From is given
	// DefectShare is how many of the files have a defect: default 1/20, none when negative.
	DefectShare float64
}

// ErrConfig: a nation that cannot be.
var ErrConfig = errors.New("synth: impossible configuration")

func (c Config) withDefaults() (Config, error) {
	people := map[string]int{Small: 2_000, Pilot: 200_000, Nationwide: 2_000_000}
	if c.Profile == "" {
		c.Profile = Pilot
	}
	if people[c.Profile] == 0 {
		return c, fmt.Errorf("%w: no profile %q", ErrConfig, c.Profile)
	}
	if c.People == 0 {
		c.People = people[c.Profile]
	}
	if c.Days == 0 {
		c.Days = 30
	}
	if c.DefectShare == 0 {
		c.DefectShare = 1.0 / 20
	}
	if c.To.IsZero() {
		c.To = time.Date(2026, 11, 20, 18, 0, 0, 0, country.Hanoi())
	}
	c.To = c.To.In(country.Hanoi())
	if c.From.IsZero() {
		c.From = c.To.AddDate(0, 0, -c.Days)
	}
	c.From = c.From.In(country.Hanoi())
	if c.People < country.HouseholdSize || c.Days < 0 || c.To.Sub(c.From) < 24*time.Hour || c.DefectShare > 1 || c.From.Year() < 2025 {
		return c, fmt.Errorf("%w: at least %d people, a day, from 2025 on", ErrConfig, country.HouseholdSize)
	}
	return c, nil
}

// visitsAYear is how often a person is seen: 190 million visits of 100 million
// people, and a fifth more without insurance (vietnam.md §6).
const visitsAYear = 2.3

// Submission is one file as its sender would send it.
type Submission struct {
	Facility string // code of the sender
	FileName string
	Kind     string // "qd4750", "checkin"; of Beside others too
	XML      []byte // the file's bytes, JSON too: signed, but where the defect says otherwise
	Seal     string // detached, of a kind that has its seal beside
	Papers   []Paper
	Dossiers int
	Visit    string // what it is about: "outpatient", "inpatient"...
	Quirk    string // what is unusual and no defect of the file: see Quirks
	Defect   string // "" or one of Defects
	Urgent   bool
	At       time.Time // when it is sent
}

// Nation is a nation. It is safe for use by many goroutines.
type Nation struct {
	*country.Country
	config Config
	visits map[string]*world.Choice[mixture]
	next   atomic.Int64
	last   atomic.Pointer[planned]
}

// New builds the facilities of a nation with their keys (a second for the pilot;
// RSA keys are the slow ones). People and files are made when asked for.
func New(c Config) (*Nation, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	land, err := country.New(country.Config{Seed: c.Seed, Profile: c.Profile, People: c.People, From: c.From, To: c.To})
	if err != nil {
		return nil, err
	}
	return &Nation{Country: land, config: c, visits: plans()}, nil
}

// Config returns the configuration with its defaults filled in.
func (n *Nation) Config() Config { return n.config }

// Len is how many files the nation's days hold. At gives more when asked,
// on the same days.
func (n *Nation) Len() int {
	days := n.config.To.Sub(n.config.From).Hours() / 24
	return max(blockSize, int(float64(n.config.People)*days/365*visitsAYear))
}

// Next returns the files in order from the first on, false after the last of
// Len. Several goroutines share one sequence.
func (n *Nation) Next() (Submission, bool, error) {
	i := n.next.Add(1) - 1
	if i >= int64(n.Len()) {
		return Submission{}, false, nil
	}
	s, err := n.At(int(i))
	return s, err == nil, err
}
