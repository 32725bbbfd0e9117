package choice_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/choice"
	"lienthong/internal/consent"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const here, there care.FacilityCode = "79901", "79902"

var (
	an, binh, child = care.Person{1}, care.Person{2}, care.Person{3}
	nurse           = care.Staff{9}
	t0              = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
)

// ticking is a clock that tests move.
type ticking struct {
	mu sync.Mutex
	at time.Time
}

func (c *ticking) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *ticking) move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// births are those of everybody.
type births map[care.Person]time.Time

func (b births) Birth(_ context.Context, p care.Person) (time.Time, bool, error) {
	t, ok := b[p]
	return t, ok, nil
}

// phone is a pusher that answers what a test says.
type phone struct {
	mu     sync.Mutex
	asked  []choice.Push
	answer choice.Pushed
	away   bool
}

func (p *phone) Push(_ context.Context, q choice.Push) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return "", errors.New("away")
	}
	p.asked = append(p.asked, q)
	return "ref", nil
}

func (p *phone) Result(context.Context, consent.ID, string) (choice.Pushed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return choice.Pushed{}, errors.New("away")
	}
	return p.answer, nil
}

func (p *phone) say(a choice.Pushed) { p.mu.Lock(); defer p.mu.Unlock(); p.answer = a }

// world is a desk over an engine.
type world struct {
	t     testing.TB
	desk  *choice.Desk
	s     *store.Slices
	clock *ticking
	phone *phone
	key   *ecdsa.PrivateKey
	kid   string
}

// engines runs a test on the embedded engine and on PostgreSQL.
func engines(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, c *ticking) (*store.Slices, error){
		"sqlite": func(t *testing.T, c *ticking) (*store.Slices, error) {
			return sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
		"postgres": func(t *testing.T, c *ticking) (*store.Slices, error) {
			return postgres.Open(t.Context(), pgtest.Copy(t, postgres.Migrate), postgres.Config{Clock: c, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &ticking{at: t0}
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, newWorld(t, s, c))
		})
	}
}

func newWorld(t *testing.T, s *store.Slices, c *ticking) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.NewReceiptKey(key)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, s: s, clock: c, phone: &phone{answer: choice.Pushed{State: choice.Waiting}}, key: key, kid: signer.Kid()}
	w.desk, err = choice.New(choice.Deps{Consents: s.Consents, Notices: s.Notices, Key: signer, Pusher: w.phone, Clock: c,
		Known: consent.Known{Facility: func(f care.FacilityCode) bool { return slices.Contains([]care.FacilityCode{here, there}, f) },
			Kind: func(k string) bool { return k == "qd4750" }},
		Births: births{an: t0.AddDate(-40, 0, 0), binh: t0.AddDate(-35, 0, 0), child: t0.AddDate(-5, 0, 0)}}, "hub.test")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// herself is An on the portal, lately proved.
func (w *world) herself() choice.Speaker {
	return choice.Speaker{Person: an, Channel: "portal", SteppedUp: w.clock.Now(), Actor: "session:1"}
}

// permit is a permission for one facility to treat.
func permit() consent.Consent {
	return consent.Consent{Effect: consent.Permit, Purpose: consent.Treatment, Scope: consent.Scope{Readers: []care.FacilityCode{here}}}
}

func denial() consent.Consent {
	return consent.Consent{Effect: consent.Deny, Scope: consent.Scope{Readers: []care.FacilityCode{there}}}
}

func (w *world) say(s choice.Speaker, c consent.Consent) *consent.Consent {
	w.t.Helper()
	out, err := w.desk.Say(w.t.Context(), s, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// reads is what a clinician of a facility finds of An's says now, as readers do.
func (w *world) finding(facility care.FacilityCode) consent.Finding {
	w.t.Helper()
	now := w.clock.Now()
	standing, err := w.s.Consents.Standing(w.t.Context(), an, consent.OpeningID{}, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return consent.Facts(standing, &consent.Record{Author: "01001", Kind: "qd4750", Received: t0.AddDate(-1, 0, 0)}, consent.Asker{Facility: facility, Purpose: consent.Treatment}, now)
}

func (w *world) keys(kid string) (*ecdsa.PublicKey, error) {
	if kid != w.kid {
		return nil, errors.New("another key")
	}
	return &w.key.PublicKey, nil
}

func (w *world) receipt(c *consent.Consent) *choice.Receipt {
	w.t.Helper()
	r, err := choice.VerifyReceipt(c.Receipt, w.keys)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) want(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%v, want %v", err, want)
	}
}
