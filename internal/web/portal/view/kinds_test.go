package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

// TestAPrescriptionReadsWell: its own codes of sex, dates of both forms, unknown
// fields and papers, in both languages.
func TestAPrescriptionReadsWell(t *testing.T) {
	t.Parallel()
	f, err := prescription.New().Open([]byte(`{"loai_don_thuoc":"c","ma_don_thuoc":"79901a1b2c3d-C","ho_ten_benh_nhan":"TRẦN VĂN BÌNH","gioi_tinh":2,
		"ngay_sinh_benh_nhan":"5/3/1960","ma_dinh_danh_cong_dan":"079960000017","ngay_gio_ke_don":"2026-11-02 09:15:00","truong_la":"GIU_LAI",
		"signature":"` + strings.Repeat("QUJD", 100) + `","thong_tin_don_thuoc":[{"ten_thuoc":"Amlodipin","so_luong":30},{"ten_thuoc":"Losartan","so_luong":60}]}`))
	if err != nil {
		t.Fatal(err)
	}
	d := f.Dossier(0)
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	id, err := dossier.NewID("79901", now, strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][]string{"vi": {"Đơn thuốc", "Nam", "Họ và tên người bệnh", "Các trường khác"}, "en": {"Prescription", "Male", "Patient&#39;s name", "Other fields"}} {
		page := view.Page{W: c.In(lang), Title: "x", Theme: "light", Now: now, Asset: func(string) string { return "" },
			Reader: &view.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}}}
		doc := view.RecordDoc{Record: view.Record{ID: id, Received: now, Kind: "prescription", Facility: view.Named{Code: care.FacilityCode("79901")}, Lane: "routine"}, MayOpen: true,
			Opened: &view.Opened{Content: d.Content, Spec: d.Spec, Episode: d.Episode, Papers: []string{"x.json.pdf"},
				Patient: view.Patient{Name: d.Patient.Name, Birth: d.Patient.Birth, Sex: d.Patient.Sex, CitizenID: d.Patient.CitizenID}}}
		var b bytes.Buffer
		if err := view.RecordPage(page, doc).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		html := b.String()
		for _, w := range append(want, "<h1>TRẦN VĂN BÌNH</h1>", "05/03/1960", "02/11/2026 09:15", "GIU_LAI", "Losartan", "/papers/1", "x.json.pdf") {
			if !strings.Contains(html, w) {
				t.Errorf("%s: %q is not shown", lang, w)
			}
		}
		for _, not := range []string{"079960000017", strings.Repeat("QUJD", 50)} {
			if strings.Contains(html, not) {
				t.Errorf("%s: %q is shown", lang, not)
			}
		}
	}
}

// TestTheBookDatesAPrescriptionForPeople: its date has another form than those
// of the QĐ 4750 family.
func TestTheBookDatesAPrescriptionForPeople(t *testing.T) {
	t.Parallel()
	f, err := prescription.New().Open([]byte(`{"loai_don_thuoc":"c","ma_don_thuoc":"79901a1b2c3d-C","ngay_gio_ke_don":"2026-11-02 09:15:00",
		"thong_tin_don_thuoc":[{"ten_thuoc":"Amlodipin","so_luong":30}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	d := f.Dossier(0)
	b := view.NewBook(dossier.ID{}, []view.BookEntry{{Kind: "prescription", Content: d.Content, Spec: d.Spec}}, time.Now(), c.In("vi"))
	if len(b.Visits) != 1 || b.Visits[0].Day != "02/11/2026 09:15" {
		t.Errorf("%+v", b.Visits)
	}
}
