package standing

import (
	"net/http"
	"slices"
	"strconv"

	"lienthong/internal/catalog"
	"lienthong/internal/clock"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
	"lienthong/internal/web/portal/view"
)

// rowsPage is how many facilities stand on a page.
const rowsPage = 100

// table is the league as it was asked for.
type table struct {
	standing.Asked
	List        []standing.Line
	Total, At   int // the list is part of Total, from this one on
	Words       []score.Word
	Marks       []standing.Mark
	Days        int // 0: from and to were named
	ByProvince  bool
	Vendors     []string
	Provinces   []catalog.Province
	Columns     []column
	Sent, Taken int64 // of all that were asked for
	CanPin      bool
	Pinned      string // the newest statement of these days and this place
}

// column is a column that sorts.
type column struct {
	ID, Key string
	Right   bool
}

func columns(p view.Page) []column {
	out := []column{{"", "col.codeof", false}, {"name", "col.facility", false}, {"province", "col.province", false},
		{"sent", "col.sent", true}, {"accepted", "col.accepted", true}, {"rejected", "col.rejected", true}, {"retrievable", "house.col.retrievable", true}, {"opened", "house.col.opened", true}}
	if p.Reader.Role.Kind == role.Province {
		out = slices.Delete(out, 2, 3)
	}
	return out
}

// sortWay is how a column is sorted: numbers from the largest, names from A.
func sortWay(number bool) string {
	if number {
		return "descending"
	}
	return "ascending"
}

// known reports whether the league sorts by a column.
func known(sort string) bool {
	return slices.Contains([]string{"", "name", "level", "province", "vendor", "sent", "accepted", "rejected", "refused", "seen", "retrievable", "opened"}, sort) || slices.Contains(score.Words(), score.Word(sort))
}

func (x *Room) read(r *http.Request, p view.Page) (table, error) {
	q := r.URL.Query()
	t := table{Asked: standing.Asked{Province: q.Get("province"), Level: q.Get("level"), Vendor: q.Get("vendor"), Show: q.Get("show"), Sort: q.Get("sort")},
		Words: score.Words(), Vendors: x.Desk.Vendors(), Columns: columns(p), ByProvince: p.Reader.Role.Kind != role.Province, Provinces: catalog.Provinces()}
	if !known(t.Sort) {
		return t, errQuery
	}
	var err error
	if t.From, err = dayOf(q.Get("from")); err != nil {
		return t, err
	}
	if t.To, err = dayOf(q.Get("to")); err != nil {
		return t, err
	}
	if t.From == 0 {
		if t.Days, err = strconv.Atoi(q.Get("days")); err != nil || !slices.Contains([]int{1, 7, 30}, t.Days) {
			t.Days = 1
		}
		t.From, t.To = ago(p, t.Days-1), clock.Day(p.Now)
	} else if t.To == 0 {
		t.To = clock.Day(p.Now)
	}
	if t.List, err = x.Desk.League(r.Context(), p.Reader.Role.Scope(), t.Asked); err != nil {
		return t, err
	}
	t.Total = len(t.List)
	for _, l := range t.List {
		t.Sent, t.Taken = t.Sent+l.Sent, t.Taken+l.Accepted
	}
	if t.Marks, err = x.Desk.Marks(r.Context()); err != nil {
		return t, err
	}
	return t, x.pinned(r.Context(), p, &t)
}

// URL is the address of the same list, sorted by a column and from a place on.
func (t table) URL(at, sort string, from int) string {
	pairs := []string{"province", t.Province, "level", t.Level, "vendor", t.Vendor, "show", t.Show, "sort", sort, "at", strconv.Itoa(from)}
	if t.Days > 0 {
		pairs = append(pairs, "days", strconv.Itoa(t.Days))
	} else {
		pairs = append(pairs, "from", strconv.Itoa(t.From), "to", strconv.Itoa(t.To))
	}
	return path(at, pairs...)
}

func (x *Room) league(w http.ResponseWriter, r *http.Request) { x.League(w, r) }

// League shows how facilities take part; a facility sees its own day instead.
func (x *Room) League(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "facilities", "facilities.title")
	if p.Reader.Role.Kind == role.Facility {
		x.frame.See(w, r, "/today")
		return
	}
	t, err := x.read(r, p)
	if err == nil {
		t.At, err = strconv.Atoi("0" + r.URL.Query().Get("at"))
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	t.At = min(max(0, t.At), t.Total)
	t.List = t.List[t.At:min(t.At+rowsPage, t.Total)]
	x.frame.Show(w, r, http.StatusOK, leaguePage(p, t))
}

func (x *Room) leagueCSV(w http.ResponseWriter, r *http.Request) { x.LeagueCSV(w, r) }

// LeagueCSV is the league as a file; its first line says of which days, and its last
// column names the sizes and roots of the logs then.
func (x *Room) LeagueCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "facilities", "facilities.title")
	t, err := x.read(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	head := []string{"facility", "name", "level", "province", "vendor", "sent", "accepted", "rejected", "refused", "retrievable", "opened_by_others"}
	for _, word := range score.Words() {
		head = append(head, string(word)+"_passed", string(word)+"_applied")
	}
	rows := [][]string{append(head, "from", "to", "figure", "checkpoint")}
	marks := standing.MarksText(t.Marks)
	for _, l := range t.List {
		row := []string{string(l.Code), l.Name, string(l.Level), l.Province, l.Vendor, num(l.Sent), num(l.Accepted), num(l.Rejected), num(l.Refused), num(l.Retrievable), num(l.Opened)}
		for _, word := range score.Words() {
			row = append(row, num(l.Words[word].Passed), num(l.Words[word].Applied))
		}
		rows = append(rows, append(row, strconv.Itoa(t.From), strconv.Itoa(t.To), "SL.21", marks))
	}
	x.frame.CSV(w, r, "lienthong-tham-gia", rows)
}
