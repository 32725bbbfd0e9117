package delivery

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/exchange"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// errQuery is the answer to an address whose conditions cannot be read.
var errQuery = fault.New(fault.Invalid, "query.invalid",
	"Điều kiện trong địa chỉ không đọc được. Mở lại danh sách và lọc từ đầu.",
	"The conditions in the address cannot be read. Open the list again and filter anew.")

// Filter is what the list of deliveries is asked; empty fields ask for all.
type Filter struct {
	Destination string
	Facility    string
	Kind        string
	State       string
	Code        string
	From, To    int // days yyyyMMdd of creation, 0: open
}

// states are those a filter offers, in the order of need.
var states = []exchange.State{exchange.Parked, exchange.Held, exchange.Waiting, exchange.Done, exchange.Skipped}

func readFilter(v url.Values) (Filter, error) {
	f := Filter{Destination: v.Get("destination"), Facility: strings.TrimSpace(v.Get("facility")), Kind: v.Get("kind"), State: v.Get("state"), Code: strings.TrimSpace(v.Get("code"))}
	if f.State != "" && !slices.Contains(states, exchange.State(f.State)) || len(f.Destination) > 32 || len(f.Kind) > 32 || len(f.Code) > 100 ||
		store.CheckText(f.Destination, f.Kind, f.Code, f.Facility) != nil {
		return f, errQuery
	}
	if f.Facility != "" {
		code, err := care.ParseFacilityCode(f.Facility)
		if err != nil {
			return f, err
		}
		f.Facility = string(code)
	}
	for name, to := range map[string]*int{"from": &f.From, "to": &f.To} {
		if s := strings.ReplaceAll(v.Get(name), "-", ""); s != "" {
			t, err := time.ParseInLocation("20060102", s, clock.Hanoi)
			if err != nil {
				return f, errQuery
			}
			*to = clock.Day(t)
		}
	}
	return f, nil
}

// Values returns the filter as pairs of names and values.
func (f Filter) Values() []string {
	return []string{"destination", f.Destination, "facility", f.Facility, "kind", f.Kind, "state", f.State, "code", f.Code, "from", dayInput(f.From), "to", dayInput(f.To)}
}

// href is the list with some of the conditions changed.
func (f Filter) href(pairs ...string) string {
	return withQuery("/legs", append(f.Values(), pairs...)...)
}

// span is from the first moment of a day to the first after another.
func (f Filter) span() (from, to time.Time) {
	if f.From != 0 {
		from = startOf(f.From)
	}
	if f.To != 0 {
		to = startOf(f.To).AddDate(0, 0, 1)
	}
	return from, to
}

func startOf(day int) time.Time {
	return time.Date(day/10000, time.Month(day/100%100), day%100, 0, 0, 0, 0, clock.Hanoi)
}

func (f Filter) store() store.LegFilter {
	from, to := f.span()
	return store.LegFilter{Destination: f.Destination, Facility: care.FacilityCode(f.Facility), Kind: f.Kind, State: exchange.State(f.State), Code: f.Code, From: from, To: to}
}

func (f Filter) act(do, reason string) admin.LegAct {
	from, to := f.span()
	return admin.LegAct{Do: do, Reason: reason, Filter: admin.LegFilter{Destination: f.Destination, Facility: f.Facility, Kind: f.Kind,
		State: exchange.State(f.State), Code: f.Code, From: from, To: to}}
}

// doable are the acts that the filter's state allows.
func (f Filter) doable() []string {
	switch exchange.State(f.State) {
	case exchange.Parked:
		return []string{admin.LegRetry, admin.LegSkip}
	case exchange.Skipped:
		return []string{admin.LegRetry}
	case exchange.Waiting, exchange.Held:
		return []string{admin.LegSkip}
	}
	return nil
}

// Line is one delivery in a list.
type Line struct {
	store.Leg
	Place       string // the facility's name
	Destination string // as people read it
}

// List is a page of deliveries.
type List struct {
	Filter
	Lines        []Line
	Next         string
	Groups       []Group
	Destinations []Choice
	Kinds        []string
	Ask          *Ask // the second step of an act
	Problem      string
	Operator     bool
}

// Choice is a value of a filter with its words.
type Choice struct{ Value, Text string }

// Group is stuck deliveries of one cause.
type Group struct {
	store.LegGroup
	Name string // of the destination
}

// Ask is an act before it is done: what, to how many.
type Ask struct {
	Do     string
	Count  int
	Reason string
	First  []Line
}

const legsPage = 50

func (x *Room) legs(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "legs", "legs.title")
	f, err := readFilter(r.URL.Query())
	if err == nil {
		var l List
		if l, err = x.list(r, page, f); err == nil {
			x.frame.Show(w, r, http.StatusOK, LegsPage(page, l))
			return
		}
	}
	x.frame.Fail(w, r, err)
}

// list reads what the page shows.
func (x *Room) list(r *http.Request, page view.Page, f Filter) (List, error) {
	who := page.Reader.Role
	l := List{Filter: f, Kinds: x.Kinds, Operator: who.May(role.Administer)}
	names, err := x.names(r, page)
	if err != nil {
		return l, err
	}
	for id, name := range names {
		l.Destinations = append(l.Destinations, Choice{id, name})
	}
	slices.SortFunc(l.Destinations, func(a, b Choice) int { return strings.Compare(a.Value, b.Value) })
	q := f.store()
	q.Limit = legsPage
	if q.Before, err = readCursor(r.URL.Query().Get("before")); err != nil {
		return l, err
	}
	legs, more, err := x.Legs.List(r.Context(), who.Scope(), q)
	if err != nil {
		return l, err
	}
	l.Lines = x.lines(legs, names)
	if more && len(legs) > 0 {
		last := legs[len(legs)-1]
		l.Next = writeCursor(store.Cursor{At: last.Created, ID: last.Record})
	}
	stuck := f.store()
	if stuck.State != exchange.Held {
		stuck.State = exchange.Parked
	}
	groups, err := x.Survey.Stuck(r.Context(), who.Scope(), stuck)
	if err != nil {
		return l, err
	}
	for _, g := range groups {
		if g.Code != exchange.HeldClosed || who.Kind == role.Facility {
			l.Groups = append(l.Groups, Group{g, nameOf(names, g.Destination)})
		}
	}
	return l, nil
}

func (x *Room) lines(legs []store.Leg, names map[string]string) []Line {
	out := make([]Line, len(legs))
	for i, leg := range legs {
		out[i] = Line{leg, x.name(leg.Record.Facility), nameOf(names, leg.LegKey.Destination)}
	}
	return out
}

func nameOf(names map[string]string, id string) string {
	if n := names[id]; n != "" {
		return n
	}
	return id
}

// names are the destinations as people read them.
func (x *Room) names(r *http.Request, page view.Page) (map[string]string, error) {
	ways, err := x.Ways(r.Context())
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, w := range ways {
		names[w.Destination] = page.W.Text(w.Name)
	}
	return names, nil
}

// act counts what an act would be done to and asks once more; with "sure" it
// begins the act and leads to its progress.
func (x *Room) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	page := x.frame.Page(r, "legs", "legs.title")
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, errQuery.Because(err))
		return
	}
	f, err := readFilter(r.PostForm)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	a := f.act(field(r, "do", 20), field(r, "reason", 2000))
	if field(r, "sure", 10) == "yes" {
		m, err := x.Moves.Begin(r.Context(), actor(page), a)
		if err == nil {
			http.Redirect(w, r, "/legs/acts/"+url.PathEscape(m.ID), http.StatusSeeOther)
			return
		}
		x.again(w, r, page, f, nil, err)
		return
	}
	count, err := x.Office.CountLegs(r.Context(), a)
	switch {
	case err != nil:
		x.again(w, r, page, f, nil, err)
	case len([]rune(a.Reason)) < 3:
		x.again(w, r, page, f, nil, admin.ErrLegReason)
	default:
		x.again(w, r, page, f, &Ask{Do: a.Do, Count: count, Reason: a.Reason}, nil)
	}
}

// again shows the list with a question, or with what is wrong.
func (x *Room) again(w http.ResponseWriter, r *http.Request, page view.Page, f Filter, ask *Ask, problem error) {
	l, err := x.list(r, page, f)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	status := http.StatusOK
	if problem != nil {
		known := fault.Of(problem)
		if known.Kind == fault.Broken {
			x.frame.Fail(w, r, problem)
			return
		}
		l.Problem, status = page.W.Text(known.Text), http.StatusUnprocessableEntity
	}
	if ask != nil {
		ask.First = l.Lines[:min(5, len(l.Lines))]
		l.Ask = ask
	}
	x.frame.Show(w, r, status, LegsPage(page, l))
}

func (x *Room) moves(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "legs", "moves.title")
	x.frame.Show(w, r, http.StatusOK, MovesPage(page, x.Moves.List()))
}

func (x *Room) move(w http.ResponseWriter, r *http.Request) {
	page := x.frame.Page(r, "legs", "moves.title")
	m, err := x.Moves.Get(r.PathValue("move"))
	if errors.Is(err, admin.ErrMoveUnknown) { // of before the hub began: the acts tell
		x.frame.Show(w, r, http.StatusNotFound, MovesPage(page, x.Moves.List()))
		return
	} else if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	page.Live = m.State == admin.MoveRunning
	x.frame.Show(w, r, http.StatusOK, MovePage(page, m))
}

func (x *Room) cancel(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	m, err := x.Moves.Cancel(r.PathValue("move"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/legs/acts/"+url.PathEscape(m.ID), http.StatusSeeOther)
}
