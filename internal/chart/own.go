package chart

import (
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/schema"
)

// Own is the kind of an entry that the citizen wrote themself, and OwnTable its
// one table. Whoever keeps such entries makes them with OwnContent.
const (
	Own      = "own"
	OwnTable = "TU_KHAI"
)

// OwnTitle names such an entry.
func OwnTitle() fault.Text {
	return fault.Text{VI: "Người dân tự khai", EN: "Stated by the citizen"}
}

// OwnSpec is the fields of what a citizen states: allergies, blood group,
// implants, pregnancy, medicines, problems, vaccinations, whom to call, and when
// it was written (NGAY_GHI, yyyyMMddHHmm). "Không" states that there is none.
func OwnSpec() *schema.Version {
	field := func(name string, t schema.Type, vi, en string) schema.Field {
		return schema.Field{Name: name, Type: t, Required: schema.Optional, LabelVI: vi, LabelEN: en}
	}
	return schema.NewVersion("tukhai", "Người dân tự khai", 0, &schema.Table{Name: OwnTable, Title: OwnTitle(), Fields: []schema.Field{
		field("NGAY_GHI", schema.DateTime, "Ghi lúc", "Written at"), field("DI_UNG", schema.Text, "Dị ứng", "Allergies"),
		field("NHOM_MAU", schema.Text, "Nhóm máu", "Blood group"), field("CAY_GHEP", schema.Text, "Thiết bị cấy ghép", "Implants"),
		field("MANG_THAI", schema.Text, "Mang thai", "Pregnancy"), field("THUOC_DANG_DUNG", schema.Text, "Thuốc đang dùng", "Present medicines"),
		field("BENH", schema.Text, "Bệnh đang có", "Problems"), field("TIEM_CHUNG", schema.Text, "Tiêm chủng", "Vaccinations"),
		field("LIEN_HE", schema.Text, "Người cần gọi", "Whom to call"),
	}})
}

// OwnContent makes the content of such an entry out of rows of fields by name;
// names that OwnSpec does not have are left out.
func OwnContent(rows ...map[string]string) (*dossier.Content, *schema.Version) {
	spec := OwnSpec()
	columns := spec.Table(OwnTable).Columns
	t := &dossier.Table{Columns: columns}
	for i, fields := range rows {
		row := dossier.Row{Line: i + 1, Cells: make([]dossier.Cell, len(columns.Names()))}
		for k, name := range columns.Names() {
			row.Cells[k] = dossier.Cell{Text: fields[name], Line: i + 1}
		}
		t.Rows = append(t.Rows, row)
	}
	return &dossier.Content{All: []*dossier.Table{t}}, spec
}
