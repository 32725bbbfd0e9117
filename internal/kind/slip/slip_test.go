package slip_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/slip"
	"lienthong/internal/schema"
)

const fields13 = `<MA_LK>K1</MA_LK><SO_HOSO>1</SO_HOSO><SO_CHUYENTUYEN>1</SO_CHUYENTUYEN><GIAY_CHUYEN_TUYEN>1</GIAY_CHUYEN_TUYEN>` +
	`<MA_CSKCB>24604</MA_CSKCB><MA_CSKCB_DI>24604</MA_CSKCB_DI><MA_CSKCB_DEN>79901</MA_CSKCB_DEN><HO_TEN>LÊ VĂN B</HO_TEN>` +
	`<NGAY_SINH>199901010000</NGAY_SINH><GIOI_TINH>1</GIOI_TINH><NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015</NGAY_RA>` +
	`<DAU_HIEU_LS>x</DAU_HIEU_LS><QT_BENHLY>x</QT_BENHLY><MA_BENH_CHINH>H66.9</MA_BENH_CHINH><MA_LYDO_CT>1</MA_LYDO_CT>` +
	`<HUONG_DIEU_TRI>x</HUONG_DIEU_TRI><PHUONGTIEN_VC>x</PHUONGTIEN_VC><MA_BAC_SI>1</MA_BAC_SI><MA_TTDV>2</MA_TTDV>`

const fields14 = `<MA_LK>K1</MA_LK><SO_GIAYHEN_KL>1</SO_GIAYHEN_KL><MA_CSKCB>24604</MA_CSKCB><HO_TEN>LÊ VĂN B</HO_TEN><GIOI_TINH>1</GIOI_TINH>` +
	`<NGAY_VAO>202611020700</NGAY_VAO><NGAY_RA>202611021015</NGAY_RA><NGAY_HEN_KL>20261201</NGAY_HEN_KL><MA_BENH_CHINH>H66.9</MA_BENH_CHINH>` +
	`<MA_BAC_SI>1</MA_BAC_SI><MA_TTDV>2</MA_TTDV><NGAY_CT>20261102</NGAY_CT>`

func referral(fields string) string {
	return "<CHI_TIEU_GIAYCHUYENTUYEN>" + fields + "</CHI_TIEU_GIAYCHUYENTUYEN>"
}

func appointment(fields string) string {
	return "<CHI_TIEU_GIAYHEN_KHAMLAI>" + fields + "</CHI_TIEU_GIAYHEN_KHAMLAI>"
}

const empty = "<CHUKYDONVI></CHUKYDONVI>"

// signature looks like one, as far as a reader cares.
const signature = `<CHUKYDONVI><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Certificate>QUJD</X509Certificate></Signature></CHUKYDONVI>`

func open(t testing.TB, raw string) kind.File {
	t.Helper()
	f, err := slip.New().Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReferralAndAppointment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, table, line, fields string }{
		"referral":    {referral(fields13 + empty), "XML13", "", fields13},
		"appointment": {"<?xml version=\"1.0\"?>\r\n" + appointment(fields14+empty) + "\r\n", "XML14", "XML14", fields14},
	} {
		f := open(t, c.raw)
		d := f.Dossier(0)
		if f.Len() != 1 || f.Facility() != "" || d.Episode != "K1" || d.Line != c.line || d.Patient.Name != "LÊ VĂN B" || len(d.Unreadable) != 0 {
			t.Errorf("%s: %+v", name, d)
		}
		if len(d.Inner) != 1 || string(d.Inner[0]) != c.fields || d.InnerNames[0] != c.table || d.Spec.Decision != "1931" {
			t.Errorf("%s: %q by %s", name, d.Inner, d.Spec.Decision)
		}
		if tab := d.Content.Table(c.table); tab == nil || len(tab.Rows) != 1 || len(tab.Rows[0].Extra) != 0 {
			t.Errorf("%s: %+v", name, tab)
		}
		bits, tags := d.Label(slip.New().View(), true)
		if kind.LineOf("slip", bits) != c.line || len(tags) != 1 || tags[0] != "doc:"+c.table {
			t.Errorf("%s: line %q, tags %v", name, kind.LineOf("slip", bits), tags)
		}
	}
}

func TestWhoSealsASlip(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw    string
		inside bool
		certs  int
	}{
		"nothing inside":       {referral(fields13), false, 0},
		"an empty place":       {referral(fields13 + empty), false, 0},
		"a signature":          {referral(fields13 + signature), true, 1},
		"one at the beginning": {referral(signature + fields13), true, 1},
		"one in another place": {referral(fields13 + "<X><Signature/></X>"), true, 0},
	} {
		f := open(t, c.raw)
		in := f.Sealing().Inside
		if (in != nil) != c.inside || in != nil && (in.Container != "CHUKYDONVI" || in.Count != 1) || len(f.Extracts()) != c.certs {
			t.Errorf("%s: %+v, %d certificates", name, in, len(f.Extracts()))
		}
	}
}

// TestOneSlipSealedTwoWaysIsOneContent: what a slip says does not depend on how it is sealed.
func TestOneSlipSealedTwoWaysIsOneContent(t *testing.T) {
	t.Parallel()
	inside, beside := open(t, referral(fields13+signature)).Dossier(0), open(t, referral(fields13)).Dossier(0)
	if !bytes.Equal(inside.Inner[0], beside.Inner[0]) || len(inside.Inner) != len(beside.Inner) {
		t.Errorf("%q and %q", inside.Inner, beside.Inner)
	}
}

// TestWhatIsWrittenAroundBelongsToTheSlip: nothing about a patient stays in the skeleton.
func TestWhatIsWrittenAroundBelongsToTheSlip(t *testing.T) {
	t.Parallel()
	raw := referral("<!-- LÊ VĂN B -->" + fields13 + signature + "<GHI_CHU>LÊ VĂN C</GHI_CHU>")
	f := open(t, raw)
	split, err := body.Split([]byte(raw), f.Spans(), f.Extracts()...)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(split.Skeleton, []byte("LÊ")) || len(f.Dossier(0).Inner) != 2 || len(f.Spans()) != 2 {
		t.Errorf("skeleton %q, %d parts", split.Skeleton, len(f.Dossier(0).Inner))
	}
	back, err := body.Join(split.Skeleton, split.Source())
	if err != nil || string(back) != raw {
		t.Errorf("%v: %q", err, back)
	}
}

func TestSchemaOfItsDay(t *testing.T) {
	t.Parallel()
	old := strings.NewReplacer("202611", "202409", "MA_CSKCB_DI", "MA_NOI_DI", "MA_CSKCB_DEN", "MA_NOI_DEN").Replace(fields13)
	d := open(t, referral(old)).Dossier(0)
	if d.Spec.Decision != "4750" || d.Content.Field("XML13", 0, "MA_NOI_DEN") != "79901" || len(d.Content.All[0].Rows[0].Extra) != 0 {
		t.Errorf("%s: %+v", d.Spec.Decision, d.Content.All[0])
	}
}

func TestBrokenFilesHaveTheirCode(t *testing.T) {
	t.Parallel()
	good := referral(fields13 + empty)
	open(t, good) // the control
	for name, c := range map[string]struct{ raw, code string }{
		"empty":            {"", "file.unreadable"},
		"cut":              {good[:len(good)-1], "file.unreadable"},
		"doctype":          {"<!DOCTYPE x>" + good, "file.doctype"},
		"another root":     {"<X>" + good + "</X>", "envelope.invalid"},
		"nothing in it":    {referral(empty), "envelope.invalid"},
		"container twice":  {referral(fields13 + empty + empty), "envelope.invalid"},
		"broken behind it": {"<X>" + good + "</X><", "file.unreadable"},
	} {
		_, err := slip.New().Open([]byte(c.raw))
		var coded *fault.Error
		if !errors.As(err, &coded) || coded.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
	if d := open(t, referral(fields13+"<MA_LK>K2</MA_LK>")).Dossier(0); len(d.Unreadable) != 1 || d.Unreadable[0].Code != "dossier.unreadable" || len(d.Content.All) != 0 {
		t.Errorf("a field said twice: %+v", d)
	}
}

func TestWriteGivesWhatOpenTakes(t *testing.T) {
	t.Parallel()
	spec := schema.For(20260801)
	rapid.Check(t, func(t *rapid.T) {
		tab := spec.Table(rapid.SampledFrom([]string{"XML13", "XML14"}).Draw(t, "table"))
		row := rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("aĐệ<>&\"'\r\n\t ;0"))), 1, len(tab.Fields)).Draw(t, "row")
		var out bytes.Buffer
		if err := slip.Write(&out, tab, row, rapid.Bool().Draw(t, "inside")); err != nil {
			t.Fatal(err)
		}
		f, err := slip.New().Open(out.Bytes())
		if err != nil {
			t.Fatalf("%v: %s", err, out.Bytes())
		}
		got := f.Dossier(0).Content.Table(tab.Name)
		for i, name := range tab.Columns.Names() {
			want := ""
			if i < len(row) {
				want = row[i]
			}
			if c := got.Cell(0, name); c.Text != want {
				t.Fatalf("%s: %q, want %q", name, c.Text, want)
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	for _, seed := range []string{referral(fields13 + empty), appointment(fields14 + signature), referral(signature + "<X/>y<!-- z -->"), referral("<CHI_TIEU_GIAYCHUYENTUYEN>" + fields13 + "</CHI_TIEU_GIAYCHUYENTUYEN>")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		opened, err := slip.New().Open(raw)
		if err != nil {
			if fault.KindOf(err) == fault.Broken {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		split, err := body.Split(raw, opened.Spans(), opened.Extracts()...)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := body.Join(split.Skeleton, split.Source()); err != nil || !bytes.Equal(back, raw) {
			t.Fatalf("%v: not the same file", err)
		}
		d := opened.Dossier(0)
		if len(d.Inner) != len(opened.Spans()) || len(d.InnerNames) != len(d.Inner) || len(d.Unreadable) == 0 && len(d.Content.All) != 1 {
			t.Fatalf("%+v", d)
		}
		judge(t, d)
	})
}
