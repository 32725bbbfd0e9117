// Package ministry is what the demo has to show of the ministry's house: databases
// with entries that units brought, states with their evidence, a grant, tasks of a
// programme, a rule in force and one that should never be, what the night found. All
// of it goes through the desks that people use. It is for showing: nothing else uses
// it, and it decides nothing.
package ministry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/rehearsal"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Deps are the desks of a hub.
type Deps struct {
	Steward *steward.Steward
	Imports *bring.Desk
	Errands *errand.Desk
	Debts   errand.Counter
	Rules   *rehearsal.Desk
	Night   *night.Runner
	Clock   clock.Clock
}

// Facility is one of the nation's, as entries name it.
type Facility struct {
	Code, Name, Province string
}

// Teller tells the story.
type Teller struct {
	Deps
	places []Facility
	home   string // province of the demo's facilities
}

// New returns who tells it of facilities, to people who sit in a province.
func New(d Deps, places []Facility, home string) (*Teller, error) {
	if d.Steward == nil || d.Imports == nil || d.Errands == nil || d.Debts == nil || d.Rules == nil || d.Night == nil || d.Clock == nil || len(places) == 0 {
		return nil, errors.New("demo: the ministry's house lacks a desk")
	}
	return &Teller{Deps: d, places: places, home: home}, nil
}

// unit is somebody of a unit.
func unit(id string) steward.Who {
	return steward.Who{Role: role.Role{Kind: role.Unit, ID: id}, Name: "unit:" + id}
}

// Eve is what was done the day before: files brought, states reached, a grant, tasks.
func (t *Teller) Eve(ctx context.Context) error {
	for _, f := range files(t.places, t.Clock.Now()) {
		if err := t.bring(ctx, f); err != nil {
			return fmt.Errorf("demo: %s: %w", f.database, err)
		}
	}
	for _, do := range []func(context.Context) error{t.types, t.reach, t.give, t.assign} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bring is a unit's import: the file is received, looked at, and applied.
func (t *Teller) bring(ctx context.Context, f file) error {
	l, err := t.Steward.Get(f.database)
	if err != nil {
		return err
	}
	who := unit(l.Steward)
	i, err := t.Imports.Receive(ctx, who, f.database, f.name, strings.NewReader(f.text))
	if err != nil {
		return err
	}
	if err := t.until(ctx, who, i, bring.Checked); err != nil {
		return err
	}
	if err := t.Imports.Apply(ctx, who, f.database, i.ID); err != nil {
		return err
	}
	if err := t.until(ctx, who, i, bring.Done); err != nil {
		return err
	}
	got, err := t.Imports.Get(ctx, who, f.database, i.ID)
	if err == nil && got.Summary.Refused > 0 {
		err = fmt.Errorf("%d rows of %d refused: %+v", got.Summary.Refused, got.Summary.Rows, got.Summary.Causes)
	}
	return err
}

// until works imports off till one has come to a state.
func (t *Teller) until(ctx context.Context, who steward.Who, i *bring.Import, state string) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err := t.Imports.Work(ctx); err != nil {
			return err
		}
		got, err := t.Imports.Get(ctx, who, i.Database, i.ID)
		if err != nil {
			return err
		}
		switch got.State {
		case state:
			return nil
		case bring.Stopped:
			return fmt.Errorf("stopped in line %d: %s", got.Summary.Line, got.Summary.Code)
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("not %s within a minute", state)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// types is an entry typed into a form with a code of a province that is no more.
func (t *Teller) types(ctx context.Context) error {
	day := clock.Day(t.Clock.Now())
	for _, e := range catalog.Entries(catalog.ProvinceCode) {
		if alive, _ := catalog.Has(catalog.ProvinceCode, e.Code, day); alive {
			continue
		}
		if now, ok := catalog.ProvinceNow(e.Code); !ok || now != t.home {
			continue
		}
		_, err := t.Steward.Enter(ctx, unit("attp"), "food-safety", registry.Values{"number": "GP-CU-0001", "name": "Bếp ăn Khu công nghiệp Hồng Hạc (giả lập)", "kind": "kitchen", "province": e.Code,
			"granted": day10(t.Clock.Now().AddDate(-1, 0, 0)), "expires": day10(t.Clock.Now().AddDate(2, 0, 0))})
		return err
	}
	return nil // a province that was never merged
}

// states are how far each database has come.
var states = map[registry.ID]registry.State{"visits": registry.Operating, "prevention": registry.Operating, "personnel": registry.Operating, "medicines": registry.Operating,
	"facilities": registry.Operating, "births": registry.Accepted, "food-safety": registry.Accepted, "devices": registry.Evaluated, "traditional": registry.Evaluated,
	"health-books": registry.Building, "hiv": registry.Building, "tb": registry.Building, "systems": registry.Building}

// reach takes databases to their states, one step at a time, each with its paper.
func (t *Teller) reach(ctx context.Context) error {
	all := registry.States()
	at := func(s registry.State) int {
		for i := range all {
			if all[i] == s {
				return i
			}
		}
		return -1
	}
	for _, l := range t.Steward.List() {
		for i := at(l.State()) + 1; i <= at(states[l.ID]); i++ {
			if err := t.Steward.Reach(ctx, unit(l.Steward), l.ID, all[i], fmt.Sprintf("Biên bản số %02d/BB-DEMO (giả lập): %s", i, strings.ToLower(all[i].Title().VI))); err != nil {
				return fmt.Errorf("demo: %s: %w", l.ID, err)
			}
		}
	}
	return nil
}

// give lets the insurer's unit see who practises where, for a year.
func (t *Teller) give(ctx context.Context) error {
	_, err := t.Steward.Give(ctx, unit("tccb"), house.Grant{Database: "personnel", To: "unit:bhxh", Fields: []string{"licence", "name", "title", "scope", "facility", "state"},
		Purpose: "Đối chiếu người hành nghề khi giám định", Until: t.Clock.Now().AddDate(1, 0, 0)})
	return err
}

// assign opens tasks of programmes. Seen a day later, those due on the eve are late.
func (t *Teller) assign(ctx context.Context) error {
	who := errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry/demo"}
	// a demo has few records: what fails is told by fewer of them
	if err := t.Errands.PutLimits(ctx, who, errand.Limits{Percent: 98, Least: 8}); err != nil {
		return err
	}
	today := t.Errands.Today()
	task := func(unit, database, programme string, days int, vi, en string) duty.Task {
		return duty.Task{Unit: unit, Database: database, Source: duty.Source{Kind: duty.FromProgramme, Ref: programme}, Due: duty.AddDays(today, days), Title: fault.Text{VI: vi, EN: en}}
	}
	ids, err := t.Errands.Open(ctx, who, "",
		task("pb", "prevention", "de-an-06", 0, "Nối dữ liệu tiêm chủng của các trạm y tế còn thiếu", "Connect vaccination data of the stations still missing"),
		task("httb", "devices", "ke-hoach-02", 0, "Rà soát thiết bị quá hạn kiểm định", "Go through devices overdue for inspection"),
		task("tccb", "personnel", "de-an-06", 20, "Đối chiếu người hành nghề với dữ liệu dân cư", "Compare practitioners with the population register"),
		task("khcn", "systems", "nq-214", 30, "Lập danh mục hệ thống và cấp độ an toàn", "List systems and their security levels"),
		task("syt-"+t.home, "", "ke-hoach-02", 7, "Đưa các cơ sở còn im lặng trở lại gửi dữ liệu", "Have silent facilities send again"),
		task("attp", "food-safety", "nq-214", 14, "Chuyển mã tỉnh cũ trong giấy phép", "Replace old province codes in licences"))
	if err != nil {
		return err
	}
	byUnit := func(id string) errand.Who {
		return errand.Who{Role: role.Role{Kind: role.Unit, ID: id}, Name: "unit:" + id + "/demo"}
	}
	for _, s := range []struct {
		who  errand.Who
		task int
		step duty.Step
	}{
		{byUnit("tccb"), 2, duty.Step{What: duty.StepStarted}},
		{byUnit("tccb"), 2, duty.Step{What: duty.StepBlocked, By: duty.UnitParty("c06"), Why: "Chờ mở kết nối đối chiếu với dữ liệu dân cư"}},
		{byUnit("khcn"), 3, duty.Step{What: duty.StepStarted}},
		{byUnit("attp"), 5, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "Biên bản rà soát số 07/BB-DEMO (giả lập)"}}},
	} {
		if _, err := t.Errands.Take(ctx, s.who, ids[s.task], 0, s.step); err != nil {
			return fmt.Errorf("demo: task %d: %w", s.task, err)
		}
	}
	return nil
}

// Morning is what happens once records are there: what is wrong becomes tasks, the
// night's jobs have run, a rule is in force, and a draft was rehearsed.
func (t *Teller) Morning(ctx context.Context) error {
	if err := t.books(ctx); err != nil {
		return err
	}
	if err := t.nightly(ctx); err != nil {
		return err
	}
	_, err := t.Errands.Round(ctx, t.Debts)
	if errors.Is(err, store.ErrChanged) { // the hub's own round came first
		return nil
	}
	return err
}

// nightly has the jobs of last night done, where the hub has not done them by itself.
func (t *Teller) nightly(ctx context.Context) error {
	var err error
	for range 60 {
		if _, err = t.Night.Do(ctx, 0, ""); err == nil {
			return nil
		}
		if err := wait(ctx, time.Second); err != nil { // the hub's own round has its turn
			return err
		}
	}
	return fmt.Errorf("demo: the night: %w", err)
}
