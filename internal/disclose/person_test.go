package disclose_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

var (
	start = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	ann   = store.PersonID{0xA}
	bob   = store.PersonID{0xB}
	here  = role.Role{Kind: role.Clinician, ID: "79901"}
	nurse = care.Staff{7}
)

// shelf is records by person, of 79901 (own), 79902 (another's) and another's of
// each sensitive class.
type shelf struct{ store.Records }

func (shelf) all() (out []store.Record) {
	add := func(person store.PersonID, code care.FacilityCode, n byte, documents uint32) {
		out = append(out, store.Record{ID: dossier.ID{Facility: code, Serial: [16]byte{n, person[0]}}, Kind: "qd4750", Person: person, Version: 1, Current: true,
			Documents: documents, Received: start.Add(-time.Duration(n) * time.Hour), Verdict: dossier.Verdict{State: dossier.Accepted}})
	}
	for _, person := range []store.PersonID{ann, bob} {
		add(person, "79901", 1, 1<<1)
		add(person, "79902", 2, 1<<1)
		add(person, "79902", 3, 1<<1|care.HIV.Documents())
		add(person, "79902", 4, 1<<1|care.TB.Documents())
		add(person, "79902", 5, 1<<1|care.MentalHealth.Documents())
		add(person, "79902", 6, 1<<1|care.PregnancyTermination.Documents())
		add(person, "79902", 7, 1<<1|1<<6) // a table of HIV care alone
		add(person, "79903", 8, 1<<1)
	}
	return out
}

func (s shelf) Get(_ context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	for _, r := range s.all() {
		if r.ID == id && (scope.All || scope.Facility == id.Facility) {
			return &r, nil
		}
	}
	return nil, store.ErrAbsent
}

func (s shelf) List(_ context.Context, scope role.Scope, f store.Filter) (out []store.Record, more bool, _ error) {
	for _, r := range s.all() {
		if r.Person == f.Person && (scope.All || scope.Facility == r.ID.Facility) && (f.Before.At.IsZero() || r.Received.Before(f.Before.At)) {
			if len(out) == f.Limit {
				return out, true, nil
			}
			out = append(out, r)
		}
	}
	return out, false, nil
}

// says is what holds, as a test sets it.
type says struct {
	mu       sync.Mutex
	openings map[consent.OpeningID]consent.Opening
	said     map[store.PersonID][]consent.Consent
	of       []consent.Delegation
	asked    int
}

func (s *says) Standing(_ context.Context, person store.PersonID, opening consent.OpeningID, at time.Time) (consent.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	out := consent.Standing{Consents: s.said[person]}
	if o, ok := s.openings[opening]; ok && store.PersonID(o.Person) == person && o.Live(at) {
		out.Opening = &o
	}
	return out, nil
}

func (s *says) Delegations(_ context.Context, person store.PersonID) (of, to []consent.Delegation, err error) {
	return s.of, nil, nil
}

// keptRows keeps rows.
type keptRows struct {
	store.Disclosures
	mu   sync.Mutex
	rows []store.Disclosure
	down bool
}

func (k *keptRows) Record(_ context.Context, rows []store.Disclosure) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		return errors.New("the log is away")
	}
	k.rows = append(k.rows, rows...)
	return nil
}

func discloser(t *testing.T, change ...func(*disclose.Deps)) (*disclose.Discloser, *says, *keptRows, *clock.Fake) {
	t.Helper()
	key := make([]byte, 32)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, log, clk := &says{openings: map[consent.OpeningID]consent.Opening{}, said: map[store.PersonID][]consent.Consent{}}, &keptRows{}, clock.NewFake(start)
	deps := disclose.Deps{Records: shelf{}, Log: log, Counters: &counters{}, Vault: v, Receipts: &evidence.Desk{}, Clock: clk, Consents: s}
	for _, f := range change {
		f(&deps)
	}
	d, err := disclose.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return d, s, log, clk
}

func (s *says) open(id byte, o consent.Opening) consent.OpeningID {
	o.ID = consent.OpeningID{id}
	if o.Person == (care.Person{}) {
		o.Person = care.Person(ann)
	}
	if o.Facility == "" {
		o.Facility = "79901"
	}
	if o.Purpose == "" {
		o.Purpose = consent.Treatment
	}
	if o.From.IsZero() {
		o.From, o.Until = start, start.Add(4*time.Hour)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.openings[o.ID] = o
	return o.ID
}

func names(t *testing.T, d *disclose.Discloser, reader disclose.Reader, person store.PersonID) string {
	t.Helper()
	list, err := d.Person(t.Context(), reader, person, store.Filter{Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, r := range list {
		out += string('0' + rune(r.ID.Serial[0]))
	}
	return out
}

// TestWhoMayKnowOfWhat: which of a person's records each reader is told of, with
// one row for each and none for others.
func TestWhoMayKnowOfWhat(t *testing.T) {
	t.Parallel()
	d, s, log, _ := discloser(t)
	presence := s.open(1, consent.Opening{Basis: string(policy.Presence)})
	another := s.open(2, consent.Opening{Basis: string(policy.Presence), Person: care.Person(bob)})
	theirs := s.open(3, consent.Opening{Basis: string(policy.Presence), Facility: "79903"})
	over := s.open(4, consent.Opening{Basis: string(policy.Presence), From: start.Add(-time.Hour), Until: start})
	ended := s.open(5, consent.Opening{Basis: string(policy.Presence), Ended: start})
	glass := s.open(6, consent.Opening{Basis: string(policy.BreakGlass), Staff: nurse, Reason: "bất tỉnh"})
	asked := s.open(7, consent.Opening{Basis: string(policy.ByConsent), Staff: nurse, Consent: consent.ID{1}})
	gone := s.open(8, consent.Opening{Basis: string(policy.ByConsent), Staff: nurse, Consent: consent.ID{2}})
	made := s.open(9, consent.Opening{Basis: "made up", Staff: nurse})
	s.said[ann] = []consent.Consent{{ID: consent.ID{1}, Effect: consent.Permit, State: consent.Active, Purpose: consent.Treatment,
		Scope: consent.Scope{Readers: []care.FacilityCode{"79901"}, Authors: []care.FacilityCode{"79902"}, Classes: care.HIV}}}
	s.of = []consent.Delegation{{Person: care.Person(ann), Delegate: care.Person(bob), From: start.Add(-time.Hour)}}
	with := func(o consent.OpeningID) disclose.Reader {
		return disclose.Reader{Role: here, Staff: nurse, Opening: o}
	}
	citizen := role.Role{Kind: role.Citizen}
	for _, c := range []struct {
		name   string
		reader disclose.Reader
		want   string
	}{
		{"without a basis", disclose.Reader{Role: here, Staff: nurse}, "1"},
		{"an opening nobody made", with(consent.OpeningID{99}), "1"},
		{"presence", with(presence), "123" + "78"}, // HIV is open: the consent names it for this reader
		{"presence of somebody else", with(another), "1"},
		{"presence at another facility", with(theirs), "1"},
		{"presence that is over", with(over), "1"},
		{"presence that was ended", with(ended), "1"},
		{"an emergency, which lists nothing", with(glass), "1"},
		{"an emergency of a colleague", disclose.Reader{Role: here, Staff: care.Staff{8}, Opening: glass}, "1"},
		{"a consent", with(asked), "1237"},
		{"a consent of a colleague", disclose.Reader{Role: here, Staff: care.Staff{8}, Opening: asked}, "1"},
		{"a consent that is gone", with(gone), "1"},
		{"a basis that is none", with(made), "1"},
		{"the facility's system, emergency", disclose.Reader{Role: role.Role{Kind: role.Facility, ID: "79901"}, Opening: glass}, "1"},
		{"an operator with a reason", disclose.Reader{Role: role.Role{Kind: role.Operator}, Reason: "sự cố"}, "128"},
		{"an operator", disclose.Reader{Role: role.Role{Kind: role.Operator}}, ""},
		{"the ministry", disclose.Reader{Role: role.Role{Kind: role.Ministry}}, ""},
		{"an auditor", disclose.Reader{Role: role.Role{Kind: role.Auditor}}, ""},
		{"a privacy officer", disclose.Reader{Role: role.Role{Kind: role.Privacy, ID: "79902"}, Opening: presence}, ""},
		{"a counter", disclose.Reader{Role: role.Role{Kind: role.Counter, ID: "79902"}}, ""},
		{"the citizen", disclose.Reader{Role: citizen, Person: care.Person(ann)}, "128"},
		{"the citizen, stepped up", disclose.Reader{Role: citizen, Person: care.Person(ann), SteppedUp: start}, "12345678"},
		{"the citizen, stepped up long ago", disclose.Reader{Role: citizen, Person: care.Person(ann), SteppedUp: start.Add(-disclose.Lately - time.Second)}, "128"},
		{"the citizen, stepped up in the future", disclose.Reader{Role: citizen, Person: care.Person(ann), SteppedUp: start.Add(time.Second)}, "128"},
		{"another citizen", disclose.Reader{Role: citizen, Person: care.Person(bob)}, ""},
		{"who acts for them", disclose.Reader{Role: citizen, Person: care.Person(bob), For: care.Person(ann)}, "128"},
		{"who acts for them without leave", disclose.Reader{Role: citizen, Person: care.Person{0xC}, For: care.Person(ann)}, ""},
		{"nobody", disclose.Reader{Role: citizen}, ""},
	} {
		log.rows = nil
		if got := names(t, d, c.reader, ann); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if len(log.rows) != len(c.want) {
			t.Errorf("%s: %d rows", c.name, len(log.rows))
		}
		for _, r := range log.rows {
			if r.Person != ann || r.Facts == "" || r.Policy == "" || r.Basis == "" || r.Staff != c.reader.Staff || r.Opening != c.reader.Opening {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
	s.said[ann] = append(s.said[ann], consent.Consent{ID: consent.ID{3}, Effect: consent.Deny, State: consent.Active, Scope: consent.Scope{Authors: []care.FacilityCode{"79903"}}})
	if got := names(t, d, with(presence), ann); got != "1237" {
		t.Errorf("a denied facility's record is there: %q", got)
	}
}

// TestOneQuestionForAPerson: however many records, the store is asked once, and
// again for the next look.
func TestOneQuestionForAPerson(t *testing.T) {
	t.Parallel()
	d, s, _, _ := discloser(t)
	reader := disclose.Reader{Role: here, Staff: nurse, Opening: s.open(1, consent.Opening{Basis: string(policy.Presence)})}
	for n := 1; n <= 3; n++ {
		names(t, d, reader, ann)
		if s.asked != n {
			t.Fatalf("asked %d times in %d looks", s.asked, n)
		}
	}
	s.openings = nil
	if got := names(t, d, reader, ann); got != "1" {
		t.Errorf("what was ended goes on: %q", got)
	}
}

// TestWouldIsWhatIs: the simulator says what enforcement does, and writes nothing.
func TestWouldIsWhatIs(t *testing.T) {
	t.Parallel()
	d, s, log, _ := discloser(t)
	as := disclose.Reader{Role: here, Purpose: consent.Treatment}
	for _, with := range [][]consent.Consent{nil,
		{{ID: consent.ID{1}, Effect: consent.Permit, State: consent.Active, Purpose: consent.Treatment, Scope: consent.Scope{Classes: care.HIV | care.TB}}},
		{{ID: consent.ID{2}, Effect: consent.Deny, State: consent.Active, Emergency: true, Scope: consent.Scope{Authors: []care.FacilityCode{"79902"}}}},
		{{ID: consent.ID{2}, Effect: consent.Deny, State: consent.Revoked, Emergency: true}},
	} {
		log.rows = nil
		e, err := d.Would(t.Context(), as, ann, with)
		if err != nil || len(log.rows) != 0 || e.Records != 8 || e.Own != 1 {
			t.Fatalf("%+v, %d rows, %v", e, len(log.rows), err)
		}
		for i := range with {
			if with[i].State == consent.Active {
				s.said[ann] = append(s.said[ann], with[i])
			} else {
				s.said[ann] = slices.DeleteFunc(s.said[ann], func(c consent.Consent) bool { return c.ID == with[i].ID })
			}
		}
		real := func(o consent.Opening) int {
			return len(names(t, d, disclose.Reader{Role: here, Staff: nurse, Opening: s.open(50, o)}, ann))
		}
		consented, present, emergency := 1, real(consent.Opening{Basis: string(policy.Presence)}), 0
		log.rows = nil
		glass := s.open(51, consent.Opening{Basis: string(policy.BreakGlass), Staff: nurse, Reason: "x"})
		if _, err := d.EmergencySet(t.Context(), disclose.Reader{Role: here, Staff: nurse, Opening: glass}, ann); err == nil {
			t.Error("records that nobody sealed were opened")
		}
		emergency = len(log.rows) // before anything is opened
		if len(s.said[ann]) > 0 {
			consented = real(consent.Opening{Basis: string(policy.ByConsent), Staff: nurse, Consent: consent.ID{1}})
		}
		if e.Consented != consented || e.Present != present || e.Emergency != emergency {
			t.Errorf("with %+v: would %+v, is %d %d %d", with, e, consented, present, emergency)
		}
	}
}

// TestALinkShowsWhatTheRulesPermit: only of its owner, only what holds.
func TestALinkShowsWhatTheRulesPermit(t *testing.T) {
	t.Parallel()
	d, _, log, _ := discloser(t)
	id := func(person store.PersonID, code care.FacilityCode, n byte) dossier.ID {
		return dossier.ID{Facility: code, Serial: [16]byte{n, person[0]}}
	}
	ids := []dossier.ID{id(ann, "79903", 8), id(ann, "79902", 3), id(bob, "79902", 2), id(ann, "79902", 2)}
	got, err := d.Linked(t.Context(), disclose.Reader{Role: role.Role{Kind: role.Citizen}, Person: care.Person(ann), Name: "BS X"}, ann, ids)
	if err != nil || len(got) != 2 || got[0] != ids[0] || got[1] != ids[3] || len(log.rows) != 2 || log.rows[0].Basis != string(policy.ByLink) {
		t.Errorf("%v, %v, %+v", got, err, log.rows)
	}
	if _, err := d.Linked(t.Context(), disclose.Reader{Role: role.Role{Kind: role.Citizen}, Person: care.Person(bob)}, ann, ids); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("another's link: %v", err)
	}
}

// TestForeignIsAsUnknown: whatever is asked of a record that a reader has no basis
// for is answered as of one that is not there.
func TestForeignIsAsUnknown(t *testing.T) {
	t.Parallel()
	d, s, log, _ := discloser(t)
	foreign := dossier.ID{Facility: "79902", Serial: [16]byte{2, ann[0]}}
	unknown := dossier.ID{Facility: "79902", Serial: [16]byte{0xEE}}
	another := s.open(2, consent.Opening{Basis: string(policy.Presence), Person: care.Person(bob)})
	for name, reader := range map[string]disclose.Reader{
		"clinician":                 {Role: here, Staff: nurse},
		"clinician, another person": {Role: here, Staff: nurse, Opening: another},
		"facility":                  {Role: role.Role{Kind: role.Facility, ID: "79901"}},
		"citizen":                   {Role: role.Role{Kind: role.Citizen}, Person: care.Person(bob)},
		"nobody":                    {Role: role.Role{Kind: role.Citizen}},
		"privacy officer":           {Role: role.Role{Kind: role.Privacy, ID: "79902"}},
		"auditor":                   {Role: role.Role{Kind: role.Auditor}},
		"link":                      {},
	} {
		for call, do := range map[string]func(dossier.ID) error{
			"open":     func(id dossier.ID) error { _, err := d.Open(t.Context(), reader, id); return err },
			"original": func(id dossier.ID) error { _, _, err := d.Original(t.Context(), reader, id); return err },
			"paper":    func(id dossier.ID) error { _, err := d.Paper(t.Context(), reader, id, 1); return err },
			"receipt":  func(id dossier.ID) error { _, err := d.Receipt(t.Context(), reader, id); return err },
			"related":  func(id dossier.ID) error { _, err := d.Related(t.Context(), reader, id, 5); return err },
			"book":     func(id dossier.ID) error { _, err := d.Book(t.Context(), reader, id, 5); return err },
		} {
			s.asked = 0
			a := do(foreign)
			n := s.asked
			s.asked = 0
			b := do(unknown)
			if !errors.Is(a, store.ErrAbsent) || a.Error() != b.Error() || s.asked != n {
				t.Errorf("%s, %s: %v after %d questions, of an unknown one %v after %d", name, call, a, n, b, s.asked)
			}
		}
	}
	if len(log.rows) != 0 {
		t.Errorf("%d rows of looks that nobody had", len(log.rows))
	}
}

// TestOpenedElsewhereIsCounted: by other facilities, each once; not by its author,
// an operator or the citizen.
func TestOpenedElsewhereIsCounted(t *testing.T) {
	t.Parallel()
	d, s, log, _ := discloser(t)
	id := dossier.ID{Facility: "79902", Serial: [16]byte{2, ann[0]}}
	elsewhere := func(want int) {
		t.Helper()
		if n, err := d.Elsewhere(t.Context(), id); err != nil || n != want {
			t.Errorf("opened by %d others, want %d, %v", n, want, err)
		}
	}
	for _, reader := range []disclose.Reader{{Role: role.Role{Kind: role.Operator}, Reason: "sự cố"}, {Role: role.Role{Kind: role.Citizen}, Person: ann},
		{Role: role.Role{Kind: role.Facility, ID: "79902"}}} {
		names(t, d, reader, ann)
	}
	elsewhere(0)
	for i, code := range []string{"79901", "79901", "79903"} {
		o := s.open(byte(20+i), consent.Opening{Basis: string(policy.Presence), Facility: care.FacilityCode(code)})
		names(t, d, disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: code}, Staff: nurse, Opening: o}, ann)
	}
	elsewhere(2)
	if len(log.rows) == 0 {
		t.Error("nothing was looked at")
	}
}

// List gives the rows of a record.
func (k *keptRows) List(_ context.Context, _ role.Scope, f store.DisclosureFilter) (out []store.Disclosure, more bool, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.rows {
		if r.Record == f.Record {
			out = append(out, r)
		}
	}
	return out, false, nil
}
