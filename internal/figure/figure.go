// Package figure pins what boards say: a statement names the figure, the question
// as data, the sizes and checkpoints of the logs it was counted at, and the value
// byte for byte. Counting again from the rows of then must give the same bytes,
// years later and on a restored copy (ADR 0023). A statement is never changed: what
// comes later makes another version, which says what changed and why. It shows
// nothing and knows no reader: who may see what is for its callers.
package figure

import (
	"context"
	"errors"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// The faults of this package.
var (
	// ErrUnknown (figure.unknown): no such figure, or one that is not counted from records.
	ErrUnknown = fault.New(fault.Invalid, "figure.unknown", "Không có số liệu này, hoặc nó không đếm lại được từ hồ sơ.",
		"There is no such figure, or it cannot be counted again from records.")
	// ErrSpan (figure.span): the days are not days, lie in the future, or are too many.
	ErrSpan = fault.New(fault.Invalid, "figure.span", "Chọn từ 1 đến 31 ngày, không sau hôm nay.", "Choose 1 to 31 days, none after today.")
	// ErrPlace (figure.place): the place is not one province, unit or facility.
	ErrPlace = fault.New(fault.Invalid, "figure.place", "Chọn cả nước, một tỉnh, một đơn vị hoặc một cơ sở.", "Choose the country, one province, one unit or one facility.")
	// ErrStatement (figure.statement): the text is no statement, or not one of this kind.
	ErrStatement = fault.New(fault.Invalid, "figure.statement", "Tệp không phải là một số liệu đã ghim.", "The file is not a pinned figure.")
	// ErrAbsent (figure.absent): no such statement.
	ErrAbsent = fault.New(fault.Absent, "figure.absent", "Không có số liệu đã ghim nào mang mã này.", "No pinned figure has this id.")
	// ErrBusy (figure.busy): rows are being counted for somebody else.
	ErrBusy = fault.New(fault.Busy, "figure.busy", "Đang đếm lại cho người khác. Thử lại sau ít giây.", "Rows are being counted for somebody else. Try again in a few seconds.")
	// ErrBehind (figure.behind): this copy of the data ends before the checkpoint.
	ErrBehind = fault.New(fault.Conflict, "figure.behind", "Bản dữ liệu này kết thúc trước mốc sổ của số liệu. Dùng bản sao mới hơn.",
		"This copy of the data ends before the statement's checkpoint. Use a newer copy.")
	// ErrHistory (figure.history): the log of this copy has another checkpoint at that size.
	ErrHistory = fault.New(fault.Conflict, "figure.history", "Sổ của bản dữ liệu này khác sổ mà số liệu đã ghim. Không so được.",
		"The ledger of this copy is not the one the figure was pinned to. They cannot be compared.")
)

// Counters sums and counts again; store.Counters has it.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
	Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
}

// Ledger tells where the logs stand; store.Ledger has it.
type Ledger interface {
	Logs(ctx context.Context) ([]int, error)
	Head(ctx context.Context, log int) (store.Head, error)
	Checkpoint(ctx context.Context, log int, size uint64) (string, error)
}

// Deps is what figures are pinned with.
type Deps struct {
	Figures   house.Figures
	Checks    house.Boards // where comparisons are kept; nil: nobody compares
	Counters  Counters
	Ledger    Ledger
	Directory func() *facility.Directory // for the units that figures are closed for; nil: none
	Pack      func() string              // rules in force; nil: ""
	Sheet     func() string              // checks in force; nil: ""
	Hub       string
	Clock     clock.Clock
}

// Desk pins figures and counts them again.
type Desk struct{ Deps }

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Figures == nil || d.Counters == nil || d.Ledger == nil || d.Clock == nil {
		return nil, errors.New("figure: statements, counters, ledger and clock are needed")
	}
	return &Desk{d}, nil
}

// at is where the logs stood at a moment.
type at struct {
	moment time.Time
	logs   []Log
}

func (a at) sizes() map[int]uint64 { return sizes(a.logs) }

func sizes(logs []Log) map[int]uint64 {
	out := make(map[int]uint64, len(logs))
	for _, l := range logs {
		out[l.Log] = l.Size
	}
	return out
}

// here is where the logs stand now.
func (d *Desk) here(ctx context.Context) (at, error) {
	a := at{moment: d.Clock.Now()}
	numbers, err := d.Ledger.Logs(ctx)
	if err != nil {
		return at{}, err
	}
	for _, n := range numbers {
		head, err := d.Ledger.Head(ctx, n)
		if err != nil {
			return at{}, err
		}
		if head.Size == 0 {
			continue
		}
		note, err := d.Ledger.Checkpoint(ctx, n, head.Size)
		if err != nil {
			return at{}, err
		}
		a.logs = append(a.logs, Log{Checkpoint: note, Log: n, Size: head.Size})
	}
	return a, nil
}

// Pin counts a figure of a place over days and keeps what it found. Where the
// newest statement of the same says the same, that one is returned and nothing is
// kept. Faults: ErrUnknown, ErrSpan, ErrPlace, store.ErrChanged when somebody else
// pinned the same at the same time.
func (d *Desk) Pin(ctx context.Context, actor string, q Query) (*Statement, error) {
	f, err := q.check(d.Clock.Now())
	if err != nil {
		return nil, err
	}
	a, err := d.here(ctx)
	if err != nil {
		return nil, err
	}
	v, err := d.count(ctx, q, a.sizes())
	if err != nil {
		return nil, err
	}
	s, fresh, err := d.next(ctx, f, q, v, a)
	if err != nil || !fresh {
		return s, err
	}
	return s, d.keep(ctx, actor, []*Statement{s})
}

// next makes the statement that follows the newest of its subject; fresh is false
// where the newest says the same.
func (d *Desk) next(ctx context.Context, figure string, q Query, v Value, a at) (s *Statement, fresh bool, err error) {
	s = &Statement{V: statementV, Figure: figure, Hub: d.Hub, Query: q, At: a.moment.UTC().Format(time.RFC3339Nano), Logs: a.logs, Version: 1}
	if d.Pack != nil {
		s.Pack = d.Pack()
	}
	if d.Sheet != nil {
		s.Sheet = d.Sheet()
	}
	s.setValue(v)
	last, err := d.newest(ctx, q.Subject())
	if errors.Is(err, ErrAbsent) {
		s.ID = id(q.Subject(), 1)
		return s, true, nil
	} else if err != nil {
		return nil, false, err
	}
	if string(last.Value) == string(s.Value) || ahead(last.Logs, a.logs) { // ahead: another hub counted it meanwhile, with more
		return last, false, nil
	}
	s.Version = last.Version + 1
	s.ID = id(q.Subject(), s.Version)
	if q.Public() {
		fresh, err = d.more(ctx, last, s)
		if !fresh {
			s = last
		}
		return s, fresh, err
	}
	s.Changed, err = d.why(ctx, last, s)
	return s, true, err
}

// Statement returns a pinned figure by its id, or the newest of a subject. Fault: ErrAbsent.
func (d *Desk) Statement(ctx context.Context, id string) (*Statement, error) {
	subject, version := split(id)
	s, err := d.statement(ctx, subject, version)
	if version > 0 && errors.Is(err, ErrAbsent) { // a unit's name may end as a version does
		return d.newest(ctx, id)
	}
	return s, err
}

func (d *Desk) newest(ctx context.Context, subject string) (*Statement, error) {
	return d.statement(ctx, subject, 0)
}

func (d *Desk) statement(ctx context.Context, subject string, version int) (*Statement, error) {
	kept, err := d.Figures.Statement(ctx, subject, version)
	if errors.Is(err, store.ErrAbsent) {
		return nil, ErrAbsent
	} else if err != nil {
		return nil, err
	}
	return Parse([]byte(kept.Body))
}

// ahead reports whether logs reach further than others: none is shorter, one is longer.
func ahead(logs, than []Log) bool {
	size, longer := sizes(than), false
	reach := sizes(logs)
	for log, n := range size {
		if reach[log] < n {
			return false
		}
	}
	for log, n := range reach {
		longer = longer || n > size[log]
	}
	return longer
}

// Versions returns all statements of a subject, oldest first.
func (d *Desk) Versions(ctx context.Context, subject string) ([]*Statement, error) {
	kept, err := d.Figures.Versions(ctx, subject)
	if err != nil {
		return nil, err
	}
	return parseAll(kept)
}

// Newest returns the newest statement of each subject that begins so.
func (d *Desk) Newest(ctx context.Context, prefix string) ([]*Statement, error) {
	kept, err := d.Figures.Newest(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return parseAll(kept)
}

func parseAll(kept []house.Statement) ([]*Statement, error) {
	out := make([]*Statement, len(kept))
	for i, k := range kept {
		var err error
		if out[i], err = Parse([]byte(k.Body)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Outcome is what counting again gave.
type Outcome struct {
	Statement *Statement
	Value     Value // counted now, as of the statement's checkpoint
	Bytes     []byte
	Same      bool
}

// Recompute counts a statement again from the rows as of its checkpoint. It needs
// no hub and no network. Faults: ErrBehind, ErrHistory, ErrStatement.
func (d *Desk) Recompute(ctx context.Context, s *Statement) (Outcome, error) {
	if err := d.reaches(ctx, s); err != nil {
		return Outcome{}, err
	}
	v, err := d.count(ctx, s.Query, sizes(s.Logs))
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Statement: s, Value: v, Bytes: v.bytes()}
	o.Same = string(o.Bytes) == string(s.Value)
	return o, nil
}

// reaches says whether this copy has the logs the statement was pinned to.
func (d *Desk) reaches(ctx context.Context, s *Statement) error {
	for _, l := range s.Logs {
		head, err := d.Ledger.Head(ctx, l.Log)
		if errors.Is(err, store.ErrAbsent) || (err == nil && head.Size < l.Size) {
			return ErrBehind
		}
		if err != nil {
			return err
		}
		note, err := d.Ledger.Checkpoint(ctx, l.Log, l.Size)
		if errors.Is(err, store.ErrAbsent) || (err == nil && note != l.Checkpoint) {
			return ErrHistory
		}
		if err != nil {
			return err
		}
	}
	return nil
}
