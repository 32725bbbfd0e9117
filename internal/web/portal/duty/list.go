package duty

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lienthong/internal/duty"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
)

// The views of the list.
const (
	viewMine    = "mine"
	viewAll     = "all"
	viewLate    = "late"
	viewBlocked = "blocked"
	viewDone    = "done"
	viewOrphan  = "orphan"
)

// asked is what a list is asked, as its address says it.
type asked struct {
	View, Owner, Province, Database, Source, Ref, By string
	After                                            duty.Cursor
	filter                                           duty.Filter
}

// href is the address of the list with one thing changed.
func (a asked) href(path string, pairs ...string) string {
	v := map[string]string{"view": a.View, "owner": a.Owner, "province": a.Province, "database": a.Database, "source": a.Source, "ref": a.Ref, "by": a.By}
	for i := 0; i+1 < len(pairs); i += 2 {
		v[pairs[i]] = pairs[i+1]
	}
	flat := make([]string, 0, 2*len(v))
	for k, text := range v {
		flat = append(flat, k, text)
	}
	return link(path, flat...)
}

// filtered reports whether anything but the view is asked.
func (a asked) filtered() bool {
	return a.Owner != "" || a.Province != "" || a.Database != "" || a.Source != "" || a.By != ""
}

var errList = fault.New(fault.Invalid, "task.list", "Bộ lọc không đúng. Xóa bộ lọc rồi chọn lại.", "This filter cannot be read. Clear it and choose again.")

func (x *Room) ask(r *http.Request, p *view.Page, mine duty.Party) (a asked, err error) {
	q := r.URL.Query()
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	a = asked{View: get("view"), Owner: get("owner"), Province: get("province"), Database: get("database"), Source: get("source"), Ref: get("ref"), By: get("by")}
	for _, s := range []string{a.View, a.Owner, a.Province, a.Database, a.Source, a.Ref, a.By} {
		if len(s) > 200 || duty.CheckText(s) == duty.ErrText {
			return a, errList
		}
	}
	if a.View == "" {
		a.View = viewAll
		if mine != "" {
			a.View = viewMine
		}
	}
	f := duty.Filter{Database: a.Database, Source: a.Source, Ref: a.Ref, Province: a.Province}
	for _, party := range []struct {
		text string
		to   *duty.Party
	}{{a.Owner, &f.Owner}, {a.By, &f.BlockedBy}} {
		if party.text != "" {
			if *party.to, err = duty.ParseParty(party.text); err != nil {
				return a, err
			}
		}
	}
	switch a.View {
	case viewMine:
		if f.Owner == "" {
			f.Owner = mine
		}
	case viewAll:
	case viewLate:
		f.Late = today(p)
	case viewBlocked:
		f.State = duty.Blocked
	case viewDone:
		f.Ended = true
	case viewOrphan:
		if f.Orphans, err = x.Desk.Orphans(r.Context()); err != nil {
			return a, err
		}
	default:
		return a, errList
	}
	if a.Province != "" {
		u, err := x.Desk.AllUnits(r.Context())
		if err != nil {
			return a, err
		}
		if h, ok := u.OfProvince(a.Province, today(p)); ok {
			f.Health = h.ID
		}
	}
	if at, id, ok := strings.Cut(get("after"), "."); ok {
		n, err := strconv.ParseInt(at, 10, 64)
		if _, bad := duty.ParseNumber(id); err != nil || bad != nil {
			return a, errList
		}
		f.After = duty.Cursor{At: n, ID: id}
	}
	a.filter = f
	return a, nil
}

// listed is the page of tasks.
type listed struct {
	asked
	*names
	Rows       []duty.Task
	Next       string
	Total      duty.Count // of the filter, whatever the view
	Mine       duty.Party
	Assigns    bool
	Orphans    int
	Programmes []duty.Programme
	Problem    string
	Done       int // of a bulk step just taken, -1 none
}

func (x *Room) list(w http.ResponseWriter, r *http.Request) {
	x.showList(w, r, http.StatusOK, "")
}

func (x *Room) showList(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := x.frame.Page(r, "tasks", "duty.tasks")
	l, err := x.readList(r, &p, 25)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	l.Problem = problem
	x.frame.Show(w, r, status, listPage(p, l))
}

func (x *Room) readList(r *http.Request, p *view.Page, limit int) (l *listed, err error) {
	ctx, who := r.Context(), p.Reader.Role
	l = &listed{Done: -1}
	if l.names, err = x.names(ctx, p); err != nil {
		return nil, err
	}
	if l.Mine, err = x.Desk.Mine(ctx, who); err != nil {
		return nil, err
	}
	if l.asked, err = x.ask(r, p, l.Mine); err != nil {
		return nil, err
	}
	l.filter.Limit = limit
	var more bool
	if l.Rows, more, err = x.Desk.List(ctx, who, l.filter); err != nil {
		return nil, err
	}
	if more {
		c := l.filter.Next(&l.Rows[len(l.Rows)-1])
		l.Next = l.href("/tasks", "after", strconv.FormatInt(c.At, 10)+"."+c.ID)
	}
	f := l.filter
	f.Late, f.State, f.Ended, f.After = 0, "", false, duty.Cursor{}
	counts, err := x.Desk.Count(ctx, who, f, duty.ByAll)
	if err != nil {
		return nil, err
	}
	if len(counts) > 0 {
		l.Total = counts[0]
	}
	if l.Assigns, err = x.Desk.Assigns(ctx, who); err != nil {
		return nil, err
	}
	if l.Assigns {
		ids, err := x.Desk.Orphans(ctx)
		if err != nil {
			return nil, err
		}
		l.Orphans = len(ids)
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("done")); err == nil {
		l.Done = n
	}
	l.Programmes, err = x.Desk.Programmes(ctx)
	return l, err
}

// views are the tabs a reader has.
func (l *listed) views() []string {
	v := []string{viewAll, viewLate, viewBlocked, viewDone}
	if l.Mine != "" {
		v = append([]string{viewMine}, v...)
	}
	if l.Orphans > 0 {
		v = append(v, viewOrphan)
	}
	return v
}

// rowsCSV is how many tasks a file has at most.
const rowsCSV = 10_000

func (x *Room) listCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.tasks")
	l, err := x.readList(r, &p, 900)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{csvHead(&p)}
	f := l.filter
	for {
		for i := range l.Rows {
			rows = append(rows, l.csvRow(&l.Rows[i]))
		}
		if l.Next == "" || len(rows) > rowsCSV {
			break
		}
		f.After = f.Next(&l.Rows[len(l.Rows)-1])
		more := false
		if l.Rows, more, err = x.Desk.List(r.Context(), p.Reader.Role, f); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		if !more {
			l.Next = ""
		}
	}
	x.frame.CSV(w, r, "tasks", rows)
}

func csvHead(p *view.Page) []string {
	var out []string
	for _, k := range []string{"number", "title", "owner", "source", "database", "due", "state", "late", "blocked_by", "why", "opened", "closed"} {
		out = append(out, p.W.T("duty.col."+k))
	}
	return out
}

func (l *listed) csvRow(t *duty.Task) []string {
	late, blocker, closed := "", "", ""
	if n := t.LateBy(today(l.p)); n > 0 {
		late = strconv.Itoa(n)
	}
	if t.BlockedBy != "" {
		blocker = l.party(t.BlockedBy)
	}
	if !t.Closed.IsZero() {
		closed = l.p.W.Time(t.Closed)
	}
	return []string{t.ID, l.p.W.Text(t.Title), l.party(t.Owner()), l.source(t.Source, l.Programmes), l.database(t.Database), duty.DayText(t.Due),
		l.p.W.T("duty.state." + string(t.State)), late, blocker, t.Why, l.p.W.Time(t.Opened), closed}
}

// bulk takes one step of the tasks that were ticked.
func (x *Room) bulk(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.tasks")
	if err := r.ParseForm(); err != nil {
		x.frame.Fail(w, r, errList)
		return
	}
	s := duty.Step{What: field(r, "do", 20), Why: field(r, "why", longest), Due: dayField(r, "due"), Owner: duty.Party(field(r, "owner", 60))}
	switch s.What {
	case duty.StepReminded, duty.StepDue, duty.StepMoved, duty.StepCancelled:
	default:
		x.frame.Fail(w, r, duty.ErrStep)
		return
	}
	n, err := x.Desk.TakeAll(r.Context(), who(&p), r.PostForm["id"], s)
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.Broken || f.Kind == fault.Absent {
			x.frame.Fail(w, r, err)
		} else {
			back, bad := url.ParseQuery(field(r, "back", 2000))
			if bad == nil {
				r.URL.RawQuery = back.Encode()
			}
			x.showList(w, r, http.StatusUnprocessableEntity, p.W.Text(f.Text))
		}
		return
	}
	back, err := url.ParseQuery(field(r, "back", 2000))
	if err != nil {
		back = url.Values{}
	}
	back.Set("done", strconv.Itoa(n))
	x.frame.See(w, r, "/tasks?"+back.Encode())
}

// query is the address of the list without its path, to come back to.
func (l *listed) query() string {
	_, q, _ := strings.Cut(l.href("/tasks"), "?")
	return q
}
