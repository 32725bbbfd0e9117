package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/session"
)

// access is store.Access in memory, as far as sessions use it.
type access struct {
	mu       sync.Mutex
	links    map[[32]byte]store.LoginLink
	sessions map[[32]byte]store.Session
}

func (a *access) PutLink(_ context.Context, l store.LoginLink) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.links[l.Hash] = l
	return nil
}

func (a *access) UseLink(_ context.Context, h [32]byte, now time.Time) (store.LoginLink, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, ok := a.links[h]
	delete(a.links, h)
	if !ok || !now.Before(l.Expires) {
		return store.LoginLink{}, store.ErrAbsent
	}
	return l, nil
}

func (a *access) PutSession(_ context.Context, s store.Session) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[s.Hash] = s
	return nil
}

func (a *access) Session(_ context.Context, h [32]byte, now time.Time) (store.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[h]
	if !ok || !now.Before(s.Expires) {
		return store.Session{}, store.ErrAbsent
	}
	return s, nil
}

func (a *access) EndSession(_ context.Context, h [32]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, h)
	return nil
}

func setup(t *testing.T) (*session.Keeper, *access, *clock.Fake) {
	t.Helper()
	a := &access{links: map[[32]byte]store.LoginLink{}, sessions: map[[32]byte]store.Session{}}
	clk := clock.NewFake(time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC))
	k, err := session.New(a, clk, session.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return k, a, clk
}

// login uses a token and returns a request that carries the cookie it set.
func login(t *testing.T, k *session.Keeper, token string) (*http.Request, string, error) {
	t.Helper()
	w := httptest.NewRecorder()
	next, err := k.Begin(w, httptest.NewRequest(http.MethodPost, "/login", nil), token)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			t.Errorf("cookie %+v is open to scripts or other sites", c)
		}
		r.AddCookie(c)
	}
	return r, next, err
}

func TestALinkOpensOneSession(t *testing.T) {
	t.Parallel()
	k, a, _ := setup(t)
	token, err := k.Link(t.Context(), role.Role{Kind: role.Facility, ID: "79901"}, "/try")
	if err != nil {
		t.Fatal(err)
	}
	r, next, err := login(t, k, token)
	if err != nil || next != "/try" {
		t.Fatalf("next %q, %v", next, err)
	}
	got, err := k.Current(r)
	if err != nil || got.Role.String() != "facility:79901" || got.Mark == "" {
		t.Errorf("current %+v, %v", got, err)
	}
	if _, _, err := login(t, k, token); !errors.Is(err, session.ErrLink) {
		t.Errorf("second use: %v", err)
	}
	for h := range a.sessions {
		c, err := r.Cookie("lienthong")
		if err != nil || string(h[:]) == c.Value {
			t.Error("the store holds the token itself")
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	k, _, clk := setup(t)
	token, err := k.Link(t.Context(), role.Role{Kind: role.Operator}, "")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := login(t, k, token)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.EndCurrent(httptest.NewRecorder(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Current(r); !errors.Is(err, session.ErrNone) {
		t.Errorf("after logout: %v", err)
	}
	token, _ = k.Link(t.Context(), role.Role{Kind: role.Operator}, "")
	r, _, err = login(t, k, token)
	if err != nil {
		t.Fatal(err)
	}
	clk.Advance(12 * time.Hour)
	if _, err := k.Current(r); !errors.Is(err, session.ErrNone) {
		t.Errorf("after twelve hours: %v", err)
	}
}

func TestLinksEndAfterTenMinutes(t *testing.T) {
	t.Parallel()
	k, _, clk := setup(t)
	token, err := k.Link(t.Context(), role.Role{Kind: role.Ministry}, "")
	if err != nil {
		t.Fatal(err)
	}
	clk.Advance(10 * time.Minute)
	if _, _, err := login(t, k, token); !errors.Is(err, session.ErrLink) {
		t.Errorf("late use: %v", err)
	}
	if _, err := k.Link(t.Context(), role.Role{Kind: "king"}, ""); !errors.Is(err, role.ErrRole) {
		t.Errorf("a link for no role: %v", err)
	}
}

func TestOnlyLocalPathsFollowALogin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/records?day=20260701": "/records?day=20260701", "//evil.example": "", "https://evil.example": "",
		"/\\evil.example": "", "": "", "/a\nb": "",
	} {
		if got := session.LocalPath(in); got != want {
			t.Errorf("%q gave %q", in, got)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("not base64 !")
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := session.HashToken(s); ok && len(s) < 43 {
			t.Errorf("%q was taken for a token", s)
		}
	})
}
