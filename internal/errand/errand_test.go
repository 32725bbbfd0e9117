package errand_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var began = time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)

type world struct {
	t     *testing.T
	s     *store.Slices
	clock *clock.Fake
	desk  *errand.Desk
	told  []errand.Telling
}

// both runs a test on both engines.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	open := map[string]func(*testing.T, clock.Clock) (*store.Slices, error){
		"sqlite": func(t *testing.T, c clock.Clock) (*store.Slices, error) {
			return sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
		"postgres": func(t *testing.T, c clock.Clock) (*store.Slices, error) {
			return postgres.Open(t.Context(), pgtest.Copy(t, postgres.Migrate), postgres.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clock.NewFake(began)
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			w := &world{t: t, s: s, clock: c}
			w.desk, err = errand.New(errand.Deps{Tasks: s.House.Duties, Items: s.House.DutyItems, Units: s.Facilities, Clock: c, Facility: w.directory,
				Databases: func() []errand.Database {
					return []errand.Database{{ID: "vaccination", Name: fault.Text{VI: "Tiêm chủng", EN: "Vaccination"}, Steward: "pb"}}
				},
				Tell: func(_ context.Context, x errand.Telling) error { w.told = append(w.told, x); return nil }})
			if err != nil {
				t.Fatal(err)
			}
			w.move("79901", "79", "kcb")
			w.move("24604", "24", "")
			test(t, w)
		})
	}
}

func (w *world) directory() *facility.Directory {
	dir, err := w.s.Facilities.Load(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return dir
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) move(code care.FacilityCode, province, unit string) {
	w.t.Helper()
	w.must(w.s.Facilities.Change(w.t.Context(), store.DirectoryChange{Versions: []facility.Version{{Code: code, Name: "Bệnh viện Mẫu " + string(code), Level: facility.Regional, Province: province, Unit: unit, From: w.clock.Now()}}},
		store.Act{At: w.clock.Now(), Actor: "operator", Action: "facility.add", Object: string(code), Detail: "{}"}))
}

func who(s string) errand.Who {
	r, err := role.Parse(s)
	if err != nil {
		panic(err)
	}
	return errand.Who{Role: r, Name: s + " #1"}
}

var ministry = who("ministry")

func (w *world) open(by errand.Who, owner duty.Party) string {
	w.t.Helper()
	ids, err := w.desk.Open(w.t.Context(), by, "", newTask(owner))
	w.must(err)
	return ids[0]
}

func newTask(owner duty.Party) duty.Task {
	t := duty.Task{Title: fault.Text{VI: "Nối 12 bệnh viện"}, Source: duty.Source{Kind: duty.FromProgramme, Ref: "de-an-06"}, Due: 20260710}
	t.Own(owner)
	return t
}

func TestWhoMayDoWhat(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.open(ministry, "unit:pb")
		atHospital := w.open(who("unit:khcn"), "facility:79901")
		about := newTask("unit:ttyt")
		about.Database = "vaccination"
		ids, err := w.desk.Open(ctx, ministry, "", about)
		w.must(err)
		sees := func(id string, by string) bool {
			_, err := w.desk.Look(ctx, who(by).Role, id)
			if err != nil && !errors.Is(err, store.ErrAbsent) {
				t.Fatal(err)
			}
			return err == nil
		}
		for _, c := range []struct {
			id, by string
			want   bool
		}{
			{id, "unit:pb", true}, {id, "unit:khcn", true}, {id, "operator", true}, {id, "unit:qld", false}, {id, "province:79", false}, {id, "facility:79901", false}, {id, "auditor", false}, {id, "insurer", false},
			{atHospital, "facility:79901", true}, {atHospital, "facility:24604", false}, {atHospital, "province:79", true}, {atHospital, "province:24", false}, {atHospital, "unit:kcb", true},
			{ids[0], "unit:pb", true}, {ids[0], "unit:qld", false}, // the steward of the database reads on
		} {
			if got := sees(c.id, c.by); got != c.want {
				t.Errorf("%s sees %s: %v", c.by, c.id, got)
			}
		}
		step := func(by, id string, s duty.Step) error {
			_, err := w.desk.Take(ctx, who(by), id, 0, s)
			return err
		}
		for _, c := range []struct {
			by   string
			id   string
			s    duty.Step
			want error
		}{
			{"unit:pb", id, duty.Step{What: duty.StepStarted}, nil},
			{"unit:pb", id, duty.Step{What: duty.StepDue, Due: 20260801, Why: "x"}, errand.ErrMay},
			{"unit:pb", id, duty.Step{What: duty.StepCancelled, Why: "x"}, errand.ErrMay},
			{"unit:pb", id, duty.Step{What: duty.StepBlocked, By: "unit:pb", Why: "x"}, duty.ErrSelf},
			{"unit:pb", id, duty.Step{What: duty.StepBlocked, By: "unit:zzz", Why: "x"}, duty.ErrUnit},
			{"unit:pb", id, duty.Step{What: duty.StepBlocked, By: "facility:99999", Why: "x"}, errand.ErrNobody},
			{"unit:pb", id, duty.Step{What: duty.StepBlocked, By: "unit:c06", Why: "chờ đối chiếu"}, nil},
			{"unit:c06", id, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "x"}}, errand.ErrMay},
			{"unit:c06", id, duty.Step{What: duty.StepNoted, Why: "tuần sau có"}, nil},
			{"unit:qld", id, duty.Step{What: duty.StepNoted, Why: "x"}, store.ErrAbsent},
			{"province:79", atHospital, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "x"}}, errand.ErrMay},
			{"facility:79901", atHospital, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "đã nối"}}, nil},
			{"facility:79901", atHospital, duty.Step{What: duty.StepReopened, Due: 20260801, Why: "x"}, errand.ErrMay},
			{"unit:khcn", atHospital, duty.Step{What: duty.StepReopened, Due: 20260801, Why: "chưa đủ"}, nil},
		} {
			if err := step(c.by, c.id, c.s); !errors.Is(err, c.want) {
				t.Errorf("%s: %s: %v", c.by, c.s.What, err)
			}
		}
		if err := func() error {
			_, err := w.desk.Take(ctx, ministry, id, 1, duty.Step{What: duty.StepUnblocked})
			return err
		}(); !errors.Is(err, store.ErrChanged) {
			t.Errorf("a step on an old page: %v", err)
		}
		for by, want := range map[string]error{"facility:24604": errand.ErrMay, "province:24": errand.ErrMay, "auditor": errand.ErrMay, "province:79": nil, "unit:kcb": nil} {
			if _, err := w.desk.Open(ctx, who(by), "", newTask("facility:79901")); !errors.Is(err, want) {
				t.Errorf("%s assigns: %v", by, err)
			}
		}
	})
}

func TestTasksThatAreNotTaken(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, c := range map[string]struct {
			change func(*duty.Task)
			want   error
		}{
			"unknown unit":      {func(x *duty.Task) { x.Unit = "nope" }, duty.ErrUnit},
			"unknown facility":  {func(x *duty.Task) { x.Own("facility:99999") }, errand.ErrNobody},
			"due in the past":   {func(x *duty.Task) { x.Due = 20260630 }, duty.ErrPast},
			"unknown programme": {func(x *duty.Task) { x.Source.Ref = "nope" }, duty.ErrSource},
			"unknown database":  {func(x *duty.Task) { x.Database = "nope" }, duty.ErrDatabase},
			"a debt by hand":    {func(x *duty.Task) { x.Source.Kind = duty.FromDebt }, duty.ErrSource},
		} {
			good, bad := newTask("unit:pb"), newTask("unit:pb")
			c.change(&bad)
			if _, err := w.desk.Open(ctx, ministry, "", good, bad); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if all, _, err := w.desk.List(ctx, ministry.Role, duty.Filter{}); err != nil || len(all) != 0 {
			t.Errorf("half of it was opened: %d %v", len(all), err)
		}
		if _, err := w.desk.Open(ctx, ministry, "form-1", newTask("unit:pb")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Open(ctx, ministry, "form-1", newTask("unit:pb")); !errors.Is(err, errand.ErrTwice) {
			t.Errorf("a form sent twice: %v", err)
		}
		w.desk.Tasks = &busy{Duties: w.s.House.Duties}
		if _, err := w.desk.Open(ctx, ministry, "form-2", newTask("unit:pb")); !errors.Is(err, errBusy) {
			t.Errorf("while the store is busy: %v", err)
		}
		if ids, err := w.desk.Open(ctx, ministry, "form-2", newTask("unit:pb")); err != nil || len(ids) != 1 {
			t.Errorf("the same form after that: %v %v", ids, err)
		}
		if _, err := w.desk.Open(ctx, ministry, "", slices.Repeat([]duty.Task{newTask("unit:pb")}, 10_001)...); !errors.Is(err, errand.ErrMany) {
			t.Errorf("too many: %v", err)
		}
		if _, err := w.desk.Open(ctx, ministry, ""); !errors.Is(err, errand.ErrMany) {
			t.Errorf("none: %v", err)
		}
	})
}

var errBusy = errors.New("busy")

// busy is a store that keeps nothing the first time.
type busy struct {
	house.Duties
	after bool
}

func (b *busy) Put(ctx context.Context, c []duty.Change, act store.Act) error {
	if !b.after {
		b.after = true
		return errBusy
	}
	return b.Duties.Put(ctx, c, act)
}

func (b *busy) Open(ctx context.Context, f house.Form, c []duty.Change, act store.Act) error {
	if !b.after {
		b.after = true
		return errBusy
	}
	return b.Duties.Open(ctx, f, c, act)
}

func TestTenThousandTasksAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ids, err := w.desk.Open(ctx, ministry, "", slices.Repeat([]duty.Task{newTask("unit:pb")}, 10_000)...)
		w.must(err)
		n, err := w.desk.TakeAll(ctx, ministry, ids, duty.Step{What: duty.StepDue, Due: 20260801, Why: "dời theo cuộc họp"})
		w.must(err)
		counts, err := w.desk.Count(ctx, ministry.Role, duty.Filter{Owner: "unit:pb"}, duty.ByAll)
		w.must(err)
		if n != 10_000 || len(counts) != 1 || counts[0].Open != 10_000 || counts[0].Oldest != 20260801 {
			t.Errorf("%d moved, %+v", n, counts)
		}
		if n, err := w.desk.TakeAll(ctx, ministry, ids[:3], duty.Step{What: duty.StepBlocked, By: "unit:pb", Why: "x"}); n != 0 || !errors.Is(err, duty.ErrSelf) {
			t.Errorf("%d blocked by themselves: %v", n, err)
		}
		if n, err := w.desk.RemindAll(ctx, ministry, append(ids[:2:2], ids[0])); n != 2 || err != nil {
			t.Errorf("%d reminded: %v", n, err)
		}
		if n, err := w.desk.RemindAll(ctx, ministry, ids[:3]); n != 1 || err != nil {
			t.Errorf("%d reminded again the same day: %v", n, err)
		}
		if _, err := w.desk.RemindAll(ctx, who("unit:pb"), ids[:1]); !errors.Is(err, errand.ErrMay) {
			t.Errorf("the owner reminds: %v", err)
		}
	})
}

func TestAFacilityThatMovesKeepsItsTasks(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.open(ministry, "facility:79901")
		list := func(by string) int {
			all, _, err := w.desk.List(ctx, who(by).Role, duty.Filter{})
			w.must(err)
			return len(all)
		}
		if list("province:79") != 1 || list("province:24") != 0 {
			t.Error("before")
		}
		w.clock.Advance(10 * 24 * time.Hour)
		w.move("79901", "24", "qld")
		if list("province:79") != 0 || list("province:24") != 1 || list("facility:79901") != 1 || list("unit:kcb") != 0 || list("unit:qld") != 1 {
			t.Error("after")
		}
		if _, err := w.desk.Take(ctx, who("facility:79901"), id, 0, duty.Step{What: duty.StepStarted}); err != nil {
			t.Error(err)
		}
	})
}

func TestAUnitIsDissolved(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		put := func(id string) {
			w.must(w.desk.PutUnit(ctx, ministry, duty.Unit{ID: id, Kind: duty.Department, Name: fault.Text{VI: "Cục " + id, EN: "Department " + id}}))
		}
		put("a")
		put("b")
		put("c")
		w.must(w.desk.PutUnit(ctx, ministry, duty.Unit{ID: "a", Kind: duty.Department, Name: fault.Text{VI: "Cục A mới", EN: "New A"}}))
		if u, ok := w.directory().Unit("a"); !ok || u.Name.EN != "New A" {
			t.Errorf("facilities know it as %+v", u)
		}
		passed, stays := w.open(ministry, "unit:a"), w.open(ministry, "unit:c")
		blocked := w.open(ministry, "unit:a")
		_, err := w.desk.Take(ctx, who("unit:a"), blocked, 0, duty.Step{What: duty.StepBlocked, By: "unit:b", Why: "chờ"})
		w.must(err)
		if _, err := w.desk.Dissolve(ctx, who("unit:a"), "a", "b", 20260701); !errors.Is(err, errand.ErrMay) {
			t.Errorf("it dissolves itself: %v", err)
		}
		for successor, want := range map[string]error{"a": duty.ErrSuccessor, "zz": duty.ErrSuccessor} {
			if _, err := w.desk.Dissolve(ctx, ministry, "a", successor, 20260701); !errors.Is(err, want) {
				t.Errorf("into %s: %v", successor, err)
			}
		}
		for day, want := range map[int]error{20260630: duty.ErrPastEnd, 20250705: duty.ErrPastEnd, 0: duty.ErrDay, 20260732: duty.ErrDay} {
			if _, err := w.desk.Dissolve(ctx, ministry, "a", "b", day); !errors.Is(err, want) {
				t.Errorf("on %d: %v", day, err)
			}
		}
		n, err := w.desk.Dissolve(ctx, ministry, "a", "b", 20260705) // in four days
		w.must(err)
		if n != 0 {
			t.Errorf("%d passed before the day", n)
		}
		w.must(w.desk.PutUnit(ctx, ministry, duty.Unit{ID: "a", Kind: duty.Department, Name: fault.Text{VI: "Cục A mới", EN: "Newer A"}})) // its end stays planned
		if _, err := w.desk.Dissolve(ctx, ministry, "b", "a", 20260705); !errors.Is(err, duty.ErrSuccessor) {
			t.Errorf("round in a circle: %v", err)
		}
		w.clock.Advance(4 * 24 * time.Hour)
		n, err = w.desk.PassOn(ctx)
		w.must(err)
		v, err := w.desk.Look(ctx, who("unit:b").Role, passed)
		w.must(err)
		last := v.Steps[len(v.Steps)-1]
		if n != 2 || v.Task.Unit != "b" || last.What != duty.StepMoved || last.Actor != "hub" || !v.Rights.Step {
			t.Errorf("%d passed, %+v, %+v", n, v.Task, last)
		}
		if v, err := w.desk.Look(ctx, ministry.Role, blocked); err != nil || v.Task.State != duty.InProgress {
			t.Errorf("blocked by its new owner: %+v %v", v, err)
		}
		if _, err := w.desk.Open(ctx, ministry, "", newTask("unit:a")); !errors.Is(err, duty.ErrDissolved) {
			t.Errorf("assigned to who is no more: %v", err)
		}
		_, err = w.desk.Dissolve(ctx, ministry, "c", "", 20260705)
		w.must(err)
		orphans, err := w.desk.Orphans(ctx)
		w.must(err)
		all, _, err := w.desk.List(ctx, ministry.Role, duty.Filter{Orphans: orphans})
		w.must(err)
		if !slices.Equal(orphans, []string{"c"}) || len(all) != 1 || all[0].ID != stays {
			t.Errorf("orphans %v: %+v", orphans, all)
		}
		if v, err := w.desk.Look(ctx, ministry.Role, stays); err != nil || !v.Orphan {
			t.Errorf("%+v %v", v, err)
		}
		if versions, _, err := w.desk.UnitVersions(ctx, "a"); err != nil || len(versions) != 4 || versions[0].Name.EN != "Department a" {
			t.Errorf("history: %+v %v", versions, err)
		}
		if err := w.desk.PutUnit(ctx, ministry, duty.Unit{ID: "c", Kind: duty.Department, Name: fault.Text{VI: "x", EN: "x"}}); !errors.Is(err, duty.ErrDissolved) {
			t.Errorf("named after its end: %v", err)
		}
		// a province's seat works for the department that stands
		w.must(w.desk.PutUnit(ctx, ministry, duty.Unit{ID: "syt-24-moi", Kind: duty.Province, Province: "24", Name: fault.Text{VI: "Sở Y tế mới", EN: "New department"}}))
		_, err = w.desk.Dissolve(ctx, ministry, "syt-24", "syt-24-moi", w.desk.Today())
		w.must(err)
		seat := who("province:24")
		if mine, err := w.desk.Mine(ctx, seat.Role); err != nil || mine != "unit:syt-24-moi" {
			t.Errorf("province 24 owns tasks as %s, %v", mine, err)
		}
		id := w.open(ministry, "unit:syt-24-moi")
		if v, err := w.desk.Look(ctx, seat.Role, id); err != nil || !v.Rights.Step {
			t.Errorf("a task of the new department: %+v %v", v, err)
		}
		_, err = w.desk.Dissolve(ctx, ministry, "syt-96", "syt-24-moi", w.desk.Today())
		w.must(err)
		if _, err := w.desk.Look(ctx, who("province:96").Role, id); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("seen by a province whose department went into it: %v", err)
		}
	})
}

func TestReminders(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		id := w.open(ministry, "unit:pb") // due on the 10th
		var reminded []int
		for range 25 { // from the first on
			r, err := w.desk.Remind(ctx)
			w.must(err)
			if r.Changed > 0 {
				reminded = append(reminded, clock.Day(w.clock.Now())%100)
			}
			if again, err := w.desk.Remind(ctx); err != nil || again.Changed != 0 {
				t.Fatalf("reminded twice a day: %+v %v", again, err)
			}
			w.clock.Advance(24 * time.Hour)
		}
		if !slices.Equal(reminded, []int{7, 11, 18, 25}) {
			t.Errorf("reminded on %v", reminded)
		}
		if len(w.told) == 0 || w.told[0].Day != 20260711 || w.told[0].Late != 1 || w.told[0].Worst[0].Key != "unit:pb" {
			t.Errorf("told %+v", w.told)
		}
		rep, err := w.desk.Report(ctx, ministry.Role, 20260701, 20260731)
		w.must(err)
		if rep.Total.Late != 1 || len(rep.Late) != 1 || rep.Late[0].ID != id || len(rep.Done) != 0 {
			t.Errorf("%+v", rep)
		}
		_, err = w.desk.Take(ctx, who("unit:pb"), id, 0, duty.Step{What: duty.StepBlocked, By: "unit:c06", Why: "chờ"})
		w.must(err)
		w.clock.Advance(3 * 24 * time.Hour)
		rep, err = w.desk.Report(ctx, who("unit:pb").Role, 20260701, 20260731)
		w.must(err)
		if len(rep.Bottlenecks) != 1 || rep.Bottlenecks[0].Party != "unit:c06" || rep.Bottlenecks[0].Longest != 3 {
			t.Errorf("%+v", rep.Bottlenecks)
		}
		if rep, err := w.desk.Report(ctx, who("unit:qld").Role, 20260701, 20260731); err != nil || rep.Total.Open != 0 {
			t.Errorf("another unit's report: %+v %v", rep, err)
		}
		if _, err := w.desk.Report(ctx, ministry.Role, 20260731, 20260701); !errors.Is(err, duty.ErrDay) {
			t.Error(err)
		}
	})
}

func TestRolesAndProgrammes(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.must(w.desk.PutRole(ctx, ministry, duty.Role{Unit: "ttyt", Database: "vaccination", Does: duty.Operates}))
		for name, c := range map[string]struct {
			r    duty.Role
			by   errand.Who
			want error
		}{
			"no such database": {duty.Role{Unit: "ttyt", Database: "x", Does: duty.Builds}, ministry, duty.ErrDatabase},
			"no such unit":     {duty.Role{Unit: "zz", Database: "vaccination", Does: duty.Builds}, ministry, duty.ErrUnit},
			"no such role":     {duty.Role{Unit: "ttyt", Database: "vaccination", Does: "own"}, ministry, duty.ErrRole},
			"not by itself":    {duty.Role{Unit: "ttyt", Database: "vaccination", Does: duty.Builds}, who("unit:ttyt"), errand.ErrMay},
		} {
			if err := w.desk.PutRole(ctx, c.by, c.r); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		roles, err := w.desk.Roles(ctx)
		w.must(err)
		if len(roles) != 2 || !roles[0].ByFile || roles[0].Unit != "pb" || roles[1].Does != duty.Operates {
			t.Errorf("%+v", roles)
		}
		w.must(w.desk.PutRole(ctx, ministry, duty.Role{Unit: "ttyt", Database: "vaccination", Does: duty.Operates, Ended: true}))
		if roles, err := w.desk.Roles(ctx); err != nil || len(roles) != 1 {
			t.Errorf("%+v %v", roles, err)
		}
		text := "id;kind;title_vi;title_en;note_vi;note_en;confirmed_by\r\nde-an-06;project;Đề án 06;Project 06;;;Vụ Pháp chế (giả lập)\r\nhop-0912;meeting;Họp ngày 09/12/2025;Meeting of 9 December 2025;;;\r\n"
		all, err := errand.ReadProgrammes("csv", []byte(text))
		w.must(err)
		n, err := w.desk.PutProgrammes(ctx, ministry, all)
		w.must(err)
		again, err := w.desk.PutProgrammes(ctx, ministry, all)
		w.must(err)
		held, err := w.desk.Programmes(ctx)
		w.must(err)
		if n != 2 || again != 0 || len(held) != 4 || !held[0].Confirmed() || held[1].Confirmed() {
			t.Errorf("%d, %d, %+v", n, again, held)
		}
		for _, format := range []string{"csv", "yaml"} {
			b, err := errand.WriteProgrammes(format, held)
			w.must(err)
			back, err := errand.ReadProgrammes(format, b)
			w.must(err)
			for i := range held {
				held[i].Version = 0
			}
			if !slices.Equal(back, held) {
				t.Errorf("%s: %s\n%+v", format, b, back)
			}
		}
		if _, err := w.desk.PutProgrammes(ctx, ministry, append(all, all[0])); !errors.Is(err, duty.ErrProgramme) {
			t.Errorf("twice in a file: %v", err)
		}
	})
}

func FuzzReadProgrammes(f *testing.F) {
	f.Add("csv", []byte("id;kind;title_vi;title_en;note_vi;note_en;confirmed_by\na;plan;b;c;;;\n"))
	f.Add("yaml", []byte("- id: a\n  kind: plan\n  title: {vi: b, en: c}\n"))
	f.Add("yaml", []byte("&a [*a, *a]"))
	f.Fuzz(func(t *testing.T, format string, text []byte) {
		all, err := errand.ReadProgrammes(format, text)
		var fe *fault.Error
		if err != nil && (!errors.As(err, &fe) || fe.Kind == fault.Broken) {
			t.Errorf("%v", err)
		}
		for _, p := range all {
			if strings.ContainsRune(p.ID, '\n') && p.Check() == nil {
				t.Errorf("%q", p.ID)
			}
		}
	})
}
