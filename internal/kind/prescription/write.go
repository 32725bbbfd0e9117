package prescription

import (
	"bytes"
	"encoding/json"
	"io"
)

// Document is a prescription to be written, in the order of the national shape.
// Empty members are left out where omitempty says so.
type Document struct {
	Type      string      `json:"loai_don_thuoc"`
	Code      string      `json:"ma_don_thuoc"`
	Replaces  string      `json:"ma_don_thuoc_thay_the,omitempty"`
	Name      string      `json:"ho_ten_benh_nhan"`
	HealthID  string      `json:"ma_dinh_danh_y_te"`
	CitizenID string      `json:"ma_dinh_danh_cong_dan"`
	Birth     string      `json:"ngay_sinh_benh_nhan"` // dd/MM/yyyy
	Weight    string      `json:"can_nang"`
	Sex       int         `json:"gioi_tinh"` // 1 undetermined, 2 male, 3 female
	Card      string      `json:"ma_so_the_bao_hiem_y_te"`
	Guardian  string      `json:"thong_tin_nguoi_giam_ho"`
	Address   string      `json:"dia_chi"`
	Diagnoses []Diagnosis `json:"chan_doan"`
	Note      string      `json:"luu_y"`
	Form      string      `json:"hinh_thuc_dieu_tri"`
	Course    *Course     `json:"dot_dung_thuoc,omitempty"`
	Drugs     []Drug      `json:"thong_tin_don_thuoc"`
	Advice    string      `json:"loi_dan"`
	Phone     string      `json:"so_dien_thoai_nguoi_kham_benh"`
	Again     string      `json:"ngay_tai_kham"`   // days
	At        string      `json:"ngay_gio_ke_don"` // yyyy-MM-dd HH:mm:ss
}

// Diagnosis is one entry of chan_doan.
type Diagnosis struct {
	Code       string `json:"ma_chan_doan"`
	Name       string `json:"ten_chan_doan"`
	Conclusion string `json:"ket_luan"`
}

// Course is dot_dung_thuoc.
type Course struct {
	Number    int    `json:"dot"`
	From      string `json:"tu_ngay"` // dd/MM/yyyy
	Until     string `json:"den_ngay"`
	Decoction string `json:"so_thang_thuoc"`
}

// Drug is one entry of thong_tin_don_thuoc.
type Drug struct {
	Code   string      `json:"ma_thuoc"`
	Brand  string      `json:"biet_duoc"`
	Name   string      `json:"ten_thuoc"`
	Unit   string      `json:"don_vi_tinh"`
	Amount json.Number `json:"so_luong"`
	Use    string      `json:"cach_dung"`
}

// Write writes a prescription, the same bytes for the same document. Errors are
// those of w, and of an Amount that is no number.
func Write(w io.Writer, d *Document) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
