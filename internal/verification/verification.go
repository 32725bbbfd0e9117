// Package verification asks the national population register, where one is
// approved, whether the number, name and birth of a person are one person's, and
// keeps the answer. It is a check beside the link of records, never part of
// intake: whatever the register says, or does not say, no record and no link
// changes by it; what does not agree is counted in an alarm for people to look at.
package verification

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// The pace.
const (
	perRound   = 2                    // questions of a round; a hub has one each second
	failures   = 5                    // in a row: the register is let alone
	rest       = 10 * time.Minute     // for this long
	again      = 10 * time.Minute     // after all were looked at
	Holds      = 365 * 24 * time.Hour // then an answer is asked for anew
	mostSilent = 100_000              // persons remembered whose records do not say enough
)

var (
	// ErrNone: no register is approved.
	ErrNone = fault.New(fault.Absent, "verification.none",
		"Hub chưa có sổ dân cư nào được duyệt để đối chiếu.", "The hub has no approved population register to ask.")
	// ErrRunning: only a running hub asks outside.
	ErrRunning = fault.New(fault.Conflict, "verification.running",
		"Chỉ hub đang chạy mới hỏi được sổ dân cư. Khởi động hub rồi chạy lại.", "Only a running hub asks the population register. Start the hub and run this again.")
	// ErrNobody: the record's patient is not linked, or no record says number, name and birth.
	ErrNobody = fault.New(fault.Invalid, "verification.nobody",
		"Chưa đối chiếu được: hồ sơ chưa gắn với người nào, hoặc không có đủ số định danh, họ tên và ngày sinh.",
		"This cannot be verified: the record is linked to nobody, or number, name and birth date are not all there.")
)

// Stopped stands for the desk of a hub that does not run.
type Stopped struct{}

// VerifyPerson is ErrRunning.
func (Stopped) VerifyPerson(context.Context, string, string) (*identity.Verified, error) {
	return nil, ErrRunning
}

// Answer is what a register says.
type Answer struct {
	State   string // as of identity.Verified
	Differs []string
}

// Register is the approved register.
type Register struct {
	ID  string
	Ask func(ctx context.Context, number care.CitizenID, face *identity.Face) (Answer, error)
}

// Book reads who a person is, with a durable row; *disclose.Discloser does.
type Book interface {
	Whom(ctx context.Context, register string, person store.PersonID) (care.CitizenID, *identity.Face, error)
}

// Records finds a record.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
}

// Alarms keeps an alarm.
type Alarms interface {
	Raise(ctx context.Context, a store.Alarm, act store.Act) (fresh bool, err error)
}

// Deps is what a desk works with.
type Deps struct {
	Store    store.Verifications
	Records  Records
	Alarms   Alarms
	Book     Book
	Register func(ctx context.Context) (*Register, error) // nil: none is approved
	Clock    clock.Clock
}

// Desk asks.
type Desk struct {
	Deps
	mu     sync.Mutex
	after  store.PersonID // whom the walk has come to
	next   time.Time      // nothing is asked before
	failed int            // in a row
	silent map[store.PersonID]bool
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Store == nil || d.Records == nil || d.Alarms == nil || d.Book == nil || d.Register == nil || d.Clock == nil {
		return nil, errors.New("verification: a part is missing")
	}
	return &Desk{Deps: d, silent: map[store.PersonID]bool{}}, nil
}

// Round asks about the next persons linked by a citizen number of whom there is no
// answer, or an old one. A register that does not answer is let alone for a while
// and then asked again; that is no error of the round.
func (d *Desk) Round(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Clock.Now()
	if now.Before(d.next) {
		return nil
	}
	reg, err := d.Register(ctx)
	if err != nil || reg == nil {
		return err
	}
	persons, err := d.Store.Unverified(ctx, d.after, now.Add(-Holds), perRound)
	if err != nil {
		return err
	}
	if len(persons) == 0 {
		d.after, d.next = store.PersonID{}, now.Add(again)
		return nil
	}
	for _, p := range persons {
		d.after = p
		if d.silent[p] {
			continue
		}
		_, err := d.ask(ctx, reg, p, store.Act{})
		switch {
		case errors.Is(err, ErrNobody):
			if len(d.silent) >= mostSilent {
				clear(d.silent)
			}
			d.silent[p] = true
		case errors.As(err, new(unanswered)):
			if d.failed++; d.failed >= failures {
				d.failed, d.after, d.next = 0, store.PersonID{}, now.Add(rest)
				return nil
			}
		case err != nil:
			return err
		default:
			d.failed = 0
		}
	}
	return nil
}

// unanswered is the fault of a register that did not answer.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// VerifyPerson asks now about the patient of a record, and keeps the answer with
// the act. Faults: verification.none, verification.nobody, record.absent, and those
// of the register.
func (d *Desk) VerifyPerson(ctx context.Context, actor, record string) (*identity.Verified, error) {
	id, err := dossier.ParseID(record)
	if err != nil {
		return nil, err
	}
	r, err := d.Records.Get(ctx, role.Scope{All: true}, id)
	if err != nil {
		return nil, err
	}
	reg, err := d.Register(ctx)
	if err != nil {
		return nil, err
	}
	if reg == nil {
		return nil, ErrNone
	}
	return d.ask(ctx, reg, r.Person, statement(d.Clock.Now(), actor, "person.verify", id.String(), "{}"))
}

// Verified returns the last answer about a person, nil for none.
func (d *Desk) Verified(ctx context.Context, person store.PersonID) (*identity.Verified, error) {
	v, err := d.Store.Verified(ctx, person)
	if errors.Is(err, store.ErrAbsent) {
		return nil, nil
	}
	return v, err
}

func (d *Desk) ask(ctx context.Context, reg *Register, person store.PersonID, act store.Act) (*identity.Verified, error) {
	number, face, err := d.Book.Whom(ctx, reg.ID, person)
	if err != nil {
		return nil, err
	}
	if face == nil {
		return nil, ErrNobody
	}
	a, err := reg.Ask(ctx, number, face)
	if err != nil {
		return nil, unanswered{err}
	}
	v := identity.Verified{Person: person, At: d.Clock.Now(), By: reg.ID, Answer: a.State, Differs: a.Differs}
	if err := d.Store.PutVerified(ctx, v, act); err != nil {
		return nil, err
	}
	switch a.State {
	case "differs", "cancelled", "replaced":
		return &v, d.raise(ctx, reg.ID, v.At)
	}
	return &v, nil
}

// raise tells how many answers do not agree, and of nobody whose.
func (d *Desk) raise(ctx context.Context, register string, now time.Time) error {
	n, err := d.Store.Answers(ctx)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]int{"n": n["differs"] + n["cancelled"] + n["replaced"]})
	if err != nil {
		return err
	}
	cause := "identity.register:" + register // alarm.Register, with its Detail
	_, err = d.Alarms.Raise(ctx, store.Alarm{Cause: cause, Detail: string(detail), Opened: now, Seen: now},
		statement(now, "hub", "alarm.opened", cause, `{"detail":`+string(detail)+`}`))
	return err
}

func statement(at time.Time, actor, action, object, detail string) store.Act {
	act := store.Act{At: at, Actor: actor, Action: action, Object: object, Detail: detail}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return act
}
