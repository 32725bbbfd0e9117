package form

import (
	"encoding/json"
	"fmt"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/store"
)

// MostSays is how many says of one person may hold or wait at once.
const MostSays = 500

// Open reports whether a say may still hold: no end was put to it.
func Open(s consent.State) bool {
	return s == consent.Requested || s == consent.Shown || s == consent.Granted || s == consent.Active
}

// Due is when time alone changes how a say stands; zero: never.
func Due(c *consent.Consent) time.Time {
	switch c.State {
	case consent.Requested, consent.Shown:
		return c.AnswerBy()
	case consent.Granted:
		return c.Since
	case consent.Active:
		return c.Until
	}
	return time.Time{}
}

// said is a say as its row holds it.
type said struct {
	Version   int                 `json:"v"`
	Effect    consent.Effect      `json:"effect"`
	State     consent.State       `json:"state"`
	Purpose   consent.Purpose     `json:"purpose,omitempty"`
	Readers   []care.FacilityCode `json:"readers,omitempty"`
	Authors   []care.FacilityCode `json:"authors,omitempty"`
	Kinds     []string            `json:"kinds,omitempty"`
	Visits    []visit             `json:"visits,omitempty"`
	From      int64               `json:"from,omitempty"`
	To        int64               `json:"to,omitempty"`
	Classes   care.Classes        `json:"classes,omitempty"`
	Emergency bool                `json:"emergency,omitempty"`
	Since     int64               `json:"since,omitempty"`
	Until     int64               `json:"until,omitempty"`
	Asked     int64               `json:"asked,omitempty"`
	Decided   int64               `json:"decided,omitempty"`
	Ended     int64               `json:"ended,omitempty"`
	Asker     care.FacilityCode   `json:"asker,omitempty"`
	Staff     []byte              `json:"staff,omitempty"`
	Signer    consent.Signer      `json:"signer,omitempty"`
	By        []byte              `json:"by,omitempty"`
	Channel   string              `json:"channel,omitempty"`
	Proof     []byte              `json:"proof,omitempty"`
	Law       string              `json:"law,omitempty"`
}

type visit struct {
	Facility care.FacilityCode `json:"facility"`
	Episode  []byte            `json:"episode"`
}

// Said is a say, but for id, person and receipt, as JSON for its row.
// Fault: store.text.
func Said(c *consent.Consent) (string, error) {
	texts := []string{string(c.Effect), string(c.State), string(c.Purpose), string(c.Asker), string(c.Signer), c.Channel, c.Law}
	for _, f := range c.Scope.Readers {
		texts = append(texts, string(f))
	}
	for _, f := range c.Scope.Authors {
		texts = append(texts, string(f))
	}
	texts = append(texts, c.Scope.Kinds...)
	s := said{Version: c.Version, Effect: c.Effect, State: c.State, Purpose: c.Purpose, Readers: c.Scope.Readers, Authors: c.Scope.Authors,
		Kinds: c.Scope.Kinds, From: micros(c.Scope.From), To: micros(c.Scope.To), Classes: c.Scope.Classes, Emergency: c.Emergency,
		Since: micros(c.Since), Until: micros(c.Until), Asked: micros(c.Asked), Decided: micros(c.Decided), Ended: micros(c.Ended),
		Asker: c.Asker, Staff: some(c.Staff[:]), Signer: c.Signer, By: some(c.By[:]), Channel: c.Channel, Proof: some(c.Proof[:]), Law: c.Law}
	for i := range c.Scope.Visits {
		v := &c.Scope.Visits[i]
		texts = append(texts, string(v.Facility))
		s.Visits = append(s.Visits, visit{v.Facility, v.Episode[:]})
	}
	return written(s, texts...)
}

// ReadSaid reads what Said wrote into c, which has its id, person and receipt.
func ReadSaid(c *consent.Consent, text string) error {
	if readPlain(c, text) {
		return nil
	}
	var s said
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("a say: %w", err)
	}
	c.Version, c.Effect, c.State, c.Purpose, c.Emergency = s.Version, s.Effect, s.State, s.Purpose, s.Emergency
	c.Scope = consent.Scope{Readers: s.Readers, Authors: s.Authors, Kinds: s.Kinds, From: moment(s.From), To: moment(s.To), Classes: s.Classes}
	for _, v := range s.Visits {
		out := consent.Visit{Facility: v.Facility}
		if err := fill(out.Episode[:], v.Episode); err != nil {
			return err
		}
		c.Scope.Visits = append(c.Scope.Visits, out)
	}
	c.Since, c.Until, c.Asked, c.Decided, c.Ended = moment(s.Since), moment(s.Until), moment(s.Asked), moment(s.Decided), moment(s.Ended)
	c.Asker, c.Signer, c.Channel, c.Law = s.Asker, s.Signer, s.Channel, s.Law
	return fills(pair{c.Staff[:], s.Staff}, pair{c.By[:], s.By}, pair{c.Proof[:], s.Proof})
}

// CheckConsent refuses a say no engine keeps.
func CheckConsent(c *consent.Consent) error {
	if c.ID == (consent.ID{}) || c.Person == (care.Person{}) || c.Version < 1 {
		return fmt.Errorf("store: a say without id, person or version")
	}
	return nil
}

// CheckOpening refuses an opening no engine keeps. Fault: store.text.
func CheckOpening(o *consent.Opening) error {
	if o.ID == (consent.OpeningID{}) || o.Person == (care.Person{}) || o.From.IsZero() || !o.Until.After(o.From) {
		return fmt.Errorf("store: an opening without id, person or time")
	}
	return store.CheckText(string(o.Facility), o.Basis, string(o.Purpose), o.How, o.Referral, o.EndedBy, o.Reason)
}

// CheckDelegation refuses a delegation no engine keeps. Fault: store.text.
func CheckDelegation(d *consent.Delegation) error {
	if d.ID == ([16]byte{}) || d.Person == (care.Person{}) || d.Delegate == (care.Person{}) || d.Person == d.Delegate {
		return fmt.Errorf("store: a delegation without id, or of two who are not two")
	}
	return store.CheckText(d.Kind)
}

// Renewable reports whether an opening may be given a new end: it stands, was
// not renewed before, and another member of staff than who opened asks.
func Renewable(o *consent.Opening, by care.Staff, at, until time.Time) bool {
	return o.Live(at) && o.Renewed == (care.Staff{}) && by != (care.Staff{}) && by != o.Staff && until.After(o.Until)
}

// Limit is how many rows a list gives: 1,000, or fewer where fewer are asked.
func Limit(n int) int {
	if n <= 0 {
		return 1000
	}
	return min(n, 1000)
}
