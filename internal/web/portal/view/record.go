package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/schema"
	"lienthong/internal/web/portal/words"
)

// RecordDoc is what the page of one record shows.
type RecordDoc struct {
	Record     Record
	Opened     *Opened // nil: content is closed
	Proof      *Proof  // nil: not asked
	MayOpen    bool    // the role can come to content at all
	NeedReason bool    // and must say why first
	Reason     string  // the reason given, carried along to downloads
	Problem    string  // why it was not opened
	QR         [][]bool
	URL        string // of this record, for print
	Now        time.Time
	Visit      []Row             // other records of the same visit, newest first
	Beside     []templ.Component // cards of other rooms
}

// Heading names the record: the patient when opened, else the kind and place.
func (d RecordDoc) Heading(w words.Speaker) string {
	if name := d.field("HO_TEN"); name != "" {
		return name
	}
	if d.Opened != nil && d.Opened.Patient.Name != "" {
		return d.Opened.Patient.Name
	}
	return w.T("record.heading", kindWord(d.Record.Kind, w), d.Record.Facility.Name)
}

// field finds a field of the summary or of the check-in.
func (d RecordDoc) field(name string) string {
	if d.Opened == nil || d.Opened.Content == nil {
		return ""
	}
	for _, t := range []string{"XML1", "XML0", "XML13", "XML14"} {
		if v := d.Opened.Content.Field(t, 0, name); v != "" {
			return v
		}
	}
	for _, t := range d.Opened.Content.All {
		if v := t.Cell(0, name).Text; v != "" && t.Columns.Table[:min(3, len(t.Columns.Table))] != "XML" {
			return v
		}
	}
	return ""
}

// spec is the specification the tables were read by.
func (d RecordDoc) spec() *schema.Version {
	if d.Opened != nil && d.Opened.Spec != nil {
		return d.Opened.Spec
	}
	return schema.For(d.day())
}

// title names a table of the record.
func (d RecordDoc) title(name string, w words.Speaker) string {
	if t := d.spec().Table(name); t != nil {
		if s := w.Text(t.Title); s != "" {
			return s
		}
	}
	return tableTitle(name, w)
}

// Fact is a labelled value of the header.
type Fact struct {
	Label, Value string
	Code         bool
}

// Facts are the header's values.
func (d RecordDoc) Facts(w words.Speaker) []Fact {
	facts := []Fact{{w.T("col.facility"), string(d.Record.Facility.Code) + " " + d.Record.Facility.Name, false},
		{w.T("col.received"), w.Time(d.Record.Received), false}}
	if d.Opened == nil {
		return append(facts, Fact{w.T("col.kind"), kindWord(d.Record.Kind, w), false})
	}
	add := func(key, value string, code bool) {
		if value != "" {
			facts = append(facts, Fact{w.T(key), value, code})
		}
	}
	who := Patient{Birth: d.field("NGAY_SINH"), Sex: d.field("GIOI_TINH"), CitizenID: d.field("SO_CCCD")}
	if said := d.Opened.Patient; d.field("HO_TEN") == "" || !w.Has("sex."+who.Sex) {
		who = said
	}
	birth := moment(who.Birth)
	if w.Has("sex." + who.Sex) {
		birth += ", " + w.T("sex."+who.Sex)
	}
	add("record.born", birth, false)
	add("record.in", moment(d.field("NGAY_VAO")), false)
	add("record.out", moment(d.field("NGAY_RA")), false)
	add("record.episode", d.Opened.Episode, true)
	add("record.citizen", maskNumber(who.CitizenID), false)
	return facts
}

// maskNumber keeps the last four characters.
func maskNumber(s string) string {
	r := []rune(strings.TrimSpace(s))
	if len(r) < 6 {
		return strings.Repeat("•", len(r))
	}
	return "•••• •••• " + string(r[len(r)-4:])
}

// moment writes a date-time of a dossier for people; as sent when it is none.
func moment(s string) string {
	m, err := care.ParseMoment(s)
	if err != nil {
		return s
	}
	t := m.Time()
	switch m.Precision() {
	case care.ByYear:
		return t.Format("2006")
	case care.ByMonth:
		return t.Format("01/2006")
	case care.ByDay:
		return t.Format("02/01/2006")
	}
	return t.Format("02/01/2006 15:04")
}

// Finding reports whether a finding points at a field.
func (d RecordDoc) Finding(table string, row int, field string) bool {
	return slices.ContainsFunc(d.Record.Verdict.Findings, func(f dossier.Finding) bool {
		return f.Table == table && f.Row == row && f.Field == field
	})
}

// AnyFinding reports whether a finding points into a row.
func (d RecordDoc) AnyFinding(table string, row int) bool {
	return slices.ContainsFunc(d.Record.Verdict.Findings, func(f dossier.Finding) bool {
		return f.Table == table && f.Row == row
	})
}

// day is the dossier's own date, which chooses the decision it is read by.
func (d RecordDoc) day() int {
	for _, f := range []string{"NGAY_RA", "NGAY_VAO"} {
		if m, err := care.ParseMoment(d.field(f)); err == nil {
			return m.Day()
		}
	}
	return dayOf(d.Record.Received)
}

func dayOf(t time.Time) int { return clock.Day(t) }

type findingGroup struct {
	Table string
	List  []dossier.Finding
}

// groupFindings groups by table; in each: payment, statistics, none.
func groupFindings(all []dossier.Finding) []findingGroup {
	var groups []findingGroup
	for _, f := range all {
		i := slices.IndexFunc(groups, func(g findingGroup) bool { return g.Table == f.Table })
		if i < 0 {
			groups = append(groups, findingGroup{Table: f.Table})
			i = len(groups) - 1
		}
		groups[i].List = append(groups[i].List, f)
	}
	for _, g := range groups {
		slices.SortStableFunc(g.List, func(a, b dossier.Finding) int { return cmp.Compare(weight(a), weight(b)) })
	}
	return groups
}

func weight(f dossier.Finding) int {
	switch {
	case f.Severity == dossier.Error && len(f.Blocks) == 0:
		return 0
	case slices.Contains(f.Blocks, dossier.Payment):
		return 1
	case len(f.Blocks) > 0:
		return 2
	}
	return 3
}

func findingPlace(f dossier.Finding, w words.Speaker) string {
	parts := []string{}
	if f.Table != "" {
		parts = append(parts, f.Table)
	}
	if f.Row > 0 {
		parts = append(parts, w.T("finding.row", w.Int(f.Row)))
	}
	if f.Field != "" {
		parts = append(parts, f.Field)
	}
	return strings.Join(parts, " · ")
}

func (p Page) findingHint(f dossier.Finding) string {
	if h := p.W.Text(f.Hint); h != "" {
		return h
	}
	return p.Hint(f.Code)
}

func blocksKey(blocks []dossier.Purpose) string {
	switch {
	case len(blocks) > 1:
		return "blocks.both"
	case blocks[0] == dossier.Payment:
		return "blocks.payment"
	}
	return "blocks.statistics"
}

func tableTitle(name string, w words.Speaker) string {
	if name == "" {
		return w.T("findings.whole")
	}
	all := schema.Versions()
	if t := all[len(all)-1].Table(name); t != nil {
		return w.Text(t.Title)
	}
	return name
}

func documentNames(names []string, w words.Speaker) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = tableTitle(n, w)
	}
	return strings.Join(list, ", ")
}

// Step is one line of the timeline.
type Step struct {
	Mark, Title, Detail, Href, Time string
	At                              time.Time
}

// Steps are what happened to the record, oldest first. What the hub did in one
// transaction carries the one time that was kept for it.
func (d RecordDoc) Steps(w words.Speaker) []Step {
	r := d.Record
	if !r.Erased.IsZero() {
		return []Step{tombstone(r, w)}
	}
	at := func(t time.Time) string { return w.Milli(t) }
	mark, _ := stateLook(r.Verdict.State)
	steps := []Step{
		{Mark: "ok", Title: w.T("step.received"), Detail: w.T("step.received.detail", w.Int(r.Index+1), w.T("lane."+r.Lane)), At: r.Received, Time: at(r.Received)},
		{Mark: "ok", Title: w.T("step.sealed"), Detail: w.T("step.sealed.detail", r.Verdict.TrustEpoch), At: r.Received, Time: at(r.Received)},
		{Mark: mark, Title: w.T("step.judged", w.T("state."+string(r.Verdict.State))), Detail: w.T("step.judged.detail", len(r.Verdict.Findings), r.Verdict.Pack), At: r.Received, Time: at(r.Received)},
		{Mark: "ok", Title: w.T("step.kept"), Detail: w.T("evidence.leafof", w.Num(int64(r.Leaf)), w.Int(r.Log)), At: r.Received, Time: at(r.Received)},
	}
	if !r.Supersedes.IsZero() {
		steps = append(steps, Step{Mark: "dash", Title: w.T("step.replaces"), Detail: r.Supersedes.String(), Href: "/records/" + r.Supersedes.String(), At: r.Received, Time: at(r.Received)})
	}
	for _, e := range r.Events {
		s := Step{Mark: "dash", Title: e.What, Detail: e.Detail, At: e.At, Time: w.Time(e.At)}
		if w.Has("step." + e.What) {
			s.Title = w.T("step." + e.What)
		}
		if !e.By.IsZero() {
			s.Detail, s.Href = e.By.String(), "/records/"+e.By.String()
		}
		steps = append(steps, s)
	}
	return steps
}

// tombstone is all that is told of an erased record: when, and why.
func tombstone(r Record, w words.Speaker) Step {
	s := Step{Mark: "dash", Title: w.T("state.erased"), At: r.Erased, Time: w.Time(r.Erased)}
	for _, e := range r.Events {
		if e.What == "erased" && w.Has("erased."+e.Detail) {
			s.Detail = w.T("erased." + e.Detail)
		}
	}
	return s
}

func qrBox(rows [][]bool) string { return fmt.Sprintf("0 0 %d %d", len(rows), len(rows)) }

func qrPath(rows [][]bool) string {
	var b strings.Builder
	for y, row := range rows {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return b.String()
}

// sealName is the organisation of a certificate's subject, the whole subject
// where it names none.
func sealName(subject string) string {
	for _, key := range []string{"O=", "CN="} {
		for _, part := range strings.FieldsFunc(subject, func(r rune) bool { return r == ',' || r == '+' || r == '/' }) {
			if name, ok := strings.CutPrefix(strings.TrimSpace(part), key); ok && name != "" {
				return name
			}
		}
	}
	return subject
}
