package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lienthong/internal/body"
	"lienthong/internal/hub"
	"lienthong/internal/ledger"
	"lienthong/internal/reverify"
	"lienthong/internal/seal"
	"lienthong/internal/vault"
)

// prescription is one of 79901 in the national shape.
func prescription(code string, changes ...string) []byte {
	raw := `{"loai_don_thuoc":"c","ma_don_thuoc":"` + code + `","ho_ten_benh_nhan":"TRẦN THỊ ÁNH","ma_dinh_danh_y_te":"","ma_dinh_danh_cong_dan":"079960000017",
"ngay_sinh_benh_nhan":"05/03/1960","gioi_tinh":3,"chan_doan":[{"ma_chan_doan":"J18.9","ten_chan_doan":"Viêm phổi","ket_luan":""}],
"thong_tin_don_thuoc":[{"ma_thuoc":"40.30","biet_duoc":"Amlor","ten_thuoc":"Amlodipin 5 mg","don_vi_tinh":"Viên","so_luong":30,"cach_dung":"Sáng 1 viên"}],
"ngay_tai_kham":"30","ngay_gio_ke_don":"2026-11-21 09:15:00"}`
	for i := 0; i+1 < len(changes); i += 2 {
		if !strings.Contains(raw, changes[i]) {
			panic("nothing to change: " + changes[i])
		}
		raw = strings.Replace(raw, changes[i], changes[i+1], 1)
	}
	return []byte(raw)
}

// record is an EMR of the same patient as XML.
func emrXML(episode string, changes ...string) []byte {
	raw := `<?xml version="1.0" encoding="UTF-8"?><HoSoBenhAn><MaLK>` + episode + `</MaLK><ThongTinBenhNhan><MaBN>B7</MaBN><HoTen>TRẦN THỊ ÁNH</HoTen>` +
		`<NgaySinh>05/03/1960</NgaySinh><GioiTinh>2</GioiTinh><SoCCCD>079960000017</SoCCCD></ThongTinBenhNhan>` +
		`<ThongTinVaoVien><MaCSKCB>79901</MaCSKCB><NgayVao>202611180800</NgayVao></ThongTinVaoVien><ThongTinDieuTri><NgayRa>202611201500</NgayRa></ThongTinDieuTri>` +
		`<KetQuaXetNghiem><ChiSo><TenChiSo>WBC</TenChiSo><KetQua>11.2</KetQua></ChiSo></KetQuaXetNghiem></HoSoBenhAn>`
	return []byte(strings.NewReplacer(changes...).Replace(raw))
}

func emrJSON(episode string) []byte {
	return []byte(`{"HoSoBenhAn":{"MaLK":"` + episode + `","ThongTinBenhNhan":{"MaBN":"B7","HoTen":"TRẦN THỊ ÁNH","NgaySinh":"05/03/1960","GioiTinh":"Nữ","SoCCCD":"079960000017"},` +
		`"ThongTinVaoVien":{"NgayVao":"18/11/2026 08:00"},"YLenhThuocVatTu":[{"TenThuoc":"Amoxicillin","SoLuong":20}]}}`)
}

// paper is a PDF with some object in it.
func paper(object string) []byte {
	return []byte("%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n3 0 obj\n" + object +
		"\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n0\n%%EOF\n")
}

func sealed(pair seal.KeyPair, raw []byte) string { return must(pair.SignDetached(raw)) }

// beside sends one file alone with its seal in the header.
func (w *world) beside(from string, raw []byte, token string) (answer, int) {
	w.t.Helper()
	header := []string{}
	if token != "" {
		header = []string{"Seal", token}
	}
	status, _, b := w.do(from, "POST", "/api/v1/submissions", "application/json", raw, header...)
	list := w.plain(b)
	if len(list) != 1 {
		w.t.Fatalf("%d answers: %s", len(list), b)
	}
	return list[0], status
}

// accepted sends a sealed file that must be accepted.
func (w *world) accepted(raw []byte) answer {
	w.t.Helper()
	a, _ := w.beside("79901", raw, sealed(pairs().ec, raw))
	if !strings.HasPrefix(a.State, "accepted") {
		w.t.Fatalf("%s %s %v", a.State, a.Code, a.Findings)
	}
	return a
}

func codesOf(a answer) string {
	var list []string
	for _, f := range a.Findings {
		list = append(list, f.Code)
	}
	return strings.Join(list, " ")
}

// audited walks the store as `lienthong audit` does.
func (w *world) audited() {
	w.t.Helper()
	v := must(vault.New(vault.Config{Master: w.keys.Master, Peppers: w.keys.Peppers, Current: w.keys.Pepper}))
	x := must(reverify.New(reverify.Deps{Slices: w.hub.Slices, Vault: v, Codec: must(body.NewCodec()), Kinds: hub.Kinds(), Clock: w.clock,
		Seals: must(seal.NewVerifier(seal.Config{})),
		LogKey: func(origin string) (string, error) {
			key, err := ledger.LogKeyFromSeed(origin, w.keys.LogSeed)
			if err != nil {
				return "", err
			}
			return key.Verifier(), nil
		}}))
	report := must(x.Run(w.ctx, reverify.Options{}))
	if report.Records == 0 || report.More > 0 {
		w.t.Errorf("%d records, %d differences more", report.Records, report.More)
	}
	for _, d := range report.Differences {
		if d.Code == "directory.edited" || d.Code == "act.edited" {
			continue // world.revoke writes to the directory past the office, without a leaf
		}
		w.t.Errorf("%s %s %s %s: %s", d.Code, d.Table, d.Row, d.Field, d.Text.EN)
	}
}

func TestPrescriptions(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		first := prescription("79901aaaaaaa-C")
		token := sealed(pairs().ec, first)
		a, status := w.beside("79901", first, token)
		if status != http.StatusOK || a.State != "accepted" || a.Kind != "prescription" || a.Facility != "79901" || a.Episode != "79901aaaaaaa-C" || a.Person == nil {
			t.Fatalf("%d %+v", status, a)
		}
		again, _ := w.beside("79901", first, sealed(pairs().ec, first)) // sealed anew
		identical(t, "the same prescription", a, again)

		reused, _ := w.beside("79901", prescription("79901aaaaaaa-C", `"so_luong":30`, `"so_luong":60`), sealed(pairs().ec, prescription("79901aaaaaaa-C", `"so_luong":30`, `"so_luong":60`)))
		if reused.State != "rejected" || codesOf(reused) != "prescription.reused" {
			t.Errorf("reused: %s %s", reused.State, codesOf(reused))
		}

		replace := func(code, old string) answer {
			return w.accepted(prescription(code, `"ho_ten`, `"ma_don_thuoc_thay_the":"`+old+`","ho_ten`))
		}
		second := replace("79901bbbbbbb-C", "79901aaaaaaa-C")
		if second.State != "accepted" || supersedes(second) != a.Record {
			t.Errorf("the replacement: %s %s, supersedes %s, want %s", second.State, codesOf(second), supersedes(second), a.Record)
		}
		if got := w.stateOf(a.Record); got != "superseded" {
			t.Errorf("the first one is %s after it was replaced", got)
		}
		third := replace("79901ccccccc-C", "79901aaaaaaa-C")
		if third.State != "accepted_with_warnings" || codesOf(third) != "PRESCRIPTION.MA_DON_THUOC_THAY_THE.replaced" || supersedes(third) != "" {
			t.Errorf("replaced twice: %s %s %s", third.State, codesOf(third), supersedes(third))
		}
		lost := replace("79901ddddddd-C", "79901zzzzzzz-C")
		if lost.State != "accepted_with_warnings" || codesOf(lost) != "PRESCRIPTION.MA_DON_THUOC_THAY_THE.unknown" {
			t.Errorf("an unknown one: %s %s", lost.State, codesOf(lost))
		}
		w.accepted(prescription("79901fffffff-C"))
		var rivals []member
		for _, code := range []string{"79901ggggggg-C", "79901hhhhhhh-C"} {
			raw := prescription(code, `"ho_ten`, `"ma_don_thuoc_thay_the":"79901fffffff-C","ho_ten`)
			rivals = append(rivals, member{code, raw}, member{code + ".jws", []byte(sealed(pairs().ec, raw))})
		}
		said := map[string]int{}
		for _, list := range w.sendTar("79901", true, rivals...) {
			said[list[0].State+" "+codesOf(list[0])]++
		}
		if said["accepted "] != 1 || said["accepted_with_warnings PRESCRIPTION.MA_DON_THUOC_THAY_THE.replaced"] != 1 {
			t.Errorf("two at once that replace one: %v", said)
		}
		sold := w.accepted(prescription("79901eeeeeee-C", `"40.30"`, `"","so_luong_ban":10`))
		if !strings.Contains(codesOf(sold), "THUOC.SO_LUONG_BAN.no_code") {
			t.Errorf("dispensed without code: %s", codesOf(sold))
		}
		for _, x := range []struct {
			name, want string
			raw        []byte
		}{
			{"another facility's code", "facility.mismatch", prescription("79902aaaaaaa-C")},
			{"malformed code", "prescription.code", prescription("79901AAAAAAA-C")},
			{"no code", "prescription.code", prescription("")},
		} {
			if got, _ := w.beside("79901", x.raw, sealed(pairs().ec, x.raw)); got.State != "rejected" || codesOf(got) != x.want {
				t.Errorf("%s: %s %s", x.name, got.State, codesOf(got))
			}
		}
		speaks := prescription("79901kkkkkkk-C", "Sáng 1 viên", "SignatureValue")
		if got := w.sendTar("79901", true, member{"k", speaks}, member{"k.jws", []byte(sealed(pairs().ec, speaks))})["k"][0]; got.State != "accepted" {
			t.Errorf("one that speaks of signatures, its seal behind it: %s %s", got.State, got.Code)
		}
		w.original(a.Record, first, token)
		if got := fmt.Sprint(w.person("79901", a.Record)); !strings.Contains(got, second.Record) || !strings.Contains(got, sold.Record) {
			t.Errorf("the person's records: %s", got)
		}
		w.audited()
	})
}

// stateOf asks for a record's state of now.
func (w *world) stateOf(record string) string {
	w.t.Helper()
	_, b := w.get("79901", "/api/v1/records/"+record)
	for _, s := range []string{"superseded", "withdrawn", "accepted_with_warnings", "accepted", "rejected"} {
		if bytes.Contains(b, []byte(`"state":"`+s+`"`)) {
			return s
		}
	}
	return string(b)
}

func (w *world) person(from, record string) string {
	_, b := w.get(from, "/api/v1/records/"+record+"/related")
	return string(b)
}

// original wants the exact bytes and the seal back.
func (w *world) original(record string, raw []byte, token string) {
	w.t.Helper()
	status, header, b := w.do("79901", "GET", "/api/v1/records/"+record+"/original", "", nil)
	if status != http.StatusOK || !bytes.Equal(b, raw) {
		w.t.Errorf("the original: %d, %d bytes of %d", status, len(b), len(raw))
	}
	if kind := header.Get("Content-Type"); bytes.HasPrefix(raw, []byte("{")) != (kind == "application/json") {
		w.t.Errorf("the original is %s", kind)
	}
	if status, b := w.get("79901", "/api/v1/records/"+record+"/seal"); status != http.StatusOK || string(b) != token {
		w.t.Errorf("the seal: %d %.40s", status, b)
	}
	if status, _ := w.get("79902", "/api/v1/records/"+record+"/seal"); status != http.StatusNotFound {
		w.t.Errorf("another facility's seal: %d", status)
	}
}

func TestMedicalRecords(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		x, j := emrXML("E1"), emrJSON("E2")
		a, b := w.accepted(x), w.accepted(j)
		if a.Kind != "emr" || a.State != "accepted" || a.Episode != "E1" || b.State != "accepted" || b.Episode != "E2" || a.Person == nil || b.Person == nil || *a.Person != *b.Person {
			t.Fatalf("%+v\n%+v", a, b)
		}
		good, bad := paper("<< /Type /Page >>"), paper("<< /S /J#61vaScript /JS (x) >>")
		with, text := emrXML("E3"), emrJSON("E4")
		tokens := map[string]string{"a.xml": sealed(k.ec, with), "a.xml.pdf": sealed(k.ec, good), "b.json": sealed(k.ec, text)}
		got := w.sendTar("79901", true,
			member{"a.xml", with}, member{"a.xml.jws", []byte(tokens["a.xml"])}, member{"a.xml.pdf", good}, member{"a.xml.pdf.jws", []byte(tokens["a.xml.pdf"])},
			member{"b.json", text}, member{"b.json.jws", []byte(tokens["b.json"])},
			member{"b.pdf", bad}, member{"b.pdf.jws", []byte(sealed(k.ec, bad))},
			member{"c.pdf", good}, member{"c.pdf.jws", []byte(sealed(k.ec, good))})
		if one := got["a.xml"]; len(one) != 1 || one[0].State != "accepted" || len(got["a.xml.pdf"]) != 0 {
			t.Fatalf("with a paper: %+v %+v", one, got["a.xml.pdf"])
		}
		if one := got["b.json"]; len(one) != 1 || one[0].State != "accepted" {
			t.Errorf("with a bad paper: %+v", one)
		}
		for name, code := range map[string]string{"b.pdf": "paper.active", "c.pdf": "paper.alone"} {
			if one := got[name]; len(one) != 1 || !one[0].Refused || one[0].Code != code {
				t.Errorf("%s: %+v", name, one)
			}
		}
		record := got["a.xml"][0].Record
		w.original(record, with, tokens["a.xml"])
		status, header, p := w.do("79901", "GET", "/api/v1/records/"+record+"/papers/1", "", nil)
		if status != http.StatusOK || !bytes.Equal(p, good) || header.Get("Seal") != tokens["a.xml.pdf"] || header.Get("Content-Type") != "application/pdf" {
			t.Errorf("the paper: %d, %d bytes, %s", status, len(p), header)
		}
		for path, want := range map[string]int{record + "/papers/2": 404, record + "/papers/0": 404, record + "/papers/x": 404, a.Record + "/papers/1": 404} {
			if status, _ := w.get("79901", "/api/v1/records/"+path); status != want {
				t.Errorf("%s: %d", path, status)
			}
		}
		if status, _ := w.get("79902", "/api/v1/records/"+record+"/papers/1"); status != http.StatusNotFound {
			t.Errorf("another facility's paper: %d", status)
		}
		replay := w.sendTar("79901", false, member{"a.xml", with}, member{"a.xml.jws", []byte(tokens["a.xml"])}, member{"a.xml.pdf", good}, member{"a.xml.pdf.jws", []byte(tokens["a.xml.pdf"])})
		identical(t, "an EMR with its paper", got["a.xml"][0], replay["a.xml"][0])
		w.audited()
	})
}

func TestSealedFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		k := pairs()
		x, p := emrXML("W1"), prescription("79901wwwwwww-C")
		for _, c := range []struct {
			name string
			raw  []byte
			seal string
			code string
		}{
			{"no seal", x, "", "seal.missing"},
			{"no seal of a prescription", p, "", "seal.missing"},
			{"a seal of other bytes", x, sealed(k.ec, emrXML("W2")), "seal.broken"},
			{"a seal of bytes with a line end more", x, sealed(k.ec, append(bytes.Clone(x), '\n')), "seal.broken"},
			{"a seal that is none", x, "abc", "seal.malformed"},
			{"a seal of a stranger", p, sealed(k.other, p), "sender.not_allowed"},
			{"a member twice", bytes.Replace(p, []byte(`"gioi_tinh":3`), []byte(`"gioi_tinh":3,"gioi_tinh":2`), 1), sealed(k.ec, p), "file.unreadable"},
			{"a JSON bomb, deep", bytes.Replace(p, []byte(`"gioi_tinh":3`), []byte(`"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)), 1), sealed(k.ec, p), "file.limits"},
			{"a JSON bomb, wide", bytes.Replace(p, []byte(`"gioi_tinh":3`), []byte(`"x":[`+strings.Repeat("0,", 40_000)+"0]"), 1), sealed(k.ec, p), "file.limits"},
			{"a JSON EMR, wide", []byte(`{"HoSoBenhAn":{"ThongTinBenhNhan":{},"x":[` + strings.Repeat("0,", 250_000) + "0]}}"), sealed(k.ec, p), "file.limits"},
			{"no group", []byte("<HoSoBenhAn/>"), sealed(k.ec, []byte("<HoSoBenhAn/>")), "envelope.invalid"},
		} {
			if a, status := w.beside("79901", c.raw, c.seal); !a.Refused || a.Code != c.code || status < 400 {
				t.Errorf("%s: %d %s %s", c.name, status, a.State, a.Code)
			}
		}
		for _, c := range []struct {
			name, want string
			raw        []byte
		}{
			{"no episode", "episode.missing", emrXML("")},
			{"another facility's", "facility.mismatch", emrXML("W3", "79901", "79902")},
			{"two patients", "dossier.two_patients", emrXML("W4", "<ThongTinVaoVien>", "<ThongTinVaoVien><MaBN>B8</MaBN>")},
			{"out before in", "time.order", emrXML("W5", "202611201500", "202611171500")},
		} {
			if a, _ := w.beside("79901", c.raw, sealed(k.ec, c.raw)); a.State != "rejected" || codesOf(a) != c.want {
				t.Errorf("%s: %s %s %s", c.name, a.State, a.Code, codesOf(a))
			}
		}
		big := append(paper("<< /Type /Page >>"), bytes.Repeat([]byte{' '}, 32<<20-1000)...)
		unsealed := paper("<< /Type /Page >>")
		got := w.sendTar("79901", false,
			member{"x.xml", x}, member{"x.xml.jws", []byte(sealed(k.ec, x))}, member{"x.pdf", unsealed},
			member{"x.xml.pdf", big}, member{"x.xml.pdf.jws", []byte(sealed(k.ec, big))})
		if a := got["x.xml"]; len(a) != 1 || a[0].State != "accepted" {
			t.Errorf("beside bad papers: %+v", a)
		}
		for name, codes := range map[string]string{"x.xml.pdf": "file.limits paper.unreadable", "x.pdf": "seal.missing"} {
			if a := got[name]; len(a) != 1 || !a[0].Refused || !strings.Contains(codes, a[0].Code) {
				t.Errorf("%s: %+v", name, a)
			}
		}
		w.audited()
	})
}
