package simulator

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"lienthong/internal/bridge/tally"
	"lienthong/internal/clock"
)

//go:embed pages.html
var pages string

//go:embed phone.css
var css []byte

var templates = template.Must(template.New("pages").Funcs(template.FuncMap{"hanoi": hanoi}).Parse(pages))

// hanoi writes a moment as people in Viet Nam read it.
func hanoi(t time.Time) string { return t.In(clock.Hanoi).Format("15:04 02/01/2006") }

// page answers with one of the pages; what it is about depends on the page.
func (p *Provider) page(w http.ResponseWriter, r *http.Request, status int, name string, about any) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, map[string]any{"Title": p.c.Title, "About": about})
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	p.book.Answer(tally.Pattern(r.Pattern), http.StatusText(status))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // who asked has gone
}

func (p *Provider) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(css)
}

// phones lists the people, each with a phone.
func (p *Provider) phones(w http.ResponseWriter, r *http.Request) {
	p.page(w, r, http.StatusOK, "phones", p.c.People)
}

// phone is what one person sees: requests that wait, what was answered, notices.
func (p *Provider) phone(w http.ResponseWriter, r *http.Request) {
	x := p.person(r.PathValue("sub"), "")
	if x == nil {
		p.page(w, r, http.StatusNotFound, "error", "Không có người này · no such person")
		return
	}
	p.mu.Lock()
	var waiting, done []push
	for _, n := range p.pushes {
		if n.person != x {
			continue
		}
		p.expire(n)
		switch n.Answer.State {
		case "waiting":
			n.Answer.State = "shown"
			waiting = append(waiting, *n)
		case "shown":
			waiting = append(waiting, *n)
		default:
			done = append(done, *n)
		}
	}
	var notices []told
	for _, n := range p.told {
		if n.person == x {
			notices = append(notices, *n)
		}
	}
	p.mu.Unlock()
	slices.Reverse(done)
	slices.Reverse(notices)
	p.page(w, r, http.StatusOK, "phone", map[string]any{"Person": x, "Waiting": waiting, "Done": done, "Notices": notices})
}
