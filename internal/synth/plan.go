package synth

import (
	"math/rand/v2"
	"slices"
	"time"

	"lienthong/internal/synth/country"
	"lienthong/internal/synth/world"
)

// What a visit is about.
const (
	Outpatient  = "outpatient"
	Chronic     = "chronic"  // outpatient treatment of a lasting disease, with drugs
	FollowUp    = "followup" // with an appointment slip (XML14)
	Inpatient   = "inpatient"
	DayCare     = "daycare"
	Emergency   = "emergency"
	Referral    = "referral" // with a referral slip (XML13)
	Received    = "received" // the same patient at the facility referred to
	Birth       = "birth"    // the mother's dossier, with birth certificate (XML9)
	Newborn     = "newborn"
	SickLeave   = "sickleave" // XML11
	HIV         = "hiv"       // XML6
	TB          = "tb"        // XML15
	Traditional = "traditional"
	Uninsured   = "uninsured"
)

// mixture is how often each visit happens at a level, in thousandths, so that
// the pilot's proportions come out: of 4,873,804 records 169,742 had a referral
// and 2,012,794 a prescription.
type mixture struct {
	visit                                  string
	central, provincial, regional, commune int
	drugs                                  float64 // share of them with drugs (XML2)
}

func mixtures() []mixture {
	return []mixture{
		{Outpatient, 380, 395, 440, 550, 0.165},
		{Chronic, 90, 95, 90, 100, 1},
		{FollowUp, 80, 75, 65, 40, 0.3},
		{Inpatient, 110, 85, 45, 0, 1},
		{DayCare, 30, 22, 12, 0, 1},
		{Emergency, 40, 45, 35, 10, 0.5},
		{Referral, 0, 23, 45, 52, 0.1},
		{Birth, 10, 12, 9, 0, 1},
		{SickLeave, 28, 28, 24, 6, 0.4},
		{HIV, 6, 8, 6, 3, 1},
		{TB, 8, 8, 6, 0, 1},
		{Traditional, 22, 40, 42, 24, 1},
		{Uninsured, 70, 60, 50, 40, 0.25},
	}
}

// plans is the choice of visits by level.
func plans() map[string]*world.Choice[mixture] {
	out := map[string]*world.Choice[mixture]{"central": {}, "provincial": {}, "regional": {}, "commune": {}}
	for _, m := range mixtures() {
		out["central"].Add(m, m.central)
		out["provincial"].Add(m, m.provincial)
		out["regional"].Add(m, m.regional)
		out["commune"].Add(m, m.commune)
	}
	return out
}

// blockSize is how many files are planned together. A story (a check-in, its
// dossier, a correction; a referral and the visit it leads to) stays in a block,
// so that any file can be made without those before it.
const blockSize = 20

// story is one episode of care or two that belong together.
type story struct {
	id       int // unique in the nation
	visit    string
	facility *Facility
	person   int
	drugs    bool
	at       time.Time // when the visit ends
	to       *Facility // where a referral leads, where a birth's second dossier comes from
	bed      int       // rows of an inpatient stay
	own      *Telling  // what a caller wants told instead
}

// The parts of a story, each a file.
const (
	partDossier    = "dossier"
	partCheckIn    = "checkin"
	partCorrection = "correction"
	partReceived   = "received"
	partNewborn    = "newborn"
	partSeveral    = "several" // several visits in one file
)

// slot is one file to be made.
type slot struct {
	story
	part   string
	sent   time.Time
	defect string
}

// planned is a block as it was planned.
type planned struct {
	number int
	slots  []slot
}

// block returns the plan of the files from number*blockSize on, for reading
// only. The last one is kept: whoever makes files in order asks for it often.
func (n *Nation) block(number int) []slot {
	if last := n.last.Load(); last != nil && last.number == number {
		return last.slots
	}
	p := &planned{number, n.planBlock(number)}
	n.last.Store(p)
	return p.slots
}

func (n *Nation) planBlock(number int) []slot {
	r := n.Stream("block", number)
	slots := make([]slot, 0, blockSize+4)
	for len(slots) < blockSize {
		s := n.story(r, number)
		s.id = number*blockSize + len(slots)
		parts := n.parts(r, &s)
		if len(slots)+len(parts) > blockSize {
			parts = parts[:1]
			if parts[0].part != partDossier {
				parts[0].part, parts[0].sent = partDossier, s.at
			}
		}
		slots = append(slots, parts...)
	}
	for i := range slots {
		if world.Chance(r, n.config.DefectShare) {
			slots[i].defect = drawDefect(r, &slots[i])
		}
	}
	slices.SortStableFunc(slots, func(a, b slot) int { return a.sent.Compare(b.sent) })
	return slots
}

// story draws who goes where, and when.
func (n *Nation) story(r *rand.Rand, block int) story {
	s := story{facility: n.Sender(r)}
	m := n.visits[s.facility.Level].Draw(r)
	s.visit, s.drugs = m.visit, world.Chance(r, m.drugs)
	s.at = n.moment(r, block)
	found := false
	if s.person, found = n.patient(r, &s); !found {
		s.visit = Outpatient
	}
	if s.visit == Referral {
		above := map[string]string{"commune": "regional", "regional": "provincial", "provincial": "central"}[s.facility.Level]
		s.to = n.Nearest(r, above, s.facility.Province)
	}
	if s.visit == Inpatient {
		s.bed = world.Between(r, 50, 265)
	}
	return s
}

// moment is when a visit ends: in the block's share of the days, in working hours.
func (n *Nation) moment(r *rand.Rand, block int) time.Time {
	blocks := max(1, (n.Len()+blockSize-1)/blockSize)
	days := int(n.config.To.Sub(n.config.From).Hours()/24) - 1 // the last day is for corrections
	t := n.config.From
	if days > 0 {
		share := (float64(block%blocks) + r.Float64()) / float64(blocks)
		t = t.AddDate(0, 0, int(share*float64(days)))
	}
	t = time.Date(t.Year(), t.Month(), t.Day(), world.Between(r, 8, 16), world.Between(r, 1, 59), 0, 0, country.Hanoi())
	if t.Before(n.config.From) {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

// patient draws somebody whom the visit can happen to; false when nobody was found.
func (n *Nation) patient(r *rand.Rand, s *story) (number int, found bool) {
	for range 40 {
		number = n.Somebody(r, s.facility)
		p := n.Person(number)
		age := p.Age(s.at)
		ok := age < 95 && s.at.Sub(p.Birth) > 45*24*time.Hour // the longest stay began after birth
		switch s.visit {
		case Chronic, FollowUp:
			ok = ok && len(p.Chronic) > 0
		case Birth:
			ok = p.Sex == 2 && age >= 18 && age <= 42
		case HIV, TB:
			ok = age >= 18 && age <= 65
		case SickLeave:
			ok = age >= 20 && age < 60 && len(p.Cards) > 0
		}
		if ok {
			return number, true
		}
	}
	return number, false
}

// parts draws the files a story is told in.
func (n *Nation) parts(r *rand.Rand, s *story) []slot {
	later := func(d time.Duration) time.Time {
		if t := s.at.Add(d); t.Before(n.config.To) {
			return t
		}
		return n.config.To
	}
	dossier := slot{*s, partDossier, s.at, ""}
	switch s.visit {
	case Referral:
		if world.Chance(r, 0.6) {
			morning := time.Date(s.at.Year(), s.at.Month(), s.at.Day()+1, world.Between(r, 9, 15), world.Between(r, 1, 59), 0, 0, country.Hanoi())
			return []slot{dossier, {*s, partReceived, later(morning.Sub(s.at)), ""}}
		}
		return []slot{dossier}
	case Birth:
		return []slot{dossier, {*s, partNewborn, s.at, ""}}
	case Outpatient:
		if world.Chance(r, 0.02) {
			return []slot{{*s, partSeveral, s.at, ""}}
		}
	}
	var out []slot
	if s.visit != Emergency && s.visit != Uninsured && world.Chance(r, 0.08) {
		out = append(out, slot{*s, partCheckIn, s.at.Add(-30 * time.Minute), ""})
		if world.Chance(r, 0.15) {
			return out // nothing more is heard of it
		}
	}
	out = append(out, dossier)
	if world.Chance(r, 0.025) {
		out = append(out, slot{*s, partCorrection, later(time.Duration(world.Between(r, 20, 26)) * time.Hour), ""})
	}
	return out
}
