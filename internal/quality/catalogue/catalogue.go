// Package catalogue writes a rule pack out: as the page for people
// (doc/guide/error-catalogue.md) and as JSON for programs. It judges nothing.
package catalogue

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// Markdown writes the error catalogue as a page: first refusals, the
// faults for which a whole file is not taken, in the order given, then every
// rule. langs are "vi" and "en"; none means both. Errors are those of w.
func Markdown(w io.Writer, p *quality.Pack, refusals []*fault.Error, langs ...string) error {
	m := page{langs: langs}
	if len(langs) == 0 {
		m.langs = []string{"vi", "en"}
	}
	m.title(p)
	m.section(fault.Text{VI: "Tệp bị từ chối", EN: "Refused files"})
	m.head("Mã / Code")
	for _, f := range refusals {
		m.row([]string{"`" + f.Code + "`"}, []fault.Text{f.Text})
	}
	m.section(fault.Text{VI: "Hồ sơ bị từ chối", EN: "Rejected dossiers"})
	m.rules(p, func(r *quality.Rule) bool { return r.Rejects })
	m.section(fault.Text{VI: "Nhận kèm nhận xét", EN: "Accepted with findings"})
	m.rules(p, func(r *quality.Rule) bool { return !r.Rejects && r.Table == "" })
	for _, table := range tables(p) {
		m.section(titleOf(table))
		m.rules(p, func(r *quality.Rule) bool { return !r.Rejects && r.Table == table })
	}
	_, err := io.WriteString(w, m.b.String())
	return err
}

// tables are those that findings are about, in the order of the rules.
func tables(p *quality.Pack) []string {
	var list []string
	for _, r := range p.Rules() {
		if !r.Rejects && r.Table != "" && !slices.Contains(list, r.Table) {
			list = append(list, r.Table)
		}
	}
	return list
}

// page is a markdown page in one or two languages.
type page struct {
	b     strings.Builder
	langs []string
}

func (m *page) title(p *quality.Pack) {
	confirmed := 0
	for _, r := range p.Rules() {
		if r.ConfirmedBy != "" {
			confirmed++
		}
	}
	fmt.Fprintf(&m.b, "# Danh mục mã lỗi / Error catalogue\n\n")
	m.lines(fault.Text{
		VI: fmt.Sprintf("Bộ quy tắc %s: %d quy tắc, %d quy tắc đã được đối chiếu với văn bản đã ký; các quy tắc khác là cách hiểu của chúng tôi. Trang này do chương trình tạo ra từ chính các quy tắc, không sửa tay.", p, len(p.Rules()), confirmed),
		EN: fmt.Sprintf("Rule pack %s: %d rules, %d of them compared with the signed text; the others are our reading. This page is generated from the rules themselves: do not edit it.", p, len(p.Rules()), confirmed),
	})
	m.lines(fault.Text{
		VI: "Mức: error từ chối hồ sơ hoặc giữ lại một mục đích, warning là nhận kèm cảnh báo, info chỉ để biết. Cột giữ lại: payment là thanh toán bảo hiểm, statistics là thống kê.",
		EN: "Severity: error rejects the dossier or holds a purpose back, warning is accepted with a warning, info is a remark. Blocks: payment is the insurance claim, statistics is counting.",
	})
}

func (m *page) lines(t fault.Text) {
	for _, l := range m.langs {
		m.b.WriteString(t.In(l) + "\n\n")
	}
}

func (m *page) section(t fault.Text) {
	names := make([]string, len(m.langs))
	for i, l := range m.langs {
		names[i] = t.In(l)
	}
	m.b.WriteString("\n## " + strings.Join(names, " / ") + "\n\n")
}

// rules writes those that are to stand in one section.
func (m *page) rules(p *quality.Pack, here func(*quality.Rule) bool) {
	m.ruleHead()
	for _, r := range p.Rules() {
		if here(&r) {
			m.row([]string{"`" + r.Code + "`", string(r.Severity), blocks(r.Blocks)}, []fault.Text{r.Text, r.Hint}, r.Source, r.ConfirmedBy)
		}
	}
}

func (m *page) ruleHead() {
	cols := []string{"Mã / Code", "Mức / Severity", "Giữ lại / Blocks"}
	for _, t := range []fault.Text{{VI: "Điều sai", EN: "What is wrong"}, {VI: "Cách sửa", EN: "What to do"}} {
		for _, l := range m.langs {
			cols = append(cols, t.In(l))
		}
	}
	m.columns(append(cols, "Nguồn / Source", "Đối chiếu / Confirmed"))
}

func (m *page) head(first string) {
	cols := []string{first}
	for _, l := range m.langs {
		cols = append(cols, fault.Text{VI: "Điều sai và cách sửa", EN: "What is wrong and what to do"}.In(l))
	}
	m.columns(cols)
}

func (m *page) columns(cols []string) {
	m.b.WriteString("| " + strings.Join(cols, " | ") + " |\n|" + strings.Repeat("---|", len(cols)) + "\n")
}

func (m *page) row(first []string, texts []fault.Text, last ...string) {
	cells := slices.Clone(first)
	for _, t := range texts {
		for _, l := range m.langs {
			cells = append(cells, t.In(l))
		}
	}
	cells = append(cells, last...)
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	m.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func blocks(purposes []dossier.Purpose) string {
	words := make([]string, len(purposes))
	for i, p := range purposes {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}

// titleOf is a table's title: of the XML family as its schema says, of other
// kinds its name.
func titleOf(table string) fault.Text {
	versions := schema.Versions()
	if t := versions[len(versions)-1].Table(table); t != nil {
		return fault.Text{VI: table + " " + t.Title.VI, EN: t.Title.EN}
	}
	return fault.Text{VI: "Bảng " + table, EN: "Table " + table}
}

// entry is a rule as scripts read it.
type entry struct {
	Code        string            `json:"code"`
	Answer      string            `json:"answer"` // refused, rejected or finding
	Severity    dossier.Severity  `json:"severity,omitempty"`
	Blocks      []dossier.Purpose `json:"blocks"`
	Table       string            `json:"table"`
	Field       string            `json:"field"`
	Message     fault.Text        `json:"message"`
	Hint        fault.Text        `json:"hint"`
	Source      string            `json:"source"`
	ConfirmedBy string            `json:"confirmed_by"`
}

// JSON writes {"pack","rules":[...]}: refusals first, then every rule.
func JSON(w io.Writer, p *quality.Pack, refusals []*fault.Error) error {
	out := struct {
		Pack  string  `json:"pack"`
		Rules []entry `json:"rules"`
	}{Pack: p.String()}
	for _, f := range refusals {
		out.Rules = append(out.Rules, entry{Code: f.Code, Answer: "refused", Severity: dossier.Error, Blocks: []dossier.Purpose{}, Message: f.Text})
	}
	for _, r := range p.Rules() {
		e := entry{Code: r.Code, Answer: "finding", Severity: r.Severity, Blocks: append([]dossier.Purpose{}, r.Blocks...), Table: r.Table,
			Field: r.Field, Message: r.Text, Hint: r.Hint, Source: r.Source, ConfirmedBy: r.ConfirmedBy}
		if r.Rejects {
			e.Answer = "rejected"
		}
		out.Rules = append(out.Rules, e)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
