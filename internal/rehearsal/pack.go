package rehearsal

import (
	"fmt"
	"slices"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/rulebook"
)

// Standing is a book with its version and how it stands.
type Standing struct {
	ID   int // 7 is r7
	Book *rulebook.Book
	Day  int // yyyyMMdd from which an announced one applies, 0 not said
}

// JoinBooks returns the pack that is built in with the book that applies and the one
// that is announced; either may be nil. Its version names both: "2026.2+r7",
// "2026.2+r7~r8", "2026.2~r8". What the announced one finds is information, blocks
// nothing, and its codes end with rulebook.Soon. Rules of past, which judge no more, keep
// their sentences for the findings of their time.
func JoinBooks(base *quality.Pack, active, announced *Standing, past ...*rulebook.Rule) *quality.Pack {
	if active == nil && announced == nil && len(past) == 0 {
		return base
	}
	set := quality.Set{}
	var judges []func(dossier.Fields, quality.Input, quality.Report)
	version := base.Version
	if active != nil {
		version += fmt.Sprintf("+r%d", active.ID)
		for _, r := range active.Book.Rules() {
			set.Rules = append(set.Rules, entry(r, ""))
		}
		judges = append(judges, reporter(active.Book, ""))
	}
	if announced != nil {
		version += fmt.Sprintf("~r%d", announced.ID)
		for _, r := range announced.Book.Rules() {
			set.Rules = append(set.Rules, coming(r, announced.Day))
		}
		judges = append(judges, reporter(announced.Book, rulebook.Soon))
	}
	for _, r := range past {
		for _, old := range []quality.Rule{entry(r, ""), coming(r, 0)} {
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
func reporter(b *rulebook.Book, suffix string) func(dossier.Fields, quality.Input, quality.Report) {
	return func(fields dossier.Fields, in quality.Input, report quality.Report) {
		b.Judge(in.Kind, fields, false, func(at rulebook.At) {
			if at.Outcome == rulebook.Broken {
				report(at.Rule.Code+suffix, quality.Place{Table: at.Table, Row: at.Row, Field: at.Field, Line: at.Line}, fault.Text{})
			}
		})
	}
}

// entry is the rule as the catalogue has it.
func entry(r *rulebook.Rule, suffix string) quality.Rule {
	return quality.Rule{Code: r.Code + suffix, Severity: r.Severity, Blocks: r.Blocks, Table: r.Table, Field: r.Field, Source: r.Source, ConfirmedBy: r.ConfirmedBy, Text: r.Text, Hint: r.Hint}
}

// coming is the rule as it stands while it does not apply yet.
func coming(r *rulebook.Rule, day int) quality.Rule {
	q := entry(r, rulebook.Soon)
	q.Severity, q.Blocks = dossier.Info, nil
	when := fault.Text{VI: "Sắp áp dụng", EN: "Will apply soon"}
	if day > 0 {
		date := fmt.Sprintf("%02d/%02d/%04d", day%100, day/100%100, day/10000)
		when = fault.Text{VI: "Sẽ áp dụng từ ngày " + date, EN: "Will apply from " + date}
	}
	q.Text = fault.Text{VI: when.VI + ": " + r.Text.VI, EN: when.EN + ": " + r.Text.EN}
	return q
}
