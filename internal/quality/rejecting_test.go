package quality_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/quality"
	"lienthong/internal/schema"
)

// rejections keeps the rejecting codes of a judgement, each once and sorted.
func rejections(t *testing.T, findings []dossier.Finding) []string {
	t.Helper()
	var out []string
	for _, c := range codes(findings) {
		r, ok := quality.V1().Rule(c)
		if !ok {
			t.Errorf("code %s is not in the catalogue", c)
		}
		if r.Rejects {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// TestWhatRejects holds the rejecting rules of DESIGN §6 against a clean
// dossier changed in one way. Each case names all rejections and, after "+",
// the findings that come with them.
func TestWhatRejects(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ơ", 101)
	tests := map[string]struct {
		change func(d *draft)
		want   string
	}{
		"nothing":                         {func(d *draft) {}, ""},
		"XML1 left out":                   {func(d *draft) { d.drop("XML1") }, "dossier.no_summary"},
		"XML1 broken":                     {func(d *draft) { d.drop("XML1"); d.in.Unreadable = unreadable("XML1") }, "dossier.unreadable"},
		"XML3 broken, XML1 left out":      {func(d *draft) { d.drop("XML1"); d.in.Unreadable = unreadable("XML3") }, "dossier.no_summary dossier.unreadable"},
		"XML5 broken":                     {func(d *draft) { d.drop("XML5"); d.in.Unreadable = unreadable("XML5") }, "dossier.unreadable"},
		"XML1 twice":                      {func(d *draft) { d.double = "XML1" }, "dossier.two_patients"},
		"two TONG_HOP":                    {func(d *draft) { d.tables["XML1"] = append(d.tables["XML1"], d.tables["XML1"][0]) }, "dossier.two_patients"},
		"XML2 twice":                      {func(d *draft) { d.double = "XML8" }, ""},
		"other MA_BN":                     {func(d *draft) { d.set("XML15", "MA_BN", "P2") }, "dossier.two_patients"},
		"no MA_BN":                        {func(d *draft) { d.set("XML15", "MA_BN", "") }, ""},
		"blank around MA_BN":              {func(d *draft) { d.set("XML15", "MA_BN", " P1\n") }, ""},
		"other SO_CCCD":                   {func(d *draft) { d.set("XML6", "SO_CCCD", "079990000002") }, "dossier.two_patients"},
		"blanks inside SO_CCCD":           {func(d *draft) { d.set("XML6", "SO_CCCD", "079 990 000 001") }, ""},
		"SO_CCCD where the spec has none": {func(d *draft) { d.extra = one("XML7", "SO_CCCD", "079990000002") }, "dossier.two_patients"},
		"mother's SO_CCCD":                {func(d *draft) { d.set("XML9", "SO_CCCD_NND", "079990000009") }, ""},
		"other name, birth, sex": {func(d *draft) {
			d.set("XML13", "HO_TEN", "Lê An").set("XML13", "NGAY_SINH", "198001010000").set("XML13", "GIOI_TINH", "1")
		}, ""},
		"MA_LK empty":                 {func(d *draft) { d.set("XML1", "MA_LK", "") }, "episode.missing"},
		"MA_LK blank":                 {func(d *draft) { d.set("XML1", "MA_LK", " \t ") }, "episode.missing"},
		"MA_LK no-break blank":        {func(d *draft) { d.set("XML1", "MA_LK", "\u00a0") }, "episode.missing"},
		"MA_LK too long everywhere":   {func(d *draft) { d.all("MA_LK", long) }, "episode.missing"},
		"MA_LK of 100 code points":    {func(d *draft) { d.all("MA_LK", long[:len(long)-2]) }, ""},
		"MA_LK empty elsewhere":       {func(d *draft) { d.set("XML2", "MA_LK", "") }, ""},
		"other MA_LK":                 {func(d *draft) { d.set("XML4", "MA_LK", episode+"x") }, "episode.mismatch"},
		"MA_LK in other case":         {func(d *draft) { d.all("MA_LK", "a").set("XML4", "MA_LK", "A") }, "episode.mismatch"},
		"MA_LK with blanks around":    {func(d *draft) { d.set("XML4", "MA_LK", " "+episode+" ") }, ""},
		"MA_LK other inside a table":  {func(d *draft) { d.tables["XML3"][1]["MA_LK"] = "B" }, "episode.mismatch"},
		"MA_CSKCB other in XML1":      {func(d *draft) { d.set("XML1", "MA_CSKCB", "79902") }, "facility.mismatch"},
		"MA_CSKCB other in XML14":     {func(d *draft) { d.set("XML14", "MA_CSKCB", "79902") }, "facility.mismatch"},
		"MA_CSKCB empty":              {func(d *draft) { d.set("XML14", "MA_CSKCB", "") }, ""},
		"MA_CSKCB_DI other":           {func(d *draft) { d.set("XML13", "MA_CSKCB_DI", "79903") }, ""},
		"facility not known":          {func(d *draft) { d.in.Facility = ""; d.set("XML1", "MA_CSKCB", "79902") }, ""},
		"sex 0":                       {func(d *draft) { d.set("XML1", "GIOI_TINH", "0") }, "subject.sex"},
		"sex 4":                       {func(d *draft) { d.set("XML1", "GIOI_TINH", "4") }, "subject.sex"},
		"sex in words":                {func(d *draft) { d.set("XML1", "GIOI_TINH", "Nữ") }, "subject.sex"},
		"sex undetermined":            {func(d *draft) { d.set("XML1", "GIOI_TINH", "3") }, ""},
		"sex absent":                  {func(d *draft) { d.set("XML1", "GIOI_TINH", "") }, ""},
		"sex of XML13 wrong":          {func(d *draft) { d.set("XML13", "GIOI_TINH", "9") }, ""},
		"30 February":                 {func(d *draft) { d.set("XML1", "NGAY_SINH", "199002300000") }, "time.impossible"},
		"month 13":                    {func(d *draft) { d.set("XML1", "NGAY_VAO", "202613050800") }, "time.impossible"},
		"hour 24":                     {func(d *draft) { d.set("XML1", "NGAY_RA", "202610072400") }, "time.impossible"},
		"not a date":                  {func(d *draft) { d.set("XML1", "NGAY_RA", "2026-10-07") }, "time.impossible"},
		"impossible elsewhere":        {func(d *draft) { d.set("XML1", "NGAY_TTOAN", "202602300000").set("XML0", "NGAY_VAO", "202613010000") }, ""},
		"year of birth only":          {func(d *draft) { d.set("XML1", "NGAY_SINH", "199000000000") }, ""},
		"birth all zeros":             {func(d *draft) { d.set("XML1", "NGAY_SINH", "000000000000") }, ""},
		"birth absent":                {func(d *draft) { d.set("XML1", "NGAY_SINH", "") }, ""},
		"admission absent":            {func(d *draft) { d.set("XML1", "NGAY_VAO", "") }, ""},
		"discharge absent":            {func(d *draft) { d.set("XML1", "NGAY_RA", "") }, ""},
		"discharge in the future":     {func(d *draft) { d.set("XML1", "NGAY_RA", "202610090901") }, "time.future"},
		"discharge 24 h ahead":        {func(d *draft) { d.set("XML1", "NGAY_RA", "202610090900") }, ""},
		"discharge tomorrow, no hour": {func(d *draft) { d.set("XML1", "NGAY_RA", "202610090000") }, ""},
		"all in the future": {func(d *draft) {
			d.set("XML1", "NGAY_SINH", "202710090000").set("XML1", "NGAY_VAO", "202710090000").set("XML1", "NGAY_RA", "202710090000")
		}, "time.future"},
		"born after admission":   {func(d *draft) { d.set("XML1", "NGAY_SINH", "202610060000") }, "time.order"},
		"born on admission day":  {func(d *draft) { d.set("XML1", "NGAY_SINH", "202610050000") }, ""},
		"born in admission year": {func(d *draft) { d.set("XML1", "NGAY_SINH", "202600000000") }, ""},
		"born a year later":      {func(d *draft) { d.set("XML1", "NGAY_SINH", "202700000000") }, "time.future time.order"},
		"left before admission":  {func(d *draft) { d.set("XML1", "NGAY_RA", "202610050759") }, "time.order"},
		"left on admission":      {func(d *draft) { d.set("XML1", "NGAY_RA", "202610050800") }, ""},
		"born after discharge, no admission": {func(d *draft) {
			d.set("XML1", "NGAY_VAO", "").set("XML1", "NGAY_SINH", "202610080000")
		}, "time.order"},
		"all at once": {func(d *draft) {
			d.set("XML1", "MA_LK", "").set("XML1", "GIOI_TINH", "9").set("XML1", "NGAY_SINH", "209902300000").set("XML1", "MA_CSKCB", "79909").set("XML6", "SO_CCCD", "1")
		}, "dossier.two_patients episode.missing facility.mismatch subject.sex time.impossible"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := everything()
			tt.change(d)
			findings := d.judge()
			if got := strings.Join(rejections(t, findings), " "); got != tt.want {
				t.Errorf("rejections %q, want %q", got, tt.want)
			}
			state := quality.Verdict(findings, quality.V1(), 7).State
			if (tt.want != "") != (state == dossier.Rejected) {
				t.Errorf("verdict %s", state)
			}
		})
	}
}

func unreadable(table string) []dossier.Finding {
	return []dossier.Finding{{Code: "dossier.unreadable", Severity: dossier.Error, Table: table}}
}

func one(table, field, text string) map[string]map[string]string {
	return map[string]map[string]string{table: {field: text}}
}

// all sets a field in every row of every table that has it.
func (d *draft) all(field, text string) *draft {
	for name, rows := range d.tables {
		for _, r := range rows {
			if schema.For(d.day).Table(name).Field(field) != nil {
				r[field] = text
			}
		}
	}
	return d
}

func TestCheckInIsJudgedByXML0(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ field, text, want string }{
		"clean":           {"MA_LK", episode, ""},
		"no episode":      {"MA_LK", "", "episode.missing"},
		"other facility":  {"MA_CSKCB", "79902", "facility.mismatch"},
		"sex":             {"GIOI_TINH", "9", "subject.sex"},
		"impossible":      {"NGAY_VAO", "202613010000", "time.impossible"},
		"future":          {"NGAY_VAO", "202710010000", "time.future XML0.GT_THE_DEN.expired"},
		"born afterwards": {"NGAY_SINH", "202610060000", "time.order XML0.SO_CCCD.contradicts"},
		"sex absent":      {"GIOI_TINH", "", "XML0.GIOI_TINH.missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(codes(checkIn().set("XML0", tt.field, tt.text).judge()), " "); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAnUnreadableTableIsOneFinding: it is not also missing, and sums that
// would need it are not judged.
func TestAnUnreadableTableIsOneFinding(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"XML1", "XML2", "XML3", "XML5", "XML7", "XML8"} {
		d := clean().drop(table)
		d.in.Unreadable = append(unreadable(table), unreadable(table)...)
		if f := d.judge(); len(f) != 1 || f[0].Code != "dossier.unreadable" || f[0].Table != table {
			t.Errorf("%s: %+v", table, f)
		}
	}
}

func TestFindingsPointAtTheirPlace(t *testing.T) {
	t.Parallel()
	d := clean()
	d.tables["XML3"][1]["MA_LK"] = "B"
	f := d.judge()
	if len(f) != 1 || f[0].Table != "XML3" || f[0].Row != 2 || f[0].Field != "MA_LK" || f[0].Line == 0 || f[0].Severity != dossier.Error {
		t.Fatalf("%+v", f)
	}
}

func TestVerdictCountsOnlyWarningsAndAbove(t *testing.T) {
	t.Parallel()
	p := quality.V1()
	for _, tt := range []struct {
		findings []dossier.Finding
		want     dossier.State
	}{
		{nil, dossier.Accepted},
		{[]dossier.Finding{{Code: "XML8.missing", Severity: dossier.Info}}, dossier.Accepted},
		{[]dossier.Finding{{Code: "XML8.missing", Severity: dossier.Info}, {Code: "x", Severity: dossier.Warning}}, dossier.AcceptedWithWarnings},
		{[]dossier.Finding{{Code: "x", Severity: dossier.Error}}, dossier.AcceptedWithWarnings},
		{[]dossier.Finding{{Code: "x", Severity: dossier.Warning}, {Code: "time.order", Severity: dossier.Error}}, dossier.Rejected},
	} {
		v := quality.Verdict(tt.findings, p, 42)
		if v.State != tt.want || v.TrustEpoch != 42 || v.Pack != p.String() || len(v.Findings) != len(tt.findings) {
			t.Errorf("%v gave %+v", tt.findings, v)
		}
	}
}

func TestRejectionsAreNeverDroppedByTheLimit(t *testing.T) {
	t.Parallel()
	d := clean()
	for range 2000 {
		d.add("XML2", "STT", "x", "SO_LUONG", "-", "DON_GIA", "?")
	}
	d.set("XML1", "GIOI_TINH", "9")
	f := d.judge()
	if len(f) > 210 || f[0].Code != "subject.sex" {
		t.Fatalf("%d findings, first %s", len(f), f[0].Code)
	}
}

func TestATableOfAnotherVersionIsJudgedByItsNames(t *testing.T) {
	t.Parallel()
	d := everything()
	c := d.content()
	for i, table := range c.All { // columns in reverse, as no version has them
		names := slices.Clone(table.Columns.Names())
		slices.Reverse(names)
		turned := &dossier.Table{Columns: dossier.NewColumns(table.Columns.Table, names...)}
		for _, r := range table.Rows {
			cells := slices.Clone(r.Cells)
			slices.Reverse(cells)
			turned.Rows = append(turned.Rows, dossier.Row{Line: r.Line, Cells: cells})
		}
		c.All[i] = turned
	}
	d.in.Day = d.day
	for _, f := range quality.V1().Judge(c, d.in) {
		t.Errorf("%+v", f)
	}
}

func TestShortRowsAndEmptyTablesAreFindingsOnly(t *testing.T) {
	t.Parallel()
	v := schema.For(20261007)
	c := &dossier.Content{All: []*dossier.Table{
		{Columns: v.Table("XML1").Columns},
		{Columns: v.Table("XML2").Columns, Rows: []dossier.Row{{}, {Cells: []dossier.Cell{{Text: "A"}}}}},
		{Columns: dossier.NewColumns("XML99", "A"), Rows: []dossier.Row{{Cells: []dossier.Cell{{Text: "A"}}}}},
	}}
	f := quality.V1().Judge(c, quality.Input{Kind: quality.KindDossier, Received: time.Now(), Created: care.Moment{}, Day: 20261007})
	if got := strings.Join(rejections(t, f), " "); got != "episode.missing" {
		t.Errorf("rejections %q", got)
	}
}
