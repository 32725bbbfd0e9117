package expression

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// mostWidened is how often an expression is looked at again: each time at least one
// whole number more is taken for a number with a fraction.
const mostWidened = 30

// check parses and checks a text. CEL compares no number with a fraction with a whole
// one by == and reckons with no such pair; to people who write number(x) == 10 it is the
// same. Where an operator refuses its operands, whole numbers written out beside it are
// taken for numbers with a fraction, and all is checked again; what is refused then is
// told as CEL told it first.
func (e *Env) check(text string) (*cel.Ast, *cel.Issues) {
	tree, first := e.env.Compile(text)
	if first.Err() == nil {
		return tree, first
	}
	wide := map[int64]bool{}
	issues := first
	for range mostWidened {
		parsed, wrong := e.env.Parse(text)
		if wrong.Err() != nil || !widen(parsed.NativeRep(), issues, wide) {
			break
		}
		if tree, issues = e.env.Check(parsed); issues.Err() == nil {
			return tree, issues
		}
	}
	return nil, first
}

// widen turns whole numbers beside operators that were refused, and those of before,
// into numbers with a fraction; more: there were new ones.
func widen(tree *ast.AST, issues *cel.Issues, wide map[int64]bool) (more bool) {
	refused := map[int64]bool{}
	for _, err := range issues.Errors() {
		refused[err.ExprID] = true
	}
	make := ast.NewExprFactory()
	turn := func(x ast.Expr, now bool) {
		n, whole := types.Int(0), false
		if x.Kind() == ast.LiteralKind {
			n, whole = x.AsLiteral().(types.Int)
		}
		if whole && (now || wide[x.ID()]) {
			more = more || !wide[x.ID()]
			wide[x.ID()] = true
			x.SetKindCase(make.NewLiteral(x.ID(), types.Double(n)))
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind || !mixes(x.AsCall().FunctionName()) {
			return
		}
		for _, arg := range x.AsCall().Args() {
			turn(arg, refused[x.ID()])
			if arg.Kind() == ast.ListKind { // number(x) in [1, 2]
				for _, one := range arg.AsList().Elements() {
					turn(one, refused[x.ID()])
				}
			}
		}
	}))
	return more
}

// mixes reports whether people expect an operator to take both sorts of numbers.
func mixes(function string) bool {
	switch function {
	case operators.Equals, operators.NotEquals, operators.In, operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return true
	}
	return false
}
