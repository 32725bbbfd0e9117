// Package citizen is the portal's rooms of citizens and of the counter that helps
// them: their book, their choices, who looked, links, requests, and a copy to keep.
// It asks the small interfaces below and shows what they answer; who may enter
// a room the portal checks, and what may be read package disclose decides.
package citizen

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/citizen/ask"
	"lienthong/internal/web/portal/view"
)

// What the rooms ask of the hub; see package ask.
type (
	Book    = ask.Book
	By      = ask.By
	Choices = ask.Choices
	Looks   = ask.Looks
	Cases   = ask.Cases
	LinkAsk = ask.LinkAsk
	Link    = ask.Link
	Links   = ask.Links
	Notices = ask.Notices
	Places  = ask.Places
)

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Book      Book
	Choices   Choices
	Looks     Looks
	Cases     Cases
	Links     Links
	Notices   Notices
	Places    Places
	Assist    Assist                                     // nil: no counter
	Own       ask.Own                                    // nil: nobody states anything of themself
	Openings  func(id consent.OpeningID) (string, error) // reason of an emergency as typed; may be nil
	StaffName func(ctx context.Context, id care.Staff) string
	Why       func(look *store.Disclosure) fault.Text // whole sentences, with the law
	Law       func(source string) fault.Text          // title of a source, and whether it is confirmed
	// Device tells since when somebody logs in with this browser, and a mark of it;
	// zero and "" for one that is not known.
	Device func(r *http.Request, person store.PersonID) (since time.Time, mark string, err error)
	Now    func() time.Time
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table.
func Routes() []view.Route[Room] {
	book, assist := []role.Room{role.Book}, []role.Room{role.Assist}
	type serve = func(*Room, http.ResponseWriter, *http.Request)
	line := func(method, pattern string, rooms []role.Room, s serve) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: rooms, Serve: s}
	}
	shows := func(method, pattern string, rooms []role.Room, s serve) view.Route[Room] {
		r := line(method, pattern, rooms, s)
		r.Discloses = true
		return r
	}
	again := func(r view.Route[Room]) view.Route[Room] {
		r.SteppedUp = true
		return r
	}
	return []view.Route[Room]{
		shows("GET", "/me", book, (*Room).me),
		again(shows("GET", "/me/private", book, (*Room).private)),
		shows("GET", "/me/health", book, (*Room).health),
		shows("GET", "/me/records/{id}", book, (*Room).record),
		again(shows("GET", "/me/private/{id}", book, (*Room).record)),
		shows("GET", "/me/papers", book, (*Room).papers),
		line("POST", "/me/for", book, (*Room).actFor),
		line("POST", "/me/large", nil, (*Room).large),
		line("POST", "/me/notices/seen", book, (*Room).seen),

		line("GET", "/me/looks", book, (*Room).looks),
		line("GET", "/me/looks/{look}", book, (*Room).look),
		line("POST", "/me/looks/{look}", book, (*Room).unrecognised),

		shows("GET", "/me/choices", book, (*Room).choices),
		shows("GET", "/me/choices/new", book, (*Room).newChoice),
		line("POST", "/me/choices/preview", book, (*Room).preview),
		line("POST", "/me/choices/close", book, (*Room).closing),
		again(line("POST", "/me/choices/open", book, (*Room).opening)),
		again(line("POST", "/me/choices/end", book, (*Room).endChoice)),
		line("POST", "/me/choices/withdraw", book, (*Room).withdraw),
		again(line("GET", "/me/choices/answer/{say}", book, (*Room).question)),
		again(line("POST", "/me/choices/answer/{say}", book, (*Room).answer)),
		line("GET", "/me/choices/receipt/{say}", book, (*Room).choiceReceipt),
		line("GET", "/me/choices/history/{say}", book, (*Room).history),
		again(line("POST", "/me/choices/people/end", book, (*Room).endDelegation)),

		again(shows("GET", "/me/share", book, (*Room).links)),
		again(shows("POST", "/me/share", book, (*Room).makeLink)),
		line("POST", "/me/share/end", book, (*Room).endLink),

		line("GET", "/me/download", book, (*Room).download),
		again(line("POST", "/me/download", book, (*Room).askCopy)),
		again(shows("GET", "/me/download/lienthong.json", book, (*Room).downloadJSON)),
		again(shows("GET", "/me/download/lienthong.pdf", book, (*Room).downloadPDF)),

		line("GET", "/me/requests", book, (*Room).requests),
		line("POST", "/me/requests", book, (*Room).openRequest),
		line("GET", "/me/requests/{number}", book, (*Room).request),
		line("POST", "/me/requests/{number}/withdraw", book, (*Room).withdrawRequest),

		line("GET", "/counter", assist, (*Room).counter),
		again(line("POST", "/counter", assist, (*Room).identify)),
		again(line("GET", "/counter/{visit}", assist, (*Room).counterVisit)),
		again(line("POST", "/counter/{visit}/say", assist, (*Room).counterSay)),
		again(line("POST", "/counter/{visit}/code", assist, (*Room).counterCode)),
		again(line("GET", "/counter/{visit}/people", assist, (*Room).counterPeople)),
		again(line("POST", "/counter/{visit}/people", assist, (*Room).counterDelegate)),
		again(line("GET", "/counter/{visit}/looks", assist, (*Room).counterLooks)),
		line("GET", "/counter/{visit}/receipt/{say}", assist, (*Room).counterReceipt),
		line("POST", "/counter/{visit}/end", assist, (*Room).counterEnd),
	}
}

// whom is the person whose book is open: the citizen's own, or that of somebody
// they act for.
type whom struct {
	Person care.Person
	Self   care.Person
	By     *consent.Delegation // nil: oneself
	Gone   bool                // acted for somebody, which is over
	Others []consent.Delegation
}

// Whose tells rooms beside these whose book is open, and who asks.
func (x *Room) Whose(r *http.Request, p *view.Page) (By, disclose.Reader, error) {
	w, err := x.whose(r, p)
	if err != nil {
		return By{}, disclose.Reader{}, err
	}
	return by(p, &w), reader(p, &w, true), nil
}

// forCookie names the delegation under which the citizen acts: 128 random bits,
// never a person.
const forCookie = "for"

// whose finds whose book is open. Every request asks anew: a delegation that
// ended opens nothing.
func (x *Room) whose(r *http.Request, p *view.Page) (whom, error) {
	w := whom{Person: care.Person(p.Reader.Person), Self: care.Person(p.Reader.Person)}
	if w.Self == (care.Person{}) {
		return w, store.ErrAbsent
	}
	_, to, err := x.Choices.Delegations(r.Context(), w.Self)
	if err != nil {
		return w, err
	}
	now := x.Now()
	for _, d := range to {
		if acts(&d, now) {
			w.Others = append(w.Others, d)
		}
	}
	c, err := r.Cookie(forCookie)
	if err != nil || c.Value == "" {
		return w, nil
	}
	for i := range w.Others {
		if hex.EncodeToString(w.Others[i].ID[:]) == c.Value {
			w.Person, w.By = w.Others[i].Person, &w.Others[i]
			return w, nil
		}
	}
	w.Gone = true
	return w, nil
}

func acts(d *consent.Delegation, now time.Time) bool {
	return d.Ended.IsZero() && !now.Before(d.From) && (d.Until.IsZero() || now.Before(d.Until))
}

// reader is who asks, for package disclose. private lets what is sensitive be
// shown, where the citizen proved again who they are.
func reader(p *view.Page, w *whom, private bool) disclose.Reader {
	r := disclose.Reader{Role: p.Reader.Role, Name: p.Reader.Mark, Route: p.Reader.Route, Person: w.Self}
	if w.By != nil {
		r.For = w.Person
	}
	if private {
		r.SteppedUp = p.Reader.SteppedUp
	}
	return r
}

func by(p *view.Page, w *whom) By {
	b := By{Person: w.Person, Self: w.Self, Actor: "citizen " + p.Reader.Mark, Channel: "portal", StepUp: p.Reader.SteppedUp}
	if w.By != nil {
		b.Delegate = w.By.Kind
	}
	return b
}

// name is a facility's short name, its code where it is not known.
func (x *Room) name(code care.FacilityCode) string {
	if code == "" {
		return ""
	}
	if name, ok := x.Places.Name(code); ok && name != "" {
		return name
	}
	return string(code)
}

// field reads a short form field, "" when it is longer than limit.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return ""
	}
	return v
}

// actFor switches whose book is open.
func (x *Room) actFor(w http.ResponseWriter, r *http.Request) {
	id := field(r, "delegation", 32)
	if b, err := hex.DecodeString(id); err != nil || len(b) != 16 {
		id = ""
	}
	c := &http.Cookie{Name: forCookie, Value: id, Path: "/", MaxAge: 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}
	if id == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
	x.frame.See(w, r, "/me")
}

// large switches the large type on and off, for whoever reads.
func (x *Room) large(w http.ResponseWriter, r *http.Request) {
	c := &http.Cookie{Name: "type", Value: "large", Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}
	if field(r, "type", 10) != "large" {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
	x.frame.See(w, r, field(r, "next", 300))
}

func (x *Room) seen(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "me.title")
	if err := x.Notices.SeenNotices(r.Context(), p.Reader.Person, x.Now()); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me")
}
