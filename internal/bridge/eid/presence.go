package eid

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lienthong/internal/bridge/outbound"
	"lienthong/internal/clock"
)

const (
	keysLife = 5 * time.Minute  // a key that a provider takes back is believed no longer than this
	keysWait = 10 * time.Second // before one that did not answer is asked again
	mostKeys = 20
)

// Presence has the keys of the provider whose app signs that a person is there.
type Presence struct {
	client    *outbound.Client
	providers func(ctx context.Context) ([]Provider, error)
	clock     clock.Clock

	mu   sync.Mutex
	from Provider
	keys []jose.JSONWebKey
	read time.Time // of keys, or of a failure
	bad  error
}

// NewPresence returns it. Of several providers the first is meant.
func NewPresence(client *outbound.Client, providers func(ctx context.Context) ([]Provider, error), c clock.Clock) *Presence {
	return &Presence{client: client, providers: providers, clock: c}
}

// Approved reports whether there is such a provider now.
func (p *Presence) Approved(ctx context.Context) (bool, error) {
	all, err := p.providers(ctx)
	return len(all) > 0, err
}

// PresenceKeys returns the provider's issuer and public keys for ES256, at most
// five minutes old. Faults: eid.no_address where no provider is approved,
// eid.away, outbound.*.
func (p *Presence) PresenceKeys(ctx context.Context) (string, []jose.JSONWebKey, error) {
	all, err := p.providers(ctx)
	if err != nil {
		return "", nil, err
	}
	if len(all) == 0 {
		return "", nil, ErrNobody
	}
	from, now := all[0], p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	same := p.from.ID == from.ID && p.from.Issuer == from.Issuer && p.from.Private == from.Private
	if age := now.Sub(p.read); same && age >= 0 && (p.bad == nil && age < keysLife || p.bad != nil && age < keysWait) {
		return strings.TrimSuffix(from.Issuer, "/"), slices.Clone(p.keys), p.bad
	}
	p.from, p.read = from, now
	p.keys, p.bad = p.fetch(ctx, from)
	return strings.TrimSuffix(from.Issuer, "/"), slices.Clone(p.keys), p.bad
}

// fetch reads the provider's discovery and its keys, both of the issuer's host.
func (p *Presence) fetch(ctx context.Context, from Provider) ([]jose.JSONWebKey, error) {
	issuer := strings.TrimSuffix(from.Issuer, "/")
	raw, err := p.get(ctx, from, issuer+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var meta struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(raw, &meta); err != nil || strings.TrimSuffix(meta.Issuer, "/") != issuer {
		return nil, ErrAway.Because(errors.New("the discovery is not the issuer's"))
	}
	at, err1 := url.Parse(issuer)
	keys, err2 := url.Parse(meta.Keys)
	if err1 != nil || err2 != nil || keys.Host != at.Host || keys.Scheme != at.Scheme {
		return nil, ErrAway.Because(errors.New("keys elsewhere than the issuer"))
	}
	if raw, err = p.get(ctx, from, meta.Keys); err != nil {
		return nil, err
	}
	return ReadKeys(raw)
}

func (p *Presence) get(ctx context.Context, from Provider, at string) ([]byte, error) {
	reply, err := p.client.Exchange(ctx, http.MethodGet, outbound.Call{URL: at, Private: from.Private, Limit: answerLimit}, nil)
	if err != nil {
		return nil, err
	}
	if reply.Status != http.StatusOK {
		return nil, ErrAway
	}
	return reply.Body, nil
}

// ReadKeys reads a JSON Web Key Set (RFC 7517) and keeps its public keys that
// sign with ES256; at most 20. Fault: eid.away.
func ReadKeys(raw []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) > mostKeys {
		return nil, ErrAway.Because(errors.New("no set of keys"))
	}
	var out []jose.JSONWebKey
	for _, one := range set.Keys {
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(one); err != nil { // of a kind that is not known here: another key may do
			continue
		}
		if k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == string(jose.ES256)) && isP256(&k) {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return nil, ErrAway.Because(errors.New("no key that signs with ES256"))
	}
	return out, nil
}

func isP256(k *jose.JSONWebKey) bool {
	key, ok := k.Key.(*ecdsa.PublicKey)
	return ok && key.Curve == elliptic.P256()
}
