package rulebook

import (
	"fmt"
	"slices"
	"strings"

	"lienthong/internal/catalog"
	"lienthong/internal/rehearsal"
	"lienthong/internal/rulebook"
	"lienthong/internal/web/portal/view"
)

// example is the form of a rule, shown beside the editor.
const example = `rules:
  - code: XML2.SO_LUONG.high
    kind: qd4750
    table: XML2
    field: SO_LUONG
    when: row.SO_LUONG != ""
    must: number(row.SO_LUONG) <= 500.0
    severity: warning
    blocks: [payment]
    word: correct
    vi: Số lượng thuốc lớn bất thường.
    en: The quantity is unusually large.
    source: Thông tư 26/2025/TT-BYT
    confirmed_by: Phòng Nghiệp vụ Y
    cases:
      - {name: ba mươi viên, passes: true, row: {SO_LUONG: "30"}}
      - {name: gõ nhầm, passes: false, row: {SO_LUONG: "30000"}}
`

// day shows yyyyMMdd, "" for none.
func day(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%02d/%02d/%04d", n%100, n/100%100, n/10000)
}

// stateTone and stateMark are how a book's state looks.
func stateTone(state string) string {
	switch state {
	case rehearsal.Active:
		return "ok"
	case rehearsal.Warning:
		return "warn"
	case rehearsal.Retired:
		return "off"
	}
	return "wait"
}

func stateMark(state string) string {
	switch state {
	case rehearsal.Active:
		return "ok"
	case rehearsal.Warning:
		return "warn"
	case rehearsal.Retired:
		return "dash"
	}
	return "wait"
}

// place says where a problem is.
func place(p view.Page, x rulebook.Problem) string {
	var parts []string
	if x.Line > 0 {
		parts = append(parts, p.W.T("rulebook.line", x.Line))
	}
	if x.Rule != "" {
		parts = append(parts, x.Rule)
	}
	if x.Member != "" {
		parts = append(parts, x.Member)
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ":"
}

// caret points at the column, below the line.
func caret(x rulebook.Problem) string {
	if x.Column <= 0 || x.Column > len([]rune(x.Near))+1 {
		return ""
	}
	return "\n" + strings.Repeat(" ", x.Column-1) + "^"
}

func weight(p view.Page, r *rulebook.Rule) string {
	s := p.W.T("rulebook.severity." + string(r.Severity))
	for _, b := range r.Blocks {
		s += ", " + p.W.T("rulebook.blocks."+string(b))
	}
	return s
}

// cases says how a rule's cases come out.
func cases(p view.Page, b *rulebook.Book, code string) string {
	right, all := 0, 0
	for _, t := range b.Cases(code) {
		all++
		if t.Unknown == "" && t.Unclear == 0 && (t.Found == 0) == t.Case.Passes {
			right++
		}
	}
	return p.W.T("rulebook.cases.right", right, all)
}

// positions says where a sample breaks which rules.
func positions(p view.Page, x rehearsal.Sample) string {
	var list []string
	for _, at := range x.At {
		s := at.Rule.Code
		if at.Row >= 0 {
			s += " " + p.W.T("rulebook.row", at.Row+1)
		}
		if at.Outcome != rulebook.Broken {
			s += " " + p.W.T("rulebook.cannot")
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

func against(p view.Page, book int) string {
	if book == 0 {
		return p.W.T("rulebook.against.none")
	}
	return p.W.T("rulebook.against", rehearsal.Name(book))
}

func whose(p view.Page, c rehearsal.Count) string {
	switch {
	case c.ID == "":
		return p.W.T("rulebook.unknown")
	case c.Name == c.ID || c.Name == "":
		return c.ID
	}
	return c.ID + " " + c.Name
}

// provincesNamed are counts by province with the provinces' names.
func provincesNamed(p view.Page, list []rehearsal.Count) []rehearsal.Count {
	out := slices.Clone(list)
	for i := range out {
		if c, ok := catalog.ProvinceByCode(out[i].ID); ok {
			if out[i].Name = c.Name; p.W.Lang == "en" {
				out[i].Name = c.NameEN
			}
		}
	}
	return out
}

func change(p view.Page, c rulebook.Change) string {
	switch {
	case c.Old == nil:
		return p.W.T("rulebook.change.new")
	case c.New == nil:
		return p.W.T("rulebook.change.gone")
	case c.Judges:
		return p.W.T("rulebook.change.judges")
	}
	return p.W.T("rulebook.change.words")
}
