package roster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Arrival is somebody of the staff as their provider names them.
type Arrival struct {
	Issuer, Subject   string
	Licence, Facility string
	Name              string
}

// Arrive returns the row of who came: by identity, else by the licence at the
// facility that the provider names, which is then bound to this identity. Rights
// come from the row, never from the provider. Faults: login.not_listed,
// staff.suspended, staff.bound.
func (k *Desk) Arrive(ctx context.Context, a Arrival) (*staff.Staff, error) {
	s, err := k.d.Staffs.StaffByLogin(ctx, k.login(a.Issuer, a.Subject))
	if errors.Is(err, store.ErrAbsent) {
		s, err = k.bind(ctx, a)
	}
	if err != nil {
		return nil, err
	}
	if !s.Suspended.IsZero() {
		return nil, ErrSuspended
	}
	if len(s.Roles) == 0 {
		return nil, ErrNotListed
	}
	return s, nil
}

// bind ties a row that no identity has yet to the one that came.
func (k *Desk) bind(ctx context.Context, a Arrival) (*staff.Staff, error) {
	licence, err := staff.ParseLicence(a.Licence)
	if err != nil {
		return nil, ErrNotListed
	}
	at, err := care.ParseFacilityCode(a.Facility)
	if err != nil {
		return nil, ErrNotListed
	}
	s, err := k.d.Staffs.StaffByLicence(ctx, at, k.licence(at, licence))
	if errors.Is(err, store.ErrAbsent) {
		return nil, ErrNotListed
	}
	if err != nil {
		return nil, err
	}
	if s.Login != ([17]byte{}) {
		return nil, ErrBound
	}
	if !s.Suspended.IsZero() {
		return nil, ErrSuspended
	}
	if len(s.Roles) == 0 {
		return nil, ErrNotListed
	}
	p, err := k.read(s)
	if err != nil {
		return nil, err
	}
	s.Login = k.login(a.Issuer, a.Subject)[0]
	if err := k.put(ctx, *s, p, "staff:"+hex.EncodeToString(s.ID[:4]), "staff.bind", map[string]any{"facility": s.Facility}); err != nil {
		return nil, err
	}
	return k.d.Staffs.Staff(ctx, s.ID)
}

// Unused disables an account that lay unused for too long; last is the login
// before this one. Fault: staff.suspended.
func (k *Desk) Unused(ctx context.Context, s *staff.Staff, last time.Time) error {
	if !s.Idle(last, k.d.Clock.Now()) {
		return nil
	}
	if err := k.suspend(ctx, "hub: idle", s.ID, "staff.idle", "unused for 45 days"); err != nil {
		return err
	}
	return ErrSuspended
}

// Comer is a citizen as the provider names them.
type Comer struct {
	Provider, Subject   string
	Number, Name, Birth string // Birth yyyy-mm-dd
}

// sweepPage is how many accounts are read at once.
const sweepPage = 200

// Sweep disables accounts that lay unused for too long, and ends their sessions:
// those that log in here, not those that a facility's system asserts. The hub
// calls it every hour.
func (k *Desk) Sweep(ctx context.Context) error {
	before := k.d.Clock.Now().Add(-staff.IdleTerm)
	for after := (care.Staff{}); ; {
		list, err := k.d.Logins.Quiet(ctx, before, after, sweepPage)
		if err != nil {
			return fmt.Errorf("roster: who is unused: %w", err)
		}
		for _, q := range list {
			after = q.Staff
			s, err := k.d.Staffs.Staff(ctx, q.Staff)
			if err != nil {
				return err
			}
			if !s.Suspended.IsZero() || len(s.Roles) == 0 {
				continue
			}
			if err := k.Unused(ctx, s, q.Last); err != nil && !errors.Is(err, ErrSuspended) && !errors.Is(err, store.ErrChanged) {
				return err
			}
		}
		if len(list) < sweepPage {
			return nil
		}
	}
}

// Citizen returns the person of a citizen, made now where the hub never heard of
// them, and keeps under which name the provider knows them. Faults: login.claims,
// login.person.
func (k *Desk) Citizen(ctx context.Context, c Comer) (store.PersonID, error) {
	number, err := care.ParseCitizenID(c.Number)
	name := care.NameKey(c.Name)
	if err != nil || name == "" {
		return store.PersonID{}, ErrClaims
	}
	birth, err := care.ParseMoment(strings.ReplaceAll(c.Birth, "-", ""))
	if err != nil || birth.Precision() < care.ByDay {
		return store.PersonID{}, ErrClaims
	}
	v := k.d.Vault
	claim := store.Claim{Key: v.Hash(vault.Citizen, []byte(number)), Name: v.Hash(vault.Name, []byte(name)), Birth: v.Hash("birth", []byte(fmt.Sprint(birth.Day())))}
	if _, err := rand.Read(claim.Person[:]); err != nil {
		return store.PersonID{}, err
	}
	person, _, err := k.d.Temporaries.Ensure(ctx, claim)
	if errors.Is(err, store.ErrAbsent) {
		return store.PersonID{}, ErrPerson
	}
	if err != nil {
		return store.PersonID{}, err
	}
	return person, k.KeepAddress(ctx, person, Address{Provider: c.Provider, Subject: c.Subject, Birth: birth.String()})
}

// Address is under which name a provider knows a person, and their birth.
type Address struct {
	Provider string `json:"provider"`
	Subject  string `json:"sub,omitempty"`
	Number   string `json:"number,omitempty"`
	Birth    string `json:"birth,omitempty"` // yyyymmdd, as the provider says
}

func addressName(p store.PersonID) string { return "address/" + hex.EncodeToString(p[:]) }

// KeepAddress keeps it, sealed. A birth that was told before stays.
func (k *Desk) KeepAddress(ctx context.Context, person store.PersonID, a Address) error {
	if k.d.Logins == nil {
		return nil
	}
	if a.Birth == "" {
		was, err := k.AddressOf(ctx, person)
		if err != nil && !errors.Is(err, store.ErrAbsent) {
			return err
		}
		a.Birth = was.Birth
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return err
	}
	sealed, err := k.d.Vault.SealSecret(addressName(person), plain)
	if err != nil {
		return err
	}
	return k.d.Logins.PutAddress(ctx, person, sealed)
}

// AddressOf returns it; store.ErrAbsent where nobody told.
func (k *Desk) AddressOf(ctx context.Context, person store.PersonID) (a Address, err error) {
	sealed, err := k.d.Logins.Address(ctx, person)
	if err != nil {
		return a, err
	}
	plain, err := k.d.Vault.OpenSecret(addressName(person), sealed)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(plain, &a)
}

// BirthOf returns when a person was born, as their provider said when they last
// logged in; not stated where they never did.
func (k *Desk) BirthOf(ctx context.Context, person store.PersonID) (care.Moment, error) {
	if k.d.Logins == nil {
		return care.Moment{}, nil
	}
	a, err := k.AddressOf(ctx, person)
	if errors.Is(err, store.ErrAbsent) || err == nil && a.Birth == "" {
		return care.Moment{}, nil
	}
	if err != nil {
		return care.Moment{}, err
	}
	return care.ParseMoment(a.Birth)
}

// sameLogin is within what time a new device of the same sort is the same login.
const sameLogin = 10 * time.Minute

// NewDevice tells a citizen of a login on a device not seen before (T13).
func (k *Desk) NewDevice(ctx context.Context, person store.PersonID, device string) error {
	detail, err := json.Marshal(map[string]string{"device": device})
	if err != nil {
		return err
	}
	now := k.d.Clock.Now()
	told, err := k.d.Notices.Notices(ctx, person, 20)
	if err != nil {
		return err
	}
	for i := range told { // one login may come back by several ways: it is told once
		if told[i].Kind == "login.device" && told[i].Detail == string(detail) && now.Sub(told[i].At) < sameLogin {
			return nil
		}
	}
	return k.d.Notices.PutNotice(ctx, matter.Notice{Person: person, At: now, Kind: "login.device", Detail: string(detail)})
}

// NewStaffDevice keeps in the log that somebody of the staff logged in on a device
// not seen before: they are no person of the health book, so no notice goes out.
// Their own page says it, and whoever reads the acts of the facility.
func (k *Desk) NewStaffDevice(ctx context.Context, id care.Staff, device string) error {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return orUnknown(err)
	}
	p, err := k.read(s)
	if err != nil {
		return err
	}
	return k.put(ctx, *s, p, "staff:"+hex.EncodeToString(id[:4]), "staff.device", map[string]any{"facility": s.Facility, "device": device})
}

// NewestDevice returns when somebody of the staff first logged in on the newest of
// their devices, and how many they have.
func (k *Desk) NewestDevice(ctx context.Context, id care.Staff) (time.Time, int, error) {
	return k.d.Logins.Newest(ctx, store.Owner{Staff: id})
}

// Roles returns the roles somebody may sit in now.
func (k *Desk) Roles(ctx context.Context, id care.Staff) ([]role.Role, error) {
	s, err := k.d.Staffs.Staff(ctx, id)
	if err != nil {
		return nil, orUnknown(err)
	}
	var out []role.Role
	for _, text := range s.Roles {
		r, err := role.Parse(text)
		if err != nil {
			return nil, err
		}
		if s.May(text) {
			out = append(out, r)
		}
	}
	return out, nil
}
