package checkup

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

//go:embed tables.tsv
var tableData string

// Tables that rules and readers speak of, by their document elements.
const (
	Unit       = "THONGTINDONVI" // of the envelope: what it says of the facility beside its code
	Person     = "THONG_TIN_HANH_CHINH"
	Occasion   = "THONG_TIN_CHUNG_VE_LAN_KHAM"
	Vitals     = "DANH_GIA_DAU_HIEU_SINH_TON"
	Conclusion = "KET_LUAN"
)

// Spec is the tables of health-check files. Annex 2 of QĐ 1551/2026 was not at
// hand: names of tables are found facts, fields are a reading, and what a file
// has beside them is kept and shown.
func Spec() *schema.Version { return spec() }

// spec parses the embedded data once; a mistake in it is a defect of the build
// and panics at first use, which tests make.
var spec = sync.OnceValue(func() *schema.Version {
	var tables []*schema.Table
	for i, line := range strings.Split(strings.TrimRight(tableData, "\n"), "\n")[1:] {
		c := strings.Split(line, "\t")
		if len(c) != 8 {
			panic("checkup: tables.tsv line " + strconv.Itoa(i+2))
		}
		if c[1] == "" { // a table: name, -, title, list and record
			t := &schema.Table{Name: c[0], Root: c[0], List: c[4], Record: c[5], Title: fault.Text{VI: c[6], EN: c[7]}, Single: c[5] == ""}
			if t.Single {
				t.Record = t.Root
			}
			tables = append(tables, t)
			continue
		}
		t := tables[len(tables)-1]
		length, err := strconv.Atoi(c[3])
		kind, multi := strings.CutSuffix(c[2], ";")
		if err != nil || t.Name != c[0] {
			panic("checkup: tables.tsv line " + strconv.Itoa(i+2))
		}
		t.Fields = append(t.Fields, schema.Field{Name: c[1], Type: schema.Type(kind), Multi: multi, MaxLen: length, Required: schema.Need(c[5]),
			Source: "1551", LabelVI: c[6], LabelEN: c[7]})
	}
	return schema.NewVersion("1551", "QĐ 1551/QĐ-BYT (2026), phụ lục 2", 20260101, tables...)
})
