package grade_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/grade"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/score/tally"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
)

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, clock.Hanoi)
	nation   = role.Scope{All: true}
	ministry = role.Role{Kind: role.Ministry}
)

// counted is a tally that was counted at one facility on one day.
type counted struct {
	sheet    *score.Sheet
	facility string
	day      int
	tally    score.Tally
}

func sum(rows []counted, q house.ScoreQuery) []house.ScoreSum {
	add := scoring.NewAdder(q)
	for _, r := range rows {
		if r.day < q.FromDay || r.day > cmp.Or(q.ToDay, 99991231) || q.Subject != "" && q.Subject != r.sheet.Subject {
			continue
		}
		if err := add.Bytes(r.sheet.Subject, r.sheet.ID(), scoring.Attributes{Facility: r.facility}, r.day, r.tally.Marshal()); err != nil {
			panic(err)
		}
	}
	return add.Sums()
}

// scores is what a store keeps, as tests fill it in.
type scores struct {
	house.Scores // what is not asked for here
	sheets       []house.ScoreSheet
	acts         []store.Act
	rows         []counted
	again        [][]counted // what counting anew gives, one after the other; the last stays
	entries      []house.ScoreSum
	open         []house.Undelivered
	touched      []int
	meanwhile    []int // touched after somebody asked
	since        time.Time
	nights       []house.Night
	recounts     map[int]house.ScoreRecount
	sample       []house.ScoreSampled
	drawn        int
	failing      []int // what Failing was asked for
	sums         int
}

func (x *scores) Sheets(context.Context) ([]house.ScoreSheet, error) {
	out := slices.Clone(x.sheets)
	slices.SortStableFunc(out, func(a, b house.ScoreSheet) int { return a.Since.Compare(b.Since) })
	return out, nil
}

func (x *scores) PutSheet(_ context.Context, s house.ScoreSheet, act store.Act) error {
	i := slices.IndexFunc(x.sheets, func(k house.ScoreSheet) bool { return k.Subject == s.Subject && k.Sheet == s.Sheet })
	switch {
	case i < 0:
		x.sheets = append(x.sheets, s)
	case act.Action != "":
		x.sheets[i] = s
	}
	if act.Action != "" {
		x.acts = append(x.acts, act)
	}
	return nil
}

func (x *scores) Sum(_ context.Context, _ role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	x.sums++
	return sum(x.rows, q), nil
}

func (x *scores) Recount(_ context.Context, _ role.Scope, q house.ScoreQuery) ([]house.ScoreSum, error) {
	rows := x.again[0]
	if len(x.again) > 1 {
		x.again = x.again[1:]
	}
	return sum(rows, q), nil
}

func (x *scores) RecountScores(_ context.Context, from, to int) (out []house.ScoreSum, err error) {
	for _, s := range x.entries {
		if day, err := strconv.Atoi(s.Key[0]); err == nil && day >= from && day <= to {
			out = append(out, s)
		}
	}
	return out, nil
}

func (x *scores) Nights(_ context.Context, from, to int) (out []house.Night, err error) {
	for _, n := range x.nights {
		if n.Day >= from && (to == 0 || n.Day <= to) {
			out = append(out, n)
		}
	}
	return out, nil
}

func (x *scores) Undelivered(context.Context, role.Scope, house.ScoreQuery) ([]house.Undelivered, error) {
	return x.open, nil
}

func (x *scores) Touched(_ context.Context, since time.Time) ([]int, error) {
	x.since = since
	days := slices.Clone(x.touched)
	x.touched, x.meanwhile = append(x.touched, x.meanwhile...), nil
	return days, nil
}

func (x *scores) PutRecount(_ context.Context, r house.ScoreRecount) error {
	x.recounts[r.Day] = r
	return nil
}

func (x *scores) Recounts(_ context.Context, from int) (out []house.ScoreRecount, err error) {
	for day, r := range x.recounts {
		if day >= from {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b house.ScoreRecount) int { return cmp.Compare(b.Day, a.Day) })
	return out, nil
}

func (x *scores) Sample(_ context.Context, _, n int) ([]house.ScoreSampled, error) {
	x.drawn = n
	return x.sample, nil
}

func (x *scores) Failing(_ context.Context, _ role.Scope, _ house.ScoreQuery, _ tally.ID, check, limit int) ([]dossier.ID, error) {
	x.failing = append(x.failing, check, limit)
	return nil, nil
}

// looks are counts of looks.
type looks struct {
	counts []store.Count
	asked  []store.CountQuery
}

func (x *looks) Sum(_ context.Context, _ role.Scope, q store.CountQuery) ([]store.Count, error) {
	x.asked = append(x.asked, q)
	return x.counts, nil
}

// sheet makes a sheet of checks written "sufficient.XML1.HO_TEN", "clean".
func sheet(t *testing.T, subject string, ids ...string) *score.Sheet {
	t.Helper()
	var list []score.Check
	for i, id := range ids {
		part := append(strings.Split(id, "."), "", "")
		list = append(list, score.Check{Word: score.Word(part[0]), Table: part[1], Field: part[2], Priority: i % 4})
	}
	s, err := score.NewSheet(subject, list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (x *scores) keep(s *score.Sheet, actor string, since time.Time) {
	x.sheets = append(x.sheets, house.ScoreSheet{Subject: s.Subject, Sheet: s.ID(), Body: s.Marshal(), Since: since, Actor: actor})
}

func book(t *testing.T, x *scores, d grade.Deps) *grade.Book {
	t.Helper()
	if x.recounts == nil {
		x.recounts = map[int]house.ScoreRecount{}
	}
	d.Scores, d.Clock = x, clock.NewFake(noon)
	if d.Counters == nil {
		d.Counters = &looks{}
	}
	b, err := grade.New(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBookNeedsAllItsParts(t *testing.T) {
	t.Parallel()
	if _, err := grade.New(t.Context(), grade.Deps{Scores: &scores{}}); err == nil {
		t.Error("a book without its parts")
	}
}

func TestBookBeginsWithTheSheetsOfTheProgram(t *testing.T) {
	t.Parallel()
	x := &scores{}
	b := book(t, x, grade.Deps{})
	if len(x.sheets) != len(score.Kinds()) || len(x.acts) != 0 {
		t.Errorf("%d sheets kept, %d acts", len(x.sheets), len(x.acts))
	}
	for _, kind := range score.Kinds() {
		s := score.Standard()[kind]
		if b.InForce(kind) != s || b.Judge(kind).Sheet() != s || b.Sheet(kind, s.ID()) == nil {
			t.Errorf("%s is not in force", kind)
		}
	}
	if b.Judge("letter") != nil || b.InForce("letter") != nil || b.Sheet("qd4750", score.ID{}) != nil || b.InForce("db:vaccination") != nil {
		t.Error("there are sheets of nothing")
	}
	for i, text := range b.Texts() {
		if s, err := score.ParseSheet([]byte(text)); err != nil || s.Subject != score.Kinds()[i] {
			t.Errorf("text %d: %v", i, err)
		}
	}
	if again := book(t, x, grade.Deps{}); len(x.sheets) != len(score.Kinds()) || again.InForce("qd4750") == nil {
		t.Errorf("another hub kept %d sheets", len(x.sheets))
	}
}

// What the ministry put in force stays in force, whatever a newer program comes with.
func TestTheMinistrysSheetIsInForce(t *testing.T) {
	t.Parallel()
	theirs, mine := sheet(t, "qd4750", "clean"), sheet(t, "qd4750", "clean", "correct")
	x := &scores{}
	x.keep(theirs, "ministry", noon.Add(-2*time.Hour))
	x.keep(mine, "", noon.Add(-time.Hour))
	x.keep(sheet(t, "db:a", "clean"), "", noon.Add(-time.Hour))
	x.keep(sheet(t, "db:a", "correct"), "", noon.Add(-time.Minute))
	b := book(t, x, grade.Deps{})
	if b.InForce("qd4750").ID() != theirs.ID() || b.Judge("qd4750").Sheet().ID() != theirs.ID() {
		t.Errorf("in force is %s", b.InForce("qd4750").Name())
	}
	if b.Sheet("qd4750", mine.ID()) == nil {
		t.Error("what was counted by a sheet of before cannot be read")
	}
	if s := b.InForce("db:a"); s == nil || s.Checks[0].Word != score.Correct || b.Judge("db:a") != nil {
		t.Errorf("of the database %+v", s)
	}
	judges, err := grade.Read(t.Context(), x)
	if err != nil || judges("qd4750").Sheet().ID() != theirs.ID() {
		t.Errorf("who only checks: %v", err)
	}
}

func TestBookRefusesASheetThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	s := sheet(t, "qd4750", "clean")
	for name, body := range map[string][]byte{"another sheet": sheet(t, "qd4750", "correct").Marshal(), "another subject": sheet(t, "emr", "clean").Marshal(), "no sheet": []byte("{}")} {
		x := &scores{}
		b := book(t, x, grade.Deps{})
		x.keep(s, "ministry", noon)
		x.sheets[len(x.sheets)-1].Body = body
		if err := b.Refresh(t.Context()); !errors.Is(err, score.ErrSheet) {
			t.Errorf("%s: %v", name, err)
		}
		if b.InForce("qd4750") != score.Standard()["qd4750"] {
			t.Errorf("%s is in force", name)
		}
	}
}

// A hub knows within a refresh what another one put in force, and keeps the judges of
// sheets that stayed.
func TestRefreshFindsWhatAnotherHubPutInForce(t *testing.T) {
	t.Parallel()
	x := &scores{}
	one, other := book(t, x, grade.Deps{}), book(t, x, grade.Deps{})
	before, stays := one.InForce("qd4750").ID(), other.Judge("emr")
	changed, err := one.PutFields(t.Context(), ministry, "qd4750\tXML1\tHO_TEN\t1\n")
	if err != nil || !slices.Equal(changed, []string{"qd4750"}) {
		t.Fatalf("%v %v", changed, err)
	}
	if other.InForce("qd4750").ID() != before {
		t.Error("known before anybody looked")
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id := other.InForce("qd4750").ID(); id == before || id != one.InForce("qd4750").ID() || other.Judge("emr") != stays {
		t.Errorf("in force at the other hub is %s", id)
	}
}

func TestPutFields(t *testing.T) {
	t.Parallel()
	x := &scores{}
	b := book(t, x, grade.Deps{})
	standard := score.MarshalFields(b.Fields())
	steps := []struct {
		name    string
		by      role.Role
		text    string
		changed []string
		err     error
	}{
		{"a unit", role.Role{Kind: role.Unit, ID: "pb"}, "qd4750\tXML1\tHO_TEN\t1\n", nil, grade.ErrWho},
		{"the operator", role.Role{Kind: role.Operator}, "qd4750\tXML1\tHO_TEN\t1\n", nil, grade.ErrWho},
		{"nothing", ministry, "# nothing\n", nil, score.ErrFields},
		{"an unknown field", ministry, "qd4750\tXML1\tNO_SUCH\t1\n", nil, score.ErrUnknownField},
		{"twice", ministry, "qd4750\tXML1\tHO_TEN\t1\nqd4750\tXML1\tHO_TEN\t2\n", nil, score.ErrTwice},
		{"as it is", ministry, standard, nil, nil},
		{"one field", ministry, "qd4750\tXML1\tHO_TEN\t1\n", []string{"qd4750"}, nil},
		{"the same field", ministry, "qd4750\tXML1\tHO_TEN\t1\n", nil, nil},
		{"as it was", ministry, standard, []string{"qd4750"}, nil},
		{"one field again", ministry, "qd4750\tXML1\tHO_TEN\t1\n", []string{"qd4750"}, nil},
	}
	acts := 0
	for i, c := range steps {
		b.Clock.(*clock.Fake).Advance(time.Minute)
		changed, err := b.PutFields(t.Context(), c.by, c.text)
		if !errors.Is(err, c.err) || !slices.Equal(changed, c.changed) {
			t.Fatalf("%s: %v %v", c.name, changed, err)
		}
		if acts += len(changed); len(x.acts) != acts {
			t.Fatalf("%s: %d acts", c.name, len(x.acts))
		}
		if c.err != nil {
			continue
		}
		want, err := score.ParseFields(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := score.Compose("qd4750", want); err != nil || b.InForce("qd4750").ID() != s.ID() {
			t.Errorf("step %d, %s, is not in force: %v", i, c.name, err)
		}
		if b.InForce("emr") != score.Standard()["emr"] {
			t.Errorf("%s changed what it does not name", c.name)
		}
	}
	if act := x.acts[0]; act.Action != "score.sheet" || act.Actor != ministry.String() || !strings.HasPrefix(act.Object, "qd4750/") {
		t.Errorf("%+v", act)
	}
}

// A rule that says its word itself is counted under it from the moment it says so.
func TestJudgeKnowsTheWordsOfRules(t *testing.T) {
	t.Parallel()
	x := &scores{}
	x.keep(sheet(t, "qd4750", "clean", "correct"), "ministry", noon)
	b := book(t, x, grade.Deps{})
	found := dossier.Finding{Code: "R.X.sings"}
	if at := b.Judge("qd4750").Of(found); at != 1 {
		t.Errorf("a rule without a word is counted under %d", at)
	}
	words := map[string]score.Word{"R.X.sings": score.Clean}
	b.RuleWords = func() map[string]score.Word { return words }
	if at := b.Judge("qd4750").Of(found); at != 0 {
		t.Errorf("clean is check %d", at)
	}
	words = map[string]score.Word{"R.X.sings": ""}
	if at := b.Judge("qd4750").Of(found); at != -1 || b.Judge("letter") != nil {
		t.Errorf("what counts as nothing is check %d", at)
	}
}
