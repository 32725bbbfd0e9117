package duty

import (
	"net/url"
	"strings"

	"lienthong/internal/duty"
	"lienthong/internal/web/portal/view"
)

// checkHref is where the number of a debt is seen: its check, at the facility that
// owes. "" where the debt names none.
func checkHref(t *duty.Task) string {
	subject, ok := strings.CutPrefix(t.Debt, "score/")
	subject, _, owes := strings.Cut(subject, "/")
	if !ok || !owes || t.Check == "" {
		return ""
	}
	v := url.Values{"check": {t.Check}, "subject": {subject}}
	if code := t.Owner().Facility(); code != "" {
		v.Set("facility", string(code))
	}
	return "/quality/check?" + v.Encode()
}

// stepMark is the mark of a step in the history.
func stepMark(what string) string {
	switch what {
	case duty.StepDone:
		return "ok"
	case duty.StepBlocked:
		return "hold"
	case duty.StepCancelled:
		return "none"
	case duty.StepReopened:
		return "warn"
	case duty.StepStarted, duty.StepUnblocked:
		return "wait"
	}
	return "wait"
}

// detail writes what a step says, in one line.
func (s *shown) detail(k duty.Step) string {
	var out []string
	add := func(text string) {
		if text != "" {
			out = append(out, text)
		}
	}
	switch k.What {
	case duty.StepOpened:
		add(s.p.W.T("duty.said.opened", s.party(k.Owner), date(s.p, k.Due)))
	case duty.StepDue, duty.StepReopened:
		add(s.p.W.T("duty.said.due", date(s.p, k.Due)))
	case duty.StepMoved:
		add(s.party(k.Owner))
	case duty.StepBlocked:
		add(s.party(k.By))
	}
	add(k.Why)
	if !k.Evidence.None() {
		add(evidence(s.p, k.Evidence))
	}
	return strings.Join(out, " · ")
}

// why is what was written before, where the step was sent and not done.
func (s *shown) why(what string) string {
	if s.Sent.What == what {
		return s.Sent.Why
	}
	return ""
}

func programmeName(p *view.Page, q duty.Programme) string {
	text := p.W.Text(q.Title)
	if !q.Confirmed() {
		text += " (" + p.W.T("duty.unconfirmed") + ")"
	}
	return text
}

// refOf is what was typed for a meeting or another source.
func refOf(s duty.Source) string {
	if s.Kind == duty.FromProgramme {
		return ""
	}
	return s.Ref
}

// right reports whether a column holds numbers, which stand right.
// link is the list behind a number of a row, "" where the first cell's is all there is.
func (t part) link(row, column int) string {
	if t.Key == "bottlenecks" && column == 5 && t.Rows[row][column] != "" { // the task that is held longest
		return taskHref(t.Rows[row][column])
	}
	if column >= len(t.Lists) || t.Lists[column] == "" {
		return ""
	}
	return strings.Replace(t.Hrefs[row], "view="+viewAll, "view="+t.Lists[column], 1)
}

func (t part) right(i int) bool {
	return t.Wide == 0 && i > 0 && (t.Key != "bottlenecks" || i < 5)
}
