package reading

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// What people are looked up by.
const (
	Citizen   = "citizen"   // citizen number
	Insurance = "insurance" // social insurance number
	Local     = "local"     // the facility's own MA_BN
	Slip      = "slip"      // a slip, by its number in the hub
)

// Query is what was typed or scanned, read.
type Query struct {
	Kind  string
	Value string
}

// longestQuery is the text of an identity card's code.
const longestQuery = 1000

// ParseQuery reads the text of an identity card's code, a citizen number, an
// insurance card or number, the number of a slip (dossier.ID); anything else of at
// most 50 characters is the facility's own patient code. Fault: reading.query.
func ParseQuery(s string) (Query, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > longestQuery || store.CheckText(s) != nil {
		return Query{}, ErrQuery
	}
	if strings.Contains(s, "|") {
		card, err := care.ParseIDCard(s)
		if err != nil {
			return Query{}, err
		}
		return Query{Citizen, string(card.Number)}, nil
	}
	if id, err := care.ParseCitizenID(s); err == nil {
		return Query{Citizen, string(id)}, nil
	}
	if n, err := care.ParseInsuranceNo(s); err == nil {
		if id, ok := n.Citizen(); ok {
			return Query{Citizen, string(id)}, nil
		}
		if social := n.Social(); social != "" {
			return Query{Insurance, social}, nil
		}
	}
	if id, err := dossier.ParseID(s); err == nil {
		return Query{Slip, id.String()}, nil
	}
	if s = care.Clean(s); s == "" || len(s) > 50 {
		return Query{}, ErrQuery
	}
	return Query{Local, s}, nil
}

// Mask shows the end of a number alone.
func (q Query) Mask() string {
	r := []rune(q.Value)
	return "•••• " + string(r[max(0, len(r)-min(4, len(r)/2)):])
}

// Found is what a look-up answers: the same whether the hub knows the person or not.
type Found struct {
	Patient string // to be handed back, sealed; good for 30 minutes, for this clinician
	Query   Query
	Person  store.PersonID // for the facility's own records; it leaves the hub never
}

// patientLife is how long a look-up is good.
const patientLife = 30 * time.Minute

// sealedPatient is what a look-up keeps; padded, so that all are of one length.
type sealedPatient struct {
	Kind   string `json:"k"`
	Value  string `json:"v"`
	Person string `json:"p"` // hexadecimal; zeros: nobody
	Until  int64  `json:"u"` // Unix seconds
	Pad    string `json:"x"`
}

type patient struct {
	Query
	person store.PersonID
}

// patientSize is the length of what is sealed.
const patientSize = 256

func (w Who) name() string {
	return "reading/patient/" + string(w.Facility) + "/" + hex.EncodeToString(w.Staff[:])
}

// Find looks a person up. The answer says nothing of whether the hub knows them.
// Faults: reading.query, care.id_card, reading.too_many.
func (k *Desk) Find(ctx context.Context, who Who, text string) (Found, error) {
	q, err := ParseQuery(text)
	if err != nil {
		return Found{}, err
	}
	now := k.d.Clock.Now()
	if !k.pace.take(who.Staff, now, k.c.Lookups) {
		return Found{}, ErrTooMany
	}
	person, err := k.who(ctx, who, q)
	if err != nil {
		return Found{}, err
	}
	p := sealedPatient{Kind: q.Kind, Value: q.Value, Person: hex.EncodeToString(person[:]), Until: now.Add(patientLife).Unix()}
	plain, err := json.Marshal(p)
	if err == nil {
		p.Pad = strings.Repeat("-", max(0, patientSize-len(plain)))
		plain, err = json.Marshal(p)
	}
	if err != nil {
		return Found{}, err
	}
	sealed, err := k.seal(who.name(), plain)
	return Found{Patient: sealed, Query: q, Person: person}, err
}

// patient reads a look-up back. Fault: reading.patient.
func (k *Desk) patient(who Who, text string) (patient, error) {
	plain, err := k.open(who.name(), text)
	if err != nil {
		return patient{}, err
	}
	var p sealedPatient
	if err := json.Unmarshal(plain, &p); err != nil {
		return patient{}, ErrPatient.Because(err)
	}
	if k.d.Clock.Now().Unix() >= p.Until {
		return patient{}, ErrPatient
	}
	id, err := hex.DecodeString(p.Person)
	if err != nil || len(id) != len(store.PersonID{}) {
		return patient{}, ErrPatient.Because(err)
	}
	return patient{Query{p.Kind, p.Value}, store.PersonID(id)}, nil
}

// Again reads a look-up back for its page. Fault: reading.patient.
func (k *Desk) Again(who Who, text string) (Found, error) {
	p, err := k.patient(who, text)
	return Found{Patient: text, Query: p.Query, Person: p.person}, err
}

// who finds the person of a query; zero for nobody, and for more than one.
func (k *Desk) who(ctx context.Context, who Who, q Query) (store.PersonID, error) {
	switch q.Kind {
	case Citizen, Insurance:
		domain := vault.Citizen
		if q.Kind == Insurance {
			domain = vault.Card
		}
		return k.holder(ctx, domain, q.Value)
	case Slip:
		id, err := dossier.ParseID(q.Value)
		if err != nil {
			return store.PersonID{}, ErrQuery
		}
		r, err := k.d.Records.Get(ctx, role.Scope{All: true}, id)
		if errors.Is(err, store.ErrAbsent) {
			return store.PersonID{}, nil
		} else if err != nil {
			return store.PersonID{}, err
		}
		return r.Person, nil
	}
	subject := k.d.Vault.HashAll(vault.Subject, []byte(who.Facility), []byte(q.Value))
	rows, _, err := k.d.Records.List(ctx, role.Scope{Facility: who.Facility}, store.Filter{Subject: subject, Limit: 1})
	if err != nil || len(rows) == 0 {
		return store.PersonID{}, err
	}
	return rows[0].Person, nil
}

func (k *Desk) holder(ctx context.Context, domain vault.Domain, number string) (store.PersonID, error) {
	people, err := k.d.People.Find(ctx, k.d.Vault.HashAll(domain, []byte(number)))
	if err != nil || len(people) != 1 {
		return identity.Person{}, err
	}
	return people[0], nil
}

// pace counts look-ups within the hour, in this process.
type pace struct {
	mu     sync.Mutex
	hour   int64
	counts map[care.Staff]int
}

func (p *pace) take(who care.Staff, now time.Time, limit int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hour := now.Unix() / 3600; hour != p.hour {
		p.hour = hour
		clear(p.counts)
	}
	p.counts[who]++
	return p.counts[who] <= limit
}
