package privacy

import (
	"net/http"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/review"
	"lienthong/internal/urgent"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/problem"
)

func (x *Room) queue(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "privacy", "privacy.queue")
	q, err := x.Desk.Queue(r.Context(), officer(&p))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	names := map[care.Staff]string{}
	for _, c := range q.Clinics {
		names[c.Staff] = x.who(r.Context(), c.Staff, "")
	}
	x.frame.Show(w, r, http.StatusOK, queuePage(p, x, q, names))
}

// shown is a case as its page shows it.
type shown struct {
	*review.Case
	Names   map[care.Staff]string
	Sent    review.Decision // what was sent and not done
	Problem string
	Again   string // where the second factor is given; "" where that is not what is missing
}

func (x *Room) oneCase(w http.ResponseWriter, r *http.Request) {
	x.showCase(w, r, http.StatusOK, shown{})
}

func (x *Room) showCase(w http.ResponseWriter, r *http.Request, status int, s shown) {
	p := x.frame.Page(r, "privacy", "privacy.case")
	c, err := x.Desk.Case(r.Context(), officer(&p), r.PathValue("number"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s.Case, s.Names = c, map[care.Staff]string{}
	name := func(id care.Staff) {
		if _, ok := s.Names[id]; !ok && id != (care.Staff{}) {
			s.Names[id] = x.who(r.Context(), id, "")
		}
	}
	if c.Opening != nil {
		name(c.Opening.Staff)
		name(c.Opening.Renewed)
	}
	for i := range c.Looks {
		name(c.Looks[i].Staff)
	}
	for _, id := range c.Suspended {
		name(id)
	}
	x.frame.Show(w, r, status, casePage(p, x, s))
}

func (x *Room) act(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "privacy", "privacy.case")
	v := review.Decision{Do: field(r, "do", 20), Seen: number(r, "seen"), Outcome: field(r, "outcome", 20), Text: field(r, "text", longest),
		Suspend: field(r, "suspend", 3) == "yes", Lift: field(r, "lift", 3) == "yes"}
	m, err := x.Desk.Act(r.Context(), officer(&p), r.PathValue("number"), v)
	if err == nil {
		x.frame.See(w, r, "/privacy/cases/"+m.Number)
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Absent || f.Kind == fault.Broken {
		x.frame.Fail(w, r, err)
		return
	}
	s := shown{Sent: v, Problem: p.W.Text(f.Text)}
	if f.Code == review.ErrFactor.Code {
		s.Again = again("/privacy/cases/" + r.PathValue("number"))
	}
	x.showCase(w, r, problem.Status(f), s)
}

func (x *Room) lift(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "privacy", "privacy.queue")
	if err := x.Desk.Lift(r.Context(), officer(&p), staffOf(field(r, "staff", 32))); err != nil {
		x.failed(w, r, p, err)
		return
	}
	x.frame.See(w, r, "/privacy")
}

func (x *Room) unlock(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "privacy", "privacy.queue")
	if err := x.Desk.Unlock(r.Context(), officer(&p), field(r, "account", 60), field(r, "reason", longest)); err != nil {
		x.failed(w, r, p, err)
		return
	}
	x.frame.See(w, r, "/privacy")
}

// failed leads to the second factor where that is what is missing.
func (x *Room) failed(w http.ResponseWriter, r *http.Request, p view.Page, err error) {
	if f := fault.Of(err); f.Code == review.ErrFactor.Code {
		x.frame.Show(w, r, problem.Status(f), againPage(p, again("/privacy")))
		return
	}
	x.frame.Fail(w, r, err)
}

// said is why an emergency was opened, in words: without the number of the patient.
func said(p *view.Page, reason string) string {
	code, words := urgent.Said(reason)
	if code == "" {
		return words
	}
	return word(p, "urgent.said.", code) + ": " + words
}

// stands is a matter's state with its outcome.
func stands(p *view.Page, state, outcome string) string {
	text := p.W.T("privacy.state." + state)
	if outcome != "" {
		text += ": " + word(p, "privacy.outcome.", outcome)
	}
	return text
}
