package delivery

import (
	"net/http"
	"strings"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
)

func (x *Room) enrolments(w http.ResponseWriter, r *http.Request) { x.showEnrolments(w, r, nil) }

func (x *Room) showEnrolments(w http.ResponseWriter, r *http.Request, problem *fault.Error) {
	page := x.frame.Page(r, "legs", "enrolments.title")
	e, err := x.Office.Enrolment(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	status, text := http.StatusOK, ""
	if problem != nil {
		status, text = http.StatusUnprocessableEntity, page.W.Text(problem.Text)
	}
	x.frame.Show(w, r, status, EnrolmentsPage(page, e, text))
}

func (x *Room) approve(w http.ResponseWriter, r *http.Request) {
	x.decide(w, r, func(page view.Page, client, name string) error {
		if page.Reader.Staff == (care.Staff{}) {
			return admin.ErrAccount
		}
		e, err := x.Office.Enrolment(r.Context())
		if err != nil {
			return err
		}
		for _, p := range e.Waiting {
			if p.Client == client && (same(p.By, name) || same(p.By, page.Reader.Name)) {
				return admin.ErrSamePerson
			}
		}
		return x.Office.Approve(r.Context(), name+" ("+actor(page)+")", client)
	})
}

func (x *Room) dismiss(w http.ResponseWriter, r *http.Request) {
	x.decide(w, r, func(page view.Page, client, name string) error {
		return x.Office.Dismiss(r.Context(), name+" ("+actor(page)+")", client)
	})
}

// same reports whether two names are one person's, as far as names tell: by
// whatever door it was given, and however it is spaced and written large.
func same(by, name string) bool {
	by, _, _ = strings.Cut(by, " (portal ")
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
	return fold(by) == fold(name)
}

// decide takes a decision about a system that waits, by a person who is named.
func (x *Room) decide(w http.ResponseWriter, r *http.Request, do func(page view.Page, client, name string) error) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	page := x.frame.Page(r, "legs", "enrolments.title")
	name := strings.Join(strings.Fields(field(r, "name", 200)), " ")
	err := error(admin.ErrOperator)
	if len([]rune(name)) >= 2 && len([]rune(name)) <= 80 {
		err = do(page, r.PathValue("client"), name)
	}
	if err == nil {
		http.Redirect(w, r, "/enrolments", http.StatusSeeOther)
		return
	}
	if known := fault.Of(err); known.Kind != fault.Broken {
		x.showEnrolments(w, r, known)
		return
	}
	x.frame.Fail(w, r, err)
}
