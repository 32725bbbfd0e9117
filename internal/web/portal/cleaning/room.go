// Package cleaning is the portal's rooms of what the night proposes to clean: by
// database and detector, each proposal with its evidence side by side, decided one
// by one or together, and taken back. No sealed value is on these pages: what is
// sealed is said to be the same or other, and is opened on the entry's own page.
package cleaning

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/cleaning"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// Desk is the service; *cleaning.Desk is one.
type Desk interface {
	List(ctx context.Context, who role.Role, f house.ProposalFilter) ([]cleaning.Proposal, bool, error)
	Get(ctx context.Context, who role.Role, id string) (*cleaning.Proposal, []house.ProposalStep, error)
	Counts(ctx context.Context, who role.Role) ([]house.ProposalCount, error)
	May(who role.Role, id registry.ID) bool
	Accept(ctx context.Context, who cleaning.Who, v cleaning.Decision) (cleaning.Outcome, error)
	Reject(ctx context.Context, who cleaning.Who, v cleaning.Decision) (cleaning.Outcome, error)
	Undo(ctx context.Context, who cleaning.Who, v cleaning.Decision) (cleaning.Outcome, error)
}

// Line is one field of the entries of a proposal, side by side.
type Line struct {
	Field  string // its name in the declaration
	Label  fault.Text
	Sealed bool
	Same   bool     // they say the same, as far as it is known
	Known  bool     // Same says something
	Values []string // of each entry; none of a sealed field
}

// Deps is what the rooms ask.
type Deps struct {
	Desk  Desk
	Name  func(id registry.ID) fault.Text                                              // of a database
	Lines func(ctx context.Context, r role.Role, p *cleaning.Proposal) ([]Line, error) // what the reader may see of its entries
}

// Room serves them.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes are the rooms' routes.
func Routes() []view.Route[Room] {
	in := []role.Room{role.Rulebook} // ministry, units, operators
	return []view.Route[Room]{
		{Method: "GET", Pattern: "/cleaning", Rooms: in, Serve: (*Room).list},
		{Method: "POST", Pattern: "/cleaning", Rooms: in, Serve: (*Room).decide},
		{Method: "GET", Pattern: "/cleaning/{id}", Rooms: in, Serve: (*Room).one},
	}
}

// asked is what of the list is shown.
type asked struct {
	Database registry.ID
	Detector string
	State    string
	After    string
	Limit    int
}

func ask(v url.Values) asked {
	a := asked{Database: registry.ID(v.Get("database")), Detector: v.Get("detector"), State: v.Get("state"), After: v.Get("after"), Limit: 20}
	if !slices.Contains(cleaning.States(), a.State) {
		a.State = cleaning.Open
	}
	if !slices.Contains(cleaning.Detectors(), a.Detector) {
		a.Detector = ""
	}
	if n, err := strconv.Atoi(v.Get("limit")); err == nil && n > a.Limit {
		a.Limit = min(n, 500)
	}
	return a
}

// href is the list with some of what is asked changed: pairs of names and values.
func (a asked) href(pairs ...string) string {
	v := url.Values{}
	for name, value := range map[string]string{"database": string(a.Database), "detector": a.Detector, "state": a.State, "limit": strconv.Itoa(a.Limit)} {
		if value != "" && !(name == "limit" && value == "20") {
			v.Set(name, value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return "/cleaning?" + v.Encode()
}

// item is a proposal as it is shown.
type item struct {
	cleaning.Proposal
	Lines []Line
	May   bool
}

// label is what a field is called, its name where no line has it.
func (i item) label(p view.Page, field string) string {
	for _, l := range i.Lines {
		if l.Field == field {
			return p.W.Text(l.Label)
		}
	}
	return field
}

// shown are the lines of a table: in brief, where several entries are compared, only
// those that are not known to be the same.
func (i item) shown(brief bool) []Line {
	if !brief || len(i.Body.Parts) < 2 {
		return i.Lines
	}
	return slices.DeleteFunc(slices.Clone(i.Lines), func(l Line) bool { return l.Known && l.Same })
}

// board is the list with what goes around it.
type board struct {
	asked   asked
	counts  []house.ProposalCount
	items   []item
	more    string
	may     bool // something may be decided
	done    int  // of the decision before
	late    int
	problem string
	reason  string
	ticked  []string
}

func (x *Room) board(ctx context.Context, who role.Role, a asked) (*board, error) {
	b := &board{asked: a}
	var err error
	if b.counts, err = x.Desk.Counts(ctx, who); err != nil {
		return nil, err
	}
	f := house.ProposalFilter{Detector: a.Detector, State: a.State, After: a.After, Limit: a.Limit}
	if a.Database != "" {
		f.Databases = []registry.ID{a.Database}
	}
	all, more, err := x.Desk.List(ctx, who, f)
	if err != nil {
		return nil, err
	}
	for i := range all {
		it := item{Proposal: all[i], May: x.Desk.May(who, all[i].Database)}
		b.may = b.may || it.May
		if len(all) <= 50 {
			if it.Lines, err = x.Lines(ctx, who, &all[i]); err != nil {
				return nil, err
			}
		}
		b.items = append(b.items, it)
	}
	if more {
		b.more = all[len(all)-1].ID
	}
	return b, nil
}

func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "cleaning.title")
	q := r.URL.Query()
	b, err := x.board(r.Context(), p.Reader.Role, ask(q))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	b.done, b.late = number(q.Get("done")), number(q.Get("late"))
	x.frame.Show(w, r, http.StatusOK, listPage(p, x, b))
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > cleaning.MostAtOnce {
		return 0
	}
	return n
}

// decide accepts, rejects or takes back what was ticked.
func (x *Room) decide(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "cleaning.title")
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, cleaning.ErrMany)
		return
	}
	a := ask(r.PostForm)
	v := cleaning.Decision{IDs: r.PostForm["id"], Reason: r.PostFormValue("reason"), Second: number(strings.TrimSpace(r.PostFormValue("second")))}
	who := cleaning.Who{Role: p.Reader.Role, Name: p.Actor()}
	do := map[string]func(context.Context, cleaning.Who, cleaning.Decision) (cleaning.Outcome, error){"accept": x.Desk.Accept, "reject": x.Desk.Reject, "undo": x.Desk.Undo}[r.PostFormValue("do")]
	if do == nil {
		x.frame.Fail(w, r, cleaning.ErrState)
		return
	}
	o, err := do(r.Context(), who, v)
	if err == nil {
		x.frame.See(w, r, a.href("done", strconv.Itoa(o.Done), "late", strconv.Itoa(o.Overtaken)))
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Broken || f.Kind == fault.Absent {
		x.frame.Fail(w, r, err)
		return
	}
	b, err := x.board(r.Context(), p.Reader.Role, a)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	b.problem, b.reason, b.ticked = p.W.Text(f.Text), v.Reason, v.IDs
	x.frame.Show(w, r, http.StatusUnprocessableEntity, listPage(p, x, b))
}

func (x *Room) one(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "cleaning.one")
	pr, steps, err := x.Desk.Get(r.Context(), p.Reader.Role, r.PathValue("id"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	it := item{Proposal: *pr, May: x.Desk.May(p.Reader.Role, pr.Database)}
	if it.Lines, err = x.Lines(r.Context(), p.Reader.Role, pr); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, onePage(p, x, it, steps))
}

// sign says why, in words.
func sign(p view.Page, i item, code string) string {
	head, rest, _ := strings.Cut(code, ".")
	if n := slices.IndexFunc(i.Lines, func(l Line) bool { return l.Field == rest }); n >= 0 && rest != "" {
		rest = p.W.Text(i.Lines[n].Label)
	}
	if head == "differs" {
		return p.W.T("cleaning.sign.differs." + rest)
	}
	return p.W.T("cleaning.sign."+head, rest)
}

func entryHref(db registry.ID, entry string) string {
	return "/databases/" + url.PathEscape(string(db)) + "/entries/" + entry
}

// tone of a state's badge and its mark.
func tone(state string) (string, string) {
	switch state {
	case cleaning.Open, cleaning.Applying:
		return "warn", "wait"
	case cleaning.Accepted:
		return "ok", "ok"
	}
	return "off", "dash"
}

func tones(state string) string { t, _ := tone(state); return t }
func marks(state string) string { _, m := tone(state); return m }
