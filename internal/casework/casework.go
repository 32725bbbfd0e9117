// Package casework carries what citizens ask for: to see, correct, restrict or
// erase their records, to object, and looks they do not recognise. Each is a
// matter with a number, a day by which somebody answers, and every step kept;
// what was written is sealed. A correction is closed by the facility's new
// version, with the list of those who saw the wrong one.
//
// Which step may follow which, and the days, package matter says. It opens no
// record and decides about no access.
package casework

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/slip"
	"lienthong/internal/store"
)

// The limits of what one request holds.
const (
	MostText    = 2000 // characters of what somebody wrote
	MostRecords = 50
	mostOpen    = 100 // open requests of one person
)

var (
	// ErrKind: nobody asks for such a thing here.
	ErrKind = fault.New(fault.Invalid, "request.kind", "Chọn bạn muốn yêu cầu việc gì.", "Choose what you ask for.")
	// ErrText: a request without words, or with too many.
	ErrText = fault.New(fault.Invalid, "request.text",
		"Viết yêu cầu bằng vài câu, nhiều nhất 2.000 ký tự.", "Write what you ask for in a few sentences, at most 2,000 characters.")
	// ErrSubject: a record or look that is not this person's.
	ErrSubject = fault.New(fault.Absent, "request.subject", "Không có hồ sơ hay lượt xem này trong sổ của bạn.", "There is no such record or look in your book.")
	// ErrStep: the step does not follow the state, or somebody was faster.
	ErrStep = fault.New(fault.Conflict, "request.step",
		"Yêu cầu đã sang bước khác. Tải lại trang rồi xem lại.", "The request has moved on. Load the page again and look.")
	// ErrMany: too many requests of one person are open.
	ErrMany = fault.New(fault.TooMany, "request.many",
		"Bạn đang có 100 yêu cầu chưa xong. Chờ trả lời rồi gửi tiếp.", "You have 100 requests open. Wait for answers before you send more.")
	// ErrTwice: the form was sent before, and its request is being opened.
	ErrTwice = fault.New(fault.Conflict, "request.twice",
		"Biểu mẫu này đã gửi rồi. Xem trong danh sách yêu cầu.", "This form was sent before. See the list of requests.")
)

// Sealer seals words under a name and opens them.
type Sealer interface {
	Seal(ctx context.Context, name string, plain []byte) (sealed, wrapped []byte, err error)
	Open(name string, sealed, wrapped []byte) ([]byte, error)
}

// Once remembers a token and reports whether it was new; store.Access has it.
type Once interface {
	Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
}

// Deps is what a desk works with.
type Deps struct {
	Matters store.Matters
	Records store.Records
	Looks   store.Disclosures
	Once    Once
	Sealer  Sealer
	Clock   clock.Clock
}

// Desk opens and carries matters.
type Desk struct {
	Deps
	opening sync.Mutex // a form sent twice in one breath is one request
}

// New returns a desk.
func New(d Deps) (*Desk, error) {
	if d.Matters == nil || d.Records == nil || d.Looks == nil || d.Once == nil || d.Sealer == nil || d.Clock == nil {
		return nil, errors.New("casework: a part is missing")
	}
	return &Desk{Deps: d}, nil
}

// Ask is a request as somebody makes it.
type Ask struct {
	Person   care.Person
	By       care.Person // who asks for them; zero: themselves
	Kind     string
	Facility care.FacilityCode // that answers; "": the hub's officer
	Records  []dossier.ID
	Looks    []int64
	Opening  [16]byte
	Text     string
	Channel  string // "portal", "counter"
	Actor    string // for the act: session or staff, never a person's number
	Form     string // random, one for each form shown
}

// Open opens a matter, or returns the one that the same form or the same words
// of the same day opened. Faults: request.kind, request.text, request.subject,
// request.many, request.twice; a broken store or vault.
func (d *Desk) Open(ctx context.Context, a Ask) (*matter.Matter, error) {
	a.Text = strings.TrimSpace(a.Text)
	term, ok := matter.TermOf(a.Kind)
	switch {
	case !ok || a.Kind != matter.LookUnrecognised && !matter.IsRequest(a.Kind):
		return nil, ErrKind
	case !utf8.ValidString(a.Text) || utf8.RuneCountInString(a.Text) > MostText || a.Text == "" && a.Kind != matter.LookUnrecognised:
		return nil, ErrText
	case len(a.Records) > MostRecords || len(a.Looks) > MostRecords || a.Kind == matter.LookUnrecognised && len(a.Looks) == 0:
		return nil, ErrSubject
	}
	if err := d.owns(ctx, &a); err != nil {
		return nil, err
	}
	d.opening.Lock()
	defer d.opening.Unlock()
	now := d.Clock.Now()
	if m, err := d.same(ctx, &a, now); m != nil || err != nil {
		return m, err
	}
	if a.Form != "" {
		fresh, err := d.Once.Once(ctx, "form", a.Form, now.Add(24*time.Hour))
		if err != nil {
			return nil, fmt.Errorf("casework: %w", err)
		}
		if !fresh {
			return nil, ErrTwice
		}
	}
	number, err := d.Matters.NextMatter(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("casework: a number: %w", err)
	}
	m := matter.Matter{Number: number, Kind: a.Kind, Person: a.Person, Facility: a.Facility, Opening: a.Opening,
		Records: names(a.Records), Looks: a.Looks, Version: 1, State: matter.Open, Opened: now, Due: term.Due(now, slip.Works), Law: term.Source}
	w := Words{Asked: a.Text, Channel: a.Channel, ByOther: a.By != (care.Person{}) && a.By != a.Person}
	return &m, d.put(ctx, &m, w, a.Actor, "matter.open", "matter.opened")
}

// owns holds what the request names against whose it is, and fills in the facility.
func (d *Desk) owns(ctx context.Context, a *Ask) error {
	for _, id := range a.Records {
		r, err := d.Records.Get(ctx, all, id)
		if errors.Is(err, store.ErrAbsent) || err == nil && r.Person != a.Person {
			return ErrSubject
		}
		if err != nil {
			return fmt.Errorf("casework: %w", err)
		}
		if a.Facility == "" {
			a.Facility = r.ID.Facility
		}
		if a.Facility != r.ID.Facility {
			return ErrSubject // one officer answers: another facility's is another request
		}
	}
	for _, id := range a.Looks {
		list, _, err := d.Looks.OfPerson(ctx, a.Person, store.DisclosureFilter{Before: id + 1, Limit: 1})
		if err != nil {
			return fmt.Errorf("casework: %w", err)
		}
		if len(list) == 0 || list[0].ID != id {
			return ErrSubject
		}
		if at := readerAt(&list[0]); a.Facility == "" {
			a.Facility = at
		}
		a.Opening = list[0].Opening
	}
	return nil
}

// same finds an open matter with the same words about the same things, of the last day.
func (d *Desk) same(ctx context.Context, a *Ask, now time.Time) (*matter.Matter, error) {
	list, err := d.Matters.Matters(ctx, matter.Filter{Person: a.Person, Open: true, Limit: mostOpen})
	if err != nil {
		return nil, fmt.Errorf("casework: %w", err)
	}
	for i := range list {
		m := &list[i]
		if m.Kind != a.Kind || m.Facility != a.Facility || !slices.Equal(m.Records, names(a.Records)) || !slices.Equal(m.Looks, a.Looks) || now.Sub(m.Opened) > 24*time.Hour {
			continue
		}
		w, err := d.Words(m)
		if err != nil {
			return nil, err
		}
		if w.Asked == a.Text {
			return m, nil
		}
	}
	if len(list) >= mostOpen {
		return nil, ErrMany
	}
	return nil, nil
}

// Words are what was written in a matter.
type Words struct {
	Asked   string `json:"asked"`
	Channel string `json:"channel,omitempty"`
	ByOther bool   `json:"by_other,omitempty"` // somebody who acts for the person asked
	Steps   []Step `json:"steps,omitempty"`
}

// Step is one answer on the way.
type Step struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // the state it led to, or "prolonged"
	Text string    `json:"text,omitempty"`
}

// Words opens what was written.
func (d *Desk) Words(m *matter.Matter) (Words, error) {
	var w Words
	if len(m.Sealed) == 0 {
		return w, nil // opened by the hub itself, without words
	}
	plain, err := d.Sealer.Open(SealedName(m.Number), m.Sealed, m.Wrapped)
	if err != nil {
		return w, fmt.Errorf("casework: opening %s: %w", m.Number, err)
	}
	if err := json.Unmarshal(plain, &w); err != nil {
		return w, fmt.Errorf("casework: reading %s: %w", m.Number, err)
	}
	return w, nil
}

func (d *Desk) put(ctx context.Context, m *matter.Matter, w Words, actor, action, notice string) error {
	plain, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("casework: %w", err)
	}
	if m.Sealed, m.Wrapped, err = d.Sealer.Seal(ctx, SealedName(m.Number), plain); err != nil {
		return fmt.Errorf("casework: sealing: %w", err)
	}
	now := d.Clock.Now()
	act := store.Act{At: now, Actor: actor, Action: action, Object: m.Number, Detail: detail(map[string]any{"kind": m.Kind, "state": m.State, "version": m.Version})}
	act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
	var n *matter.Notice
	if m.Person != (care.Person{}) {
		n = &matter.Notice{Person: m.Person, At: now, Kind: notice, About: hex.EncodeToString([]byte(m.Number)),
			Detail: detail(map[string]any{"number": m.Number, "kind": m.Kind, "facility": m.Facility, "due": m.Due.UTC().Format(time.RFC3339), "outcome": m.Outcome})}
	}
	if err := d.Matters.PutMatter(ctx, *m, n, act); err != nil {
		if errors.Is(err, store.ErrChanged) {
			return ErrStep
		}
		return fmt.Errorf("casework: %w", err)
	}
	return nil
}

func detail(v map[string]any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return string(b)
}

// SealedName is what the words of a matter are sealed under.
func SealedName(number string) string { return "matter/" + number }

func names(ids []dossier.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}
