package rulebook

import (
	"fmt"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
)

// Standing is a book with its version and how it stands.
type Standing struct {
	ID   int // 7 is r7
	Book *Book
	Day  int // yyyyMMdd from which an announced one applies, 0 not said
}

// Join returns the pack that is built in with the book that applies and the one
// that is announced; either may be nil. Its version names both: "2026.2+r7",
// "2026.2+r7~r8", "2026.2~r8". What the announced one finds is information, blocks
// nothing, and its codes end with Soon. Rules of past, which judge no more, keep
// their sentences for the findings of their time.
func Join(base *quality.Pack, active, announced *Standing, past ...*Rule) *quality.Pack {
	if active == nil && announced == nil && len(past) == 0 {
		return base
	}
	set := quality.Set{}
	var judges []func(dossier.Fields, quality.Input, quality.Report)
	version := base.Version
	if active != nil {
		version += fmt.Sprintf("+r%d", active.ID)
		for _, r := range active.Book.Rules() {
			set.Rules = append(set.Rules, r.quality(""))
		}
		judges = append(judges, active.Book.reporter(""))
	}
	if announced != nil {
		version += fmt.Sprintf("~r%d", announced.ID)
		for _, r := range announced.Book.Rules() {
			set.Rules = append(set.Rules, r.announced(announced.Day))
		}
		judges = append(judges, announced.Book.reporter(Soon))
	}
	for _, r := range past {
		for _, old := range []quality.Rule{r.quality(""), r.announced(0)} {
			if !slices.ContainsFunc(set.Rules, func(o quality.Rule) bool { return o.Code == old.Code }) {
				set.Rules = append(set.Rules, old)
			}
		}
	}
	set.Judge = func(fields dossier.Fields, in quality.Input, report quality.Report) {
		for _, judge := range judges {
			judge(fields, in, report)
		}
	}
	p := base.With(set)
	p.Version = version
	return p
}

// reporter judges by the book; what cannot be worked out is no finding.
func (b *Book) reporter(suffix string) func(dossier.Fields, quality.Input, quality.Report) {
	return func(fields dossier.Fields, in quality.Input, report quality.Report) {
		b.Judge(in.Kind, fields, false, func(at At) {
			if at.Outcome == Broken {
				report(at.Rule.Code+suffix, quality.Place{Table: at.Table, Row: at.Row, Field: at.Field, Line: at.Line}, fault.Text{})
			}
		})
	}
}

// quality is the rule as the catalogue has it.
func (r *Rule) quality(suffix string) quality.Rule {
	return quality.Rule{Code: r.Code + suffix, Severity: r.Severity, Blocks: r.Blocks, Table: r.Table, Field: r.Field, Source: r.Source, ConfirmedBy: r.ConfirmedBy, Text: r.Text, Hint: r.Hint}
}

// announced is the rule as it stands while it does not apply yet.
func (r *Rule) announced(day int) quality.Rule {
	q := r.quality(Soon)
	q.Severity, q.Blocks = dossier.Info, nil
	when := fault.Text{VI: "Sắp áp dụng", EN: "Will apply soon"}
	if day > 0 {
		date := fmt.Sprintf("%02d/%02d/%04d", day%100, day/100%100, day/10000)
		when = fault.Text{VI: "Sẽ áp dụng từ ngày " + date, EN: "Will apply from " + date}
	}
	q.Text = fault.Text{VI: when.VI + ": " + r.Text.VI, EN: when.EN + ": " + r.Text.EN}
	return q
}
