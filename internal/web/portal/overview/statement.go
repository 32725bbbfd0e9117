package overview

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"lienthong/internal/figure"
	"lienthong/internal/insight"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// find is a statement that the reader may see; another is as one that is not there.
func (x *Room) find(r *http.Request, p view.Page) (*figure.Statement, error) {
	s, err := x.Figures.Statement(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !s.Query.Public() && !may(p.Reader.Role, s.Query.Place()) {
		return nil, figure.ErrAbsent
	}
	return s, nil
}

func (x *Room) statement(w http.ResponseWriter, r *http.Request) { x.told(w, r, nil) }

// told shows a statement, with what counting it again gave.
func (x *Room) told(w http.ResponseWriter, r *http.Request, again *figure.Outcome) {
	p := x.frame.Page(r, "overview", "ioc.statement.title")
	s, err := x.find(r, p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	versions, err := x.Figures.Versions(r.Context(), s.Query.Subject())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	query, err := indented(s.Query)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, statementPage(p, told{Statement: s, Versions: versions, Query: query, Again: again, Parts: parts(s)}))
}

// told is the page of a statement.
type told struct {
	Statement *figure.Statement
	Versions  []*figure.Statement
	Query     string
	Again     *figure.Outcome
	Parts     []part
}

// part is one part of a number.
type part struct {
	Key  string
	Name string // of several numbers of a place
	N    int64
	List templ.SafeURL
}

// mostParts is how many parts a page shows; the file has them all.
const mostParts = 100

func parts(s *figure.Statement) []part {
	v := s.Read()
	var out []part
	for _, k := range slices.Sorted(maps.Keys(v.By)) {
		q := s.Query
		place, name, _ := strings.Cut(k, "/")
		if q.By == string(store.ByProvince) {
			q.Province = place
		} else {
			q.Facility = place
		}
		if i := slices.IndexFunc(q.Parts, func(p insight.Part) bool { return p.Name == name }); i >= 0 {
			q.Measures, q.Standing = q.Parts[i].Measures, q.Parts[i].Standing
		}
		out = append(out, part{Key: place, Name: name, N: v.By[k], List: listOf(q, q.From)})
	}
	slices.SortStableFunc(out, func(a, b part) int { return cmp.Compare(b.N, a.N) })
	return out[:min(len(out), mostParts)]
}

func (x *Room) statementJSON(w http.ResponseWriter, r *http.Request) {
	s, err := x.find(r, x.frame.Page(r, "overview", "ioc.statement.title"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+strings.Map(plain, s.ID)+`.json"`)
	_, _ = w.Write(append(s.Bytes(), '\n')) // the reader is gone: nobody to tell
}

// statementCSV is a statement as a file: what each place has of each part, of which
// days, and the checkpoint.
func (x *Room) statementCSV(w http.ResponseWriter, r *http.Request) {
	s, err := x.find(r, x.frame.Page(r, "overview", "ioc.statement.title"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	names, v, places := []string{""}, s.Read(), map[string]bool{}
	if len(s.Query.Parts) > 0 {
		names = nil
		for _, p := range s.Query.Parts {
			names = append(names, p.Name)
		}
	}
	for _, k := range append(slices.Collect(maps.Keys(v.By)), slices.Collect(maps.Keys(v.Hide))...) {
		place, _, _ := strings.Cut(k, "/")
		places[place] = true
	}
	head := []string{cmp.Or(s.Query.By, "place")}
	for _, n := range names {
		head = append(head, cmp.Or(n, "n"))
	}
	rows := [][]string{append(head, "figure", "from", "to", "statement", "sha256", "checkpoint")}
	var notes []string
	for _, l := range s.Logs {
		notes = append(notes, l.Checkpoint)
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		row := []string{place}
		for _, n := range names {
			key := place
			if n != "" {
				key += "/" + n
			}
			if hide := v.Hide[key]; hide != "" {
				row = append(row, string(hide))
			} else {
				row = append(row, strconv.FormatInt(v.By[key], 10))
			}
		}
		rows = append(rows, append(row, s.Figure, strconv.Itoa(s.Query.From), strconv.Itoa(s.Query.To), s.ID, s.SHA256, strings.Join(notes, "\n")))
	}
	x.frame.CSV(w, r, strings.Map(plain, s.ID), rows)
}

func plain(c rune) rune {
	if c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
		return c
	}
	return '_'
}

func (x *Room) recompute(w http.ResponseWriter, r *http.Request) {
	s, err := x.find(r, x.frame.Page(r, "overview", "ioc.statement.title"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if !x.counting.TryLock() {
		x.frame.Fail(w, r, figure.ErrBusy)
		return
	}
	o, err := x.Figures.Recompute(r.Context(), s)
	x.counting.Unlock()
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.told(w, r, &o)
}
