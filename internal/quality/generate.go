package quality

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// listOf returns the code list a field is held against, by the field's name.
func listOf(field string) catalog.List {
	switch field {
	case "GIOI_TINH_CON":
		return catalog.Sex
	case "MA_DANTOC_NND":
		return catalog.EthnicGroup
	case "MA_LOAI_KCB", "MA_DOITUONG_KCB", "KET_QUA_DTRI", "MA_LOAI_RV", "MA_TAI_NAN", "PHAM_VI", "NGUON_CTRA",
		"MA_PTTT", "GIOI_TINH", "MA_DANTOC", "MATINH_CU_TRU", "MA_KHUVUC":
		return catalog.List(field)
	}
	return ""
}

// isSubject reports whether the rejecting rules judge the field's value when
// its table is the subject's own.
func isSubject(table, field string) bool {
	if table != "XML1" && table != "XML0" {
		return false
	}
	switch field {
	case "MA_LK", "GIOI_TINH", "NGAY_SINH", "NGAY_VAO", "NGAY_RA":
		return true
	}
	return false
}

// maxOf returns the greatest length that is not a finding. Practice is wider
// than the tables: several departments stand in MA_KHOA, and practitioners'
// numbers move from 10 digits to the 12 of the citizen number.
func maxOf(f *schema.Field) int {
	switch {
	case f.Type != schema.Text && f.Type != schema.Code, listOf(f.Name) != "":
		return 0
	case f.Name == "MA_BENH_CHINH": // the form of ICD-10 is shorter
		return 0
	case f.Name == "MA_KHOA":
		return max(f.MaxLen, 50)
	case f.MaxLen == 10 && (strings.HasPrefix(f.Name, "MA_TTDV") || f.Name == "MA_CHA" || f.Name == "MA_ME"):
		return 12
	}
	return f.MaxLen
}

// isClaim names the fields an insurer pays by: a claim without them is held back.
func isClaim(field string) bool {
	switch field {
	case "SO_LUONG", "DON_GIA", "DON_GIA_BV", "DON_GIA_BH", "MUC_HUONG", "MA_BENH_CHINH":
		return true
	}
	return strings.HasPrefix(field, "T_") || strings.HasPrefix(field, "THANH_TIEN") || strings.HasPrefix(field, "TYLE_TT_")
}

// generated returns the rules that follow from the tables of all versions; a
// field that changed is described as its newest version does.
func generated() []Rule {
	var rules []Rule
	at := map[string]int{}
	add := func(r Rule) {
		if i, ok := at[r.Code]; ok {
			rules[i] = r
			return
		}
		at[r.Code] = len(rules)
		rules = append(rules, r)
	}
	for _, v := range schema.Versions() {
		for _, t := range v.Tables() {
			for i := range t.Fields {
				for _, problem := range problemsOf(t.Name, &t.Fields[i]) {
					add(generate(t, &t.Fields[i], problem))
				}
			}
		}
	}
	return rules
}

// problemsOf lists what can be wrong with one field by itself.
func problemsOf(table string, f *schema.Field) []string {
	var out []string
	own := table == "XML1" && isSubject(table, f.Name) // XML0 is also a table like others
	if (f.Required == schema.Required || own) && !(own && f.Name == "MA_LK") {
		out = append(out, "missing")
	}
	list := listOf(f.Name)
	switch {
	case own:
		return out
	case list != "":
		out = append(out, "not_in_list")
		if list == catalog.ProvinceCode {
			out = append(out, "outdated")
		}
	case f.Type == schema.Number:
		out = append(out, "not_number", "negative")
	case f.Type == schema.Date, f.Type == schema.DateTime:
		out = append(out, "not_date")
	}
	if maxOf(f) > 0 {
		out = append(out, "too_long")
	}
	return out
}

// template is the wording of one generated problem; F stands for the field's
// label and name, T for the table's.
type template struct{ vi, en, hintVI, hintEN string }

func templateOf(problem string, f *schema.Field) template {
	form := "yyyyMMdd"
	if f.Type == schema.DateTime {
		form = "yyyyMMddHHmm"
	}
	switch problem {
	case "missing":
		return template{"T: thiếu F.", "T: F is missing.",
			"Điền trường này trên phần mềm rồi gửi lại.", "Fill in the field and send again."}
	case "too_long":
		return template{"T: F dài quá giới hạn.", "T: F is too long.",
			"Rút ngắn còn tối đa N ký tự.", "Shorten it to at most N characters."}
	case "not_number":
		return template{"T: F không phải là số.", "T: F is not a number.",
			"Chỉ ghi chữ số, dấu thập phân là dấu chấm.", "Write digits only, with a point for decimals."}
	case "negative":
		return template{"T: F là số âm.", "T: F is negative.",
			"Ghi số từ 0 trở lên.", "Write zero or more."}
	case "not_date":
		return template{"T: F không phải một ngày có thật.", "T: F is not a real date.",
			"Ghi theo dạng " + form + ", phần chưa rõ là số 0.", "Write it as " + form + ", unknown parts as zeros."}
	case "outdated":
		return template{"T: F dùng mã không còn dùng vào ngày của hồ sơ.", "T: F uses a code no longer valid on the day of the dossier.",
			"Dùng mã hiện hành.", "Use the code now in force."}
	}
	return template{"T: F không có trong danh mục mã.", "T: F is not on its code list.",
		"Chọn một mã trong danh mục còn hiệu lực.", "Choose a code of the list that is in force."}
}

func generate(t *schema.Table, f *schema.Field, problem string) Rule {
	w := templateOf(problem, f)
	label := f.Label()
	fill := func(s, title, label string) string {
		return strings.NewReplacer("T:", title+" ("+t.Name+"):", " F ", " "+soft(label)+" ("+f.Name+") ", " F.", " "+soft(label)+" ("+f.Name+").", " N ", " "+itoa(maxOf(f))+" ").Replace(s)
	}
	r := Rule{
		Code: t.Name + "." + f.Name + "." + problem, Severity: dossier.Warning, Table: t.Name, Field: f.Name,
		Source: "QĐ " + f.Source + "/QĐ-BYT",
		Text:   fault.Text{VI: fill(w.vi, t.Title.VI, label.VI), EN: fill(w.en, t.Title.EN, label.EN)},
		Hint:   fault.Text{VI: fill(w.hintVI, t.Title.VI, label.VI), EN: fill(w.hintEN, t.Title.EN, label.EN)},
	}
	money := t.Name == "XML1" || t.Name == "XML2" || t.Name == "XML3"
	switch {
	case problem == "outdated":
		r.Severity = dossier.Info
	case money && isClaim(f.Name) && problem != "too_long":
		r.Severity, r.Blocks = dossier.Error, []dossier.Purpose{dossier.Payment}
	case money && problem == "not_in_list" && (f.Name == "MA_LOAI_KCB" || f.Name == "MA_DOITUONG_KCB"):
		r.Severity, r.Blocks = dossier.Error, []dossier.Purpose{dossier.Payment, dossier.Statistics}
	case t.Name == "XML1" && problem == "missing" && (f.Name == "GIOI_TINH" || f.Name == "NGAY_SINH" || f.Name == "NGAY_VAO"):
		r.Severity, r.Blocks = dossier.Error, []dossier.Purpose{dossier.Statistics}
	}
	if f.Name == "MA_BENH_CHINH" && r.Blocks != nil {
		r.Blocks = []dossier.Purpose{dossier.Payment, dossier.Statistics}
	}
	return r
}

// soft lowers the first letter of a label inside a sentence, unless it begins
// an abbreviation.
func soft(label string) string {
	first, n := utf8.DecodeRuneInString(label)
	second, _ := utf8.DecodeRuneInString(label[n:])
	if unicode.IsUpper(second) {
		return label
	}
	return string(unicode.ToLower(first)) + label[n:]
}

// allRules puts the catalogue in order: rejections, findings of other packages,
// then table by table in the order of the newest version's fields, whole-table
// rules first.
func allRules() []Rule {
	rules := append(generated(), handWritten()...)
	rank := fieldRanks()
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return rank[a.Table+"."+a.Field] - rank[b.Table+"."+b.Field]
	})
	return slices.Concat(rejectingRules(), elsewhere(), rules)
}

func fieldRanks() map[string]int {
	rank := map[string]int{}
	versions := schema.Versions()
	for _, t := range versions[len(versions)-1].Tables() {
		rank[t.Name+"."] = len(rank) + 1
		for i := range t.Fields {
			rank[t.Name+"."+t.Fields[i].Name] = len(rank) + 1
		}
		for _, v := range versions { // fields that newer versions dropped
			old := v.Table(t.Name)
			if old == nil {
				continue
			}
			for i := range old.Fields {
				if key := t.Name + "." + old.Fields[i].Name; rank[key] == 0 {
					rank[key] = len(rank) + 1
				}
			}
		}
	}
	return rank
}
