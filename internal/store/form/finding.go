package form

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"lienthong/internal/dossier"
)

// Findings of a record are read with every row of it, and a walk over records reads
// thousands: both readers below know how this program writes them, and ask package
// json about what is written otherwise. Texts they return are parts of the text.

// ListedFindings reads [["XML1.T_THUOC.sum","warning",["payment"],"XML1",1,"T_THUOC",12],...],
// as SQLite keeps findings. Rows may be longer: later releases may add, never take away.
func ListedFindings(text string) ([]dossier.Finding, error) {
	if all, ok := plainFindings(text, `],["`, (*plain).listed); ok {
		return all, nil
	}
	var rows [][]json.RawMessage
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("findings: %w", err)
	}
	all := make([]dossier.Finding, len(rows))
	for i, row := range rows {
		f := &all[i]
		if len(row) < 7 {
			return nil, errors.New("findings: a row too short")
		}
		for k, to := range []any{&f.Code, &f.Severity, &f.Blocks, &f.Table, &f.Row, &f.Field, &f.Line} {
			if err := json.Unmarshal(row[k], to); err != nil {
				return nil, fmt.Errorf("findings: %w", err)
			}
		}
		if len(f.Blocks) == 0 {
			f.Blocks = nil
		}
	}
	return all, nil
}

// NamedFinding is a finding as PostgreSQL keeps it: position and code, never a
// value; Hint is not kept.
type NamedFinding struct {
	Code     string            `json:"code"`
	Severity dossier.Severity  `json:"severity"`
	Blocks   []dossier.Purpose `json:"blocks,omitempty"`
	Table    string            `json:"table,omitempty"`
	Row      int               `json:"row,omitempty"`
	Field    string            `json:"field,omitempty"`
	Line     int               `json:"line,omitempty"`
}

// NamedFindings reads a list of NamedFinding.
func NamedFindings(text string) ([]dossier.Finding, error) {
	if all, ok := plainFindings(text, `},{"`, (*plain).named); ok {
		return all, nil
	}
	var in []NamedFinding
	if err := Exact(text, &in); err != nil {
		return nil, fmt.Errorf("findings: %w", err)
	}
	all := make([]dossier.Finding, len(in))
	for i, f := range in {
		all[i] = dossier.Finding{Code: f.Code, Severity: f.Severity, Blocks: f.Blocks, Table: f.Table, Row: f.Row, Field: f.Field, Line: f.Line}
		if len(f.Blocks) == 0 {
			all[i].Blocks = nil
		}
	}
	return all, nil
}

// plainFindings reads findings, one after the other; false where they are written
// otherwise. Between stands between two, and nowhere else, so that there is room
// for all at once.
func plainFindings(text, between string, one func(*plain, *dossier.Finding)) ([]dossier.Finding, bool) {
	p := plain{text, true}
	p.word(`[`)
	if !p.ok {
		return nil, false
	}
	all := make([]dossier.Finding, 0, 1+strings.Count(text, between))
	for on := true; on && p.ok; on = p.is(`,`) {
		all = append(all, dossier.Finding{})
		one(&p, &all[len(all)-1])
	}
	p.word(`]`)
	return all, p.ok && p.text == ""
}

func (p *plain) listed(f *dossier.Finding) {
	p.word(`[`)
	f.Code = p.string()
	p.word(`,`)
	f.Severity = dossier.Severity(p.string())
	if p.word(`,`); !p.is(`[]`) {
		f.Blocks = purposes(p, `[`)
		p.ok = p.ok && f.Blocks != nil
	}
	p.word(`,`)
	f.Table = p.string()
	p.word(`,`)
	f.Row = int(p.number())
	p.word(`,`)
	f.Field = p.string()
	p.word(`,`)
	f.Line = int(p.number())
	p.word(`]`)
}

func (p *plain) named(f *dossier.Finding) {
	p.word(`{"code":`)
	f.Code = p.string()
	p.word(`,"severity":`)
	f.Severity = dossier.Severity(p.string())
	f.Blocks = purposes(p, `,"blocks":[`)
	f.Table = p.optional(`,"table":`)
	f.Row = int(p.count(`,"row":`))
	f.Field = p.optional(`,"field":`)
	f.Line = int(p.count(`,"line":`))
	p.word(`}`)
}

// purposes is a list that mostly has one.
func purposes(p *plain, lead string) []dossier.Purpose { return list[dossier.Purpose](p, lead) }
