// Package review is what privacy officers and auditors do about looks: the review
// of emergencies, the answers to what citizens ask of a facility, questions to the
// log of looks that are themselves written down, and the clock of a breach with
// whom it concerns. It reads who looked, never what a record says: kinds, dates and
// facilities only. Which step may follow which package matter says, and package
// casework carries the matters.
package review

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lienthong/internal/brake"
	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Cases carries matters; *casework.Desk is one.
type Cases interface {
	Step(ctx context.Context, number string, seen int, v casework.Move) (*matter.Matter, error)
	Words(m *matter.Matter) (casework.Words, error)
}

// Rights suspends and gives back the right to open in an emergency; package urgent
// stands behind it.
type Rights interface {
	Suspend(ctx context.Context, o Officer, whose care.Staff) error
	Lift(ctx context.Context, o Officer, whose care.Staff) error
}

// Choices keeps what citizens say; package choice stands behind it.
type Choices interface {
	// Restrict keeps a denial for a person, as they asked in a matter; twice is once.
	Restrict(ctx context.Context, o Officer, person care.Person, number string, scope consent.Scope) error
}

// Stops are accounts that are cut off; *brake.Brake has them.
type Stops interface {
	Stops(facility care.FacilityCode) []brake.Stop
	Unlock(ctx context.Context, facility care.FacilityCode, mark, actor, reason string) error
}

// Sealer seals words under a name and opens them.
type Sealer = casework.Sealer

// Deps is what a desk works with.
type Deps struct {
	Matters  store.Matters
	Openings store.Openings
	Looks    store.Disclosures
	Records  store.Records
	Staffs   store.Staffs
	Notices  store.Notices
	Acts     store.Keys
	Trail    store.Audit  // places of rows in the log, for exports
	Ledger   store.Ledger // the same
	Cases    Cases
	Rights   Rights
	Choices  Choices
	Stops    Stops
	Sealer   Sealer
	Clock    clock.Clock
}

// Desk serves privacy officers and auditors.
type Desk struct {
	Deps
	breaching sync.Mutex // of the notices of a breach, each is sent once
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Matters == nil || d.Openings == nil || d.Looks == nil || d.Records == nil || d.Staffs == nil || d.Notices == nil || d.Acts == nil ||
		d.Trail == nil || d.Ledger == nil || d.Cases == nil || d.Rights == nil || d.Choices == nil || d.Stops == nil || d.Sealer == nil || d.Clock == nil {
		return nil, errors.New("review: a part is missing")
	}
	return &Desk{Deps: d}, nil
}

// Officer is who works at a desk.
type Officer struct {
	Role      role.Role // privacy:CODE, operator, auditor
	Staff     care.Staff
	Mark      string    // of the session, for who has no row in the roster
	SteppedUp time.Time // when the second factor was last given
}

// Actor names the officer in acts: not a name, but who keeps the roster finds it.
func (o Officer) Actor() string {
	if o.Staff != (care.Staff{}) {
		return o.Role.String() + "/" + hex.EncodeToString(o.Staff[:])
	}
	return o.Role.String() + " " + o.Mark
}

// Lately is how long a second factor counts for a decision.
const Lately = 10 * time.Minute

// Faults.
var (
	// ErrAbsent: no such matter, breach or query here.
	ErrAbsent = fault.New(fault.Absent, "review.absent", "Không có hồ sơ vụ việc này.", "There is no such case.")
	// ErrOwn: nobody decides about their own look.
	ErrOwn = fault.New(fault.Withheld, "review.own",
		"Người đã xem trong vụ việc này không tự quyết định. Người khác phải quyết định.", "You are who looked in this case. Somebody else must decide.")
	// ErrFactor: the second factor was not given lately.
	ErrFactor = fault.New(fault.Withheld, "review.second_factor",
		"Xác thực lại rồi gửi quyết định. Nội dung đã viết vẫn còn đây.", "Prove again who you are, then send the decision. What you wrote is still here.")
	// ErrDecision: a decision that this kind of matter does not have.
	ErrDecision = fault.New(fault.Invalid, "review.decision", "Chọn một quyết định.", "Choose a decision.")
	// ErrReason: a decision without its reason.
	ErrReason = fault.New(fault.Invalid, "review.reason",
		"Ghi lý do bằng vài câu, từ 10 đến 2.000 ký tự. Người dân đọc được các câu này.",
		"Give the reason in a few sentences, 10 to 2,000 characters. The citizen reads them.")
	// ErrRetention: the law obliges to keep what should be erased.
	ErrRetention = fault.New(fault.Conflict, "review.retention",
		"Thời hạn lưu trữ của hồ sơ chưa hết nên chưa xóa được. Từ chối và nêu nguồn: Thông tư 33/2025/TT-BYT.",
		"The records must still be kept, so they cannot be erased. Refuse, and name the source: Circular 33/2025/TT-BYT.")
	// ErrPending: a correction is not done before the new version is there.
	ErrPending = fault.New(fault.Conflict, "review.not_corrected",
		"Hồ sơ vẫn là phiên bản cũ. Gửi phiên bản đúng từ phần mềm của cơ sở; việc này tự đóng khi phiên bản đó đến.",
		"The record is still the old version. Send the right one from the facility's software; this closes by itself when it arrives.")
)

// sees reports whether an officer answers for a matter: their own facility's, or
// the hub's own for operators. Auditors decide nothing.
func (o Officer) sees(m *matter.Matter) bool {
	switch o.Role.Kind {
	case role.Privacy:
		return o.Role.At() != "" && m.Facility == o.Role.At()
	case role.Operator:
		return m.Facility == "" || m.Kind == matter.Breach
	}
	return false
}

// filter selects an officer's matters.
func (o Officer) filter() (matter.Filter, bool) {
	switch o.Role.Kind {
	case role.Privacy:
		return matter.Filter{Facility: o.Role.At(), Limit: mostMatters}, o.Role.At() != ""
	case role.Operator:
		return matter.Filter{Hub: true, Limit: mostMatters}, true
	}
	return matter.Filter{}, false
}

// mostMatters is how many matters the store gives at most, the first due first.
const mostMatters = 1000

// Item is a line of the queue.
type Item struct {
	Number, Kind, State, Outcome, Owner string
	Opened, Due                         time.Time
	Late                                bool
	Looks                               int // named in it
}

// Queue is what an officer has before them.
type Queue struct {
	Waiting  []Item // not answered, by due date
	Done     []Item // answered lately, newest first
	Stops    []brake.Stop
	Check    Agreement
	Clinics  []Rate // clinicians who opened in an emergency
	Since    time.Time
	Facility care.FacilityCode
}

// Agreement holds the emergencies of a facility against their reviews.
type Agreement struct {
	Emergencies int // openings in an emergency that are kept
	Reviewed    int // with a decision
	Waiting     int
	Missing     int // without a matter: must be 0
}

// doneDays is how long a decided matter stays on the first page.
const doneDays = 30

// Queue returns an officer's queue. Faults: review.absent for who has none.
func (d *Desk) Queue(ctx context.Context, o Officer) (*Queue, error) {
	f, ok := o.filter()
	if !ok {
		return nil, ErrAbsent
	}
	list, err := d.both(ctx, f)
	if err != nil {
		return nil, err
	}
	now := d.Clock.Now()
	q := &Queue{Facility: o.Role.At(), Since: now.AddDate(0, 0, -rateDays)}
	for i := range list {
		m := &list[i]
		if _, owed := matter.TermOf(m.Kind); !owed || m.Kind == matter.Breach {
			continue // what is kept and owed no answer (signed papers, citizens' own entries) has no term
		}
		item := Item{Number: m.Number, Kind: m.Kind, State: m.State, Outcome: m.Outcome, Owner: m.Owner, Opened: m.Opened, Due: m.Due, Late: m.Late(now), Looks: len(m.Looks)}
		switch {
		case m.State != matter.Answered && m.State != matter.Closed:
			q.Waiting = append(q.Waiting, item)
		case now.Sub(m.Opened) < doneDays*24*time.Hour:
			q.Done = append(q.Done, item)
		}
	}
	slices.SortStableFunc(q.Waiting, func(a, b Item) int { return a.Due.Compare(b.Due) })
	slices.SortStableFunc(q.Done, func(a, b Item) int { return b.Opened.Compare(a.Opened) })
	if o.Role.Kind == role.Privacy {
		q.Stops = d.Stops.Stops(o.Role.At())
		slices.SortFunc(q.Stops, func(a, b brake.Stop) int { return a.At.Compare(b.At) })
		if err := d.weigh(ctx, q, list); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// both are the matters that are open, and others as far as the store gives them.
func (d *Desk) both(ctx context.Context, f matter.Filter) ([]matter.Matter, error) {
	f.Open = true
	list, err := d.Matters.Matters(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	f.Open = false
	rest, err := d.Matters.Matters(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	had := map[string]bool{}
	for i := range list {
		had[list[i].Number] = true
	}
	for i := range rest {
		if !had[rest[i].Number] {
			list = append(list, rest[i])
		}
	}
	return list, nil
}

// decisions says of each opening that has a review whether it is decided.
func decisions(list []matter.Matter, into map[[16]byte]bool) {
	for i := range list {
		if m := &list[i]; m.Kind == matter.EmergencyReview && m.Opening != [16]byte{} {
			into[m.Opening] = into[m.Opening] || m.State == matter.Answered || m.State == matter.Closed
		}
	}
}

// weigh holds openings against matters and counts emergencies by clinician.
func (d *Desk) weigh(ctx context.Context, q *Queue, list []matter.Matter) error {
	openings, err := d.Openings.Openings(ctx, consent.OpeningFilter{Facility: q.Facility, Basis: string(policy.BreakGlass), Limit: 1000})
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	decided := map[[16]byte]bool{}
	decisions(list, decided)
	by := map[care.Staff]int{}
	for i := range openings {
		x := &openings[i]
		if _, there := decided[[16]byte(x.ID)]; !there { // perhaps among more than the store gave
			of, err := d.Matters.Matters(ctx, matter.Filter{Person: x.Person, Facility: q.Facility, Kind: matter.EmergencyReview})
			if err != nil {
				return fmt.Errorf("review: %w", err)
			}
			decisions(of, decided)
		}
		done, there := decided[[16]byte(x.ID)]
		q.Check.Emergencies++
		switch {
		case !there:
			q.Check.Missing++
		case done:
			q.Check.Reviewed++
		default:
			q.Check.Waiting++
		}
		if !x.From.Before(q.Since) {
			by[x.Staff]++
		}
	}
	return d.rates(ctx, q, by)
}

// Rate is how often a clinician opened in an emergency.
type Rate struct {
	Staff       care.Staff
	Emergencies int
	Looks       int // rows of the log, at most mostRate
	PerThousand float64
	Suspended   bool
}

const (
	rateDays = 90
	mostRate = 20_000
)

func (d *Desk) rates(ctx context.Context, q *Queue, by map[care.Staff]int) error {
	now := d.Clock.Now()
	list, err := d.Staffs.StaffOf(ctx, q.Facility, 10_000)
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	for i := range list {
		s := &list[i]
		suspended := now.Before(s.NoEmergency)
		if by[s.ID] == 0 && !suspended {
			continue
		}
		n := 0
		err := d.each(ctx, store.DisclosureFilter{Staff: s.ID, Since: q.Since}, mostRate, func(*store.Disclosure) { n++ })
		if err != nil {
			return err
		}
		r := Rate{Staff: s.ID, Emergencies: by[s.ID], Looks: n, Suspended: suspended}
		if n > 0 {
			r.PerThousand = 1000 * float64(r.Emergencies) / float64(n)
		}
		q.Clinics = append(q.Clinics, r)
	}
	slices.SortFunc(q.Clinics, func(a, b Rate) int {
		if a.Emergencies != b.Emergencies {
			return b.Emergencies - a.Emergencies
		}
		return strings.Compare(string(a.Staff[:]), string(b.Staff[:]))
	})
	return nil
}

// each gives the rows of a filter, newest first, at most so many.
func (d *Desk) each(ctx context.Context, f store.DisclosureFilter, most int, fn func(*store.Disclosure)) error {
	f.Limit = 1000
	for n := 0; n < most; {
		page, more, err := d.Looks.List(ctx, all, f)
		if err != nil {
			return fmt.Errorf("review: reading looks: %w", err)
		}
		for i := range page {
			if n++; n > most {
				return nil
			}
			fn(&page[i])
		}
		if !more || len(page) == 0 {
			return nil
		}
		f.Before = page[len(page)-1].ID
	}
	return nil
}

var all = role.Scope{All: true}

// act is an act with its leaf.
func (d *Desk) act(o Officer, action, object, detail string) store.Act {
	a := store.Act{At: d.Clock.Now(), Actor: o.Actor(), Action: action, Object: object, Detail: detail}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	return a
}

// readerAt is the facility of who looked, "" elsewhere.
func readerAt(look *store.Disclosure) care.FacilityCode {
	r, err := role.Parse(look.Role)
	if err != nil {
		return ""
	}
	return r.At()
}
