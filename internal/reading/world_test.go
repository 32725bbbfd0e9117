package reading_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// world is a desk over a store in memory.
type world struct {
	store.Records
	store.People
	store.Openings
	*clock.Fake
	desk  *reading.Desk
	vault *vault.Vault
	key   *ecdsa.PrivateKey
	keys  []jose.JSONWebKey

	mu       sync.Mutex
	once     map[string]bool
	openings []consent.Opening
	notices  []matter.Notice
	codes    []string
	sentTo   []store.PersonID
	referred []reading.Referral
	left     time.Time
	said     map[consent.ID]consent.Consent
}

func (w *world) Find(_ context.Context, claim []vault.Keyed) ([]store.PersonID, error) {
	for _, c := range claim {
		if c == w.vault.Hash(vault.Citizen, []byte(annNumber)) || c == w.vault.Hash(vault.Card, []byte(annSocial)) {
			return []store.PersonID{ann}, nil
		}
	}
	return nil, nil
}

func (w *world) Get(_ context.Context, _ role.Scope, id dossier.ID) (*store.Record, error) {
	if id == slipID {
		return &store.Record{ID: id, Person: ann}, nil
	}
	return nil, store.ErrAbsent
}

func (w *world) List(_ context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error) {
	if scope.Facility == "79901" && len(f.Subject) > 0 && f.Subject[0] == w.vault.Hash(vault.Subject, []byte("79901"), []byte(annLocalID)) {
		return []store.Record{{Person: ann}}, false, nil
	}
	return nil, false, nil
}

func (w *world) Once(_ context.Context, client, jti string, _ time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.once[client+jti] {
		return false, nil
	}
	w.once[client+jti] = true
	return true, nil
}

func (w *world) Begin(_ context.Context, o consent.Opening, n matter.Notice, m *matter.Matter, _ store.Act) error {
	if m != nil {
		return errors.New("no matter is owed for this")
	}
	w.openings, w.notices = append(w.openings, o), append(w.notices, n)
	return nil
}

func (w *world) Opening(_ context.Context, id consent.OpeningID) (*consent.Opening, error) {
	for _, o := range w.openings {
		if o.ID == id {
			return &o, nil
		}
	}
	return nil, store.ErrAbsent
}

func (w *world) EndOpening(_ context.Context, id consent.OpeningID, at time.Time, by string, _ store.Act) error {
	for i := range w.openings {
		if o := &w.openings[i]; o.ID == id && o.Live(at) {
			o.Ended, o.EndedBy = at, by
			return nil
		}
	}
	return store.ErrAbsent
}

type openings struct{ *world }

func (o openings) Openings(_ context.Context, f consent.OpeningFilter) (out []consent.Opening, _ error) {
	for _, x := range o.openings {
		if (f.Person == care.Person{} || x.Person == f.Person) && (f.Facility == "" || x.Facility == f.Facility) && (f.Basis == "" || x.Basis == f.Basis) && x.Live(f.LiveAt) {
			out = append(out, x)
		}
	}
	return out, nil
}

func (o openings) Begin(ctx context.Context, x consent.Opening, n matter.Notice, m *matter.Matter, a store.Act) error {
	return o.world.Begin(ctx, x, n, m, a)
}

func (o openings) Opening(ctx context.Context, id consent.OpeningID) (*consent.Opening, error) {
	return o.world.Opening(ctx, id)
}

func (o openings) EndOpening(ctx context.Context, id consent.OpeningID, at time.Time, by string, a store.Act) error {
	return o.world.EndOpening(ctx, id, at, by, a)
}

func (o openings) Renew(context.Context, consent.OpeningID, care.Staff, time.Time, matter.Notice, store.Act) error {
	return nil
}

func (o openings) CountOpenings(context.Context, care.FacilityCode, care.Staff, time.Time) (map[string]int, error) {
	return nil, nil
}

func (o openings) EndOpenings(context.Context, care.FacilityCode, store.PersonID, string, time.Time, string) (int, error) {
	return 0, nil
}

func (w *world) Referred(context.Context, store.PersonID, care.FacilityCode) ([]reading.Referral, error) {
	return w.referred, nil
}

func (w *world) Left(context.Context, care.FacilityCode, store.PersonID, time.Time) (time.Time, error) {
	return w.left, nil
}

func (w *world) Code(_ context.Context, p store.PersonID, _ care.FacilityCode, code string, _ time.Time) error {
	w.codes, w.sentTo = append(w.codes, code), append(w.sentTo, p)
	return nil
}

func (w *world) PresenceKeys(context.Context) (string, []jose.JSONWebKey, error) {
	return issuer, w.keys, nil
}

func (w *world) Ask(_ context.Context, c consent.Consent) (consent.ID, error) {
	c.ID, c.State = consent.ID{byte(len(w.said) + 1)}, consent.Requested
	w.said[c.ID] = c
	return c.ID, nil
}

func (w *world) State(_ context.Context, id consent.ID) (*consent.Consent, error) {
	c, ok := w.said[id]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &c, nil
}

func setup(t testing.TB) *world {
	t.Helper()
	secret := make([]byte, 32)
	v, err := vault.New(vault.Config{Master: secret, Peppers: map[int][]byte{1: secret}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Fake: clock.NewFake(start), vault: v, key: key, once: map[string]bool{}, said: map[consent.ID]consent.Consent{},
		keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "ES256"}}}
	w.desk, err = reading.New(reading.Deps{Records: w, People: w, Openings: openings{w}, Once: w, Vault: v, Facts: w, Phone: w, Apps: w, Chips: w, Asker: w, Clock: w.Fake}, reading.Config{Lookups: 20})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) find(t testing.TB, who reading.Who, text string) reading.Found {
	t.Helper()
	f, err := w.desk.Find(t.Context(), who, text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// signed is a proof; change may make it wrong.
func (w *world) signed(t testing.TB, typ, nonce, number string, change func(map[string]any)) string {
	t.Helper()
	claims := map[string]any{"iss": issuer, "aud": reading.Audience, "nonce": nonce, "facility": "79901", "citizen_id": number,
		"iat": w.Now().Unix(), "exp": w.Now().Add(time.Minute).Unix()}
	if change != nil {
		change(claims)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: w.key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
