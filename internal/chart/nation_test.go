package chart_test

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/kind/checkin"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/qd4750"
	kindslip "lienthong/internal/kind/slip"
	"lienthong/internal/synth"
)

func registry() *kind.Registry {
	return kind.NewRegistry(qd4750.New(), checkin.New(), prescription.New(), emr.New(), checkup.New(), kindslip.New())
}

// opened reads the bytes of a file as the hub does; nothing of bytes nobody reads.
func opened(raw []byte, facility string, at time.Time) (out []chart.Entry) {
	reader, err := registry().Pick(raw)
	if err != nil {
		return nil
	}
	file, err := reader.Open(raw)
	if err != nil {
		return nil
	}
	for i := range min(file.Len(), 50) {
		id := dossier.ID{Facility: care.FacilityCode(facility)}
		sum := sha256.Sum256(append([]byte{byte(i)}, raw...))
		copy(id.Serial[:], sum[:])
		out = append(out, chart.Entry{ID: id, Kind: reader.Name(), Received: at, Version: 1, Read: file.Dossier(i), View: reader.View()})
	}
	return out
}

// nation is the first files of a synthetic nation of every kind.
func nation(t testing.TB, files int) (all []chart.Entry) {
	t.Helper()
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small, People: 400, DefectShare: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		s, err := n.At(i)
		if i%3 == 2 {
			s, err = n.Beside(i)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, opened(s.XML, s.Facility, s.At)...)
	}
	return all
}

// TestEveryItemStandsWhereItSays follows every source back to its row: what a
// page links to is there, and what is told was written.
func TestEveryItemStandsWhereItSays(t *testing.T) {
	t.Parallel()
	entries := nation(t, 120)
	if len(entries) < 100 {
		t.Fatalf("%d records", len(entries))
	}
	byID := map[dossier.ID]*chart.Entry{}
	for i := range entries {
		byID[entries[i].ID] = &entries[i]
	}
	at := time.Date(2026, 11, 20, 20, 0, 0, 0, clock.Hanoi)
	seen := map[string]int{}
	check := func(what string, s chart.Source, text string) {
		seen[what]++
		e := byID[s.Record]
		if e == nil {
			t.Fatalf("%s of a record nobody gave: %v", what, s.Record)
		}
		table := e.Read.Content.Table(s.Table)
		if table == nil || s.Row < 1 || s.Row > len(table.Rows) || s.Kind != e.Kind || s.Facility != e.ID.Facility {
			t.Fatalf("%s stands nowhere: %+v", what, s)
		}
		var row []string
		for _, c := range table.Rows[s.Row-1].Cells {
			row = append(row, c.Text)
		}
		if text = strings.TrimSuffix(text, "…"); text != "" && !strings.Contains(strings.Join(row, "\n"), text) {
			t.Errorf("%s tells %q, which is not in its row", what, text)
		}
	}
	for i := range entries { // each record as a book of its own, so that nothing is grouped away
		c := chart.Read(entries[i:i+1], at)
		content := entries[i].Read.Content
		for _, f := range []chart.Fact{c.Allergies, c.Blood, c.Implants, c.Pregnancy, c.Contacts, c.Vaccinations} {
			for _, x := range f.Items {
				check("fact", x.Source, x.Text)
			}
		}
		for _, p := range c.Problems {
			check("problem", p.Source, p.Name)
		}
		drugs, tests := 0, 0
		for _, m := range c.Medicines(36500) {
			for _, d := range m.Lines {
				check("medicine", d.Source, d.Name)
				drugs++
			}
		}
		for _, s := range c.Results {
			for _, x := range s.Points {
				check("result", x.Source, x.Value)
				tests++
			}
		}
		for _, s := range c.Slips {
			check("slip", s.Source, s.Number)
			if v := kindslip.ValidityOf(content.Table(s.Source.Table)); s.Until.Moment != v.Until || s.Issued.Moment != v.Issued {
				t.Errorf("a slip holds until %s, its kind says %s", s.Until, v.Until)
			}
		}
		wantDrugs, wantTests := 0, 0
		for _, table := range content.Tables() {
			for row := range table.Rows {
				switch table.Columns.Table {
				case "XML2", "Y_LENH_THUOC_VAT_TU", "THUOC":
					if strings.TrimSpace(table.Cell(row, "TEN_THUOC").Text) != "" {
						wantDrugs++
					}
				case "XML4", "KET_QUA_XET_NGHIEM", "KHAM_CAN_LAM_SANG":
					if strings.TrimSpace(table.Cell(row, "GIA_TRI").Text+table.Cell(row, "MO_TA").Text+table.Cell(row, "KET_LUAN").Text+table.Cell(row, "KET_QUA").Text) != "" {
						wantTests++
					}
				}
			}
		}
		if drugs != wantDrugs || tests != wantTests {
			t.Errorf("%s %s: %d medicines of %d, %d results of %d", entries[i].ID, entries[i].Kind, drugs, wantDrugs, tests, wantTests)
		}
	}
	for _, what := range []string{"fact", "problem", "medicine", "result", "slip"} {
		if seen[what] < 5 {
			t.Errorf("%d of %s: the nation does not try it", seen[what], what)
		}
	}
}

// reads makes everything of entries and fails on what no chart may be.
func reads(t testing.TB, entries []chart.Entry, at time.Time) {
	t.Helper()
	c := chart.Read(entries, at)
	for _, v := range []any{c.Summary(), c.Emergency()} {
		raw, err := json.Marshal(v)
		if err != nil || !utf8.Valid(raw) {
			t.Fatalf("%T: %v", v, err)
		}
	}
	for _, f := range []chart.Fact{c.Allergies, c.Blood, c.Implants, c.Pregnancy, c.Contacts, c.Vaccinations} {
		if (f.State == chart.Nothing) != (len(f.Items) == 0) {
			t.Fatalf("%s with %d items", f.State, len(f.Items))
		}
		for _, i := range f.Items {
			if i.Text == "" && i.Label.VI == "" || i.Source.Record.IsZero() || i.Says == chart.Nothing {
				t.Fatalf("an item that tells nothing: %+v", i)
			}
		}
	}
	for i := range entries {
		for _, s := range entries[i].Sections() {
			for _, row := range s.Rows {
				if len(row.Values) != len(s.Columns) {
					t.Fatalf("%s: %d values of %d columns", s.Table, len(row.Values), len(s.Columns))
				}
			}
		}
	}
}

// FuzzAnyFileReads reads whatever a file holds, twice over, as versions.
func FuzzAnyFileReads(f *testing.F) {
	n, err := synth.New(synth.Config{Seed: 7, Profile: synth.Small, People: 100})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 10 {
		s, err := n.Beside(i)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.XML)
	}
	f.Add([]byte(`{"loai_don_thuoc":"c","thong_tin_don_thuoc":[{"ten_thuoc":"A","cach_dung":"x x x"},[]],"ngay_gio_ke_don":"9999-12-31"}`))
	f.Add([]byte("<HoSoBenhAn><ThongTinBenhNhan><DiUng>Kh\u00f4ng; T\u00f4m</DiUng><NguoiNha><SDT>1</SDT></NguoiNha></ThongTinBenhNhan></HoSoBenhAn>"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		entries := opened(raw, "79001", now)
		reads(t, append(entries, entries...), now)
	})
}

// FuzzAnyTableReads reads tables that no reader would make: cells and rows
// missing, two of one name, none at all.
func FuzzAnyTableReads(f *testing.F) {
	f.Add("XML1", "NHOM_MAU|MA_BENH_CHINH|NGAY_VAO", "O+|I10|202611010800|dư")
	f.Add("XML2", "TEN_THUOC|LIEU_DUNG|NGAY_YL|MA_THUOC", "A|1 viên * 99999999999 ngày|99991231|40.")
	f.Add("XML4", "TEN_CHI_SO|GIA_TRI|MO_TA|DON_VI_DO", "X|<|<|<")
	f.Add("TU_KHAI", "DI_UNG|LIEN_HE", "không|;;..,\x00")
	f.Add("XML13", "NGAY_RA|MA_BENH_KT", "00000000|;;;;")
	f.Fuzz(func(t *testing.T, name, columns, cells string) {
		table := &dossier.Table{Columns: dossier.NewColumns(name, strings.Split(columns, "|")...)}
		var row dossier.Row
		for _, c := range strings.Split(cells, "|") {
			row.Cells = append(row.Cells, dossier.Cell{Text: strings.ToValidUTF8(c, "?")})
			row.Extra = append(row.Extra, dossier.Extra{Name: columns, Cell: dossier.Cell{Text: strings.ToValidUTF8(c, "?")}})
		}
		table.Rows = []dossier.Row{row, {}, {Cells: row.Cells[:1]}}
		id := dossier.ID{Facility: "79001", Serial: [16]byte{1}}
		e := chart.Entry{ID: id, Kind: "qd4750", Received: now, Read: kind.Dossier{Content: &dossier.Content{All: []*dossier.Table{table, nil, {}, table}}}}
		reads(t, []chart.Entry{e, {ID: id}}, now)
	})
}

// BenchmarkFiftyRecords is the summary of 50 opened records of one person.
func BenchmarkFiftyRecords(b *testing.B) {
	entries := nation(b, 60)[:50]
	rows := 0
	for i := range entries {
		for _, t := range entries[i].Read.Content.Tables() {
			rows += len(t.Rows)
		}
	}
	for b.Loop() {
		chart.MakeSummary(entries, now)
	}
	b.ReportMetric(float64(rows), "rows")
}

// TestTheOrderOfRecordsSaysNothing: the same records in any order give the same
// chart, and one record more takes away nothing that was recorded.
func TestTheOrderOfRecordsSaysNothing(t *testing.T) {
	t.Parallel()
	all := nation(t, 9)
	emergency := func(entries []chart.Entry) (*chart.Emergency, string) {
		e := chart.EmergencySet(entries, now)
		raw, err := json.Marshal([]any{e, chart.MakeSummary(entries, now)})
		if err != nil {
			t.Fatal(err)
		}
		return e, string(raw)
	}
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.Permutation(all).Draw(rt, "records")[:rapid.IntRange(1, len(all)).Draw(rt, "how many")]
		e, text := emergency(some)
		if _, again := emergency(rapid.Permutation(some).Draw(rt, "in another order")); again != text {
			rt.Fatalf("another order says\n%s\nand not\n%s", again, text)
		}
		less, _ := emergency(some[:len(some)-1])
		for what, states := range map[string][2]chart.State{"allergies": {less.Allergies.State, e.Allergies.State}, "blood": {less.Blood.State, e.Blood.State}, "implants": {less.Implants.State, e.Implants.State}} {
			if states[0] == chart.Recorded && states[1] != chart.Recorded || states[0] == chart.None && states[1] == chart.Nothing {
				rt.Fatalf("%s were %s and are %s with a record more", what, states[0], states[1])
			}
		}
	})
}
