package house

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/night"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	shelf "lienthong/internal/store/house"
	rooms "lienthong/internal/web/portal/duty"
)

// debtsEvery is how soon what became wrong, or right, is seen on tasks.
const debtsEvery = 3 * time.Minute

// openDuty wires units and their tasks: what is wrong becomes a task, who is late is
// reminded.
func (h *House) openDuty(_ context.Context, p Parts) error {
	d := errand.Deps{Tasks: p.Slices.House.Duties, Items: p.Slices.House.DutyItems, Units: p.Slices.Facilities, Facility: p.Directory,
		Databases: func() []errand.Database { return declared(h.Steward) }, Closed: h.debtsClosedTo, Clock: p.Clock}
	if p.Alarms != nil {
		d.Tell = teller{p}.tell
	}
	var err error
	if h.Errands, err = errand.New(d); err != nil {
		return err
	}
	h.Debts = debts{p.Grades, h.Steward, p.Clock}
	h.Rounds = append(h.Rounds, Round{Every: debtsEvery, Failed: "debts not looked at", Do: func(ctx context.Context) error {
		_, err := h.Errands.Round(ctx, h.Debts)
		return err
	}})
	h.Jobs = append(h.Jobs,
		night.Job{ID: "debts", Run: func(ctx context.Context, _ int) (night.Report, error) { return h.Errands.Round(ctx, h.Debts) }},
		night.Job{ID: "tasks.pass", Run: func(ctx context.Context, _ int) (night.Report, error) {
			n, err := h.Errands.PassOn(ctx)
			return night.Report{Changed: int64(n)}, err
		}},
		night.Job{ID: "tasks.remind", Run: func(ctx context.Context, _ int) (night.Report, error) { return h.Errands.Remind(ctx) }})
	name := func(code care.FacilityCode) string {
		v, _ := p.Directory().Current(code)
		return v.Name
	}
	h.Pages.Duty = &rooms.Deps{Desk: h.Errands, Facility: name}
	h.Pages.Unit, h.Pages.Facility = h.unitName, func(code string) string { return name(care.FacilityCode(code)) }
	return nil
}

// declared are the databases there are now.
func declared(s *steward.Steward) []errand.Database {
	if s == nil {
		return nil
	}
	var all []errand.Database
	for _, l := range s.List() {
		all = append(all, errand.Database{ID: string(l.ID), Name: l.Name, Steward: l.Steward})
	}
	return all
}

// debtsClosedTo reports whether a role may not be told the debts of a database. They
// tell numbers of the whole country.
func (h *House) debtsClosedTo(who role.Role, database string) bool {
	closed, whole := h.closedTo(who, score.SubjectOf(registry.ID(database)))
	return closed && !whole
}

// debts finds what is wrong in the scores: a check of what a facility sends is the
// facility's, one of entries that name no facility the steward's, and so is one of a
// database that closed classes of records make, over all facilities.
type debts struct {
	grades  *grade.Book
	steward *steward.Steward
	clock   clock.Clock
}

var _ errand.Counter = debts{}

// Wrong is errand.Counter's.
func (d debts) Wrong(ctx context.Context, l errand.Limits, open []string) ([]errand.Wrong, map[string]errand.Number, error) {
	stewards, closed := map[string]string{}, map[string]bool{}
	if d.steward != nil {
		for _, b := range d.steward.List() {
			stewards[string(b.ID)], closed[score.SubjectOf(b.ID)] = b.Steward, fromClosed(b.Sources)
		}
	}
	today := clock.Day(d.clock.Now())
	q := shelf.ScoreQuery{FromDay: duty.AddDays(today, 1-l.Window), ToDay: today, By: []shelf.ScoreDimension{shelf.ScoreByFacility}}
	// of the country's million and more lines those that are right and owed by nobody are
	// not kept; what is put together over facilities is
	lines, err := d.grades.ChecksThat(ctx, role.Scope{All: true}, q, func(c *grade.CheckLine) bool {
		if closed[c.Subject] || !(errand.Number{Passed: c.Passed, Of: c.Applied}).Right(l.Percent) {
			return true
		}
		if len(open) == 0 {
			return false
		}
		w, ok := debtOf(*c, stewards)
		_, owed := slices.BinarySearch(open, w.Debt)
		return ok && owed
	})
	if err != nil {
		return nil, nil, err
	}
	var wrong []errand.Wrong
	right := map[string]errand.Number{}
	for _, c := range wholes(lines, closed) {
		w, ok := debtOf(c, stewards)
		switch {
		case !ok:
		case w.Number.Right(l.Percent):
			if _, is := slices.BinarySearch(open, w.Debt); is {
				right[w.Debt] = w.Number
			}
		case w.Number.Of >= l.Least:
			wrong = append(wrong, w)
		}
	}
	return wrong, right, nil
}

// wholes puts the lines of closed subjects together over all facilities: what one of
// them has there tells of its records. A database nobody declares here now, another
// hub may have declared just before, has none.
func wholes(lines []grade.CheckLine, closed map[string]bool) []grade.CheckLine {
	type check struct{ subject, id string }
	var out []grade.CheckLine
	at := map[check]int{}
	for _, c := range lines {
		is, known := closed[c.Subject]
		if _, database := score.DatabaseOf(c.Subject); database && !known {
			continue
		}
		if !is {
			out = append(out, c)
			continue
		}
		i, ok := at[check{c.Subject, c.Check.ID}]
		if !ok {
			i = len(out)
			at[check{c.Subject, c.Check.ID}] = i
			out = append(out, grade.CheckLine{Subject: c.Subject, Check: c.Check, Key: []string{""}})
		}
		out[i].Passed, out[i].Applied = out[i].Passed+c.Passed, out[i].Applied+c.Applied
	}
	return out
}

// debtOf names the debt of a line and who can mend it; false where nobody can.
func debtOf(c grade.CheckLine, stewards map[string]string) (w errand.Wrong, ok bool) {
	if id, is := score.DatabaseOf(c.Subject); is {
		w.Database = string(id)
	}
	switch code := care.FacilityCode(c.Key[0]); {
	case code != "":
		w.Owner = duty.FacilityParty(code)
	case stewards[w.Database] != "":
		w.Owner = duty.UnitParty(stewards[w.Database])
	default:
		return w, false
	}
	subject := c.Subject + "/" + c.Check.ID
	w.Debt, w.Check, w.Priority = "score/"+subject+"/"+string(w.Owner), c.Check.ID, c.Check.Priority
	w.Number = errand.Number{Passed: c.Passed, Of: c.Applied, Figure: subject}
	w.Title = fault.Text{VI: titled("Số liệu chưa đạt: ", c.Check.Text.VI, c.Check.ID), EN: titled("Not right yet: ", c.Check.Text.EN, c.Check.ID)}
	return w, len(w.Debt) <= 200
}

func titled(before, text, id string) string {
	if text == "" {
		text = id
	}
	if s := before + text; utf8.RuneCountInString(s) <= 190 {
		return s
	}
	return before + id
}

// Late counts the tasks of everybody: late ones, and those not ended.
func (h *House) Late(ctx context.Context) (late, open int, err error) {
	if h.Errands == nil {
		return 0, 0, nil
	}
	return h.tasksLate(ctx, role.Role{Kind: role.Operator}, time.Time{})
}

// taken reports whether somebody looks after late tasks: then nobody is told.
func (t teller) taken(ctx context.Context) (bool, error) {
	open, err := t.p.Alarms.Open(ctx)
	return slices.ContainsFunc(open, func(a alarm.Alarm) bool { return a.Kind == alarm.Late && a.Owner != "" }), err
}

// teller tells that tasks are late by the ways alarms go, once a day.
type teller struct{ p Parts }

func (t teller) tell(ctx context.Context, x errand.Telling) error {
	l, err := t.p.Alarms.Limits(ctx)
	if err != nil || t.p.Alarms.Tellers == nil {
		return err
	}
	tellers := t.p.Alarms.Tellers(l)
	if len(tellers) == 0 {
		return nil
	}
	if taken, err := t.taken(ctx); err != nil || taken {
		return err
	}
	now, id := t.p.Clock.Now(), "task.late@"+strconv.Itoa(x.Day)
	if mine, err := t.p.Slices.Access.Once(ctx, "hub", id, now.Add(48*time.Hour)); err != nil || !mine {
		return err
	}
	m := alarm.Message{ID: id, Cause: alarm.Late + ":" + alarm.Many, Kind: alarm.Late, Object: alarm.Many, At: now, Opened: now, Text: lateText(x), Detail: alarm.Detail{N: int(x.Late), Of: int(x.Open)}}
	var failed error
	for _, to := range tellers {
		if err := to.Tell(ctx, m); err != nil {
			failed = err
		}
	}
	return failed
}

// lateText says how many tasks are late, and whose most.
func lateText(x errand.Telling) fault.Text {
	var most []string
	for _, c := range x.Worst[:min(3, len(x.Worst))] {
		most = append(most, c.Key+" "+strconv.FormatInt(c.Late, 10))
	}
	list := strings.Join(most, ", ")
	return fault.Text{
		VI: strconv.FormatInt(x.Late, 10) + " nhiệm vụ quá hạn trên " + strconv.FormatInt(x.Open, 10) + " đang mở. Nhiều nhất: " + list + ".",
		EN: strconv.FormatInt(x.Late, 10) + " tasks are late of " + strconv.FormatInt(x.Open, 10) + " open. The most: " + list + ".",
	}
}
