// Package standing is the rooms in which everybody sees how they take part: a
// province its board and what it means to reach, a maker of software its statement,
// all the league of facilities, anybody the public numbers, and those who answer for
// the whole what data once saves and the register of systems. It shows counts; the
// numbers are package standing's of the hub.
package standing

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/disclose/register"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/figure"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
	"lienthong/internal/steward"
	"lienthong/internal/web/portal/view"
)

// errQuery: the address asks for something that is not there.
var errQuery = fault.New(fault.Invalid, "portal.query", "Địa chỉ có tham số không đúng.", "The address has a parameter that is not right.")

// errUnbound: a partner that no software is bound to.
var errUnbound = fault.New(fault.Withheld, "vendor.unbound",
	"Đối tác này chưa được gắn với phần mềm nào. Đề nghị đơn vị vận hành gắn tên phần mềm.",
	"No software is bound to this partner. Ask the operator to bind its name.")

// Office lets systems in; *admin.Office does.
type Office interface {
	Enrolment(ctx context.Context) (admin.Enrolment, error)
	Approve(ctx context.Context, actor, client string) error
	Dismiss(ctx context.Context, actor, client string) error
}

// Entries reads the register of systems; *register.Entries does.
type Entries interface {
	List(ctx context.Context, r register.Reader, id registry.ID, q register.Query) (register.Page, error)
}

// Figures pins what is said; *figure.Desk does.
type Figures interface {
	Statement(ctx context.Context, id string) (*figure.Statement, error)
	Pin(ctx context.Context, actor string, q figure.Query) (*figure.Statement, error)
}

// Deps is what the rooms ask. Entries, Databases and Figures may be nil: no register
// then, and nothing pinned.
type Deps struct {
	Figures   Figures
	Desk      *standing.Desk
	Office    Office
	Late      func(ctx context.Context, r role.Role) (late, open int, err error) // tasks; nil: not shown
	Databases func() []*steward.Live
	Entries   Entries
	Directory func() *facility.Directory
	Hub       string
}

// Room serves the rooms.
type Room struct {
	Deps
	frame    view.Frame
	counting sync.Mutex // one counts rows at a time
}

// New returns the rooms.
func New(d Deps, f view.Frame) *Room { return &Room{Deps: d, frame: f} }

// Routes are the rooms' routes.
func Routes() []view.Route[Room] {
	counts, all := []role.Room{role.Counts}, []role.Room{role.Counts, role.Statement}
	return []view.Route[Room]{
		{Method: "GET", Pattern: "/province", Rooms: counts, Serve: (*Room).province},
		{Method: "POST", Pattern: "/province/targets", Rooms: counts, Serve: (*Room).aim},
		{Method: "POST", Pattern: "/province/enrolments/{client}/{what}", Rooms: counts, Serve: (*Room).decide},
		{Method: "GET", Pattern: "/league", Rooms: counts, Serve: (*Room).league},
		{Method: "GET", Pattern: "/league.csv", Rooms: counts, Serve: (*Room).leagueCSV},
		{Method: "POST", Pattern: "/league/pin", Rooms: counts, Serve: (*Room).pinLeague},
		{Method: "GET", Pattern: "/statement", Rooms: all, Serve: (*Room).statement},
		{Method: "GET", Pattern: "/statement.csv", Rooms: all, Serve: (*Room).statementCSV},
		{Method: "GET", Pattern: "/benefit", Rooms: counts, Serve: (*Room).benefit},
		{Method: "GET", Pattern: "/systems", Rooms: []role.Room{role.Databases}, Serve: (*Room).systems},
		{Method: "GET", Pattern: "/public", Serve: (*Room).public},
		{Method: "GET", Pattern: "/public.csv", Serve: (*Room).publicCSV},
		{Method: "GET", Pattern: "/public.json", Serve: (*Room).publicJSON},
		{Method: "GET", Pattern: "/public/{statement}", Serve: (*Room).publicStatement},
	}
}

// absent is what who may not know of a room is told.
var absent = fault.New(fault.Absent, "portal.absent", "Không có trang này.", "There is no such page.")

// provinceOf is the province a reader looks at: their own, or of those who see all
// the one that the address names, "" where it names none.
func provinceOf(p view.Page, named string) (string, error) {
	switch who := p.Reader.Role; {
	case who.Kind == role.Province:
		return who.ID, nil
	case !view.National(who):
		return "", absent
	}
	if _, ok := catalog.ProvinceByCode(named); named != "" && !ok {
		return "", standing.ErrProvince
	}
	return named, nil
}

// provinceShort is a province's name without its rank, for narrow columns.
func provinceShort(p view.Page, code string) string {
	c, ok := catalog.ProvinceByCode(code)
	switch {
	case !ok:
		return p.W.T("house.nowhere")
	case p.W.Lang == "en":
		return strings.TrimSuffix(strings.TrimSuffix(c.NameEN, " Province"), " City")
	}
	return c.Short
}

// ratio is a share in words, a dash where nothing was counted.
func ratio(p view.Page, r score.Ratio) string {
	if r.Applied == 0 {
		return "–"
	}
	return percent(p, r)
}

// permille writes tenths of a per cent.
func permille(p view.Page, n int) string {
	if n < 0 {
		return "–"
	}
	return percent(p, score.Ratio{Passed: int64(n), Applied: 1000})
}

// percent writes a share, rounded down, so that 100 is said of nothing that fails.
func percent(p view.Page, r score.Ratio) string { return r.Percent(p.W.Lang) + "\u202f%" }

func wordTitle(p view.Page, w score.Word) string { return p.W.Text(w.Title()) }

// dayOf reads a date field, 0 where it is empty.
func dayOf(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(text) != 10 && len(text) != 8 {
		return 0, errQuery
	}
	return n, nil
}

// path is an address with the parameters that are not empty.
func path(at string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != "0" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return at
	}
	return at + "?" + v.Encode()
}

// num writes a number for a file.
func num(n int64) string { return strconv.FormatInt(n, 10) }

// placed reports whether a facility belongs to a province now.
func (x *Room) placed(code, province string) bool {
	v, ok := x.Directory().Current(care.FacilityCode(code))
	return ok && v.Province == province
}

// form reads a posted form of a few lines.
func form(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		return errQuery
	}
	return nil
}

// ago is the day that lies n days before the page's.
func ago(p view.Page, n int) int { return clock.Day(p.Now.AddDate(0, 0, -n)) }

// levels are the levels of facilities, as addresses name them.
func levels() []string {
	var out []string
	for _, l := range facility.Levels() {
		out = append(out, string(l))
	}
	return out
}

// kindName names a kind of dossier.
func kindName(p view.Page, kind string) string {
	if p.W.Has("kind." + kind) {
		return p.W.T("kind." + kind)
	}
	return kind
}
