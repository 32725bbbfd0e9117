package overview

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/alarm"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/figure"
	"lienthong/internal/insight"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// own is the place a role counts in.
func own(r role.Role) figure.Place {
	switch s := r.Scope(); {
	case s.Facility != "":
		return figure.Place{Facility: string(s.Facility)}
	case s.Province != "":
		return figure.Place{Province: s.Province}
	case s.Unit != "":
		return figure.Place{Unit: s.Unit}
	}
	return figure.Place{}
}

// may reports whether a role counts at a place: all do within their own, and those
// of the whole country anywhere.
func may(r role.Role, p figure.Place) bool {
	s := r.Scope()
	return s.All || (!s.IsEmpty() && p == own(r))
}

// asked is the place and day of an address: the reader's own place and yesterday
// where it says none. A place beyond the reader's is no place.
func asked(r *http.Request, p view.Page) (figure.Place, int, error) {
	q := r.URL.Query()
	place := figure.Place{Province: q.Get("province"), Unit: q.Get("unit"), Facility: strings.ToUpper(strings.TrimSpace(q.Get("facility")))}
	if place == (figure.Place{}) {
		place = own(p.Reader.Role)
	}
	if !may(p.Reader.Role, place) {
		return place, 0, figure.ErrPlace
	}
	day := clock.Day(p.Now.AddDate(0, 0, -1))
	if text := strings.ReplaceAll(q.Get("day"), "-", ""); text != "" {
		var err error
		if day, err = strconv.Atoi(text); err != nil {
			return place, 0, figure.ErrSpan
		}
	}
	_, err := figure.Ask("SL.02", place, day, day)
	return place, day, err
}

// line is one figure at a place, of a day and of today.
type line struct {
	Figure insight.Figure
	Today  int64
	Has    bool // Today is known
	Kept   *figure.Statement
	List   templ.SafeURL // of the day
	Now    templ.SafeURL // of today
}

// list is every figure, and of a place the numbers that are closed each night.
func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "overview", "ioc.figures.title")
	place, day, err := asked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	lines, err := x.lines(r.Context(), place, day, clock.Day(p.Now))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.Opened(p, "figures")
	x.frame.Show(w, r, http.StatusOK, listPage(p, place, day, lines))
}

func (x *Room) lines(ctx context.Context, place figure.Place, day, today int) ([]line, error) {
	var out []line
	for _, id := range []string{"SL.02", "SL.03", "SL.04", "SL.08", "SL.09", "SL.13"} {
		q, err := figure.Ask(id, place, day, day)
		if err != nil {
			return nil, err
		}
		l := line{List: listOf(q, day), Now: listOf(q, today)}
		l.Figure, _ = insight.FigureByID(id)
		if l.Kept, err = x.Figures.Statement(ctx, q.Subject()); err != nil && !errors.Is(err, figure.ErrAbsent) {
			return nil, err
		}
		if !q.Standing {
			l.Has = true
			if l.Today, err = x.sum(ctx, q, today); err != nil {
				return nil, err
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// sum is a number out of the counters, before it is pinned.
func (x *Room) sum(ctx context.Context, q figure.Query, day int) (int64, error) {
	counts, err := x.Counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{FromDay: day, ToDay: day, Measures: q.Measures, Province: q.Province, By: []store.Dimension{store.ByUnit, store.ByFacility}})
	var n int64
	for _, c := range counts {
		if (q.Unit == "" || c.Key[0] == q.Unit) && (q.Facility == "" || c.Key[1] == q.Facility) {
			n += c.N
		}
	}
	return n, err
}

// listOf leads to the records behind a number.
func listOf(q figure.Query, day int) templ.SafeURL {
	v := url.Values{"day": {strconv.Itoa(day)}}
	if q.Province != "" {
		v.Set("province", q.Province)
	}
	if q.Facility != "" {
		v.Set("facility", q.Facility)
	}
	switch {
	case len(q.Measures) == 1 && strings.HasPrefix(q.Measures[0], "doc:"):
		v.Set("code", q.Measures[0])
	case slices.Equal(q.Measures, []string{string(dossier.Rejected)}):
		v.Set("state", string(dossier.Rejected))
	}
	if q.Standing {
		v.Set("state", string(dossier.Standing))
	}
	return templ.SafeURL("/messages?" + v.Encode())
}

// shown is the page of one figure.
type shown struct {
	Figure   insight.Figure
	Place    figure.Place
	Day      int
	Query    string // JSON
	Subject  string
	List     templ.SafeURL
	Versions []*figure.Statement
	Checks   []house.Check
	Alarms   []alarm.Alarm
	Reviews  []matter.Waiting
}

// one is a figure: how it is computed, and what was pinned of it.
func (x *Room) one(w http.ResponseWriter, r *http.Request) {
	f, ok := insight.FigureByID(r.PathValue("id"))
	if !ok {
		x.frame.Fail(w, r, figure.ErrAbsent)
		return
	}
	p := x.frame.Page(r, "overview", "ioc.figure.title", f.ID)
	place, day, err := asked(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if f.Public { // it has one place
		place = figure.Place{}
	}
	s := shown{Figure: f, Place: place, Day: day, List: templ.SafeURL(f.List)}
	if f.Pinned() {
		q, err := figure.Ask(f.ID, place, day, day)
		if err == nil {
			s.Subject, s.List = q.Subject(), listOf(q, day)
			s.Query, err = indented(q)
		}
		if err == nil {
			s.Versions, err = x.Figures.Versions(r.Context(), s.Subject)
		}
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	if err := x.besides(r.Context(), p, &s); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.Opened(p, "figures")
	x.frame.Show(w, r, http.StatusOK, onePage(p, s))
}

// besides adds what has no list of its own.
func (x *Room) besides(ctx context.Context, p view.Page, s *shown) (err error) {
	if !view.National(p.Reader.Role) {
		return nil
	}
	switch s.Figure.ID {
	case "SL.17":
		if x.Emergencies != nil {
			s.Reviews, err = x.Emergencies(ctx)
		}
	case "SL.24":
		s.Checks, err = x.Boards.Checks(ctx, 31)
	case "SL.26":
		if x.Alarms != nil {
			s.Alarms, err = x.Alarms.Open(ctx)
		}
	}
	return err
}

func indented(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

// pin counts a figure and keeps it; then it is shown.
func (x *Room) pin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	p := x.frame.Page(r, "overview", "ioc.figures.title")
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, figure.ErrSpan)
		return
	}
	place := figure.Place{Province: r.PostForm.Get("province"), Unit: r.PostForm.Get("unit"), Facility: r.PostForm.Get("facility")}
	day, err := strconv.Atoi(r.PostForm.Get("day"))
	if err != nil || !may(p.Reader.Role, place) {
		x.frame.Fail(w, r, figure.ErrPlace)
		return
	}
	q, err := figure.Ask(r.PathValue("id"), place, day, day)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if !x.counting.TryLock() {
		x.frame.Fail(w, r, figure.ErrBusy)
		return
	}
	defer x.counting.Unlock()
	s, err := x.Figures.Pin(r.Context(), p.Reader.Role.String(), q)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/statements/"+url.PathEscape(s.ID))
}

// placeName is a place in words.
func placeName(p view.Page, place figure.Place) string {
	switch {
	case place.Province != "":
		return p.Province(place.Province, "ioc.place.none")
	case place.Unit != "":
		return p.W.T("ioc.place.unit", place.Unit)
	case place.Facility != "":
		return p.W.T("ioc.place.facility", place.Facility)
	}
	return p.W.T("ioc.place.all")
}

// partName is what a part of a number is called.
func partName(p view.Page, q figure.Query, x part) string {
	name := x.Key
	switch {
	case q.By == string(store.ByProvince) && x.Key == "vn":
		name = p.W.T("ioc.place.all")
	case q.By == string(store.ByProvince):
		name = p.Province(x.Key, "ioc.place.none")
	case name == "" && q.Facility != "":
		name = q.Facility
	case name == "":
		name = p.W.T("ioc.place.none")
	}
	if x.Name != "" {
		name += " · " + p.W.T("ioc.part."+x.Name)
	}
	return name
}

// placeQuery is a place and a day as an address has them.
func placeQuery(path string, place figure.Place, day int) templ.SafeURL {
	v := url.Values{}
	for k, s := range map[string]string{"province": place.Province, "unit": place.Unit, "facility": place.Facility} {
		if s != "" {
			v.Set(k, s)
		}
	}
	if day != 0 {
		v.Set("day", strconv.Itoa(day))
	}
	if len(v) == 0 {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?" + v.Encode())
}

// span writes how long something took.
func span(p view.Page, d time.Duration) string {
	if d < time.Second {
		return p.W.T("ioc.ms", int(d/time.Millisecond))
	}
	return p.W.T("ioc.s", p.W.Decimal(d.Seconds(), 0))
}

// why is what a version says of the one before it, in words.
func why(p view.Page, c *figure.Change) string {
	var out []string
	for _, x := range []struct {
		key string
		n   int64
	}{{"ioc.why.withdrawn", c.Withdrawn}, {"ioc.why.superseded", c.Superseded}, {"ioc.why.late", c.Late}, {"ioc.why.erased", c.Erased}} {
		if x.n > 0 {
			out = append(out, p.W.T(x.key, x.n))
		}
	}
	return strings.Join(out, " · ")
}
