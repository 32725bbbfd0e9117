// Package quality judges dossiers: a pack of rules, each with a stable code, a
// severity, the purposes it blocks, its legal source and its sentences in
// Vietnamese and English; and the judgement of one dossier's fields by them.
//
// Rules that reject are those of DESIGN §6 and no others: a clerical error
// never hides a clinical record. All else is accepted with findings. Rules of
// the form <TABLE>.<FIELD>.missing, too_long, not_number, not_date, negative,
// not_in_list and outdated are generated from package schema; those that need
// more than one field are written by hand.
//
// It reads no bytes (kind does), knows no trust (seal does), asks no store and
// has no clock: everything a verdict depends on is in the dossier and Input.
package quality

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Kinds of dossier this pack has rules for, as package kind names them.
const (
	KindDossier = "qd4750"
	KindCheckIn = "checkin"
)

// Rule is one entry of the catalogue.
type Rule struct {
	Code        string            // stable: "episode.missing", "XML1.T_THUOC.sum"
	Severity    dossier.Severity  //
	Blocks      []dossier.Purpose // sorted; nil where it holds nothing back
	Rejects     bool              // a dossier that breaks it is rejected
	Table       string            // "XML1"; "" for rules about the whole dossier
	Field       string            // "" for rules about a whole table or dossier
	Source      string            // decision, circular or page the rule is a reading of
	ConfirmedBy string            // who compared it with the signed text; "" while nobody has
	Text        fault.Text        // what is wrong
	Hint        fault.Text        // what to do
}

// Problem returns the last part of the code: "sum" of "XML1.T_THUOC.sum".
func (r Rule) Problem() string { return r.Code[strings.LastIndexByte(r.Code, '.')+1:] }

// Pack is one immutable version of the rules. It is safe for concurrent use.
type Pack struct {
	Name    string // "v1"
	Version string // "2026.2"; verdicts name both
	rules   []Rule
	byCode  map[string]int
	plans   []*plan // one for each version of the schema, oldest first
	sets    map[string]Set
}

// Set is the rules of one kind of dossier that brings its own, with how they are
// judged. Kinds of the QĐ 4750 family and check-ins are judged by this package.
type Set struct {
	Kind  string // "": the rules that people write, judged beside those of every kind
	Rules []Rule
	// Judge reports what is wrong with a dossier, in any order. It may report
	// codes of Rules and of this package's own catalogue ("episode.missing").
	Judge func(fields dossier.Fields, in Input, report Report)
}

// Report takes one finding of a Set: a code of the catalogue, and where. Row
// counts from 0, -1 for a whole table; hint may be zero.
type Report func(code string, at Place, hint fault.Text)

// Place is where a finding points.
type Place struct {
	Table string
	Row   int // from 0, -1 for the whole table
	Field string
	Line  int // of the document, from 1; 0 unknown
}

// With returns the pack with the rules of other kinds added, under the same name
// and version. A code that is there already is a defect and panics at start.
func (p *Pack) With(sets ...Set) *Pack {
	q := &Pack{Name: p.Name, Version: p.Version, rules: slices.Clone(p.rules), byCode: maps.Clone(p.byCode), plans: p.plans, sets: maps.Clone(p.sets)}
	if q.sets == nil {
		q.sets = map[string]Set{}
	}
	for _, s := range sets {
		q.sets[s.Kind] = s
		for _, r := range s.Rules {
			if _, twice := q.byCode[r.Code]; twice {
				panic("quality: rule " + r.Code + " is there twice")
			}
			q.rules = append(q.rules, r)
			q.byCode[r.Code] = len(q.rules) - 1
		}
	}
	slices.SortStableFunc(q.rules, func(a, b Rule) int { return a.rank() - b.rank() })
	for i, r := range q.rules {
		q.byCode[r.Code] = i
	}
	return q
}

// rank puts what rejects first.
func (r Rule) rank() int {
	if r.Rejects {
		return 0
	}
	return 1
}

// V1 returns rule pack v1. It is built at the first call and shared.
func V1() *Pack { return packV1() }

var packV1 = sync.OnceValue(func() *Pack {
	p := &Pack{Name: "v1", Version: "2026.2", byCode: map[string]int{}}
	p.rules = allRules()
	for i, r := range p.rules {
		p.byCode[r.Code] = i
	}
	p.plans = compile()
	return p
})

// String names pack and version as verdicts do: "v1/2026.2".
func (p *Pack) String() string { return p.Name + "/" + p.Version }

// Rules returns the catalogue in order: what rejects, then by table and field;
// callers must not change it.
func (p *Pack) Rules() []Rule { return p.rules }

// Rule returns the rule of that code.
func (p *Pack) Rule(code string) (Rule, bool) {
	i, ok := p.byCode[code]
	if !ok {
		return Rule{}, false
	}
	return p.rules[i], true
}

// Input is what a judgement needs beside the dossier's fields.
type Input struct {
	Kind       string            // KindDossier or KindCheckIn
	Facility   care.FacilityCode // MACSKCB, or whom the sealing certificate names; "" when not known: facility.mismatch is then not judged
	Received   time.Time         // zero: time.future is not judged
	Created    care.Moment       // the sender's date of the file (NGAYLAP), zero without one
	Day        int               // yyyymmdd that chooses the version of the tables
	Unreadable []dossier.Finding // what the reader could not read; passed on
	Directory  func(string) bool // whether a facility of that code is known; nil: not judged
}

// unread reports whether the reader found a table that it could not read.
func (in *Input) unread(table string) bool {
	return slices.ContainsFunc(in.Unreadable, func(f dossier.Finding) bool { return f.Table == table })
}

// Verdict sums findings up: any rejecting code rejects, any warning or error
// makes accepted_with_warnings, else accepted. Epoch is the state of trust
// anchors the seal was judged with.
func Verdict(findings []dossier.Finding, p *Pack, epoch int64) dossier.Verdict {
	v := dossier.Verdict{State: dossier.Accepted, Findings: findings, Pack: p.String(), TrustEpoch: epoch}
	for i := range findings {
		if r, ok := p.byCode[findings[i].Code]; ok && p.rules[r].Rejects {
			v.State = dossier.Rejected
			return v
		}
		if findings[i].Severity != dossier.Info {
			v.State = dossier.AcceptedWithWarnings
		}
	}
	return v
}
