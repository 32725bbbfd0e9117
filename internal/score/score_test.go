package score_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/slip"
	"lienthong/internal/quality"
	"lienthong/internal/registry"
	"lienthong/internal/score"
)

func TestEightWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	if len(score.Words()) != 8 {
		t.Fatalf("%d words", len(score.Words()))
	}
	counted := 0
	for _, w := range score.Words() {
		if w.Title().VI == "" || w.Title().EN == "" || !w.IsWord() {
			t.Errorf("%s has no title", w)
		}
		if w.Counted() {
			counted++
		}
	}
	if counted != 6 || score.Word("good").IsWord() {
		t.Errorf("%d words are counted by checks", counted)
	}
}

// A rule that nobody put under a word must not be counted as if it were.
func TestEveryRuleThatAcceptsIsCountedUnderAWord(t *testing.T) {
	t.Parallel()
	count := func(kind string, rules []quality.Rule) {
		j := score.NewJudge(score.Standard()[kind], nil)
		for _, r := range rules {
			if r.Rejects {
				continue
			}
			word, known := score.WordOf(r.Code)
			if !known {
				t.Errorf("%s is under no word: put its last part into score.WordOf", r.Code)
				continue
			}
			at := j.Of(dossier.Finding{Code: r.Code, Table: r.Table, Field: r.Field})
			if (at < 0) != (word == "") {
				t.Errorf("%s of %s is counted under check %d, its word is %q", r.Code, kind, at, word)
			}
			if at >= 0 && j.Sheet().Checks[at].Word != word {
				t.Errorf("%s is of %s and counted as %s", r.Code, word, j.Sheet().Checks[at].ID)
			}
		}
	}
	own := []quality.Rule{}
	for _, r := range quality.V1().Rules() {
		if strings.HasPrefix(r.Code, "XML0.") {
			own = append(own, r)
		}
	}
	count("qd4750", quality.V1().Rules())
	count("checkin", own)
	for kind, set := range map[string]quality.Set{"prescription": prescription.Rules(), "emr": emr.Rules(), "slip": slip.Rules(), "checkup": checkup.Rules()} {
		count(kind, set.Rules)
	}
	if w, known := score.WordOf("XML1.HO_TEN.sings"); known || w != "" {
		t.Error("a problem that nobody knows is under a word")
	}
	j := score.NewJudge(score.Standard()["qd4750"], map[string]score.Word{"HUB.HO_TEN.sings": score.Clean})
	if at := j.Of(dossier.Finding{Code: "HUB.HO_TEN.sings", Table: "XML1", Field: "HO_TEN"}); at < 0 || j.Sheet().Checks[at].ID != "clean.XML1.HO_TEN" {
		t.Errorf("a rule's own word is not used: check %d", at)
	}
}

func TestSheetsNameThemselvesByTheirContent(t *testing.T) {
	t.Parallel()
	for kind, s := range score.Standard() {
		again, err := score.ParseSheet(s.Marshal())
		if err != nil || again.ID() != s.ID() || !bytes.Equal(again.Marshal(), s.Marshal()) {
			t.Errorf("%s: %v, %s not %s", kind, err, again.ID(), s.ID())
		}
		for i := range s.Checks {
			c := &s.Checks[i]
			if f := c.Formula(); c.Text.VI == "" || c.Text.EN == "" || !strings.Contains(f.VI, "÷") || s.Index(c.ID) != i {
				t.Errorf("%s %s: %+v", kind, c.ID, c.Text)
			}
		}
		list := score.FieldsOf(s)
		composed, err := score.Compose(kind, list)
		if err != nil || composed.ID() != s.ID() {
			t.Errorf("%s composed again of its own fields is %v %v", kind, composed, err)
		}
		if kind != "qd4750" {
			continue
		}
		list[0].Priority = 3
		other, err := score.Compose(kind, list)
		if err != nil || other.ID() == s.ID() {
			t.Errorf("another list is the same sheet: %v", err)
		}
	}
}

func TestBadListsOfFieldsHaveTheirCode(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"":                                   "score.fields",
		"qd4750\tXML1\tHO_TEN":               "score.fields",
		"qd4750\tXML1\tHO_TEN\t4":            "score.fields",
		"qd4750\tXML1\tHO_TEN\t1\t\tsoon":    "score.fields",
		"other\tXML1\tHO_TEN\t1":             "score.fields",
		"qd4750\tXML1\tHO_TEN\t1\t=":         "score.condition",
		"qd4750\tXML1\tNO_SUCH\t1":           "score.fields.unknown",
		"qd4750\tXML1\tHO_TEN\t1\tNO_SUCH=1": "score.fields.unknown",
		"qd4750\tXML1\tHO_TEN\t1\nqd4750\tXML1\tHO_TEN\t2": "score.fields.twice",
		strings.Repeat("#", 70_000):                        "score.fields",
	} {
		if _, err := score.ParseFields(text); fault.Of(err).Code != code {
			t.Errorf("%.40q: %v, not %s", text, err, code)
		}
	}
	if _, err := score.ParseSheet([]byte(`{"subject":"x","checks":[{"id":"clean","word":"clean","text":{"vi":"","en":""}},{"id":"clean","word":"clean","text":{"vi":"","en":""}}]}`)); !errors.Is(err, score.ErrSheet) {
		t.Errorf("a check twice: %v", err)
	}
}

// content is a dossier with a few tables.
func content(tables ...[]string) *dossier.Content {
	c := &dossier.Content{}
	for _, t := range tables { // name, then "FIELD=text" of each row; "|" begins another row
		var names []string
		rows := []map[string]string{{}}
		for _, cell := range t[1:] {
			if cell == "|" {
				rows = append(rows, map[string]string{})
				continue
			}
			name, text, _ := strings.Cut(cell, "=")
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			rows[len(rows)-1][name] = text
		}
		table := &dossier.Table{Columns: dossier.NewColumns(t[0], names...)}
		for _, r := range rows {
			row := dossier.Row{}
			for _, n := range names {
				row.Cells = append(row.Cells, dossier.Cell{Text: r[n]})
			}
			table.Rows = append(table.Rows, row)
		}
		c.All = append(c.All, table)
	}
	return c
}

func TestMarksSayWhatADossierIsWorth(t *testing.T) {
	t.Parallel()
	left := time.Date(2026, 3, 2, 10, 0, 0, 0, time.FixedZone("", 7*3600))
	j := score.NewJudge(score.Standard()["qd4750"], nil)
	summary := []string{"XML1", "HO_TEN=Nguyễn Văn A", "SO_CCCD=", "MA_BENH_CHINH=J00", "NGAY_RA=202603021000", "MA_DKBD=", "MA_THE_BHYT=", "DIA_CHI= số 1"}
	drugs := []string{"XML2", "MA_THUOC=1", "TEN_THUOC=a", "|", "MA_THUOC=", "TEN_THUOC=b"}
	m := j.Mark(content(summary, drugs), []dossier.Finding{
		{Code: "XML1.MA_BENH_CHINH.not_in_list", Table: "XML1", Field: "MA_BENH_CHINH"},
		{Code: "XML1.GHI_CHU.too_long", Table: "XML1", Field: "GHI_CHU"},
		{Code: "SENDER.VIA_INSURER"},
	}, left.Add(23*time.Hour))
	want := map[string]score.Mark{
		"sufficient.XML1.HO_TEN": score.Passed, "sufficient.XML1.SO_CCCD": score.Failed, "correct.XML1.SO_CCCD": score.NotApplicable,
		"sufficient.XML1.MA_THE_BHYT": score.NotApplicable, // nobody said there is a card
		"unified.XML1.MA_BENH_CHINH":  score.Failed, "correct.XML1.MA_BENH_CHINH": score.Passed, "correct.XML1": score.Failed, "clean.XML1": score.Failed,
		"alive.XML1.NGAY_RA": score.Passed, "sufficient.XML2.MA_THUOC": score.Failed, "sufficient.XML2.TEN_THUOC": score.Passed,
		"clean.XML2": score.Passed, "correct.XML3": score.NotApplicable, "sufficient.XML3.SO_LUONG": score.NotApplicable, "correct": score.Passed,
	}
	for id, mark := range want {
		i := j.Sheet().Index(id)
		if i < 0 {
			t.Errorf("no check %s", id)
		} else if got := m.Get(i); got != mark {
			t.Errorf("%s is %d, not %d", id, got, mark)
		}
	}
	late := j.Mark(content(summary), nil, left.Add(25*time.Hour))
	if got := late.Get(j.Sheet().Index("alive.XML1.NGAY_RA")); got != score.Failed {
		t.Errorf("what comes a day late is %d", got)
	}
	if id, err := m.Sheet(); err != nil || id != j.Sheet().ID() {
		t.Errorf("%v %v", id, err)
	}
}

func TestATallyIsTheSumOfMarks(t *testing.T) {
	t.Parallel()
	s := score.Standard()["qd4750"]
	a, b := score.NewMarks(s), score.NewMarks(s)
	a.Set(0, score.Passed)
	a.Set(7, score.Failed)
	b.Set(0, score.Failed)
	b.Set(len(s.Checks)-1, score.Passed)
	var sum score.Tally
	sum.Add(a.Trim(), 1)
	sum.Add(b.Trim(), 1)
	if sum[0] != (score.Count{Applied: 2, Failed: 1}) || sum[7] != (score.Count{Applied: 1, Failed: 1}) || sum[len(s.Checks)-1].Applied != 1 {
		t.Errorf("%v", sum)
	}
	if r := score.RatioOf(sum[0]); r.Permille() != 500 || r.Percent("vi") != "50,0" || r.Percent("en") != "50.0" {
		t.Errorf("%+v", r)
	}
	if r := (score.Ratio{}); r.Applicable() || r.Percent("vi") != "" {
		t.Error("of nothing there is a number")
	}
	if n := (score.Ratio{Passed: 999_999, Applied: 1_000_000}).Permille(); n != 999 {
		t.Errorf("a failure among a million rounds to %d", n)
	}
	var read score.Tally
	if err := read.PlusBytes(sum.Marshal()); err != nil || !slices.Equal(read, sum) {
		t.Errorf("%v %v", read, err)
	}
	sum.Add(a, -1)
	sum.Add(b, -1)
	if !sum.IsZero() || len(sum.Marshal()) != 0 {
		t.Errorf("what was added and taken away leaves %v", sum)
	}
}

func declaration() *registry.Declaration {
	label := func(s string) fault.Text { return fault.Text{VI: s, EN: s} }
	return &registry.Declaration{ID: "vaccination", Fields: []registry.Field{
		{Name: "name", Label: label("tên"), Type: registry.Text, Priority: 1},
		{Name: "day", Label: label("ngày"), Type: registry.Date, Priority: 1, Min: "2020-01-01"},
		{Name: "dose", Label: label("liều"), Type: registry.Integer, Min: "1", Max: "5"},
		{Name: "vaccine", Label: label("vắc xin"), Type: registry.Code, List: "vaccines", Priority: 2},
	}, Rules: []registry.Rule{{Code: "late", Word: "consistent", Field: "day", Text: label("ngày khớp")}}, Refresh: registry.Refresh{Stale: 24 * time.Hour}}
}

func TestEntriesAreMarkedAsTheirDeclarationSays(t *testing.T) {
	t.Parallel()
	j, err := score.NewEntryJudge(declaration())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	yes := true
	m := j.MarkEntry(score.EntryFacts{Values: registry.Values{"name": "A  B", "day": "2019-12-31", "dose": "3", "vaccine": "x"},
		Rules: map[string]bool{"late": false}, Confirmed: now.Add(-25 * time.Hour), Now: now, Duplicate: &yes,
		InList: inVaccines})
	for id, want := range map[string]score.Mark{
		"sufficient.name": score.Passed, "clean.name": score.Failed, "correct.day": score.Failed, "correct.dose": score.Passed,
		"unified.vaccine": score.Passed, "alive": score.Failed, "clean": score.Failed, "consistent.day": score.Failed,
	} {
		if i := j.Sheet().Index(id); i < 0 || m.Get(i) != want {
			t.Errorf("%s (check %d) is %d, not %d", id, i, m.Get(i), want)
		}
	}
	if j.Sheet().Subject != "db:vaccination" {
		t.Error(j.Sheet().Subject)
	}
}

func inVaccines(list, code string) score.Mark {
	switch {
	case list != "vaccines":
		return score.NotApplicable
	case code == "x":
		return score.Passed
	}
	return score.Failed
}

// Against a list that nobody has no code is right, and none is wrong.
func TestACodeOfAListNobodyHasIsNotCounted(t *testing.T) {
	t.Parallel()
	d := declaration()
	d.Fields = append(d.Fields, registry.Field{Name: "place", Label: d.Fields[0].Label, Type: registry.Code, List: "db:places.code"})
	j, err := score.NewEntryJudge(d)
	if err != nil {
		t.Fatal(err)
	}
	m := j.MarkEntry(score.EntryFacts{Values: registry.Values{"vaccine": "y", "place": "x"}, InList: inVaccines})
	for id, want := range map[string]score.Mark{"unified.vaccine": score.Failed, "unified.place": score.NotApplicable} {
		if got := m.Get(j.Sheet().Index(id)); got != want {
			t.Errorf("%s is %d, not %d", id, got, want)
		}
	}
}

// Marking again with what is in the clear gives what marking with everything gives, or
// says that it cannot.
func TestAgainIsWhatMarkingAnewGives(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	yes, no := true, false
	values := registry.Values{"name": "A", "day": "2021-12-31", "dose": "9", "vaccine": "x"}
	facts := func(rule bool, age time.Duration, twice *bool, in func(string, string) score.Mark) score.EntryFacts {
		return score.EntryFacts{Values: values, Rules: map[string]bool{"late": rule}, Confirmed: now.Add(-age), Now: now, Duplicate: twice, InList: in}
	}
	nobody := func(string, string) score.Mark { return score.NotApplicable }
	fresh := facts(true, time.Hour, nil, inVaccines)
	for name, c := range map[string]struct {
		ruled         string // the word of the rule, of the whole entry
		before, after score.EntryFacts
		told          bool
	}{
		"nothing changed":               {"", fresh, fresh, true},
		"nobody confirmed it":           {"", fresh, facts(true, 25*time.Hour, &no, inVaccines), true},
		"somebody did again":            {"", facts(true, 25*time.Hour, &no, inVaccines), fresh, true},
		"another stands for it":         {"", fresh, facts(true, time.Hour, &yes, inVaccines), true},
		"and no longer":                 {"", facts(true, time.Hour, &yes, inVaccines), facts(true, time.Hour, &no, inVaccines), true},
		"its list went":                 {"", fresh, facts(true, time.Hour, nil, nobody), true},
		"its list came":                 {"", facts(true, time.Hour, nil, nobody), fresh, true},
		"a rule that held, and late":    {"alive", fresh, facts(true, 25*time.Hour, nil, inVaccines), true},
		"a rule that failed, and late":  {"alive", facts(false, time.Hour, nil, inVaccines), facts(false, 25*time.Hour, nil, inVaccines), true},
		"late no more, there is a rule": {"alive", facts(true, 25*time.Hour, nil, inVaccines), fresh, false},
	} {
		d := declaration()
		if c.ruled != "" {
			d.Rules = []registry.Rule{{Code: "late", Word: c.ruled, Text: d.Fields[0].Label}}
		}
		j, err := score.NewEntryJudge(d)
		if err != nil {
			t.Fatal(err)
		}
		kept := j.MarkEntry(c.before)
		if c.after.Duplicate == nil {
			c.after.Duplicate = c.before.Duplicate
		}
		want := j.MarkEntry(c.after)
		seen := c.after
		seen.Values, seen.Rules = registry.Values{"vaccine": "x"}, nil
		got, told := j.Again(kept, seen)
		if told != c.told || told && !slices.Equal(got, want) {
			t.Errorf("%s: %x %v, not %x", name, got, told, want)
		}
		if kept2 := j.MarkEntry(c.before); !slices.Equal(kept, kept2) {
			t.Errorf("%s: the marks it had were changed", name)
		}
		if _, told := j.Again(score.Marks{1, 2, 3, 4, 5}, seen); told {
			t.Errorf("%s: marks of another sheet", name)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add("qd4750\tXML1\tHO_TEN\t1\tSO_CCCD=1|2\t24\n# remark\r\n")
	f.Add(score.MarshalFields(score.FieldsOf(score.Standard()["checkin"])))
	f.Fuzz(func(t *testing.T, text string) {
		list, err := score.ParseFields(text)
		if err != nil {
			return
		}
		again, err := score.ParseFields(score.MarshalFields(list))
		if err != nil || !slices.Equal(again, list) {
			t.Errorf("%v: %v, not %v", err, again, list)
		}
		for _, kind := range score.Kinds() {
			if s, err := score.Compose(kind, list); err == nil {
				if _, err := score.ParseSheet(s.Marshal()); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func BenchmarkMark(b *testing.B) {
	j := score.NewJudge(score.Standard()["qd4750"], nil)
	row := []string{"XML2"}
	for range 20 {
		row = append(row, "MA_THUOC=1", "TEN_THUOC=Thuốc", "SO_LUONG=1", "LIEU_DUNG=1 viên", "|")
	}
	c := content([]string{"XML1", "HO_TEN=Nguyễn Văn A", "DIA_CHI=Số 1 đường Lê Lợi", "NGAY_RA=202603021000"}, row)
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		j.Mark(c, nil, now)
	}
}

// What rules say changes while dossiers are judged: a judge with other words is
// another one, and a word that is none counts as nothing.
func TestWordsOfRulesAreOfTheMoment(t *testing.T) {
	t.Parallel()
	plain := score.NewJudge(score.Standard()["qd4750"], nil)
	f := dossier.Finding{Code: "XML2.SO_LUONG.sings", Table: "XML2", Field: "SO_LUONG"}
	word := func(j *score.Judge) score.Word {
		if i := j.Of(f); i >= 0 {
			return j.Sheet().Checks[i].Word
		}
		return ""
	}
	said := plain.With(map[string]score.Word{f.Code: score.Clean})
	none := plain.With(map[string]score.Word{f.Code: ""})
	if a, b, c := word(plain), word(said), word(none); a != score.Correct || b != score.Clean || c != "" {
		t.Errorf("%q, %q, %q", a, b, c)
	}
}
