// Package enrol lets a facility's agent in: it makes the codes of invites,
// takes them back from agents with the key each made itself, and holds off who
// tries codes. Invites are made and applicants approved in package admin;
// access tokens are package token's.
package enrol

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/ledger/jcs"
	"lienthong/internal/store"
)

var (
	// ErrInvite: one answer for every reason: unknown, mistyped, used, expired.
	ErrInvite = fault.New(fault.Invalid, "invite.invalid",
		"Mã mời không dùng được: sai, đã dùng hoặc đã hết hạn. Xin mã mới từ nơi vận hành hub.",
		"This invite cannot be used: it is wrong, was used or has expired. Ask the hub's operator for a new one.")
	// ErrKey: what is to be enrolled is not a P-256 key.
	ErrKey = fault.New(fault.Invalid, "invite.key",
		"Khóa công khai phải là ECDSA P-256, dạng SPKI DER viết bằng base64.", "The public key must be ECDSA P-256, SPKI DER in base64.")
	// ErrLocked: too many wrong codes came from there.
	ErrLocked = fault.New(fault.TooMany, "invite.locked",
		"Nhập sai mã mời quá nhiều lần. Thử lại sau.", "Too many wrong invites were tried. Try again later.")
	// ErrRequest: the request is not of its form.
	ErrRequest = fault.New(fault.Invalid, "enrolment.request",
		`Yêu cầu phải là JSON {"invite","public_key","software"}.`, `The request must be JSON {"invite","public_key","software"}.`)
)

// The states of what enrolled.
const (
	Active  = "active"
	Waiting = "waiting" // a second person has to approve
)

// Request is what an agent says.
type Request struct {
	Invite    string
	PublicKey []byte // SPKI, DER
	Software  string // name/version, at most 100 characters
}

// maxSoftware bounds what an agent says of itself, in characters.
const maxSoftware = 100

// ParseRequest reads {"invite","public_key","software"}, strictly: each member
// once, nothing else; software may be empty. Faults: enrolment.request, invite.key.
func ParseRequest(b []byte) (Request, error) {
	var q Request
	v, err := jcs.Parse(b)
	if err != nil {
		return q, ErrRequest.Because(err)
	}
	m := jcs.Object(v)
	q.Invite = m.Text("invite")
	key := m.Text("public_key")
	q.Software = m.Text("software")
	if err := m.Close(); err != nil {
		return q, ErrRequest.Because(err)
	}
	if len(q.Software) > 4*maxSoftware || len([]rune(q.Software)) > maxSoftware || strings.ContainsFunc(q.Software, unicode.IsControl) {
		return q, ErrRequest.Because(errors.New("software"))
	}
	if q.PublicKey, err = jcs.Base64(key); err != nil {
		return q, ErrKey.Because(err)
	}
	return q, CheckKey(q.PublicKey)
}

// CheckKey tells whether a key may enrol. Fault: invite.key.
func CheckKey(spki []byte) error {
	pub, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return ErrKey.Because(err)
	}
	if k, ok := pub.(*ecdsa.PublicKey); !ok || k.Curve != elliptic.P256() {
		return ErrKey
	}
	return nil
}

// Enrolled is what became of a request.
type Enrolled struct {
	Client   string
	KeyID    string
	Facility care.FacilityCode
	State    string // Active, Waiting
}

// Deps is what a Desk works with.
type Deps struct {
	Store   store.Enrolments
	Refresh func(context.Context) error // makes a new client known to this process
	Clock   clock.Clock
	Random  io.Reader
}

// Desk takes invites.
type Desk struct {
	Deps
	guard guard
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Store == nil || d.Refresh == nil || d.Clock == nil || d.Random == nil {
		return nil, errors.New("enrol: a part is missing")
	}
	return &Desk{Deps: d}, nil
}

// Redeem enrols the key of an agent that asks from a network address. The same
// request again gets the same answer. Faults: invite.invalid, invite.key,
// invite.locked.
func (d *Desk) Redeem(ctx context.Context, address string, q Request) (Enrolled, error) {
	from := network(address)
	if d.guard.shut(from, d.Clock.Now()) > 0 {
		return Enrolled{}, ErrLocked
	}
	if err := CheckKey(q.PublicKey); err != nil {
		return Enrolled{}, err
	}
	e, err := d.redeem(ctx, q)
	switch {
	case errors.Is(err, ErrInvite):
		d.guard.wrong(from, d.Clock.Now())
		return Enrolled{}, ErrInvite
	case err != nil:
		return Enrolled{}, err
	}
	d.guard.right(from)
	if e.State == Active {
		err = d.Refresh(ctx)
	}
	return e, err
}

// RetryAfter tells how long an address is not heard.
func (d *Desk) RetryAfter(address string) time.Duration {
	return d.guard.shut(network(address), d.Clock.Now())
}

func (d *Desk) redeem(ctx context.Context, q Request) (Enrolled, error) {
	code, err := ParseCode(q.Invite)
	if err != nil {
		return Enrolled{}, err
	}
	hash := code.Hash()
	i, err := d.Store.Invite(ctx, hash)
	if err != nil {
		return Enrolled{}, orInvalid(err)
	}
	second, err := d.Store.Second(ctx)
	if err != nil {
		return Enrolled{}, err
	}
	a, act, err := d.applicant(i, q, !second)
	if err != nil {
		return Enrolled{}, err
	}
	if i, err = d.Store.Redeem(ctx, hash, a, !second, act); err != nil {
		return Enrolled{}, orInvalid(err)
	}
	e := Enrolled{Client: i.Client, KeyID: a.KeyID, Facility: i.Facility, State: Active}
	if i.Waiting {
		e.State = Waiting
	}
	return e, nil
}

func orInvalid(err error) error {
	if fault.KindOf(err) == fault.Absent {
		return ErrInvite.Because(err)
	}
	return err
}

// applicant makes the client to be, and the act that is kept with it. Only an
// act that puts it into the directory vouches for its row there.
func (d *Desk) applicant(i store.Invite, q Request, approved bool) (store.Applicant, store.Act, error) {
	var b [6]byte
	if _, err := io.ReadFull(d.Random, b[:]); err != nil {
		return store.Applicant{}, store.Act{}, fmt.Errorf("enrol: %w", err)
	}
	now := d.Clock.Now()
	a := store.Applicant{Client: facility.Client{ID: string(i.Facility) + "-" + hex.EncodeToString(b[:]), Facility: i.Facility,
		KeyID: ledger.KeyID(q.PublicKey), PublicKey: q.PublicKey, Since: now}, By: i.By, Software: q.Software}
	detail := map[string]any{"client": a.ID, "kid": a.KeyID, "invite": Mark(i.Hash), "approved": approved}
	if approved {
		detail["marks"] = (&store.DirectoryChange{Clients: []facility.Client{a.Client}}).Marks(now)
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return a, store.Act{}, fmt.Errorf("enrol: %w", err)
	}
	act := store.Act{At: now, Actor: "invite:" + Mark(i.Hash), Action: "facility.enrol", Object: string(i.Facility), Detail: string(text)}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	return a, act, nil
}

// Mark names an invite in acts and lists: the beginning of its hash.
func Mark(hash [32]byte) string { return hex.EncodeToString(hash[:6]) }
