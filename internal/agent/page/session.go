package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"lienthong/internal/agent/home"
	"lienthong/internal/clock"
)

// Who may look. A port of this machine is open to every user and program of it,
// so being there is no right to read. Whoever may read the agent's directory
// (its own user, root, an administrator) makes a one-time link with `lienthong
// agent page`, through the control socket; the browser it is opened in has a
// session from then on. A session is a cookie and a place ("/p/XXXX/"), both of
// 128 random bits: cookies of 127.0.0.1 go to every port of it, but this one only
// under its place, which a program on another port cannot know. What is kept is
// the SHA-256 of both.

const (
	cookieName = "lienthong-agent"
	onceLife   = 10 * time.Minute
	mostOnce   = 16
	mostLet    = 64
	letFile    = "page.json"
)

// MaxDays is how long a browser may be let in.
const MaxDays = 90

// pass is a session as it is kept.
type pass struct {
	Mark string    `json:"mark"` // hex SHA-256 of place and cookie
	Ends time.Time `json:"ends"`
}

// once is a link that was given out and not opened yet.
type once struct {
	ends time.Time
	life time.Duration
}

// let knows who was let in.
type let struct {
	home  *home.Home
	clock clock.Clock

	mu    sync.Mutex
	links map[string]once
	list  []pass
}

func newLet(h *home.Home, c clock.Clock) (*let, error) {
	l := &let{home: h, clock: c, links: map[string]once{}}
	b, err := h.Read(letFile)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &l.list); err != nil { // nobody is let in; the next link writes it anew
		l.list = nil
	}
	return l, nil
}

func markOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// link gives out a link; its secret is in no store.
func (l *let) link(life time.Duration) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	for k, o := range l.links {
		if !now.Before(o.ends) {
			delete(l.links, k)
		}
	}
	if len(l.links) >= mostOnce {
		clear(l.links)
	}
	secret := rand.Text()
	l.links[markOf(secret)] = once{now.Add(onceLife), life}
	return secret
}

// redeem opens a link, once, and returns the place and cookie of a new session.
func (l *let) redeem(secret string) (at, value string, ends time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	o, ok := l.links[markOf(secret)]
	delete(l.links, markOf(secret))
	if !ok || !now.Before(o.ends) {
		return "", "", ends, errOnce
	}
	at, value, ends = rand.Text(), rand.Text(), now.Add(o.life)
	list := slices.DeleteFunc(slices.Clone(l.list), func(p pass) bool { return !now.Before(p.Ends) })
	if len(list) >= mostLet {
		list = list[1:]
	}
	return at, value, ends, l.keep(append(list, pass{markOf(at + "." + value), ends.UTC()}))
}

// keep writes the list and then holds it.
func (l *let) keep(list []pass) error {
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	if err := l.home.Write(letFile, b); err != nil {
		return err
	}
	l.list = list
	return nil
}

// in reports whether a request is of a session of a place.
func (l *let) in(r *http.Request, at string) bool {
	c, err := r.Cookie(cookieName)
	if err != nil || at == "" {
		return false
	}
	mark := markOf(at + "." + c.Value) // looked up by its digest: nothing to learn from how long it takes
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.list, func(p pass) bool { return p.Mark == mark && l.clock.Now().Before(p.Ends) })
}

// end forgets one session, or with mark "" all sessions and links.
func (l *let) end(mark string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mark == "" {
		clear(l.links)
	}
	return l.keep(slices.DeleteFunc(slices.Clone(l.list), func(p pass) bool { return mark == "" || p.Mark == mark }))
}

// Link returns the address of a page that lets the browser it is opened in look
// for days days (1 to MaxDays; 0 is 1). It is good once, for ten minutes.
func (p *Page) Link(days int) string {
	days = min(max(days, 1), MaxDays)
	return "http://" + p.Home.Config().Listen + "/open/" + p.let.link(time.Duration(days)*24*time.Hour)
}

// End shuts every browser out.
func (p *Page) End() error { return p.let.end("") }

func (p *Page) open(w http.ResponseWriter, r *http.Request) {
	at, value, ends, err := p.let.redeem(r.PathValue("once"))
	if errors.Is(err, errOnce) {
		p.closed(w, r, http.StatusUnauthorized)
		return
	}
	if err != nil {
		p.Logger.ErrorContext(r.Context(), "nobody could be let in", "error", err)
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: place + at + "/", Expires: ends, HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, place+at+"/", http.StatusSeeOther)
}

var errOnce = errors.New("page: a link that is not open")

func (p *Page) leave(w http.ResponseWriter, r *http.Request, f frame) {
	if err := p.let.end(markOf(r.PathValue("place") + "." + cookie(r, cookieName))); err != nil {
		p.fail(w, r, f, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: f.at + "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
