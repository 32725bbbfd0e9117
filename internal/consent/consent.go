// Package consent says what a citizen allows and forbids: purposes, scopes, the
// states of one say, and whether it covers a record. It decides over facts that
// it is handed; it fetches nothing, keeps nothing and has no clock. Who may look
// is package policy's to say, with what this package finds among the facts.
package consent

import (
	"time"

	"lienthong/internal/care"
)

// ID names one say of a citizen.
type ID [16]byte

// Purpose is what data are read for (Law 91/2025: consent is given by purpose).
type Purpose string

// The purposes. Each has a legal source in package law.
const (
	Treatment      Purpose = "treatment"
	Referral       Purpose = "referral"
	SecondOpinion  Purpose = "second_opinion"
	Insurance      Purpose = "insurance"
	PublicHealth   Purpose = "public_health"
	Research       Purpose = "research"
	Administrative Purpose = "administrative" // an administrative procedure
)

// Effect is what a say does.
type Effect string

// The effects. A denial is stronger than every permission.
const (
	Permit Effect = "permit"
	Deny   Effect = "deny"
)

// State is how a say stands.
type State string

// The states: requested -> shown -> granted | refused | timeout; granted ->
// active when its time begins -> revoked | expired. What a citizen says unasked
// begins as granted.
const (
	Requested State = "requested"
	Shown     State = "shown"
	Granted   State = "granted"
	Refused   State = "refused"
	TimedOut  State = "timeout"
	Active    State = "active"
	Revoked   State = "revoked"
	Expired   State = "expired"
)

// Signer is who said it for the citizen.
type Signer string

// The signers (Law 91/2025: under 7 the representative, from 7 to under 18 both).
const (
	Self     Signer = "self"
	Guardian Signer = "guardian"
	Both     Signer = "both"
	Proxy    Signer = "proxy"
)

// Visit names an episode: its facility and its key (vault.Episode), as
// store.Record has it.
type Visit struct {
	Facility care.FacilityCode
	Episode  [17]byte
}

// Scope is what a say is about. An empty list is all; a record must lie in
// every part. Classes is different: a permission opens a sensitive class only
// where it names it, a denial of named classes is about those alone.
type Scope struct {
	Readers  []care.FacilityCode // who reads
	Authors  []care.FacilityCode // whose records
	Kinds    []string
	Visits   []Visit
	From, To time.Time // of receipt; zero: open
	Classes  care.Classes
}

// Consent is one say as it stands. Every transition adds one to Version.
type Consent struct {
	ID      ID
	Person  care.Person
	Version int
	Effect  Effect
	State   State
	Purpose Purpose // of a denial "": all purposes
	Scope   Scope
	// Emergency: a denial that holds in an emergency too; a permission that says
	// nothing of it is "".
	Emergency bool
	Since     time.Time // when it holds from
	Until     time.Time // zero: until it is revoked
	Asked     time.Time
	Decided   time.Time
	Ended     time.Time
	Asker     care.FacilityCode // who asked; "" unasked
	Staff     care.Staff        // who of them
	Signer    Signer
	By        care.Person // who said it, where that is not the person
	Channel   string      // "vneid", "portal", "counter_otp", "counter_paper"
	Proof     [32]byte    // SHA-256 of the signed paper or token; zero: none
	Law       string      // source in package law
	Receipt   []byte      // compact JWS over the say, signed by the hub
}
