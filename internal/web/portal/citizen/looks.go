package citizen

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lienthong/internal/casework"
	"lienthong/internal/matter"
	"lienthong/internal/store"
	"lienthong/internal/urgent"
	"lienthong/internal/web/portal/citizen/card"
	"lienthong/internal/web/portal/view"
)

// lookCard is one look as the citizen reads it.
type lookCard = card.Look

// looksOf are the cards of a list, with how many of each sort.
type looksOf struct {
	whom
	Cards  []lookCard
	Filter string
	Count  map[string]int // "", "emergency", "facility", "machine", "own"
	People int
	Places int
	Days   int
	Next   int64
	At     []spot // places that looked
	Place  string // the code of the one chosen
	Span   string // "7", "30", "365" days or "all", as chosen
}

// spot is a place that looked.
type spot struct{ Code, Name string }

// href is the list of one sort, with place and time as chosen.
func (l *looksOf) href(only string) string {
	q := url.Values{"only": {only}}
	if l.Place != "" {
		q.Set("place", l.Place)
	}
	if l.Span != "" {
		q.Set("span", l.Span)
	}
	return "/me/looks?" + q.Encode()
}

// lookDays is how far back the list reaches at first.
const lookDays = 30

// mostLooks is how many rows of the log one page is made of.
const mostLooks = 1000

func (x *Room) looks(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "looks", "me.looks")
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	l, err := x.looksOf(r.Context(), &p, &who, r.URL.Query())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	l.whom = who
	x.frame.Show(w, r, http.StatusOK, looksPage(p, l))
}

func (x *Room) looksOf(ctx context.Context, p *view.Page, who *whom, q map[string][]string) (*looksOf, error) {
	get := func(name string) string {
		if v := q[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	l := &looksOf{Filter: get("only"), Count: map[string]int{}, Days: lookDays}
	f := store.DisclosureFilter{Since: x.Now().AddDate(0, 0, -lookDays), Limit: mostLooks}
	switch span := get("span"); {
	case get("all") != "" || span == "all":
		l.Days, l.Span, f.Since = 0, "all", time.Time{}
	case span == "7" || span == "365":
		l.Span, l.Days = span, map[string]int{"7": 7, "365": 365}[span]
		f.Since = x.Now().AddDate(0, 0, -l.Days)
	}
	if code, err := x.place(get("place")); err == nil {
		l.Place = string(code)
	}
	if before, err := strconv.ParseInt(get("before"), 10, 64); err == nil && before > 0 {
		f.Before = before
	}
	rows, more, err := x.Looks.OfPerson(ctx, store.PersonID(who.Person), f)
	if err != nil {
		return nil, err
	}
	if more && len(rows) > 0 {
		l.Next = rows[len(rows)-1].ID
	}
	if who.Person != who.Self {
		rows = withoutClosed(rows)
	}
	people, places := map[string]bool{}, map[string]bool{}
	for _, c := range x.cards(ctx, p, rows) {
		if at := (spot{c.Code, c.Place}); c.Code != "" && !slices.Contains(l.At, at) {
			l.At = append(l.At, at)
		}
		if l.Place != "" && c.Code != l.Place {
			continue
		}
		sort := "facility"
		switch {
		case c.Own:
			sort = "own"
		case c.Emergency:
			sort = "emergency"
		case c.Machine:
			sort = "machine"
		}
		if !c.Own {
			l.Count[""]++
			places[c.Place] = true
		}
		if !c.Own && !c.Machine {
			people[c.Name+c.Role+c.Place] = true
		}
		l.Count[sort]++
		if l.Filter == sort || l.Filter == "" && !c.Own {
			l.Cards = append(l.Cards, c)
		}
	}
	delete(places, "")
	l.People, l.Places = len(people), len(places)
	return l, nil
}

// cards makes looks of rows.
func (x *Room) cards(ctx context.Context, p *view.Page, rows []store.Disclosure) []lookCard {
	return card.Maker{Place: x.name, Why: x.Why, Staff: x.StaffName, Reason: x.Openings, Said: urgent.Said}.Looks(ctx, p, rows)
}

// one finds a look of the person by its id.
func (x *Room) one(r *http.Request, p *view.Page) (whom, *store.Disclosure, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return who, nil, err
	}
	id, err := strconv.ParseInt(r.PathValue("look"), 10, 64)
	if err != nil || id < 1 {
		return who, nil, store.ErrAbsent
	}
	rows, _, err := x.Looks.OfPerson(r.Context(), store.PersonID(who.Person), store.DisclosureFilter{Before: id + 1, Limit: 1})
	if err != nil {
		return who, nil, err
	}
	if len(rows) == 0 || rows[0].ID != id || who.Person != who.Self && len(withoutClosed(slices.Clone(rows))) == 0 {
		return who, nil, store.ErrAbsent
	}
	return who, &rows[0], nil
}

// look asks whether the citizen does not recognise it, and tells what follows.
func (x *Room) look(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "looks", "me.looks.unknown")
	_, row, err := x.one(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	card := x.cards(r.Context(), &p, []store.Disclosure{*row})
	if len(card) == 0 {
		x.frame.Fail(w, r, store.ErrAbsent)
		return
	}
	x.frame.Show(w, r, http.StatusOK, lookPage(p, &card[0], rand.Text()))
}

func (x *Room) unrecognised(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "looks", "me.looks.unknown")
	who, row, err := x.one(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	m, err := x.Cases.Open(r.Context(), casework.Ask{Person: who.Person, By: who.Self, Kind: matter.LookUnrecognised, Looks: []int64{row.ID},
		Text: field(r, "text", 8000), Channel: "portal", Actor: "citizen " + p.Reader.Mark, Form: field(r, "form", 60)})
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/requests/"+m.Number)
}

// filters are those of the list in order.
func filters() []string { return slices.Clone([]string{"", "emergency", "facility", "machine", "own"}) }
