package synth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/synth/chart"
	"lienthong/internal/synth/country"
)

// Files with a detached seal beside them, as Submission.Visit names them.
const (
	Prescribed  = "prescription"
	RecordXML   = "emr_xml"
	RecordJSON  = "emr_json" // with a signed PDF beside it
	paperSuffix = ".pdf"
)

// Paper is a paper beside a file, with its own detached seal.
type Paper struct {
	Name  string
	Bytes []byte
	Seal  string
}

// prescribed makes the prescription of a visit in the national shape, or ok false
// where nothing was prescribed.
func (n *Nation) prescribed(sl *slot, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	v.write()
	s := v.submission(prescription.Name, Prescribed, sl)
	if v.err != nil {
		return s, v.err
	}
	p := v.p
	d := prescription.Document{Type: "c", Name: p.Name, CitizenID: v.p.Citizen, Birth: p.Birth.Format("02/01/2006"), Sex: 1, Address: p.Address,
		Note: "", Form: "1", Advice: v.advice, Phone: p.Phone, At: v.out.Format("2006-01-02 15:04:05"), Again: "",
		Diagnoses: []prescription.Diagnosis{{Code: v.main.ICD, Name: v.main.Name}}}
	serial := strconv.FormatUint(country.Mix("prescription", uint64(number))%78_364_164_096+78_364_164_096, 36) // 36^7 from 1000000
	d.Code = v.f.Code + serial[len(serial)-7:] + "-C"
	if p.Sex == 1 || p.Sex == 2 {
		d.Sex = p.Sex + 1 // 2 male, 3 female there
	}
	if p.Age(v.out) < 6 {
		d.Guardian, d.Weight = p.Parent, strconv.Itoa(4+2*p.Age(v.out))
	}
	if v.insured && len(p.Cards) > 0 {
		d.Card = p.Cards[0].Number
	}
	if !v.back.IsZero() {
		d.Again = strconv.Itoa(max(1, int(v.back.Sub(v.out).Hours()/24)))
	}
	for _, r := range v.cells("XML2") {
		d.Drugs = append(d.Drugs, prescription.Drug{Code: r("MA_THUOC"), Brand: r("TEN_THUOC"), Name: r("TEN_THUOC") + " " + r("HAM_LUONG"),
			Unit: r("DON_VI_TINH"), Amount: json.Number(strings.TrimSuffix(r("SO_LUONG"), ".00")), Use: r("LIEU_DUNG") + ", " + r("CACH_DUNG")})
	}
	var out bytes.Buffer
	if err := prescription.Write(&out, &d); err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	s.FileName = "DonThuoc_" + d.Code + ".json"
	return s, s.seal(v.f, out.Bytes())
}

// recorded makes the medical record of a visit, as XML or as JSON with a paper.
func (n *Nation) recorded(sl *slot, visit string, number int) (Submission, error) {
	v := n.visitOf(sl, 0)
	v.write()
	s := v.submission(emr.Name, visit, sl)
	if v.err != nil {
		return s, v.err
	}
	s.FileName = fmt.Sprintf("HSBA_%s_%d", v.f.Code, number)
	if visit == RecordXML {
		s.FileName += ".xml"
		return s, s.seal(v.f, chart.XML(v.lk, v.groups()))
	}
	raw, err := chart.JSON(v.lk, v.groups())
	if err != nil {
		return s, fmt.Errorf("synth: %w", err)
	}
	s.FileName += ".json"
	if err := s.seal(v.f, raw); err != nil {
		return s, err
	}
	p := Paper{Name: s.FileName + paperSuffix, Bytes: chart.Page("Ho so benh an " + v.lk)}
	p.Seal, err = v.f.Pair.SignDetached(p.Bytes)
	s.Papers = []Paper{p}
	return s, err
}

func (v *visit) submission(kind, visit string, sl *slot) Submission {
	return Submission{Facility: v.f.Code, Kind: kind, Dossiers: 1, Visit: visit, Quirk: v.quirk, At: sl.sent}
}

// beside are the files that lie next to it: seals and papers.
func (s *Submission) beside() map[string][]byte {
	if s.Seal == "" {
		return nil
	}
	files := map[string][]byte{s.FileName + ".jws": []byte(s.Seal)}
	for _, p := range s.Papers {
		files[p.Name], files[p.Name+".jws"] = p.Bytes, []byte(p.Seal)
	}
	return files
}

// seal takes a file's bytes in with the facility's detached seal over them.
func (s *Submission) seal(f *Facility, raw []byte) (err error) {
	if s.Seal, err = f.Pair.SignDetached(raw); err != nil {
		return fmt.Errorf("synth: %w", err)
	}
	s.XML = raw
	return nil
}

// cells reads the rows of a table of the visit, each by field.
func (v *visit) cells(table string) []func(field string) string {
	s := v.sheet(table)
	if s == nil {
		return nil
	}
	var out []func(string) string
	for _, row := range s.rows {
		out = append(out, func(field string) string {
			if i := s.table.Columns.Index(field); i >= 0 {
				return row[i]
			}
			return ""
		})
	}
	return out
}

// groups are those of the visit: patient, admission, treatment, drugs, results.
func (v *visit) groups() []chart.Group {
	one := v.cells("XML1")[0]
	pick := func(r func(string) string, fields ...string) (row [][2]string) {
		for i := 0; i+1 < len(fields); i += 2 {
			if text := r(fields[i+1]); text != "" {
				row = append(row, [2]string{fields[i], text})
			}
		}
		return row
	}
	list := []chart.Group{
		{Name: "ThongTinBenhNhan", Rows: [][][2]string{pick(one, "MaBN", "MA_BN", "HoTen", "HO_TEN", "NgaySinh", "NGAY_SINH", "GioiTinh", "GIOI_TINH",
			"SoCCCD", "SO_CCCD", "MaTheBHYT", "MA_THE_BHYT", "DiaChi", "DIA_CHI", "DienThoai", "DIEN_THOAI")}},
		{Name: "ThongTinVaoVien", Rows: [][][2]string{pick(one, "MaCSKCB", "MA_CSKCB", "NgayVao", "NGAY_VAO", "LyDoVaoVien", "LY_DO_VV", "MaBenh", "MA_BENH_CHINH", "ChanDoanVaoVien", "CHAN_DOAN_VAO")}},
		{Name: "ThongTinDieuTri", Rows: [][][2]string{pick(one, "NgayRa", "NGAY_RA", "PhuongPhapDieuTri", "PP_DIEU_TRI", "KetQuaDieuTri", "KET_QUA_DTRI", "ChanDoanRaVien", "CHAN_DOAN_RV")}},
	}
	if own := v.told.own; own != nil && own.Allergies != "" {
		list[0].Rows[0] = append(list[0].Rows[0], [2]string{"DiUng", own.Allergies})
	}
	drugs := chart.Group{Name: "YLenhThuocVatTu", Row: "Thuoc"}
	for _, r := range v.cells("XML2") {
		drugs.Rows = append(drugs.Rows, pick(r, "NgayYLenh", "NGAY_YL", "MaThuoc", "MA_THUOC", "TenThuoc", "TEN_THUOC", "HamLuong", "HAM_LUONG",
			"LieuDung", "LIEU_DUNG", "SoLuong", "SO_LUONG", "DonViTinh", "DON_VI_TINH"))
	}
	tests := chart.Group{Name: "KetQuaXetNghiem", Row: "ChiSo"}
	for _, r := range v.cells("XML4") {
		tests.Rows = append(tests.Rows, pick(r, "NgayKetQua", "NGAY_KQ", "MaChiSo", "MA_CHI_SO", "TenChiSo", "TEN_CHI_SO", "GiaTri", "GIA_TRI", "DonViDo", "DON_VI_DO"))
	}
	for _, g := range []chart.Group{drugs, tests} {
		if len(g.Rows) > 0 {
			list = append(list, g)
		}
	}
	return list
}
