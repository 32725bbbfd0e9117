package duty

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// unitRow is a unit in the list.
type unitRow struct {
	duty.Unit
	Count duty.Count
	Does  map[string][]duty.Does // by database
}

// unitList is the page of units.
type unitList struct {
	*names
	Rows    []unitRow
	Assigns bool
	Counted bool // the reader sees everybody's tasks
	Sent    duty.Unit
	Problem string
}

func (x *Room) readUnits(r *http.Request, p *view.Page) (l *unitList, err error) {
	ctx := r.Context()
	l = &unitList{}
	if l.names, err = x.names(ctx, p); err != nil {
		return nil, err
	}
	if l.Assigns, err = x.Desk.Assigns(ctx, p.Reader.Role); err != nil {
		return nil, err
	}
	l.Counted = l.Assigns
	counts, err := x.Desk.Count(ctx, p.Reader.Role, duty.Filter{}, duty.ByOwner)
	if err != nil {
		return nil, err
	}
	of := map[string]duty.Count{}
	for _, c := range counts {
		of[c.Key] = c
	}
	roles, err := x.Desk.Roles(ctx)
	if err != nil {
		return nil, err
	}
	does := map[string]map[string][]duty.Does{}
	for _, role := range roles {
		if does[role.Unit] == nil {
			does[role.Unit] = map[string][]duty.Does{}
		}
		does[role.Unit][role.Database] = append(does[role.Unit][role.Database], role.Does)
	}
	for _, u := range l.names.units.All() {
		l.Rows = append(l.Rows, unitRow{u, of[string(u.Party())], does[u.ID]})
	}
	return l, nil
}

// matrix is the units that do something for a database, in order.
func (l *unitList) matrix() []unitRow {
	return slices.DeleteFunc(slices.Clone(l.Rows), func(u unitRow) bool { return len(u.Does) == 0 })
}

// doing are the units that do something for a database.
func (l *unitList) doing(database string, does duty.Does) (out []unitRow) {
	for _, u := range l.matrix() {
		if slices.Contains(u.Does[database], does) {
			out = append(out, u)
		}
	}
	return out
}

// cell writes what a unit does for a database: "xây dựng, quản lý".
func (l *unitList) cell(u unitRow, database string) string {
	var out []string
	for _, d := range u.Does[database] {
		out = append(out, l.p.W.T("duty.does."+string(d)))
	}
	return strings.Join(out, ", ")
}

func (x *Room) units(w http.ResponseWriter, r *http.Request) {
	x.showUnits(w, r, http.StatusOK, duty.Unit{}, "")
}

func (x *Room) showUnits(w http.ResponseWriter, r *http.Request, status int, sent duty.Unit, problem string) {
	p := x.frame.Page(r, "tasks", "duty.units")
	l, err := x.readUnits(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	l.Sent, l.Problem = sent, problem
	x.frame.Show(w, r, status, unitsPage(p, l))
}

func (x *Room) unitsCSV(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.units")
	l, err := x.readUnits(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	head := []string{p.W.T("duty.col.id"), p.W.T("duty.col.unit"), p.W.T("duty.col.kind"), p.W.T("duty.col.open"), p.W.T("duty.col.late"), p.W.T("duty.col.blocked")}
	for _, b := range l.databases {
		head = append(head, p.W.Text(b.Name))
	}
	rows := [][]string{head}
	for _, u := range l.Rows {
		row := []string{u.ID, p.W.Text(u.Name), p.W.T("duty.kind." + u.Kind), p.W.Num(u.Count.Open), p.W.Num(u.Count.Late), p.W.Num(u.Count.Blocked)}
		for _, b := range l.databases {
			row = append(row, l.cell(u, b.ID))
		}
		rows = append(rows, row)
	}
	x.frame.CSV(w, r, "units", rows)
}

// unitForm reads a unit of a form.
func unitForm(r *http.Request, id string) duty.Unit {
	return duty.Unit{ID: id, Kind: field(r, "kind", 20), Province: field(r, "province", 2), Focal: field(r, "focal", 3) == "yes",
		Name: fault.Text{VI: field(r, "name_vi", 800), EN: field(r, "name_en", 800)}}
}

func (x *Room) addUnit(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.units")
	u := unitForm(r, field(r, "id", 40))
	if err := x.Desk.PutUnit(r.Context(), who(&p), u); err != nil {
		if fault.Of(err).Kind == fault.Broken {
			x.frame.Fail(w, r, err)
			return
		}
		x.showUnits(w, r, http.StatusUnprocessableEntity, u, failText(&p, err))
		return
	}
	x.frame.See(w, r, unitHref(u.ID))
}

// unitShown is one unit.
type unitShown struct {
	*names
	Unit      duty.Unit
	Answers   duty.Unit
	Roles     []duty.Role
	Versions  []duty.Unit
	Made      []house.Item // with Versions
	Count     duty.Count
	Tasks     []duty.Task
	More      bool
	Assigns   bool
	Sees      bool // tasks of it
	Problem   string
	Databases []errand.Database
}

func (x *Room) unit(w http.ResponseWriter, r *http.Request) { x.showUnit(w, r, http.StatusOK, "") }

func (x *Room) showUnit(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := x.frame.Page(r, "tasks", "duty.unit")
	s, err := x.readUnit(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s.Problem = problem
	x.frame.Show(w, r, status, unitPage(p, s))
}

func (x *Room) readUnit(r *http.Request, p *view.Page) (s *unitShown, err error) {
	ctx, reader := r.Context(), p.Reader.Role
	s = &unitShown{}
	if s.names, err = x.names(ctx, p); err != nil {
		return nil, err
	}
	var ok bool
	if s.Unit, ok = s.names.units.Get(r.PathValue("id")); !ok {
		return nil, errAbsent
	}
	s.Answers, _ = s.names.units.Follow(s.Unit.ID, today(p))
	s.Databases = s.names.databases
	roles, err := x.Desk.Roles(ctx)
	if err != nil {
		return nil, err
	}
	s.Roles = slices.DeleteFunc(roles, func(r duty.Role) bool { return r.Unit != s.Unit.ID })
	if s.Versions, s.Made, err = x.Desk.UnitVersions(ctx, s.Unit.ID); err != nil {
		return nil, err
	}
	f := duty.Filter{Owner: s.Unit.Party()}
	counts, err := x.Desk.Count(ctx, reader, f, duty.ByAll)
	if err != nil {
		return nil, err
	}
	if len(counts) > 0 {
		s.Count = counts[0]
	}
	f.Limit = 20
	if s.Tasks, s.More, err = x.Desk.List(ctx, reader, f); err != nil {
		return nil, err
	}
	s.Assigns, err = x.Desk.Assigns(ctx, reader)
	return s, err
}

func (x *Room) changeUnit(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.unit")
	id, by := r.PathValue("id"), who(&p)
	var err error
	switch field(r, "do", 20) {
	case "rename":
		u := unitForm(r, id)
		all, loaded := x.Desk.AllUnits(r.Context())
		if err = loaded; err == nil {
			before, ok := all.Get(id)
			if !ok {
				x.frame.Fail(w, r, errAbsent)
				return
			}
			u.Kind, u.Province, u.From = before.Kind, before.Province, before.From
			err = x.Desk.PutUnit(r.Context(), by, u)
		}
	case "dissolve":
		_, err = x.Desk.Dissolve(r.Context(), by, id, field(r, "successor", 40), dayField(r, "until"))
	case "role":
		err = x.Desk.PutRole(r.Context(), by, duty.Role{Unit: id, Database: field(r, "database", 40), Does: duty.Does(field(r, "does", 20)), Ended: field(r, "end", 3) == "yes"})
	default:
		err = duty.ErrUnitForm
	}
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.Broken {
			x.frame.Fail(w, r, err)
		} else {
			x.showUnit(w, r, http.StatusUnprocessableEntity, failText(&p, err))
		}
		return
	}
	x.frame.See(w, r, unitHref(id))
}

// programmeList is the page of programmes.
type programmeList struct {
	*names
	All     []duty.Programme
	Counts  map[string]duty.Count
	Assigns bool
	Sent    duty.Programme
	Problem string
}

func (x *Room) programmes(w http.ResponseWriter, r *http.Request) {
	x.showProgrammes(w, r, http.StatusOK, duty.Programme{}, "")
}

func (x *Room) showProgrammes(w http.ResponseWriter, r *http.Request, status int, sent duty.Programme, problem string) {
	p := x.frame.Page(r, "tasks", "duty.programmes")
	l := &programmeList{Counts: map[string]duty.Count{}, Sent: sent, Problem: problem}
	ctx := r.Context()
	var err error
	if l.names, err = x.names(ctx, &p); err == nil {
		l.All, err = x.Desk.Programmes(ctx)
	}
	if err == nil {
		l.Assigns, err = x.Desk.Assigns(ctx, p.Reader.Role)
	}
	for i := 0; err == nil && i < len(l.All); i++ {
		var c []duty.Count
		if c, err = x.Desk.Count(ctx, p.Reader.Role, duty.Filter{Source: duty.FromProgramme, Ref: l.All[i].ID}, duty.ByAll); len(c) > 0 {
			l.Counts[l.All[i].ID] = c[0]
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, status, programmesPage(p, l))
}

func (x *Room) programmesCSV(w http.ResponseWriter, r *http.Request) {
	all, err := x.Desk.Programmes(r.Context())
	if err == nil {
		var b []byte
		if b, err = errand.WriteProgrammes("csv", all); err == nil {
			send(w, "text/csv; charset=utf-8", "programmes.csv", b)
			return
		}
	}
	x.frame.Fail(w, r, err)
}

func (x *Room) putProgramme(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.programmes")
	q := duty.Programme{ID: field(r, "id", 40), Kind: field(r, "kind", 20), Title: fault.Text{VI: field(r, "title_vi", 800), EN: field(r, "title_en", 800)},
		Note: fault.Text{VI: field(r, "note_vi", longest), EN: field(r, "note_en", longest)}, ConfirmedBy: field(r, "confirmed_by", 400)}
	if q.Title.EN == "" {
		q.Title.EN = q.Title.VI
	}
	if _, err := x.Desk.PutProgrammes(r.Context(), who(&p), []duty.Programme{q}); err != nil {
		if fault.Of(err).Kind == fault.Broken {
			x.frame.Fail(w, r, err)
			return
		}
		x.showProgrammes(w, r, http.StatusUnprocessableEntity, q, failText(&p, err))
		return
	}
	x.frame.See(w, r, "/programmes")
}

func send(w http.ResponseWriter, kind, name string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(data) // the reader is gone: nobody to tell
}

func (x *Room) limits(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.programmes")
	n := func(name string) int {
		v, err := strconv.Atoi(field(r, name, 6))
		if err != nil {
			return -1
		}
		return v
	}
	l, err := x.Desk.Limits(r.Context())
	if err == nil {
		l.Percent, l.Least, l.Window, l.Each = n("percent"), int64(n("least")), n("window"), n("each")
		l.Due = [4]int{n("due0"), n("due1"), n("due2"), n("due3")}
		l.Disabled = field(r, "on", 3) != "yes"
		err = x.Desk.PutLimits(r.Context(), who(&p), l)
	}
	if err != nil {
		if fault.Of(err).Kind == fault.Broken {
			x.frame.Fail(w, r, err)
			return
		}
		x.showReport(w, r, http.StatusUnprocessableEntity, failText(&p, err))
		return
	}
	x.frame.See(w, r, "/tasks/report")
}
