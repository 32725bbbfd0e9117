// Package ask is what the rooms of citizens and the counter ask of the hub: small
// interfaces, and the words they speak in. It does nothing.
package ask

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/matter"
	"lienthong/internal/own"
	"lienthong/internal/store"
)

// Book opens a citizen's own records; *disclose.Discloser is one.
type Book interface {
	Chart(ctx context.Context, reader disclose.Reader, person store.PersonID, limit int) ([]*disclose.Opened, error)
	ChartPage(ctx context.Context, reader disclose.Reader, person store.PersonID, before store.Cursor, limit int) ([]*disclose.Opened, store.Cursor, error)
	Open(ctx context.Context, reader disclose.Reader, id dossier.ID) (*disclose.Opened, error)
	Would(ctx context.Context, as disclose.Reader, person store.PersonID, with []consent.Consent) (disclose.Effect, error)
}

// By is who says something, for whom, and how they were known.
type By struct {
	Person   care.Person    // whose records
	Self     care.Person    // who says it
	Signer   consent.Signer // consent.Both where a child agrees with who acts for it; "": as follows from Self
	Actor    string         // for the act: the session's mark
	Channel  string         // "portal", "counter_paper", "counter_otp"
	Staff    care.Staff     // at a counter
	At       care.FacilityCode
	Proof    [32]byte // of the signed paper
	StepUp   time.Time
	Delegate string // kind of the delegation, "" for oneself
	Form     string // random, one for each form shown
}

// Choices keeps what citizens say.
type Choices interface {
	// Said returns what a person said and was asked, newest first.
	Said(ctx context.Context, person care.Person) ([]consent.Consent, error)
	// History returns every version of a say, oldest first.
	History(ctx context.Context, id consent.ID) ([]consent.Consent, error)
	// Say keeps a new say and returns it with its receipt.
	Say(ctx context.Context, by By, c consent.Consent) (*consent.Consent, error)
	// End revokes one.
	End(ctx context.Context, by By, id consent.ID) (*consent.Consent, error)
	// Answer answers what somebody asked.
	Answer(ctx context.Context, by By, id consent.ID, granted bool) (*consent.Consent, error)
	// Delegations returns those for a person and those given to it.
	Delegations(ctx context.Context, person care.Person) (of, to []consent.Delegation, err error)
	// Delegate keeps that somebody may act for by.Person.
	Delegate(ctx context.Context, by By, g consent.Delegation) (*consent.Delegation, error)
	// EndDelegation ends one of either side.
	EndDelegation(ctx context.Context, by By, id [16]byte) error
}

// Looks lists disclosures of a person's records; store.Disclosures is one.
type Looks interface {
	OfPerson(ctx context.Context, person store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}

// Cases carries requests; *casework.Desk is one.
type Cases interface {
	Open(ctx context.Context, a casework.Ask) (*matter.Matter, error)
	Of(ctx context.Context, person care.Person, limit int) ([]matter.Matter, error)
	Mine(ctx context.Context, person care.Person, number string) (*matter.Matter, error)
	Words(m *matter.Matter) (casework.Words, error)
	Withdraw(ctx context.Context, person care.Person, number, actor string) (*matter.Matter, error)
	Saw(ctx context.Context, m *matter.Matter) ([]store.Disclosure, error)
}

// LinkAsk is what a citizen chooses for a link.
type LinkAsk struct {
	Person  care.Person
	Records []dossier.ID
	Label   string
	PIN     string
	Life    time.Duration
}

// Link is a link in its owner's list; URI only of one just made.
type Link struct {
	URI    string // "shlink:/...": shown once
	Mark   string
	Label  string
	Made   time.Time
	Until  time.Time
	Opened int
	Tries  int
	Live   bool
}

// Links makes links; package share stands behind it.
type Links interface {
	Make(ctx context.Context, reader disclose.Reader, a LinkAsk) (Link, error)
	Of(ctx context.Context, person care.Person) ([]Link, error)
	End(ctx context.Context, person care.Person, mark, actor string) error
}

// Own keeps and opens what citizens state of themselves: package own keeps,
// package disclose opens.
type Own interface {
	Stated(ctx context.Context, reader disclose.Reader, person store.PersonID, limit int) ([]kind.Statement, error)
	Put(ctx context.Context, by own.By, e own.Entry) error
	Withdraw(ctx context.Context, by own.By) error
}

// Notices are what a citizen is told; store.Notices has it.
type Notices interface {
	Notices(ctx context.Context, person store.PersonID, limit int) ([]matter.Notice, error)
	SeenNotices(ctx context.Context, person store.PersonID, at time.Time) error
	PutNotice(ctx context.Context, n matter.Notice) error
}

// Places names facilities.
type Places interface {
	// Name returns a facility's short name; false for a code that is none.
	Name(code care.FacilityCode) (string, bool)
	// Find returns at most limit facilities whose name has these words in it, by name;
	// one of exactly that name alone.
	Find(text string, limit int) []care.FacilityCode
}
