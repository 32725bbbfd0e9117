package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"lienthong/internal/care"
	"lienthong/internal/enrol"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrInviteTerm: an invite is good for an hour to 30 days.
	ErrInviteTerm = fault.New(fault.Invalid, "invite.term",
		"Mã mời có hiệu lực từ 1 đến 720 giờ.", "An invite is good for 1 to 720 hours.")
	// ErrSamePerson: who invited may not approve.
	ErrSamePerson = fault.New(fault.Withheld, "enrolment.same_person",
		"Người mời không được tự duyệt. Cần người thứ hai.", "Who invited may not approve. A second person is needed.")
	// ErrApplicant: nobody of that name waits.
	ErrApplicant = fault.New(fault.Absent, "enrolment.unknown", "Không có hệ thống nào mang mã này đang chờ duyệt.", "No system of this name waits for approval.")
	// ErrApproval: no such setting.
	ErrApproval = fault.New(fault.Invalid, "enrolment.approval",
		"Cách duyệt phải là none hoặc second.", "The approval must be none or second.")
	// ErrAccount: whoever approves at a browser is known by an account: a name that is
	// typed tells nobody from anybody.
	ErrAccount = fault.New(fault.Withheld, "enrolment.account",
		"Việc này cần hai người khác nhau, nên người duyệt phải đăng nhập bằng tài khoản của mình, không bằng đường dẫn.",
		"This takes two people: whoever approves must log in with their own account, not by a link.")
	// ErrOperator: an approver must say who it is.
	ErrOperator = fault.New(fault.Invalid, "enrolment.operator", "Ghi tên người duyệt.", "Name who approves.")
)

// Invited is an invite as it is handed out. The code is nowhere else.
type Invited struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

// Invite makes a one-time code that lets an agent enrol for a facility.
// Faults: facility.unknown, invite.term.
func (o *Office) Invite(ctx context.Context, actor, code string, hours int) (Invited, error) {
	if hours < 1 || hours > 720 {
		return Invited{}, ErrInviteTerm
	}
	if _, _, err := o.known(ctx, code); err != nil {
		return Invited{}, err
	}
	c, err := enrol.NewCode(o.Random)
	if err != nil {
		return Invited{}, err
	}
	now := o.Clock.Now()
	i := store.Invite{Hash: c.Hash(), Facility: care.FacilityCode(code), By: actor, Made: now, Expires: now.Add(time.Duration(hours) * time.Hour)}
	act, err := serviceAct(now, actor, "facility.invite", code, map[string]any{"invite": enrol.Mark(i.Hash), "expires": i.Expires})
	if err != nil {
		return Invited{}, err
	}
	if err := o.Enrolments.PutInvite(ctx, i, act); err != nil {
		return Invited{}, err
	}
	return Invited{Code: c.String(), Expires: i.Expires}, nil
}

// Pending is a system that waits for a second person, as lists show it.
type Pending struct {
	Client   string    `json:"client"`
	Facility string    `json:"facility"`
	KeyID    string    `json:"kid"`
	Since    time.Time `json:"since"`
	By       string    `json:"invited_by"`
	Software string    `json:"software,omitempty"`
}

// Forked is a sender whose sequence went two ways: two systems with one key, or
// one that was put back to an old copy. It is not heard until it has a new key.
type Forked struct {
	Client string    `json:"client"`
	Seen   time.Time `json:"seen"`
}

// Enrolment is what an operator has to look at.
type Enrolment struct {
	Second  bool      `json:"second"` // a second person must approve
	Waiting []Pending `json:"waiting"`
	Forked  []Forked  `json:"forked"`
}

// Enrolment tells how systems are let in, who waits, and who forked.
func (o *Office) Enrolment(ctx context.Context) (e Enrolment, err error) {
	if e.Second, err = o.Enrolments.Second(ctx); err != nil {
		return e, err
	}
	waiting, err := o.Enrolments.Waiting(ctx)
	if err != nil {
		return e, err
	}
	for _, a := range waiting {
		e.Waiting = append(e.Waiting, Pending{a.ID, string(a.Facility), a.KeyID, a.Since, a.By, a.Software})
	}
	forks, err := o.Enrolments.Forks(ctx)
	for client, seen := range forks {
		e.Forked = append(e.Forked, Forked{client, seen})
	}
	sortForked(e.Forked)
	return e, err
}

// Approve lets a waiting system in; who does must be another than who invited
// it. Faults: enrolment.unknown, enrolment.same_person, enrolment.operator.
func (o *Office) Approve(ctx context.Context, actor, client string) error {
	a, err := o.applicant(ctx, client)
	if err != nil {
		return err
	}
	switch {
	case personOf(actor) == "":
		return ErrOperator
	case personOf(actor) == personOf(a.By):
		return ErrSamePerson
	}
	now := o.Clock.Now()
	marks := (&store.DirectoryChange{Clients: []facility.Client{a.Client}}).Marks(now)
	act, err := serviceAct(now, actor, "facility.approve", string(a.Facility), map[string]any{"client": a.ID, "kid": a.KeyID, "invited_by": a.By, "marks": marks})
	if err != nil {
		return err
	}
	return orUnknown(o.Enrolments.Approve(ctx, client, act))
}

// personOf is who an actor is, as far as names tell: by whatever door ("operator
// An: command line", "An (portal operator ...)"), and however the name is written
// large, spaced or composed.
func personOf(actor string) string {
	name, _, _ := strings.Cut(actor, " (portal ")
	name = strings.TrimSuffix(strings.TrimSpace(name), ": command line")
	fields := strings.Fields(strings.ToLower(norm.NFC.String(name)))
	if len(fields) > 1 && fields[0] == "operator" {
		fields = fields[1:]
	}
	return strings.Join(fields, " ")
}

// Dismiss turns a waiting system away. Anyone may, who invited it too.
// Fault: enrolment.unknown.
func (o *Office) Dismiss(ctx context.Context, actor, client string) error {
	a, err := o.applicant(ctx, client)
	if err != nil {
		return err
	}
	act, err := serviceAct(o.Clock.Now(), actor, "facility.dismiss", string(a.Facility), map[string]any{"client": a.ID, "kid": a.KeyID})
	if err != nil {
		return err
	}
	return orUnknown(o.Enrolments.Dismiss(ctx, client, act))
}

func (o *Office) applicant(ctx context.Context, client string) (store.Applicant, error) {
	waiting, err := o.Enrolments.Waiting(ctx)
	if err != nil {
		return store.Applicant{}, err
	}
	for _, a := range waiting {
		if a.ID == client {
			return a, nil
		}
	}
	return store.Applicant{}, ErrApplicant
}

func orUnknown(err error) error {
	if fault.KindOf(err) == fault.Absent {
		return ErrApplicant.Because(err)
	}
	return err
}

// SetApproval says whether a second person must approve what enrols from now
// on: "none" or "second". Fault: enrolment.approval.
func (o *Office) SetApproval(ctx context.Context, actor, approval string) error {
	if approval != "none" && approval != "second" {
		return ErrApproval
	}
	act, err := serviceAct(o.Clock.Now(), actor, "enrolment.approval", approval, map[string]any{})
	if err != nil {
		return err
	}
	return o.Enrolments.SetSecond(ctx, approval == "second", act)
}

func sortForked(list []Forked) {
	slices.SortFunc(list, func(a, b Forked) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.Client, b.Client)) })
}

// PersonOf is who an actor is, as far as names tell, for rules that need two; ""
// where no person is named.
func PersonOf(actor string) string { return personOf(actor) }
