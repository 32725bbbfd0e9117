// Package roster knows the staff of facilities and of the hub, and lets people
// in who were named by a provider of identities: staff by their row, citizens by
// number, name and birth date. It keeps second factors and acts on staff. It
// speaks to no provider (web/oidc) and holds no session (web/session).
package roster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

var (
	// ErrUnknown (staff.unknown): nobody of the staff.
	ErrUnknown = fault.New(fault.Absent, "staff.unknown", "Không có nhân viên này.", "There is no such member of staff.")
	// ErrSuspended (staff.suspended): nothing is allowed any more, or not yet.
	ErrSuspended = fault.New(fault.Withheld, "staff.suspended",
		"Tài khoản nhân viên này đang bị tạm ngừng. Liên hệ người quản trị của cơ sở.", "This staff account is suspended. Ask your facility's administrator.")
	// ErrNotListed (login.not_listed): the provider names somebody the hub's roster does not.
	ErrNotListed = fault.New(fault.Withheld, "login.not_listed",
		"Danh tính đúng, nhưng danh sách nhân viên của hub chưa có tên này. Liên hệ người quản trị của cơ sở.",
		"Your identity is confirmed, but the hub's list of staff does not have you. Ask your facility's administrator.")
	// ErrPerson (login.person): number, name and birth date do not belong together.
	ErrPerson = fault.New(fault.Conflict, "login.person",
		"Số định danh này đang gắn với họ tên hoặc ngày sinh khác trong hub. Đến quầy của cơ sở y tế để đối chiếu giấy tờ.",
		"This citizen number is held with another name or birth date in the hub. Ask at a facility's counter to have your papers compared.")
	// ErrClaims (login.claims): the provider did not say number, name and birth date.
	ErrClaims = fault.New(fault.Unauthenticated, "login.claims",
		"Dịch vụ định danh không cho biết đủ số định danh, họ tên và ngày sinh.", "The identity service did not say number, name and birth date.")
	// ErrSamePerson (staff.same_person): two must act, and one did both.
	ErrSamePerson = fault.New(fault.Withheld, "staff.same_person",
		"Người duyệt phải khác người thêm nhân viên.", "Whoever approves must be another than who added the member of staff.")
	// ErrBound (staff.bound): the account is another identity's.
	ErrBound = fault.New(fault.Withheld, "staff.bound",
		"Tài khoản nhân viên này đã gắn với một danh tính khác. Liên hệ người quản trị.", "This staff account is bound to another identity. Ask your administrator.")
)

// Deps are what a Desk works with.
type Deps struct {
	Staffs      store.Staffs
	Logins      store.Logins
	Temporaries interface {
		Ensure(ctx context.Context, claim store.Claim) (person store.PersonID, fresh bool, err error)
	}
	Notices interface {
		PutNotice(ctx context.Context, n matter.Notice) error
		Notices(ctx context.Context, person store.PersonID, limit int) ([]matter.Notice, error)
	}
	Tries Tries // of codes
	Once  interface {
		Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
	}
	Second   func(ctx context.Context) (bool, error)                         // two people must act; nil: one is enough
	PersonOf func(actor string) string                                       // who an actor is; nil: the text itself
	Known    func(ctx context.Context, code care.FacilityCode) (bool, error) // facilities; nil: all
	Vault    *vault.Vault
	Clock    clock.Clock
}

// Desk is the roster.
type Desk struct{ d Deps }

// New returns a Desk.
func New(d Deps) (*Desk, error) {
	if d.Staffs == nil || d.Vault == nil || d.Clock == nil {
		return nil, errors.New("roster: a store, a vault and a clock are needed")
	}
	if d.PersonOf == nil {
		d.PersonOf = func(a string) string { return a }
	}
	return &Desk{d}, nil
}

// profile is what is known of somebody by name: sealed in their row.
type profile struct {
	Name    string `json:"name,omitempty"`
	Licence string `json:"licence,omitempty"`
	By      string `json:"by,omitempty"`    // who added them, where a second person must approve
	Seed    string `json:"seed,omitempty"`  // of codes (base32), in use
	Trial   string `json:"trial,omitempty"` // of codes, not confirmed yet
	TrialAt int64  `json:"trial_at,omitempty"`
}

func sealName(id care.Staff) string { return "staff/" + hex.EncodeToString(id[:]) }

// read opens a profile.
func (k *Desk) read(s *staff.Staff) (p profile, err error) {
	if len(s.Sealed) == 0 {
		return p, nil
	}
	plain, err := k.d.Vault.OpenSecret(sealName(s.ID), s.Sealed)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(plain, &p)
}

// put keeps the next version of a row with its profile and the act.
func (k *Desk) put(ctx context.Context, s staff.Staff, p profile, actor, action string, detail map[string]any) error {
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if s.Sealed, err = k.d.Vault.SealSecret(sealName(s.ID), plain); err != nil {
		return err
	}
	s.Version++
	act := store.Act{}
	if action != "" {
		b, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		act = store.Act{At: k.d.Clock.Now(), Actor: actor, Action: action, Object: hex.EncodeToString(s.ID[:]), Detail: string(b)}
		act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	}
	return k.d.Staffs.PutStaff(ctx, s, act)
}

// Addition is somebody to add. Of somebody who is there already (same facility and
// licence, or same identity) roles and name change.
type Addition struct {
	Facility string   `json:"facility,omitempty"` // "" at none
	Roles    []string `json:"roles"`
	Name     string   `json:"name"`
	Licence  string   `json:"licence,omitempty"`
	Issuer   string   `json:"issuer,omitempty"` // with Subject: who they are at their provider
	Subject  string   `json:"subject,omitempty"`
}

// ErrAddition (staff.addition): something is missing.
var ErrAddition = fault.New(fault.Invalid, "staff.addition",
	"Cần họ tên, vai trò, và số giấy phép hành nghề hoặc danh tính (issuer và subject).", "Name, roles, and a licence or an identity (issuer and subject) are needed.")

// Add keeps somebody. Where two people must act they wait, suspended, until
// another resumes them. It returns their id in hexadecimal.
func (k *Desk) Add(ctx context.Context, actor string, n Addition) (string, error) {
	s, p, err := k.added(ctx, n)
	if err != nil {
		return "", err
	}
	now := k.d.Clock.Now()
	if s.Version == 0 {
		s.Since = now
	}
	if k.d.Second != nil {
		second, err := k.d.Second(ctx)
		if err != nil {
			return "", err
		}
		if second {
			s.Suspended, p.By = now, actor
		}
	}
	p.Name = strings.TrimSpace(n.Name)
	err = k.put(ctx, s, p, actor, "staff.add", map[string]any{"facility": s.Facility, "roles": s.Roles, "waits": !s.Suspended.IsZero()})
	if err == nil && !s.Suspended.IsZero() && k.d.Logins != nil {
		_, err = k.d.Logins.EndSessions(ctx, store.Owner{Staff: s.ID}, nil)
	}
	return hex.EncodeToString(s.ID[:]), err
}

// added is the row that an addition makes, or changes.
func (k *Desk) added(ctx context.Context, n Addition) (staff.Staff, profile, error) {
	var none staff.Staff
	if strings.TrimSpace(n.Name) == "" || len(n.Name) > 200 || len(n.Roles) == 0 || n.Licence == "" && n.Subject == "" || (n.Issuer == "") != (n.Subject == "") {
		return none, profile{}, ErrAddition
	}
	at, err := k.facility(ctx, n.Facility)
	if err != nil {
		return none, profile{}, err
	}
	licence := ""
	if n.Licence != "" {
		if licence, err = staff.ParseLicence(n.Licence); err != nil {
			return none, profile{}, err
		}
	}
	if err := checkRoles(at, n.Roles, licence != ""); err != nil {
		return none, profile{}, err
	}
	s, err := k.known(ctx, at, licence, n.Issuer, n.Subject)
	if err != nil {
		return none, profile{}, err
	}
	p, err := k.read(s)
	if err != nil {
		return none, p, err
	}
	s.Roles = slices.Compact(slices.Sorted(slices.Values(n.Roles)))
	if licence != "" {
		s.Licence, p.Licence = k.licence(at, licence)[0], licence
	}
	if n.Subject != "" {
		s.Login = k.login(n.Issuer, n.Subject)[0]
	}
	return *s, p, nil
}

// checkRoles reports whether somebody at a facility ("" at none) may have these
// roles. A role at a facility is of theirs alone; nobody is staff as a citizen.
func checkRoles(at care.FacilityCode, roles []string, licensed bool) error {
	if len(roles) > staff.MostRoles {
		return staff.ErrRoles
	}
	for _, text := range roles {
		r, err := role.Parse(text)
		if err != nil || r.Kind == role.Citizen || r.At() != at {
			return staff.ErrRoles
		}
		if r.Kind == role.Clinician && !licensed {
			return staff.ErrLicence
		}
	}
	return nil
}

func (k *Desk) facility(ctx context.Context, text string) (care.FacilityCode, error) {
	if text == "" {
		return "", nil
	}
	code, err := care.ParseFacilityCode(text)
	if err != nil || k.d.Known == nil {
		return code, err
	}
	known, err := k.d.Known(ctx, code)
	if err == nil && !known {
		err = fault.New(fault.Absent, "facility.unknown", "Hub chưa có cơ sở này.", "The hub does not know this facility.")
	}
	return code, err
}

func (k *Desk) licence(at care.FacilityCode, licence string) []vault.Keyed {
	return k.d.Vault.HashAll(vault.Licence, []byte(at), []byte(licence))
}

func (k *Desk) login(issuer, subject string) []vault.Keyed {
	return k.d.Vault.HashAll(vault.Login, []byte(issuer), []byte(subject))
}

// known finds somebody by licence or identity, or makes a new row.
func (k *Desk) known(ctx context.Context, at care.FacilityCode, licence, issuer, subject string) (*staff.Staff, error) {
	if licence != "" {
		s, err := k.d.Staffs.StaffByLicence(ctx, at, k.licence(at, licence))
		if !errors.Is(err, store.ErrAbsent) {
			return s, err
		}
	}
	if subject != "" {
		s, err := k.d.Staffs.StaffByLogin(ctx, k.login(issuer, subject))
		if err == nil && s.Facility != at {
			return nil, ErrBound
		}
		if !errors.Is(err, store.ErrAbsent) {
			return s, err
		}
	}
	s := &staff.Staff{Facility: at}
	_, err := rand.Read(s.ID[:])
	return s, err
}

// Assert returns who a facility's own system says works there: a row is made at
// the first time, without roles of its own. Faults: staff.licence, staff.suspended.
func (k *Desk) Assert(ctx context.Context, facility care.FacilityCode, licence, name string) (care.Staff, error) {
	licence, err := staff.ParseLicence(licence)
	if err != nil {
		return care.Staff{}, err
	}
	for try := 0; ; try++ {
		s, err := k.known(ctx, facility, licence, "", "")
		if err != nil {
			return care.Staff{}, err
		}
		if !s.Suspended.IsZero() {
			return care.Staff{}, ErrSuspended
		}
		if s.Version > 0 {
			return s.ID, nil
		}
		if name = strings.TrimSpace(name); name == "" || len(name) > 200 {
			return care.Staff{}, ErrAddition
		}
		s.Since, s.Licence = k.d.Clock.Now(), k.licence(facility, licence)[0]
		err = k.put(ctx, *s, profile{Name: name, Licence: licence}, "facility:"+string(facility), "staff.asserted", map[string]any{"facility": facility})
		if err == nil {
			return s.ID, nil
		}
		if fault.KindOf(err) != fault.Conflict || try > 2 { // another request made the row first
			return care.Staff{}, err
		}
	}
}

// Name returns the name somebody of the staff is shown under.
func (k *Desk) Name(ctx context.Context, id care.Staff) (string, error) {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return "", orUnknown(err)
	}
	p, err := k.read(s)
	return p.Name, err
}

func orUnknown(err error) error {
	if errors.Is(err, store.ErrAbsent) {
		return ErrUnknown
	}
	return err
}

// parse reads an id.
func parse(text string) (id care.Staff, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, ErrUnknown
	}
	return care.Staff(b), nil
}

// Suspend takes every right away: sessions end now, and no request of an old one
// is served any more.
func (k *Desk) Suspend(ctx context.Context, actor, text, reason string) error {
	id, err := parse(text)
	if err != nil {
		return err
	}
	return k.suspend(ctx, actor, id, "staff.suspend", reason)
}

func (k *Desk) suspend(ctx context.Context, actor string, id care.Staff, action, reason string) error {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return orUnknown(err)
	}
	p, err := k.read(s)
	if err != nil {
		return err
	}
	if len(reason) > 200 {
		return ErrAddition
	}
	s.Suspended = k.d.Clock.Now() // who waits for a second person goes on waiting for one
	if err := k.put(ctx, *s, p, actor, action, map[string]any{"facility": s.Facility, "reason": reason}); err != nil {
		return err
	}
	if k.d.Logins == nil {
		return nil
	}
	_, err = k.d.Logins.EndSessions(ctx, store.Owner{Staff: id}, nil)
	return err
}

// Resume gives the rights back; of somebody added under the rule of two people
// another than who added them must.
func (k *Desk) Resume(ctx context.Context, actor, text string) error {
	id, err := parse(text)
	if err != nil {
		return err
	}
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return orUnknown(err)
	}
	p, err := k.read(s)
	if err != nil {
		return err
	}
	if s.Suspended.IsZero() {
		return nil
	}
	if p.By != "" && (k.d.PersonOf(actor) == "" || k.d.PersonOf(actor) == k.d.PersonOf(p.By)) {
		return ErrSamePerson
	}
	by := p.By
	s.Suspended, s.Since, p.By = time.Time{}, k.d.Clock.Now(), ""
	return k.put(ctx, *s, p, actor, "staff.resume", map[string]any{"facility": s.Facility, "added_by": by})
}

// Listed is somebody of the staff as an operator sees them.
type Listed struct {
	ID        string    `json:"id"`
	Facility  string    `json:"facility,omitempty"`
	Roles     []string  `json:"roles"`
	Name      string    `json:"name"`
	Licence   string    `json:"licence,omitempty"`
	Factor    bool      `json:"factor"`
	Bound     bool      `json:"bound"` // to an identity
	Waits     bool      `json:"waits,omitempty"`
	Since     time.Time `json:"since"`
	Suspended time.Time `json:"suspended,omitzero"`
}

// Staff lists those of a facility ("" of none), at most 1,000.
func (k *Desk) Staff(ctx context.Context, facility string) ([]Listed, error) {
	all, err := k.d.Staffs.StaffOf(ctx, care.FacilityCode(facility), 1000)
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(all))
	for i := range all {
		s := &all[i]
		p, err := k.read(s)
		if err != nil {
			return nil, fmt.Errorf("roster: %w", err)
		}
		out = append(out, Listed{ID: hex.EncodeToString(s.ID[:]), Facility: string(s.Facility), Roles: s.Roles, Name: p.Name, Licence: p.Licence, Factor: s.Factor,
			Bound: s.Login != [17]byte{}, Waits: p.By != "", Since: s.Since, Suspended: s.Suspended})
	}
	return out, nil
}

// Stands reports whether somebody may still sit in a role: session.Standing.
func (k *Desk) Stands(ctx context.Context, who care.Staff, r role.Role) (bool, error) {
	s, err := k.d.Staffs.Staff(ctx, who)
	if errors.Is(err, store.ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.May(r.String()), nil
}
