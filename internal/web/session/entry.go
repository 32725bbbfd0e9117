package session

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Entry is who comes in, as a provider of identities or a login link says.
type Entry struct {
	Role      role.Role
	Name      string // for the corner of the page; kept only sealed where it is a person's
	Staff     care.Staff
	Person    store.PersonID
	Level     int
	SteppedUp time.Time
	Device    string // kind of browser, as shown in the list of sessions
}

// known reports whether the entry is of somebody by name.
func (e *Entry) known() bool { return e.Staff != care.Staff{} || e.Person != store.PersonID{} }

// Open ends the browser's session, begins one for who comes in and sets its cookie.
func (k *Keeper) Open(w http.ResponseWriter, r *http.Request, e Entry) error {
	if err := k.EndCurrent(w, r); err != nil {
		return err
	}
	if e.Device == "" && e.known() {
		e.Device = Browser(r.UserAgent())
	}
	c, err := k.Grant(r.Context(), e)
	if err != nil {
		return err
	}
	http.SetCookie(w, c)
	return nil
}

// Grant begins a session and returns the cookie that opens it: for Open, and for
// tests that log somebody in without a provider.
func (k *Keeper) Grant(ctx context.Context, e Entry) (*http.Cookie, error) {
	if _, err := role.Parse(e.Role.String()); err != nil {
		return nil, err
	}
	secret, hash, err := mint()
	if err != nil {
		return nil, err
	}
	name := e.Name
	if e.known() {
		if name, err = sealName(secret, name); err != nil {
			return nil, err
		}
	}
	now, life := k.clock.Now(), k.config.Life
	if e.Staff != (care.Staff{}) {
		life = k.config.StaffLife
	}
	s := store.Session{Hash: hash, Role: e.Role.String(), Name: name, Began: now, Expires: now.Add(life), Staff: e.Staff, Person: e.Person,
		Level: e.Level, SteppedUp: e.SteppedUp, Device: e.Device}
	if err := k.access.PutSession(ctx, s); err != nil {
		return nil, err
	}
	return k.cookie(secret, int(life/time.Second)), nil
}

// sealedName marks a name that only the browser's token opens.
const sealedName = "~"

// nameCipher is of the token that the browser alone has: the store keeps its
// hash, so that who reads the store reads no name.
func nameCipher(token string) (cipher.AEAD, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, raw, nil, "lienthong/session-name/v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func sealName(token, name string) (string, error) {
	c, err := nameCipher(token)
	if err != nil {
		return "", err
	}
	return sealedName + base64.RawURLEncoding.EncodeToString(c.Seal(nil, nil, []byte(name), nil)), nil
}

// named opens a name by the browser's token; "" where it cannot be.
func (k *Keeper) named(r *http.Request, name string) string {
	text, sealed := strings.CutPrefix(name, sealedName)
	if !sealed {
		return name
	}
	cookie, err := r.Cookie(k.name())
	if err != nil {
		return ""
	}
	c, err := nameCipher(cookie.Value)
	if err != nil {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	plain, err := c.Open(nil, nil, raw, nil)
	if err != nil {
		return ""
	}
	return string(plain)
}

// errLogins: the keeper was made without store.Logins.
var errLogins = errors.New("session: no logins are kept")

// StepUp keeps that the browser's second factor was given now.
func (k *Keeper) StepUp(r *http.Request) error {
	hash, ok := k.hashOf(r)
	if !ok {
		return ErrNone
	}
	if k.config.Logins == nil {
		return errLogins
	}
	err := k.config.Logins.StepUp(r.Context(), hash, k.clock.Now())
	if errors.Is(err, store.ErrAbsent) {
		return ErrNone
	}
	return err
}

// Listed is one session of somebody, as they see it.
type Listed struct {
	Mark    string // names it for EndOwn
	Role    role.Role
	Device  string
	Began   time.Time
	Expires time.Time
	Current bool
}

// Own lists the live sessions of who sits at the browser, newest first; of a
// login link's reader only this one is known, and none is listed.
func (k *Keeper) Own(r *http.Request) ([]Listed, error) {
	who, err := k.Current(r)
	if err != nil || k.config.Logins == nil {
		return nil, err
	}
	all, err := k.config.Logins.SessionsOf(r.Context(), store.Owner{Staff: who.Staff, Person: who.Person}, k.clock.Now())
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(all))
	for _, s := range all {
		sits, err := role.Parse(s.Role)
		if err != nil {
			return nil, err
		}
		mark := hex.EncodeToString(s.Hash[:5])
		out = append(out, Listed{Mark: mark, Role: sits, Device: s.Device, Began: s.Began, Expires: s.Expires, Current: mark == who.Mark})
	}
	return out, nil
}

// EndOwn ends a session of who sits at the browser, "others" all but this one. A
// mark of nobody's or of another's ends nothing.
func (k *Keeper) EndOwn(r *http.Request, mark string) error {
	who, err := k.Current(r)
	if err != nil {
		return err
	}
	list, err := k.Own(r)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.Mark != mark && (mark != "others" || s.Current) {
			continue
		}
		prefix, err := hex.DecodeString(s.Mark)
		if err != nil {
			return err
		}
		if _, err := k.config.Logins.EndSessions(r.Context(), store.Owner{Staff: who.Staff, Person: who.Person}, prefix); err != nil {
			return err
		}
	}
	return nil
}

// Device keeps that somebody logged in with this browser, which it knows by a
// cookie of its own. fresh: the first time, though not the first login of all;
// last: the login before, zero where there was none.
func (k *Keeper) Device(w http.ResponseWriter, r *http.Request, who store.Owner) (fresh bool, last time.Time, err error) {
	if k.config.Logins == nil {
		return false, time.Time{}, nil
	}
	name := k.name() + "-device"
	token, hash := "", [32]byte{}
	if c, err := r.Cookie(name); err == nil {
		if h, ok := parse(c.Value); ok {
			token, hash = c.Value, h
		}
	}
	if token == "" {
		if token, hash, err = mint(); err != nil {
			return false, time.Time{}, err
		}
	}
	c := k.cookie(token, int(400*24*time.Hour/time.Second))
	c.Name = name
	http.SetCookie(w, c)
	fresh, last, err = k.config.Logins.Device(r.Context(), who, hash, k.clock.Now())
	return fresh && !last.IsZero(), last, err
}

// DeviceSince returns when somebody first logged in with this browser, and a mark
// of it; zero and "" where the browser is not known.
func (k *Keeper) DeviceSince(r *http.Request, who store.Owner) (since time.Time, mark string, err error) {
	if k.config.Logins == nil {
		return time.Time{}, "", nil
	}
	c, err := r.Cookie(k.name() + "-device")
	if err != nil {
		return time.Time{}, "", nil
	}
	hash, ok := parse(c.Value)
	if !ok {
		return time.Time{}, "", nil
	}
	since, err = k.config.Logins.Since(r.Context(), who, hash)
	if errors.Is(err, store.ErrAbsent) {
		return time.Time{}, "", nil
	}
	return since, hex.EncodeToString(hash[:8]), err
}

// Browser names the kind of a browser in a few words: no version, nothing that
// tells one from another.
func Browser(agent string) string {
	pick := func(pairs ...[2]string) string {
		for _, p := range pairs {
			if strings.Contains(agent, p[0]) {
				return p[1]
			}
		}
		return ""
	}
	browser := pick([2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"}, [2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := pick([2]string{"Android", "Android"}, [2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Windows", "Windows"},
		[2]string{"Mac OS X", "macOS"}, [2]string{"Linux", "Linux"})
	return strings.TrimPrefix(strings.TrimSuffix(browser+", "+system, ", "), ", ")
}

// StepUpLife is how long a second factor holds; UrgentLife in an emergency.
const (
	StepUpLife = 10 * time.Minute
	UrgentLife = 5 * time.Minute
	clockSlack = time.Minute // of hubs whose clocks differ
)

// Fresh reports whether a second factor given at holds at now. One that lies in
// the future was given before the clock was set back: it holds no more.
func Fresh(given, now time.Time, life time.Duration) bool {
	return !given.IsZero() && now.Sub(given) < life && !given.After(now.Add(clockSlack))
}
