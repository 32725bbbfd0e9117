package station_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/spool"
	"lienthong/internal/agent/station"
	"lienthong/internal/store"
)

// pen seals by giving a file back that was sealed elsewhere, once it has its PIN.
type pen struct {
	signer.Signer // what is not used here
	ready         bool
	sealed        map[string][]byte
}

func (p *pen) Seal(_ context.Context, doc []byte) ([]byte, error) {
	if !p.ready {
		return nil, signer.ErrWaiting
	}
	if s, ok := p.sealed[string(doc)]; ok {
		return s, nil
	}
	return nil, errors.New("not one of ours")
}

func (p *pen) State() signer.State {
	if p.ready {
		return signer.State{Phase: signer.Ready}
	}
	return signer.State{Phase: signer.WaitingForPIN, Fault: signer.ErrWaiting}
}

func (p *pen) Certificate() *x509.Certificate {
	return &x509.Certificate{NotAfter: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
}

// unsealed takes the signature out of a file.
func unsealed(t *testing.T, raw []byte) []byte {
	t.Helper()
	text := string(raw)
	from, to := strings.Index(text, "<CHUKYDONVI>")+len("<CHUKYDONVI>"), strings.Index(text, "</CHUKYDONVI>")
	if from < 0 || to < from {
		t.Fatal("no place for a seal")
	}
	return []byte(text[:from] + text[to:])
}

// Until somebody gives the PIN, what needs a seal waits and everything else goes.
func TestWaitingForThePINHoldsOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	list := some(t, 2)
	p := &pen{sealed: map[string][]byte{string(unsealed(t, list[0].XML)): list[0].XML}}
	w := setup(t, func(d *station.Deps, _ *station.Config) { d.Signer = p })
	bare := w.take("bare.xml", store.Routine, unsealed(t, list[0].XML))
	done := w.take("sealed.xml", store.Routine, list[1].XML)
	w.look()
	w.steps(3)
	state := func(ref spool.Ref) spool.State {
		i, err := w.spool.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		return i.State
	}
	if state(bare) != spool.Unsealed || state(done) != spool.Accepted {
		t.Fatalf("%v, %v", state(bare), state(done))
	}
	if got := codes(t, w); !slices.Contains(got, signer.ErrWaiting.Code) || !slices.Contains(got, station.ErrExpiring.Code) {
		t.Errorf("shown: %v", got)
	}
	if s := w.station.SignerState(); !s.Present || s.State.Phase != signer.WaitingForPIN || s.Expires.IsZero() {
		t.Errorf("%+v", s)
	}
	p.ready = true
	w.look()
	w.steps(3)
	if state(bare) != spool.Accepted {
		t.Fatalf("%v", state(bare))
	}
	if _, order := w.hub.counted(); order[1].sha != shaOf(list[0].XML) {
		t.Error("what was sent is not what was sealed")
	}
	if again := w.take("again.xml", store.Routine, unsealed(t, list[0].XML)); again != bare {
		t.Error("the same file before its seal is another item")
	}
}

// Without anything that seals it is said, and nothing is lost.
func TestWithoutASignerItIsSaid(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ref := w.take("bare.xml", store.Routine, unsealed(t, some(t, 1)[0].XML))
	w.look()
	w.steps(2)
	i, err := w.spool.Get(t.Context(), ref)
	if err != nil || i.State != spool.Unsealed || i.Code != station.ErrNoSigner.Code || !slices.Contains(codes(t, w), station.ErrNoSigner.Code) {
		t.Errorf("%+v, %v, %v", i, err, codes(t, w))
	}
}

// The sealed original goes although the same dossier lies there without a seal.
func TestWithoutASignerTheSealedOriginalGoes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	raw := some(t, 1)[0].XML
	bare := w.take("bare.xml", store.Routine, unsealed(t, raw))
	w.look()
	w.steps(2)
	done := w.take("sealed.xml", store.Routine, raw)
	w.look()
	w.steps(3)
	for ref, want := range map[spool.Ref]spool.State{bare: spool.Held, done: spool.Accepted} {
		if i, err := w.spool.Get(t.Context(), ref); err != nil || i.State != want {
			t.Errorf("%+v, %v", i, err)
		}
	}
}

// rulesOf signs rules as a hub does.
func rulesOf(t *testing.T, key *ecdsa.PrivateKey, kid, typ string, payload map[string]any) []byte {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(token)
}

// Rules count when they are the hub's; whatever else comes is said and not used,
// and files go out all the same.
func TestRulesAreTheHubsOrNone(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki := func(k *ecdsa.PrivateKey) []byte {
		der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	known := []home.ReceiptKey{{ID: "k1", SPKI: spki(key)}}
	w := setup(t, func(_ *station.Deps, c *station.Config) {
		c.Keys = func() ([]home.ReceiptKey, error) { return known, nil }
		c.SaveKeys = func(list []home.ReceiptKey) error { known = list; return nil }
	})
	good := func() map[string]any {
		return map[string]any{"pack": "v1/9999.9", "issued_at": w.clock.Now(), "facility": map[string]any{"code": facilityCode, "name": "x", "certificates": []string{}},
			"receipt_keys": []map[string]any{{"kid": "k2", "spki": spki(next)}}}
	}
	const typ = "lienthong-rules+jws"
	other := good()
	other["facility"] = map[string]any{"code": "79999"}
	for name, token := range map[string][]byte{"nobody's": rulesOf(t, next, "k2", typ, good()), "another type": rulesOf(t, key, "k1", "JWT", good()),
		"another facility": rulesOf(t, key, "k1", typ, other), "no token": []byte("{}"), "a false signature": append(rulesOf(t, key, "k1", typ, good()), 'A')} {
		w.hub.set(func() { w.hub.rules = token })
		if err := w.station.FetchRules(t.Context()); !errors.Is(err, station.ErrRules) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := codes(t, w); !slices.Contains(got, station.ErrRules.Code) || !slices.Contains(got, station.ErrStale.Code) {
		t.Errorf("shown: %v", got)
	}
	w.hub.set(func() { w.hub.rules = rulesOf(t, key, "k1", typ, good()) })
	for range 2 { // the second time they are unchanged
		if err := w.station.FetchRules(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if pack, _ := w.station.Rules(); pack != "v1/9999.9" || len(known) != 2 {
		t.Errorf("%s, %d keys", pack, len(known))
	}
	if got := codes(t, w); !slices.Contains(got, station.ErrNewer.Code) || slices.Contains(got, station.ErrRules.Code) || slices.Contains(got, station.ErrStale.Code) {
		t.Errorf("shown: %v", got)
	}
	w.take("a.xml", store.Routine, some(t, 1)[0].XML) // sealed with a certificate the hub did not name
	w.look()
	w.steps(2)
	if n, _ := w.hub.counted(); n != 1 {
		t.Error("what the rules speak against was not sent")
	}
	w.clock.Advance(8 * 24 * time.Hour)
	w.hub.set(func() { w.hub.rules = nil })
	if err := w.station.FetchRules(t.Context()); err == nil {
		t.Error("no rules were taken")
	}
	if !slices.Contains(codes(t, w), station.ErrStale.Code) {
		t.Errorf("shown: %v", codes(t, w))
	}
}
