// Package databases is the portal's rooms of specialised databases: which there are
// and how far they have come, what each is by its declaration, its entries, forms
// made of it, files brought in, what is shared with whom, and new declarations. It
// asks the small interfaces below and shows what they answer: who sees which fields
// package disclose/register decides, who changes what package steward.
package databases

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/steward/bring"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// Steward keeps databases; *steward.Steward does.
type Steward interface {
	List() []*steward.Live
	Get(id registry.ID) (*steward.Live, error)
	Look(ctx context.Context, who steward.Who, text []byte, base steward.Base) (*steward.Checked, error)
	DeclareOver(ctx context.Context, who steward.Who, text []byte, base steward.Base) (*steward.Checked, error)
	Reach(ctx context.Context, who steward.Who, id registry.ID, to registry.State, evidence string) error
	Give(ctx context.Context, who steward.Who, g house.Grant) (house.Grant, error)
	EndGrant(ctx context.Context, who steward.Who, id registry.ID, grant string) error
	Enter(ctx context.Context, who steward.Who, id registry.ID, values registry.Values) (steward.Written, error)
	End(ctx context.Context, who steward.Who, id registry.ID, reason string, closes []house.Close) error
}

// Entries reads entries; *register.Entries does.
type Entries interface {
	Database(r register.Reader, id registry.ID) (register.View, error)
	List(ctx context.Context, r register.Reader, id registry.ID, q register.Query) (register.Page, error)
	Get(ctx context.Context, r register.Reader, id registry.ID, entry registry.EntryID, at time.Time) (registry.Entry, error)
	History(ctx context.Context, r register.Reader, id registry.ID, entry registry.EntryID) ([]registry.Entry, error)
	Brought(ctx context.Context, r register.Reader, id registry.ID, name string, rows int) error
}

// Imports takes files; *bring.Desk does.
type Imports interface {
	Receive(ctx context.Context, who steward.Who, id registry.ID, name string, in io.Reader) (*bring.Import, error)
	Get(ctx context.Context, who steward.Who, id registry.ID, name string) (*bring.Import, error)
	List(ctx context.Context, who steward.Who, id registry.ID, limit int) ([]bring.Import, error)
	Preview(ctx context.Context, who steward.Who, id registry.ID, name string, rows int) (*bring.Preview, error)
	Map(ctx context.Context, who steward.Who, id registry.ID, name string, fields []string) error
	Apply(ctx context.Context, who steward.Who, id registry.ID, name string) error
	Undo(ctx context.Context, who steward.Who, id registry.ID, name string) error
	Drop(ctx context.Context, who steward.Who, id registry.ID, name string) error
}

// Feeds tells of the feeds of other bodies; *feeding.Desk does.
type Feeds interface {
	Told(ctx context.Context, who steward.Who, id registry.ID) ([]feeding.Feed, error)
	Again(ctx context.Context, who steward.Who, id registry.ID, source string) error
}

// Word is how much of one of the eight words holds.
type Word struct {
	Name            string // as package score names it
	Passed, Applied int64
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Steward Steward
	Entries Entries
	Imports Imports // nil: no files are taken
	Feeds   Feeds   // nil: no feeds are read
	Counts  func(ctx context.Context) (map[registry.ID]map[registry.EntryState]int64, error)
	Words   func(ctx context.Context) (map[registry.ID][]Word, error) // nil: no numbers
	Law     func(source string) fault.Text
	Nothing func(ctx context.Context) // says that an answer shows nothing of anybody; nil: nobody asks
}

func (x *Room) nothing(ctx context.Context) {
	if x.Nothing != nil {
		x.Nothing(ctx)
	}
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
	in := []role.Room{role.Databases}
	line := func(method, pattern string, discloses bool, s func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: in, Discloses: discloses, Serve: s}
	}
	return []view.Route[Room]{
		line("GET", "/databases", false, (*Room).list),
		line("GET", "/databases/new", false, (*Room).declare),
		line("POST", "/databases/new", false, (*Room).declare),
		line("GET", "/databases/{id}", false, (*Room).one),
		line("GET", "/databases/{id}/declaration.yaml", false, (*Room).text),
		line("POST", "/databases/{id}/steps", false, (*Room).step),
		line("POST", "/databases/{id}/grants", false, (*Room).give),
		line("POST", "/databases/{id}/grants/{grant}/end", false, (*Room).endGrant),
		line("GET", "/databases/{id}/entries", true, (*Room).entries),
		line("POST", "/databases/{id}/entries", true, (*Room).entries),
		line("POST", "/databases/{id}/export.csv", true, (*Room).exportCSV),
		line("POST", "/databases/{id}/export.ndjson", true, (*Room).exportLines),
		line("GET", "/databases/{id}/entries/new", true, (*Room).form),
		line("POST", "/databases/{id}/entries/new", true, (*Room).enter),
		line("GET", "/databases/{id}/entries/{entry}", true, (*Room).entry),
		line("POST", "/databases/{id}/entries/{entry}/end", true, (*Room).end),
		line("GET", "/databases/{id}/imports", false, (*Room).imports),
		line("POST", "/databases/{id}/imports", false, (*Room).receive),
		line("GET", "/databases/{id}/imports/{import}", true, (*Room).oneImport),
		line("POST", "/databases/{id}/imports/{import}", true, (*Room).moveImport),
		line("GET", "/databases/{id}/feeds", false, (*Room).feeds),
		line("POST", "/databases/{id}/feeds", false, (*Room).readAgain),
		line("GET", "/databases/{id}/feeds.csv", false, (*Room).wrongLines),
	}
}

func who(p *view.Page) steward.Who {
	return steward.Who{Role: p.Reader.Role, Name: p.Actor()}
}

func reader(p *view.Page) register.Reader {
	return register.Reader{Role: p.Reader.Role, Name: p.Reader.Mark, Route: p.Reader.Route, Staff: p.Reader.Staff}
}

// manages reports whether a reader may change a database.
func manages(p *view.Page, l *steward.Live) bool {
	r := p.Reader.Role
	return r.Kind == role.Operator || r.Kind == role.Unit && r.ID == l.Steward && !l.Dissolved
}

func id(r *http.Request) registry.ID { return registry.ID(r.PathValue("id")) }

func path(l registry.ID, more string) string { return "/databases/" + string(l) + more }

// field reads a form field, cut to a limit in bytes at a whole character.
func field(r *http.Request, name string, limit int) string {
	v := strings.TrimSpace(r.PostFormValue(name))
	if len(v) > limit {
		return strings.ToValidUTF8(v[:limit], "")
	}
	return v
}

// line is a database of the list.
type line struct {
	Live  *steward.Live
	Unit  string
	N     int64
	Words []Word
}

// word is one of the eight words of a line; nothing where it was not counted.
func (l line) word(name string) Word {
	for _, w := range l.Words {
		if w.Name == name {
			return w
		}
	}
	return Word{Name: name}
}

// unsaid stands for a number that the reader is not told.
const unsaid = -1

// counted reports whether a reader is told how many entries a database has. Of one
// that closed classes of records make, a number that grows when a record comes would
// tell what the record says: only whom it is shared with and operators are told.
func (x *Room) counted(p *view.Page, l *steward.Live) bool {
	if p.Reader.Role.Kind == role.Operator || !slices.ContainsFunc(l.Sources, func(s registry.Source) bool { return s.Classes != 0 }) {
		return true
	}
	v, err := x.Entries.Database(reader(p), l.ID)
	return err == nil && v.Shared
}

// amount writes a number, or that it is not told.
func amount(p view.Page, n int64) string {
	if n == unsaid {
		return "–"
	}
	return p.W.Num(n)
}

// total is how many databases there are.
func total(states map[registry.State]int) (n int) {
	for _, of := range states {
		n += of
	}
	return n
}

// errState: no state is called so.
var errState = fault.New(fault.Invalid, "database.state", "Không có trạng thái này.", "There is no such state.")

// list shows all databases, or those in a state. That they exist, and what they are, is no secret.
func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.title")
	counts, err := x.Counts(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	words := map[registry.ID][]Word{}
	if x.Deps.Words != nil {
		if words, err = x.Deps.Words(r.Context()); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	state := registry.State(r.URL.Query().Get("state"))
	if state != "" && !slices.Contains(registry.States(), state) {
		x.frame.Fail(w, r, errState)
		return
	}
	var lines []line
	states := map[registry.State]int{}
	for _, l := range x.Steward.List() {
		if states[l.State()]++; state != "" && l.State() != state {
			continue
		}
		at := line{Live: l, Unit: p.UnitWord(l.Steward), N: unsaid}
		if x.counted(&p, l) {
			at.N, at.Words = counts[l.ID][registry.Live], words[l.ID]
		}
		lines = append(lines, at)
	}
	x.frame.Show(w, r, http.StatusOK, listPage(p, lines, states, state))
}

// shown is what the page of one database shows.
type shown struct {
	Live    *steward.Live
	Unit    string
	Laws    []string
	N       map[registry.EntryState]int64
	Words   []Word
	May     bool // change it
	Sees    []string
	By      string
	Problem string // what was wrong with a step or a grant
	Given   giving
}

// giving is what was typed into the form of grants.
type giving struct{ To, Purpose, Until string }

func (x *Room) one(w http.ResponseWriter, r *http.Request) {
	x.showOne(w, r, http.StatusOK, nil, giving{})
}

func (x *Room) showOne(w http.ResponseWriter, r *http.Request, status int, problem error, given giving) {
	p := x.frame.Page(r, "databases", "db.title")
	l, err := x.Steward.Get(id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	counts, err := x.Counts(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	p.Title = p.W.Text(l.Name)
	s := shown{Live: l, Unit: p.UnitWord(l.Steward), N: counts[l.ID], May: manages(&p, l), Given: given}
	for _, source := range l.Legal {
		s.Laws = append(s.Laws, p.W.Text(x.Law(source)))
	}
	if v, err := x.Entries.Database(reader(&p), l.ID); err == nil {
		s.Sees, s.By = v.Sight.Fields, v.Sight.By
		if v.Own && s.By == "" {
			s.By = "own"
		}
	}
	if x.Deps.Words != nil {
		words, err := x.Deps.Words(r.Context())
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		s.Words = words[l.ID]
	}
	if !x.counted(&p, l) {
		s.N, s.Words = map[registry.EntryState]int64{registry.Live: unsaid, registry.Ended: unsaid}, nil
	}
	if problem != nil {
		s.Problem = p.W.Text(fault.Of(problem).Text)
	}
	x.frame.Show(w, r, status, onePage(p, s))
}

// lastDay is the day a term of whole days ends with.
func lastDay(until time.Time) time.Time { return until.Add(-time.Microsecond) }

// refused shows a database again with what was wrong; other faults are the portal's.
func (x *Room) refused(w http.ResponseWriter, r *http.Request, err error, given giving) {
	if f := fault.Of(err); f.Kind == fault.Invalid || f.Kind == fault.Conflict || errors.Is(err, steward.ErrSensitive) {
		x.showOne(w, r, http.StatusUnprocessableEntity, err, given)
		return
	}
	x.frame.Fail(w, r, err)
}

func (x *Room) text(w http.ResponseWriter, r *http.Request) {
	l, err := x.Steward.Get(id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(l.ID)+`.yaml"`)
	http.ServeContent(w, r, "", l.Taken.At, bytes.NewReader(l.Taken.Text))
}

func (x *Room) step(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.title")
	if err := x.Steward.Reach(r.Context(), who(&p), id(r), registry.State(field(r, "state", 20)), field(r, "evidence", 4000)); err != nil {
		x.refused(w, r, err, giving{})
		return
	}
	x.frame.See(w, r, path(id(r), "#states"))
}

func (x *Room) give(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.title")
	given := giving{To: field(r, "to", 100), Purpose: field(r, "purpose", 2000), Until: field(r, "until", 10)}
	g := house.Grant{Database: id(r), To: given.To, Purpose: given.Purpose, Fields: slices.Clone(r.PostForm["fields"])}
	if given.Until != "" {
		day, err := time.ParseInLocation(time.DateOnly, given.Until, clock.Hanoi)
		if err != nil {
			x.refused(w, r, steward.ErrGrant, given)
			return
		}
		g.Until = day.AddDate(0, 0, 1) // the day is the last it holds on
	}
	if len(g.Fields) == 0 {
		x.refused(w, r, steward.ErrGrant, given)
		return
	}
	if _, err := x.Steward.Give(r.Context(), who(&p), g); err != nil {
		x.refused(w, r, err, given)
		return
	}
	x.frame.See(w, r, path(id(r), "#grants"))
}

func (x *Room) endGrant(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.title")
	if err := x.Steward.EndGrant(r.Context(), who(&p), id(r), r.PathValue("grant")); err != nil {
		x.refused(w, r, err, giving{})
		return
	}
	x.frame.See(w, r, path(id(r), "#grants"))
}

// seenGrants are the grants a reader may know of: all for who manages the database,
// those given to them for others.
func seenGrants(p view.Page, s shown) []house.Grant {
	var out []house.Grant
	for _, g := range s.Live.Grants {
		if s.May || g.To == p.Reader.Role.String() || p.Reader.Role.Kind == role.Ministry {
			out = append(out, g)
		}
	}
	return out
}

// steps are the states a database can go to now.
func steps(s registry.State) []registry.State {
	var out []registry.State
	for _, to := range registry.States() {
		if registry.Step(s, to, "0123456789") == nil {
			out = append(out, to)
		}
	}
	return out
}

// declared is what the wizard of declarations shows.
type declared struct {
	Text    string
	Base    string // "ID/3": the version this was begun from
	Checked *steward.Checked
	Fault   string
	OK      bool
}

const maxDeclaration = 300 << 10

// declare looks at a declaration, and takes it when asked to.
func (x *Room) declare(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.new")
	if r.Method == http.MethodGet {
		d := declared{}
		if l, err := x.Steward.Get(registry.ID(r.URL.Query().Get("from"))); err == nil {
			d.Text, d.Base = string(l.Taken.Text), base(l.ID, l.Taken.Version)
		}
		x.frame.Show(w, r, http.StatusOK, declarePage(p, d))
		return
	}
	d, do, err := declarationOf(w, r)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if do == "take" {
		d.Checked, err = x.Steward.DeclareOver(r.Context(), who(&p), []byte(d.Text), baseOf(d.Base))
		if err == nil {
			x.frame.See(w, r, path(d.Checked.Declaration.ID, ""))
			return
		}
	} else {
		d.Checked, err = x.Steward.Look(r.Context(), who(&p), []byte(d.Text), baseOf(d.Base))
	}
	if c := d.Checked; c != nil && c.Declaration != nil && baseOf(d.Base).Database != c.Declaration.ID {
		d.Base = base(c.Declaration.ID, c.Was)
	}
	status := http.StatusOK
	if d.OK = err == nil; err != nil {
		f := fault.Of(err)
		if f.Kind != fault.Invalid && f.Kind != fault.Conflict && f.Kind != fault.TooLarge && f.Kind != fault.Withheld {
			x.frame.Fail(w, r, err)
			return
		}
		d.Fault, status = p.W.Text(f.Text), http.StatusUnprocessableEntity
	}
	x.frame.Show(w, r, status, declarePage(p, d))
}

// base writes which version of what a text was begun from.
func base(id registry.ID, version int) string { return string(id) + "/" + strconv.Itoa(version) }

// baseOf reads what base wrote; what it cannot have written says nothing.
func baseOf(text string) steward.Base {
	id, n, _ := strings.Cut(text, "/")
	version, err := strconv.Atoi(n)
	if err != nil {
		return steward.Base{}
	}
	return steward.Base{Database: registry.ID(id), Version: version}
}

// errForm is the answer to a form that cannot be read.
var errForm = fault.New(fault.Invalid, "database.form", "Không đọc được biểu mẫu gửi lên. Mở lại trang rồi gửi lại.", "The form could not be read. Open the page again and send it again.")

// declarationOf reads the form: a file, or the text.
func declarationOf(w http.ResponseWriter, r *http.Request) (d declared, do string, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, 3*maxDeclaration)
	parts, err := r.MultipartReader()
	if err != nil {
		return d, "", errForm.Because(err)
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return d, do, nil
		}
		if err != nil {
			return d, "", errForm.Because(err)
		}
		b, err := io.ReadAll(io.LimitReader(part, maxDeclaration))
		if err != nil {
			return d, "", errForm.Because(err)
		}
		switch part.FormName() {
		case "do":
			do = string(b)
		case "base":
			d.Base = string(b)
		case "text":
			if d.Text == "" { // browsers send CRLF
				d.Text = strings.ReplaceAll(string(b), "\r\n", "\n")
			}
		case "file":
			if len(b) > 0 {
				d.Text = strings.ReplaceAll(string(b), "\r\n", "\n")
			}
		}
	}
}
