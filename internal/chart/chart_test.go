package chart_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/schema"
)

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, clock.Hanoi)

type cells = map[string]string

// table is rows of a table of any kind; fields the specification does not name
// become unknown ones.
func table(t *testing.T, spec *schema.Version, name string, rows ...cells) *dossier.Table {
	t.Helper()
	st := spec.Table(name)
	if st == nil {
		t.Fatalf("no table %s", name)
	}
	out := &dossier.Table{Columns: st.Columns}
	for n, fields := range rows {
		row := dossier.Row{Line: n + 1, Cells: make([]dossier.Cell, len(st.Columns.Names()))}
		for field, text := range fields {
			if i := st.Columns.Index(field); i >= 0 {
				row.Cells[i] = dossier.Cell{Text: text, Line: n + 1}
			} else {
				row.Extra = append(row.Extra, dossier.Extra{Name: field, Cell: dossier.Cell{Text: text, Line: n + 1}})
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// entry is a record of a facility received on a day (yyyyMMdd) of 2026.
func entry(t *testing.T, facility, what string, day int, spec *schema.Version, tables ...*dossier.Table) chart.Entry {
	t.Helper()
	at := time.Date(2026, time.Month(day/100), day%100, 9, 0, 0, 0, clock.Hanoi)
	id, err := dossier.NewID(care.FacilityCode(facility), at, strings.NewReader(facility+what+string(rune('a'+day%26))+"0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	content := &dossier.Content{All: tables}
	return chart.Entry{ID: id, Kind: what, Received: at, Version: 1,
		Read: kind.Dossier{Content: content, Spec: spec, Episode: kind.EpisodeOf(content), Patient: kind.PatientOf(content)},
		View: kind.View{Title: fault.Text{VI: "Hồ sơ " + what, EN: what}}}
}

func qd() *schema.Version { return schema.ByDecision("3176") }

// texts are what the items of a fact say, newest first, with how and where.
func texts(f chart.Fact) (out []string) {
	for _, i := range f.Items {
		out = append(out, string(i.Says)+" "+string(i.How)+" "+string(i.Source.Facility)+" "+i.Source.Table+": "+i.Code+i.Text)
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatNobodyRecordedIsNotNone(t *testing.T) {
	t.Parallel()
	visit := func(course string) chart.Entry {
		return entry(t, "79001", "qd4750", 1101, qd(), table(t, qd(), "XML1", cells{"MA_LK": "L1", "NGAY_VAO": "202611010800"}),
			table(t, qd(), "XML8", cells{"MA_LK": "L1", "QT_BENHLY": course, "NGAY_CT": "20261101"}))
	}
	field := func(text string) chart.Entry {
		return entry(t, "79002", "checkup", 1102, checkup.Spec(), table(t, checkup.Spec(), "TIEN_SU_BENH", cells{"TIEN_SU_DI_UNG": text}))
	}
	for _, c := range []struct {
		name    string
		entries []chart.Entry
		want    chart.State
	}{
		{"no records", nil, chart.Nothing},
		{"a note about something else", []chart.Entry{visit("Bệnh tỉnh, ăn uống được.")}, chart.Nothing},
		{"allergic rhinitis is no word on allergies", []chart.Entry{visit("Viêm mũi dị ứng nhiều năm.")}, chart.Nothing},
		{"the empty field", []chart.Entry{field("  ")}, chart.Nothing},
		{"nobody knows", []chart.Entry{field("Không rõ")}, chart.Nothing},
		{"a dash", []chart.Entry{field(" - ")}, chart.Nothing},
		{"said not to be", []chart.Entry{field("Không")}, chart.None},
		{"said not to be, at length", []chart.Entry{field("Chưa ghi nhận tiền sử dị ứng thuốc, thức ăn")}, chart.None},
		{"a note that there is none", []chart.Entry{visit("Bệnh tỉnh. Chưa ghi nhận dị ứng thuốc. Đau giảm.")}, chart.None},
		{"said to be", []chart.Entry{field("Penicillin")}, chart.Recorded},
		{"a note that there is one", []chart.Entry{visit("Sốt 38,5 độ. Tiền sử dị ứng Penicillin, tôm.")}, chart.Recorded},
		{"not this one but that one", []chart.Entry{field("Không dị ứng thuốc nhưng dị ứng tôm")}, chart.Recorded},
		{"a doubt counts as one", []chart.Entry{visit("Không dị ứng penicillin, dị ứng cefotaxim.")}, chart.Recorded},
	} {
		if got := chart.EmergencySet(c.entries, now).Allergies; got.State != c.want || (got.State == chart.Nothing) != (len(got.Items) == 0) {
			t.Errorf("%s: %s with %q, want %s", c.name, got.State, texts(got), c.want)
		}
	}
	both := chart.EmergencySet([]chart.Entry{visit("Chưa ghi nhận dị ứng thuốc."), field("Penicillin (nổi ban)")}, now).Allergies
	same(t, "a contradiction shows both", texts(both), "recorded field 79002 TIEN_SU_BENH: Penicillin (nổi ban)", "none note 79001 XML8: Chưa ghi nhận dị ứng thuốc")
	if !both.Conflict {
		t.Error("and is no conflict")
	}
}

func TestBloodGroupsThatDifferAreBothShown(t *testing.T) {
	t.Parallel()
	group := func(facility, text string, day int) chart.Entry {
		return entry(t, facility, "qd4750", day, qd(), table(t, qd(), "XML1", cells{"MA_LK": "L" + facility, "NHOM_MAU": text}))
	}
	for _, c := range []struct {
		a, b     string
		conflict bool
	}{{"A", "O", true}, {"A", "A Rh+", false}, {"O+", "O Rh (-)", true}, {"AB", "Nhóm AB, Rh dương", false}, {"B", "không rõ", false}, {"O Rh(D) âm", "O-", false}} {
		got := chart.EmergencySet([]chart.Entry{group("79001", c.a, 1101), group("79002", c.b, 1102)}, now).Blood
		if got.State != chart.Recorded || got.Conflict != c.conflict {
			t.Errorf("%q and %q: %s, conflict %t: %q", c.a, c.b, got.State, got.Conflict, texts(got))
		}
	}
	same(t, "both with their source", texts(chart.EmergencySet([]chart.Entry{group("79001", "A", 1101), group("79002", "O", 1102)}, now).Blood),
		"recorded field 79002 XML1: O", "recorded field 79001 XML1: A")
	tested := entry(t, "79003", "qd4750", 1103, qd(), table(t, qd(), "XML4", cells{"MA_LK": "X", "TEN_CHI_SO": "Định nhóm máu hệ ABO", "GIA_TRI": "AB", "NGAY_KQ": "202611031000"}))
	same(t, "a test tells it", texts(chart.EmergencySet([]chart.Entry{tested}, now).Blood), "recorded test 79003 XML4: AB")
}

func TestTheEmergencySetHoldsNothingElse(t *testing.T) {
	t.Parallel()
	e := entry(t, "79001", "qd4750", 1101, qd(),
		table(t, qd(), "XML1", cells{"MA_LK": "EPISODE7", "HO_TEN": "NGUYỄN VĂN AN", "SO_CCCD": "001899000001", "DIEN_THOAI": "0000123456", "NHOM_MAU": "A", "NGAY_VAO": "202611010800", "MA_BENH_CHINH": "I10", "CHAN_DOAN_RV": "Tăng huyết áp"}),
		table(t, qd(), "XML4", cells{"MA_LK": "L1", "TEN_CHI_SO": "Glucose", "GIA_TRI": "9,1", "DON_VI_DO": "mmol/L"}))
	raw, err := json.Marshal(chart.EmergencySet([]chart.Entry{e}, now))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"format", "at", "allergies", "blood_group", "problems", "problems_state", "medicines", "medicines_state", "medicine_days", "implants", "pregnancy", "contacts"} {
		if _, ok := got[field]; !ok {
			t.Errorf("no %s", field)
		}
		delete(got, field)
	}
	if len(got) > 0 {
		t.Errorf("more than the set: %v", got)
	}
	for _, foreign := range []string{"Glucose", "001899000001", "NGUYỄN", "EPISODE7"} {
		if strings.Contains(string(raw), foreign) {
			t.Errorf("it tells %q", foreign)
		}
	}
	for _, source := range []string{`"record":"` + e.ID.String() + `"`, `"facility":"79001"`, `"table":"XML1"`, `"at":"2026-11-01T08:00:00+07:00"`, `"row":1`, `"kind":"qd4750"`} {
		if !strings.Contains(string(raw), source) {
			t.Errorf("no %s in %s", source, raw)
		}
	}
}
