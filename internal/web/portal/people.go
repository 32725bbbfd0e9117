package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
	"lienthong/internal/web/session"
)

func (p *Portal) home(w http.ResponseWriter, r *http.Request) {
	who, err := p.reader(r)
	switch {
	case err == nil:
		see(w, r, view.Home(who.Role))
	case p.config.Demo && errors.Is(err, session.ErrNone):
		see(w, r, "/try")
	default:
		p.nobody(w, r, err)
	}
}

// loginForm shows a button: programs that look at links send GET and must not
// use a link up.
func (p *Portal) loginForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if len(token) > 100 {
		token = ""
	}
	page := p.page(r, "", "login.title")
	page.Path = "/login"
	if token != "" {
		page.Path = "/login?token=" + token
	}
	p.show(w, r, http.StatusOK, view.LoginPage(page, token, ""))
}

func (p *Portal) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	next, err := p.deps.Sessions.Begin(w, r, field(r, "token", 100))
	if errors.Is(err, session.ErrLink) {
		page := p.page(r, "", "login.title")
		page.Path = "/login"
		p.show(w, r, http.StatusUnauthorized, view.LoginPage(page, "", page.W.Text(session.ErrLink.Text)))
		return
	} else if err != nil {
		p.fail(w, r, err)
		return
	}
	see(w, r, next)
}

func (p *Portal) logout(w http.ResponseWriter, r *http.Request) {
	if err := p.deps.Sessions.EndCurrent(w, r); err != nil {
		p.fail(w, r, err)
		return
	}
	see(w, r, "/login")
}

// choose keeps a choice of the browser in a cookie for a year. It is no secret
// and no identity.
func choose(w http.ResponseWriter, r *http.Request, name string, allowed ...string) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	v := field(r, name, 10)
	for _, a := range allowed {
		if v == a {
			http.SetCookie(w, &http.Cookie{Name: name, Value: v, Path: "/", HttpOnly: true,
				SameSite: http.SameSiteLaxMode, MaxAge: int(365 * 24 * time.Hour / time.Second)})
		}
	}
	see(w, r, field(r, "next", 500))
}

func (p *Portal) language(w http.ResponseWriter, r *http.Request) { choose(w, r, "lang", "vi", "en") }

func (p *Portal) theme(w http.ResponseWriter, r *http.Request) {
	choose(w, r, "theme", "light", "dark")
}

func (p *Portal) how(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, view.HowPage(p.page(r, "", "how.title")))
}

func (p *Portal) try(w http.ResponseWriter, r *http.Request) {
	if !p.config.Demo || p.config.Try == nil {
		p.absent(w, r)
		return
	}
	page := p.page(r, "", "try.title")
	things, links := p.config.Try(r.Context())
	p.show(w, r, http.StatusOK, view.TryPage(page, tryItems(things, page.W), tryItems(links, page.W)))
}

func tryItems(items []TryItem, w words.Speaker) []view.TryItem {
	list := make([]view.TryItem, len(items))
	for i, it := range items {
		list[i] = view.TryItem{Title: w.Text(it.Title), Text: w.Text(it.Text), Action: w.Text(it.Action), Href: session.LocalPath(it.Href)}
	}
	return list
}

const trailPage = 100

func (p *Portal) access(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "access", "access.title")
	before, err := strconv.ParseInt("0"+r.URL.Query().Get("before"), 10, 64)
	if err != nil {
		p.fail(w, r, errQuery)
		return
	}
	var id dossier.ID
	text := r.URL.Query().Get("record")
	if text != "" {
		if id, err = dossier.ParseID(text); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	looks, more, err := p.deps.Trail.Looks(r.Context(), page.Reader.Role, id, before, trailPage)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	next := ""
	if more && len(looks) > 0 {
		next = strconv.FormatInt(looks[len(looks)-1].ID, 10)
	}
	p.show(w, r, http.StatusOK, view.AccessPage(page, looks, id.String(), next))
}

func (p *Portal) acts(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "acts", "acts.title")
	before, err := strconv.ParseInt("0"+r.URL.Query().Get("before"), 10, 64)
	if err != nil {
		p.fail(w, r, errQuery)
		return
	}
	acts, more, err := p.deps.Trail.Acts(r.Context(), page.Reader.Role, before, trailPage)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	next := ""
	if more && len(acts) > 0 {
		next = strconv.FormatInt(acts[len(acts)-1].ID, 10)
	}
	p.show(w, r, http.StatusOK, view.ActsPage(page, acts, next))
}

// errQuery is the answer to an address whose conditions cannot be read.
var errQuery = fault.New(fault.Invalid, "query.invalid",
	"Điều kiện trong địa chỉ không đọc được. Mở lại danh sách và lọc từ đầu.",
	"The conditions in the address cannot be read. Open the list again and filter anew.")
