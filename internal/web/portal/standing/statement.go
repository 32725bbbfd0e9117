package standing

import (
	"net/http"
	"slices"
	"strconv"

	"lienthong/internal/clock"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/standing"
	"lienthong/internal/web/portal/view"
)

// bill is the page of a statement.
type bill struct {
	*standing.Statement
	Months  []standing.Month
	Vendors []string // of those who may choose
}

// facilities is the list behind what was sent: the league of this software's facilities
// over the month, sorted by a column. A partner has no such list: "".
func (b bill) facilities(p view.Page, sort string) string {
	if !p.Reader.Role.May(role.Counts) {
		return ""
	}
	from, to := b.Month.Days()
	return path("/league", "vendor", b.Vendor, "from", view.DayField(from), "to", view.DayField(min(to, clock.Day(p.Now))), "sort", sort)
}

// rejects is the list behind what was rejected: findings of this software, as far as
// they are kept.
func (b bill) rejects(p view.Page) string {
	if !p.Reader.Role.May(role.Software) {
		return ""
	}
	return path("/software", "name", b.Vendor)
}

func (x *Room) readStatement(r *http.Request, p view.Page) (bill, error) {
	b := bill{Months: standing.Months(p.Now)}
	m, err := standing.ParseMonth(r.URL.Query().Get("month"), p.Now)
	if err != nil {
		return b, err
	}
	vendor := r.URL.Query().Get("vendor")
	switch who := p.Reader.Role; {
	case who.Kind == role.Partner:
		name, ok, err := x.Desk.VendorOf(r.Context(), who.ID)
		if err != nil {
			return b, err
		}
		if !ok {
			return b, errUnbound
		}
		vendor = name
	case view.National(who):
		b.Vendors = x.Desk.Vendors()
		if vendor == "" && len(b.Vendors) > 0 {
			vendor = b.Vendors[0]
		}
		if vendor != "" && !slices.Contains(b.Vendors, vendor) {
			return b, errQuery
		}
	default:
		return b, absent
	}
	b.Statement, err = x.Desk.Statement(r.Context(), vendor, m)
	return b, err
}

func (x *Room) statement(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "statement", "house.statement.title")
	b, err := x.readStatement(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, statementPage(p, b))
}

func (x *Room) statementCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "statement", "house.statement.title")
	b, err := x.readStatement(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	rows := [][]string{{"vendor", "month", "section", "item", "value", "unit", "figure", "checkpoint"}}
	marks := standing.MarksText(b.Marks)
	add := func(section, item string, n int64, unit, figure string) {
		rows = append(rows, []string{b.Vendor, b.Month.String(), section, item, num(n), unit, figure, marks})
	}
	for _, k := range b.Kinds {
		add("volume", k.Kind+".sent", k.Sent, "records", "SL.02")
		add("volume", k.Kind+".accepted", k.Accepted, "records", "SL.02")
		add("volume", k.Kind+".rejected", k.Rejected, "records", "SL.13")
	}
	add("volume", "refused", b.Refused, "files", "SL.21")
	add("service", "facilities", int64(b.Facilities), "facilities", "SL.21")
	add("service", "days_with_sending", int64(b.Sending), "days", "SL.21")
	add("service", "days_of_month", int64(b.Days), "days", "SL.21")
	add("service", "facility_days", b.Up.Days, "days", "SL.21")
	add("service", "facility_days_possible", b.Up.Of, "days", "SL.21")
	for _, c := range b.Causes {
		add("reject", c.Code, c.N, "records", "SL.13")
	}
	add("cost", "files", b.Work.Files, "files", "SL.21")
	add("cost", "bytes", b.Work.Bytes, "bytes", "SL.21")
	add("cost", "records", b.Sent, "records", "SL.02")
	add("cost", "legs", b.Work.Legs, "legs", "SL.15")
	add("cost", "legs_done", b.Work.Done, "legs", "SL.15")
	x.frame.CSV(w, r, "lienthong-doi-soat-"+b.Month.String(), rows)
}

// saving is one figure of the page of benefits.
type saving struct {
	insight.Figure
	N    int64
	Of   string // what it is a part of, in words
	List string // where the rows behind it are
}

func (x *Room) benefit(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "overview", "house.benefit.title")
	if !view.National(p.Reader.Role) {
		x.frame.Fail(w, r, absent)
		return
	}
	m, err := standing.ParseMonth(r.URL.Query().Get("month"), p.Now)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	b, err := x.Desk.Benefit(r.Context(), m)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	looks, legs := "", ""
	if p.Reader.Role.May(role.Audit) {
		looks = "/access"
	}
	if p.Reader.Role.Kind == role.Operator {
		legs = "/legs?state=done"
	}
	var list []saving
	for _, s := range []saving{
		{insight.Figure{ID: "SL.28"}, b.Avoided, p.W.T("house.benefit.legs", b.Delivered.Legs, b.Delivered.Records), legs},
		{insight.Figure{ID: "SL.29"}, b.Replaced, p.W.T("house.benefit.looks", b.Looks), looks},
		{insight.Figure{ID: "SL.30"}, b.Elsewhere, p.W.T("house.benefit.records"), looks},
		{insight.Figure{ID: "SL.31"}, b.Tested.Before, p.W.T("house.benefit.tests", b.Tested.Records), "/messages?code=doc%3AXML4"},
	} {
		s.Figure, _ = insight.FigureByID(s.ID)
		list = append(list, s)
	}
	x.frame.Show(w, r, http.StatusOK, benefitPage(p, b, list, standing.Months(p.Now)))
}

// monthName is a month in words: "10/2026".
func monthName(m standing.Month) string {
	return strconv.Itoa(int(m)%100) + "/" + strconv.Itoa(int(m)/100)
}
