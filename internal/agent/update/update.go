// Package update replaces the agent's program by a newer one: a manifest signed
// with a key known since setup, a program with the SHA-256 it names, swapped in
// whole beside the previous one, and put back by itself when the new one does not
// work. Nothing is run before its signature and sum were checked.
//
// It decides nothing about when; a person or a timer runs it. It is not how
// rules change: those come with the hub's rule pack.
package update

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"lienthong/internal/clock"
)

// Config is what an Updater works with.
type Config struct {
	Key      string // verifier key of the releases
	Current  string // version that runs; "" is Version()
	Binary   string // the program's file
	Platform string // "" is this machine's
	HTTP     *http.Client
	Clock    clock.Clock
	// Restart starts the service anew; nil: the program is no service here, and
	// whoever runs it starts it again.
	Restart func(ctx context.Context) error
	// Healthy returns nil once the agent that runs is of this version and works. It
	// is asked again and again until Wait is over.
	Healthy func(ctx context.Context, version string) error
	Wait    time.Duration // default 60 s
	Sleep   func(ctx context.Context, d time.Duration) error
}

// Updater updates one program.
type Updater struct{ cfg Config }

// Outcome is what an update did.
type Outcome struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Changed bool   `json:"changed"` // false: that version runs already
}

// record is kept beside the program: what was swapped, and whether it works.
type record struct {
	From  string    `json:"from"`
	To    string    `json:"to"`
	At    time.Time `json:"at"`
	State string    `json:"state"`
}

const (
	statePending = "pending" // swapped in, not yet known to work
	stateHealthy = "healthy"
	stateBack    = "rolled_back"
)

// New returns an updater. Fault: update.key for no key.
func New(c Config) (*Updater, error) {
	if c.Key == "" {
		return nil, ErrKey
	}
	if c.Current == "" {
		c.Current = Version()
	}
	if c.Platform == "" {
		c.Platform = runtime.GOOS + "/" + runtime.GOARCH
	}
	if c.Wait == 0 {
		c.Wait = time.Minute
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if real, err := filepath.EvalSymlinks(c.Binary); err == nil {
		c.Binary = real
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTP = &client
	return &Updater{cfg: c}, nil
}

func (u *Updater) previous() string { return u.cfg.Binary + ".previous" }

// Apply fetches a manifest from a URL or path and installs what it names. Four
// things may happen:
//  1. The version runs already: nothing changes.
//  2. The new version is in place and works.
//  3. The new version does not work: the previous one is back and works;
//     update.sick.
//  4. Nothing was touched: update.key, update.manifest, update.older,
//     update.no_program, update.program, update.fetch, update.place.
func (u *Updater) Apply(ctx context.Context, from string, allowOlder bool) (Outcome, error) {
	out := Outcome{From: u.cfg.Current}
	b, err := u.fetch(ctx, from, maxManifest)
	if err != nil {
		return out, err
	}
	m, err := OpenManifest(b, u.cfg.Key)
	if err != nil {
		return out, err
	}
	out.To = m.Version
	switch order := compare(m.Version, u.cfg.Current); {
	case order == 0:
		return out, nil
	case order < 0 && !allowOlder:
		return out, ErrOlder
	}
	p, ok := m.For(u.cfg.Platform)
	if !ok {
		return out, ErrNoProgram
	}
	fresh, err := u.program(ctx, beside(from, p.Name), p)
	if err != nil {
		return out, err
	}
	if err := u.write(record{From: u.cfg.Current, To: m.Version, State: statePending}); err != nil {
		return out, errors.Join(err, os.Remove(fresh))
	}
	if err := u.swap(fresh); err != nil {
		return out, errors.Join(err, u.write(record{From: u.cfg.Current, To: m.Version, State: stateBack}))
	}
	out.Changed = true
	if why := u.proven(ctx, m.Version); why != nil {
		// Also when the caller has given up: half an update is not left behind.
		ctx := context.WithoutCancel(ctx)
		out.Changed = false
		return out, errors.Join(ErrSick.Because(why), u.back(ctx, u.cfg.Current, m.Version))
	}
	return out, u.write(record{From: u.cfg.Current, To: m.Version, State: stateHealthy})
}

// proven restarts and waits until the agent works.
func (u *Updater) proven(ctx context.Context, version string) error {
	if u.cfg.Restart == nil {
		return nil
	}
	if err := u.cfg.Restart(ctx); err != nil {
		return err
	}
	const step = 500 * time.Millisecond
	for waited := time.Duration(0); ; waited += step {
		err := u.cfg.Healthy(ctx, version)
		if err == nil || waited >= u.cfg.Wait {
			return err
		}
		if err := u.cfg.Sleep(ctx, step); err != nil {
			return err
		}
	}
}

// Rollback puts the previous version back. Faults: update.no_previous,
// update.place, update.sick when that one does not work either.
func (u *Updater) Rollback(ctx context.Context) (Outcome, error) {
	r, err := u.read()
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{From: u.cfg.Current, To: r.From}
	if err := u.back(ctx, r.From, r.To); err != nil {
		return out, err
	}
	out.Changed = true
	return out, nil
}

// Settle ends an update that broke off before anybody knew whether the new version
// works (power cut): it keeps one that works and puts back one that does not.
// pending is false when there was none.
func (u *Updater) Settle(ctx context.Context) (pending bool, err error) {
	r, err := u.read()
	if errors.Is(err, ErrNoPrevious) || err == nil && r.State != statePending {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if why := u.proven(ctx, r.To); why != nil {
		return true, errors.Join(ErrSick.Because(why), u.back(context.WithoutCancel(ctx), r.From, r.To))
	}
	return true, u.write(record{From: r.From, To: r.To, State: stateHealthy})
}

// back swaps the previous program in and starts it.
func (u *Updater) back(ctx context.Context, version, failed string) error {
	if _, err := os.Stat(u.previous()); err != nil {
		return ErrNoPrevious.Because(err)
	}
	if err := replace(u.previous(), u.cfg.Binary, u.cfg.Binary+".failed"); err != nil {
		return ErrPlace.Because(err)
	}
	if err := u.write(record{From: version, To: failed, State: stateBack}); err != nil {
		return err
	}
	if err := u.proven(ctx, version); err != nil {
		return ErrSick.Because(fmt.Errorf("the previous version: %w", err))
	}
	return nil
}

// swap puts a fresh program in place and keeps the one that was there.
func (u *Updater) swap(fresh string) error {
	if err := replace(fresh, u.cfg.Binary, u.previous()); err != nil {
		return errors.Join(ErrPlace.Because(err), os.Remove(fresh))
	}
	return nil
}

// replace moves a program to its place and keeps what was there under another
// name. Where a file can have two names (not on Windows, for one that runs) the
// place is never empty.
func replace(fresh, place, keep string) error {
	if err := os.Remove(keep); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if runtime.GOOS != "windows" {
		if err := os.Link(place, keep); err != nil {
			return err
		}
		return os.Rename(fresh, place)
	}
	if err := os.Rename(place, keep); err != nil {
		return err
	}
	if err := os.Rename(fresh, place); err != nil {
		return errors.Join(err, os.Rename(keep, place))
	}
	return nil
}

// program fetches the program into a file beside its place, and checks it.
func (u *Updater) program(ctx context.Context, from string, p Program) (string, error) {
	in, err := u.open(ctx, from)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(u.cfg.Binary), ".lienthong-update-*")
	if err != nil {
		return "", errors.Join(ErrPlace.Because(err), in.Close())
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(in, p.Size+1))
	_ = in.Close() // read as far as it is wanted
	switch {
	case err != nil:
		err = ErrFetch.Because(err)
	case n != p.Size || [sha256.Size]byte(h.Sum(nil)) != p.Sum:
		err = ErrProgram.Because(fmt.Errorf("%d bytes of %d, or another SHA-256", n, p.Size))
	}
	if e := errors.Join(f.Chmod(0o755), f.Sync(), f.Close()); err == nil && e != nil {
		err = ErrPlace.Because(e)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// fetch reads a short file whole.
func (u *Updater) fetch(ctx context.Context, from string, limit int64) ([]byte, error) {
	in, err := u.open(ctx, from)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, ErrFetch.Because(err)
	}
	return b, nil
}

// open opens a URL or path. http is for this machine alone.
func (u *Updater) open(ctx context.Context, from string) (io.ReadCloser, error) {
	if !isURL(from) {
		f, err := os.Open(from)
		if err != nil {
			return nil, ErrFetch.Because(err)
		}
		return f, nil
	}
	at, err := url.Parse(from)
	if err != nil || at.User != nil || at.Scheme != "https" && !loopback(at.Hostname()) {
		return nil, ErrFetch.Because(errors.New("https is needed"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, ErrFetch.Because(err)
	}
	resp, err := u.cfg.HTTP.Do(req)
	if err != nil {
		return nil, ErrFetch.Because(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(ErrFetch.Because(fmt.Errorf("answered %d", resp.StatusCode)), resp.Body.Close())
	}
	return resp.Body, nil
}

func isURL(from string) bool {
	return strings.HasPrefix(from, "https://") || strings.HasPrefix(from, "http://")
}

// beside is the place of a program beside its manifest; its name is a plain one.
func beside(manifest, name string) string {
	if !isURL(manifest) {
		return filepath.Join(filepath.Dir(manifest), name)
	}
	at, err := url.Parse(manifest)
	if err != nil {
		return manifest // not reached: it was fetched
	}
	at.Path, at.RawPath, at.RawQuery = path.Join(path.Dir(at.Path), name), "", ""
	return at.String()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (u *Updater) recordFile() string { return u.cfg.Binary + ".update.json" }

func (u *Updater) write(r record) error {
	r.At = u.cfg.Clock.Now()
	b, err := json.Marshal(r)
	if err != nil {
		return ErrPlace.Because(err)
	}
	temp := u.recordFile() + ".new"
	if err := errors.Join(os.WriteFile(temp, append(b, '\n'), 0o644), os.Rename(temp, u.recordFile())); err != nil {
		return ErrPlace.Because(err)
	}
	return nil
}

func (u *Updater) read() (record, error) {
	b, err := os.ReadFile(u.recordFile())
	var r record
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if _, e := os.Stat(u.previous()); err != nil || e != nil {
		return r, ErrNoPrevious.Because(errors.Join(err, e))
	}
	return r, nil
}
