package emr

import (
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// futureMargin is how much later than its receipt a date may be (DESIGN §6).
const futureMargin = 24 * time.Hour

// judging is the work on one record.
type judging struct {
	fields dossier.Fields
	in     quality.Input
	report quality.Report
}

func judge(fields dossier.Fields, in quality.Input, report quality.Report) {
	j := &judging{fields, in, report}
	j.keys()
	j.patient()
	j.stay()
	if fields.Table("THONG_TIN_VAO_VIEN") == nil {
		j.tell("THONG_TIN_VAO_VIEN.missing", quality.Place{Table: "THONG_TIN_VAO_VIEN", Row: -1})
	}
	for _, t := range fields.Tables() {
		j.table(t)
	}
}

func (j *judging) tell(code string, at quality.Place) { j.report(code, at, fault.Text{}) }

// keys judges whose record this is: one episode, one patient, this facility.
func (j *judging) keys() {
	episode := stated(j.fields, "MA_LK")
	if _, err := care.ParseEpisodeID(episode); err != nil {
		j.tell("episode.missing", quality.Place{Table: tablePatient, Row: 0, Field: "MA_LK"})
	}
	if t := j.fields.Table(tablePatient); t != nil && len(t.Rows) > 1 {
		j.tell("dossier.two_patients", quality.Place{Table: tablePatient, Row: 1, Line: t.Rows[1].Line})
	}
	first := map[string]string{"MA_LK": episode, "MA_BN": stated(j.fields, "MA_BN"), "SO_CCCD": squeeze(stated(j.fields, "SO_CCCD"))}
	for _, t := range j.fields.Tables() {
		for _, k := range [...]struct{ field, code string }{
			{"MA_LK", "episode.mismatch"}, {"MA_BN", "dossier.two_patients"}, {"SO_CCCD", "dossier.two_patients"}, {"MA_CSKCB", "facility.mismatch"}} {
			j.key(t, k.field, k.code, first[k.field])
		}
	}
}

// key reports the first row that contradicts what was said first. A key stated
// twice in one row is an extra field of its own name.
func (j *judging) key(t *dossier.Table, field, code, first string) {
	for i := range t.Rows {
		values := []dossier.Cell{t.Cell(i, field)}
		for _, x := range t.Rows[i].Extra {
			if isKey(x.Name) && columnOf(t.Columns, x.Name) >= 0 && columnOf(t.Columns, x.Name) == t.Columns.Index(field) {
				values = append(values, x.Cell)
			}
		}
		for _, c := range values {
			said := strings.TrimSpace(c.Text)
			want := first
			switch field {
			case "SO_CCCD":
				said = squeeze(said)
			case "MA_CSKCB":
				want = string(j.in.Facility)
			}
			if said != "" && want != "" && said != want {
				j.tell(code, quality.Place{Table: t.Columns.Table, Row: i, Field: field, Line: c.Line})
				return
			}
		}
	}
}

// squeeze drops blanks inside a number typed by hand.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

func (j *judging) patient() {
	t := j.fields.Table(tablePatient)
	if t == nil {
		j.tell("THONG_TIN_BENH_NHAN.missing", quality.Place{Table: tablePatient, Row: -1})
		return
	}
	for _, field := range [...]string{"HO_TEN", "NGAY_SINH", "GIOI_TINH"} {
		if stated(j.fields, field) == "" {
			j.tell(tablePatient+"."+field+".missing", quality.Place{Table: tablePatient, Field: field})
		}
	}
	if c := t.Cell(0, "GIOI_TINH"); strings.TrimSpace(c.Text) != "" {
		if _, ok := sexOf(c.Text); !ok {
			j.tell("THONG_TIN_BENH_NHAN.GIOI_TINH.not_in_list", quality.Place{Table: tablePatient, Field: "GIOI_TINH", Line: c.Line})
		}
	}
	if c := t.Cell(0, "SO_CCCD"); strings.TrimSpace(c.Text) != "" {
		if _, err := care.ParseCitizenID(c.Text); err != nil {
			j.tell("THONG_TIN_BENH_NHAN.SO_CCCD.form", quality.Place{Table: tablePatient, Field: "SO_CCCD", Line: c.Line})
		}
	}
}

// stay judges birth, admission and discharge where they are stated: possible, not
// ahead, in order.
func (j *judging) stay() {
	var moments [3]care.Moment
	var places [3]quality.Place
	for i, field := range [...]string{"NGAY_SINH", "NGAY_VAO", "NGAY_RA"} {
		for _, t := range j.fields.Tables() {
			c := t.Cell(0, field)
			if strings.TrimSpace(c.Text) == "" {
				continue
			}
			places[i] = quality.Place{Table: t.Columns.Table, Field: field, Line: c.Line}
			m, err := care.ParseDate(c.Text)
			if err != nil {
				j.report("time.impossible", places[i], fault.Text{VI: "Ghi theo dạng dd/MM/yyyy HH:mm hoặc yyyyMMddHHmm.", EN: "Write it as dd/MM/yyyy HH:mm or yyyyMMddHHmm."})
				break
			}
			if moments[i] = m; !j.in.Received.IsZero() && m.FutureOf(j.in.Received, futureMargin) {
				j.tell("time.future", places[i])
			}
			break
		}
	}
	born, in, out := moments[0], moments[1], moments[2]
	switch {
	case born.After(in):
		j.tell("time.order", places[1])
	case in.After(out), born.After(out):
		j.tell("time.order", places[2])
	}
}

// table judges the form of single fields.
func (j *judging) table(t *dossier.Table) {
	of := spec.Table(t.Columns.Table)
	for row := range t.Rows {
		for i := range t.Rows[row].Cells {
			c, f := t.Rows[row].Cells[i], &of.Fields[i]
			said := strings.TrimSpace(c.Text)
			if said == "" {
				continue
			}
			at := quality.Place{Table: of.Name, Row: row, Field: f.Name, Line: c.Line}
			switch {
			case f.Type == schema.Moment && !isStay(f.Name):
				if _, err := care.ParseDate(said); err != nil {
					j.tell(of.Name+"."+f.Name+".not_date", at)
				}
			case f.Type == schema.Number && !isNumber(said):
				j.tell(of.Name+"."+f.Name+".not_number", at)
			case f.Name == "MA_BENH_CHINH" && !catalog.ICDForm(said):
				j.report(of.Name+"."+f.Name+".form", at, meant(said))
			}
		}
	}
}

func meant(code string) fault.Text {
	if c := catalog.ICDRepair(code); c != "" {
		return fault.Text{VI: "Có phải là " + c + "?", EN: "Is it " + c + "?"}
	}
	return fault.Text{}
}

// isNumber reports digits, with a decimal point among them or without.
func isNumber(s string) bool {
	whole, frac, dotted := strings.Cut(s, ".")
	return whole != "" && (!dotted || frac != "") && strings.Trim(whole+frac, "0123456789") == ""
}
