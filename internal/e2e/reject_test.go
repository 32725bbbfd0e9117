package e2e_test

import (
	"strings"
	"testing"
)

// turn is one change of a good visit and what becomes of the dossier.
type turn struct {
	name   string
	change func(v *visit)
	want   string
}

func set(table, name, text string) func(*visit) {
	return func(v *visit) { v.set(table, name, text) }
}

func omit(table string, names ...string) func(*visit) {
	return func(v *visit) { v.omit(table, names...) }
}

// all does several changes.
func all(changes ...func(*visit)) func(*visit) {
	return func(v *visit) {
		for _, c := range changes {
			c(v)
		}
	}
}

func raw(table, xml string) func(*visit) { return func(v *visit) { v.raw(table, xml) } }

// edit changes the text of a table's document.
func edit(table, old, new string) func(*visit) {
	return func(v *visit) {
		x := v.at(table).xml()
		if !strings.Contains(x, old) {
			panic("nothing to change in " + table + ": " + old)
		}
		v.raw(table, strings.Replace(x, old, new, 1))
	}
}

// sent makes the content of a table's NOIDUNGFILE as given; see fill.
func sent(table, content string) func(*visit) {
	return func(v *visit) { v.at(table).raw = "=" + content }
}

func reject(codes ...string) string { return "rejected " + strings.Join(codes, " ") }

func copyOf(kind string, changes ...string) func(*visit) {
	return func(v *visit) {
		c := *v.at(kind)
		c.rows = [][]field{append([]field(nil), c.rows[0]...)}
		for i := 0; i+1 < len(changes); i += 2 {
			for k := range c.rows[0] {
				if c.rows[0][k].name == changes[i] {
					c.rows[0][k].text = changes[i+1]
				}
			}
		}
		v.append(&c)
	}
}

// extraTable adds a table with the visit's own key.
func extraTable(kind string, pairs ...string) func(*visit) {
	return func(v *visit) { v.add(kind, append([]string{"MA_LK", v.lk}, pairs...)...) }
}

func long(n int, unit string) string { return strings.Repeat(unit, n) }

// lk sets MA_LK to a unique text of n code points made of unit.
func lk(n int, unit string) func(*visit) {
	return func(v *visit) { v.episode(v.lk + long(n-len(v.lk), unit)) }
}

func rejections() []turn {
	const unreadable, summary, two = "dossier.unreadable", "dossier.no_summary", "dossier.two_patients"
	const missing, mismatch, other, sex = "episode.missing", "episode.mismatch", "facility.mismatch", "subject.sex"
	const impossible, future, order = "time.impossible", "time.future", "time.order"
	birth := func(s string) func(*visit) { return set("XML1", "NGAY_SINH", s) }
	in := func(s string) func(*visit) { return set("XML1", "NGAY_VAO", s) }
	out := func(s string) func(*visit) { return set("XML1", "NGAY_RA", s) }
	list := []turn{
		{"base64 with a foreign character", sent("XML2", "PD94*bWw="), reject(unreadable)},
		{"base64 cut short", sent("XML2", "PD94bWw"), reject(unreadable)},
		{"base64 of the URL alphabet", sent("XML2", "_-__"), reject(unreadable)},
		{"base64 padded in the middle", sent("XML2", "PA==PA=="), reject(unreadable)},
		{"words for base64", sent("XML2", "không có"), reject(unreadable)},
		{"nothing for base64", sent("XML2", ""), reject(unreadable)},
		{"inner XML cut short", raw("XML2", "<CHITIEU_CHITIET_THUOC><DSACH_CHI_TIET_THUOC>"), reject(unreadable)},
		{"inner XML with two roots", edit("XML2", "</CHITIEU_CHITIET_THUOC>", "</CHITIEU_CHITIET_THUOC><A/>"), reject(unreadable)},
		{"inner XML with a DOCTYPE", raw("XML2", "<!DOCTYPE a><CHITIEU_CHITIET_THUOC/>"), reject(unreadable)},
		{"inner XML with an entity", raw("XML2", `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><CHITIEU_CHITIET_THUOC>&e;</CHITIEU_CHITIET_THUOC>`), reject(unreadable)},
		{"inner XML of another encoding", edit("XML2", `encoding="utf-8"`, `encoding="UTF-16"`), reject(unreadable)},
		{"inner XML with Latin-1 bytes", edit("XML2", "Thuốc", "b\xe9n"), reject(unreadable)},
		{"inner XML with NUL", edit("XML2", "Thuốc", "a\x00b"), reject(unreadable)},
		{"inner XML with an undeclared entity", edit("XML2", "&amp;", "&nbsp;"), reject(unreadable)},
		{"inner XML with a bare ampersand", edit("XML2", "&amp;", "&"), reject(unreadable)},
		{"inner JSON", raw("XML2", `{"a":1}`), reject(unreadable)},
		{"inner PDF", raw("XML2", "%PDF-1.7"), reject(unreadable)},
		{"inner XML a thousand deep", raw("XML2", "<CHITIEU_CHITIET_THUOC>"+long(1000, "<A>")+long(1000, "</A>")+"</CHITIEU_CHITIET_THUOC>"), reject(unreadable)},
		{"XML3 filed as XML2", func(v *visit) {
			v.raw("XML2", "<CHITIEU_CHITIET_DVKT_VTYT><DSACH_CHI_TIET_DVKT/></CHITIEU_CHITIET_DVKT_VTYT>")
		}, reject(unreadable)},
		{"an unknown root filed as XML2", raw("XML2", "<A/>"), reject(unreadable)},
		{"a list without its root", raw("XML2", "<DSACH_CHI_TIET_THUOC/>"), reject(unreadable)},
		{"XML2 filed as XML1 besides XML1", func(v *visit) { v.append(&table{kind: "XML3", raw: v.at("XML2").xml()}) }, reject(unreadable)},
		{"broken XML1", raw("XML1", "<TONG_HOP><MA_LK>1"), reject(unreadable)},
		{"broken base64 of XML1", sent("XML1", "%%%"), reject(unreadable)},
		{"two tables broken", all(sent("XML2", "%"), extraTable("XML5", "STT", "1"), sent("XML5", "%")), reject(unreadable)},
		{"broken base64 of XML16", func(v *visit) { v.append(&table{kind: "XML16", raw: "=%%"}) }, reject(unreadable)},
		{"no XML1", func(v *visit) { v.drop("XML1") }, reject(summary)},
		{"XML0 for XML1", func(v *visit) {
			v.drop("XML1").drop("XML2").add("XML0", "MA_LK", v.lk, "STT", "1", "MA_BN", v.bn, "GIOI_TINH", "2", "MA_CSKCB", "79901")
		}, reject(summary)},
		{"no table at all", func(v *visit) { v.drop("XML1").drop("XML2") }, reject(summary)},
		{"unknown tables only", func(v *visit) { v.drop("XML1").drop("XML2").append(&table{kind: "XML16", raw: "<A/>"}) }, reject(summary)},
		{"no XML1, and another facility's", all(extraTable("XML13", "MA_CSKCB", "79902"), func(v *visit) { v.drop("XML1") }), reject(summary, other)},
		{"XML1 twice", copyOf("XML1"), reject(two)},
		{"XML1 twice, of two people", copyOf("XML1", "MA_BN", "KHAC"), reject(two)},
		{"two TONG_HOP in a row of tables", func(v *visit) { v.append(&table{kind: "XML1", raw: v.at("XML1").xml()}) }, reject(two)},
		{"another MA_BN in XML15", extraTable("XML15", "STT", "1", "MA_BN", "KHAC"), reject(two)},
		{"another SO_CCCD in XML15", extraTable("XML15", "STT", "1", "SO_CCCD", "079880999999"), reject(two)},
		{"another SO_CCCD in XML6", extraTable("XML6", "SO_CCCD", "079880999999"), reject(two)},
		{"another MA_BN in XML0", extraTable("XML0", "STT", "1", "MA_BN", "KHAC", "MA_CSKCB", "79901"), reject(two)},
		{"another MA_BN in the second row of XML15", all(extraTable("XML15", "STT", "1"), func(v *visit) { v.add("XML15", "MA_LK", v.lk, "STT", "2", "MA_BN", "KHAC") }), reject(two)},
		{"MA_BN of another case", extraTable("XML15", "STT", "1", "MA_BN", "bnx"), reject(two)},
		{"MA_LK empty", func(v *visit) { v.set("XML1", "MA_LK", "").omit("XML2", "MA_LK") }, reject(missing)},
		{"MA_LK blank", func(v *visit) { v.set("XML1", "MA_LK", " \t ").omit("XML2", "MA_LK") }, reject(missing)},
		{"MA_LK left out", func(v *visit) { v.omit("XML1", "MA_LK").omit("XML2", "MA_LK") }, reject(missing)},
		{"nothing in XML1", raw("XML1", "<TONG_HOP/>"), reject(missing)},
		{"XML2 filed as XML1", func(v *visit) { v.raw("XML1", v.at("XML2").xml()) }, reject(unreadable)},
		{"MA_LK in XML2 only", omit("XML1", "MA_LK"), reject(missing)},
		{"MA_LK of 101 letters", lk(101, "x"), reject(missing)},
		{"MA_LK of 101 Vietnamese letters", lk(101, "ế"), reject(missing)},
		{"MA_LK of 101 code points, half of them combining", func(v *visit) { v.episode(v.lk + long(46, "e\u0301")) }, reject(missing)},
		{"MA_LK of 101 code points with a combining mark last", func(v *visit) { v.episode(v.lk + long(90, "x") + "e\u0301") }, reject(missing)},
		{"MA_LK of 101 beyond the BMP", lk(101, "𠀀"), reject(missing)},
		{"MA_LK another in XML2", set("XML2", "MA_LK", "KHAC"), reject(mismatch)},
		{"MA_LK of another case in XML2", func(v *visit) { v.set("XML2", "MA_LK", strings.ToLower(v.lk)) }, reject(mismatch)},
		{"MA_LK composed otherwise in XML2", func(v *visit) { v.episode(v.lk+"é").set("XML2", "MA_LK", v.lk[:9]+"e\u0301") }, reject(mismatch)},
		{"MA_LK another in the second row of XML2", func(v *visit) { v.add("XML2", "MA_LK", "KHAC", "STT", "2") }, reject(mismatch)},
		{"MA_LK with a blank inside in XML2", func(v *visit) { v.set("XML2", "MA_LK", v.lk[:3]+" "+v.lk[3:]) }, reject(mismatch)},
		{"MA_LK too long and another in XML2", all(lk(101, "x"), set("XML2", "MA_LK", "KHAC")), reject(missing, mismatch)},
		{"MA_CSKCB another", set("XML1", "MA_CSKCB", "79902"), reject(other)},
		{"MA_CSKCB of nobody", set("XML1", "MA_CSKCB", "99999"), reject(other)},
		{"MA_CSKCB misshapen", set("XML1", "MA_CSKCB", "7990"), reject(other)},
		{"MA_CSKCB another in XML13", extraTable("XML13", "MA_CSKCB", "79902"), reject(other)},
		{"MA_CSKCB another in XML14", extraTable("XML14", "MA_CSKCB", "79902"), reject(other)},
		{"MA_CSKCB another in XML6", extraTable("XML6", "MA_CSKCB", "79902"), reject(other)},
		{"MA_CSKCB another in XML2, which has none", set("XML2", "MA_CSKCB", "79902"), reject(other)},
		{"time.impossible and sex", all(birth("19901301"), set("XML1", "GIOI_TINH", "M")), reject(impossible, sex)},
		{"everything at once", all(birth("19901301"), in("202701010000"), out("20250101"), set("XML1", "GIOI_TINH", "0"), set("XML1", "MA_CSKCB", "79902"),
			set("XML2", "MA_LK", "KHAC"), extraTable("XML15", "STT", "1", "MA_BN", "KHAC"), extraTable("XML5", "STT", "1"), sent("XML5", "%")),
			reject(unreadable, two, mismatch, other, sex, impossible, future, order)},
		{"two defects of two kinds", all(set("XML1", "GIOI_TINH", "4"), set("XML2", "MA_LK", "KHAC")), reject(sex, mismatch)},
		{"born after coming, coming after leaving", all(birth("20261121"), in("202611200800"), out("202611190930")), reject(order)},
	}
	for _, s := range []string{"0", "4", "-1", "01", "1.0", "M", "Nam", "nữ", "１", "1 2"} {
		list = append(list, turn{"sex " + s, set("XML1", "GIOI_TINH", s), reject(sex)})
	}
	for _, d := range []string{"19900230", "199002300000", "20260229", "19001301", "19900200001", "199002", "1990", "1990-02-03", "03/02/1990", "199002032400", "199002031260",
		"1990020310", "19900203103000", "abc", "19900003", "199000030000", "00000203", "000002030000", "19900200 0000", "１９９００２０３", "-1990203", "199002030000Z"} {
		list = append(list, turn{"birth " + d, birth(d), reject(impossible)})
	}
	for _, d := range []string{"202611310800", "20261120080", "2026112008", "202611202500", "2026-11-20T08:00"} {
		list = append(list, turn{"admission " + d, in(d), reject(impossible)}, turn{"discharge " + d, out(d), reject(impossible)})
	}
	return append(list, []turn{
		// receipt is 202611211000 in Hanoi
		{"discharge a minute beyond 24 hours", out("202611221001"), reject(future)},
		{"discharge at 24 hours", out("202611221000"), fine},
		{"discharge by day, the next day", out("20261122"), fine},
		{"discharge by day, the day after it", out("20261123"), reject(future)},
		{"discharge at midnight of the day after it", out("202611230000"), reject(future)},
		{"discharge next month by month", out("20261200"), reject(future)},
		{"discharge this month by month", out("20261100"), fine},
		{"discharge next year by year", out("20270000"), reject(future)},
		{"discharge this year by year", out("202600000000"), fine},
		{"admission a minute beyond 24 hours", all(in("202611221001"), omit("XML1", "NGAY_RA")), reject(future)},
		{"admission at 24 hours", all(in("202611221000"), omit("XML1", "NGAY_RA")), fine},
		{"birth in the next century", birth("21900203"), reject(future, order)},
		{"all three in the future", all(birth("20270101"), in("202701010800"), out("202701010900")), reject(future)},
		{"admission a minute after discharge", out("202611200759"), reject(order)},
		{"admission and discharge in one minute", out("202611200800"), fine},
		{"admission in the morning, discharge by the same day", out("20261120"), fine},
		{"admission in the morning, discharge by the day before", out("20261119"), reject(order)},
		{"admission in the morning, discharge at the same midnight", out("202611200000"), fine},
		{"admission by month, discharge in it", in("20261100"), fine},
		{"admission by month, discharge before it", all(in("20261100"), out("202610310900")), reject(order)},
		{"admission by year, discharge in it", in("202600000000"), fine},
		{"born on the day of coming", birth("20261120"), fine},
		{"born a minute before coming", birth("202611200759"), fine},
		{"born in the minute of coming", birth("202611200800"), fine},
		{"born a minute after coming", birth("202611200801"), reject(order)},
		{"born a day after coming", birth("20261121"), reject(order)},
		{"born in the year of coming, by year", birth("20260000"), fine},
		{"born in the year of coming, by year with zeros for time", birth("202600000000"), fine},
		{"born the year after coming, by year", all(birth("20260000"), in("202511200800")), reject(order)},
		{"born in the month of coming, by month", birth("20261100"), fine},
		{"born the month after coming, by month", all(birth("20261100"), in("202610200800")), reject(order)},
		{"born after leaving, coming not said", all(birth("202611200931"), omit("XML1", "NGAY_VAO")), reject(order)},
	}...)
}

// findingsOnly are defects that may never reject (promise 8).
func findingsOnly() []turn {
	list := []turn{
		{"birth left out", omit("XML1", "NGAY_SINH"), fine},
		{"birth empty", set("XML1", "NGAY_SINH", ""), fine},
		{"admission left out", omit("XML1", "NGAY_VAO"), fine},
		{"discharge empty", set("XML1", "NGAY_RA", ""), fine},
		{"all dates left out", omit("XML1", "NGAY_SINH", "NGAY_VAO", "NGAY_RA"), fine},
		{"birth all zeros", set("XML1", "NGAY_SINH", "00000000"), fine},
		{"discharge all zeros", set("XML1", "NGAY_RA", "000000000000"), fine},
		{"a field twice, alike", edit("XML1", "<GIOI_TINH>2</GIOI_TINH>", "<GIOI_TINH>2</GIOI_TINH><GIOI_TINH>2</GIOI_TINH>"), fine},
		{"sex left out", omit("XML1", "GIOI_TINH"), fine},
		{"sex empty", set("XML1", "GIOI_TINH", ""), fine},
		{"sex with blanks", set("XML1", "GIOI_TINH", " 2 "), fine},
		{"sex 3", set("XML1", "GIOI_TINH", "3"), fine},
		{"birth by year", set("XML1", "NGAY_SINH", "19900000"), fine},
		{"birth by year to the minute", set("XML1", "NGAY_SINH", "199000000000"), fine},
		{"birth by month", set("XML1", "NGAY_SINH", "19900200"), fine},
		{"birth by day", set("XML1", "NGAY_SINH", "19900203"), fine},
		{"birth on a leap day", set("XML1", "NGAY_SINH", "19920229"), fine},
		{"birth with blanks", set("XML1", "NGAY_SINH", " 19900203 "), fine},
		{"born 130 years ago", set("XML1", "NGAY_SINH", "18960101"), fine},
		{"MA_LK of 100 letters", lk(100, "x"), fine},
		{"MA_LK of 100 Vietnamese letters", lk(100, "ế"), fine},
		{"MA_LK of 100 beyond the BMP", lk(100, "𠀀"), fine},
		{"MA_LK of 99 code points, half of them combining", func(v *visit) { v.episode(v.lk + long(45, "e\u0301")) }, fine},
		{"MA_LK of 100 between blanks", func(v *visit) { v.episode("  " + v.lk + long(91, "x") + " \r\n") }, fine},
		{"MA_LK with blanks behind in XML2", func(v *visit) { v.set("XML2", "MA_LK", v.lk+"  ") }, fine},
		{"MA_LK with a line end before in XML2", func(v *visit) { v.set("XML2", "MA_LK", "\n"+v.lk) }, fine},
		{"MA_LK left out of XML2", omit("XML2", "MA_LK"), fine},
		{"MA_LK empty in XML2", set("XML2", "MA_LK", ""), fine},
		{"MA_CSKCB empty", set("XML1", "MA_CSKCB", ""), fine},
		{"MA_CSKCB left out", omit("XML1", "MA_CSKCB"), fine},
		{"MA_CSKCB with blanks", set("XML1", "MA_CSKCB", " 79901 "), fine},
		{"MA_CSKCB_DI of another", extraTable("XML13", "MA_CSKCB_DI", "79902", "MA_CSKCB_DEN", "79903"), fine},
		{"MA_NOI_DEN of another", set("XML1", "MA_NOI_DEN", "79902"), fine},
		{"MA_DKBD of another", set("XML1", "MA_DKBD", "99999"), fine},
		{"MA_BN empty", set("XML1", "MA_BN", ""), fine},
		{"MA_BN left out", omit("XML1", "MA_BN"), fine},
		{"MA_BN empty in XML15", extraTable("XML15", "STT", "1", "MA_BN", ""), fine},
		{"MA_BN the same with blanks in XML15", func(v *visit) { v.add("XML15", "MA_LK", v.lk, "MA_BN", " "+v.bn+" ") }, fine},
		{"SO_CCCD empty", set("XML1", "SO_CCCD", ""), fine},
		{"SO_CCCD in letters", set("XML1", "SO_CCCD", "ABC"), fine},
		{"SO_CCCD of 9 digits", set("XML1", "SO_CCCD", "123456789"), fine},
		{"SO_CCCD of the other sex", set("XML1", "SO_CCCD", "079890000001"), fine},
		{"SO_CCCD in another table only", func(v *visit) { v.omit("XML1", "SO_CCCD").add("XML15", "MA_LK", v.lk, "SO_CCCD", "079990000001") }, fine},
		{"mother, father and child of other numbers", extraTable("XML9", "SO_CCCD_NND", "079880000009", "HO_TEN_NND", "A", "HO_TEN_CHA", "B", "HO_TEN_CON", "C", "GIOI_TINH_CON", "7",
			"NGAY_SINH_CON", "20991332", "NGAYSINH_NND", "x"), fine},
		{"guardian", set("XML1", "SO_CCCD_NGH", "079880000008"), fine},
		{"another name in XML13", extraTable("XML13", "HO_TEN", "LÊ THỊ KHÁC", "NGAY_SINH", "19500101", "GIOI_TINH", "1"), fine},
		{"another sex in XML6", extraTable("XML6", "GIOI_TINH", "9", "NGAY_SINH", "xx"), fine},
		{"dates of XML7 impossible and in the future", extraTable("XML7", "NGAY_VAO", "20261340", "NGAY_RA", "20991231", "NGAY_CT", "abc"), fine},
		{"dates of XML8 out of order", extraTable("XML8", "NGAY_VAO", "20261120", "NGAY_RA", "20261101"), fine},
		{"an order's date impossible", set("XML2", "NGAY_YL", "999999999999"), fine},
		{"payment in the future", set("XML1", "NGAY_TTOAN", "20991231"), fine},
		{"admission as inpatient impossible", set("XML1", "NGAY_VAO_NOI_TRU", "20261332"), fine},
		{"card dates impossible", all(set("XML1", "GT_THE_TU", "20261301"), set("XML1", "GT_THE_DEN", "x")), fine},
		{"name empty", set("XML1", "HO_TEN", ""), fine},
		{"name of 5,000 letters", set("XML1", "HO_TEN", long(5000, "Ạ")), fine},
		{"ICD that is none", set("XML1", "MA_BENH_CHINH", "???"), fine},
		{"ICD of pregnancy in a man", all(set("XML1", "GIOI_TINH", "1"), set("XML1", "MA_BENH_CHINH", "O80")), fine},
		{"sums that do not add up", set("XML1", "T_TONGCHI_BV", "1"), fine},
		{"amounts that are no numbers", all(set("XML1", "T_THUOC", "một trăm"), set("XML2", "SO_LUONG", "-1"), set("XML2", "DON_GIA", "1,5")), fine},
		{"codes of no list", all(set("XML1", "MA_LOAI_KCB", "99"), set("XML1", "MA_DOITUONG_KCB", "77"), set("XML1", "KET_QUA_DTRI", "x"), set("XML1", "MA_DANTOC", "98")), fine},
		{"a field the table does not have", set("XML1", "LA_LA", "x"), fine},
		{"MA_LK and nothing else in XML1", func(v *visit) { v.at("XML1").rows = [][]field{row("MA_LK", v.lk)} }, fine},
		{"fields in another order", func(v *visit) {
			r := v.at("XML1").rows[0]
			r[0], r[7] = r[7], r[0]
		}, fine},
		{"XML0 in the dossier without sex", extraTable("XML0", "STT", "1", "MA_BN", "", "GIOI_TINH", ""), fine},
		{"XML0 in the dossier with another sex and date", extraTable("XML0", "STT", "1", "GIOI_TINH", "9", "NGAY_VAO", "20261340", "NGAY_SINH", "21000101"), fine},
		{"XML12", extraTable("XML12", "HO_TEN", "A"), fine},
		{"text that looks like markup", set("XML1", "LY_DO_VV", "<script>alert(1)</script> & ' \""), fine},
		{"text of emoji and combining marks", set("XML1", "LY_DO_VV", "😀 e\u0301 \u200d"), fine},
	}
	return list
}

// fill is one dossier's HOSO, contents given by sent as they are.
func fill(v *visit) string {
	var b strings.Builder
	b.WriteString("<HOSO>")
	for _, t := range v.tables {
		x := t.xml()
		if content, as := strings.CutPrefix(x, "="); as {
			b.WriteString(filed(t.kind, content))
		} else {
			b.WriteString(filed(t.kind, b64(x)))
		}
	}
	return b.String() + "</HOSO>"
}

func turned(c turn) string {
	v := newVisit()
	c.change(v)
	return fill(v)
}

// signTurns signs one file for each turn, in turn by us and by xmlsec1.
func signTurns(list []turn) []sample {
	var out []sample
	for i, c := range list {
		text := enclosed("79901", "20261120", "1", turned(c))
		s := sample{name: c.name, want: c.want}
		if x := tool(); x != nil && i%3 == 0 {
			s.name += ", signed by xmlsec1"
			s.data = x.sign([]sealPair{pairs().ec, pairs().rsa}[i%2], text, template{})
		} else {
			s.data = ours(pairs().ec, text)
		}
		out = append(out, s)
	}
	return out
}

func TestWhatRejectsADossier(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) { judge(t, w, signTurns(rejections())) })
}

func TestWhatNeverRejectsADossier(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) { judge(t, w, signTurns(findingsOnly())) })
}

// TestNeighboursAreUnaffected: all turns in a few files, verdicts by index.
func TestNeighboursAreUnaffected(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		list := append(rejections(), findingsOnly()...)
		var files []sample
		for from := 0; from < len(list); from += 25 {
			var parts, names, want []string
			for _, c := range list[from:min(from+25, len(list))] {
				parts = append(parts, turned(c), newVisit().hoso())
				names = append(names, c.name)
				want = append(want, c.want, fine)
			}
			text := enclosed("79901", "20261120", itoa(len(parts)), parts...)
			files = append(files, sample{name: "together: " + strings.Join(names, ", "), data: ours(pairs().ec, text), want: strings.Join(want, "; ")})
		}
		judge(t, w, files)
	})
}

func TestCheckIns(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		file := func(rows ...[]field) []byte { return ours(pairs().ec, checkin(rows...)) }
		without := func(names ...string) []field {
			var out []field
			for _, f := range arrival() {
				keep := true
				for _, n := range names {
					keep = keep && f.name != n
				}
				if keep {
					out = append(out, f)
				}
			}
			return out
		}
		edited := func(old, new string) []byte {
			return ours(pairs().ec, strings.Replace(checkin(arrival()), old, new, 1))
		}
		judge(t, w, []sample{
			{name: "one row", data: file(arrival()), want: fine},
			{name: "three rows", data: file(arrival(), arrival(), arrival()), want: "accepted; accepted; accepted"},
			{name: "a row of another facility", data: file(arrival(), arrival("MA_CSKCB", "79902"), arrival()), want: "accepted; rejected facility.mismatch; accepted"},
			{name: "a row without facility", data: file(arrival("MA_CSKCB", "")), want: fine},
			{name: "a row without sex", data: file(without("GIOI_TINH")), want: fine},
			{name: "a row with an empty sex", data: file(arrival("GIOI_TINH", "")), want: fine},
			{name: "a row of sex 4", data: file(arrival("GIOI_TINH", "4")), want: "rejected subject.sex"},
			{name: "a row without MA_LK", data: file(arrival("MA_LK", "")), want: "rejected episode.missing"},
			{name: "a row with a MA_LK too long", data: file(arrival("MA_LK", long(101, "x"))), want: "rejected episode.missing"},
			{name: "a row born by year", data: file(arrival("NGAY_SINH", "198800000000")), want: fine},
			{name: "a row of an impossible birth", data: file(arrival("NGAY_SINH", "19881301")), want: "rejected time.impossible"},
			{name: "a row born after coming", data: file(arrival("NGAY_SINH", "202611210901")), want: "rejected time.order"},
			{name: "a row coming in two days", data: file(arrival("NGAY_VAO", "202611230900")), want: "rejected time.future"},
			{name: "a row coming in 24 hours", data: file(arrival("NGAY_VAO", "202611221000")), want: fine},
			{name: "a row without dates", data: file(arrival("NGAY_VAO", "", "NGAY_SINH", "")), want: fine},
			{name: "a row without a summary or anything", data: file(row("MA_LK", "TRONG-1")), want: fine},
			{name: "a row of two defects", data: file(arrival("GIOI_TINH", "x", "MA_CSKCB", "79902")), want: "rejected subject.sex facility.mismatch"},
			{name: "rows of two patients", data: file(arrival(), arrival("MA_BN", "A", "SO_CCCD", "079880777777")), want: "accepted; accepted"},
			{name: "no row", data: []byte("<CHI_TIEU_TRANG_THAI_KCB><DSACH_TRANG_THAI_KCB></DSACH_TRANG_THAI_KCB><CHUKYDONVI></CHUKYDONVI></CHI_TIEU_TRANG_THAI_KCB>"), want: "refused envelope.invalid"},
			{name: "no list", data: []byte("<CHI_TIEU_TRANG_THAI_KCB><CHUKYDONVI></CHUKYDONVI></CHI_TIEU_TRANG_THAI_KCB>"), want: "refused envelope.invalid"},
			{name: "with a declaration and CRLF", data: edited("<CHI_TIEU", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<CHI_TIEU"), want: fine},
			{name: "with an element nobody knows", data: edited("<DSACH_", "<GHICHU>x</GHICHU><DSACH_"), want: fine},
		})
	})
}
