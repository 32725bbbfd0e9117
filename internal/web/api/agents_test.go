package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/enrol"
	"lienthong/internal/facility"
	"lienthong/internal/ledger"
	"lienthong/internal/quality"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/edge"
)

// agentStore is what agents are answered from: one invite, one record, one day.
type agentStore struct {
	store.Enrolments
	store.Feeds
	invite [32]byte
	n      int64
	token  string
	forked bool
}

func (s *agentStore) Invite(_ context.Context, hash [32]byte) (store.Invite, error) {
	if hash != s.invite {
		return store.Invite{}, store.ErrAbsent
	}
	return store.Invite{Hash: hash, Facility: "79901"}, nil
}

func (s *agentStore) Second(context.Context) (bool, error) { return true, nil }

func (s *agentStore) Redeem(_ context.Context, hash [32]byte, a store.Applicant, _ bool, _ store.Act) (store.Invite, error) {
	return store.Invite{Hash: hash, Facility: "79901", Client: a.ID, Waiting: true}, nil
}

func (s *agentStore) Sequence(_ context.Context, x store.Step) (string, bool, error) {
	if x.N != s.n+1 || s.n > 0 && x.Prev != s.token {
		return "", false, nil
	}
	s.n, s.token = x.N, x.Next
	return s.token, true, nil
}

func (s *agentStore) Fork(context.Context, string, time.Time, store.Act) (bool, error) {
	s.forked = true
	return true, nil
}

func (s *agentStore) After(_ context.Context, _ care.FacilityCode, after string, _ int) ([]store.Fed, string, error) {
	if _, err := store.ParseFeedPlace(after); err != nil || after == "0.1" {
		return nil, after, err
	}
	return []store.Fed{{Record: row(1), Digest: [32]byte{1}}}, "0.1", nil
}

func (s *agentStore) Day(context.Context, care.FacilityCode, int, int) ([]store.Dispatched, error) {
	return []store.Dispatched{{Record: id(1), Kind: "qd4750", State: dossier.Accepted, Digest: [32]byte{1}}}, nil
}

func (s *agentStore) Annotations(context.Context, care.FacilityCode, time.Time, int) ([]store.Annotation, error) {
	return []store.Annotation{{Record: id(1), What: store.SealRevoked, At: noon}}, nil
}

func (s *agentStore) PutManifest(context.Context, store.Manifest) error { return nil }

func (s *agentStore) Manifests(context.Context, role.Scope, care.FacilityCode, int, int) ([]store.Manifest, error) {
	return []store.Manifest{{Facility: "79901", Day: 20260301, At: noon, Sent: 1, Missing: -1, Extra: -1}}, nil
}

var invited = enrol.Code{1, 2, 3}

// agents is the edge over such a store.
func agents(t testing.TB, c *clock.Fake) *edge.Edge {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.NewReceiptKey(k)
	if err != nil {
		t.Fatal(err)
	}
	s := &agentStore{invite: invited.Hash()}
	desk, err := enrol.New(enrol.Deps{Store: s, Refresh: func(context.Context) error { return nil }, Clock: c, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	q, err := enrol.NewSequencer(enrol.SequencerDeps{Store: s, Clock: c, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	dir := facility.NewDirectory(facility.Contents{Versions: []facility.Version{{Code: "79901", Name: "Bệnh viện"}}})
	e, err := edge.New(edge.Deps{Hub: "test.local", Key: key, LogKeys: func(context.Context) ([]string, error) { return []string{"key"}, nil },
		Directory: func() *facility.Directory { return dir }, Pack: quality.V1, Enrol: desk, Sequence: q, Feeds: s,
		Episode: func(edge.Caller, *store.Record) string { return "LK1" },
		Reserve: func(context.Context, int64, bool) (func(), error) { return func() {}, nil }, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What agents are answered is as the description says: every call here is held
// against it.
func TestAgentsAreAnsweredAsDescribed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own, err := ledger.NewReceiptKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	request := func(code string) string {
		return fmt.Sprintf(`{"invite":%q,"public_key":%q,"software":"HIS/1"}`, code, base64.StdEncoding.EncodeToString(own.SPKI()))
	}
	if rec := w.request("POST", "/api/v1/enrolments", "", strings.NewReader(request(invited.String()))); rec.Code != http.StatusCreated || !strings.Contains(rec.Body.String(), `"waiting"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	for range 10 {
		if rec := w.request("POST", "/api/v1/enrolments", "", strings.NewReader(request("no"))); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	}
	if rec := w.request("POST", "/api/v1/enrolments", "", strings.NewReader(request(invited.String()))); rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "900" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	element := strings.Repeat("0", 64)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/api/v1/feed", "", 200}, {"GET", "/api/v1/feed?since=%25", "", 422}, {"GET", "/api/v1/rules", "", 200},
		{"PUT", "/api/v1/manifests/2026-03-01", `{"kinds":[]}`, 200},
		{"PUT", "/api/v1/manifests/2026-03-01", `{"kinds":[],"buckets":{"qd4750":{}}}`, 200},
		{"PUT", "/api/v1/manifests/2026-03-01", `{"kinds":[],"elements":{"qd4750":{"0":["` + element + `"]}}}`, 200},
		{"PUT", "/api/v1/manifests/yesterday", `{"kinds":[]}`, 422}, {"PUT", "/api/v1/manifests/2026-03-01", `{`, 422},
		{"GET", "/api/v1/manifests", "", 200}, {"GET", "/api/v1/manifests?from=x", "", 422},
	} {
		if rec := w.request(c.method, c.path, hospital, strings.NewReader(c.body)); rec.Code != c.want {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, rec.Code, rec.Body)
		}
	}
}

func TestASequenceIsAnsweredAndItsForkRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rec := w.send("ok", "Agent-Sequence: 1 -")
	next := rec.Header().Get("Agent-Sequence-Next")
	if rec.Code != http.StatusOK || len(next) != 32 {
		t.Fatalf("%d %q %s", rec.Code, next, rec.Body)
	}
	if rec = w.send("ok"); rec.Code != http.StatusOK || rec.Header().Get("Agent-Sequence-Next") != "" {
		t.Errorf("who says none is not checked: %d", rec.Code)
	}
	sent := len(w.intake.files)
	if rec = w.send("ok", "Agent-Sequence: 5 "+next); rec.Code != http.StatusConflict || read[line](t, rec).Code != "sender.forked" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec = w.send("ok", "Agent-Sequence: x"); rec.Code != http.StatusUnprocessableEntity || read[line](t, rec).Code != "sender.sequence" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if len(w.intake.files) != sent {
		t.Error("what was refused was taken in")
	}
}
