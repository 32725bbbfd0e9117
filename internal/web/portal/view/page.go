package view

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/words"
)

// Page is what every page needs.
type Page struct {
	W      words.Speaker
	Title  string
	Nav    string // the current entry of the bar: "overview", "messages"...
	Path   string // of this page with its query, to come back to
	Reader *Reader
	Theme  string // "light", "dark"
	Demo   bool
	Now    time.Time
	Asset  func(name string) string // "" where it was not built
	Live   bool                     // refreshed by script
	Wall   bool                     // shown on a wall: no nav, nothing to press
	Rule   func(code string) (Rule, bool)

	Unit     func(id string) string   // what a unit is called in the page's language, "" not known; may be nil
	Facility func(code string) string // a facility's name, "" not known; may be nil

	NamedLogin bool // people may log in by name
	Large      bool // large type, as the reader chose

	Keeping *Keeping          // for operators on the overview
	Panels  []templ.Component // of other rooms, after it
	Centre  *Centre           // of the operations centre; nil: only what counters say
}

// Centre is what services add to the first page, by its place there.
type Centre struct {
	Flow []templ.Component // beside records per minute
	Work []templ.Component // beside rejects and levels
	Foot []templ.Component // small ones, in a row
}

// NavItem is an entry of the top bar.
type NavItem struct{ ID, Href string }

// NavOf returns the bar of a role: at most seven words, in the order of use.
func NavOf(r role.Role) []NavItem {
	overview := NavItem{"overview", "/overview"}
	messages := NavItem{"messages", "/messages"}
	rejects := NavItem{"rejects", "/rejects"}
	places := NavItem{"facilities", "/facilities"}
	access := NavItem{"access", "/access"}
	acts := NavItem{"acts", "/acts"}
	legs := NavItem{"legs", "/legs"}
	databases := NavItem{"databases", "/databases"}
	quality := NavItem{"quality", "/quality"}
	tasks := NavItem{"tasks", "/tasks"}
	switch r.Kind {
	case role.Facility:
		return []NavItem{{"today", "/today"}, messages, rejects, {"upload", "/upload"}, {"reconciliation", "/reconciliation"}, access, overview}
	case role.Operator:
		return []NavItem{overview, messages, rejects, places, legs, access, acts}
	case role.Ministry:
		return []NavItem{overview, databases, quality, tasks, places, messages, {"rulebook", "/rulebook"}}
	case role.Unit:
		return []NavItem{databases, quality, tasks, places, messages, {"rulebook", "/rulebook"}}
	case role.Province:
		return []NavItem{{"province", "/province"}, overview, places, quality, databases, tasks, messages}
	case role.Insurer:
		return []NavItem{databases, tasks}
	case role.Partner:
		return []NavItem{{"statement", "/statement"}, {"software", "/software"}, databases, tasks}
	case role.Auditor:
		return []NavItem{access, {"audit", "/audit"}, acts}
	case role.Privacy:
		return []NavItem{{"privacy", "/privacy"}, {"breaches", "/privacy/breaches"}}
	case role.Clinician:
		return []NavItem{{"patients", "/patients"}, {"emergency", "/emergency"}, messages}
	case role.Citizen:
		return []NavItem{{"me", "/me"}, {"looks", "/me/looks"}, {"choices", "/me/choices"}, {"papers", "/me/papers"}}
	case role.Counter:
		return []NavItem{{"counter", "/counter"}}
	}
	return nil
}

// navIcon is the icon over a word of the bar at the foot of a phone, "" elsewhere.
func navIcon(id string) string {
	switch id {
	case "me":
		return "book-2"
	case "looks":
		return "eye"
	case "choices":
		return "adjustments-horizontal"
	case "papers":
		return "qrcode"
	}
	return ""
}

// Actor names who acts, as acts keep it: the role and the account, or the session's mark
// where somebody came by a login link (staff.Person tells them apart).
func (p Page) Actor() string {
	who := p.Reader.Mark
	if p.Reader.Staff != (care.Staff{}) {
		who = hex.EncodeToString(p.Reader.Staff[:])
	}
	return p.Reader.Role.String() + "/" + who
}

// forCitizens reports whether the page is one of a citizen's: for phones first.
func (p Page) forCitizens() bool { return p.Reader != nil && p.Reader.Role.Kind == role.Citizen }

// Home is the first page of a role; one that has no room yet reads how numbers
// are made.
func Home(r role.Role) string {
	nav := NavOf(r)
	if len(nav) == 0 {
		return "/how"
	}
	return nav[0].Href
}

// Initials returns the letters in the corner: "DN" for operator and so on.
func Initials(r role.Role) string {
	switch r.Kind {
	case role.Operator:
		return "VH"
	case role.Ministry:
		return "BY"
	case role.Province:
		return "SY"
	case role.Facility:
		return "CS"
	case role.Auditor:
		return "KT"
	case role.Clinician:
		return "BS"
	case role.Privacy:
		return "DL"
	case role.Counter:
		return "QU"
	case role.Citizen:
		return "ND"
	}
	return strings.ToUpper(string(r.Kind[:min(2, len(r.Kind))]))
}

// messagesURL is the address of the message browser with a filter.
func messagesURL(pairs ...string) string { return withQuery("/messages", pairs...) }

func withQuery(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != "0" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// Values returns the query as URL parameters, without the episode.
func (q Query) Values() []string {
	return []string{"facility", string(q.Facility), "province", q.Province, "level", string(q.Level),
		"kind", q.Kind, "state", q.State, "code", q.Code, "day", strconv.Itoa(q.Day)}
}

// Without returns the values with one taken away.
func (q Query) Without(name string) []string {
	v := q.Values()
	for i := 0; i+1 < len(v); i += 2 {
		if v[i] == name {
			v[i+1] = ""
		}
	}
	return v
}

// provinceName is a province's short name, the code where it is not known.
func provinceName(code string, w words.Speaker) string {
	p, ok := catalog.ProvinceByCode(code)
	if !ok {
		return code
	}
	if w.Lang == "en" {
		return strings.TrimSuffix(strings.TrimSuffix(p.NameEN, " Province"), " City")
	}
	return p.Short
}

// mark of a state, with the badge tone.
func stateLook(s dossier.State) (mark, tone string) {
	switch s {
	case dossier.Accepted:
		return "ok", "ok"
	case dossier.AcceptedWithWarnings:
		return "warn", "warn"
	case dossier.Rejected:
		return "bad", "bad"
	}
	return "dash", "off"
}

func severityMark(s dossier.Severity, blocks bool) string {
	switch {
	case s == dossier.Error:
		return "bad"
	case blocks:
		return "hold"
	case s == dossier.Warning:
		return "warn"
	}
	return "wait"
}

// kindWord names a kind of dossier in the page's language.
func kindWord(kind string, w words.Speaker) string {
	if w.Has("kind." + kind) {
		return w.T("kind." + kind)
	}
	return kind
}

// named reports whether somebody logged in as themself, not by a link.
func (r *Reader) named() bool { return r.Staff != care.Staff{} || r.Person != store.PersonID{} }

// attrTime is the value of <time datetime>.
func attrTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// attrNum writes a coordinate of SVG.
func attrNum(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// class of a tile's place: lt-r1..lt-r12, lt-c1..lt-c6.
func placeClass(row, col int) string { return fmt.Sprintf("lt-r%d lt-c%d", row, col) }

// step is a tile's class by fixed breaks (LOOK §5).
func step(n int64) string {
	switch {
	case n <= 0:
		return "lt-s0"
	case n < 250:
		return "lt-s1"
	case n < 700:
		return "lt-s2"
	case n < 1500:
		return "lt-s3"
	case n < 4000:
		return "lt-s4"
	}
	return "lt-s5"
}

// shortID shows the end of an id, which differs, with its facility.
func shortID(id dossier.ID) string {
	s := id.String()
	if len(s) < 20 {
		return s
	}
	return s[:6] + "…" + s[len(s)-8:]
}

func itoa(n int) string { return strconv.Itoa(n) }

// Cause is the sentence of a code, the code itself where the catalogue has none.
func (p Page) Cause(code string) string {
	if p.Rule != nil {
		if r, ok := p.Rule(code); ok && r.Text.VI != "" {
			return strings.TrimSuffix(p.W.Text(r.Text), ".") // a title, not a sentence
		}
	}
	if p.W.Has("code." + code) {
		return p.W.T("code." + code)
	}
	return code
}

// Hint is what to do about a code, "" where the catalogue says nothing.
func (p Page) Hint(code string) string {
	if p.Rule != nil {
		if r, ok := p.Rule(code); ok {
			return p.W.Text(r.Hint)
		}
	}
	return ""
}

func basisWord(basis string, w words.Speaker) string {
	if w.Has("basis." + basis) {
		return w.T("basis." + basis)
	}
	return basis
}
