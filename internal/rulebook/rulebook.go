// Package rulebook is the rules that people write over dossiers: each a stable
// code, a place, a condition in CEL (package expression), its sentences, its legal
// source, and invented samples that it must pass and fail. A book is one version of
// them; compiled, it judges dossiers beside the pack that is built in.
//
// Such a rule never rejects (DESIGN promise 8). It keeps nothing and knows nothing
// of a book's life: package rehearsal does.
package rulebook

import (
	"fmt"
	"regexp"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
)

// Limits of a book. Who needs more splits it.
const (
	MaxBytes = 1 << 20 // of its text
	MaxRules = 500
	MaxCases = 20  // of a rule
	MaxRows  = 100 // of a table of a case
)

// Soon is what codes end with while their book is announced and does not apply yet.
const Soon = ".soon"

// Rule is one rule as it was written.
type Rule struct {
	Code        string // "XML2.SO_LUONG.high"
	Kind        string // of dossiers: "qd4750"
	Table       string // judged row by row; "" judges the dossier as a whole
	Field       string // it points at: of the table, or "XML1.NGAY_RA" without one; "" the whole row
	When, Must  string // expressions: when the first holds ("" always), the second must
	Severity    dossier.Severity
	Blocks      []dossier.Purpose
	Word        string // of the eight, "correct"
	Text, Hint  fault.Text
	Source      string // decision or circular it is a reading of
	ConfirmedBy string // who compared it with the signed text, "" nobody yet
	Cases       []Case
	line        map[string]int // of its members in the book's text
}

// Case is an invented dossier that a rule is tried on.
type Case struct {
	Name   string
	Passes bool                           // nothing is found in it
	Row    map[string]string              // of the rule's table
	Tables map[string][]map[string]string // beside it
	line   int
}

// words are the eight words of quality, as package score has them.
var words = []string{"correct", "sufficient", "clean", "alive", "unified", "shared", "synchronous", "consistent"}

// The faults of problems. Sentences of one problem stand in Problem.
var (
	// ErrText: the text is no book.
	ErrText = fault.New(fault.Invalid, "rulebook.text", "Văn bản bộ quy tắc chưa đúng dạng.", "The text is not a book of rules.")
	// ErrRule: a member of a rule is missing or cannot be.
	ErrRule = fault.New(fault.Invalid, "rulebook.rule", "Một quy tắc còn thiếu hoặc sai.", "A rule is incomplete or wrong.")
	// ErrTaken: a code is another rule's.
	ErrTaken = fault.New(fault.Conflict, "rulebook.code_taken", "Mã quy tắc này đã có quy tắc khác dùng.", "This code is another rule's.")
	// ErrField: a table or field that the kind does not have.
	ErrField = fault.New(fault.Invalid, "rulebook.field", "Loại hồ sơ này không có bảng hoặc trường đó.", "This kind of dossier has no such table or field.")
	// ErrCase: a case is missing, or does not come out as it says.
	ErrCase = fault.New(fault.Invalid, "rulebook.case", "Quy tắc chưa có đủ ca thử, hoặc ca thử cho kết quả khác.", "Cases are missing, or one comes out otherwise than it says.")
	// ErrExpression: a condition is not written correctly.
	ErrExpression = fault.New(fault.Invalid, "rulebook.expression", "Biểu thức viết chưa đúng.", "An expression is not written correctly.")
	// ErrCostly: a condition, or all together, may take too long.
	ErrCostly = fault.New(fault.TooLarge, "rulebook.costly", "Quy tắc có thể chạy quá lâu nên không nhận.", "A rule could run too long and is not taken.")
	// ErrLimits: too many rules, or too much text.
	ErrLimits = fault.New(fault.TooLarge, "rulebook.limits", "Bộ quy tắc quá lớn: nhiều nhất 500 quy tắc và 1 MiB.", "The book is too large: at most 500 rules and 1 MiB.")
)

// Problem is one thing that keeps a book from being used.
type Problem struct {
	Fault  *fault.Error
	Rule   string // its code, "" where there is none yet
	Member string // "must", "cases"; "" the whole
	Line   int    // in the book's text, from 1; 0 unknown
	Near   string // the line, or the line of the expression
	Column int    // in Near, from 1 in code points; 0 the whole line
	Said   fault.Text
}

// Error is for logs and command lines.
func (p Problem) Error() string {
	return fmt.Sprintf("%d:%d: %s %s: %s", p.Line, p.Column, p.Rule, p.Fault.Code, p.Said.EN)
}

// mostProblems are told at once: who has a hundred has one.
const mostProblems = 100

var goodCode = regexp.MustCompile(`^[A-Z][A-Z0-9_]*(\.[A-Z][A-Z0-9_]*)?\.[a-z][a-z0-9_]{1,30}$`)

// same reports whether two rules find the same in every dossier.
func (r *Rule) same(o *Rule) bool {
	return r.Kind == o.Kind && r.Table == o.Table && r.Field == o.Field && r.When == o.When && r.Must == o.Must
}
