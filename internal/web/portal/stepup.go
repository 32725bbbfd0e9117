package portal

import (
	"net/http"
	"net/url"
	"strings"

	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/session"
)

// steppedUp lets on who gave a second factor lately: 10 minutes ago at most, 5 in
// an emergency. Others are led to give it and come back; of a form nothing is
// done, and a page says so.
func (p *Portal) steppedUp(w http.ResponseWriter, r *http.Request, who view.Reader) bool {
	life := session.StepUpLife
	if strings.HasPrefix(r.URL.Path, "/emergency") {
		life = session.UrgentLife
	}
	if session.Fresh(who.SteppedUp, p.config.Clock.Now(), life) {
		return true
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		see(w, r, "/account/step-up?"+url.Values{"next": {r.URL.RequestURI()}}.Encode())
		return false
	}
	page := p.page(r, "", "account.step.title")
	p.show(w, r, http.StatusForbidden, view.StepUpFirst(page, back(r)))
	return false
}

// back is the page that a form's address shows when it is opened, the first page
// where it shows none.
func back(r *http.Request) string {
	_, pattern, _ := strings.Cut(r.Pattern, " ")
	for _, line := range routes() {
		if line.Method == http.MethodGet && line.Pattern == pattern {
			return r.URL.Path
		}
	}
	return "/"
}
