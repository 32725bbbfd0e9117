package expression

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// mostUncounted is the estimate up to which what is bounded runs without counting:
// some hundreds of calls on texts of usual length.
const mostUncounted = 5_000

// bounded reports whether an expression takes each of its steps at most once, and
// each in the time of reading what it is given: no loop, no pattern, nothing that
// makes texts grow beyond the sum of those it has. Counting its steps while it runs
// costs a quarter of the run and stops nothing.
func bounded(tree *ast.AST) bool {
	yes := true
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			yes = false
		case ast.CallKind:
			yes = yes && (own(e.AsCall().FunctionName()) || once(e.AsCall().FunctionName()))
		}
	}))
	return yes
}

// once reports whether a function of CEL's own reads what it is given at most once.
// One that is not named here is counted.
func once(function string) bool {
	switch function {
	case operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		operators.In, operators.Index,
		"size", "startsWith", "endsWith", "contains", "charAt", "indexOf", "lastIndexOf", "substring", "trim", "lowerAscii", "upperAscii",
		"int", "double", "string", "bool":
		return true
	}
	return false
}
