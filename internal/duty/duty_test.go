package duty_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/fault"
)

var now = time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)

func task(t *testing.T, change func(*duty.Task)) duty.Task {
	t.Helper()
	x := duty.Task{Unit: "kcb", Title: fault.Text{VI: "Nối 12 bệnh viện"}, Source: duty.Source{Kind: duty.FromMeeting, Ref: "2025-12-09"}, Due: 20260701}
	if change != nil {
		change(&x)
	}
	made, _, err := duty.New(x, now, "ministry an")
	if err != nil {
		t.Fatal(err)
	}
	made.ID = duty.Number(2026, 1)
	return made
}

func TestATaskThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change func(*duty.Task)
		want   error
	}{
		"no owner":              {func(x *duty.Task) { x.Unit = "" }, duty.ErrOwner},
		"two owners":            {func(x *duty.Task) { x.Facility = "79901" }, duty.ErrOwner},
		"an owner of no form":   {func(x *duty.Task) { x.Unit = "Cục A" }, duty.ErrOwner},
		"no title":              {func(x *duty.Task) { x.Title.VI = "  " }, duty.ErrText},
		"two lines":             {func(x *duty.Task) { x.Title.VI = "a\nb" }, duty.ErrText},
		"a long title":          {func(x *duty.Task) { x.Title.VI = strings.Repeat("ă", 201) }, duty.ErrText},
		"not text":              {func(x *duty.Task) { x.Title.EN = "\xff" }, duty.ErrText},
		"a citizen's number":    {func(x *duty.Task) { x.Title.VI = "Sửa 001861004127" }, duty.ErrPersonal},
		"one with spaces":       {func(x *duty.Task) { x.Title.VI = "Sửa 001 861 004 127" }, duty.ErrPersonal},
		"a phone":               {func(x *duty.Task) { x.Title.EN = "call 0912.345.678" }, duty.ErrPersonal},
		"yesterday":             {func(x *duty.Task) { x.Due = 20260630 }, duty.ErrPast},
		"in the next century":   {func(x *duty.Task) { x.Due = 21260630 }, duty.ErrPast},
		"no day":                {func(x *duty.Task) { x.Due = 20260631 }, duty.ErrDay},
		"day zero":              {func(x *duty.Task) { x.Due = 0 }, duty.ErrDay},
		"no source":             {func(x *duty.Task) { x.Source = duty.Source{} }, duty.ErrSource},
		"a programme of none":   {func(x *duty.Task) { x.Source = duty.Source{Kind: duty.FromProgramme} }, duty.ErrSource},
		"a debt of nothing":     {func(x *duty.Task) { x.Source = duty.Source{Kind: duty.FromDebt} }, duty.ErrSource},
		"a debt from a meeting": {func(x *duty.Task) { x.Debt = "a" }, duty.ErrSource},
		"a database of no form": {func(x *duty.Task) { x.Database = "Tiêm chủng" }, duty.ErrDatabase},
		"evidence of no form":   {func(x *duty.Task) { x.Evidence = duty.Evidence{Kind: "file", Ref: "abc"} }, duty.ErrEvidence},
	} {
		x2 := duty.Task{Unit: "kcb", Title: fault.Text{VI: "Nối", EN: "Connect"}, Source: duty.Source{Kind: duty.FromOther}, Due: 20260801}
		x.change(&x2)
		if _, _, err := duty.New(x2, now, "a"); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	made := task(t, func(x *duty.Task) { x.Title.VI = "Họp 09/12/2025: NV-2026-000123-7, hạn 2026-12-31" })
	if made.Title.EN != made.Title.VI || made.State != duty.Open || made.Version != 1 || made.Late(20260701) || !made.Late(20260702) || made.LateBy(20260801) != 31 {
		t.Errorf("%+v", made)
	}
}

func TestStepsThatDoNotFollow(t *testing.T) {
	t.Parallel()
	open := task(t, nil)
	for name, x := range map[string]struct {
		step duty.Step
		want error
	}{
		"blocked by itself":    {duty.Step{What: duty.StepBlocked, By: "unit:kcb", Why: "x"}, duty.ErrSelf},
		"blocked by nobody":    {duty.Step{What: duty.StepBlocked, Why: "x"}, duty.ErrParty},
		"blocked without why":  {duty.Step{What: duty.StepBlocked, By: "unit:pb"}, duty.ErrWhy},
		"done without a word":  {duty.Step{What: duty.StepDone}, duty.ErrEvidence},
		"done by a patient":    {duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "001861004127"}}, duty.ErrPersonal},
		"cancelled, no reason": {duty.Step{What: duty.StepCancelled}, duty.ErrWhy},
		"moved nowhere":        {duty.Step{What: duty.StepMoved, Owner: "unit:kcb", Why: "x"}, duty.ErrStep},
		"moved to a person":    {duty.Step{What: duty.StepMoved, Owner: "an", Why: "x"}, duty.ErrParty},
		"due in the past":      {duty.Step{What: duty.StepDue, Due: 20260601, Why: "x"}, duty.ErrPast},
		"another day, no why":  {duty.Step{What: duty.StepDue, Due: 20260901}, duty.ErrWhy},
		"an empty remark":      {duty.Step{What: duty.StepNoted}, duty.ErrText},
		"opened twice":         {duty.Step{What: duty.StepOpened}, duty.ErrStep},
		"something else":       {duty.Step{What: "burnt"}, duty.ErrStep},
		"unblocked":            {duty.Step{What: duty.StepUnblocked}, duty.ErrStep},
		"reopened":             {duty.Step{What: duty.StepReopened, Due: 20260901, Why: "x"}, duty.ErrStep},
	} {
		x.step.At = now
		if got, _, err := duty.Take(open, x.step); !errors.Is(err, x.want) || got != open {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever steps are tried in whatever order, a task stays whole: its version
// counts the steps taken, it is blocked only by somebody else, done only with
// evidence, and nothing that was refused changed it.
func TestNoOrderOfStepsBreaksATask(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 24))
	parties := []duty.Party{"unit:kcb", "unit:pb", "facility:79901", "facility:24604", "", "x"}
	texts := []string{"", "chờ số liệu", "001861004127"}
	days := []int{0, 20260601, 20260701, 20270101, 20260231}
	for range 2000 {
		x, at, taken := task(t, nil), now, 1
		for range 12 {
			at = at.Add(time.Duration(rng.IntN(90)) * time.Hour)
			s := duty.Step{At: at, Actor: "a", What: append(duty.Steps(), duty.StepOpened, "")[rng.IntN(len(duty.Steps())+2)], Why: texts[rng.IntN(len(texts))],
				By: parties[rng.IntN(len(parties))], Owner: parties[rng.IntN(len(parties))], Due: days[rng.IntN(len(days))], Evidence: duty.Evidence{Text: texts[rng.IntN(len(texts))]}}
			before, could := x, x.May(s.What)
			next, step, err := duty.Take(x, s)
			if err != nil {
				if next != before {
					t.Fatalf("refused %+v and changed it", s)
				}
				continue
			}
			taken++
			x = next
			switch {
			case !could:
				t.Fatalf("%s followed %s", s.What, before.State)
			case x.Version != taken || step.N != taken:
				t.Fatalf("version %d, step %d after %d", x.Version, step.N, taken)
			case (x.Unit == "") == (x.Facility == ""):
				t.Fatalf("owners: %+v", x)
			case (x.State == duty.Blocked) != (x.BlockedBy != "") || x.BlockedBy != "" && x.BlockedBy == x.Owner():
				t.Fatalf("%s by %q, owner %q", x.State, x.BlockedBy, x.Owner())
			case (x.State == duty.Done) == x.Evidence.None():
				t.Fatalf("%s with evidence %+v", x.State, x.Evidence)
			case x.State.Ended() == x.Closed.IsZero():
				t.Fatalf("%s, ended %v", x.State, x.Closed)
			case x.State.Ended() && x.Late(99981231):
				t.Fatal("an ended task is late")
			case !duty.ValidDay(x.Due) || x.Debt != before.Debt || x.ID != before.ID || x.Opened != before.Opened:
				t.Fatalf("%+v", x)
			}
		}
	}
}

// Of a day that was moved nobody was reminded yet.
func TestAMovedDayIsRemindedOfAnew(t *testing.T) {
	t.Parallel()
	x := task(t, nil)
	at := x.Opened.Add(time.Hour)
	x, _, err := duty.Take(x, duty.Step{What: duty.StepReminded, At: at})
	if err != nil || !x.Reminded.Equal(at) {
		t.Fatalf("%+v %v", x, err)
	}
	x, _, err = duty.Take(x, duty.Step{What: duty.StepDue, At: at, Due: duty.AddDays(x.Due, 20), Why: "chờ văn bản"})
	if err != nil || !x.Reminded.IsZero() {
		t.Errorf("%+v %v", x, err)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	n := duty.Number(2026, 123)
	if !strings.HasPrefix(n, "NV-2026-000123-") {
		t.Error(n)
	}
	for _, typed := range []string{n, strings.ToLower(n), strings.ReplaceAll(n, "-", ""), " " + n[3:]} {
		if got, err := duty.ParseNumber(typed); err != nil || got != n {
			t.Errorf("%q: %q %v", typed, got, err)
		}
	}
	for i := range 10 { // every mistyped last digit but one is noticed
		typed := n[:len(n)-1] + string(rune('0'+i))
		if got, err := duty.ParseNumber(typed); (err == nil) != (typed == n) {
			t.Errorf("%q: %q %v", typed, got, err)
		}
	}
	for _, no := range []string{"", "NV", "VV-2026-000123-7", "NV-2026-0000123-1", strings.Repeat("1", 50), "NV-2026-00012x-7"} {
		if _, err := duty.ParseNumber(no); !errors.Is(err, duty.ErrNumber) {
			t.Errorf("%q: %v", no, err)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	f.Add(duty.Number(2026, 1))
	f.Add("nv 2026 000123 7")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := duty.ParseNumber(s)
		if err != nil {
			return
		}
		if again, err := duty.ParseNumber(got); err != nil || again != got {
			t.Errorf("%q: %q, then %q %v", s, got, again, err)
		}
	})
}

func FuzzParties(f *testing.F) {
	f.Add("unit:khcn")
	f.Add("facility:79901")
	f.Add("unit:facility:79901")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := duty.ParseParty(s)
		if err == nil && (string(p) != s || (p.Unit() == "") == (p.Facility() == "")) {
			t.Errorf("%q: %q", s, p)
		}
		if duty.CheckText(s) == nil && strings.Contains(s, "001861004127") {
			t.Errorf("%q is kept", s)
		}
	})
}

func TestTheDefaultUnits(t *testing.T) {
	t.Parallel()
	all := duty.Defaults()
	ids := map[string]bool{}
	provinces := 0
	for _, u := range all {
		if err := u.Check(); err != nil || ids[u.ID] {
			t.Errorf("%s: %v", u.ID, err)
		}
		ids[u.ID] = true
		if u.Kind == duty.Province {
			provinces++
		}
	}
	x := duty.NewUnits(nil)
	for _, p := range catalog.Provinces() {
		if u, ok := x.OfProvince(p.Code, 20260701); !ok || u.ID != "syt-"+p.Code || !strings.HasSuffix(p.Name, strings.TrimPrefix(u.Name.VI, "Sở Y tế ")) || !strings.HasSuffix(u.Name.EN, p.NameEN) {
			t.Errorf("%s: %+v", p.Code, u)
		}
	}
	if provinces != 34 || len(all) < 50 || !ids["bhxh"] || !ids["c06"] || !ids["ttyt"] {
		t.Errorf("%d units, %d provinces", len(all), provinces)
	}
	for _, p := range duty.Programmes(nil) {
		if err := p.Check(); err != nil || p.Confirmed() {
			t.Errorf("%s: %v, confirmed %v", p.ID, err, p.Confirmed())
		}
	}
}

func TestWhoAnswersForAUnitThatIsNoMore(t *testing.T) {
	t.Parallel()
	unit := func(id, successor string, until int) duty.Unit {
		return duty.Unit{ID: id, Version: 1, Kind: duty.Department, Name: fault.Text{VI: "Cục " + id, EN: id}, Until: until, Successor: successor}
	}
	x := duty.NewUnits([]duty.Unit{unit("a", "b", 20260101), unit("b", "kcb", 20260201), unit("c", "", 20260101), unit("d", "e", 20260101), unit("e", "d", 20260101)})
	for id, want := range map[string]string{"a": "kcb", "b": "kcb", "c": "", "d": "", "kcb": "kcb", "nobody": ""} {
		if u, ok := x.Follow(id, 20260301); u.ID != want && ok || ok != (want != "") {
			t.Errorf("%s: %s %v", id, u.ID, ok)
		}
	}
	if u, _ := x.Follow("a", 20260115); u.ID != "b" {
		t.Errorf("in between: %s", u.ID)
	}
	if _, err := x.Standing("a", 20260101); !errors.Is(err, duty.ErrDissolved) {
		t.Error(err)
	}
	if _, err := x.Standing("zz", 20260101); !errors.Is(err, duty.ErrUnit) {
		t.Error(err)
	}
	if u, ok := x.OfProvince("79", 20260701); !ok || u.ID != "syt-79" {
		t.Errorf("%+v", u)
	}
	health := func(id, province, successor string, until int) duty.Unit {
		return duty.Unit{ID: id, Version: 1, Kind: duty.Province, Province: province, Name: fault.Text{VI: "Sở " + id, EN: id}, Until: until, Successor: successor}
	}
	x = duty.NewUnits([]duty.Unit{health("syt-79", "79", "", 20260705), health("syt-79-moi", "79", "", 0), health("syt-24", "24", "syt-79-moi", 20260705), health("syt-96", "96", "", 20260705)})
	for _, c := range []struct {
		province, want string
		day            int
	}{{"79", "syt-79", 20260704}, {"79", "syt-79-moi", 20260705}, {"24", "syt-24", 20260704}, {"24", "syt-79-moi", 20260705}, {"96", "", 20260705}, {"99", "", 20260705}} {
		if u, ok := x.OfProvince(c.province, c.day); u.ID != c.want || ok != (c.want != "") {
			t.Errorf("of %s on %d: %s %v", c.province, c.day, u.ID, ok)
		}
	}
	for _, no := range []duty.Unit{{}, unit("A", "", 0), unit("a", "", 20260231), {ID: "a", Kind: "king", Name: fault.Text{VI: "a", EN: "b"}}, {ID: "a", Kind: duty.Province, Province: "99", Name: fault.Text{VI: "a", EN: "b"}}} {
		if no.Check() == nil {
			t.Errorf("%+v can be kept", no)
		}
	}
}

func TestBottlenecks(t *testing.T) {
	t.Parallel()
	blocked := func(n int64, owner, by duty.Party, at time.Time) duty.Task {
		x := task(t, nil)
		x.Own(owner)
		x.ID = duty.Number(2026, n)
		got, _, err := duty.Take(x, duty.Step{At: at, What: duty.StepBlocked, By: by, Why: "chờ"})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := duty.Bottlenecks([]duty.Task{
		blocked(1, "unit:kcb", "unit:pb", now), blocked(2, "facility:79901", "unit:pb", now.AddDate(0, 0, 3)),
		blocked(3, "unit:kcb", "unit:c06", now), task(t, nil),
	}, 20260711)
	want := []duty.Bottleneck{{Party: "unit:pb", Tasks: 2, Owners: 2, Days: 17, Longest: 10, First: duty.Number(2026, 1), Late: 2}, {Party: "unit:c06", Tasks: 1, Owners: 1, Days: 10, Longest: 10, First: duty.Number(2026, 3), Late: 1}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if clock.Day(now) != 20260701 || duty.AddDays(20261231, 1) != 20270101 || duty.DaysBetween(20260701, 20260711) != 10 || duty.DayText(20260709) != "2026-07-09" {
		t.Error("days")
	}
}
