package quality

import "lienthong/internal/dossier"

// fieldCheck judges the text of one field by itself.
type fieldCheck func(j *judge, text string, at place)

// rowCheck judges what the fields of one row say of each other, and of the visit.
type rowCheck func(j *judge, r *row)

// row is a row of a table under judgement; its numbers and dates are in judge.
type row struct {
	b     *bound
	at    int
	cells []dossier.Cell
}

type totals struct{}

func fieldCheckOf(table, field string) fieldCheck { return nil }

func rowCheckOf(table string) rowCheck { return nil }

func (j *judge) whole() {}

func handWritten() []Rule { return nil }
