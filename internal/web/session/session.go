// Package session knows which person sits at a browser: one-time login links
// for bootstrap and cookie sessions, kept in a store as hashes of tokens only.
// What a role may see is package role's to say; systems log in at web/api.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Access is what sessions need of a store (store.Access has it).
type Access interface {
	PutLink(ctx context.Context, l store.LoginLink) error
	// UseLink takes a link once; store.ErrAbsent when used, expired or unknown.
	UseLink(ctx context.Context, hash [32]byte, now time.Time) (store.LoginLink, error)
	PutSession(ctx context.Context, s store.Session) error
	// Session returns a live session; store.ErrAbsent otherwise.
	Session(ctx context.Context, hash [32]byte, now time.Time) (store.Session, error)
	EndSession(ctx context.Context, hash [32]byte) error
}

// Config bounds sessions; zero fields take their defaults.
type Config struct {
	Life   time.Duration // of a session; 12 h
	Link   time.Duration // of a login link; 10 minutes (DESIGN §6, `lienthong link`)
	Secure bool          // served over TLS: the cookie is bound to it

	Logins    store.Logins  // second factors, lists of sessions, devices; nil: there are none
	Standing  Standing      // of staff; nil: their session says all
	StaffLife time.Duration // of a session of staff; 10 h
}

// Standing says whether a member of staff may still sit in a role: asked with
// every request, so that a suspension holds from the next one on.
type Standing func(ctx context.Context, who care.Staff, r role.Role) (bool, error)

// ErrLink is the answer to a link that opens nothing.
var ErrLink = fault.New(fault.Unauthenticated, "login.link",
	"Đường dẫn đăng nhập đã dùng hoặc đã hết hạn. Xin một đường dẫn mới.",
	"This login link was used or has expired. Ask for a new one.")

// ErrNone is the answer to a browser without a session.
var ErrNone = fault.New(fault.Unauthenticated, "login.none",
	"Chưa đăng nhập.", "Nobody is logged in.")

// Reader is the person at a browser.
type Reader struct {
	Role role.Role
	Name string // shown in the corner
	Mark string // short public name of the session, for the access log

	Staff     care.Staff     // who, at a facility; zero: a login link
	Person    store.PersonID // of a citizen
	Level     int            // of identity proof: 0 a link, 1, 2
	SteppedUp time.Time      // when the second factor was last given; zero: never
}

// Keeper keeps links and sessions.
type Keeper struct {
	access Access
	clock  clock.Clock
	config Config
}

// New returns a Keeper.
func New(access Access, clk clock.Clock, config Config) (*Keeper, error) {
	if access == nil || clk == nil {
		return nil, errors.New("session: a store and a clock are needed")
	}
	if config.Life < 0 || config.Link < 0 {
		return nil, errors.New("session: lives must not be negative")
	}
	if config.Life == 0 {
		config.Life = 12 * time.Hour
	}
	if config.Link == 0 {
		config.Link = 10 * time.Minute
	}
	if config.StaffLife <= 0 {
		config.StaffLife = 10 * time.Hour
	}
	return &Keeper{access: access, clock: clk, config: config}, nil
}

// Link makes a one-time login token for a role; next is the local path to open
// first, "" for the role's own first page.
func (k *Keeper) Link(ctx context.Context, r role.Role, next string) (string, error) {
	if _, err := role.Parse(r.String()); err != nil {
		return "", err
	}
	token, hash, err := mint()
	if err != nil {
		return "", err
	}
	return token, k.access.PutLink(ctx, store.LoginLink{
		Hash: hash, Role: r.String(), Expires: k.clock.Now().Add(k.config.Link), Next: LocalPath(next)})
}

// Begin uses up a login token, starts a session and sets its cookie. It
// returns the path to open first. ErrLink when the token opens nothing.
func (k *Keeper) Begin(w http.ResponseWriter, r *http.Request, token string) (string, error) {
	now := k.clock.Now()
	hash, ok := parse(token)
	if !ok {
		return "", ErrLink
	}
	link, err := k.access.UseLink(r.Context(), hash, now)
	if errors.Is(err, store.ErrAbsent) {
		return "", ErrLink
	} else if err != nil {
		return "", err
	}
	who, err := role.Parse(link.Role)
	if err != nil {
		return "", err
	}
	if err := k.Open(w, r, Entry{Role: who, Name: who.String()}); err != nil {
		return "", err
	}
	return LocalPath(link.Next), nil
}

// Current returns who sits at the browser; ErrNone when nobody does.
func (k *Keeper) Current(r *http.Request) (Reader, error) {
	hash, ok := k.hashOf(r)
	if !ok {
		return Reader{}, ErrNone
	}
	s, err := k.access.Session(r.Context(), hash, k.clock.Now())
	if errors.Is(err, store.ErrAbsent) {
		return Reader{}, ErrNone
	} else if err != nil {
		return Reader{}, err
	}
	who, err := role.Parse(s.Role)
	if err != nil {
		return Reader{}, err
	}
	if s.Staff != (care.Staff{}) && k.config.Standing != nil {
		stands, err := k.config.Standing(r.Context(), s.Staff, who)
		if err != nil {
			return Reader{}, err
		}
		if !stands {
			return Reader{}, ErrNone
		}
	}
	return Reader{Role: who, Name: k.named(r, s.Name), Mark: hex.EncodeToString(hash[:5]),
		Staff: s.Staff, Person: s.Person, Level: s.Level, SteppedUp: s.SteppedUp}, nil
}

// EndCurrent ends the browser's session, if it has one, and takes its cookie away.
func (k *Keeper) EndCurrent(w http.ResponseWriter, r *http.Request) error {
	hash, ok := k.hashOf(r)
	if !ok {
		return nil
	}
	err := k.access.EndSession(r.Context(), hash)
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return err
	}
	http.SetCookie(w, k.cookie("", -1))
	return nil
}

func (k *Keeper) hashOf(r *http.Request) ([32]byte, bool) {
	c, err := r.Cookie(k.name())
	if err != nil {
		return [32]byte{}, false
	}
	return parse(c.Value)
}

// name is bound to TLS and the host where there is TLS (RFC 6265bis §4.1.3.2).
func (k *Keeper) name() string {
	if k.config.Secure {
		return "__Host-lienthong"
	}
	return "lienthong"
}

// cookie is Lax, not Strict: a link in a message must open the page for whoever
// is logged in; what changes anything is a POST and checked for its origin.
func (k *Keeper) cookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: k.name(), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: k.config.Secure, SameSite: http.SameSiteLaxMode}
}

// mint makes a token of 256 random bits and what is stored of it.
func mint() (string, [32]byte, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", [32]byte{}, err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), sha256.Sum256(b[:]), nil
}

func parse(token string) ([32]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 32 {
		return [32]byte{}, false
	}
	return sha256.Sum256(b), true
}

// LocalPath returns s when it is a path of this site, "" for anything a
// browser could take for another one.
func LocalPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") || len(s) > 500 {
		return ""
	}
	return s
}

// HashToken returns what a store keeps of a token, false for a text that is none.
func HashToken(token string) ([32]byte, bool) { return parse(token) }
