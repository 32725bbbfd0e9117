package portal

import (
	"net/http"
	"slices"
	"strconv"

	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

func (p *Portal) overview(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "overview", "overview.title")
	page.Live = true
	page.Wall = r.URL.Query().Get("wall") == "1"
	o, minutes, err := p.board(r, &page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if p.annexes.house.Overview() != nil {
		board := "overview"
		if page.Wall {
			board = "wall"
		}
		p.annexes.house.Overview().Opened(page, board)
	}
	if p.deps.Keeping != nil && page.Reader.Role.Kind == role.Operator {
		k, err := p.deps.Keeping.Keeping(r.Context(), page.Now)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page.Keeping = &k
	}
	if p.delivery != nil && page.Reader.Role.Kind == role.Operator {
		panel, err := p.delivery.Panel(r.Context(), page)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		page.Panels = append(page.Panels, panel)
	}
	p.show(w, r, http.StatusOK, view.OverviewPage(page, o, minutes))
}

// overviewLive is the inside of the overview, fetched every few seconds.
func (p *Portal) overviewLive(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "overview", "overview.title")
	page.Wall = r.URL.Query().Get("wall") == "1"
	o, minutes, err := p.board(r, &page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, view.OverviewAgain(page, o, minutes))
}

// board computes the numbers of a page, and what services add to them.
func (p *Portal) board(r *http.Request, page *view.Page) (insight.Overview, []insight.Minute, error) {
	o, err := p.deps.Boards.Overview(r.Context(), page.Reader.Role, page.Now)
	if err != nil {
		return insight.Overview{}, nil, err
	}
	if p.annexes.house.Overview() != nil {
		if page.Centre, err = p.annexes.house.Overview().Centre(r.Context(), *page); err != nil {
			return insight.Overview{}, nil, err
		}
	}
	minutes, err := p.deps.Boards.Minutes(r.Context(), page.Reader.Role, page.Now)
	return o, minutes, err
}

func (p *Portal) provinces(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "overview", "map.title")
	o, err := p.deps.Boards.Overview(r.Context(), page.Reader.Role, page.Now)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, view.ProvincesPage(page, o))
}

// standings reads the list of facilities as the address asks for it.
func (p *Portal) standings(r *http.Request, page view.Page) (view.Board, error) {
	q := r.URL.Query()
	b := view.Board{Sort: q.Get("sort"), Province: q.Get("province"), Level: q.Get("level"), Show: q.Get("show"), Days: days(r, 1)}
	if !slices.ContainsFunc(b.Columns(), func(c view.Column) bool { return c.ID == b.Sort }) {
		return b, errQuery
	}
	b.ToDay = clock.Day(page.Now)
	b.FromDay = clock.Day(page.Now.AddDate(0, 0, 1-b.Days))
	all, err := p.deps.Boards.Standings(r.Context(), page.Reader.Role, page.Now, b.Days)
	if err != nil {
		return b, err
	}
	for _, s := range all {
		if (b.Province == "" || s.Province == b.Province) && (b.Level == "" || string(s.Level) == b.Level) && shown(s, b) {
			b.List = append(b.List, s)
		}
	}
	insight.SortStandings(b.List, b.Sort)
	return b, nil
}

func shown(s insight.Standing, b view.Board) bool {
	switch b.Show {
	case "connected":
		return s.Connected()
	case "sending":
		return s.Sent+s.Refused > 0
	case "silent":
		return s.Silence
	case "never":
		return !s.Connected()
	}
	return true
}

// days reads ?days=, 1, 7 or 30.
func days(r *http.Request, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get("days"))
	if err != nil || !slices.Contains([]int{1, 7, 30}, n) {
		return otherwise
	}
	return n
}

func (p *Portal) facilities(w http.ResponseWriter, r *http.Request) {
	if league := p.annexes.house.Standing(); league != nil {
		league.League(w, r)
		return
	}
	page := p.page(r, "facilities", "facilities.title")
	if page.Reader.Role.Kind == role.Facility {
		see(w, r, "/today")
		return
	}
	b, err := p.standings(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	from, err := strconv.Atoi("0" + r.URL.Query().Get("from"))
	if err != nil {
		p.fail(w, r, errQuery)
		return
	}
	b.Cut(from)
	p.show(w, r, http.StatusOK, view.FacilitiesPage(page, b))
}

func (p *Portal) facilitiesCSV(w http.ResponseWriter, r *http.Request) {
	if league := p.annexes.house.Standing(); league != nil {
		league.LeagueCSV(w, r)
		return
	}
	page := p.page(r, "facilities", "facilities.title")
	b, err := p.standings(r, page)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	rows := [][]string{{"facility", "name", "level", "province", "sent", "accepted", "rejected", "refused", "last_sent", "silent", "from", "to"}}
	for _, s := range b.List {
		rows = append(rows, []string{string(s.Code), s.Name, string(s.Level), s.Province, num(s.Sent), num(s.Accepted),
			num(s.Rejected), num(s.Refused), stamp(s.LastSeen), strconv.FormatBool(s.Silence), strconv.Itoa(b.FromDay), strconv.Itoa(b.ToDay)})
	}
	p.csv(w, r, "lienthong-co-so", rows)
}

func (p *Portal) today(w http.ResponseWriter, r *http.Request) {
	now := p.config.Clock.Now()
	page := p.page(r, "today", "nav.today")
	ctx, who := r.Context(), page.Reader.Role
	t, err := p.deps.Boards.Today(ctx, who, now)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	last, err := p.deps.Messages.List(ctx, who, view.Query{Limit: 10})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	causes, err := p.deps.Boards.Causes(ctx, who, now, 7)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, view.TodayPage(page, t, last.Rows, causes))
}

const sampleRows = 8

func (p *Portal) rejects(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "rejects", "nav.rejects")
	n := days(r, 7)
	c, err := p.deps.Boards.Causes(r.Context(), page.Reader.Role, page.Now, n)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var open *view.CauseDetail
	all := append(slices.Clone(c.Rejecting), c.Holding...)
	code := r.URL.Query().Get("code")
	for _, cause := range all {
		if cause.Code == code || code == "" {
			open = &view.CauseDetail{Cause: cause}
			break
		}
	}
	if open != nil {
		if open.Samples, err = p.deps.Messages.Samples(r.Context(), page.Reader.Role, open.Cause.Code, sampleRows); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	p.show(w, r, http.StatusOK, view.RejectsPage(page, c, n, open))
}

// rejectsCSV lists causes, or with ?code= the records of one.
func (p *Portal) rejectsCSV(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "rejects", "nav.rejects")
	if code := r.URL.Query().Get("code"); code != "" {
		samples, err := p.deps.Messages.Samples(r.Context(), page.Reader.Role, code, csvRows)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		rows := [][]string{{"received", "facility", "record", "state", "code", "table", "row", "field", "line"}}
		for _, s := range samples {
			rows = append(rows, []string{stamp(s.Row.At), string(s.Row.Facility.Code), s.Row.ID.String(), string(s.Row.State),
				s.Finding.Code, s.Finding.Table, strconv.Itoa(s.Finding.Row), s.Finding.Field, strconv.Itoa(s.Finding.Line)})
		}
		p.csv(w, r, "lienthong-can-sua", rows)
		return
	}
	c, err := p.deps.Boards.Causes(r.Context(), page.Reader.Role, page.Now, days(r, 7))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	rows := [][]string{{"code", "sentence", "records", "facilities", "rejects", "fix_once", "from", "to"}}
	for _, cause := range append(slices.Clone(c.Rejecting), c.Holding...) {
		rows = append(rows, []string{cause.Code, page.Cause(cause.Code), num(cause.N), strconv.Itoa(cause.Facilities),
			strconv.FormatBool(cause.Rejects), strconv.FormatBool(cause.FixOnce), strconv.Itoa(c.FromDay), strconv.Itoa(c.ToDay)})
	}
	p.csv(w, r, "lienthong-nguyen-nhan", rows)
}
