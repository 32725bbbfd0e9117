package standing

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"lienthong/internal/figure"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/view"
)

// leaguePlace is where a league is pinned: the reader's own place, of those who see
// all the province they chose. Levels and makers are filters, not places.
func leaguePlace(r role.Role, province string) figure.Place {
	switch s := r.Scope(); {
	case s.All:
		return figure.Place{Province: province}
	case s.Province != "":
		return figure.Place{Province: s.Province}
	case s.Unit != "":
		return figure.Place{Unit: s.Unit}
	}
	return figure.Place{Facility: string(r.Scope().Facility)}
}

// pinned is the newest statement of a league's days and place; canPin is false where
// such a league cannot be pinned.
func (x *Room) pinned(ctx context.Context, p view.Page, t *table) error {
	if x.Figures == nil || p.Reader.Role.Scope().IsEmpty() {
		return nil
	}
	q, err := figure.Ask("SL.21", leaguePlace(p.Reader.Role, t.Province), t.From, t.To)
	if err != nil { // too many days, or a unit whose name is no role
		return nil
	}
	t.CanPin = true
	s, err := x.Figures.Statement(ctx, q.Subject())
	if errors.Is(err, figure.ErrAbsent) {
		return nil
	} else if err != nil {
		return err
	}
	t.Pinned = s.ID
	return nil
}

// pinLeague counts the league's rows and keeps what it found; then it is shown.
func (x *Room) pinLeague(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "facilities", "facilities.title")
	if err := form(w, r); err != nil || x.Figures == nil || p.Reader.Role.Scope().IsEmpty() {
		x.frame.Fail(w, r, errQuery)
		return
	}
	from, err := strconv.Atoi(r.PostForm.Get("from"))
	to, also := strconv.Atoi(r.PostForm.Get("to"))
	if err != nil || also != nil {
		x.frame.Fail(w, r, figure.ErrSpan)
		return
	}
	q, err := figure.Ask("SL.21", leaguePlace(p.Reader.Role, r.PostForm.Get("province")), from, to)
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

// publicStatement is a pinned text that anybody may have; every other is absent.
func (x *Room) publicStatement(w http.ResponseWriter, r *http.Request) {
	if x.Figures == nil {
		x.frame.Fail(w, r, figure.ErrAbsent)
		return
	}
	s, err := x.Figures.Statement(r.Context(), r.PathValue("statement"))
	if err == nil && !s.Query.Public() {
		err = figure.ErrAbsent
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+s.ID+`.json"`)
	_, _ = w.Write(append(s.Bytes(), '\n')) // the reader is gone: nobody to tell
}

// closedLine is one number of a province's last day that is over.
type closedLine struct {
	Figure, ID string
	N          int64
}

func figureName(p view.Page, id string) string {
	f, _ := insight.FigureByID(id)
	return p.W.Text(f.Name)
}

// closed are yesterday's numbers of a province as they were pinned at night.
func (x *Room) closed(ctx context.Context, province string, day int) ([]closedLine, error) {
	if x.Figures == nil {
		return nil, nil
	}
	var out []closedLine
	for _, id := range []string{"SL.02", "SL.03", "SL.04", "SL.08", "SL.13"} {
		q, err := figure.Ask(id, figure.Place{Province: province}, day, day)
		if err != nil {
			return nil, err
		}
		s, err := x.Figures.Statement(ctx, q.Subject())
		if errors.Is(err, figure.ErrAbsent) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, closedLine{Figure: id, ID: s.ID, N: s.Read().N})
	}
	return out, nil
}
