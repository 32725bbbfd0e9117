package databases

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lienthong/internal/catalog"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/steward"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// found is what the list of entries shows.
type found struct {
	Live    *steward.Live
	Columns []registry.Field // that the reader sees, the first eight
	Search  []registry.Field // that can be asked by
	By      map[string]string
	Entries []registry.Entry
	Next    string
	Problem string
	May     bool
	Form    bool // entries are typed in
	Asked   bool
}

// maxColumns is how many fields a list shows; an entry's own page shows all.
const maxColumns = 8

// entries lists entries. What is asked for is in the body of the form, so that no
// number of a person is in a URL.
func (x *Room) entries(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.entries")
	v, err := x.Entries.Database(reader(&p), id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	p.Title = p.W.T("db.entries.of", p.W.Text(v.Name))
	f := found{Live: v.Live, May: manages(&p, v.Live), By: asked(r, v.Live), Asked: r.Method == http.MethodPost}
	f.Form = f.May && takesForm(v.Live)
	for i := range v.Fields {
		seen := v.Own || slices.Contains(v.Sight.Fields, v.Fields[i].Name)
		if seen && len(f.Columns) < maxColumns {
			f.Columns = append(f.Columns, v.Fields[i])
		}
		if seen && v.Fields[i].Search {
			f.Search = append(f.Search, v.Fields[i])
		}
	}
	page, err := x.Entries.List(r.Context(), reader(&p), v.ID, query(f.By, field(r, "cursor", 100)))
	status := http.StatusOK
	if err != nil {
		bad := fault.Of(err)
		if bad.Kind != fault.Invalid {
			x.frame.Fail(w, r, err)
			return
		}
		f.Problem, status = p.W.Text(bad.Text), http.StatusUnprocessableEntity
	}
	f.Entries, f.Next = page.Entries, page.Next
	x.frame.Show(w, r, status, entriesPage(p, f))
}

func takesForm(l *steward.Live) bool {
	return slices.ContainsFunc(l.Sources, func(s registry.Source) bool { return s.Kind == registry.FromForm })
}

func takesFiles(l *steward.Live) bool {
	return slices.ContainsFunc(l.Sources, func(s registry.Source) bool { return s.Kind == registry.FromImport })
}

// asked reads what a search form asks for.
func asked(r *http.Request, l *steward.Live) map[string]string {
	by := map[string]string{}
	if r.Method != http.MethodPost {
		return by
	}
	for i := range l.Fields {
		f := &l.Fields[i]
		if v := field(r, "by."+f.Name, 300); v != "" && f.Search {
			by[f.Name] = v
		}
	}
	return by
}

// valueText shows an entry's value: codes with their meaning.
func valueText(p view.Page, f *registry.Field, value string) string {
	for _, v := range f.Values {
		if v.Code == value {
			return p.W.Text(v.Text)
		}
	}
	if f.Type == registry.Code && f.Values == nil && value != "" {
		if label := catalog.Label(catalog.List(f.List), value, p.W.Lang); label != "" {
			return value + " · " + label
		}
	}
	switch {
	case f.Type == registry.Boolean && value == "true":
		return p.W.T("db.yes")
	case f.Type == registry.Boolean && value == "false":
		return p.W.T("db.no")
	case f.Type == registry.Date:
		if t, err := time.Parse(time.DateOnly, value); err == nil {
			return t.Format("02/01/2006")
		}
	case f.Type == registry.Moment:
		if t, err := time.Parse(time.RFC3339, value); err == nil {
			return p.W.Time(t)
		}
	}
	return value
}

// choices are the codes of a field, to choose from; nil where it is typed.
func choices(p view.Page, f *registry.Field) []registry.Value {
	if f.Type != registry.Code {
		return nil
	}
	if f.Values != nil {
		return f.Values
	}
	var out []registry.Value
	seen := map[string]bool{}
	for _, e := range catalog.Entries(catalog.List(f.List)) {
		if !seen[e.Code] && e.Until == 0 {
			seen[e.Code] = true
			out = append(out, registry.Value{Code: e.Code, Text: fault.Text{VI: e.Code + " · " + e.VI, EN: e.Code + " · " + e.EN}})
		}
	}
	return out
}

// single is the page of one entry.
type single struct {
	Live    *steward.Live
	Entry   registry.Entry
	ID      string
	Record  string // its source record, "" none
	History []registry.Entry
	May     bool
	Form    bool
	Problem string
}

func (x *Room) entry(w http.ResponseWriter, r *http.Request) { x.showEntry(w, r, http.StatusOK, "") }

func (x *Room) showEntry(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := x.frame.Page(r, "databases", "db.entry")
	v, err := x.Entries.Database(reader(&p), id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	entry, err := steward.ParseEntry(r.PathValue("entry"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s := single{Live: v.Live, ID: steward.EntryText(entry), May: manages(&p, v.Live), Problem: problem}
	s.Form = s.May && takesForm(v.Live)
	if s.History, err = x.Entries.History(r.Context(), reader(&p), v.ID, entry); err != nil || len(s.History) == 0 {
		if err == nil {
			err = steward.ErrAbsent
		}
		x.frame.Fail(w, r, err)
		return
	}
	s.Entry = s.History[0]
	if s.Entry.Origin.Record != (registry.RecordID{}) {
		s.Record = dossier.ID(s.Entry.Origin.Record).String()
	}
	x.frame.Show(w, r, status, entryPage(p, s))
}

// end ends an entry with a reason.
func (x *Room) end(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.entry")
	entry, err := steward.ParseEntry(r.PathValue("entry"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	reason := field(r, "reason", 1000)
	if len([]rune(reason)) < 10 {
		x.showEntry(w, r, http.StatusUnprocessableEntity, p.W.T("db.end.reason.short"))
		return
	}
	if err := x.Steward.End(r.Context(), who(&p), id(r), reason, []house.Close{{ID: entry, State: registry.Ended, Until: p.Now}}); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, path(id(r), "/entries/"+steward.EntryText(entry)))
}

// typed is the form of an entry.
type typed struct {
	Live     *steward.Live
	Values   registry.Values
	Findings map[string][]string // by field, "" the whole
	Correct  string              // the entry that is corrected, "" a new one
	Problem  string
}

func (x *Room) form(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.form")
	l, err := x.Steward.Get(id(r))
	if err == nil && !manages(&p, l) {
		err = steward.ErrSteward
	}
	if err == nil && !takesForm(l) {
		err = steward.ErrSource
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	t := typed{Live: l, Values: registry.Values{}}
	x.nothing(r.Context()) // an entry that is corrected is written down where it is read
	if from := r.URL.Query().Get("from"); from != "" {
		entry, err := steward.ParseEntry(from)
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		e, err := x.Entries.Get(r.Context(), reader(&p), l.ID, entry, time.Time{})
		if err != nil {
			x.frame.Fail(w, r, err)
			return
		}
		t.Values, t.Correct = e.Values, from
	}
	x.frame.Show(w, r, http.StatusOK, formPage(p, t))
}

func (x *Room) enter(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "databases", "db.form")
	l, err := x.Steward.Get(id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	t := typed{Live: l, Values: registry.Values{}, Correct: field(r, "correct", 64), Findings: map[string][]string{}}
	for i := range l.Fields {
		if v := field(r, "v."+l.Fields[i].Name, 64<<10); v != "" {
			t.Values[l.Fields[i].Name] = v
		}
	}
	out, err := x.Steward.Enter(r.Context(), who(&p), l.ID, t.Values)
	if err == nil {
		x.frame.See(w, r, path(l.ID, "/entries/"+steward.EntryText(out.ID)))
		return
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid && f.Kind != fault.Conflict {
		x.frame.Fail(w, r, err)
		return
	}
	t.Problem = p.W.Text(f.Text)
	for _, finding := range out.Findings {
		t.Findings[finding.Field] = append(t.Findings[finding.Field], p.W.Text(finding.Text))
	}
	x.frame.Show(w, r, http.StatusUnprocessableEntity, formPage(p, t))
}

// export walks through the entries a form asks for, all of them, some at a time. One
// that breaks off is cut off, so that nobody takes it for whole.
func (x *Room) export(w http.ResponseWriter, r *http.Request, kind, name string, write func(fields []string, e *registry.Entry) error) {
	p := x.frame.Page(r, "databases", "db.entries")
	v, err := x.Entries.Database(reader(&p), id(r))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	fields := v.Sight.Fields
	if v.Own {
		fields = v.Names()
	}
	q := query(asked(r, v.Live), "")
	q.Limit = 500
	page, err := x.Entries.List(r.Context(), reader(&p), v.ID, q)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := write(fields, nil); err != nil {
		return // the reader is gone
	}
	for {
		for i := range page.Entries {
			if err := write(fields, &page.Entries[i]); err != nil {
				return
			}
		}
		if page.Next == "" {
			return
		}
		q.Cursor = page.Next
		if page, err = x.Entries.List(r.Context(), reader(&p), v.ID, q); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func (x *Room) exportCSV(w http.ResponseWriter, r *http.Request) {
	out := csv.NewWriter(w)
	x.export(w, r, "text/csv; charset=utf-8", r.PathValue("id")+".csv", func(fields []string, e *registry.Entry) error {
		row := append([]string{"id", "version", "state"}, fields...)
		if e == nil {
			if _, err := w.Write([]byte("\ufeff")); err != nil {
				return err
			}
		} else {
			row = []string{steward.EntryText(e.ID), itoa(e.Version), string(e.State)}
			if e.Unreadable {
				row[2] = "unreadable"
			}
			for _, f := range fields {
				row = append(row, plainCell(e.Values[f]))
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	})
}

// plainCell keeps spreadsheets from taking a value for a formula.
func plainCell(v string) string {
	if v != "" && strings.ContainsRune("=+-@\t\r", rune(v[0])) && !isNumber(v) {
		return "'" + v
	}
	return v
}

func isNumber(v string) bool { return strings.Trim(v, "+-0123456789.") == "" }

func (x *Room) exportLines(w http.ResponseWriter, r *http.Request) {
	out := json.NewEncoder(w)
	x.export(w, r, "application/x-ndjson", r.PathValue("id")+".ndjson", func(_ []string, e *registry.Entry) error {
		if e == nil {
			return nil
		}
		line := map[string]any{"id": steward.EntryText(e.ID), "version": e.Version, "state": e.State, "values": e.Values, "at": e.At, "source": e.Origin.Source}
		if e.Unreadable {
			line["unreadable"] = true
		}
		return out.Encode(line)
	})
}
