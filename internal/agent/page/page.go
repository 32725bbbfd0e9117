// Package page is the agent's own pages, for the people of a facility: how the
// day stands, what is to be mended, what waits, what was received, and how agent
// and hub compare. They are in the portal's components and languages and work
// without scripts.
//
// A page shows names of files and dossiers, places of findings and sentences,
// never a value out of a record. It is answered on this machine alone, and only
// to a browser that was let in with a one-time link (session.go). It judges
// nothing and keeps nothing but who was let in and how days compared.
package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/agent/home"
	"lienthong/internal/agent/signer"
	"lienthong/internal/agent/station"
	"lienthong/internal/agent/submit"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/asset"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/problem"
)

//go:embed vi.json en.json
var sentences embed.FS

// Words are all sentences of the pages.
func Words() (*words.Catalogue, error) {
	c, err := words.Load()
	if err != nil {
		return nil, err
	}
	vi, err := sentences.ReadFile("vi.json")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	en, err := sentences.ReadFile("en.json")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return c.With(vi, en)
}

// Deps are what the pages show.
type Deps struct {
	Station *station.Station
	Signer  *signer.Sealer // nil: nothing is sealed here
	Home    *home.Home     // settings; keeps who was let in
	Logger  *slog.Logger
}

// Config says how the pages stand; zero members are defaults.
type Config struct {
	Clock   clock.Clock
	Version string
	Sleep   func(ctx context.Context, d time.Duration) error
}

// Page serves the pages.
type Page struct {
	Deps
	cfg   Config
	words *words.Catalogue
	let   *let
	busy  chan struct{} // a place for the one file held in memory
	inner http.Handler
}

// New returns the pages. Fault: agent.modes, where what was kept is open to others.
func New(d Deps, c Config) (*Page, error) {
	if d.Station == nil || d.Home == nil || d.Logger == nil {
		return nil, errors.New("page: station, home and logger are needed")
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	p := &Page{Deps: d, cfg: c, busy: make(chan struct{}, 1)}
	var err error
	if p.words, err = Words(); err != nil {
		return nil, err
	}
	if p.let, err = newLet(d.Home, c.Clock); err != nil {
		return nil, err
	}
	p.inner = p.handler()
	return p, nil
}

// contentSecurity allows only files of this address: no inline script or style.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// route is a line of the table. An open one answers without a session.
type route struct {
	method, path string
	serve        func(p *Page, w http.ResponseWriter, r *http.Request, f frame)
}

// routes are the pages behind a session, under the place of the session.
func routes() []route {
	return []route{
		{"GET", "/{$}", (*Page).today},
		{"GET", "/live", (*Page).live},
		{"GET", "/rejects", (*Page).rejects},
		{"GET", "/rejects.csv", (*Page).rejectsCSV},
		{"POST", "/rejects/again", (*Page).rejectsAgain},
		{"GET", "/files", (*Page).files},
		{"POST", "/files/again", (*Page).filesAgain},
		{"GET", "/files/{ref}", (*Page).file},
		{"POST", "/files/{ref}/again", (*Page).fileAgain},
		{"GET", "/files/{ref}/receipt/{n}", (*Page).receipt},
		{"GET", "/receipts", (*Page).receipts},
		{"GET", "/receipts.csv", (*Page).receiptsCSV},
		{"GET", "/check", (*Page).checkForm},
		{"POST", "/check", (*Page).check},
		{"GET", "/days", (*Page).days},
		{"GET", "/days/{day}", (*Page).day},
		{"POST", "/days", (*Page).compare},
		{"GET", "/settings", (*Page).settings},
		{"POST", "/pin", (*Page).pin},
		{"POST", "/language", (*Page).language},
		{"POST", "/theme", (*Page).theme},
		{"POST", "/leave", (*Page).leave},
	}
}

// Routes returns the table as "METHOD /path", for the test that walks it.
func Routes() (out []string) {
	for _, r := range routes() {
		out = append(out, r.method+" "+r.path)
	}
	return out
}

// place is where the pages of a session begin: "/p/" and 26 characters.
const place = "/p/"

func (p *Page) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/", func(w http.ResponseWriter, r *http.Request) {
		if set := p.assets(); set != nil {
			set.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("GET /open/{once}", p.open)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.closed(w, r, http.StatusOK) })
	for _, rt := range routes() {
		mux.HandleFunc(rt.method+" "+place+"{place}"+rt.path, func(w http.ResponseWriter, r *http.Request) {
			at := place + r.PathValue("place")
			if !p.let.in(r, r.PathValue("place")) {
				p.closed(w, r, http.StatusUnauthorized)
				return
			}
			rt.serve(p, w, r, p.frame(r, at))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		rest, _ := strings.CutPrefix(r.URL.Path, place)
		at, _, _ := strings.Cut(rest, "/")
		if !p.let.in(r, at) {
			p.closed(w, r, http.StatusUnauthorized)
			return
		}
		p.fail(w, r, p.frame(r, place+at), errNoPage)
	})
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { problem.Write(w, r, p.Logger, submit.ErrOrigin) }))
	return origin.Handler(mux)
}

var errNoPage = fault.New(fault.Absent, "page.absent", "Không có trang này.", "There is no such page.")

// ServeHTTP answers this machine, by its own name (DNS rebinding), with what no
// other site may frame, read or send.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurity)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if !strings.HasPrefix(r.URL.Path, "/assets/") { // those are addressed by their content
		h.Set("Cache-Control", "no-store")
	}
	if !local(r) {
		problem.Write(w, r, p.Logger, submit.ErrHost)
		return
	}
	p.inner.ServeHTTP(w, r)
}

// local reports whether a request is for this machine by name and comes from it.
func local(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
		return false
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	peer := net.ParseIP(from)
	return err == nil && peer != nil && peer.IsLoopback()
}

// frame is what every page needs, and where its links begin.
type frame struct {
	view.Page
	at       string // "/p/XXXX"
	facility string
	pin      bool // the signer waits for its PIN
}

// to is a link within the session.
func (f frame) to(path string, pairs ...string) templ.SafeURL {
	return templ.SafeURL(f.link(path, pairs...))
}

func (f frame) link(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return f.at + path
	}
	return f.at + path + "?" + v.Encode()
}

func (p *Page) frame(r *http.Request, at string) frame {
	f := frame{at: at, facility: string(p.Home.Config().Facility)}
	f.Page = view.Page{W: p.words.In(cookie(r, "lang")), Path: strings.TrimPrefix(r.URL.RequestURI(), at), Theme: "light", Now: p.cfg.Clock.Now(), Asset: p.asset}
	if r.Method != http.MethodGet {
		f.Path = "/"
	}
	if cookie(r, "theme") == "dark" {
		f.Theme = "dark"
	}
	f.pin = p.Signer != nil && p.Signer.State().Phase == signer.WaitingForPIN
	return f
}

// titled names a page and its entry of the bar.
func (f frame) titled(nav, key string, args ...any) frame {
	f.Nav, f.Title = nav, f.W.T(key, args...)
	return f
}

// assets are read when the first page is opened: an agent nobody looks at does
// not hold them in memory. Nil: the build is broken, and pages go without.
func (p *Page) assets() *asset.Set {
	set, err := asset.Load()
	if err != nil {
		p.Logger.Error("assets cannot be read", "error", err)
		return nil
	}
	return set
}

func (p *Page) asset(name string) string {
	set := p.assets()
	if set == nil || !set.Has(name) {
		return ""
	}
	return set.URL(name)
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// show renders a page whole before the first byte leaves.
func (p *Page) show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		p.Logger.ErrorContext(r.Context(), "page not rendered", "error", err)
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader is gone: nobody to tell
}

// fail shows an error's sentence under the status of its kind.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, f frame, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	why := fault.Of(err)
	if why.Kind == fault.Broken {
		p.Logger.ErrorContext(r.Context(), "page failed", "error", err)
	}
	key := "problem.title"
	if why.Kind == fault.Absent {
		key = "problem.absent"
	}
	p.show(w, r, problem.Status(why), problemPage(f.titled("", key), f.W.Text(why.Text), why.Code))
}

// closed tells whoever was not let in how to come in, and nothing else.
func (p *Page) closed(w http.ResponseWriter, r *http.Request, status int) {
	f := frame{Page: view.Page{W: p.words.In(cookie(r, "lang")), Theme: "light", Now: p.cfg.Clock.Now(), Asset: p.asset}}
	if cookie(r, "theme") == "dark" {
		f.Theme = "dark"
	}
	p.show(w, r, status, closedPage(f.titled("", "agent.closed.title")))
}

// see leads on after a POST.
func see(w http.ResponseWriter, r *http.Request, f frame, path string, pairs ...string) {
	http.Redirect(w, r, f.link(path, pairs...), http.StatusSeeOther)
}

// field reads a short form field, "" when it is longer than limit.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}

func (p *Page) language(w http.ResponseWriter, r *http.Request, f frame) {
	p.prefer(w, r, f, "lang", field(r, "lang", 2), "vi", "en")
}

func (p *Page) theme(w http.ResponseWriter, r *http.Request, f frame) {
	p.prefer(w, r, f, "theme", field(r, "theme", 5), "light", "dark")
}

// prefer keeps a choice in a cookie and goes back to the page it was made on.
func (p *Page) prefer(w http.ResponseWriter, r *http.Request, f frame, name, value string, choices ...string) {
	for _, c := range choices {
		if c == value {
			http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: place, MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
	}
	next := field(r, "next", 500)
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") {
		next = "/"
	}
	http.Redirect(w, r, f.at+next, http.StatusSeeOther)
}
