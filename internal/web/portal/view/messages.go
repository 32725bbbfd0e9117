package view

import (
	"fmt"
	"strconv"

	"lienthong/internal/dossier"
	"lienthong/internal/insight"
)

// States lists what the browser filters by, in the order of the select.
func States() []string {
	return []string{string(dossier.Accepted), string(dossier.AcceptedWithWarnings), "accepted_any", string(dossier.Standing), string(dossier.Rejected),
		string(dossier.Superseded), string(dossier.Withdrawn)}
}

type filter struct{ Name, Label, Value string }

// setFilters are the conditions in force, as pills show them.
func setFilters(p Page, q Query) []filter {
	var set []filter
	add := func(name, label, value string) {
		if value != "" {
			set = append(set, filter{name, label, value})
		}
	}
	add("day", p.W.T("filter.day"), p.W.Day(q.Day))
	add("facility", p.W.T("filter.facility"), string(q.Facility))
	if q.Province != "" {
		add("province", p.W.T("filter.province"), provinceName(q.Province, p.W))
	}
	if q.Level != "" {
		add("level", p.W.T("col.level"), p.W.T("level."+string(q.Level)))
	}
	if q.State != "" {
		add("state", p.W.T("col.state"), p.W.T("state."+q.State))
	}
	if q.Kind != "" {
		add("kind", p.W.T("col.kind"), kindWord(q.Kind, p.W))
	}
	add("code", p.W.T("filter.code"), q.Code)
	return set
}

func anySet(q Query) bool {
	return q.Facility != "" || q.Province != "" || q.Level != "" || q.Kind != "" || q.State != "" || q.Code != "" || q.Day != 0
}

// dayInput writes a day as <input type="date"> wants it.
func dayInput(day int) string {
	if day == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", day/10000, day/100%100, day%100)
}

// Board is the list of facilities and how it was asked for.
type Board struct {
	List            []insight.Standing
	Sort            string
	Province, Level string
	Show            string // "", connected, sending, silent, never
	Days            int
	FromDay, ToDay  int
	From, Total     int // the list is part of Total, from this one on
}

// PlacesPage is how many facilities stand on a page.
const PlacesPage = 200

// Cut keeps the page that begins at from.
func (b *Board) Cut(from int) {
	b.Total = len(b.List)
	b.From = min(max(0, from), b.Total)
	b.List = b.List[b.From:min(b.From+PlacesPage, b.Total)]
}

// Column is a column of the list of facilities.
type Column struct {
	ID, Word, Order string
	Right           bool
}

// Columns are the columns in order; ID is what Sort names.
func (b Board) Columns() []Column {
	return []Column{
		{"", "codeof", "ascending", false}, {"name", "facility", "ascending", false},
		{"level", "level", "ascending", false}, {"province", "province", "ascending", false},
		{"sent", "sent", "descending", true}, {"accepted", "accepted", "descending", true},
		{"rejected", "rejected", "descending", true}, {"refused", "refused", "descending", true},
		{"seen", "seen", "ascending", true},
	}
}

// URL is the address of this list sorted by a column.
func (b Board) URL(path, sort string) string {
	return withQuery(path, "province", b.Province, "level", b.Level, "show", b.Show, "days", strconv.Itoa(b.Days), "sort", sort)
}

// Next is the address of the next page, "" at the end.
func (b Board) Next() string {
	if b.From+len(b.List) >= b.Total {
		return ""
	}
	return b.URL("/facilities", b.Sort) + "&from=" + strconv.Itoa(b.From+len(b.List))
}

// DayIfOne is the day when the list is of one day: then a row's numbers link to it.
func (b Board) DayIfOne() string {
	if b.FromDay == b.ToDay {
		return strconv.Itoa(b.ToDay)
	}
	return ""
}
