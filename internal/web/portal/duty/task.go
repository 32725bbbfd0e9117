package duty

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/view"
)

// shown is a task as its page shows it.
type shown struct {
	*errand.View
	*names
	Programmes []duty.Programme
	Programme  duty.Programme // it comes from; zero: none
	Problem    string
	Sent       duty.Step // what was sent and not done
}

func (x *Room) oneTask(w http.ResponseWriter, r *http.Request) {
	x.showTask(w, r, http.StatusOK, shown{})
}

func (x *Room) showTask(w http.ResponseWriter, r *http.Request, status int, s shown) {
	p := x.frame.Page(r, "tasks", "duty.task")
	id, err := duty.ParseNumber(r.PathValue("number"))
	if err == nil {
		s.View, err = x.Desk.Look(r.Context(), p.Reader.Role, id)
	}
	if err == nil {
		s.names, err = x.names(r.Context(), &p)
	}
	if err == nil {
		s.Programmes, err = x.Desk.Programmes(r.Context())
	}
	if err != nil {
		x.frame.Fail(w, r, absentNumber(err))
		return
	}
	for _, q := range s.Programmes {
		if s.Task.Source.Kind == duty.FromProgramme && q.ID == s.Task.Source.Ref {
			s.Programme = q
		}
	}
	x.frame.Show(w, r, status, taskPage(p, s))
}

// absentNumber makes what is no number look like one that nobody has.
func absentNumber(err error) error {
	if err == duty.ErrNumber {
		return errAbsent
	}
	return err
}

var errAbsent = fault.New(fault.Absent, "record.absent", "Không có hồ sơ này.", "There is no such record.")

// may lists the steps a reader may take now, in the order of their forms.
func (s *shown) may() (all []string) {
	for _, what := range []string{duty.StepStarted, duty.StepUnblocked, duty.StepDone, duty.StepBlocked, duty.StepNoted, duty.StepDue, duty.StepMoved, duty.StepReopened, duty.StepCancelled} {
		if s.Rights.Allows(what) && s.Task.May(what) {
			all = append(all, what)
		}
	}
	return all
}

func (x *Room) step(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.task")
	id, err := duty.ParseNumber(r.PathValue("number"))
	if err != nil {
		x.frame.Fail(w, r, errAbsent)
		return
	}
	seen, err := strconv.Atoi(field(r, "seen", 10))
	if err != nil {
		seen = -1
	}
	s := duty.Step{What: field(r, "do", 20), Why: field(r, "why", longest), Due: dayField(r, "due"), By: party(r, "by"), Owner: party(r, "owner"),
		Evidence: duty.Evidence{Text: field(r, "text", longest), Kind: field(r, "kind", 20), Ref: field(r, "ref", 200)}}
	if s.Evidence.Ref == "" {
		s.Evidence.Kind = ""
	}
	if _, err := x.Desk.Take(r.Context(), who(&p), id, seen, s); err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Broken || f.Kind == fault.Absent && f.Code == errAbsent.Code {
			x.frame.Fail(w, r, err)
			return
		}
		x.showTask(w, r, http.StatusUnprocessableEntity, shown{Problem: p.W.Text(f.Text), Sent: s})
		return
	}
	x.frame.See(w, r, taskHref(id))
}

// party reads a unit's id or a facility's code as a form has them: five digits or
// letters are a facility's, "unit:..." and "facility:..." are taken as they are.
func party(r *http.Request, name string) duty.Party {
	text := field(r, name, 60)
	if text == "" || strings.Contains(text, ":") {
		return duty.Party(text)
	}
	if code, err := care.ParseFacilityCode(text); err == nil && len(text) == 5 {
		return duty.FacilityParty(code)
	}
	return duty.UnitParty(text)
}

// formed is the form of a new task.
type formed struct {
	*names
	Programmes []duty.Programme
	Form       string
	Sent       duty.Task
	Owner      string
	Problem    string
	Assigns    bool
	Mine       duty.Party
}

func (x *Room) newTask(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := formed{Owner: q.Get("owner"), Sent: duty.Task{Database: q.Get("database"), Source: duty.Source{Kind: duty.FromOther}}}
	if ref := q.Get("programme"); ref != "" {
		f.Sent.Source = duty.Source{Kind: duty.FromProgramme, Ref: ref}
	}
	x.showForm(w, r, http.StatusOK, f)
}

func (x *Room) showForm(w http.ResponseWriter, r *http.Request, status int, f formed) {
	p := x.frame.Page(r, "tasks", "duty.new")
	var err error
	if f.names, err = x.names(r.Context(), &p); err == nil {
		f.Programmes, err = x.Desk.Programmes(r.Context())
	}
	if err == nil {
		f.Assigns, err = x.Desk.Assigns(r.Context(), p.Reader.Role)
	}
	if err == nil {
		f.Mine, err = x.Desk.Mine(r.Context(), p.Reader.Role)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if f.Form == "" {
		f.Form = rand.Text()
	}
	if f.Owner == "" && !f.Assigns {
		f.Owner = string(f.Mine)
	}
	x.frame.Show(w, r, status, newPage(p, f))
}

func (x *Room) openTask(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "tasks", "duty.new")
	owner := party(r, "owner")
	t := duty.Task{Title: fault.Text{VI: field(r, "title_vi", 800), EN: field(r, "title_en", 800)}, Database: field(r, "database", 40), Due: dayField(r, "due"),
		Evidence: duty.Evidence{Text: field(r, "text", longest)}}
	t.Own(owner)
	t.Source = source(r)
	f := formed{Form: field(r, "form", 60), Owner: string(owner), Sent: t}
	if t.Title.VI == "" {
		t.Title.VI = t.Title.EN
	}
	ids, err := x.Desk.Open(r.Context(), who(&p), f.Form, t)
	if err != nil {
		fe := fault.Of(err)
		if fe.Kind == fault.Broken {
			x.frame.Fail(w, r, err)
			return
		}
		f.Problem = p.W.Text(fe.Text)
		x.showForm(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	x.frame.See(w, r, taskHref(ids[0]))
}

// source reads "programme:de-an-06", "meeting" or "other", and what was typed for it.
func source(r *http.Request) duty.Source {
	kind, ref, named := strings.Cut(field(r, "source", 100), ":")
	if !named {
		ref = field(r, "ref", 200)
	}
	return duty.Source{Kind: kind, Ref: ref}
}

func failText(p *view.Page, err error) string { return p.W.Text(fault.Of(err).Text) }
