package expression

import (
	"errors"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
)

// Program is a compiled expression. It is safe for use by many at once.
type Program struct {
	program cel.Program
	text    string
	kind    Kind
	cost    uint64
	uses    []Ref
}

// String returns the expression as it was written.
func (p *Program) String() string { return p.text }

// Cost is the estimate of what it costs at worst, in steps.
func (p *Program) Cost() uint64 { return p.cost }

// Uses lists the fields it reads, sorted. Nothing: it says the same of every row.
func (p *Program) Uses() []Ref { return p.uses }

// Given are the values of variables by name: what RowOfMap, RowOfTable, DossierOf and strings
// give. One that is absent makes each expression that reads it fail.
type Given map[string]any

// RowOfMap gives a row as a map.
func RowOfMap(m map[string]string) any {
	return &row{of: func(field string) string { return m[field] }}
}

// RowOfTable gives a row (from 0) of a table.
func RowOfTable(t *dossier.Table, n int) any {
	return &row{of: func(field string) string { return t.Cell(n, field).Text }}
}

// DossierOf gives the tables of a dossier. What it gives is for one goroutine.
func DossierOf(f dossier.Fields) any { return &tables{fields: f, lists: map[string]any{}} }

// Holds works a condition out. The error is ErrFailed, or ErrCostly where it was
// stopped; the value of a field is not in it.
func (p *Program) Holds(g Given) (bool, error) {
	v, _, err := p.program.Eval(map[string]any(g))
	if err != nil {
		return false, failed(err)
	}
	b, ok := v.Value().(bool)
	if !ok {
		return false, ErrFailed
	}
	return b, nil
}

// Text works a value out: numbers without needless zeros, dates as RFC 3339 with
// the zone of Hanoi, conditions as "true" and "false". Errors as of Holds.
func (p *Program) Text(g Given) (string, error) {
	v, _, err := p.program.Eval(map[string]any(g))
	if err != nil {
		return "", failed(err)
	}
	switch x := v.(type) {
	case types.String:
		return string(x), nil
	case types.Int:
		return strconv.FormatInt(int64(x), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(x), 10), nil
	case types.Double:
		return decimal(float64(x)), nil
	case types.Bool:
		return strconv.FormatBool(bool(x)), nil
	case types.Timestamp:
		return x.In(clock.Hanoi).Format(time.RFC3339), nil
	}
	return "", ErrFailed
}

// failed tells a stop for cost from what could not be worked out. The cause is
// dropped: the words of CEL may hold the value of a field.
func failed(err error) error {
	var stopped interpreter.EvalCancelledError
	if errors.As(err, &stopped) && stopped.Cause == interpreter.CostLimitExceeded {
		return ErrCostly
	}
	return ErrFailed
}
