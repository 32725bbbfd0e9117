// Package choice carries what citizens say about their records: consents and
// denials, answers to facilities that ask, what is taken back, and who may act for
// whom. Each say is kept with its history, an act in the log, and a signed receipt
// that the citizen keeps; time moves it on (Tick).
//
// Which step may follow which, and what a say covers, package consent says. It
// decides about no reading and opens nothing: package disclose does, on what was
// said here.
package choice

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

var (
	// ErrStepUp: what opens more is said only by who proved again who they are.
	ErrStepUp = fault.New(fault.Withheld, "choice.step_up",
		"Việc này mở thêm quyền xem. Xác thực lại rồi làm tiếp.",
		"This opens more. Prove again who you are, then go on.")
	// ErrForm: the form was sent before, with something else in it.
	ErrForm = fault.New(fault.Conflict, "choice.form_used",
		"Biểu mẫu này đã gửi với nội dung khác. Mở lại trang rồi làm tiếp.",
		"This form was sent before with something else in it. Open the page again.")
	// ErrAbsent: no such say or delegation, or not one of this person.
	ErrAbsent = fault.New(fault.Absent, "choice.absent",
		"Không có lựa chọn này.", "There is no such choice.")
	// ErrLapsed: the request was not answered in time.
	ErrLapsed = fault.New(fault.Conflict, "choice.lapsed",
		"Yêu cầu này đã hết hạn trả lời. Cơ sở có thể hỏi lại.",
		"The time to answer this request is over. The facility may ask again.")
	// ErrAsking: too many requests of one facility wait at one person.
	ErrAsking = fault.New(fault.TooMany, "choice.asking",
		"Cơ sở đã hỏi người này nhiều lần và chưa có trả lời. Chờ trả lời rồi hỏi tiếp.",
		"The facility asked this person several times already. Wait for an answer.")
)

// Lately is how long a second factor counts as given.
const Lately = 15 * time.Minute

// ahead is how far a clock elsewhere may be before ours.
const ahead = time.Minute

// Signer signs receipts; *ledger.ReceiptKey is one.
type Signer interface {
	Kid() string
	Sign(body []byte) ([]byte, error)
}

// Births tells when somebody was born; false where that is not known.
type Births interface {
	Birth(ctx context.Context, person care.Person) (time.Time, bool, error)
}

// Deps is what a desk works with.
type Deps struct {
	Consents store.Consents
	Notices  store.Notices
	Key      Signer
	Known    consent.Known
	Births   Births                         // nil: nobody's is known
	Pusher   Pusher                         // nil: nobody is asked on their phone
	Named    func(care.FacilityCode) string // the name of a facility in questions; nil: as Request.Name says
	Clock    clock.Clock
}

// Desk keeps what is said.
type Desk struct {
	Deps
	hub     string
	pushing sync.Mutex
	pushed  map[consent.ID]question // on phones; what is not here is asked again, which finds the same question
}

// New returns a desk of a hub of a name.
func New(d Deps, hub string) (*Desk, error) {
	if d.Consents == nil || d.Notices == nil || d.Key == nil || d.Clock == nil || d.Known.Facility == nil || d.Known.Kind == nil || hub == "" {
		return nil, errors.New("choice: a part is missing")
	}
	return &Desk{Deps: d, hub: hub, pushed: map[consent.ID]question{}}, nil
}

// Speaker is who says something, for whom, and how they showed it.
type Speaker struct {
	Person    care.Person       // whose records
	By        care.Person       // who speaks; zero: the person themself
	Signer    consent.Signer    // consent.Both where a child agreed here too, with the paper both signed; "": as their delegation says
	Channel   string            // "portal", "vneid", "counter_otp", "counter_paper"
	Proof     [32]byte          // SHA-256 of the scanned paper, or of the signed answer
	SteppedUp time.Time         // when they last proved who they are: second factor, code to the phone, chip
	Staff     care.Staff        // who serves them at a counter
	At        care.FacilityCode // the counter's facility
	Actor     string            // for the act: a session's or client's mark, never a person's number
	Form      string            // random, one for each form shown: sent twice it says one thing. "": none
}

// Said returns what a person said and was asked, newest first, at most 1,000.
func (d *Desk) Said(ctx context.Context, person care.Person) ([]consent.Consent, error) {
	list, err := d.Consents.Consents(ctx, person, 1000)
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	return list, nil
}

// of finds a say of a person. What is another's is absent.
func (d *Desk) of(ctx context.Context, person care.Person, id consent.ID) (*consent.Consent, error) {
	c, err := d.Consents.Consent(ctx, id)
	switch {
	case errors.Is(err, store.ErrAbsent), err == nil && (person == care.Person{} || c.Person != person):
		return nil, ErrAbsent
	case err != nil:
		return nil, fmt.Errorf("choice: %w", err)
	}
	return c, nil
}

// age is somebody's in full years; -1 where it is not known.
func (d *Desk) age(ctx context.Context, person care.Person) (int, error) {
	if d.Births == nil {
		return -1, nil
	}
	born, ok, err := d.Births.Birth(ctx, person)
	if err != nil || !ok {
		return -1, err
	}
	now := d.Clock.Now().In(clock.Hanoi)
	born = born.In(clock.Hanoi)
	years := now.Year() - born.Year()
	if now.Before(born.AddDate(years, 0, 0)) {
		years--
	}
	return years, nil
}

// signed checks who speaks, and that they proved it where more is opened.
func (d *Desk) signed(ctx context.Context, s *Speaker, c *consent.Consent, opens bool) error {
	now := d.Clock.Now()
	c.By, c.Signer = s.By, s.Signer
	if c.By == c.Person {
		c.By = care.Person{}
	}
	of, _, err := d.Consents.Delegations(ctx, s.Person)
	if err != nil {
		return fmt.Errorf("choice: who may act: %w", err)
	}
	age, err := d.age(ctx, s.Person)
	if err != nil {
		return fmt.Errorf("choice: an age: %w", err)
	}
	if c.Signer == "" {
		c.Signer = signerOf(c, of, now)
	}
	if err := consent.Signed(c, opens, age, of, now); err != nil {
		return err
	}
	if c.Signer == consent.Both && s.Proof == [32]byte{} {
		return consent.ErrProof
	}
	if opens && !s.lately(now) {
		return ErrStepUp
	}
	return nil
}

// signerOf is how somebody speaks where they do not say.
func signerOf(c *consent.Consent, of []consent.Delegation, now time.Time) consent.Signer {
	if c.By == (care.Person{}) {
		return consent.Self
	}
	g := consent.MayAct(of, c.Person, c.By, now)
	switch {
	case g == nil || g.Kind == consent.ProxyDelegation:
		return consent.Proxy
	default:
		return consent.Guardian
	}
}

// lately reports whether the speaker proved who they are, just now. A signed paper
// that a member of staff took at a counter shows it as well.
func (s *Speaker) lately(now time.Time) bool {
	if s.Channel == "counter_paper" && s.Proof != [32]byte{} && s.Staff != (care.Staff{}) {
		return true
	}
	return !s.SteppedUp.IsZero() && now.Sub(s.SteppedUp) <= Lately && s.SteppedUp.Sub(now) <= ahead
}

// put keeps the next version of a say, with its receipt and its act.
func (d *Desk) put(ctx context.Context, c *consent.Consent, actor, action string, notice *matter.Notice) error {
	receipt, err := d.receipt(c)
	if err != nil {
		return err
	}
	c.Receipt = receipt
	sum := sha256.Sum256(receipt)
	detail, err := json.Marshal(map[string]any{"effect": c.Effect, "state": c.State, "version": c.Version, "channel": c.Channel, "receipt": hex.EncodeToString(sum[:])})
	if err != nil {
		return fmt.Errorf("choice: %w", err)
	}
	act := d.act(actor, action, "consent:"+hex.EncodeToString(c.ID[:]), string(detail))
	if err := d.Consents.PutConsent(ctx, *c, notice, act); err != nil {
		return fmt.Errorf("choice: keeping a say: %w", err)
	}
	return nil
}

func (d *Desk) act(actor, action, object, detail string) store.Act {
	a := store.Act{At: d.Clock.Now(), Actor: actor, Action: action, Object: object, Detail: detail}
	a.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, a.Statement())
	return a
}

// idOf names what a form makes: the same form of the same person names the same.
func idOf(what string, person care.Person, form string) (id [16]byte, err error) {
	if form == "" {
		_, err = rand.Read(id[:])
		return id, err
	}
	sum := sha256.New()
	sum.Write([]byte("lienthong/choice/" + what + "/"))
	sum.Write(person[:])
	sum.Write([]byte(form))
	copy(id[:], sum.Sum(nil))
	return id, nil
}
