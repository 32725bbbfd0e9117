package reading

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Audience is whom proofs of presence are for.
const Audience = "lienthong:presence"

// The types of proofs (header typ).
const (
	appProof  = "presence+jwt"
	chipProof = "chip+jwt"
)

const (
	longestProof = 4 << 10
	slack        = 5 * time.Second // of clocks
)

// Keys are the public keys that proofs are signed with, and whose they are: the
// provider of citizens' logins for apps. For chips it is whoever answers for them:
// a real chip is read by a reader that holds the state's certificates (ICAO 9303
// passive and active authentication) and is not spoken to by the hub; what is here
// takes the same signed answer from such a reader, and is tried with a simulated one.
type Keys interface {
	PresenceKeys(ctx context.Context) (issuer string, keys []jose.JSONWebKey, err error)
}

// Challenge is what a person's app or chip has to sign.
type Challenge struct {
	Nonce string
	Text  string // of the QR code: "lienthong-presence:1:NONCE:FACILITY"
	Until time.Time
}

// Challenge makes one for this clinician. Nothing is kept of it.
func (k *Desk) Challenge(who Who) (Challenge, error) {
	nonce, until, err := k.ticket("nonce", who, NonceLife)
	return Challenge{nonce, "lienthong-presence:1:" + nonce + ":" + string(who.Facility), until}, err
}

// ticket is 8 bytes of its end, 16 random ones and 16 of a keyed hash over them and
// whom it was given to.
func (k *Desk) ticket(use string, who Who, life time.Duration) (string, time.Time, error) {
	until := k.d.Clock.Now().Add(life)
	b := binary.BigEndian.AppendUint64(nil, uint64(until.UnixMilli()))
	b = append(b, make([]byte, 16)...)
	if _, err := rand.Read(b[8:]); err != nil {
		return "", until, fmt.Errorf("reading: %w", err)
	}
	mac := k.d.Vault.Hash(vault.Presence, []byte(use), b, []byte(who.Facility), who.Staff[:])
	return base64.RawURLEncoding.EncodeToString(append(b, mac[:]...)), until, nil
}

// isLive reports whether a ticket was given to who for this use, and holds.
func (k *Desk) isLive(use string, who Who, text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 24+vault.KeyedSize {
		return false
	}
	until := time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	if !k.d.Clock.Now().Before(until) {
		return false
	}
	for _, mac := range k.d.Vault.HashAll(vault.Presence, []byte(use), b[:24], []byte(who.Facility), who.Staff[:]) {
		if subtle.ConstantTimeCompare(mac[:], b[24:]) == 1 {
			return true
		}
	}
	return false
}

// Shown opens what others wrote to where the person is, by what their app signed.
// patient may be "": then it is whoever signed. Faults: reading.proof,
// reading.other_person, reading.no_records, reading.way, reading.patient.
func (k *Desk) Shown(ctx context.Context, who Who, patient, nonce, proof string) (*consent.Opening, error) {
	return k.shown(ctx, who, patient, nonce, proof, k.d.Apps, appProof, ByQR)
}

// Chip is Shown by the answer of a chip.
func (k *Desk) Chip(ctx context.Context, who Who, patient, nonce, proof string) (*consent.Opening, error) {
	return k.shown(ctx, who, patient, nonce, proof, k.d.Chips, chipProof, ByChip)
}

func (k *Desk) shown(ctx context.Context, who Who, patient, nonce, proof string, from Keys, typ, how string) (*consent.Opening, error) {
	if ok, err := isApproved(ctx, from); err != nil {
		return nil, err
	} else if !ok {
		return nil, ErrWay
	}
	if !k.isLive("nonce", who, nonce) {
		return nil, ErrProof.Because(errors.New("the challenge is over or another's"))
	}
	issuer, keys, err := from.PresenceKeys(ctx)
	if err != nil {
		return nil, err
	}
	p, err := ParseProof(proof, typ, keys)
	if err != nil {
		return nil, err
	}
	if err := p.check(issuer, nonce, who.Facility, k.d.Clock.Now()); err != nil {
		return nil, err
	}
	person, err := k.proven(ctx, who, patient, p)
	if err != nil {
		return nil, err
	}
	fresh, err := k.d.Once.Once(ctx, "reading", "nonce:"+nonce, k.d.Clock.Now().Add(2*NonceLife))
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, ErrProof.Because(errors.New("the challenge was answered before"))
	}
	return k.present(ctx, who, person, how)
}

// proven is who a proof is of. One without a citizen number is of the person
// looked up, where the provider knew them under its subject when they logged in.
func (k *Desk) proven(ctx context.Context, who Who, handle string, p *Proof) (store.PersonID, error) {
	var asked patient
	if handle != "" {
		var err error
		if asked, err = k.patient(who, handle); err != nil {
			return store.PersonID{}, err
		}
	}
	if p.Number == "" {
		if asked.person == (store.PersonID{}) || k.d.Known == nil {
			return store.PersonID{}, ErrOther
		}
		issuer, subject, err := k.d.Known(ctx, asked.person)
		if err != nil {
			return store.PersonID{}, err
		}
		if subject == "" || subject != p.Subject || issuer != p.Issuer {
			return store.PersonID{}, ErrOther
		}
		return asked.person, nil
	}
	person, err := k.holder(ctx, vault.Citizen, string(p.Number))
	if err != nil {
		return person, err
	}
	if handle != "" && (asked.Kind == Citizen && asked.Value != string(p.Number) || asked.Kind != Citizen && asked.person != person) {
		return person, ErrOther
	}
	return person, nil
}

// Proof is what an app or chip signed: a citizen number, or whom the provider
// knows under a subject.
type Proof struct {
	Number   care.CitizenID // "" where it says none
	Subject  string
	Issuer   string
	Audience []string
	Nonce    string
	Facility string
	Issued   time.Time
	Expires  time.Time
}

// ParseProof reads a compact JWS (RFC 7515, ES256 alone) of at most 4 KiB whose
// type is typ, signed by one of the keys: {iss, aud, nonce, facility, citizen_id,
// iat, exp}; citizen_id may be left out where sub is there. Fault: reading.proof.
func ParseProof(text, typ string, keys []jose.JSONWebKey) (*Proof, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > longestProof {
		return nil, ErrProof.Because(errors.New("no proof, or too long"))
	}
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrProof.Because(err)
	}
	h := parsed.Headers[0]
	if said, _ := h.ExtraHeaders[jose.HeaderType].(string); said != typ {
		return nil, ErrProof.Because(errors.New("another type"))
	}
	var c jwt.Claims
	var own struct {
		Nonce    string `json:"nonce"`
		Facility string `json:"facility"`
		Number   string `json:"citizen_id"`
	}
	err = errors.New("signed with no key that is known")
	for i := range keys {
		if keys[i].KeyID != h.KeyID && h.KeyID != "" || !keys[i].IsPublic() {
			continue
		}
		if err = parsed.Claims(keys[i].Key, &c, &own); err == nil {
			break
		}
	}
	if err != nil {
		return nil, ErrProof.Because(err)
	}
	if c.IssuedAt == nil || c.Expiry == nil {
		return nil, ErrProof.Because(errors.New("no times"))
	}
	var number care.CitizenID
	if own.Number != "" || c.Subject == "" || len(c.Subject) > 255 {
		if number, err = care.ParseCitizenID(own.Number); err != nil {
			return nil, ErrProof.Because(errors.New("no citizen number"))
		}
	}
	return &Proof{Number: number, Subject: c.Subject, Issuer: c.Issuer, Audience: c.Audience, Nonce: own.Nonce, Facility: own.Facility,
		Issued: c.IssuedAt.Time(), Expires: c.Expiry.Time()}, nil
}

// check holds a proof against whom it should be from, for and about.
func (p *Proof) check(issuer, nonce string, at care.FacilityCode, now time.Time) error {
	why := ""
	switch {
	case p.Issuer != issuer:
		why = "another issuer"
	case !jwt.Audience(p.Audience).Contains(Audience):
		why = "another audience"
	case p.Nonce != nonce:
		why = "another challenge"
	case p.Facility != string(at):
		why = "another facility"
	case now.After(p.Expires.Add(slack)):
		why = "expired"
	case p.Issued.After(now.Add(slack)):
		why = "from the future"
	case p.Expires.Sub(p.Issued) > 2*NonceLife:
		why = "valid for too long"
	default:
		return nil
	}
	return ErrProof.Because(errors.New(why))
}

// Code is a code that was sent to the person's app: what the clinician's page
// keeps of it. The code itself is nowhere: it is computed from the ticket again.
type Code struct {
	Ticket string
	Until  time.Time
}

// SendCode sends six digits to the person's registered app. The answer is the same
// for somebody the hub does not know. Faults: reading.codes, reading.way, reading.patient.
func (k *Desk) SendCode(ctx context.Context, who Who, patient string) (Code, error) {
	if k.d.Phone == nil {
		return Code{}, ErrWay
	}
	p, err := k.patient(who, patient)
	if err != nil {
		return Code{}, err
	}
	if err := k.mayCode(ctx, who, p); err != nil {
		return Code{}, err
	}
	ticket, until, err := k.ticket("code", who, CodeLife)
	if err != nil {
		return Code{}, err
	}
	rings, err := k.ofPerson(ctx, "rings", p.person, k.c.Codes)
	if err != nil || !rings {
		return Code{ticket, until}, err // rung often enough, under whatever number: who asks is told as of everybody
	}
	if err := k.d.Phone.Code(ctx, p.person, who.Facility, k.digits(who, p, ticket)[0], until); err != nil {
		return Code{}, err
	}
	return Code{ticket, until}, nil
}

// mayCode counts codes of the hour: a person is not to be rung up all day.
func (k *Desk) mayCode(ctx context.Context, who Who, p patient) error {
	now := k.d.Clock.Now()
	hour := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600))
	until := now.Add(2 * time.Hour)
	about := k.d.Vault.Hash(vault.Presence, []byte("codes of"), []byte(p.Kind), []byte(p.Value), hour)
	by := k.d.Vault.Hash(vault.Presence, []byte("codes by"), []byte(who.Facility), who.Staff[:], hour)
	for _, c := range []struct {
		key  vault.Keyed
		most int
	}{{about, k.c.Codes}, {by, 10 * k.c.Codes}} {
		if ok, err := k.slot(ctx, "codes:"+hex.EncodeToString(c.key[:]), c.most, until); err != nil {
			return err
		} else if !ok {
			return ErrCodes
		}
	}
	return nil
}

// ofPerson takes one of n places of a person within the hour. Somebody has many
// numbers by which they are looked up, and a facility makes more of them with every
// dossier it sends: what protects them counts by who they are. Always true for nobody.
func (k *Desk) ofPerson(ctx context.Context, use string, person store.PersonID, n int) (bool, error) {
	if person == (store.PersonID{}) {
		return true, nil
	}
	now := k.d.Clock.Now()
	hour := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/3600))
	key := k.d.Vault.Hash(vault.Presence, []byte(use), person[:], hour)
	return k.slot(ctx, use+":"+hex.EncodeToString(key[:]), n, now.Add(2*time.Hour))
}

// slot takes one of n places under a name; two who ask at once get two places.
func (k *Desk) slot(ctx context.Context, name string, n int, until time.Time) (bool, error) {
	for i := range n {
		fresh, err := k.d.Once.Once(ctx, "reading", fmt.Sprintf("%s:%d", name, i), until)
		if err != nil || fresh {
			return fresh, err
		}
	}
	return false, nil
}

// digits are the code of a ticket, under every live pepper.
func (k *Desk) digits(who Who, p patient, ticket string) []string {
	var out []string
	for _, mac := range k.d.Vault.HashAll(vault.Presence, []byte("digits"), []byte(ticket), []byte(who.Facility), who.Staff[:], []byte(p.Kind), []byte(p.Value), p.person[:]) {
		out = append(out, fmt.Sprintf("%06d", binary.BigEndian.Uint64(mac[1:9])%1e6))
	}
	return out
}

// Told opens what others wrote to where the person is, by the code they told.
// Three tries. Faults: reading.code, reading.code_tries, reading.patient.
func (k *Desk) Told(ctx context.Context, who Who, patient, ticket, code string) (*consent.Opening, error) {
	p, err := k.patient(who, patient)
	if err != nil {
		return nil, err
	}
	if !k.isLive("code", who, ticket) {
		return nil, ErrCode.Because(errors.New("the code is over"))
	}
	until := k.d.Clock.Now().Add(2 * CodeLife)
	ok, err := k.slot(ctx, "try:"+ticket, CodeTries, until)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrTries
	}
	guess, err := k.ofPerson(ctx, "guesses/"+string(who.Facility), p.person, CodeTries*k.c.Codes)
	if err != nil {
		return nil, err
	}
	if !guess { // as a wrong one: that there is somebody to guess is not told
		return nil, ErrCode.Because(errors.New("too many tries for one person"))
	}
	code = strings.Join(strings.Fields(code), "")
	right := 0
	for _, want := range k.digits(who, p, ticket) {
		right |= subtle.ConstantTimeCompare([]byte(code), []byte(want))
	}
	if right == 0 || p.person == (store.PersonID{}) { // nobody was sent one
		return nil, ErrCode
	}
	fresh, err := k.d.Once.Once(ctx, "reading", "told:"+ticket, until)
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, ErrCode.Because(errors.New("used before"))
	}
	return k.present(ctx, who, p.person, ByCode)
}
