package view

import (
	"net/http"

	"github.com/a-h/templ"

	"lienthong/internal/role"
)

// Frame is what the portal lends its rooms: the page around them, and the way
// it answers.
type Frame interface {
	Page(r *http.Request, nav, titleKey string, args ...any) Page
	Show(w http.ResponseWriter, r *http.Request, status int, c templ.Component)
	Fail(w http.ResponseWriter, r *http.Request, err error)
	CSV(w http.ResponseWriter, r *http.Request, name string, rows [][]string)
	// See redirects after a POST to a local path.
	See(w http.ResponseWriter, r *http.Request, path string)
}

// Route is one line of the table of routes of rooms R.
type Route[R any] struct {
	Method, Pattern string
	Rooms           []role.Room // the role must enter one of them; none: open to all
	Discloses       bool        // clinical content may leave by it: it goes through package disclose
	SteppedUp       bool        // only after a second factor given lately
	Serve           func(*R, http.ResponseWriter, *http.Request)
}
