package databases

import (
	"net/http"
	"strconv"

	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/steward/feeding"
	"lienthong/internal/web/portal/view"
)

// fed is the feeds of a database with the lines that were not taken.
type fed struct {
	Live    *steward.Live
	Feeds   []feeding.Feed
	Asked   string // source that is to be read again, just asked
	Problem string
}

// errNoFeeds is the answer of a hub that reads no feeds.
var errNoFeeds = fault.New(fault.Absent, "feed.none", "Máy chủ này không đọc kênh của cơ quan khác.", "This server reads no feeds of other bodies.")

// fedOf asks for the feeds of the database that is looked at.
func (x *Room) fedOf(r *http.Request, p *view.Page) (fed, error) {
	l, err := x.Steward.Get(id(r))
	if err == nil && x.Feeds == nil {
		err = errNoFeeds
	}
	if err != nil {
		return fed{}, err
	}
	all, err := x.Feeds.Told(r.Context(), who(p), l.ID)
	return fed{Live: l, Feeds: all}, err
}

func (x *Room) feeds(w http.ResponseWriter, r *http.Request) {
	x.showFeeds(w, r, http.StatusOK, nil)
}

func (x *Room) showFeeds(w http.ResponseWriter, r *http.Request, status int, problem error) {
	p := x.frame.Page(r, "databases", "db.feeds")
	f, err := x.fedOf(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	f.Asked = r.URL.Query().Get("again")
	if problem != nil {
		f.Problem = p.W.Text(fault.Of(problem).Text)
	}
	x.frame.Show(w, r, status, feedsPage(p, f))
}

// readAgain has a feed read from its first line with the next round.
func (x *Room) readAgain(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.feeds")
	if x.Feeds == nil {
		x.frame.Fail(w, r, errNoFeeds)
		return
	}
	source := field(r, "source", 100)
	err := x.Feeds.Again(r.Context(), who(&p), id(r), source)
	if f := fault.Of(err); err != nil && (f.Kind == fault.Invalid || f.Kind == fault.Conflict) {
		x.showFeeds(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, path(id(r), "/feeds?again="+source))
}

// wrongLines are the lines that were not taken, as CSV: a row a finding.
func (x *Room) wrongLines(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.feeds")
	f, err := x.fedOf(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{{p.W.T("db.feeds.source"), p.W.T("db.feeds.line"), p.W.T("db.feeds.code"), p.W.T("db.feeds.field"), p.W.T("db.feeds.what")}}
	for i := range f.Feeds {
		for _, l := range f.Feeds[i].Last {
			for _, one := range l.Found {
				rows = append(rows, []string{f.Feeds[i].Source, strconv.FormatInt(l.Line, 10), one.Code, one.Field, p.W.Text(one.Text)})
			}
		}
	}
	x.frame.CSV(w, r, string(f.Live.ID)+"-feeds", rows)
}

// takesFeeds reports whether other bodies feed a database.
func takesFeeds(l *steward.Live) bool {
	for i := range l.Sources {
		if l.Sources[i].Kind == registry.FromFeed {
			return true
		}
	}
	return false
}

// wrongCount is how many lines of all feeds are named.
func (f fed) wrongCount() (n int) {
	for i := range f.Feeds {
		n += len(f.Feeds[i].Last)
	}
	return n
}
