// Package reading is how a clinician at a facility comes to read what others wrote
// of a person: the person is looked up, somebody else than the facility makes a
// basis (the person who is there and proves it, another facility's referral, a
// consent asked now), and an opening begins that the person is told of.
//
// A look-up says nothing: whether the hub knows the person, and whether others
// wrote of them, is answered alike. What an opening shows, package disclose
// decides at every look; emergencies are package urgent's.
package reading

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/matter"
	"lienthong/internal/policy"
	"lienthong/internal/slip"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Terms of openings (issue 5 part 4).
const (
	Stay      = 30 * 24 * time.Hour // a presence at the latest
	AfterStay = 24 * time.Hour      // and after discharge
	CodeLife  = 10 * time.Minute
	CodeTries = 3
	NonceLife = 60 * time.Second
)

// The ways a basis was proved (consent.Opening.How).
const (
	ByQR       = "vneid_qr"
	ByChip     = "chip"
	ByCode     = "phone_code"
	BySlip     = "referral"
	ByAgreeing = "consent"
)

var (
	// ErrNobody (reading.no_records): presence was proved by somebody of whom nothing is here.
	ErrNobody = fault.New(fault.Conflict, "reading.no_records",
		"Người bệnh đã chứng minh có mặt. Hệ thống chưa có hồ sơ nào của người này.",
		"The person has proved to be present. The hub has no record of them yet.")
	// ErrProof (reading.proof): what was shown proves nothing here.
	ErrProof = fault.New(fault.Withheld, "reading.proof",
		"Mã chứng minh có mặt không đúng, đã dùng, hoặc đã hết hạn. Lập mã mới và quét lại.",
		"The proof of presence is wrong, was used, or has expired. Make a new code and scan again.")
	// ErrOther (reading.other_person): somebody else proved to be present.
	ErrOther = fault.New(fault.Withheld, "reading.other_person",
		"Người vừa chứng minh có mặt không phải người bệnh đang tra cứu.",
		"Who proved to be present is not the person looked up.")
	// ErrCode (reading.code): wrong code; tries are limited.
	ErrCode = fault.New(fault.Withheld, "reading.code",
		"Mã 6 chữ số không đúng hoặc đã hết hạn.", "The six-digit code is wrong or has expired.")
	// ErrTries (reading.code_tries): no try is left.
	ErrTries = fault.New(fault.TooMany, "reading.code_tries",
		"Đã nhập sai mã 3 lần. Gửi mã mới.", "The code was wrong three times. Send a new one.")
	// ErrCodes (reading.codes): too many codes were sent to one person, or by one clinician.
	ErrCodes = fault.New(fault.TooMany, "reading.codes",
		"Đã gửi quá nhiều mã trong một giờ. Dùng cách khác, hoặc thử lại sau.",
		"Too many codes were sent within an hour. Use another way, or try again later.")
	// ErrNoReferral (reading.no_referral): no slip of another facility names this one and holds.
	ErrNoReferral = fault.New(fault.Withheld, "reading.no_referral",
		"Không có giấy chuyển tuyến còn hạn gửi đến cơ sở này.", "No referral that still holds is addressed to this facility.")
	// ErrWay (reading.way): this way of proof is not set up at this hub.
	ErrWay = fault.New(fault.Withheld, "reading.way",
		"Cách này chưa được thiết lập ở hệ thống. Dùng cách khác.", "This way is not set up at this hub. Use another one.")
	// ErrPatient (reading.patient): the page of the look-up is too old, or another's.
	ErrPatient = fault.New(fault.Conflict, "reading.patient",
		"Lượt tra cứu này đã quá 30 phút hoặc của người khác. Tra cứu lại.",
		"This look-up is older than 30 minutes or somebody else's. Look the person up again.")
	// ErrQuery (reading.query): what was typed is no number that people are looked up by.
	ErrQuery = fault.New(fault.Invalid, "reading.query",
		"Nhập số định danh cá nhân, số thẻ BHYT, mã người bệnh của cơ sở, hoặc mã phiếu.",
		"Type a citizen number, an insurance number, your own patient code, or the number of a slip.")
	// ErrTooMany (reading.too_many): a clinician looked up too many people within an hour.
	ErrTooMany = fault.New(fault.TooMany, "reading.too_many",
		"Đã tra cứu quá nhiều người bệnh trong một giờ. Thử lại sau; cấp cứu không bị giới hạn này.",
		"Too many people were looked up within an hour. Try again later; emergencies are not limited by this.")
)

// Who asks: a named clinician at a facility.
type Who struct {
	Facility care.FacilityCode
	Staff    care.Staff
}

// Referral is a slip by which another facility sent a person somewhere.
type Referral struct {
	Record   string // dossier.ID
	Validity slip.Validity
}

// Facts are what the hub itself reads to find a basis; package disclose has them.
type Facts interface {
	// Referred returns a person's referrals that others addressed to a facility.
	Referred(ctx context.Context, person store.PersonID, to care.FacilityCode) ([]Referral, error)
	// Left is when a person last left a facility by its own dossiers since; zero: none says.
	Left(ctx context.Context, at care.FacilityCode, person store.PersonID, since time.Time) (time.Time, error)
}

// Phone sends a code to a person's registered app. A zero person has none: the
// answer must be the same and nothing is sent. The code is kept nowhere.
type Phone interface {
	Code(ctx context.Context, person store.PersonID, at care.FacilityCode, code string, until time.Time) error
}

// Asker asks a person for their consent; package choice behind an adapter does.
type Asker interface {
	// Ask asks and pushes; a person is there.
	Ask(ctx context.Context, c consent.Consent) (consent.ID, error)
	// State is how a say stands now.
	State(ctx context.Context, id consent.ID) (*consent.Consent, error)
}

// Once remembers tokens until their end; store.Access does.
type Once interface {
	Once(ctx context.Context, client, jti string, until time.Time) (bool, error)
}

// Subjects says under which name the provider of citizens' logins knows a person,
// "" where that was never told.
type Subjects func(ctx context.Context, person store.PersonID) (issuer, subject string, err error)

// Deps are what a Desk works with. Phone, Apps, Chips and Asker may be nil: that
// way of proof is then not there. Keys with a method Approved are there while it
// says so. Known may be nil: proofs then need a citizen number.
type Deps struct {
	Records  store.Records
	People   store.People
	Openings store.Openings
	Once     Once
	Vault    *vault.Vault
	Facts    Facts
	Phone    Phone
	Apps     Keys // of who signs presence shown by an app
	Chips    Keys // of who answers for chips
	Known    Subjects
	Asker    Asker
	Clock    clock.Clock
}

// Config bounds a desk; zero fields take their defaults.
type Config struct {
	Lookups int // per clinician and hour; 240
	Codes   int // per person, and ten times as many per clinician, and hour; 5
}

// Desk serves clinicians.
type Desk struct {
	d     Deps
	c     Config
	pace  pace
	seals []cipher.AEAD
	round round
}

// New returns a desk.
func New(d Deps, c Config) (*Desk, error) {
	if d.Records == nil || d.People == nil || d.Openings == nil || d.Once == nil || d.Vault == nil || d.Facts == nil || d.Clock == nil {
		return nil, errors.New("reading: a part is missing")
	}
	if c.Lookups == 0 {
		c.Lookups = 240
	}
	if c.Codes == 0 {
		c.Codes = 5
	}
	s, err := seals(d.Vault)
	if err != nil {
		return nil, err
	}
	return &Desk{d: d, c: c, pace: pace{counts: map[care.Staff]int{}}, seals: s}, nil
}

// Ways says which ways of proof are set up.
type Ways struct{ QR, Chip, Code, Consent bool }

// Ways returns them; a referral is always one.
func (k *Desk) Ways(ctx context.Context) (w Ways, err error) {
	w = Ways{Code: k.d.Phone != nil, Consent: k.d.Asker != nil}
	if w.QR, err = isApproved(ctx, k.d.Apps); err == nil {
		w.Chip, err = isApproved(ctx, k.d.Chips)
	}
	return w, err
}

// isApproved reports whether somebody signs by these keys now.
func isApproved(ctx context.Context, keys Keys) (bool, error) {
	if keys == nil {
		return false, nil
	}
	if x, ok := keys.(interface {
		Approved(ctx context.Context) (bool, error)
	}); ok {
		return x.Approved(ctx)
	}
	return true, nil
}

// detail is what a notice of an opening says.
type detail struct {
	Facility care.FacilityCode `json:"facility"`
	Basis    string            `json:"basis"`
	How      string            `json:"how"`
	Until    time.Time         `json:"until"`
}

// begin keeps an opening with the notice to the person; one of the same that
// stands is returned instead.
func (k *Desk) begin(ctx context.Context, o consent.Opening) (*consent.Opening, error) {
	now := k.d.Clock.Now()
	live, err := k.d.Openings.Openings(ctx, consent.OpeningFilter{Person: o.Person, Facility: o.Facility, Basis: o.Basis, LiveAt: now, Limit: 50})
	if err != nil {
		return nil, err
	}
	for i := range live {
		if l := &live[i]; l.Live(now) && l.Purpose == o.Purpose && l.Consent == o.Consent && l.Referral == o.Referral && (o.Basis != string(policy.ByConsent) || l.Staff == o.Staff) {
			if l, err := k.stands(ctx, l); err != nil || l != nil {
				return l, err
			}
		}
	}
	if _, err := rand.Read(o.ID[:]); err != nil {
		return nil, fmt.Errorf("reading: naming an opening: %w", err)
	}
	o.From = now
	said, err := json.Marshal(detail{o.Facility, o.Basis, o.How, o.Until.UTC()})
	if err != nil {
		return nil, err
	}
	notice := matter.Notice{Person: o.Person, At: now, Kind: "opening." + o.Basis, About: hex.EncodeToString(o.ID[:]), Detail: string(said)}
	if err := k.d.Openings.Begin(ctx, o, notice, nil, store.Act{}); err != nil {
		return nil, err
	}
	return &o, nil
}

// Use returns an opening of the clinician's facility that stands now; store.ErrAbsent
// for any other. Emergencies and consents are their opener's own.
func (k *Desk) Use(ctx context.Context, who Who, id consent.OpeningID) (*consent.Opening, error) {
	o, err := k.d.Openings.Opening(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.Facility != who.Facility || !o.Live(k.d.Clock.Now()) || !serves(o, who) {
		return nil, store.ErrAbsent
	}
	if o, err = k.stands(ctx, o); err == nil && o == nil {
		err = store.ErrAbsent
	}
	return o, err
}

func serves(o *consent.Opening, who Who) bool {
	switch policy.Basis(o.Basis) {
	case policy.Presence, policy.ByReferral:
		return o.Purpose != consent.Administrative // an errand at a counter is its clerk's
	}
	return who.Staff != (care.Staff{}) && (o.Staff == who.Staff || o.Renewed == who.Staff)
}

// Close ends an opening of the clinician's facility before its time.
func (k *Desk) Close(ctx context.Context, who Who, id consent.OpeningID) error {
	o, err := k.d.Openings.Opening(ctx, id)
	if err != nil {
		return err
	}
	if o.Facility != who.Facility || !serves(o, who) {
		return store.ErrAbsent
	}
	return k.d.Openings.EndOpening(ctx, id, k.d.Clock.Now(), "facility", store.Act{})
}

// Mine returns the openings that stand now and that the clinician may use, newest first.
func (k *Desk) Mine(ctx context.Context, who Who) ([]consent.Opening, error) {
	now := k.d.Clock.Now()
	list, err := k.d.Openings.Openings(ctx, consent.OpeningFilter{Facility: who.Facility, LiveAt: now, Limit: 200})
	if err != nil {
		return nil, err
	}
	out := list[:0]
	for i := range list {
		if list[i].Live(now) && serves(&list[i], who) {
			out = append(out, list[i])
		}
	}
	return out, nil
}

// ParseOpening reads the id of an opening as it stands in addresses; store.ErrAbsent.
func ParseOpening(s string) (id consent.OpeningID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, store.ErrAbsent
	}
	return consent.OpeningID(b), nil
}

// referral is the slip that sent the person here and holds longest; nil for none.
func (k *Desk) referral(ctx context.Context, person store.PersonID, to care.FacilityCode, now time.Time) (*Referral, error) {
	all, err := k.d.Facts.Referred(ctx, person, to)
	if err != nil {
		return nil, err
	}
	var best *Referral
	for i := range all {
		v := all[i].Validity
		if v.Until.IsZero() || v.ExpiredAtBirth() || v.Over(now) {
			continue
		}
		if best == nil || v.Until.Time().After(best.Validity.Until.Time()) {
			best = &all[i]
		}
	}
	return best, nil
}

// Referral opens what others wrote to where another facility sent the person,
// until the slip ends. Fault: reading.no_referral, for whoever is not known too.
func (k *Desk) Referral(ctx context.Context, who Who, patient string) (*consent.Opening, error) {
	p, err := k.patient(who, patient)
	if err != nil {
		return nil, err
	}
	now := k.d.Clock.Now()
	r, err := k.referral(ctx, p.person, who.Facility, now)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, ErrNoReferral
	}
	until := r.Validity.Until.End()
	return k.begin(ctx, consent.Opening{Person: care.Person(p.person), Facility: who.Facility, Basis: string(policy.ByReferral), Purpose: consent.Treatment,
		Staff: who.Staff, How: BySlip, Referral: r.Record, Until: until})
}

// present begins an opening by presence.
func (k *Desk) present(ctx context.Context, who Who, person store.PersonID, how string) (*consent.Opening, error) {
	if person == (store.PersonID{}) {
		return nil, ErrNobody
	}
	return k.begin(ctx, consent.Opening{Person: care.Person(person), Facility: who.Facility, Basis: string(policy.Presence), Purpose: consent.Treatment,
		Staff: who.Staff, How: how, Until: k.d.Clock.Now().Add(Stay)})
}
