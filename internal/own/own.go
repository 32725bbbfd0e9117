// Package own keeps what a citizen states of themself for those who treat them:
// allergies, blood group, implants, whom to call. An entry is sealed like the words
// of a request (a matter of kind "own.entry", which nobody owes an answer to), each
// change keeps the one before, and it can be taken back. It is no record: nobody
// signed it, and wherever it is shown its source and day stand beside it. Who may
// read it package disclose decides; nothing else opens it.
package own

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// Kind is the kind of the matter an entry is kept as.
const Kind = matter.OwnEntry

// The notices of this package: to a person whose entry somebody else changed.
const (
	NoticeChanged   = "own.changed"
	NoticeWithdrawn = "own.withdrawn"
)

// MostADay is how often an entry may be changed in a day.
const MostADay = 20

var (
	// ErrChanged: somebody else changed it meanwhile.
	ErrChanged = fault.New(fault.Conflict, "own.changed", "Bản khai vừa được thay đổi ở nơi khác. Mở lại và xem trước khi lưu.", "The entry has just been changed elsewhere. Open it again before saving.")
	// ErrMany: too many changes in a day.
	ErrMany = fault.New(fault.TooMany, "own.many", "Bản khai đã thay đổi quá nhiều lần trong ngày. Mai hãy sửa tiếp.", "The entry was changed too often today. Go on tomorrow.")
	// ErrAbsent: there is none.
	ErrAbsent = fault.New(fault.Absent, "own.absent", "Chưa có bản khai nào.", "There is no entry.")
)

// Sealer seals and opens words under a name; that of requests does.
type Sealer interface {
	Seal(ctx context.Context, name string, plain []byte) (sealed, wrapped []byte, err error)
	Open(name string, sealed, wrapped []byte) ([]byte, error)
}

// Desk keeps entries.
type Desk struct {
	matters store.Matters
	sealer  Sealer
	clock   clock.Clock
}

// New returns a desk.
func New(m store.Matters, s Sealer, c clock.Clock) (*Desk, error) {
	if m == nil || s == nil || c == nil {
		return nil, errors.New("own: a part is missing")
	}
	return &Desk{m, s, c}, nil
}

// sealedName is under what name the words of a matter are sealed.
func sealedName(number string) string { return "matter/" + number }

// By is who writes, and how.
type By struct {
	Person    care.Person       // whose entry
	Other     bool              // somebody who acts for the person
	SteppedUp bool              // the person themself, who has proved again who they are
	Actor     string            // for the act
	Channel   string            // "portal", "counter_paper"
	Facility  care.FacilityCode // of the counter
	Proof     [32]byte          // of the signed paper
}

// kept is what is sealed.
type kept struct {
	Version  int               `json:"v"`
	At       time.Time         `json:"at"`
	Channel  string            `json:"channel"`
	Other    bool              `json:"other,omitempty"`
	Facility care.FacilityCode `json:"facility,omitempty"`
	Proof    string            `json:"proof,omitempty"` // SHA-256 of the paper
	Gone     bool              `json:"gone,omitempty"`
	Entry    Entry             `json:"entry,omitzero"`
}

// Put keeps a new version. The same again keeps none. Faults: own.empty,
// own.many, own.changed; a broken store or vault.
func (d *Desk) Put(ctx context.Context, by By, e Entry) error {
	if e.Empty() {
		return ErrEmpty
	}
	m, had, err := d.latest(ctx, by.Person)
	if err != nil {
		return err
	}
	if had != nil && !had.Gone {
		if !by.SteppedUp || by.Other || by.Channel != "portal" {
			e = carried(e, had.Entry)
		}
		if reflect.DeepEqual(e, had.Entry) {
			return nil
		}
	}
	return d.put(ctx, by, m, kept{Entry: e})
}

// Withdraw takes the entry back: nobody is shown it any more; what was stated
// before stays with the person, as its history. Faults: own.absent, own.changed.
func (d *Desk) Withdraw(ctx context.Context, by By) error {
	m, had, err := d.latest(ctx, by.Person)
	if err != nil {
		return err
	}
	if had == nil || had.Gone {
		return ErrAbsent
	}
	return d.put(ctx, by, m, kept{Gone: true})
}

// never is a day after all that is owed, so that an entry crowds out no matter
// that somebody waits for.
func never(now time.Time) time.Time { return now.AddDate(100, 0, 0) }

// put keeps the version after m; m nil: the first.
func (d *Desk) put(ctx context.Context, by By, m *matter.Matter, k kept) error {
	now := d.clock.Now().UTC().Truncate(time.Second)
	next := matter.Matter{Kind: Kind, Person: by.Person, Version: 1, Opened: now}
	if m != nil {
		if err := d.pace(ctx, m.Number, now); err != nil {
			return err
		}
		next = *m
		next.Version++
	} else {
		number, err := d.matters.NextMatter(ctx, now)
		if err != nil {
			return fmt.Errorf("own: %w", err)
		}
		next.Number = number
	}
	next.State, next.Outcome, next.Acked, next.Closed, next.Due = matter.Closed, "kept", now, now, never(now)
	k.Version, k.At, k.Channel, k.Other, k.Facility = next.Version, now, by.Channel, by.Other, by.Facility
	if by.Proof != [32]byte{} {
		k.Proof = hex.EncodeToString(by.Proof[:])
	}
	plain, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("own: %w", err)
	}
	if next.Sealed, next.Wrapped, err = d.sealer.Seal(ctx, sealedName(next.Number), plain); err != nil {
		return fmt.Errorf("own: %w", err)
	}
	action, notice := "own.put", NoticeChanged
	if k.Gone {
		action, notice = "own.withdraw", NoticeWithdrawn
	}
	a := store.Act{At: now, Actor: by.Actor, Action: action, Object: next.Number, Detail: `{"version":` + strconv.Itoa(next.Version) + `,"channel":` + strconv.Quote(by.Channel) + `}`}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	err = d.matters.PutMatter(ctx, next, told(by, notice, now), a)
	if errors.Is(err, store.ErrChanged) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("own: %w", err)
	}
	return nil
}

// told is the notice to a person whose entry somebody else wrote.
func told(by By, kind string, now time.Time) *matter.Notice {
	if !by.Other && by.Facility == "" {
		return nil
	}
	return &matter.Notice{Person: by.Person, At: now, Kind: kind, Detail: `{"facility":` + strconv.Quote(string(by.Facility)) + `}`}
}

// pace refuses who changes an entry all the time.
func (d *Desk) pace(ctx context.Context, number string, now time.Time) error {
	all, err := d.matters.MatterHistory(ctx, number)
	if err != nil {
		return fmt.Errorf("own: %w", err)
	}
	n := 0
	for i := range all {
		if now.Sub(all[i].Closed) < 24*time.Hour {
			n++
		}
	}
	if n >= MostADay {
		return ErrMany
	}
	return nil
}

// of are a person's matters of entries, the last changed first: one, or two where
// two first ones were made at one moment.
func (d *Desk) of(ctx context.Context, person care.Person) ([]matter.Matter, error) {
	if person == (care.Person{}) {
		return nil, nil
	}
	list, err := d.matters.Matters(ctx, matter.Filter{Person: person, Kind: Kind, Limit: 20})
	if err != nil {
		return nil, fmt.Errorf("own: %w", err)
	}
	slices.SortStableFunc(list, func(a, b matter.Matter) int { return b.Closed.Compare(a.Closed) })
	return list, nil
}

func (d *Desk) latest(ctx context.Context, person care.Person) (*matter.Matter, *kept, error) {
	list, err := d.of(ctx, person)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	k, err := d.open(&list[0]) // nil: its words were destroyed
	return &list[0], k, err
}

// open opens a version; nil where its words were destroyed with the last record of
// the person.
func (d *Desk) open(m *matter.Matter) (*kept, error) {
	if len(m.Sealed) == 0 && len(m.Wrapped) == 0 {
		return nil, nil
	}
	plain, err := d.sealer.Open(sealedName(m.Number), m.Sealed, m.Wrapped)
	if err != nil {
		return nil, fmt.Errorf("own: opening %s: %w", m.Number, err)
	}
	var k kept
	if err := json.Unmarshal(plain, &k); err != nil {
		return nil, fmt.Errorf("own: reading %s: %w", m.Number, err)
	}
	return &k, nil
}

// Statements returns at most limit of what a person stated, the newest first; 1 is
// what holds now. It is for package disclose alone, which decides who may read.
func (d *Desk) Statements(ctx context.Context, person store.PersonID, limit int) ([]kind.Statement, error) {
	list, err := d.of(ctx, care.Person(person))
	if err != nil {
		return nil, err
	}
	if limit > 1 && len(list) > 0 {
		var all []matter.Matter
		for i := range list {
			versions, err := d.matters.MatterHistory(ctx, list[i].Number)
			if err != nil {
				return nil, fmt.Errorf("own: %w", err)
			}
			all = append(all, versions...)
		}
		list = all
		slices.SortStableFunc(list, func(a, b matter.Matter) int {
			if c := b.Closed.Compare(a.Closed); c != 0 || a.Number != b.Number {
				return c
			}
			return b.Version - a.Version
		})
	}
	var out []kind.Statement
	for i := range list[:min(max(limit, 1), len(list))] {
		k, err := d.open(&list[i])
		if err != nil {
			return nil, err
		}
		if k == nil {
			continue
		}
		s := kind.Statement{At: k.At, Gone: k.Gone, Channel: k.Channel, Other: k.Other, Facility: k.Facility, Kind: chart.Own}
		s.View.Title = chart.OwnTitle()
		if !k.Gone {
			s.Read = readOf(&k.Entry, k.At)
		}
		out = append(out, s)
	}
	return out, nil
}

// readOf is an entry in the form of a dossier.
func readOf(e *Entry, at time.Time) kind.Dossier {
	content, spec := chart.OwnContent(e.rows(at)...)
	return kind.Dossier{Content: content, Spec: spec}
}
