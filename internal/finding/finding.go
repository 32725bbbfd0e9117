// Package finding is what a verdict found, as people and senders read it: with
// the sentences of the rule pack. What is found is package quality's.
package finding

import (
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
)

// Finding is a finding with its sentences. Its JSON form is the contract of
// DESIGN §6.
type Finding struct {
	Code     string            `json:"code"`
	Severity dossier.Severity  `json:"severity"`
	Blocks   []dossier.Purpose `json:"blocks"` // never null
	Table    string            `json:"table"`
	Row      int               `json:"row"`
	Field    string            `json:"field"`
	Line     int               `json:"line,omitempty"`
	Message  fault.Text        `json:"message"`
	Hint     fault.Text        `json:"hint"` // of this dossier, else the general one of the code
}

// Of dresses findings in the sentences of a pack. A code that the pack does not
// know has none. The list is never nil.
func Of(pack *quality.Pack, list []dossier.Finding) []Finding {
	out := make([]Finding, len(list))
	for i, f := range list {
		rule, _ := pack.Rule(f.Code)
		out[i] = Finding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks, Table: f.Table, Row: f.Row, Field: f.Field,
			Line: f.Line, Message: rule.Text, Hint: rule.Hint}
		if f.Hint != (fault.Text{}) {
			out[i].Hint = f.Hint
		}
		if f.Blocks == nil {
			out[i].Blocks = []dossier.Purpose{}
		}
	}
	return out
}
