package rooms

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lienthong/internal/assist"
	"lienthong/internal/bridge/eid"
	"lienthong/internal/care"
	"lienthong/internal/casework"
	"lienthong/internal/choice"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/law"
	"lienthong/internal/own"
	"lienthong/internal/policy"
	"lienthong/internal/retention"
	"lienthong/internal/share"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	pages "lienthong/internal/web/portal/citizen"
	"lienthong/internal/web/shlink"
)

// Cases is the service of what citizens ask for.
func Cases(p Parts) (*casework.Desk, error) {
	s := p.Slices
	return casework.New(casework.Deps{Matters: s.Matters, Records: s.Records, Looks: s.Disclosures, Once: s.Access, Sealer: sealer{p.Vault, p.Clock}, Clock: p.Clock})
}

// Shares is the service of links; nil without a public address.
func Shares(p Parts) (*share.Desk, error) {
	if p.PublicURL == "" {
		return nil, nil
	}
	return share.New(share.Deps{Shares: p.Slices.Shares, Notices: p.Slices.Notices, Opener: p.Disclose, Box: p.Vault, Names: p.facilityName, Clock: p.Clock, Base: p.PublicURL})
}

// Shlinks is the door of who opens a link; nil without a public address.
func Shlinks(p Parts) (http.Handler, error) {
	desk, err := Shares(p)
	if desk == nil || err != nil {
		return nil, err
	}
	return shlink.New(desk, p.Logger), nil
}

// Citizen is what the pages of citizens and of the counter ask for.
func Citizen(p Parts, said *choice.Desk, l *Login) (*pages.Deps, error) {
	cases, err := Cases(p)
	if err != nil {
		return nil, err
	}
	links, err := Shares(p)
	if err != nil {
		return nil, err
	}
	counter, err := assist.New(assist.Deps{People: p.Slices.People, Openings: p.Slices.Openings, Matters: p.Slices.Matters, Vault: p.Vault, Sealer: sealer{p.Vault, p.Clock}, Once: p.Slices.Access, Phone: texts{l.Phone}, Clock: p.Clock})
	if err != nil {
		return nil, err
	}
	entries, err := Entries(p)
	if err != nil {
		return nil, err
	}
	rules, err := policy.Builtin()
	if err != nil {
		return nil, err
	}
	return &pages.Deps{Own: ownEntries{p.Disclose, entries}, Book: p.Disclose, Choices: sayings{said}, Looks: p.Slices.Disclosures, Cases: cases, Links: linkDesk{links, p.Clock}, Notices: p.Slices.Notices,
		Places: places{p}, Assist: clerks{counter}, Openings: p.reasonOf, Why: why(rules), Law: law.Text, Now: p.Clock.Now,
		Device: func(r *http.Request, person store.PersonID) (time.Time, string, error) {
			return p.Sessions.DeviceSince(r, store.Owner{Person: person})
		},
		StaffName: func(ctx context.Context, id care.Staff) string {
			name, err := l.Roster.Name(ctx, id)
			if err != nil {
				p.Logger.WarnContext(ctx, "a member of staff is not named", "error", err)
			}
			return name
		}}, nil
}

// Entries keeps what citizens state of themselves.
func Entries(p Parts) (*own.Desk, error) {
	return own.New(p.Slices.Matters, sealer{p.Vault, p.Clock}, p.Clock)
}

// ownEntries are opened by one and kept by the other.
type ownEntries struct {
	book *disclose.Discloser
	desk *own.Desk
}

func (x ownEntries) Stated(ctx context.Context, reader disclose.Reader, person store.PersonID, limit int) ([]kind.Statement, error) {
	return x.book.Stated(ctx, reader, person, limit)
}

func (x ownEntries) Put(ctx context.Context, by own.By, e own.Entry) error {
	return x.desk.Put(ctx, by, e)
}

func (x ownEntries) Withdraw(ctx context.Context, by own.By) error { return x.desk.Withdraw(ctx, by) }

// reasonOf is what was typed when an emergency was opened.
func (p Parts) reasonOf(id consent.OpeningID) (string, error) {
	o, err := p.Slices.Openings.Opening(context.Background(), id)
	if err != nil {
		return "", err
	}
	return o.Reason, nil
}

// why explains a look by the rule and the facts that were kept with it; of rows
// older than the rules by their basis alone.
func why(rules *policy.Set) func(look *store.Disclosure) fault.Text {
	return func(look *store.Disclosure) fault.Text {
		id, version, _ := strings.Cut(look.Policy, "@")
		var q policy.Question
		if look.Facts != "" && json.Unmarshal([]byte(look.Facts), &q) == nil {
			return rules.Explain(policy.Answer{Permit: true, Policy: id, Version: version, Basis: policy.Basis(look.Basis)}, q)
		}
		if use, ok := law.Basis(look.Basis); ok {
			return use.Title
		}
		return fault.Text{VI: "Không ghi lý do.", EN: "No reason was recorded."}
	}
}

type places struct{ p Parts }

func (x places) Name(code care.FacilityCode) (string, bool) {
	if _, ok := x.p.Directory().Current(code); !ok {
		return "", false
	}
	return x.p.facilityName(code), true
}

// Find implements the pages' Places: marks and capitals do not matter.
func (x places) Find(text string, limit int) []care.FacilityCode {
	wanted := care.Fold(text)
	if len(wanted) < 3 {
		return nil
	}
	var out []care.FacilityCode
	for _, code := range x.p.Directory().Codes() {
		name := care.Fold(x.p.facilityName(code))
		if name == wanted {
			return []care.FacilityCode{code}
		}
		if strings.Contains(name, wanted) && len(out) < limit {
			out = append(out, code)
		}
	}
	return out
}

// sealer seals what is written in matters: words as secrets are, long papers
// under a data key of their own.
type sealer struct {
	vault *vault.Vault
	clock clock.Clock
}

const longest = vault.MaxSecret - 1024

func (s sealer) Seal(_ context.Context, name string, plain []byte) (sealed, wrapped []byte, err error) {
	if len(plain) <= longest {
		sealed, err = s.vault.SealSecret(name, plain)
		return sealed, nil, err
	}
	now := s.clock.Now().In(clock.Hanoi)
	box, err := s.vault.Seal(retention.Longest, now.Year()*100+int(now.Month()), []byte(name), plain)
	if err != nil {
		return nil, nil, err
	}
	return box.Parts[0], box.Wrapped, nil
}

func (s sealer) Open(name string, sealed, wrapped []byte) ([]byte, error) {
	if len(wrapped) == 0 {
		return s.vault.OpenSecret(name, sealed)
	}
	return s.vault.Open([]byte(name), wrapped, 0, sealed)
}

// sayings are what citizens say, in the words of their pages.
type sayings struct{ *choice.Desk }

func speaker(by pages.By) choice.Speaker {
	s := choice.Speaker{Person: by.Person, By: by.Self, Signer: by.Signer, Channel: by.Channel, Proof: by.Proof, SteppedUp: by.StepUp, Staff: by.Staff, At: by.At, Actor: by.Actor, Form: by.Form}
	if by.Self == by.Person {
		s.By = care.Person{}
	}
	return s
}

func (x sayings) Say(ctx context.Context, by pages.By, c consent.Consent) (*consent.Consent, error) {
	return x.Desk.Say(ctx, speaker(by), c)
}

func (x sayings) History(ctx context.Context, id consent.ID) ([]consent.Consent, error) {
	return x.Consents.ConsentHistory(ctx, id)
}

func (x sayings) End(ctx context.Context, by pages.By, id consent.ID) (*consent.Consent, error) {
	return x.Desk.Revoke(ctx, speaker(by), id)
}

func (x sayings) Answer(ctx context.Context, by pages.By, id consent.ID, granted bool) (*consent.Consent, error) {
	return x.Desk.Answer(ctx, speaker(by), id, granted)
}

func (x sayings) Delegate(ctx context.Context, by pages.By, g consent.Delegation) (*consent.Delegation, error) {
	return x.Desk.Delegate(ctx, speaker(by), g)
}

func (x sayings) EndDelegation(ctx context.Context, by pages.By, id [16]byte) error {
	return x.Desk.EndDelegation(ctx, speaker(by), id)
}

// linkDesk are links, in the words of their pages.
type linkDesk struct {
	desk  *share.Desk
	clock clock.Clock
}

var errNoLinks = fault.New(fault.Absent, "share.off", "Chưa mở chia sẻ bằng đường dẫn ở đây.", "Links are not offered here.")

func (x linkDesk) Make(ctx context.Context, reader disclose.Reader, a pages.LinkAsk) (pages.Link, error) {
	if x.desk == nil {
		return pages.Link{}, errNoLinks
	}
	made, err := x.desk.Make(ctx, reader, share.Ask{Person: a.Person, Records: a.Records, Label: a.Label, PIN: a.PIN, Life: a.Life})
	if err != nil {
		return pages.Link{}, err
	}
	return pages.Link{URI: made.URI, Mark: made.Mark, Label: a.Label, Made: x.clock.Now(), Until: made.Until, Live: true}, nil
}

func (x linkDesk) Of(ctx context.Context, person care.Person) ([]pages.Link, error) {
	if x.desk == nil {
		return nil, nil
	}
	list, err := x.desk.Of(ctx, person)
	if err != nil {
		return nil, err
	}
	out := make([]pages.Link, len(list))
	for i := range list {
		s := &list[i]
		out[i] = pages.Link{Mark: share.Mark(s), Label: s.Label, Made: s.Made, Until: s.Until, Opened: s.Opened, Tries: s.Tries, Live: share.Live(s, x.clock.Now())}
	}
	return out, nil
}

func (x linkDesk) End(ctx context.Context, person care.Person, mark, actor string) error {
	if x.desk == nil {
		return errNoLinks
	}
	return x.desk.End(ctx, person, mark, actor)
}

// Pusher asks on phones; *eid.Adapter does.
type Pusher interface {
	Push(ctx context.Context, q eid.Question) (ref string, err error)
	Result(ctx context.Context, id [16]byte, ref string) (eid.Result, error)
}

// Choices is the service of what citizens say; kinds are those of dossiers.
func Choices(p Parts, l *Login, kinds []string) (*choice.Desk, error) {
	d := choice.Deps{Consents: p.Slices.Consents, Notices: p.Slices.Notices, Key: p.Receipt, Clock: p.Clock, Named: p.facilityName, Births: births{l.Roster, p.Disclose}, Pusher: phones{l.Phone}, Known: consent.Known{
		Facility: func(code care.FacilityCode) bool { _, ok := p.Directory().Current(code); return ok },
		Kind:     func(kind string) bool { return slices.Contains(kinds, kind) }}}
	return choice.New(d, p.Hub)
}

// phones are asked in the words of package choice.
type phones struct{ Pusher }

func (x phones) Push(ctx context.Context, q choice.Push) (string, error) {
	return x.Pusher.Push(ctx, eid.Question{ID: q.ID, Person: store.PersonID(q.Person), Title: q.Title, Text: q.Text, Until: q.Until})
}

func (x phones) Result(ctx context.Context, id consent.ID, ref string) (choice.Pushed, error) {
	r, err := x.Pusher.Result(ctx, id, ref)
	return choice.Pushed{State: r.State, At: r.At, Level: r.Level, Proof: r.Proof}, err
}
