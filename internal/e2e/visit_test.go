package e2e_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

	"lienthong/internal/schema"
)

// spec is the decision the dossiers here are written by.
var spec = schema.For(20261101)

// field is one element of a record, in the order it is written.
type field struct{ name, text string }

// table is one inner document: fields in order, row by row.
type table struct {
	kind string
	rows [][]field
	raw  string // instead of rows, when not empty
}

// visit is one dossier.
type visit struct {
	lk, bn string
	tables []*table
}

var serial atomic.Int64

func row(pairs ...string) []field {
	var out []field
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, field{pairs[i], pairs[i+1]})
	}
	return out
}

// newVisit is an outpatient's visit at 79901 the day before, unlike any other.
func newVisit() *visit {
	n := serial.Add(1)
	v := &visit{lk: fmt.Sprintf("LK-%06d", n), bn: fmt.Sprintf("BN%06d", n)}
	v.add("XML1", "MA_LK", v.lk, "STT", "1", "MA_BN", v.bn, "HO_TEN", "NGUYỄN THỊ ĐÀO", "SO_CCCD", fmt.Sprintf("079990%06d", n), "NGAY_SINH", "199002030000",
		"GIOI_TINH", "2", "MA_QUOCTICH", "000", "MA_DANTOC", "01", "MATINH_CU_TRU", "79", "MAXA_CU_TRU", "26740", "LY_DO_VV", "Sốt",
		"CHAN_DOAN_VAO", "Viêm họng", "CHAN_DOAN_RV", "Viêm họng cấp", "MA_BENH_CHINH", "J02.9", "MA_DOITUONG_KCB", "9",
		"NGAY_VAO", "202611200800", "NGAY_RA", "202611200930", "SO_NGAY_DTRI", "1", "KET_QUA_DTRI", "2", "MA_LOAI_RV", "1",
		"T_THUOC", "100000.00", "T_TONGCHI_BV", "100000.00", "MA_LOAI_KCB", "01", "MA_KHOA", "K01", "MA_CSKCB", "79901")
	v.add("XML2", "MA_LK", v.lk, "STT", "1", "MA_THUOC", "40.17", "TEN_THUOC", "Thuốc A & B <1>", "SO_LUONG", "10", "DON_GIA", "10000.000",
		"THANH_TIEN_BV", "100000.00", "NGAY_YL", "202611200830")
	return v
}

func (v *visit) add(kind string, pairs ...string) *visit {
	for _, t := range v.tables {
		if t.kind == kind {
			t.rows = append(t.rows, row(pairs...))
			return v
		}
	}
	return v.append(&table{kind: kind, rows: [][]field{row(pairs...)}})
}

func (v *visit) append(t *table) *visit {
	v.tables = append(v.tables, t)
	return v
}

func (v *visit) at(kind string) *table {
	for _, t := range v.tables {
		if t.kind == kind {
			return t
		}
	}
	panic("no " + kind)
}

// set changes or adds a field of the first row of a table.
func (v *visit) set(kind, name, text string) *visit { return v.setRow(kind, 0, name, text) }

func (v *visit) setRow(kind string, i int, name, text string) *visit {
	t := v.at(kind)
	for k := range t.rows[i] {
		if t.rows[i][k].name == name {
			t.rows[i][k].text = text
			return v
		}
	}
	t.rows[i] = append(t.rows[i], field{name, text})
	return v
}

// omit leaves a field out of the first row.
func (v *visit) omit(kind string, names ...string) *visit {
	t := v.at(kind)
	var kept []field
	for _, f := range t.rows[0] {
		keep := true
		for _, n := range names {
			keep = keep && f.name != n
		}
		if keep {
			kept = append(kept, f)
		}
	}
	t.rows[0] = kept
	return v
}

// drop leaves a table out.
func (v *visit) drop(kind string) *visit {
	for i, t := range v.tables {
		if t.kind == kind {
			v.tables = append(v.tables[:i:i], v.tables[i+1:]...)
			break
		}
	}
	return v
}

// raw replaces a table's document.
func (v *visit) raw(kind, xml string) *visit {
	v.at(kind).raw = xml
	return v
}

// episode writes another MA_LK into every table that has one.
func (v *visit) episode(lk string) *visit {
	v.lk = lk
	for _, t := range v.tables {
		for _, r := range t.rows {
			for i := range r {
				if r[i].name == "MA_LK" {
					r[i].text = lk
				}
			}
		}
	}
	return v
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (t *table) xml() string {
	if t.raw != "" {
		return t.raw
	}
	s := spec.Table(t.kind)
	root, list, record := s.Root, s.List, s.Record
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n")
	single := root == "" || root == record
	if !single {
		b.WriteString("<" + root + ">\r\n")
		if list != "" {
			b.WriteString("<" + list + ">\r\n")
		}
	}
	for _, r := range t.rows {
		b.WriteString("<" + record + ">\r\n")
		for _, f := range r {
			b.WriteString("<" + f.name + ">" + escape.Replace(f.text) + "</" + f.name + ">\r\n")
		}
		b.WriteString("</" + record + ">\r\n")
	}
	if !single {
		if list != "" {
			b.WriteString("</" + list + ">\r\n")
		}
		b.WriteString("</" + root + ">")
	}
	return strings.TrimRight(b.String(), "\r\n")
}

// hoso is the HOSO element of a visit.
func (v *visit) hoso() string {
	var b strings.Builder
	b.WriteString("<HOSO>")
	for _, t := range v.tables {
		b.WriteString(filed(t.kind, b64(t.xml())))
	}
	return b.String() + "</HOSO>"
}

func filed(kind, content string) string {
	return "<FILEHOSO><LOAIHOSO>" + kind + "</LOAIHOSO><NOIDUNGFILE>" + content + "</NOIDUNGFILE></FILEHOSO>"
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// envelope is an unsigned file of 79901.
func envelope(visits ...*visit) string {
	parts := make([]string, len(visits))
	for i, v := range visits {
		parts[i] = v.hoso()
	}
	return enclosed("79901", "20261120", fmt.Sprint(len(parts)), parts...)
}

func enclosed(facility, created, count string, parts ...string) string {
	return "<GIAMDINHHS><THONGTINDONVI><MACSKCB>" + facility + "</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>" + created + "</NGAYLAP><SOLUONGHOSO>" + count +
		"</SOLUONGHOSO><DANHSACHHOSO>" + strings.Join(parts, "") + "</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>"
}

// of is a visit for another facility.
func (v *visit) of(facility string) *visit { return v.set("XML1", "MA_CSKCB", facility) }

// arrival is one row of a check-in.
func arrival(pairs ...string) []field {
	n := serial.Add(1)
	r := row("MA_LK", fmt.Sprintf("CI-%06d", n), "STT", "1", "MA_BN", fmt.Sprintf("BN%06d", n), "HO_TEN", "TRẦN VĂN BÌNH", "SO_CCCD", fmt.Sprintf("079880%06d", n),
		"NGAY_SINH", "198805060000", "GIOI_TINH", "1", "MA_DOITUONG_KCB", "9", "NGAY_VAO", "202611210900", "LY_DO_VNT", "", "MA_LOAI_KCB", "01", "MA_CSKCB", "79901")
	for i := 0; i+1 < len(pairs); i += 2 {
		for k := range r {
			if r[k].name == pairs[i] {
				r[k].text = pairs[i+1]
			}
		}
	}
	return r
}

// checkin is an unsigned check-in file.
func checkin(rows ...[]field) string {
	t := table{kind: "XML0", rows: rows}
	s := t.xml()
	s = s[strings.Index(s, "?>\r\n")+4:]
	return strings.Replace(s, "</CHI_TIEU_TRANG_THAI_KCB>", "<CHUKYDONVI></CHUKYDONVI></CHI_TIEU_TRANG_THAI_KCB>", 1)
}

func itoa(n int) string { return fmt.Sprint(n) }
