package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lienthong/internal/duty"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

func dutyCases() []testCase {
	return []testCase{
		{"no number of a task is given twice, and many are taken at once", taskNumbers},
		{"a task comes back as it was, with every step", taskComesBack},
		{"of those who change a task at once one does", taskChangedAtOnce},
		{"a debt has one task", oneTaskForADebt},
		{"a form opens its tasks once, and is not spent where nothing is kept", formOnce},
		{"tasks are found by owner, database, state, blocker, province, and pages do not overlap", tasksFound},
		{"a reader finds and counts what is in sight, wherever a facility has moved to", tasksInSight},
		{"ten thousand tasks are put and counted", manyTasks},
		{"units, roles and programmes keep every version", dutyItems},
	}
}

// newTask is a task that nobody put yet.
func (w *world) newTask(n int64, owner duty.Party, change func(*duty.Task)) duty.Change {
	w.t.Helper()
	t := duty.Task{Title: fault.Text{VI: "Bổ sung số thẻ", EN: "Fill in card numbers"}, Source: duty.Source{Kind: duty.FromOther}, Due: 20260715}
	t.Own(owner)
	if change != nil {
		change(&t)
	}
	debt := t.Debt
	if debt != "" {
		t.Source = duty.Source{Kind: duty.FromDebt, Ref: t.Source.Ref}
	}
	made, step, err := duty.New(t, w.clock.Now(), "ministry an")
	w.must(err)
	made.ID = duty.Number(2026, n)
	return duty.Change{Task: made, Step: step}
}

func (w *world) taskStep(t duty.Task, s duty.Step) duty.Change {
	w.t.Helper()
	s.At, s.Actor = w.clock.Now(), "unit:kcb bình"
	next, step, err := duty.Take(t, s)
	w.must(err)
	return duty.Change{Task: next, Step: step}
}

func formOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Duties
	form := house.Form{By: "task/ministry", Mark: "f1", Until: w.clock.Now().Add(48 * time.Hour)}
	there := w.newTask(1, "unit:pb", nil)
	w.must(d.Put(w.ctx(), []duty.Change{there}, store.Act{}))
	if err := d.Open(w.ctx(), form, []duty.Change{w.newTask(2, "unit:pb", nil), there}, w.act("task.open")); !errors.Is(err, store.ErrChanged) {
		t.Errorf("with one that is there: %v", err)
	}
	w.must(d.Open(w.ctx(), form, []duty.Change{w.newTask(2, "unit:pb", nil)}, w.act("task.open")))
	if err := d.Open(w.ctx(), form, []duty.Change{w.newTask(3, "unit:pb", nil)}, w.act("task.open")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("the same form again: %v", err)
	}
	if _, err := d.Task(w.ctx(), duty.Number(2026, 3)); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a task of the form's second time: %v", err)
	}
	form.By = "task/unit:pb"
	w.must(d.Open(w.ctx(), form, []duty.Change{w.newTask(3, "unit:pb", nil)}, w.act("task.open")))
}

func taskNumbers(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			for range 4 {
				first, err := w.s.House.Duties.Numbers(w.ctx(), w.clock.Now(), 3)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for n := first; n < first+3; n++ {
					seen[n] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 60 || !seen[1] || !seen[60] {
		t.Errorf("%d numbers: %v", len(seen), seen)
	}
	first, err := w.s.House.Duties.Numbers(w.ctx(), time.Date(2026, 12, 31, 17, 0, 0, 0, time.UTC), 1)
	w.must(err)
	if first != 1 {
		t.Errorf("the first of a year: %d", first)
	}
}

func taskComesBack(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	size, d := w.logSize(), w.s.House.Duties
	first := w.newTask(1, duty.UnitParty("kcb"), func(t *duty.Task) {
		t.Database, t.Check, t.Source = "vaccination", "dose.date", duty.Source{Kind: duty.FromProgramme, Ref: "de-an-06"}
		t.Evidence = duty.Evidence{Kind: "figure", Ref: "SL.04", Passed: 3, Of: 10}
	})
	w.must(d.Put(w.ctx(), []duty.Change{first}, w.act("task.open")))
	w.clock.Advance(time.Hour)
	blocked := w.taskStep(first.Task, duty.Step{What: duty.StepBlocked, By: duty.FacilityParty(cityHospital), Why: "Chờ số liệu từ bệnh viện"})
	w.must(d.Put(w.ctx(), []duty.Change{blocked}, store.Act{}))
	w.clock.Advance(time.Hour)
	done := w.taskStep(blocked.Task, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "Đã bổ sung", Kind: "file", Ref: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}})
	w.must(d.Put(w.ctx(), []duty.Change{done}, w.act("task.done")))
	if got := w.logSize() - size; got != 2 {
		t.Errorf("%d leaves for two acts", got)
	}
	w.reopen()
	d = w.s.House.Duties
	got, err := d.Task(w.ctx(), first.Task.ID)
	w.must(err)
	if diff := cmp.Diff(done.Task, *got); diff != "" {
		t.Error(diff)
	}
	steps, err := d.Steps(w.ctx(), first.Task.ID)
	w.must(err)
	if diff := cmp.Diff([]duty.Step{first.Step, blocked.Step, done.Step}, steps); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"", duty.Number(2026, 9), "\x00", "\xff"} {
		if _, err := d.Task(w.ctx(), id); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%q: %v", id, err)
		}
		if steps, err := d.Steps(w.ctx(), id); err != nil || len(steps) > 0 {
			t.Errorf("%q: %v %v", id, steps, err)
		}
	}
	for name, change := range map[string]func(*duty.Change){
		"no number": func(c *duty.Change) { c.Task.ID = "" }, "no owner": func(c *duty.Change) { c.Task.Unit = "" }, "no day": func(c *duty.Change) { c.Task.Due = 0 },
		"another step": func(c *duty.Change) { c.Step.N = 7 }, "no text": func(c *duty.Change) { c.Task.Why = "\xff" }, "a nul": func(c *duty.Change) { c.Step.Why = "a\x00" },
		"a version that is there": func(*duty.Change) {}, "a version too far": func(c *duty.Change) { c.Task.Version, c.Step.N = 5, 5 },
	} {
		wrong := first
		change(&wrong)
		other := w.newTask(50, duty.UnitParty("kcb"), nil)
		if err := d.Put(w.ctx(), []duty.Change{other, wrong}, w.act("task.open")); err == nil {
			t.Errorf("kept with %s", name)
		}
		if _, err := d.Task(w.ctx(), other.Task.ID); !errors.Is(err, store.ErrAbsent) {
			t.Errorf("%s: half of it was kept: %v", name, err)
		}
	}
}

func taskChangedAtOnce(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d, first := w.s.House.Duties, w.newTask(1, duty.UnitParty("kcb"), nil)
	second := w.newTask(2, duty.UnitParty("kcb"), nil)
	w.must(d.Put(w.ctx(), []duty.Change{second, first}, store.Act{}))
	var wg sync.WaitGroup
	results := make([]error, 6)
	for i := range results {
		both := []duty.Change{w.taskStep(first.Task, duty.Step{What: duty.StepStarted}), w.taskStep(second.Task, duty.Step{What: duty.StepStarted})}
		if i%2 == 1 {
			slices.Reverse(both)
		}
		wg.Go(func() { results[i] = d.Put(w.ctx(), both, w.act("task.step")) })
	}
	wg.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		} else if !errors.Is(err, store.ErrChanged) {
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of those who changed it at once did", done)
	}
}

func oneTaskForADebt(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Duties
	owe := func(n int64, debt string) duty.Change {
		return w.newTask(n, duty.FacilityParty(cityHospital), func(t *duty.Task) { t.Debt = debt })
	}
	w.must(d.Put(w.ctx(), []duty.Change{owe(1, "a"), owe(2, "b")}, store.Act{}))
	if err := d.Put(w.ctx(), []duty.Change{owe(3, "c"), owe(4, "a")}, store.Act{}); !errors.Is(err, store.ErrTaken) {
		t.Errorf("a second task for a debt: %v", err)
	}
	got, err := d.Debts(w.ctx(), []string{"c", "b", "zz", "a"})
	w.must(err)
	if ids := numbers(got); !cmp.Equal(ids, []string{duty.Number(2026, 1), duty.Number(2026, 2)}) {
		t.Errorf("debts: %v", ids)
	}
	if got, err := d.Debts(w.ctx(), nil); err != nil || len(got) != 0 {
		t.Errorf("of no debts: %v %v", got, err)
	}
}

func numbers(all []duty.Task) (ids []string) {
	for i := range all {
		ids = append(ids, all[i].ID)
	}
	slices.Sort(ids)
	return ids
}

func tasksFound(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Duties
	kcb, dp := duty.UnitParty("kcb"), duty.UnitParty("pb")
	mk := func(n int64, owner duty.Party, due int, db string, steps ...duty.Step) {
		c := w.newTask(n, owner, func(t *duty.Task) { t.Due, t.Database = due, db })
		w.must(d.Put(w.ctx(), []duty.Change{c}, store.Act{}))
		for _, s := range steps {
			w.clock.Advance(time.Minute)
			c = w.taskStep(c.Task, s)
			w.must(d.Put(w.ctx(), []duty.Change{c}, store.Act{}))
		}
	}
	mk(1, kcb, 20260710, "vaccination")
	mk(2, kcb, 20260705, "", duty.Step{What: duty.StepBlocked, By: dp, Why: "chờ"})
	mk(3, dp, 20260703, "vaccination", duty.Step{What: duty.StepStarted})
	mk(4, dp, 20260703, "", duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "xong"}})
	mk(5, duty.FacilityParty(hillStation), 20260702, "vaccination", duty.Step{What: duty.StepCancelled, Why: "trùng"})
	mk(6, duty.FacilityParty(coastClinic), 20260701, "")
	all := duty.Sight{All: true}
	for name, x := range map[string]struct {
		f    duty.Filter
		want []int64
	}{
		"open":              {duty.Filter{Sight: all}, []int64{6, 3, 2, 1}},
		"nobody's":          {duty.Filter{}, nil},
		"an owner's":        {duty.Filter{Sight: all, Owner: kcb}, []int64{2, 1}},
		"of a database":     {duty.Filter{Sight: all, Database: "vaccination"}, []int64{3, 1}},
		"blocked":           {duty.Filter{Sight: all, State: duty.Blocked}, []int64{2}},
		"blocked by":        {duty.Filter{Sight: all, BlockedBy: dp}, []int64{2}},
		"late":              {duty.Filter{Sight: all, Late: 20260705}, []int64{6, 3}},
		"ended":             {duty.Filter{Sight: all, Ended: true}, []int64{5, 4}},
		"done":              {duty.Filter{Sight: all, State: duty.Done}, []int64{4}},
		"ended of a period": {duty.Filter{Sight: all, Ended: true, From: 20260701, To: 20260702}, []int64{5, 4}},
		"ended later":       {duty.Filter{Sight: all, Ended: true, From: 20260702}, nil},
		"everything":        {duty.Filter{Sight: all, All: true}, []int64{6, 5, 3, 4, 2, 1}},
		"of a province":     {duty.Filter{Sight: all, Province: "48", Health: "kcb"}, []int64{6, 2, 1}},
		"of a source":       {duty.Filter{Sight: all, Source: duty.FromDebt}, nil},
		"orphans":           {duty.Filter{Sight: all, Orphans: []string{"pb", "x"}}, []int64{3}},
		"no orphans":        {duty.Filter{Sight: all, Orphans: []string{}}, nil},
	} {
		for _, limit := range []int{0, 1} { // one page, and one after the other
			f := x.f
			f.Limit = limit
			var got, want []string
			for {
				page, err := d.Tasks(w.ctx(), f)
				w.must(err)
				for i := range page {
					got = append(got, page[i].ID)
				}
				if limit == 0 || len(page) == 0 || len(got) > 20 {
					break
				}
				f.After = f.Next(&page[len(page)-1])
			}
			for _, n := range x.want {
				want = append(want, duty.Number(2026, n))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, limit %d: %s", name, limit, diff)
			}
		}
	}
	counts, err := d.Count(w.ctx(), duty.Filter{Sight: all}, duty.ByOwner, 20260705)
	w.must(err)
	if diff := cmp.Diff([]duty.Count{
		{Key: "facility:" + string(hillStation), Cancelled: 1}, {Key: "facility:" + string(coastClinic), Open: 1, Late: 1, Oldest: 20260701},
		{Key: "unit:kcb", Open: 2, Blocked: 1, Oldest: 20260705}, {Key: "unit:pb", Open: 1, Late: 1, Done: 1, Oldest: 20260703},
	}, counts); diff != "" {
		t.Error(diff)
	}
	for by, want := range map[duty.Dimension]int{duty.ByAll: 1, duty.ByDatabase: 2, duty.ByBlocker: 2, duty.BySource: 1} {
		counts, err := d.Count(w.ctx(), duty.Filter{Sight: all}, by, 20260705)
		w.must(err)
		var open int64
		for _, c := range counts {
			open += c.Open
		}
		if len(counts) != want || open != 4 {
			t.Errorf("by %q: %+v", by, counts)
		}
	}
	if _, err := d.Count(w.ctx(), duty.Filter{Sight: all}, "said", 20260705); err == nil {
		t.Error("counted by what is no dimension")
	}
}

func tasksInSight(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Duties
	var all []duty.Change
	for i, owner := range []duty.Party{duty.UnitParty("kcb"), duty.UnitParty("syt-79"), duty.FacilityParty(cityHospital), duty.FacilityParty(hillStation), duty.FacilityParty(coastClinic), duty.UnitParty("kcb"), duty.UnitParty("pb")} {
		all = append(all, w.newTask(int64(i+1), owner, func(t *duty.Task) {
			switch i {
			case 3:
				t.Database = "vaccination"
			case 5: // what the database's numbers made, and what somebody asks for of it
				t.Database, t.Debt = "hiv", "score/db:hiv/clean/unit:kcb"
			case 6:
				t.Database = "hiv"
			}
		}))
	}
	w.must(d.Put(w.ctx(), all, store.Act{}))
	blocked := w.taskStep(all[4].Task, duty.Step{What: duty.StepBlocked, By: duty.UnitParty("kcb"), Why: "chờ"})
	w.must(d.Put(w.ctx(), []duty.Change{blocked}, store.Act{}))
	all[4] = blocked
	for name, x := range map[string]struct {
		s    duty.Sight
		want []int64
	}{
		"nobody":                                {duty.Sight{}, nil},
		"the ministry":                          {duty.Sight{All: true}, []int64{1, 2, 3, 4, 5, 6, 7}},
		"a unit, what it owns and holds up":     {duty.Sight{Units: []string{"kcb"}}, []int64{1, 5, 6}},
		"a unit, and those it manages":          {duty.Sight{Units: []string{"x"}, ManagedBy: "ttb"}, []int64{4, 5}},
		"a unit, and its databases":             {duty.Sight{Units: []string{"x"}, Databases: []string{"vaccination", "y"}}, []int64{4}},
		"a province: the city hospital moved":   {duty.Sight{Units: []string{"syt-79"}, Province: "79"}, []int64{2, 3}},
		"the province it moved from":            {duty.Sight{Province: "74"}, nil},
		"a facility":                            {duty.Sight{Facility: hillStation}, []int64{4}},
		"all but what a closed database made":   {duty.Sight{All: true, Closed: []string{"tb", "hiv"}}, []int64{1, 2, 3, 4, 5, 7}},
		"its owner, and a reader of it":         {duty.Sight{Units: []string{"kcb"}, Databases: []string{"hiv"}, Closed: []string{"hiv"}}, []int64{1, 5, 7}},
		"what a closed database made":           {duty.Sight{Units: []string{"hidden"}, Databases: []string{"hiv"}}, []int64{6, 7}},
		"a facility that is not there":          {duty.Sight{Facility: "00000"}, nil},
		"a unit whose name ends in another one": {duty.Sight{Units: []string{"79"}}, nil},
	} {
		got, err := d.Tasks(w.ctx(), duty.Filter{Sight: x.s})
		w.must(err)
		counts, err := d.Count(w.ctx(), duty.Filter{Sight: x.s}, duty.ByAll, 20260701)
		w.must(err)
		var want []string
		for _, n := range x.want {
			want = append(want, duty.Number(2026, n))
		}
		if diff := cmp.Diff(want, numbers(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if late, open, err := d.Late(w.ctx(), x.s, 20260701); err != nil || open != int64(len(x.want)) || len(counts) > 0 && late != counts[0].Late {
			t.Errorf("%s: %d late of %d, %v", name, late, open, err)
		}
		if n := len(x.want); n == 0 && len(counts) != 0 || n > 0 && (len(counts) != 1 || counts[0].Open != int64(n)) {
			t.Errorf("%s: counted %+v", name, counts)
		}
		for _, c := range all { // the rule of package duty says the same as the rows
			province, unit := "", ""
			if v, ok := w.dir.Current(c.Task.Facility); ok {
				province, unit = v.Province, v.Unit
			}
			if sees := x.s.Sees(&c.Task, province, unit); sees != slices.Contains(want, c.Task.ID) {
				t.Errorf("%s: %s is seen %v", name, c.Task.ID, sees)
			}
		}
	}
}

func manyTasks(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	d := w.s.House.Duties
	const n, each = 10_000, 1000
	first, err := d.Numbers(w.ctx(), w.clock.Now(), n)
	w.must(err)
	var late int64
	for from := first; from < first+n; from += each {
		var some []duty.Change
		for i := from; i < from+each; i++ {
			if i%28 < 2 { // due on the first or the second
				late++
			}
			some = append(some, w.newTask(i, duty.UnitParty("u"+strconv.Itoa(int(i%7))), func(t *duty.Task) { t.Debt, t.Due = "debt-"+strconv.Itoa(int(i)), 20260701+int(i%28) }))
		}
		w.must(d.Put(w.ctx(), some, w.act("task.debts")))
	}
	counts, err := d.Count(w.ctx(), duty.Filter{Sight: duty.Sight{All: true}}, duty.ByAll, 20260703)
	w.must(err)
	if len(counts) != 1 || counts[0].Open != n || counts[0].Late != late {
		t.Errorf("%+v", counts)
	}
	if l, o, err := d.Late(w.ctx(), duty.Sight{All: true}, 20260703); err != nil || l != late || o != n {
		t.Errorf("%d late of %d, %v", l, o, err)
	}
	var seen int
	f := duty.Filter{Sight: duty.Sight{All: true}, Owner: duty.UnitParty("u3"), Limit: 1000}
	for {
		page, err := d.Tasks(w.ctx(), f)
		w.must(err)
		if len(page) == 0 {
			break
		}
		seen += len(page)
		f.After = f.Next(&page[len(page)-1])
	}
	if seen != 1429 && seen != 1428 {
		t.Errorf("%d of one owner", seen)
	}
}

// unitsAreWhole: a unit and its name in the directory are kept together or not at all.
func unitsAreWhole(t *testing.T, w *world, held house.Item) {
	t.Helper()
	unit := facility.Unit{ID: "whole", Kind: "department", Name: fault.Text{VI: "Cục W", EN: "Department W"}}
	item := house.Item{Sort: held.Sort, ID: "whole", Version: 1, At: held.At, Actor: held.Actor, Said: held.Said}
	named := func() bool {
		d, err := w.s.Facilities.Load(w.ctx())
		w.must(err)
		_, ok := d.Unit("whole")
		return ok
	}
	if err := w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Units: []facility.Unit{unit}, Items: []house.Item{item, held}}, w.act("unit.put")); !errors.Is(err, store.ErrChanged) || named() {
		t.Errorf("half a unit: %v, named %v", err, named())
	}
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Units: []facility.Unit{unit}, Items: []house.Item{item}}, w.act("unit.put")))
	if versions, err := w.s.House.DutyItems.ItemVersions(w.ctx(), held.Sort, "whole"); err != nil || len(versions) != 1 || !named() {
		t.Errorf("%v, %v, named %v", versions, err, named())
	}
}

func dutyItems(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	x := w.s.House.DutyItems
	item := func(sort, id string, version int, said string) house.Item {
		return house.Item{Sort: sort, ID: id, Version: version, At: w.clock.Now(), Actor: "operator", Said: said}
	}
	a1, b1, a2 := item("unit", "a", 1, `{"name":"Cục Ánh"}`), item("unit", "b", 1, `{}`), item("unit", "a", 2, `{"until":20260801}`)
	other := item("role", "a", 1, `{}`)
	w.must(x.PutItems(w.ctx(), []house.Item{b1, a1, other}, w.act("unit.add")))
	w.must(x.PutItems(w.ctx(), []house.Item{a2}, w.act("unit.dissolve")))
	for _, wrong := range [][]house.Item{{item("unit", "a", 2, `{}`)}, {item("unit", "a", 4, `{}`)}, {item("unit", "c", 1, `{}`), item("unit", "a", 1, `{}`)}} {
		if err := x.PutItems(w.ctx(), wrong, w.act("unit.add")); !errors.Is(err, store.ErrChanged) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	for _, wrong := range []house.Item{item("", "a", 3, `{}`), item("unit", "", 1, `{}`), item("unit", "a", 3, `{`), item("unit", "a", 0, `{}`), item("unit", "\xff", 1, `{}`), item("unit", "a\x00", 1, `{}`)} {
		if err := x.PutItems(w.ctx(), []house.Item{wrong}, w.act("unit.add")); err == nil {
			t.Errorf("kept %+v", wrong)
		}
	}
	w.reopen()
	x = w.s.House.DutyItems
	got, err := x.Items(w.ctx(), "unit")
	w.must(err)
	if diff := cmp.Diff([]house.Item{a2, b1}, got); diff != "" {
		t.Error(diff)
	}
	got, err = x.ItemVersions(w.ctx(), "unit", "a")
	w.must(err)
	if diff := cmp.Diff([]house.Item{a1, a2}, got); diff != "" {
		t.Error(diff)
	}
	for _, sort := range []string{"", "x", "\x00"} {
		if got, err := x.Items(w.ctx(), sort); err != nil || len(got) > 0 {
			t.Errorf("%q: %v %v", sort, got, err)
		}
	}
	unitsAreWhole(t, w, a2)
}
