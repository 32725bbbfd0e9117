// Package urgent is what happens when somebody is brought in who cannot say
// who they are: a number for them at once, at most five people who it may be,
// the emergency set of one of them for four hours, and later a name or none,
// reversibly. It decides by the rules of packages identity and matter, and
// commits with every opening what the person and the privacy officer are told.
// It opens no record: package disclose does, and writes each look down.
package urgent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Looks opens what may be seen in an emergency; *disclose.Discloser is one.
type Looks interface {
	// Faces tells who persons are, out of their newest record: no clinical
	// content. A row for each is durable before anything is opened; of a person
	// without a readable record the face is nil.
	Faces(ctx context.Context, reader disclose.Reader, persons []store.PersonID) ([]*identity.Face, error)
	// EmergencySet gives the records the emergency set is computed from, under
	// the reader's opening.
	EmergencySet(ctx context.Context, reader disclose.Reader, person store.PersonID) ([]*disclose.Opened, error)
}

// Deps are what the service works with.
type Deps struct {
	Temporaries store.Temporaries
	Openings    store.Openings
	Matters     store.Matters
	People      store.People
	Staffs      store.Staffs
	Trail       Trail
	Keys        store.Keys
	Alarms      store.Alarms
	Looks       Looks
	Vault       *vault.Vault
	Clock       clock.Clock
	Random      io.Reader
}

// Config bounds emergencies; zero fields take their defaults.
type Config struct {
	PerStaff    int           // openings of one member of staff in 24 h before the right is suspended; 3
	PerFacility int           // openings of a facility in 24 h before an alarm; 20
	Searches    int           // searches for one temporary number; 20
	SearchesDay int           // searches of one member of staff in 24 h, on this hub; 60
	Begun       int           // temporary numbers of one facility that may be open; 500
	Life        time.Duration // of an opening; 4 h (DESIGN §2)
	Factor      time.Duration // for which a second factor counts; 5 minutes (TRUST §6.5)
	Works       matter.Works  // working days
}

// Desk serves emergencies.
type Desk struct {
	Deps
	cfg     Config
	counts  searches
	opening sync.Mutex // of Break and Renew
}

// New returns a desk.
func New(d Deps, c Config) (*Desk, error) {
	if d.Temporaries == nil || d.Openings == nil || d.Matters == nil || d.People == nil || d.Staffs == nil || d.Trail == nil ||
		d.Keys == nil || d.Alarms == nil || d.Looks == nil || d.Vault == nil || d.Clock == nil || d.Random == nil || c.Works == nil {
		return nil, errors.New("urgent: a part is missing")
	}
	for _, n := range []*int{&c.PerStaff, &c.PerFacility, &c.Searches, &c.SearchesDay, &c.Begun} {
		if *n < 0 {
			return nil, errors.New("urgent: a limit is negative")
		}
	}
	c.PerStaff, c.PerFacility = or(c.PerStaff, 3), or(c.PerFacility, 20)
	c.Searches, c.SearchesDay, c.Begun = or(c.Searches, 20), or(c.SearchesDay, 60), or(c.Begun, 500)
	c.Life, c.Factor = or(c.Life, 4*time.Hour), or(c.Factor, 5*time.Minute)
	return &Desk{Deps: d, cfg: c}, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Member is the member of staff who asks.
type Member struct {
	Role      role.Role // clinician:CODE
	Staff     care.Staff
	Name      string    // mark of the session, for the log
	Route     string    // of the request
	SteppedUp time.Time // when the second factor was last given; zero: never
}

func (m Member) at() care.FacilityCode { return m.Role.At() }

// actor names the member in acts: not a name, but who keeps the roster finds it.
func (m Member) actor() string { return m.Role.String() + "/" + hex.EncodeToString(m.Staff[:]) }

func (m Member) reader(o consent.OpeningID, reason string) disclose.Reader {
	return disclose.Reader{Role: m.Role, Name: m.Name, Route: m.Route, Reason: reason, Staff: m.Staff, Opening: o, Purpose: consent.Treatment, SteppedUp: m.SteppedUp}
}

// Faults.
var (
	// ErrReason: no reason out of the list, or no words.
	ErrReason = fault.New(fault.Invalid, "emergency.reason",
		"Chọn lý do và ghi rõ bằng lời, ít nhất 10 ký tự. Không ghi tên hay số định danh.",
		"Choose a reason and say it in words, at least 10 characters. Write no name and no number of a person.")
	// ErrFactor: the second factor was not given within the last minutes.
	ErrFactor = fault.New(fault.Withheld, "emergency.second_factor",
		"Cần xác thực lại trong vòng 5 phút trước khi mở dữ liệu cấp cứu.",
		"Prove again who you are, within the last 5 minutes, before opening in an emergency.")
	// ErrFacts: fewer than two facts were confirmed, or some that do not fit.
	ErrFacts = fault.New(fault.Invalid, "emergency.facts",
		"Xác nhận ít nhất 2 điều khớp với người này, cùng người đi cùng hoặc giấy tờ.",
		"Confirm at least 2 facts that fit this person, with whoever came along or by papers.")
	// ErrCandidate: the one chosen is not among the candidates.
	ErrCandidate = fault.New(fault.Absent, "emergency.candidate",
		"Người được chọn không còn trong danh sách. Tìm lại.",
		"The one chosen is not among the candidates. Search again.")
	// ErrSuspended: the right to open in an emergency is suspended.
	ErrSuspended = fault.New(fault.Withheld, "emergency.suspended",
		"Quyền mở khẩn cấp của tài khoản này đang tạm ngừng. Nhờ đồng nghiệp mở; người phụ trách dữ liệu của cơ sở xem lại rồi mở lại quyền.",
		"This account's right to open in an emergency is suspended. Ask a colleague; the facility's privacy officer reviews and lifts it.")
	// ErrSearches: too many searches.
	ErrSearches = fault.New(fault.Busy, "emergency.searches",
		"Đã tìm quá nhiều lần. Dùng mã tạm và tìm tiếp khi có thêm thông tin.",
		"Too many searches. Use the temporary number and search again when more is known.")
	// ErrMany: a facility has too many numbers open.
	ErrMany = fault.New(fault.Conflict, "temporary.too_many",
		"Cơ sở còn quá nhiều mã tạm chưa kết thúc. Kết thúc các mã cũ trước.",
		"The facility has too many temporary numbers open. Close older ones first.")
	// ErrNumberFits: the card is another person's than was opened.
	ErrNumberFits = fault.New(fault.Conflict, "temporary.other_person",
		"Giấy tờ này là của người khác với người đã mở khẩn cấp. Gỡ lần mở đó trước, rồi gắn lại.",
		"This card is another person's than was opened in the emergency. Undo that opening first, then resolve again.")
	// ErrAbsent: no such number or opening at this facility.
	ErrAbsent = fault.New(fault.Absent, "emergency.absent",
		"Không có mã tạm hoặc lần mở khẩn cấp này.", "There is no such temporary number or emergency.")
	// ErrSecond: the renewal wants a second clinician.
	ErrSecond = fault.New(fault.Conflict, "emergency.renewal",
		"Chỉ gia hạn được một lần, khi còn hạn, bởi người khác với người đã mở.",
		"It is renewed once only, while it stands, and by another than who opened it.")
)

// admit says whether a member may do anything here: a named clinician.
func (m Member) admit() error {
	if m.Role.Kind != role.Clinician || m.at() == "" {
		return ErrAbsent
	}
	if m.Staff == (care.Staff{}) {
		return identity.ErrStaff
	}
	return nil
}

// fresh says whether the second factor was given within the term, and not in a
// future that a clock made up.
func (d *Desk) fresh(m Member, now time.Time) bool {
	age := now.Sub(m.SteppedUp)
	return !m.SteppedUp.IsZero() && age >= 0 && age <= d.cfg.Factor
}

func (d *Desk) act(m Member, action, object, detail string) store.Act {
	return store.Act{At: d.Clock.Now(), Actor: m.actor(), Action: action, Object: object, Detail: detail}
}

func absent(err error) error {
	if errors.Is(err, store.ErrAbsent) {
		return ErrAbsent
	}
	return err
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("urgent: %s: %w", what, err)
}
