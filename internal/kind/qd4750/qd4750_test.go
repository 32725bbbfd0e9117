package qd4750_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/qd4750"
	"lienthong/internal/schema"
)

const (
	summary = `<TONG_HOP><MA_LK> L1 </MA_LK><STT>1</STT><MA_BN>B1</MA_BN><HO_TEN>TRẦN THỊ A</HO_TEN><SO_CCCD>001899000001</SO_CCCD>` +
		`<NGAY_SINH>199901020000</NGAY_SINH><GIOI_TINH>2</GIOI_TINH><MA_THE_BHYT>DN4010000000001;DN4010000000002</MA_THE_BHYT>` +
		`<NGAY_RA>202603010900</NGAY_RA><MA_CSKCB>79901</MA_CSKCB></TONG_HOP>`
	drugs = `<CHITIEU_CHITIET_THUOC><DSACH_CHI_TIET_THUOC>` +
		`<CHI_TIET_THUOC><MA_LK>L1</MA_LK><STT>1</STT><TEN_THUOC>A &amp; B</TEN_THUOC></CHI_TIET_THUOC>` +
		`<CHI_TIET_THUOC><MA_LK>L1</MA_LK><STT>2</STT><TEN_THUOC>C</TEN_THUOC></CHI_TIET_THUOC>` +
		`</DSACH_CHI_TIET_THUOC></CHITIEU_CHITIET_THUOC>`
)

// envelope is a file around the given inside of DANHSACHHOSO.
func envelope(count, list string) string {
	return `<GIAMDINHHS><THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI><THONGTINHOSO><NGAYLAP>20260302</NGAYLAP>` +
		`<SOLUONGHOSO>` + count + `</SOLUONGHOSO><DANHSACHHOSO>` + list + `</DANHSACHHOSO></THONGTINHOSO><CHUKYDONVI></CHUKYDONVI></GIAMDINHHS>`
}

func filed(kind, content string) string {
	return `<FILEHOSO><LOAIHOSO>` + kind + `</LOAIHOSO><NOIDUNGFILE>` + content + `</NOIDUNGFILE></FILEHOSO>`
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func wrapped(s string) string {
	var lines []string
	for len(s) > 76 {
		lines, s = append(lines, s[:76]), s[76:]
	}
	return strings.Join(append(lines, s), "\r\n")
}

func hoso(files ...string) string { return "<HOSO>" + strings.Join(files, "") + "</HOSO>" }

func one(files ...string) string { return envelope("1", hoso(files...)) }

func open(t *testing.T, raw string) kind.File {
	t.Helper()
	f, err := qd4750.New().Open([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBrokenEnvelopesHaveTheirCode(t *testing.T) {
	t.Parallel()
	good := one(filed("XML1", b64(summary)))
	open(t, good) // the control: every case below is this file with one thing wrong
	swap := func(old, repl string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the file has no %s", old)
		}
		return strings.Replace(good, old, repl, 1)
	}
	h := hoso(filed("XML1", b64(summary)))
	for name, c := range map[string]struct{ raw, code string }{
		"empty":              {"", "file.unreadable"},
		"cut":                {good[:len(good)-20], "file.unreadable"},
		"trailing bytes":     {good + "x", "file.unreadable"},
		"NUL":                {swap("79901", "79\x0001"), "file.unreadable"},
		"latin 1":            {swap("79901", "79\xE101"), "file.unreadable"},
		"cut, wrong root":    {"<HOSO>", "file.unreadable"},
		"doctype":            {"<!DOCTYPE GIAMDINHHS>" + good, "file.doctype"},
		"1001 dossiers":      {envelope("1001", strings.Repeat("<HOSO/>", 1001)), "file.limits"},
		"limits before form": {strings.Replace(envelope("7", strings.Repeat("<HOSO/>", 1001)), "MACSKCB", "MACSKC", 2), "file.limits"},
		"257 documents":      {one(strings.Repeat("<FILEHOSO/>", 257)), "file.limits"},
		"cut before limits":  {strings.TrimSuffix(envelope("1", strings.Repeat("<HOSO/>", 1001)), ">"), "file.unreadable"},
		"another root":       {"<GIAMDINH></GIAMDINH>", "envelope.invalid"},
		"root with prefix":   {strings.NewReplacer("<GIAMDINHHS>", `<a:GIAMDINHHS xmlns:a="urn:a">`, "</GIAMDINHHS>", "</a:GIAMDINHHS>").Replace(good), "envelope.invalid"},
		"no unit":            {swap("<THONGTINDONVI><MACSKCB>79901</MACSKCB></THONGTINDONVI>", ""), "envelope.invalid"},
		"no facility":        {swap("<MACSKCB>79901</MACSKCB>", ""), "envelope.invalid"},
		"empty facility":     {swap("<MACSKCB>79901</MACSKCB>", "<MACSKCB> </MACSKCB>"), "envelope.invalid"},
		"facility twice":     {swap("<MACSKCB>79901</MACSKCB>", "<MACSKCB>79901</MACSKCB><MACSKCB>79901</MACSKCB>"), "envelope.invalid"},
		"facility nested":    {swap("<MACSKCB>79901</MACSKCB>", "<MACSKCB>79901<X/></MACSKCB>"), "envelope.invalid"},
		"unit twice":         {swap("<THONGTINHOSO>", "<THONGTINDONVI/><THONGTINHOSO>"), "envelope.invalid"},
		"info twice":         {swap("<CHUKYDONVI>", "<THONGTINHOSO/><CHUKYDONVI>"), "envelope.invalid"},
		"list twice":         {swap("</DANHSACHHOSO>", "</DANHSACHHOSO><DANHSACHHOSO/>"), "envelope.invalid"},
		"date twice":         {swap("<SOLUONGHOSO>", "<NGAYLAP>20260302</NGAYLAP><SOLUONGHOSO>"), "envelope.invalid"},
		"count twice":        {swap("<DANHSACHHOSO>", "<SOLUONGHOSO>1</SOLUONGHOSO><DANHSACHHOSO>"), "envelope.invalid"},
		"no count":           {swap("<SOLUONGHOSO>1</SOLUONGHOSO>", ""), "envelope.invalid"},
		"count empty":        {envelope("", h), "envelope.invalid"},
		"count of letters":   {envelope("one", h), "envelope.invalid"},
		"count negative":     {envelope("-1", h), "envelope.invalid"},
		"count broken":       {envelope("1.0", h), "envelope.invalid"},
		"count too small":    {envelope("1", h+h), "envelope.invalid"},
		"count zero":         {envelope("0", h), "envelope.invalid"},
		"no dossier":         {envelope("1", ""), "envelope.invalid"},
		"none announced":     {envelope("0", ""), "envelope.invalid"},
		"no list":            {swap("<DANHSACHHOSO>"+h+"</DANHSACHHOSO>", ""), "envelope.invalid"},
		"truncated":          {envelope("2", h), "envelope.truncated"},
		"count enormous":     {envelope("99999999999999999999999", h), "envelope.truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := qd4750.New().Open([]byte(c.raw))
			var coded *fault.Error
			if !errors.As(err, &coded) || coded.Code != c.code || f != nil {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestFormsThatAreTheSame(t *testing.T) {
	t.Parallel()
	plain := b64(summary)
	wrapped := plain[:76] + "\r\n" + plain[76:152] + "\n\t  " + plain[152:]
	for name, raw := range map[string]string{
		"one line":         one(filed("XML1", plain)),
		"declaration":      `<?xml version="1.0" encoding="UTF-8"?>` + "\r\n" + one(filed("XML1", plain)),
		"BOM":              "\uFEFF" + one(filed("XML1", plain)),
		"wrapped":          one(filed("XML1", wrapped)),
		"spaces around":    one(filed(" XML1\n", "\n    "+plain+"\n  ")),
		"CDATA":            one(filed("XML1", "<![CDATA["+plain+"]]>")),
		"comment":          one(filed("XML1", plain[:40]+"<!-- x -->"+plain[40:])),
		"inline":           one(filed("XML1", "\r\n"+summary+"\r\n")),
		"inline in CDATA":  one(filed("XML1", "<![CDATA["+summary+"]]>")),
		"inline, escaped":  one(filed("XML1", strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(summary))),
		"lower case":       one(filed("xml1", plain)),
		"namespaces":       strings.Replace(one(filed("XML1", plain)), "<GIAMDINHHS>", `<GIAMDINHHS xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">`, 1),
		"unknown elements": strings.NewReplacer("<THONGTINHOSO>", "<PHIENBAN>1</PHIENBAN><THONGTINHOSO><X><Y/></X>", "<FILEHOSO>", "<GHICHU>g</GHICHU><FILEHOSO><SO/>").Replace(one(filed("XML1", plain))),
		"white space":      strings.ReplaceAll(one(filed("XML1", plain)), "><", ">\r\n  <"),
		"count padded":     envelope(" 01\n", hoso(filed("XML1", plain))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, raw)
			if f.Facility() != "79901" || f.Created().Day() != 20260302 || f.Sealing().Inside.Container != "CHUKYDONVI" || f.Len() != 1 {
				t.Fatalf("%s of %s, %d dossiers", f.Facility(), f.Created(), f.Len())
			}
			d := f.Dossier(0)
			if len(d.Unreadable) != 0 || d.Episode != "L1" || len(d.Inner) != 1 || d.InnerNames[0] != "XML1" || strings.TrimSpace(string(d.Inner[0])) != summary {
				t.Errorf("episode %q, names %v, unreadable %v, inner %q", d.Episode, d.InnerNames, d.Unreadable, d.Inner)
			}
			want := kind.Patient{LocalID: "B1", Name: "TRẦN THỊ A", CitizenID: "001899000001", Card: "DN4010000000001", Birth: "199901020000", Sex: "2"}
			if d.Patient != want {
				t.Errorf("patient %+v", d.Patient)
			}
			if s := f.Spans(); len(s) == 0 || s[len(s)-1].Dossier != 0 {
				t.Errorf("spans %v", s)
			}
		})
	}
}

func TestInnerDocumentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, kind string }{
		"empty":             {"", "XML2"},
		"not base64":        {"%%%", "XML2"},
		"url alphabet":      {strings.NewReplacer("P", "-", "Q", "_").Replace(b64(drugs)), "XML2"},
		"padding missing":   {strings.TrimRight(b64(drugs+strings.Repeat(" ", 3-(len(drugs)+2)%3)), "="), "XML2"},
		"trailing bits":     {"PGE+PC9hPr==", "XML2"},
		"base64 cut":        {b64(drugs)[:len(b64(drugs))-5], "XML2"},
		"XML cut":           {b64(drugs[:len(drugs)-9]), "XML2"},
		"not XML":           {b64("thuốc"), "XML2"},
		"latin 1":           {b64("<CHITIEU_CHITIET_THUOC>\xE1</CHITIEU_CHITIET_THUOC>"), "XML2"},
		"UTF-16":            {b64("\xFF\xFE<\x00a\x00/\x00>\x00"), "XML2"},
		"doctype":           {b64("<!DOCTYPE a>" + drugs), "XML2"},
		"another table":     {b64(summary), "XML2"},
		"two elements":      {drugs + drugs, "XML2"},
		"field said twice":  {b64(strings.Replace(drugs, "<STT>1</STT>", "<STT>1</STT><STT>7</STT>", 1)), "XML2"},
		"far too deep":      {b64(strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)), "XML2"},
		"wrapper around it": {b64("<X>" + drugs + "</X>"), "XML2"},
		"broken unknown":    {"%%%", "XML16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, one(filed("XML1", b64(summary)), filed(c.kind, c.content))).Dossier(0)
			if len(d.Unreadable) != 1 || d.Unreadable[0].Code != "dossier.unreadable" || d.Unreadable[0].Table != c.kind || d.Unreadable[0].Severity != dossier.Error {
				t.Errorf("findings %+v", d.Unreadable)
			}
			if len(d.Inner) != 2 || d.Episode != "L1" {
				t.Errorf("%d inner documents, episode %q", len(d.Inner), d.Episode)
			}
		})
	}
}

func TestMisshapenFileIsThisDossiersFault(t *testing.T) {
	t.Parallel()
	good := hoso(filed("XML1", b64(summary)))
	for name, bad := range map[string]string{
		"no content":      "<FILEHOSO><LOAIHOSO>XML2</LOAIHOSO></FILEHOSO>",
		"no type":         "<FILEHOSO><NOIDUNGFILE>" + b64(drugs) + "</NOIDUNGFILE></FILEHOSO>",
		"type empty":      filed("", b64(drugs)),
		"type nested":     filed("XML2<X/>", b64(drugs)),
		"type twice":      "<FILEHOSO><LOAIHOSO>XML2</LOAIHOSO><LOAIHOSO>XML3</LOAIHOSO><NOIDUNGFILE>" + b64(drugs) + "</NOIDUNGFILE></FILEHOSO>",
		"content twice":   "<FILEHOSO><LOAIHOSO>XML2</LOAIHOSO><NOIDUNGFILE>" + b64(drugs) + "</NOIDUNGFILE><NOIDUNGFILE>" + b64(drugs) + "</NOIDUNGFILE></FILEHOSO>",
		"nothing":         "<FILEHOSO/>",
		"content a blank": filed("XML2", "   "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, envelope("3", good+hoso(filed("XML1", b64(summary)), bad)+good))
			for i, want := range []int{0, 1, 0} {
				if d := f.Dossier(i); len(d.Unreadable) != want || d.Episode != "L1" {
					t.Errorf("dossier %d: %v, episode %q", i, d.Unreadable, d.Episode)
				}
			}
		})
	}
}

func TestRowsHaveTheirPlaces(t *testing.T) {
	t.Parallel()
	text := "\uFEFF<?xml version=\"1.0\"?>\r\n" + strings.ReplaceAll(drugs, "><", ">\r\n<")
	text = strings.Replace(text, "<STT>2</STT>", "<STT>2</STT>\r\n<LA>x</LA>\r\n<GHEP><B>y</B></GHEP>", 1)
	d := open(t, one(filed("XML2", b64(text)), filed("XML1", b64(summary)), filed("XML17", b64("<A/>")))).Dossier(0)
	if len(d.Unreadable) != 0 || len(d.Content.All) != 2 || strings.Join(d.InnerNames, " ") != "XML2 XML1 XML17" || strings.Join(d.Unknown, " ") != "XML17" {
		t.Fatalf("%v %v %v", d.Unreadable, d.InnerNames, d.Unknown)
	}
	if !bytes.Equal(d.Inner[0], []byte(text)) {
		t.Error("the inner document lost bytes")
	}
	rows := d.Content.Table("XML2").Rows
	if len(rows) != 2 || rows[0].Line != 4 || rows[1].Line != 9 {
		t.Fatalf("rows %+v", rows)
	}
	if c := d.Content.Table("XML2").Cell(0, "TEN_THUOC"); c != (dossier.Cell{Text: "A & B", Line: 7}) {
		t.Errorf("cell %+v", c)
	}
	want := []dossier.Extra{{Name: "LA", Cell: dossier.Cell{Text: "x", Line: 12}}, {Name: "GHEP", Cell: dossier.Cell{Text: "<B>y</B>", Line: 13}}}
	if x := rows[1].Extra; len(x) != 2 || x[0] != want[0] || x[1] != want[1] {
		t.Errorf("extras %+v", x)
	}
}

func TestTheDossiersDateChoosesTheDecision(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ended, created, want string }{
		{"202406302359", "20260302", "130"},
		{"202407010000", "20260302", "4750"},
		{"202603010900", "20240101", "3176"},
		{"", "20260701", "1931"},
		{"202300000000", "20241231", "4750"},
		{"", "20230000", "1931"},
		{"rubbish", "20241231", "4750"},
		{"", "", "1931"},
	} {
		raw := strings.Replace(one(filed("XML13", b64("<CHI_TIEU_GIAYCHUYENTUYEN><MA_CSKCB_DI>79901</MA_CSKCB_DI></CHI_TIEU_GIAYCHUYENTUYEN>")),
			filed("XML1", b64(strings.Replace(summary, "202603010900", c.ended, 1)))), "20260302", c.created, 1)
		d := open(t, raw).Dossier(0)
		if d.Spec.Decision != c.want || len(d.Unreadable) != 0 {
			t.Errorf("%+v: read by %s", c, d.Spec.Decision)
		}
		known := schema.ByDecision(c.want).Table("XML13").Field("MA_CSKCB_DI") != nil
		if got := d.Content.Field("XML13", 0, "MA_CSKCB_DI") == "79901"; got != known {
			t.Errorf("%+v: MA_CSKCB_DI read as a field: %v", c, got)
		}
	}
}

func TestTwoSummariesBothStand(t *testing.T) {
	t.Parallel()
	other := strings.Replace(summary, "B1", "B2", 1)
	d := open(t, one(filed("XML1", b64(summary)), filed("XML1", b64(other)))).Dossier(0)
	if len(d.Content.All) != 2 || d.Content.All[1].Cell(0, "MA_BN").Text != "B2" || d.Patient.LocalID != "B1" {
		t.Errorf("tables %v", d.Content.All)
	}
	d = open(t, one(filed("XML1", b64("<X>"+summary+other+"</X>")))).Dossier(0)
	if len(d.Unreadable) != 1 || len(d.Content.Table("XML1").Rows) != 2 {
		t.Error("two TONG_HOP in one document must be seen as two")
	}
	d = open(t, one(filed("XML1", b64(strings.Replace(summary, "</TONG_HOP>", other+"</TONG_HOP>", 1))))).Dossier(0)
	if len(d.Content.Table("XML1").Rows) != 2 {
		t.Error("a TONG_HOP in a TONG_HOP must be seen as two")
	}
}

func TestWithoutSummaryOtherTablesNameTheEpisode(t *testing.T) {
	t.Parallel()
	d := open(t, one(filed("XML2", b64(drugs)))).Dossier(0)
	if d.Episode != "L1" || d.Content.Table("XML1") != nil {
		t.Errorf("episode %q", d.Episode)
	}
	d = open(t, one()).Dossier(0)
	if d.Episode != "" || len(d.Inner) != 0 || d.Content == nil || d.Content.Field("XML1", 0, "MA_LK") != "" {
		t.Error("an empty HOSO is a dossier with nothing in it")
	}
}

func TestSpansAreTheContents(t *testing.T) {
	t.Parallel()
	raw := envelope("2", hoso(filed("XML1", b64(summary)), filed("XML2", b64(drugs)))+hoso("\n<!-- B1 -->\n<GHICHU>kín</GHICHU>"+filed("XML1", summary)+" thừa"))
	raw = strings.Replace(raw, "<CHUKYDONVI>", "<CHUKYDONVI><Signature><X509Certificate>\nTUlJ\n</X509Certificate><X509Certificate/></Signature>", 1)
	f := open(t, raw)
	want := []struct {
		text    string
		dossier int
	}{{b64(summary), 0}, {b64(drugs), 0}, {"<!-- B1 -->", 1}, {"kín", 1}, {summary, 1}, {" thừa", 1}}
	if len(f.Spans()) != len(want) {
		t.Fatalf("spans %v", f.Spans())
	}
	for i, s := range f.Spans() {
		if raw[s.Start:s.End] != want[i].text || s.Dossier != want[i].dossier {
			t.Errorf("span %d is %q of %d", i, raw[s.Start:s.End], s.Dossier)
		}
	}
	if x := f.Extracts(); len(x) != 1 || raw[x[0].Start:x[0].End] != "\nTUlJ\n" {
		t.Errorf("extracts %v", x)
	}
}

// TestRedactedFileStillGivesTheDossier: a record is read again from its own
// parts only; the digests in place of the others are those of its neighbours'
// receipts, which hash Inner.
func TestRedactedFileStillGivesTheDossier(t *testing.T) {
	t.Parallel()
	other := strings.Replace(summary, "B1", "B2", 1)
	raw := envelope("3", hoso(filed("XML1", b64(summary)), filed("XML2", b64(drugs)))+
		hoso("<GHICHU>kín</GHICHU>"+filed("XML1", "\n"+other+"\n"))+hoso(filed("XML1", wrapped(b64(other)))))
	f := open(t, raw)
	split, err := body.Split([]byte(raw), f.Spans(), f.Extracts()...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Len() {
		redacted, err := body.Redact(split.Skeleton, i, split.Source())
		if err != nil {
			t.Fatal(err)
		}
		again := open(t, string(redacted))
		want, got := f.Dossier(i), again.Dossier(i)
		if !slices.EqualFunc(got.Inner, want.Inner, bytes.Equal) || got.Patient != want.Patient || len(got.Unreadable) != 0 {
			t.Errorf("dossier %d of the redacted file differs: %v", i, got.Unreadable)
		}
		for j := range f.Len() {
			for k, inner := range f.Dossier(j).Inner {
				digest := fmt.Sprintf("sha256:%x", sha256.Sum256(inner))
				if strings.Contains(string(redacted), digest) != (j != i) {
					t.Errorf("dossier %d shown, document %d of %d: %s", i, k, j, digest)
				}
			}
		}
	}
}

func TestWriteGivesWhatOpenTakes(t *testing.T) {
	t.Parallel()
	created, _ := care.ParseMoment("202603021230")
	for name, style := range map[string]qd4750.Style{
		"plain": {}, "declared": {Declaration: true, Lines: true}, "wrapped": {Wrap: 64, Lines: true}, "inline": {Inline: true},
	} {
		var out bytes.Buffer
		err := qd4750.Write(&out, qd4750.Envelope{Facility: "79901", Created: created,
			Dossiers: [][]qd4750.Inner{{{Type: "XML1", XML: []byte(summary)}, {Type: "XML2", XML: []byte(drugs)}}}}, style)
		if err != nil {
			t.Fatal(err)
		}
		d := open(t, out.String()).Dossier(0)
		if len(d.Unreadable) != 0 || string(d.Inner[0]) != summary || string(d.Inner[1]) != drugs {
			t.Errorf("%s: %v", name, d.Unreadable)
		}
	}
}
