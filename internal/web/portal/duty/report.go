package duty

import (
	"net/http"
	"strconv"

	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/web/portal/view"
)

// reported is the meeting's report.
type reported struct {
	*names
	*duty.Report
	Programmes []duty.Programme
	Limits     errand.Limits
	Assigns    bool
	Problem    string
}

func (x *Room) readReport(r *http.Request, p *view.Page) (*reported, error) {
	ctx := r.Context()
	to, from := today(p), duty.AddDays(today(p), -30)
	if text := r.URL.Query().Get("from"); text != "" {
		day, err := duty.ParseDay(text)
		if err != nil {
			return nil, err
		}
		from = day
	}
	if text := r.URL.Query().Get("to"); text != "" {
		day, err := duty.ParseDay(text)
		if err != nil {
			return nil, err
		}
		to = day
	}
	v := &reported{}
	var err error
	if v.names, err = x.names(ctx, p); err != nil {
		return nil, err
	}
	if v.Programmes, err = x.Desk.Programmes(ctx); err != nil {
		return nil, err
	}
	if v.Limits, err = x.Desk.Limits(ctx); err != nil {
		return nil, err
	}
	if v.Assigns, err = x.Desk.Assigns(ctx, p.Reader.Role); err != nil {
		return nil, err
	}
	v.Report, err = x.Desk.Report(ctx, p.Reader.Role, from, to)
	return v, err
}

func (x *Room) report(w http.ResponseWriter, r *http.Request) { x.showReport(w, r, http.StatusOK, "") }

func (x *Room) showReport(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := x.frame.Page(r, "tasks", "duty.report")
	v, err := x.readReport(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	v.Problem = problem
	x.frame.Show(w, r, status, reportPage(p, v))
}

// part is one table of the report, the same on the page, on paper and in the file.
type part struct {
	Key   string
	Count int64
	Head  []string
	Rows  [][]string
	Hrefs []string // of the first cells
	Lists []string // of the numbers: what an owner's list is narrowed to, by column
	Wide  int      // the column that takes what is left
}

// parts are the tables of the report in their order.
func (v *reported) parts() []part {
	w := v.p.W
	head := func(keys ...string) (out []string) {
		for _, k := range keys {
			out = append(out, w.T("duty.col."+k))
		}
		return out
	}
	owners := part{Key: "owners", Count: int64(len(v.ByOwner)), Head: head("owner", "late", "blocked", "open", "done"), Lists: []string{"", viewLate, viewBlocked, viewAll, viewDone}}
	for _, c := range v.ByOwner[:min(len(v.ByOwner), listedOwners)] {
		owners.Rows = append(owners.Rows, []string{v.party(duty.Party(c.Key)), w.Num(c.Late), w.Num(c.Blocked), w.Num(c.Open), w.Num(c.Done)})
		owners.Hrefs = append(owners.Hrefs, link("/tasks", "view", viewAll, "owner", c.Key))
	}
	neck := part{Key: "bottlenecks", Count: int64(len(v.Bottlenecks)), Head: head("blocker", "holds", "owners", "days", "longest", "first")}
	for _, b := range v.Bottlenecks[:min(len(v.Bottlenecks), listedOwners)] {
		neck.Rows = append(neck.Rows, []string{v.party(b.Party), w.Int(b.Tasks), w.Int(b.Owners), w.Int(b.Days), w.Int(b.Longest), b.First})
		neck.Hrefs = append(neck.Hrefs, link("/tasks", "view", viewBlocked, "by", string(b.Party)))
	}
	tasks := func(key string, count int64, list []duty.Task, last string, of func(*duty.Task) string) part {
		t := part{Key: key, Count: count, Head: head("number", "title", "owner", "due", last), Wide: 1}
		for i := range list {
			k := &list[i]
			t.Rows = append(t.Rows, []string{k.ID, w.Text(k.Title), v.party(k.Owner()), date(v.p, k.Due), of(k)})
			t.Hrefs = append(t.Hrefs, taskHref(k.ID))
		}
		return t
	}
	return []part{
		owners, neck,
		tasks("late", v.Total.Late, v.Late, "late", func(t *duty.Task) string { return w.T("duty.days", t.LateBy(v.Today)) }),
		tasks("blocked", v.Total.Blocked, v.Blocked, "blocked_by", func(t *duty.Task) string { return v.party(t.BlockedBy) + ": " + t.Why }),
		tasks("done", v.Total.Done, v.Done, "evidence", func(t *duty.Task) string { return evidence(v.p, t.Evidence) }),
	}
}

// listedOwners is how many lines a table of parties has.
const listedOwners = 100

// evidence writes what shows that something is done, in one line.
func evidence(p *view.Page, e duty.Evidence) string {
	text := e.Text
	if e.Of > 0 {
		if text != "" {
			text += " · "
		}
		text += p.W.T("duty.evidence.number", e.Passed, e.Of, p.W.Percent(e.Passed, e.Of))
	}
	if e.Ref != "" {
		if text != "" {
			text += " · "
		}
		text += p.W.T("duty.evidence."+e.Kind) + " " + e.Ref
	}
	return text
}

func (v *reported) sub() string {
	return v.p.W.T("duty.report.sub", date(v.p, v.From), date(v.p, v.To), v.p.W.Time(v.p.Now))
}

func (v *reported) name() string {
	return "tasks-" + strconv.Itoa(v.From) + "-" + strconv.Itoa(v.To)
}

func (x *Room) reportCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.report")
	v, err := x.readReport(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{{p.W.T("duty.report"), v.sub()}}
	for _, t := range v.parts() {
		rows = append(rows, []string{}, []string{p.W.T("duty.report." + t.Key), p.W.Num(t.Count)}, t.Head)
		rows = append(rows, t.Rows...)
	}
	x.frame.CSV(w, r, v.name(), rows)
}

func (x *Room) reportPDF(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.report")
	v, err := x.readReport(r, &p)
	var data []byte
	if err == nil {
		data, err = printed(v)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/pdf", v.name()+".pdf", data)
}
