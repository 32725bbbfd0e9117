package expression

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"lienthong/internal/dossier"
)

// Names of types begin with "@", which nobody can write: no expression makes a row.
const (
	rowPrefix    = "@row."
	tablesPrefix = "@tables."
)

var goodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)

func name(s string) bool { return goodName.MatchString(s) }

// rowType returns whose row a type is.
func rowType(typeName string) (string, bool) { return strings.CutPrefix(typeName, rowPrefix) }

// provider knows the types of rows and tables beside CEL's own.
type provider struct {
	*types.Registry
	types map[string]map[string]*types.FieldType
}

// declare adds the types of a variable and returns its own.
func (p *provider) declare(v Variable) *types.Type {
	switch {
	case v.tables != nil:
		fields := map[string]*types.FieldType{}
		for table, columns := range v.tables {
			of := p.row(table, columns)
			fields[table] = &types.FieldType{Type: types.NewListType(of), IsSet: tableSet(table), GetFrom: tableOf(table)}
		}
		p.types[tablesPrefix+v.name] = fields
		return types.NewObjectType(tablesPrefix + v.name)
	case v.fields != nil:
		return p.row(v.name, v.fields)
	}
	return types.StringType
}

func (p *provider) row(of string, columns []string) *types.Type {
	fields := make(map[string]*types.FieldType, len(columns))
	for _, c := range columns {
		fields[c] = &types.FieldType{Type: types.StringType,
			IsSet:   func(v any) bool { r, ok := v.(*row); return ok && r.of(c) != "" },
			GetFrom: func(v any) (any, error) { return v.(*row).of(c), nil }}
	}
	p.types[rowPrefix+of] = fields
	return types.NewObjectType(rowPrefix + of)
}

func tableSet(table string) func(any) bool {
	return func(v any) bool {
		t, ok := v.(*tables)
		return ok && t.fields.Table(table) != nil && len(t.fields.Table(table).Rows) > 0
	}
}

func tableOf(table string) func(any) (any, error) {
	return func(v any) (any, error) { return v.(*tables).list(table), nil }
}

func (p *provider) FindStructType(n string) (*types.Type, bool) {
	if _, ok := p.types[n]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(n)), true
	}
	return p.Registry.FindStructType(n)
}

func (p *provider) FindStructFieldNames(n string) ([]string, bool) {
	if f, ok := p.types[n]; ok {
		return slices.Sorted(maps.Keys(f)), true
	}
	return p.Registry.FindStructFieldNames(n)
}

func (p *provider) FindStructFieldType(n, field string) (*types.FieldType, bool) {
	if f, ok := p.types[n]; ok {
		t, ok := f[field]
		return t, ok
	}
	return p.Registry.FindStructFieldType(n, field)
}

// row is a value of a row.
type row struct{ of func(field string) string }

// tables is a value of tables; lists are made once and kept.
type tables struct {
	fields dossier.Fields
	lists  map[string]any
}

func (t *tables) list(name string) any {
	if l, ok := t.lists[name]; ok {
		return l
	}
	var rows []ref.Val
	if table := t.fields.Table(name); table != nil {
		for n := range table.Rows {
			rows = append(rows, RowOfTable(table, n).(*row))
		}
	}
	l := types.NewRefValList(types.DefaultTypeAdapter, rows)
	t.lists[name] = l
	return l
}

var rowValue = types.NewObjectType("@row")

// The rest makes rows and tables values of CEL that nothing can be done with but
// to ask for a field.

func (r *row) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("a row is no other value")
}
func (r *row) ConvertToType(ref.Type) ref.Val { return types.NewErr("a row is no other value") }
func (r *row) Equal(other ref.Val) ref.Val    { return types.Bool(other == ref.Val(r)) }
func (r *row) Type() ref.Type                 { return rowValue }
func (r *row) Value() any                     { return r }

func (t *tables) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("tables are no other value")
}
func (t *tables) ConvertToType(ref.Type) ref.Val { return types.NewErr("tables are no other value") }
func (t *tables) Equal(other ref.Val) ref.Val    { return types.Bool(other == ref.Val(t)) }
func (t *tables) Type() ref.Type                 { return rowValue }
func (t *tables) Value() any                     { return t }

// sizes reckons how long texts and tables are, and what our functions cost.
type sizes struct{ rows, length uint64 }

// EstimateSize is asked for what is not known before an expression runs.
func (s sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if len(n.Path()) == 0 {
		return nil
	}
	switch n.Type().Kind() {
	case types.StringKind:
		return &cost.SizeEstimate{Min: 0, Max: s.length}
	case types.ListKind:
		return &cost.SizeEstimate{Min: 0, Max: s.rows}
	}
	return nil
}

// EstimateCallCost reckons a call of our own functions: one step for ten code
// points they read, and three more.
func (s sizes) EstimateCallCost(function, _ string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if function == "replace" && target != nil && len(args) > 1 {
		return s.replaced(*target, args[0], args[1])
	}
	if !own(function) {
		return nil
	}
	longest := uint64(0)
	for _, a := range args {
		if size := a.ComputedSize(); size != nil {
			longest = max(longest, size.Max)
		} else if a.Type().Kind() == types.StringKind {
			longest = max(longest, s.length)
		}
	}
	if longest > 1<<40 { // not known
		longest = s.length
	}
	return &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 3, Max: 3 + longest/10*uint64(max(1, len(args)))},
		ResultSize: &cost.SizeEstimate{Min: 0, Max: max(longest, 32)}}
}

// mostGrowth is how many times its usual length a text may grow to: replacements
// in one another would fill the memory before any step was counted.
const mostGrowth = 100

// replaced reckons that all of a text is replaced. A replacement that could make a
// text much longer is too costly for any limit.
func (s sizes) replaced(target, old, by cost.AstNode) *cost.CallEstimate {
	size := func(n cost.AstNode) cost.SizeEstimate {
		if c := n.ComputedSize(); c != nil && c.Max < 1<<20 {
			return *c
		}
		return cost.SizeEstimate{Max: s.length}
	}
	most := size(target).Max
	if from, to := size(old).Min, size(by).Max; from == 0 { // the empty text is between all characters
		most += (most + 1) * to
	} else {
		most *= max(1, (to+from-1)/from)
	}
	e := &cost.CallEstimate{CostEstimate: cost.CostEstimate{Min: 1, Max: 1 + most/10}, ResultSize: &cost.SizeEstimate{Min: 0, Max: most}}
	if most > mostGrowth*s.length {
		e.Max = 1 << 62
	}
	return e
}

// CallCost is what a call did cost.
func (s sizes) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if text, ok := result.(types.String); ok && (function == "replace" || function == "join" || function == "format") {
		steps := 1 + uint64(len(text))/10
		return &steps
	}
	if !own(function) {
		return nil
	}
	steps := uint64(3)
	for _, a := range args {
		if t, ok := a.(types.String); ok {
			steps += uint64(len(t)) / 10
		}
	}
	return &steps
}
