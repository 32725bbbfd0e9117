package score

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
)

// SubjectOf names a database as a subject of scores: "db:vaccination".
func SubjectOf(id registry.ID) string { return "db:" + string(id) }

// DatabaseOf returns the database that is a subject, false for a kind of dossier.
func DatabaseOf(subject string) (registry.ID, bool) {
	id, ok := strings.CutPrefix(subject, "db:")
	return registry.ID(id), ok
}

// SheetOf makes the sheet of a database's entries from its declaration: priority
// fields are there; typed fields are right; texts are tidy; codes are of their list;
// entries were confirmed in time and stand for one thing only; the declaration's own
// rules hold, each under the word and field it names. Fault: score.sheet.
func SheetOf(d *registry.Declaration) (*Sheet, error) {
	var checks []Check
	add := func(c Check) {
		c.ID = nameOf(c.Word, c.Table, c.Field)
		if !slices.ContainsFunc(checks, func(o Check) bool { return o.ID == c.ID }) {
			checks = append(checks, c)
		}
	}
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.Priority > 0 {
			add(Check{Word: Sufficient, Field: f.Name, Priority: f.Priority, Text: fault.Text{VI: "Có " + f.Label.VI, EN: f.Label.EN + " is there"}})
		}
		if f.Type != registry.Text || f.Format != "" || f.MaxLength > 0 {
			add(Check{Word: Correct, Field: f.Name, Priority: f.Priority, Text: fieldText(Correct, f.Label)})
		}
		if f.Type == registry.Text {
			add(Check{Word: Clean, Field: f.Name, Priority: f.Priority, Text: fieldText(Clean, f.Label)})
		}
		if d.ListOf(f) != "" {
			add(Check{Word: Unified, Field: f.Name, Priority: f.Priority, Text: fieldText(Unified, f.Label)})
		}
	}
	if d.Refresh.Stale > 0 {
		hours := strconv.Itoa(int(d.Refresh.Stale / time.Hour))
		add(Check{Word: Alive, Text: fault.Text{VI: "Nguồn xác nhận trong " + hours + " giờ", EN: "Confirmed by its source within " + hours + " hours"}})
	}
	add(Check{Word: Clean, Text: fault.Text{VI: "Không trùng với mục khác", EN: "No other entry stands for the same"}})
	for _, r := range d.Rules {
		if w := Word(r.Word); w.Counted() {
			add(Check{Word: w, Field: r.Field, Text: r.Text})
		}
	}
	return NewSheet(SubjectOf(d.ID), checks)
}

// EntryFacts are what marking an entry needs beside its declaration.
type EntryFacts struct {
	Values    registry.Values
	Rules     map[string]bool // by code: whether it held; a rule that did not apply is absent
	Confirmed time.Time       // when a source last said the same; zero: not asked
	Now       time.Time
	// InList says whether a code is of a list: Passed, Failed, or NotApplicable of a list
	// that nobody has, against which nothing is right or wrong. Nil: lists are not looked at.
	InList func(list, code string) Mark
	// Duplicate says whether another entry is proposed to stand for the same; nil
	// while nobody has looked, which the nightly cleaning does.
	Duplicate *bool
}

// EntryJudge marks entries of one declaration. It is safe for concurrent use.
type EntryJudge struct {
	sheet   *Sheet
	of      *registry.Declaration
	formats []*regexp.Regexp // by field; nil without
}

// NewEntryJudge returns the judge of a declaration's entries. Fault: score.sheet,
// also where a format is no regular expression.
func NewEntryJudge(d *registry.Declaration) (*EntryJudge, error) {
	s, err := SheetOf(d)
	if err != nil {
		return nil, err
	}
	j := &EntryJudge{sheet: s, of: d, formats: make([]*regexp.Regexp, len(d.Fields))}
	for i := range d.Fields {
		if f := d.Fields[i].Format; f != "" {
			if j.formats[i], err = regexp.Compile(`^(?:` + f + `)$`); err != nil {
				return nil, ErrSheet.Because(err)
			}
		}
	}
	return j, nil
}

// Sheet returns the sheet.
func (j *EntryJudge) Sheet() *Sheet { return j.sheet }

// MarkEntry marks one entry.
func (j *EntryJudge) MarkEntry(e EntryFacts) Marks {
	m := NewMarks(j.sheet)
	set := func(w Word, field string, ok bool) {
		i := j.sheet.Index(nameOf(w, "", field))
		switch {
		case i < 0:
		case !ok:
			m.Set(i, Failed)
		case m.Get(i) == NotApplicable:
			m.Set(i, Passed)
		}
	}
	for i := range j.of.Fields {
		f := &j.of.Fields[i]
		v := e.Values[f.Name]
		set(Sufficient, f.Name, !blank(v))
		if v == "" {
			continue
		}
		set(Correct, f.Name, accepts(f, v, j.formats[i]))
		set(Clean, f.Name, care.Clean(v) == v)
		if list := j.of.ListOf(f); list != "" && e.InList != nil {
			if in := e.InList(list, v); in != NotApplicable {
				set(Unified, f.Name, in == Passed)
			}
		}
	}
	if j.of.Refresh.Stale > 0 && !e.Confirmed.IsZero() {
		set(Alive, "", !e.Now.After(e.Confirmed.Add(j.of.Refresh.Stale)))
	}
	if e.Duplicate != nil {
		set(Clean, "", !*e.Duplicate)
	}
	for _, r := range j.of.Rules {
		if held, applied := e.Rules[r.Code]; applied {
			set(Word(r.Word), r.Field, held)
		}
	}
	return m.Trim()
}

// Looked returns what marks of the judge's own sheet say of Duplicate: nil where
// nobody looked, or where a rule is counted under the same check.
func (j *EntryJudge) Looked(m Marks) *bool {
	i := j.sheet.Index(nameOf(Clean, "", ""))
	if i < 0 || !j.Own(m) || j.ruled(i) {
		return nil
	}
	switch m.Get(i) {
	case Passed:
		return new(bool)
	case Failed:
		is := true
		return &is
	}
	return nil
}

// Own reports whether marks are of the judge's own sheet.
func (j *EntryJudge) Own(m Marks) bool {
	id, err := m.Sheet()
	return err == nil && id == j.sheet.ID()
}

// ruled reports whether a rule is counted under a check too.
func (j *EntryJudge) ruled(check int) bool {
	return slices.ContainsFunc(j.of.Rules, func(r registry.Rule) bool { return j.sheet.Index(nameOf(Word(r.Word), "", r.Field)) == check })
}

// Again marks an entry again whose values and declaration are what they were, and of
// which only some values are at hand: whether it was confirmed in time, whether another
// stands for the same, and whether those values are of their lists. The rest stays. It
// is false where that does not tell, and all values are needed: marks of another sheet,
// or a check under which a rule is counted too.
func (j *EntryJudge) Again(m Marks, e EntryFacts) (Marks, bool) {
	if !j.Own(m) {
		return nil, false
	}
	next := NewMarks(j.sheet)
	copy(next, m)
	sure := true
	set := func(w Word, field string, is Mark) {
		i := j.sheet.Index(nameOf(w, "", field))
		if i < 0 || is == next.Get(i) {
			return
		}
		if is != Failed && next.Get(i) != NotApplicable && j.ruled(i) { // the rule's, or its own?
			sure = false
			return
		}
		next.Set(i, is)
	}
	of := func(right bool) Mark {
		if right {
			return Passed
		}
		return Failed
	}
	if j.of.Refresh.Stale > 0 && !e.Confirmed.IsZero() {
		set(Alive, "", of(!e.Now.After(e.Confirmed.Add(j.of.Refresh.Stale))))
	}
	if e.Duplicate != nil {
		set(Clean, "", of(!*e.Duplicate))
	}
	for i := range j.of.Fields {
		f := &j.of.Fields[i]
		if list, v := j.of.ListOf(f), e.Values[f.Name]; list != "" && v != "" && e.InList != nil {
			set(Unified, f.Name, e.InList(list, v))
		}
	}
	return next.Trim(), sure
}

// accepts reports whether a text is of the field's type and within its bounds.
// Numbers are compared as decimals, days and moments as their canonical text is.
func accepts(f *registry.Field, v string, format *regexp.Regexp) bool {
	longest := f.MaxLength
	if longest == 0 {
		longest = 1000
	}
	if utf8.RuneCountInString(v) > longest || format != nil && !format.MatchString(v) {
		return false
	}
	switch f.Type {
	case registry.Integer:
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && within(float64(n), f)
	case registry.Decimal:
		n, err := strconv.ParseFloat(v, 64)
		return err == nil && within(n, f)
	case registry.Boolean:
		return v == "true" || v == "false"
	case registry.Date:
		_, err := time.Parse("2006-01-02", v)
		return err == nil && (f.Min == "" || v >= f.Min) && (f.Max == "" || v <= f.Max)
	case registry.Moment:
		_, err := time.Parse(time.RFC3339, v)
		return err == nil && (f.Min == "" || v >= f.Min) && (f.Max == "" || v <= f.Max)
	}
	return true
}

// within holds a number between the field's bounds; a bound that is no number bounds nothing.
func within(n float64, f *registry.Field) bool {
	low, noLow := strconv.ParseFloat(f.Min, 64)
	high, noHigh := strconv.ParseFloat(f.Max, 64)
	return (noLow != nil || n >= low) && (noHigh != nil || n <= high)
}
