// Package assist serves people without VNeID or phone at a counter, in their
// presence: somebody of the facility scans their identity card, holds the photo
// against who stands there, and for half an hour may record for them what they
// sign on paper. The person is told, every act names who served and where, and
// there is a limit by the hour. What they say package choice keeps; nothing
// clinical is read here.
package assist

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// The limits of a counter.
const (
	Term     = 30 * time.Minute
	PerHour  = 30 // people by one member of staff
	MaxPaper = 2 << 20
)

var (
	// ErrNobody: nobody of that card is known here.
	ErrNobody = fault.New(fault.Absent, "counter.nobody",
		"Chưa có hồ sơ nào của người mang thẻ này.", "Nothing is known here of who holds this card.")
	// ErrMany: too many people in an hour.
	ErrMany = fault.New(fault.TooMany, "counter.many",
		"Quầy đã phục vụ đủ số người trong một giờ. Chờ rồi làm tiếp.", "This counter has served its number of people for an hour. Wait, then go on.")
	// ErrStaff: nobody known by name serves.
	ErrStaff = fault.New(fault.Withheld, "counter.staff",
		"Đăng nhập bằng tên mình để phục vụ tại quầy.", "Log in by your own name to serve at a counter.")
	// ErrPaper: too large.
	ErrPaper = fault.New(fault.TooLarge, "counter.paper_large", "Bản chụp quá 2 MB.", "The scan is larger than 2 MB.")
)

// Sealer seals words under a name.
type Sealer interface {
	Seal(ctx context.Context, name string, plain []byte) (sealed, wrapped []byte, err error)
}

// Deps is what a desk works with.
type Deps struct {
	People   store.People
	Openings store.Openings
	Matters  store.Matters
	Vault    *vault.Vault
	Sealer   Sealer
	Once     Once
	Phone    Phone // nil: nobody is sent a code
	Clock    clock.Clock
}

// Desk serves.
type Desk struct{ Deps }

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.People == nil || d.Openings == nil || d.Matters == nil || d.Vault == nil || d.Sealer == nil || d.Once == nil || d.Clock == nil {
		return nil, errors.New("assist: a part is missing")
	}
	return &Desk{d}, nil
}

// Clerk is who serves.
type Clerk struct {
	At    care.FacilityCode
	Staff care.Staff
	Mark  string
}

func (c Clerk) actor() string { return "counter:" + string(c.At) + " " + c.Mark }

// Begin keeps that the holder of a card stands here. Faults: counter.staff,
// counter.many, counter.nobody, care.id_card; a broken store.
func (d *Desk) Begin(ctx context.Context, c Clerk, card string) (consent.OpeningID, error) {
	var id consent.OpeningID
	if c.Staff == (care.Staff{}) || c.At == "" {
		return id, ErrStaff
	}
	read, err := care.ParseIDCard(card)
	if err != nil {
		return id, err
	}
	now := d.Clock.Now()
	counts, err := d.Openings.CountOpenings(ctx, c.At, c.Staff, now.Add(-time.Hour))
	if err != nil {
		return id, fmt.Errorf("assist: %w", err)
	}
	if counts[string(policy.Presence)] >= PerHour {
		return id, ErrMany
	}
	people, err := d.People.Find(ctx, d.Vault.HashAll(vault.Citizen, []byte(read.Number)))
	if err != nil {
		return id, fmt.Errorf("assist: %w", err)
	}
	if len(people) != 1 {
		return id, ErrNobody
	}
	if _, err := rand.Read(id[:]); err != nil {
		return id, fmt.Errorf("assist: %w", err)
	}
	o := consent.Opening{ID: id, Person: care.Person(people[0]), Facility: c.At, Basis: string(policy.Presence), Purpose: consent.Administrative,
		Staff: c.Staff, How: "counter", From: now, Until: now.Add(Term)}
	n := matter.Notice{Person: o.Person, At: now, Kind: "opening.counter", About: hex.EncodeToString(id[:]), Detail: detail(map[string]string{"facility": string(c.At)})}
	if err := d.Openings.Begin(ctx, o, n, nil, act(now, c, "counter.begin", id)); err != nil {
		return id, fmt.Errorf("assist: %w", err)
	}
	return id, nil
}

// Visit returns one that stands, of who began it; store.ErrAbsent otherwise.
func (d *Desk) Visit(ctx context.Context, c Clerk, id consent.OpeningID) (*consent.Opening, error) {
	o, err := d.Openings.Opening(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.Facility != c.At || o.Staff != c.Staff || o.How != "counter" || !o.Live(d.Clock.Now()) {
		return nil, store.ErrAbsent
	}
	return o, nil
}

// End ends it.
func (d *Desk) End(ctx context.Context, c Clerk, id consent.OpeningID) error {
	now := d.Clock.Now()
	return d.Openings.EndOpening(ctx, id, now, "counter", act(now, c, "counter.end", id))
}

// PaperKind is the kind of the matter that a signed paper is kept as: it is
// closed when it begins, and no request.
const PaperKind = "counter.paper"

// Paper keeps a signed paper as it was scanned, sealed, under a number of its own,
// and returns its SHA-256, which the say that rests on it carries.
func (d *Desk) Paper(ctx context.Context, c Clerk, person care.Person, kind string, data []byte) ([32]byte, error) {
	sum := sha256.Sum256(data)
	if len(data) > MaxPaper {
		return sum, ErrPaper
	}
	now := d.Clock.Now()
	number, err := d.Matters.NextMatter(ctx, now)
	if err != nil {
		return sum, fmt.Errorf("assist: %w", err)
	}
	m := matter.Matter{Number: number, Kind: PaperKind, Person: person, Facility: c.At, Version: 1, State: matter.Closed, Outcome: "kept", Owner: c.Mark, Opened: now, Acked: now, Due: now, Closed: now, Law: "law-91-2025-art-9"}
	if m.Sealed, m.Wrapped, err = d.Sealer.Seal(ctx, "matter/"+number, data); err != nil {
		return sum, fmt.Errorf("assist: %w", err)
	}
	a := store.Act{At: now, Actor: c.actor(), Action: "counter.paper", Object: number, Detail: detail(map[string]string{"sha256": hex.EncodeToString(sum[:]), "type": kind})}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	if err := d.Matters.PutMatter(ctx, m, nil, a); err != nil {
		return sum, fmt.Errorf("assist: %w", err)
	}
	return sum, nil
}

func act(now time.Time, c Clerk, action string, id consent.OpeningID) store.Act {
	a := store.Act{At: now, Actor: c.actor(), Action: action, Object: "opening:" + hex.EncodeToString(id[:]), Detail: "{}"}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	return a
}

func detail(v map[string]string) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}
