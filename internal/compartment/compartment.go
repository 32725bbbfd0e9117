// Package compartment says which closed compartments a dossier belongs to, by
// what stands in it: HIV (Law 64/2006, Article 30: a closed list of recipients),
// tuberculosis, mental health and termination of pregnancy. What tells is declared
// as data, lists.tsv: tables, ICD-10 codes, names of medicines, tests and services,
// each with its source and who confirmed it; fields.tsv says which fields of any kind of dossier hold
// diagnoses, drugs, services or notes, by parts of their names.
//
// In doubt it closes: a record marked wrongly is hidden from others than its
// own facility, one not marked is not. It decides nothing about readers
// (package disclose does) and reads no bytes (kind does).
package compartment

import (
	"strings"
	"sync"
	"sync/atomic"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
)

// Set is a set of compartments.
type Set = care.Classes

// The compartments.
const (
	HIV                  = care.HIV
	TB                   = care.TB
	MentalHealth         = care.MentalHealth
	PregnancyTermination = care.PregnancyTermination
	all                  = care.AllClasses
)

// Bits of a record's documents (Dossier.Label), beside those of tables: the
// record as a whole is closed.
const (
	BitHIV                  = 1 << 28
	BitTB                   = 1 << 29
	BitMentalHealth         = 1 << 30
	BitPregnancyTermination = 1 << 31
	// Bits are those of all compartments.
	Bits = BitHIV | BitTB | BitMentalHealth | BitPregnancyTermination
)

// Content returns the compartments that the content of a dossier's open tables
// belongs to: what would still be told when closed tables (XML6, XML15) were left
// out. See Table for those.
func Content(fields dossier.Fields) Set { return compiled().of(fields) }

// Text returns the compartments that a text of any sort tells of: as the name of
// a medicine, a diagnosis or a service, or as a note.
func Text(text string) (s Set) {
	l := compiled()
	for _, c := range []class{drug, diagnosis, service, note} {
		s |= l.text(c, text)
	}
	return s
}

// Table returns the compartments of a table by its name, 0 for an open one.
func Table(name string) Set { return compiled().tables[name] }

func (l *lists) of(fields dossier.Fields) (s Set) {
	for _, t := range fields.Tables() {
		if l.tables[t.Columns.Table] != 0 {
			continue
		}
		s |= l.table(t)
		if s == all {
			break
		}
	}
	return s
}

func (l *lists) table(t *dossier.Table) (s Set) {
	plan := l.planOf(t.Columns)
	for i := range t.Rows {
		r := &t.Rows[i]
		for _, p := range plan {
			if p.at >= len(r.Cells) {
				break
			}
			if text := r.Cells[p.at].Text; text != "" {
				s |= l.text(p.class, text)
			}
		}
		for _, x := range r.Extra {
			if c := l.classOf(x.Name); c != nothing {
				s |= l.text(c, x.Cell.Text)
			}
		}
	}
	return s
}

func (l *lists) text(c class, text string) Set {
	if c != note {
		return l.matchers[c].find(text)
	}
	s := Set(0)
	for _, w := range l.literals {
		if strings.Contains(text, w.text) {
			s |= w.set
		}
	}
	return s
}

// wanted is one column that is looked into.
type wanted struct {
	at    int
	class class
}

// plans remembers what to look into by the columns of a table. Columns are made
// once for each version of a specification; a kind that makes them as it goes
// fills the memory up, and is then worked out every time.
type plans struct {
	known sync.Map // *dossier.Columns -> []wanted, in order
	count atomic.Int32
}

const maxPlans = 4096

func (l *lists) planOf(c *dossier.Columns) []wanted {
	if p, ok := l.plans.known.Load(c); ok {
		return p.([]wanted)
	}
	var plan []wanted
	for i, name := range c.Names() {
		if class := l.classOf(name); class != nothing {
			plan = append(plan, wanted{i, class})
		}
	}
	if l.plans.count.Load() < maxPlans {
		if _, twice := l.plans.known.LoadOrStore(c, plan); !twice {
			l.plans.count.Add(1)
		}
	}
	return plan
}

// classOf tells what a field holds by its name: the first line of fields.tsv
// that is part of it. "MA_BENH_CHINH", "maBenhChinh" and "ma_benh_chinh" are one
// name.
func (l *lists) classOf(name string) class {
	name = strings.ToUpper(strings.ReplaceAll(name, "_", ""))
	for _, f := range l.names {
		if strings.Contains(name, f.part) {
			return f.class
		}
	}
	return nothing
}
