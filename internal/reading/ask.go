package reading

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/policy"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// AskedFor is how long a consent that was asked for is waited for.
const AskedFor = 10 * time.Minute

// consentStay is how long a consent that is asked for now holds, and an opening by
// one without an end: for this visit, not for ever.
const consentStay = 24 * time.Hour

// asksMost is how many questions of one facility a person gets within AskedFor.
const asksMost = 2

// ErrAsks (reading.asks): the person is asked already.
var ErrAsks = fault.New(fault.TooMany, "reading.asks",
	"Đã hỏi người này nhiều lần. Chờ trả lời, hoặc thử lại sau 10 phút.",
	"This person was asked several times. Wait for an answer, or try again in ten minutes.")

type sealedAsk struct {
	ID     string `json:"id"`
	Person string `json:"p"`
	At     int64  `json:"t"`
}

func (w Who) ask() string {
	return "reading/ask/" + string(w.Facility) + "/" + hex.EncodeToString(w.Staff[:])
}

// Ask asks the person now, by their app, whether this facility may read what
// others wrote. The answer is the same for somebody the hub does not know: they
// are waited for, and never answer. Faults: reading.way, reading.patient.
func (k *Desk) Ask(ctx context.Context, who Who, patient string) (ticket string, err error) {
	if k.d.Asker == nil {
		return "", ErrWay
	}
	p, err := k.patient(who, patient)
	if err != nil {
		return "", err
	}
	now := k.d.Clock.Now()
	window := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/int64(AskedFor/time.Second)))
	about := k.d.Vault.Hash(vault.Presence, []byte("asks"), []byte(who.Facility), []byte(p.Kind), []byte(p.Value), window)
	if ok, err := k.slot(ctx, "asks:"+hex.EncodeToString(about[:]), asksMost, now.Add(2*AskedFor)); err != nil {
		return "", err
	} else if !ok {
		return "", ErrAsks
	}
	var id consent.ID
	if p.person == (store.PersonID{}) {
		_, err = rand.Read(id[:])
	} else {
		id, err = k.d.Asker.Ask(ctx, consent.Consent{Person: care.Person(p.person), Effect: consent.Permit, Purpose: consent.Treatment,
			Scope: consent.Scope{Readers: []care.FacilityCode{who.Facility}}, Asked: now, Until: now.Add(consentStay), Asker: who.Facility, Staff: who.Staff})
		if fault.KindOf(err) == fault.TooMany { // that somebody has too much to answer is a word about them
			_, err = rand.Read(id[:])
		}
	}
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(sealedAsk{hex.EncodeToString(id[:]), hex.EncodeToString(p.person[:]), now.Unix()})
	if err != nil {
		return "", err
	}
	return k.seal(who.ask(), plain)
}

// Asked says what became of an ask: the state, and the opening when it was granted.
// Fault: reading.patient for a ticket that is none of who's.
func (k *Desk) Asked(ctx context.Context, who Who, ticket string) (consent.State, *consent.Opening, error) {
	a, err := k.readAsk(who, ticket)
	if err != nil {
		return "", nil, err
	}
	now := k.d.Clock.Now()
	if now.Sub(time.Unix(a.At, 0)) >= consentStay { // what was agreed to once is no key for ever
		return "", nil, ErrPatient
	}
	waited := consent.Requested
	if now.Sub(time.Unix(a.At, 0)) >= AskedFor {
		waited = consent.TimedOut
	}
	person, err := hex.DecodeString(a.Person)
	if err != nil || len(person) != len(store.PersonID{}) {
		return "", nil, ErrPatient.Because(err)
	}
	if store.PersonID(person) == (store.PersonID{}) {
		return waited, nil, nil
	}
	id, err := hex.DecodeString(a.ID)
	if err != nil || len(id) != len(consent.ID{}) {
		return "", nil, ErrPatient.Because(err)
	}
	c, err := k.d.Asker.State(ctx, consent.ID(id))
	if errors.Is(err, store.ErrAbsent) {
		return waited, nil, nil
	} else if err != nil {
		return "", nil, err
	}
	switch c.State {
	case consent.Requested, consent.Shown:
		return waited, nil, nil
	case consent.Granted, consent.Active:
	default:
		return c.State, nil, nil
	}
	until := now.Add(consentStay)
	if !c.Until.IsZero() {
		until = c.Until
	}
	if !now.Before(until) {
		return consent.Expired, nil, nil
	}
	o, err := k.begin(ctx, consent.Opening{Person: c.Person, Facility: who.Facility, Basis: string(policy.ByConsent), Purpose: c.Purpose,
		Staff: who.Staff, How: ByAgreeing, Consent: c.ID, Until: until})
	return c.State, o, err
}

func (k *Desk) readAsk(who Who, ticket string) (a sealedAsk, err error) {
	if k.d.Asker == nil {
		return a, ErrPatient
	}
	plain, err := k.open(who.ask(), ticket)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(plain, &a); err != nil {
		return a, ErrPatient.Because(err)
	}
	return a, nil
}
