package envelope_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"lienthong/internal/bridge/envelope"
	"lienthong/internal/fault"
)

const (
	summary = `<?xml version="1.0" encoding="utf-8"?><TONG_HOP><MA_LK>A1</MA_LK><STT>1</STT><HO_TEN> NGUYỄN VĂN THỬ </HO_TEN></TONG_HOP>`
	drugs   = `<CHITIEU_CHITIET_THUOC><DSACH_CHI_TIET_THUOC><CHI_TIET_THUOC><MA_LK>A1</MA_LK><STT>1</STT></CHI_TIET_THUOC><CHI_TIET_THUOC><MA_LK>A1</MA_LK><STT>2</STT></CHI_TIET_THUOC></DSACH_CHI_TIET_THUOC></CHITIEU_CHITIET_THUOC>`
)

// file builds an envelope around HOSO parts.
func file(facility, count string, hoso ...string) string {
	return `<GIAMDINHHS><THONGTINDONVI><MACSKCB>` + facility + `</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20260701</NGAYLAP><SOLUONGHOSO>` + count +
		`</SOLUONGHOSO><DANHSACHHOSO>` + strings.Join(hoso, "") + `</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI><MACSKCB>x</MACSKCB></CHUKYDONVI></GIAMDINHHS>`
}

func part(name, inner string) string {
	return `<FILEHOSO><LOAIHOSO>` + name + `</LOAIHOSO><NOIDUNGFILE>` + inner + `</NOIDUNGFILE></FILEHOSO>`
}

func packed(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func hoso(parts ...string) string { return `<HOSO>` + strings.Join(parts, "") + `</HOSO>` }

func TestOpensWhatFacilitiesSend(t *testing.T) {
	t.Parallel()
	inline := strings.TrimPrefix(summary, `<?xml version="1.0" encoding="utf-8"?>`)
	for name, doc := range map[string]string{
		"base64": file("79901", "1", hoso(part("XML1", packed(summary)), part("XML2", packed(drugs)))),
		"folded": file("79901", "1", hoso(part("XML1", packed(summary)[:40]+"\r\n"+packed(summary)[40:]), part("XML2", packed(drugs)))),
		"inline": file("79901", "1", hoso(part("XML1", inline), part("XML2", drugs))),
	} {
		f, err := envelope.Open([]byte(doc))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f.Facility != "79901" || len(f.Dossiers) != 1 || f.Root != envelope.Dossiers {
			t.Fatalf("%s: %+v", name, f)
		}
		d := f.Dossiers[0]
		if d.Episode != "A1" || d.Summary()["HO_TEN"] != "NGUYỄN VĂN THỬ" || len(d.Table("XML2")) != 2 || d.Table("XML2")[1]["STT"] != "2" {
			t.Errorf("%s: %+v", name, d)
		}
		if d.Table("XML9") != nil {
			t.Errorf("%s: a table that is not there", name)
		}
	}
}

func TestOpensACheckInList(t *testing.T) {
	t.Parallel()
	f, err := envelope.Open([]byte(`<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB>
	<TRANG_THAI_KCB><MA_LK>C1</MA_LK><MA_CSKCB>79901</MA_CSKCB></TRANG_THAI_KCB>
	<TRANG_THAI_KCB><MA_LK>C2</MA_LK><MA_CSKCB>79901</MA_CSKCB></TRANG_THAI_KCB></DSACH_TRANG_THAI_KCB><CHUKYDONVI></CHUKYDONVI></CHI_TIEU_TRANG_THAI_KCB>`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Facility != "79901" || len(f.Dossiers) != 2 || f.Dossiers[1].Episode != "C2" {
		t.Errorf("%+v", f)
	}
}

func TestRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	good := part("XML1", packed(summary))
	for name, c := range map[string]struct{ doc, code string }{
		"nothing":        {"", "file.unreadable"},
		"cut off":        {file("79901", "1", hoso(good))[:200], "file.unreadable"},
		"doctype":        {`<!DOCTYPE x>` + file("79901", "1", hoso(good)), "file.doctype"},
		"another root":   {`<HSCHUNGTU></HSCHUNGTU>`, "simulator.envelope"},
		"no facility":    {file("", "1", hoso(good)), "simulator.envelope"},
		"two facilities": {strings.Replace(file("79901", "1", hoso(good)), "<NGAYLAP>", "<MACSKCB>79902</MACSKCB><NGAYLAP>", 1), "simulator.envelope"},
		"no dossier":     {file("79901", "0"), "simulator.envelope"},
		"fewer":          {file("79901", "2", hoso(good)), "simulator.envelope"},
		"no number":      {file("79901", "x", hoso(good)), "simulator.envelope"},
		"no base64":      {file("79901", "1", hoso(part("XML1", "%%%%"))), "simulator.envelope"},
		"inner broken":   {file("79901", "1", hoso(part("XML1", packed("<TONG_HOP>")))), "simulator.envelope"},
		"inner empty":    {file("79901", "1", hoso(part("XML1", packed("<TONG_HOP/>")))), "simulator.envelope"},
		"two inline":     {file("79901", "1", hoso(part("XML1", "<a><b>1</b></a><a><b>1</b></a>"))), "simulator.envelope"},
		"two episodes":   {file("79901", "1", hoso(good, part("XML2", packed(strings.ReplaceAll(drugs, "A1", "A2"))))), "simulator.envelope"},
		"check-in empty": {`<CHI_TIEU_TRANG_THAI_KCB></CHI_TIEU_TRANG_THAI_KCB>`, "simulator.envelope"},
		"check-in bare":  {`<CHI_TIEU_TRANG_THAI_KCB><D><T><MA_LK>1</MA_LK></T></D></CHI_TIEU_TRANG_THAI_KCB>`, "simulator.envelope"},
		"check-in of two": {`<CHI_TIEU_TRANG_THAI_KCB><D><T><MA_LK>1</MA_LK><MA_CSKCB>79901</MA_CSKCB></T><T><MA_LK>2</MA_LK><MA_CSKCB>79902</MA_CSKCB></T></D></CHI_TIEU_TRANG_THAI_KCB>`,
			"simulator.envelope"},
	} {
		_, err := envelope.Open([]byte(c.doc))
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(file("79901", "1", hoso(part("XML1", packed(summary)), part("XML2", drugs)))))
	f.Add([]byte(`<CHI_TIEU_TRANG_THAI_KCB><D><T><MA_LK>1</MA_LK><MA_CSKCB>79901</MA_CSKCB></T></D></CHI_TIEU_TRANG_THAI_KCB>`))
	f.Add([]byte(`<KHAMSUCKHOE><MACSKCB>1</MACSKCB><HOSO/></KHAMSUCKHOE>`))
	f.Add([]byte(`<KHAMSUCKHOE><THONGTINDONVI><MA_CSKCB>24604</MA_CSKCB></THONGTINDONVI><HOSO/></KHAMSUCKHOE>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		file, err := envelope.Open(doc)
		if err != nil {
			var coded *fault.Error
			if !errors.As(err, &coded) {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if file.Facility == "" || len(file.Dossiers) == 0 {
			t.Fatalf("opened, but empty: %+v", file)
		}
	})
}

// TestAHealthCheckMayCallItsFacilityOtherwise: MA_CSKCB beside MA_GTIN_CSKCB
// (vietnam.md §2.2); an envelope of dossiers may not.
func TestAHealthCheckMayCallItsFacilityOtherwise(t *testing.T) {
	t.Parallel()
	unit := func(root, name string) []byte {
		return []byte("<" + root + "><THONGTINDONVI><" + name + ">24604</" + name + "><MA_GTIN_CSKCB>8930000246047</MA_GTIN_CSKCB></THONGTINDONVI>" +
			"<THONGTINHOSO><SOLUONGHOSO>0</SOLUONGHOSO></THONGTINHOSO></" + root + ">")
	}
	for _, name := range []string{"MACSKCB", "MA_CSKCB"} {
		if _, err := envelope.Open(unit(envelope.Checkup, name)); err == nil || !strings.Contains(err.Error(), "no HOSO") { // the facility was read
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := envelope.Open(unit(envelope.Dossiers, "MA_CSKCB")); err == nil || !strings.Contains(err.Error(), "no MACSKCB") {
		t.Errorf("dossiers: %v", err)
	}
}
