package portal

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
	"lienthong/internal/web/session"
)

type readerKey struct{}

// reader is who sits at the browser, with the route asked. What guard found
// holds for the request.
func (p *Portal) reader(r *http.Request) (view.Reader, error) {
	if who, ok := r.Context().Value(readerKey{}).(view.Reader); ok {
		return who, nil
	}
	s, err := p.deps.Sessions.Current(r)
	if err != nil {
		return view.Reader{}, err
	}
	return view.Reader{Role: s.Role, Name: s.Name, Mark: s.Mark, Route: r.Pattern,
		Staff: s.Staff, Person: s.Person, Level: s.Level, SteppedUp: s.SteppedUp}, nil
}

// page fills what every page needs. Nobody logged in: Reader is nil.
func (p *Portal) page(r *http.Request, nav, titleKey string, args ...any) view.Page {
	w := p.words.In(cookie(r, "lang"))
	page := view.Page{W: w, Title: w.T(titleKey, args...), Nav: nav, Path: r.URL.RequestURI(),
		Theme: "light", Demo: p.config.Demo, Now: p.config.Clock.Now(), Asset: p.assetURL}
	if r.Method != http.MethodGet {
		page.Path = "/"
	}
	if cookie(r, "theme") == "dark" {
		page.Theme = "dark"
	}
	if who, err := p.reader(r); err == nil {
		page.Reader = &who
	}
	page.Facility = p.deps.House.Facility
	if unit := p.deps.House.Unit; unit != nil {
		page.Unit = func(id string) string { return w.Text(unit(id)) }
	}
	page.Large = cookie(r, "type") == "large"
	page.NamedLogin = p.deps.Account != nil
	if p.deps.Rules != nil {
		page.Rule = p.deps.Rules.Rule
	}
	return page
}

func (p *Portal) assetURL(name string) string {
	if !p.assets.Has(name) {
		return ""
	}
	return p.assets.URL(name)
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// show renders a component whole before the first byte leaves, so that an
// error never ends in half a page.
func (p *Portal) show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		p.config.Log.ErrorContext(r.Context(), "page not rendered", "route", r.Pattern, "error", err)
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the reader is gone: nobody to tell
	}
}

// fail shows an error's sentence under the status of its kind.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Broken {
		p.config.Log.ErrorContext(r.Context(), "page failed", "route", r.Pattern, "error", err)
	}
	if f.Kind == fault.Absent {
		p.absent(w, r)
		return
	}
	page := p.page(r, "", "problem.title")
	p.show(w, r, problem.Status(f), view.Problem(page, page.W.T("problem.title"), page.W.Text(f.Text), f.Code))
}

func (p *Portal) absent(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "", "problem.absent")
	p.show(w, r, http.StatusNotFound, view.Problem(page, page.W.T("problem.absent"), page.W.T("problem.absent.text"), "page.absent"))
}

func (p *Portal) withheld(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "", "problem.withheld")
	p.show(w, r, http.StatusForbidden, view.Problem(page, page.W.T("problem.withheld"), page.W.T("problem.absent.text"), "role.withheld"))
}

func (p *Portal) crossOrigin(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "", "problem.title")
	p.show(w, r, http.StatusForbidden, view.Problem(page, page.W.T("problem.title"), page.W.T("problem.origin"), "request.origin"))
}

// nobody answers whoever is not logged in: pages lead to the login page.
func (p *Portal) nobody(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, session.ErrNone) {
		p.fail(w, r, err)
		return
	}
	page := p.page(r, "", "login.title")
	page.Path = "/login"
	p.show(w, r, http.StatusUnauthorized, view.LoginPage(page, "", ""))
}

// see redirects after a POST to a local path.
func see(w http.ResponseWriter, r *http.Request, path string) {
	if path = session.LocalPath(path); path == "" {
		path = "/"
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// field reads a short form field, "" when it is longer than limit.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}
