package enrol_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/enrol"
	"lienthong/internal/store"
)

func code(t testing.TB, seed byte) enrol.Code {
	t.Helper()
	c, err := enrol.NewCode(mathrand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACodeIsReadAsPeopleSayIt(t *testing.T) {
	t.Parallel()
	for seed := range byte(50) {
		c := code(t, seed)
		s := c.String()
		if len(s) != 34 || strings.Count(s, "-") != 6 || strings.ContainsAny(s, "ILOU") {
			t.Fatalf("%q", s)
		}
		for _, said := range []string{s, strings.ToLower(s), strings.ReplaceAll(s, "-", ""), strings.ReplaceAll(s, "-", " "), " " + s + "\n",
			strings.NewReplacer("0", "o", "1", "l").Replace(s), strings.ReplaceAll(s, "1", "I")} {
			if got, err := enrol.ParseCode(said); err != nil || got != c {
				t.Errorf("%q: %v", said, err)
			}
		}
	}
	if code(t, 1).Hash() == code(t, 2).Hash() {
		t.Error("two codes, one hash")
	}
}

// Every single wrong character, and every two neighbours changed over, is
// noticed without asking the hub.
func TestMistypedCodesAreNoticed(t *testing.T) {
	t.Parallel()
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	for seed := range byte(5) {
		s := strings.ReplaceAll(code(t, seed).String(), "-", "")
		for i := range s {
			for _, r := range alphabet {
				if wrong := s[:i] + string(r) + s[i+1:]; wrong != s {
					if _, err := enrol.ParseCode(wrong); !errors.Is(err, enrol.ErrInvite) {
						t.Fatalf("%s is taken for %s", wrong, s)
					}
				}
			}
			if i > 0 && s[i] != s[i-1] {
				if _, err := enrol.ParseCode(s[:i-1] + string(s[i]) + string(s[i-1]) + s[i+1:]); !errors.Is(err, enrol.ErrInvite) {
					t.Fatalf("%s with %d and %d changed over is taken", s, i-1, i)
				}
			}
		}
		for _, wrong := range []string{s[1:], s + "0", "", strings.Repeat("-", 200), s[:27] + "U", s[:27] + "é"} {
			if _, err := enrol.ParseCode(wrong); !errors.Is(err, enrol.ErrInvite) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add(code(f, 1).String())
	f.Add("oooo-iiii")
	f.Add(strings.Repeat("0", 28))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := enrol.ParseCode(s)
		if err != nil {
			return
		}
		if again, err := enrol.ParseCode(c.String()); err != nil || again != c {
			t.Errorf("%q is read as %s, and that not again", s, c)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"invite":"a","public_key":"` + spki(f) + `","software":"x"}`))
	f.Add([]byte(`{"invite":"a","public_key":"AA==","software":"x"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := enrol.ParseRequest(b); err == nil && (enrol.CheckKey(q.PublicKey) != nil || store.CheckText(q.Software, q.Invite) != nil && strings.Contains(q.Software, "\x00")) {
			t.Errorf("%+v", q)
		}
	})
}

func FuzzParseSequence(f *testing.F) {
	for _, s := range []string{"1 -", "2 " + strings.Repeat("ab", 16), "0 -", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := enrol.ParseSequence(s)
		if err == nil && fmt.Sprintf("%d %s", p.N, p.Prev) != s {
			t.Errorf("%q is read as %+v", s, p)
		}
	})
}

func spki(t testing.TB) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// kept is a store of nothing but sequences, as simple as can be.
type kept struct {
	store.Enrolments
	invites int
	n       map[string]int64
	token   map[string]string
	prev    map[string]string
	forks   int
	acts    []store.Act
}

func (k *kept) Invite(context.Context, [32]byte) (store.Invite, error) {
	k.invites++
	return store.Invite{}, store.ErrAbsent
}

func (k *kept) Sequence(_ context.Context, s store.Step) (string, bool, error) {
	last, ok := k.token[s.Client]
	if !ok {
		last = "-"
	}
	n := k.n[s.Client]
	switch {
	case s.N == n && s.Prev == k.prev[s.Client]:
		return last, true, nil
	case s.N == n+1 && s.Prev == last, s.N > n+1 && s.Known:
		k.n[s.Client], k.token[s.Client], k.prev[s.Client] = s.N, s.Next, s.Prev
		return s.Next, true, nil
	}
	return "", false, nil
}

func (k *kept) Fork(_ context.Context, _ string, _ time.Time, act store.Act) (bool, error) {
	k.forks++
	k.acts = append(k.acts, act)
	return k.forks == 1, nil
}

var noon = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

func TestWhoTriesCodesIsHeldOff(t *testing.T) {
	t.Parallel()
	c, k := clock.NewFake(noon), &kept{}
	d, err := enrol.New(enrol.Deps{Store: k, Refresh: func(context.Context) error { return nil }, Clock: c, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(spki(t))
	if err != nil {
		t.Fatal(err)
	}
	try := func(from string) error {
		_, err := d.Redeem(t.Context(), from, enrol.Request{Invite: code(t, 1).String(), PublicKey: key})
		return err
	}
	for n := range 10 {
		if err := try("2001:db8::1"); !errors.Is(err, enrol.ErrInvite) {
			t.Fatalf("try %d: %v", n, err)
		}
	}
	for from, want := range map[string]error{"2001:db8::1": enrol.ErrLocked, "2001:db8::ffff:1": enrol.ErrLocked, "2001:db8:0:1::1": enrol.ErrInvite, "192.0.2.1": enrol.ErrInvite} {
		if err := try(from); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", from, err, want)
		}
	}
	if w := d.RetryAfter("2001:db8::1"); w != 15*time.Minute {
		t.Errorf("not heard for %s", w)
	}
	asked := k.invites
	if err := try("2001:db8::1"); !errors.Is(err, enrol.ErrLocked) || k.invites != asked {
		t.Errorf("who is held off costs the store: %v", err)
	}
	c.Advance(15 * time.Minute)
	if err := try("2001:db8::1"); !errors.Is(err, enrol.ErrInvite) {
		t.Errorf("later: %v", err)
	}
	locked := 0
	for n := range 6000 { // from everywhere at once: more networks than are remembered
		if errors.Is(try(fmt.Sprintf("10.%d.%d.1", n/250, n%250)), enrol.ErrLocked) {
			locked++
		}
	}
	if locked != 6000-299 {
		t.Errorf("%d of 6,000 were held off", locked)
	}
	c.Advance(10 * time.Second)
	for n := range 12 {
		if err := try(fmt.Sprintf("192.168.%d.1", n)); errors.Is(err, enrol.ErrLocked) != (n >= 10) {
			t.Errorf("ten seconds later, try %d: %v", n, err)
		}
	}
	if _, err := enrol.New(enrol.Deps{}); err == nil {
		t.Error("a desk of nothing")
	}
}

func TestASequenceSurvivesARestoredHub(t *testing.T) {
	t.Parallel()
	k := &kept{n: map[string]int64{}, token: map[string]string{}, prev: map[string]string{}}
	log := &bytes.Buffer{}
	q, err := enrol.NewSequencer(enrol.SequencerDeps{Store: k, Secret: []byte("secret"), Clock: clock.NewFake(noon), Random: rand.Reader,
		Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	last := "-"
	for n := 1; n <= 5; n++ {
		if last, err = q.Step(t.Context(), "c", fmt.Sprintf("%d %s", n, last)); err != nil || len(last) != 32 {
			t.Fatal(n, last, err)
		}
	}
	at5 := last
	k.n["c"], k.token["c"] = 2, "of an old copy" // the hub was put back
	if last, err = q.Step(t.Context(), "c", "6 "+at5); err != nil {
		t.Errorf("the hub does not know its own token: %v", err)
	}
	for name, header := range map[string]string{"of another client": "9 " + at5, "made up": "9 " + strings.Repeat("ab", 16)} {
		if _, err := q.Step(t.Context(), "c", header); !errors.Is(err, enrol.ErrForked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := q.Step(t.Context(), "d", "6 "+at5); !errors.Is(err, enrol.ErrForked) {
		t.Errorf("another client's token: %v", err)
	}
	if strings.Count(log.String(), "forked") != 1 || len(k.acts) != 3 || k.acts[0].Object != "c" || len(k.acts[0].Leaf) == 0 {
		t.Errorf("%d acts, log %s", len(k.acts), log)
	}
	if strings.Contains(log.String(), at5) {
		t.Error("a token in the log")
	}
	if _, err := enrol.NewSequencer(enrol.SequencerDeps{}); err == nil {
		t.Error("a sequencer of nothing")
	}
}
