package score

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

//go:embed priority.tsv
var priorityFile string

// Field is one line of the list of priority fields.
type Field struct {
	Subject  string // kind of dossier
	Table    string
	Name     string
	Priority int    // 1 to 3
	When     string // see Condition
	Hours    int    // how soon after the moment in it a dossier must be here; 0: nothing asked
}

// Faults of a list of priority fields. Which line it is stands in the cause.
var (
	ErrFields = fault.New(fault.Invalid, "score.fields",
		"Danh sách trường ưu tiên không đúng dạng: mỗi dòng gồm loại hồ sơ, bảng, trường, mức 1-3, điều kiện, số giờ, cách nhau bằng dấu tab.",
		"The list of priority fields is not of its form: kind, table, field, priority 1-3, condition, hours, with tabs between.")
	ErrUnknownField = fault.New(fault.Invalid, "score.fields.unknown",
		"Danh sách có bảng hoặc trường không có trong quyết định hiện hành.", "The list has a table or field that the decision in force does not have.")
	ErrTwice = fault.New(fault.Invalid, "score.fields.twice", "Một trường có hai dòng trong danh sách.", "A field is in the list twice.")
)

// maxList bounds the text of a list.
const maxList = 64 << 10

// ParseFields reads a list of priority fields: lines of kind, table, field, priority,
// condition and hours with tabs between, "#" begins a remark. Faults: score.fields,
// score.fields.twice, score.fields.unknown, score.condition.
func ParseFields(text string) ([]Field, error) {
	if len(text) > maxList {
		return nil, ErrFields
	}
	var list []Field
	seen := map[[3]string]bool{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r\t ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f, err := parseField(line)
		if err != nil {
			return nil, err.Because(fmt.Errorf("line %d", n+1))
		}
		key := [3]string{f.Subject, f.Table, f.Name}
		if seen[key] {
			return nil, ErrTwice.Because(fmt.Errorf("line %d", n+1))
		}
		seen[key] = true
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil, ErrFields
	}
	return list, nil
}

func parseField(line string) (Field, *fault.Error) {
	c := strings.Split(line, "\t")
	if len(c) < 4 || len(c) > 6 {
		return Field{}, ErrFields
	}
	for len(c) < 6 {
		c = append(c, "")
	}
	f := Field{Subject: c[0], Table: c[1], Name: c[2], When: c[4]}
	if !slices.Contains(Kinds(), f.Subject) || !isName(f.Table) || !isName(f.Name) || len(c[3]) != 1 || c[3][0] < '1' || c[3][0] > '3' {
		return Field{}, ErrFields
	}
	f.Priority = int(c[3][0] - '0')
	if c[5] != "" {
		hours, err := strconv.Atoi(c[5])
		if err != nil || hours < 1 || hours > 24*366 {
			return Field{}, ErrFields
		}
		f.Hours = hours
	}
	cond, err := ParseCondition(f.When)
	if err != nil {
		return Field{}, fault.Of(err)
	}
	if !known(f.Subject, f.Table, f.Name) || cond.Field != "" && !known(f.Subject, f.Table, cond.Field) {
		return Field{}, ErrUnknownField
	}
	return f, nil
}

// known reports whether a decision has the field. Of kinds outside the QĐ 4750
// family this package does not know the tables.
func known(subject, table, field string) bool {
	if subject != "qd4750" && subject != "checkin" {
		return true
	}
	for _, v := range schema.Versions() {
		if t := v.Table(table); t != nil && t.Field(field) != nil {
			return true
		}
	}
	return false
}

// MarshalFields writes a list as ParseFields reads it.
func MarshalFields(list []Field) string {
	var b strings.Builder
	for _, f := range list {
		hours := ""
		if f.Hours > 0 {
			hours = strconv.Itoa(f.Hours)
		}
		b.WriteString(strings.TrimRight(strings.Join([]string{f.Subject, f.Table, f.Name, strconv.Itoa(f.Priority), f.When, hours}, "\t"), "\t"))
		b.WriteByte('\n')
	}
	return b.String()
}

// FieldsOf returns the list a sheet was composed of.
func FieldsOf(s *Sheet) []Field {
	var list []Field
	for i := range s.Checks {
		c := &s.Checks[i]
		if c.Word != Sufficient || c.Field == "" || c.Priority == 0 {
			continue
		}
		f := Field{Subject: s.Subject, Table: c.Table, Name: c.Field, Priority: c.Priority, When: c.When}
		if at := s.Index(nameOf(Alive, c.Table, c.Field)); at >= 0 {
			f.Hours = s.Checks[at].Hours
		}
		list = append(list, f)
	}
	return list
}

// Kinds lists the kinds of dossier that have a sheet.
func Kinds() []string {
	return []string{"qd4750", "checkin", "prescription", "emr", "slip", "checkup"}
}

// wholeTables are the tables of a kind that have checks of their own, for what is
// found in fields that have none.
func wholeTables(kind string) []string {
	switch kind {
	case "qd4750":
		return []string{"XML1", "XML2", "XML3", "XML4", "XML5", "XML7", "XML8", "XML13", "XML14"}
	case "checkin":
		return []string{"XML0"}
	case "prescription":
		return []string{"DON_THUOC", "CHAN_DOAN", "THUOC"}
	}
	return nil
}

// Standard returns the sheets the program comes with, by kind. They are built at
// the first call and shared.
func Standard() map[string]*Sheet { return standard() }

var standard = sync.OnceValue(func() map[string]*Sheet {
	list, err := ParseFields(priorityFile)
	if err != nil {
		panic(err) // embedded, tested
	}
	sheets := map[string]*Sheet{}
	for _, kind := range Kinds() {
		s, err := Compose(kind, list)
		if err != nil {
			panic(err)
		}
		sheets[kind] = s
	}
	return sheets
})

// Compose makes the sheet of a kind: for each of its priority fields whether it is
// there and right, for each table and for the whole what else is found. Lines of
// other kinds are left out. Fault: score.sheet when there would be too many checks.
func Compose(kind string, list []Field) (*Sheet, error) {
	var checks []Check
	add := func(c Check) {
		c.ID = nameOf(c.Word, c.Table, c.Field)
		checks = append(checks, c)
	}
	for _, f := range list {
		if f.Subject != kind {
			continue
		}
		label := labelOf(f.Table, f.Name)
		add(Check{Word: Sufficient, Table: f.Table, Field: f.Name, Priority: f.Priority, When: f.When,
			Text: fault.Text{VI: "Có " + label.VI, EN: label.EN + " is there"}})
		for _, w := range []Word{Correct, Clean, Unified, Consistent} {
			if !measures(w, f.Table, f.Name) {
				continue
			}
			add(Check{Word: w, Table: f.Table, Field: f.Name, Priority: f.Priority, Text: fieldText(w, label)})
		}
		if f.Hours > 0 {
			add(Check{Word: Alive, Table: f.Table, Field: f.Name, Priority: f.Priority, Hours: f.Hours,
				Text: fault.Text{VI: fmt.Sprintf("Đến hub trong %d giờ sau %s", f.Hours, label.VI), EN: fmt.Sprintf("At the hub within %d hours of: %s", f.Hours, label.EN)}})
		}
	}
	for _, table := range append(slices.Clone(wholeTables(kind)), "") {
		for _, w := range Words() {
			if w.Counted() && (w != Alive || table == "") {
				add(Check{Word: w, Table: table, Text: tableText(w, table)})
			}
		}
	}
	return NewSheet(kind, checks)
}

// measures reports whether a word has a check of its own for a field: what is right
// and agrees with others can be asked of all, clean form of names and codes,
// unified of those with a shared list.
func measures(w Word, table, field string) bool {
	coded := false
	if t := schema.Versions()[len(schema.Versions())-1].Table(table); t != nil {
		if f := t.Field(field); f != nil {
			coded = f.Type == schema.Code
		}
	}
	switch w {
	case Correct:
		return true
	case Clean:
		return coded || field == "HO_TEN"
	case Unified:
		return coded && !slices.Contains([]string{"MA_LK", "MA_BN", "SO_CCCD", "MA_THE_BHYT", "DIEN_THOAI", "MA_BAC_SI", "MA_TTDV"}, field)
	case Consistent:
		return table == "XML1" && slices.Contains([]string{"SO_CCCD", "NGAY_VAO", "NGAY_RA", "MA_BENH_CHINH", "T_TONGCHI_BV", "T_TONGCHI_BH", "MA_LOAI_RV"}, field)
	}
	return false
}

// Label is what the field is called, its name where no version of the tables names it.
func (f Field) Label() fault.Text { return labelOf(f.Table, f.Name) }

// TableTitle is what the field's table is called, its name where no version names it.
func (f Field) TableTitle() fault.Text {
	versions := schema.Versions()
	for i := len(versions) - 1; i >= 0; i-- {
		if t := versions[i].Table(f.Table); t != nil {
			return t.Title
		}
	}
	return fault.Text{VI: f.Table, EN: f.Table}
}

func labelOf(table, field string) fault.Text {
	versions := schema.Versions()
	for i := len(versions) - 1; i >= 0; i-- {
		if t := versions[i].Table(table); t != nil {
			if f := t.Field(field); f != nil {
				return f.Label()
			}
		}
	}
	return fault.Text{VI: field, EN: field}
}

func fieldText(w Word, label fault.Text) fault.Text {
	switch w {
	case Clean:
		return fault.Text{VI: label.VI + " viết đúng dạng mã, đúng chữ", EN: label.EN + " has the form and letters of its code"}
	case Unified:
		return fault.Text{VI: label.VI + " lấy từ danh mục dùng chung còn hiệu lực", EN: label.EN + " is from a shared list in force"}
	case Consistent:
		return fault.Text{VI: label.VI + " khớp với các trường và bảng khác", EN: label.EN + " agrees with other fields and tables"}
	}
	return fault.Text{VI: label.VI + " đúng kiểu, trong khoảng hợp lý", EN: label.EN + " has its type and a plausible value"}
}

func tableText(w Word, table string) fault.Text {
	at := fault.Text{VI: "hồ sơ", EN: "the dossier"}
	if table != "" {
		at = fault.Text{VI: "bảng " + table, EN: "table " + table}
	}
	switch w {
	case Sufficient:
		return fault.Text{VI: "Không thiếu trường bắt buộc khác của " + at.VI, EN: "No other required field of " + at.EN + " is missing"}
	case Clean:
		return fault.Text{VI: "Chữ và mã của " + at.VI + " gọn: NFC, không thừa dấu cách, không dòng lặp", EN: "Texts and codes of " + at.EN + " are tidy: NFC, trimmed, no row twice"}
	case Alive:
		return fault.Text{VI: "Không có điểm nào báo " + at.VI + " đến muộn", EN: "Nothing found says that " + at.EN + " came late"}
	case Unified:
		return fault.Text{VI: "Các mã khác của " + at.VI + " lấy từ danh mục dùng chung", EN: "Other codes of " + at.EN + " are from shared lists"}
	case Consistent:
		return fault.Text{VI: "Các trường của " + at.VI + " khớp nhau", EN: "The fields of " + at.EN + " agree"}
	}
	return fault.Text{VI: "Giá trị khác của " + at.VI + " đúng kiểu, hợp lý", EN: "Other values of " + at.EN + " have their type and are plausible"}
}
