// Package standing answers for how everybody takes part: a province for its
// facilities and what it means to reach, a maker of software for what was done for
// its facilities, the league of facilities, what anybody may read, and what having
// data once saves. It works with counts, never with a record; who may ask what is
// for its callers. Small numbers are told as package cells says.
package standing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/shelf"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// The faults of this package.
var (
	// ErrSpan (standing.span): not a month that is over or running, or days that are none.
	ErrSpan = fault.New(fault.Invalid, "standing.span", "Chọn một tháng trong 24 tháng gần đây hoặc từ 1 đến 92 ngày.", "Choose one of the last 24 months, or 1 to 92 days.")
	// ErrTarget (standing.target): a target that cannot be one.
	ErrTarget = fault.New(fault.Invalid, "standing.target", "Chỉ tiêu phải có thước đo, giá trị từ 1 (tỷ lệ: đến 100 %) và hạn từ hôm nay trở đi.",
		"A target needs a measure, a value from 1 on (a share: up to 100 %) and a date from today on.")
	// ErrProvince (standing.province): no such province.
	ErrProvince = fault.New(fault.Invalid, "standing.province", "Không có tỉnh, thành phố nào mang mã này.", "No province has this code.")
)

// Counters sums; masked.Sums has it.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
}

// Grades says what data are worth; *grade.Book does.
type Grades interface {
	Words(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]grade.Line, error)
}

// Seen tells when facilities last sent; store.Facilities has it.
type Seen interface {
	LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error)
}

// Ledger tells where the logs stand; store.Ledger has it.
type Ledger interface {
	Logs(ctx context.Context) ([]int, error)
	Head(ctx context.Context, log int) (store.Head, error)
	Checkpoint(ctx context.Context, log int, size uint64) (string, error)
}

// Rejects counts what was found in rejected records; masked.Surveys has it.
type Rejects interface {
	Rejects(ctx context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error)
	Vendors(ctx context.Context) ([]store.Vendor, error)
}

// Deps is what a desk works with.
type Deps struct {
	Counters  Counters
	Grades    Grades
	Seen      Seen
	Ledger    Ledger
	Rejects   Rejects
	Targets   house.Targets
	Benefits  house.Benefits
	Looks     house.Looks
	Directory func() *facility.Directory
	Late      func(care.FacilityCode, time.Time) (learned, late bool)                           // by its own calendar; nil: nothing is known of calendars
	Pinned    func(ctx context.Context, m Month) (id string, numbers []PublicNumber, err error) // public numbers as they were pinned, "" where they were not; nil: never
	Bases     []string                                                                          // on which somebody at a facility opens a record
	Clock     clock.Clock
}

// Desk answers.
type Desk struct {
	Deps
	leagues shelf.Shelf[[]Line]
	works   shelf.Shelf[*Statement]
	gains   shelf.Shelf[*Benefit]
	public  shelf.Shelf[*Edition]
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Counters == nil || d.Grades == nil || d.Seen == nil || d.Ledger == nil || d.Rejects == nil || d.Targets == nil || d.Benefits == nil || d.Looks == nil || d.Directory == nil || d.Clock == nil {
		return nil, errors.New("standing: a part is missing")
	}
	return &Desk{Deps: d}, nil
}

// Mark is where a log stood.
type Mark struct {
	Log  int    `json:"log"`
	Size uint64 `json:"size"`
	Root string `json:"root"`
}

// Marks are where all logs stand now: what is told afterwards can be held against
// their checkpoints of these sizes.
func (d *Desk) Marks(ctx context.Context) ([]Mark, error) {
	logs, err := d.Ledger.Logs(ctx)
	if err != nil {
		return nil, err
	}
	var out []Mark
	for _, n := range logs {
		head, err := d.Ledger.Head(ctx, n)
		if err != nil {
			return nil, err
		}
		if head.Size == 0 {
			continue
		}
		note, err := d.Ledger.Checkpoint(ctx, n, head.Size)
		if err != nil {
			return nil, err
		}
		m := Mark{Log: n, Size: head.Size}
		if lines := strings.SplitN(note, "\n", 4); len(lines) > 2 { // origin, size, root (C2SP tlog-checkpoint)
			m.Root = lines[2]
		}
		out = append(out, m)
	}
	return out, nil
}

// MarksText writes marks in one line.
func MarksText(marks []Mark) string {
	out := make([]string, len(marks))
	for i, m := range marks {
		out[i] = fmt.Sprintf("log %d size %d root %s", m.Log, m.Size, m.Root)
	}
	return strings.Join(out, "; ")
}

// Month is a month of Hanoi: 202610.
type Month int

// MonthOf is the month of a moment.
func MonthOf(t time.Time) Month { return Month(clock.Day(t) / 100) }

// First is noon of the month's first day.
func (m Month) First() time.Time {
	return time.Date(int(m)/100, time.Month(int(m)%100), 1, 12, 0, 0, 0, clock.Hanoi)
}

// Days are the first and the last day (yyyyMMdd).
func (m Month) Days() (first, last int) {
	return clock.Day(m.First()), clock.Day(m.First().AddDate(0, 1, -1))
}

// Span is the month as moments.
func (m Month) Span() house.Span {
	from := m.First().Add(-12 * time.Hour)
	return house.Span{From: from, To: from.AddDate(0, 1, 0)}
}

// String writes "2026-10".
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", int(m)/100, int(m)%100) }

// mostMonths is how many months can be asked for, with the running one.
const mostMonths = 24

// oldest is the first of them.
func oldest(now time.Time) Month { return MonthOf(MonthOf(now).First().AddDate(0, 1-mostMonths, 0)) }

// ParseMonth reads "2026-10", "" the running month. Fault: standing.span.
func ParseMonth(text string, now time.Time) (Month, error) {
	this := MonthOf(now)
	if text == "" {
		return this, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(text, "-", ""))
	m := Month(n)
	if err != nil || len(text) != 7 || m.String() != text || n%100 < 1 || n%100 > 12 || m > this || m < oldest(now) {
		return 0, ErrSpan
	}
	return m, nil
}

// Months are those that can be asked for, the newest first.
func Months(now time.Time) []Month {
	at := MonthOf(now).First()
	out := make([]Month, mostMonths)
	for i := range out {
		out[i] = MonthOf(at.AddDate(0, -i, 0))
	}
	return out
}

// places are the facilities of a scope as they are now.
func (d *Desk) places(ctx context.Context, scope role.Scope) (map[care.FacilityCode]insight.Place, error) {
	seen, err := d.Seen.LastSeen(ctx, scope)
	if err != nil {
		return nil, err
	}
	out := map[care.FacilityCode]insight.Place{}
	for _, v := range d.Directory().All() {
		if scope.Province != "" && v.Province != scope.Province || scope.Unit != "" && v.Unit != scope.Unit || scope.Facility != "" && v.Code != scope.Facility || scope.IsEmpty() {
			continue
		}
		out[v.Code] = d.place(v, seen[v.Code])
	}
	return out, nil
}

func (d *Desk) place(v facility.Version, last time.Time) insight.Place {
	p := insight.Place{Code: v.Code, Name: v.Name, Level: v.Level, Province: v.Province, LastSeen: last}
	if d.Late != nil {
		p.Learned, p.Late = d.Late(v.Code, last)
	}
	return p
}

// words adds up the words of all subjects that are records, under each key.
func (d *Desk) words(ctx context.Context, scope role.Scope, q house.ScoreQuery) (map[string]map[score.Word]score.Ratio, error) {
	lines, err := d.Grades.Words(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	out := map[string]map[score.Word]score.Ratio{}
	for _, l := range lines {
		if strings.HasPrefix(l.Subject, "db:") {
			continue
		}
		key := strings.Join(l.Key, "\x00")
		if out[key] == nil {
			out[key] = map[score.Word]score.Ratio{}
		}
		for w, r := range l.Words {
			out[key][w] = out[key][w].Plus(r)
		}
	}
	return out, nil
}

func sumOf(sums []insight.Sum, measures ...string) int64 {
	var n int64
	for _, s := range sums {
		if slices.Contains(measures, s.Measure) {
			n += s.N
		}
	}
	return n
}
