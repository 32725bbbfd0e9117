// Package scores is the portal's rooms of quality: databases by the eight words, the
// checks of a word, the facilities of a check, and which of their records fail it, by
// id only. It shows what package grade counted, each number with what it is a part
// of and whether counting again gave the same. No page shows what a record says.
package scores

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/grade"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

// Grades is the service; *grade.Book is one.
type Grades interface {
	Words(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]grade.Line, error)
	Checks(ctx context.Context, scope role.Scope, q house.ScoreQuery, word score.Word) ([]grade.CheckLine, error)
	Check(ctx context.Context, scope role.Scope, q house.ScoreQuery, id string) ([]grade.CheckLine, error)
	Samples(ctx context.Context, scope role.Scope, q house.ScoreQuery, check string, limit int) ([]dossier.ID, error)
	Recounts(ctx context.Context, fromDay int) ([]house.ScoreRecount, error)
	InForce(subject string) *score.Sheet
	Fields() []score.Field
	PutFields(ctx context.Context, by role.Role, text string) ([]string, error)
}

// Deps is all that the rooms ask of the hub.
type Deps struct {
	Grades   Grades
	Facility func(code care.FacilityCode) string // its name; "" for none known
	Subject  func(id string) fault.Text          // what a database is called; nil: by its id

	// Closed reports whether numbers of a subject would tell a reader what records
	// say: of a database that closed classes of records make. Whole reports whether
	// they are then told those of the whole country. nil: of none.
	Closed func(who role.Role, subject string) (closed, whole bool)
}

// Room serves the pages.
type Room struct {
	Deps
	frame view.Frame
}

// New returns the rooms within a frame.
func New(d Deps, f view.Frame) *Room { return &Room{d, f} }

// Routes returns the table. No route shows what a record says.
func Routes() []view.Route[Room] {
	line := func(method, pattern string, room role.Room, s func(*Room, http.ResponseWriter, *http.Request)) view.Route[Room] {
		return view.Route[Room]{Method: method, Pattern: pattern, Rooms: []role.Room{room}, Serve: s}
	}
	return []view.Route[Room]{
		line("GET", "/quality", role.Counts, (*Room).board),
		line("GET", "/quality.csv", role.Counts, (*Room).boardCSV),
		line("GET", "/quality/checks", role.Counts, (*Room).checks),
		line("GET", "/quality/checks.csv", role.Counts, (*Room).checksCSV),
		line("GET", "/quality/check", role.Counts, (*Room).check),
		line("GET", "/quality/check.csv", role.Counts, (*Room).checkCSV),
		line("GET", "/quality/records", role.Messages, (*Room).records),
		line("GET", "/quality/fields", role.Counts, (*Room).fields),
		line("POST", "/quality/fields", role.Counts, (*Room).putFields),
	}
}

// errQuery: an address that asks for nothing there is.
var errQuery = fault.New(fault.Invalid, "scores.query",
	"Bộ lọc không đúng. Chọn lại ở trang Chất lượng.", "This filter is not valid. Choose again on the page Quality.")

// asked is what an address asks for.
type asked struct {
	Period, By, Subject, Word, Check string
	Facility, Province               string
	Level, Vendor                    string
	Query                            house.ScoreQuery
}

// The periods and the splits there are, the usual one first.
var (
	periods = []string{"month", "day", "last", "year"}
	splits  = []string{"", "province", "vendor", "level", "day"}
)

func ask(r *http.Request, now time.Time) (asked, error) {
	v := r.URL.Query()
	a := asked{Period: v.Get("period"), By: v.Get("by"), Subject: v.Get("subject"), Word: v.Get("word"), Check: v.Get("check"),
		Facility: v.Get("facility"), Province: v.Get("province"), Level: v.Get("level"), Vendor: v.Get("vendor")}
	if a.Period == "" {
		a.Period = periods[0]
	}
	for _, text := range []string{a.Subject, a.Check, a.Facility, a.Province, a.Level, a.Vendor} {
		if len(text) > 120 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == '�' }) {
			return a, errQuery
		}
	}
	if !slices.Contains(periods, a.Period) || !slices.Contains(splits, a.By) || a.Word != "" && !score.Word(a.Word).IsWord() {
		return a, errQuery
	}
	a.Query = house.ScoreQuery{Subject: a.Subject, Facility: care.FacilityCode(a.Facility), Province: a.Province, Level: a.Level, Vendor: a.Vendor}
	a.Query.FromDay, a.Query.ToDay = span(a.Period, now)
	return a, nil
}

// span is the days of a period. The month under way is asked for open, so that its
// sums by month are read and not its days.
func span(period string, now time.Time) (from, to int) {
	day := clock.Day(now)
	switch period {
	case "day":
		return day, day
	case "last":
		last := clock.Day(time.Date(day/10000, time.Month(day/100%100), 0, 0, 0, 0, 0, clock.Hanoi))
		return last/100*100 + 1, last
	case "year":
		return clock.Day(now.AddDate(-1, 0, 1)), 0
	}
	return day/100*100 + 1, 0
}

// href is the address of a page with what is asked, some of it changed: pairs of
// name and value, "" takes a name away.
func (a asked) href(path string, pairs ...string) string {
	v := url.Values{}
	for _, p := range [][2]string{{"period", a.Period}, {"by", a.By}, {"subject", a.Subject}, {"word", a.Word}, {"check", a.Check},
		{"facility", a.Facility}, {"province", a.Province}, {"level", a.Level}, {"vendor", a.Vendor}} {
		if p[1] != "" && p != [2]string{"period", periods[0]} {
			v.Set(p[0], p[1])
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v.Del(pairs[i]); pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// board is the heat map: what a row is says By.
type board struct {
	asked
	Lines    []grade.Line
	Recounts []house.ScoreRecount
}

func (x *Room) readBoard(r *http.Request, p view.Page) (b board, err error) {
	if b.asked, err = ask(r, p.Now); err != nil {
		return b, err
	}
	if b.By != "" {
		b.Query.By = []house.ScoreDimension{house.ScoreDimension(b.By)}
	}
	if b.Lines, err = x.Grades.Words(r.Context(), p.Reader.Role.Scope(), b.Query); err != nil {
		return b, err
	}
	b.Lines = slices.DeleteFunc(b.Lines, func(l grade.Line) bool { return x.withheld(p, b.asked, l.Subject) })
	if b.By == "day" {
		slices.Reverse(b.Lines)
	}
	if b.Word != "" && b.Subject == "" {
		b.Lines = append(together(b.Lines, score.Word(b.Word)), b.Lines...)
	}
	b.Recounts, err = x.Grades.Recounts(r.Context(), clock.Day(p.Now.AddDate(0, 0, -31)))
	return b, err
}

// words are those the board shows: all, or the one that is asked for.
func (b board) words() []score.Word {
	if b.Word != "" {
		return []score.Word{score.Word(b.Word)}
	}
	return score.Words()
}

// together are lines of one word over all kinds of records, by key, as the first page
// says it; none where there is one kind only.
func together(lines []grade.Line, word score.Word) (out []grade.Line) {
	kinds := map[string]bool{}
	for _, l := range lines {
		if _, database := score.DatabaseOf(l.Subject); database {
			continue
		}
		kinds[l.Subject] = true
		i := slices.IndexFunc(out, func(o grade.Line) bool { return slices.Equal(o.Key, l.Key) })
		if i < 0 {
			i, out = len(out), append(out, grade.Line{Key: l.Key, Words: map[score.Word]score.Ratio{}})
		}
		n := out[i].Words[word]
		n.Passed, n.Applied = n.Passed+l.Words[word].Passed, n.Applied+l.Words[word].Applied
		out[i].Words[word] = n
	}
	if len(kinds) < 2 {
		return nil
	}
	return out
}

func (x *Room) board(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.title")
	b, err := x.readBoard(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, boardPage(p, x, b))
}

func (x *Room) boardCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.title")
	b, err := x.readBoard(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{{"subject", "by", "key", "word", "passed", "applied", "from", "to"}}
	for _, l := range b.Lines {
		for _, word := range b.words() {
			n := l.Words[word]
			rows = append(rows, []string{l.Subject, b.By, strings.Join(l.Key, " "), string(word), num(n.Passed), num(n.Applied), strconv.Itoa(b.Query.FromDay), strconv.Itoa(b.Query.ToDay)})
		}
	}
	x.frame.CSV(w, r, "lienthong-chat-luong", rows)
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// list is checks, or one check by facility.
type list struct {
	asked
	Lines []grade.CheckLine
	More  int // lines left out
	Trend []grade.CheckLine
	One   *score.Check
}

func (x *Room) readChecks(r *http.Request, p view.Page) (l list, err error) {
	if l.asked, err = ask(r, p.Now); err == nil {
		l.Lines, err = x.Grades.Checks(r.Context(), p.Reader.Role.Scope(), l.Query, score.Word(l.Word))
	}
	l.Lines = slices.DeleteFunc(l.Lines, func(c grade.CheckLine) bool { return x.withheld(p, l.asked, c.Subject) })
	return l, err
}

func (x *Room) checks(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.checks")
	l, err := x.readChecks(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	c, err := x.groupChecks(r, p, l)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, checksPage(p, x, c))
}

func (x *Room) checksCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.checks")
	l, err := x.readChecks(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.csv(w, r, l, "check")
}

// readCheck reads one check by facility, and its last thirty days.
func (x *Room) readCheck(r *http.Request, p view.Page) (l list, err error) {
	if l.asked, err = ask(r, p.Now); err != nil {
		return l, err
	}
	sheet := x.Grades.InForce(l.Subject)
	by := l.asked
	by.By = "facility" // what the page splits by
	if sheet == nil || sheet.Index(l.Check) < 0 || x.withheld(p, by, l.Subject) {
		return l, errQuery
	}
	l.One = &sheet.Checks[sheet.Index(l.Check)]
	q := l.Query
	if q.By = []house.ScoreDimension{house.ScoreByFacility}; l.Period == "year" { // of one month, whatever is asked: rows of a year are too many
		q.FromDay, q.ToDay = span(periods[0], p.Now)
	}
	if l.Lines, err = x.Grades.Check(r.Context(), p.Reader.Role.Scope(), q, l.Check); err != nil {
		return l, err
	}
	q.By, q.FromDay, q.ToDay = []house.ScoreDimension{house.ScoreByDay}, clock.Day(p.Now.AddDate(0, 0, -29)), 0
	if l.Trend, err = x.Grades.Check(r.Context(), p.Reader.Role.Scope(), q, l.Check); err != nil {
		return l, err
	}
	slices.SortFunc(l.Trend, func(a, b grade.CheckLine) int { return strings.Compare(a.Key[0], b.Key[0]) })
	return l, nil
}

func (x *Room) check(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.check")
	l, err := x.readCheck(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	l.cut()
	x.frame.Show(w, r, http.StatusOK, checkPage(p, x, l))
}

func (x *Room) checkCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.check")
	l, err := x.readCheck(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.csv(w, r, l, "facility")
}

func (x *Room) csv(w http.ResponseWriter, r *http.Request, l list, name string) {
	rows := [][]string{{"subject", "check", "word", "table", "field", "facility", "passed", "applied", "from", "to"}}
	for _, c := range l.Lines {
		facility := l.Facility
		if len(c.Key) > 0 {
			facility = c.Key[0]
		}
		rows = append(rows, []string{c.Subject, c.Check.ID, string(c.Check.Word), c.Check.Table, c.Check.Field, facility, num(c.Passed), num(c.Applied),
			strconv.Itoa(l.Query.FromDay), strconv.Itoa(l.Query.ToDay)})
	}
	x.frame.CSV(w, r, "lienthong-chat-luong-"+name, rows)
}

// sample is records that fail a check.
type sample struct {
	asked
	One *score.Check
	IDs []dossier.ID
}

func (x *Room) records(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.records")
	s := sample{}
	var err error
	if s.asked, err = ask(r, p.Now); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	sheet := x.Grades.InForce(s.Subject)
	by := s.asked
	by.By = "record"
	if sheet == nil || sheet.Index(s.Check) < 0 || x.withheld(p, by, s.Subject) {
		x.frame.Fail(w, r, errQuery)
		return
	}
	s.One = &sheet.Checks[sheet.Index(s.Check)]
	if s.IDs, err = x.Grades.Samples(r.Context(), p.Reader.Role.Scope(), s.Query, s.Check, 50); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, recordsPage(p, x, s))
}

// fieldsDoc is the list of priority fields.
type fieldsDoc struct {
	List    []score.Field
	Text    string
	May     bool // the reader may change it
	Problem string
	Changed []string
}

func (x *Room) fields(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "quality", "score.fields")
	x.showFields(w, r, p, http.StatusOK, fieldsDoc{})
}

func (x *Room) showFields(w http.ResponseWriter, r *http.Request, p view.Page, status int, d fieldsDoc) {
	d.List, d.May = x.Grades.Fields(), p.Reader.Role.Kind == role.Ministry
	if d.Text == "" {
		d.Text = score.MarshalFields(d.List)
	}
	x.frame.Show(w, r, status, fieldsPage(p, d))
}

func (x *Room) putFields(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 256<<10)
	p := x.frame.Page(r, "quality", "score.fields")
	d := fieldsDoc{Text: strings.ReplaceAll(r.PostFormValue("list"), "\r\n", "\n")}
	var err error
	if d.Changed, err = x.Grades.PutFields(r.Context(), p.Reader.Role, d.Text); err != nil {
		f := fault.Of(err)
		if f.Kind != fault.Invalid {
			x.frame.Fail(w, r, err)
			return
		}
		d.Problem = p.W.Text(f.Text)
		if f.Cause != nil && strings.HasPrefix(f.Cause.Error(), "line ") {
			d.Problem += " " + p.W.T("score.line", strings.TrimPrefix(f.Cause.Error(), "line "))
		}
		x.showFields(w, r, p, problem.Status(f), d)
		return
	}
	if len(d.Changed) == 0 {
		d.Problem = p.W.T("score.fields.same")
	}
	d.Text = ""
	x.showFields(w, r, p, http.StatusOK, d)
}

// title is what a subject is called.
func (x *Room) title(p view.Page, subject string) string {
	if subject == "" {
		return p.W.T("score.together")
	}
	if id, database := score.DatabaseOf(subject); database {
		if x.Subject != nil {
			if t := x.Subject(string(id)); t != (fault.Text{}) {
				return p.W.Text(t)
			}
		}
		return string(id)
	}
	return fieldOf(p, subject)
}

// fieldOf is what a kind of records is called, its id where nobody named it.
func fieldOf(p view.Page, subject string) string {
	if key := "kind." + subject; p.W.Has(key) {
		return p.W.T(key)
	}
	return subject
}

// keyed is what a row of the board is called.
func (x *Room) keyed(p view.Page, by, key string) string {
	switch {
	case by == "day":
		if day, err := strconv.Atoi(key); err == nil {
			return p.W.Day(day)
		}
	case by == "province":
		return province(p, key)
	case by == "level" && p.W.Has("level."+key):
		return p.W.T("level." + key)
	}
	if key == "" {
		return p.W.T("score.none")
	}
	return key
}

// province is its short name, the code where it is not known.
func province(p view.Page, code string) string {
	c, ok := catalog.ProvinceByCode(code)
	switch {
	case !ok && code == "":
		return p.W.T("score.none")
	case !ok:
		return code
	case p.W.Lang == "en":
		return strings.TrimSuffix(strings.TrimSuffix(c.NameEN, " Province"), " City")
	}
	return c.Short
}

// heat is the class of a ratio: the fewer pass, the deeper.
func heat(r score.Ratio) string {
	switch n := r.Permille(); {
	case n < 0:
		return "lt-s0"
	case n >= 990:
		return "lt-s1"
	case n >= 950:
		return "lt-s2"
	case n >= 900:
		return "lt-s3"
	case n >= 750:
		return "lt-s4"
	}
	return "lt-s5"
}

// name is a facility's name.
func (x *Room) name(code string) string {
	if x.Facility == nil {
		return ""
	}
	return x.Facility(care.FacilityCode(code))
}

// unequal are the recounts that did not agree, newest first.
func (b *board) unequal() []house.ScoreRecount {
	return slices.DeleteFunc(slices.Clone(b.Recounts), func(r house.ScoreRecount) bool { return r.Unequal == 0 })
}

// checksOf is the address of the checks of a word in a row.
func (b *board) checksOf(l grade.Line, w score.Word) string {
	pairs := []string{"by", "", "subject", l.Subject, "word", string(w)}
	if b.By != "" && b.By != "day" {
		pairs = append(pairs, b.By, l.Key[0])
	}
	return b.href("/quality/checks", pairs...)
}

// hidden are the names and values a form keeps, but one.
func (a asked) hidden(but ...string) [][2]string {
	var out [][2]string
	for _, p := range [][2]string{{"period", a.Period}, {"by", a.By}, {"subject", a.Subject}, {"word", a.Word}, {"check", a.Check},
		{"facility", a.Facility}, {"province", a.Province}, {"level", a.Level}, {"vendor", a.Vendor}} {
		if !slices.Contains(but, p[0]) && p[1] != "" {
			out = append(out, p)
		}
	}
	return out
}
