package delivery

import (
	"context"
	"net/http"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Alarms looks after alarms; *alarm.Watch does.
type Alarms interface {
	Open(ctx context.Context) ([]alarm.Alarm, error)
	List(ctx context.Context, since time.Time) ([]alarm.Alarm, error)
	Acknowledge(ctx context.Context, actor, cause, owner, note string) error
}

// closedShown is how long a closed alarm is still shown.
const closedShown = 7 * 24 * time.Hour

func (x *Room) alarms(w http.ResponseWriter, r *http.Request) { x.showAlarms(w, r, nil) }

func (x *Room) showAlarms(w http.ResponseWriter, r *http.Request, problem *fault.Error) {
	page := x.frame.Page(r, "legs", "alarms.title")
	list, err := x.Alarms.List(r.Context(), page.Now.Add(-closedShown))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	status, text := http.StatusOK, ""
	if problem != nil {
		status, text = http.StatusUnprocessableEntity, page.W.Text(problem.Text)
	}
	x.frame.Show(w, r, status, AlarmsPage(page, list, text))
}

func (x *Room) acknowledge(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	page := x.frame.Page(r, "legs", "alarms.title")
	err := x.Alarms.Acknowledge(r.Context(), actor(page), r.PathValue("alarm"), field(r, "owner", 400), field(r, "note", 2000))
	if err == nil {
		http.Redirect(w, r, "/alarms", http.StatusSeeOther)
		return
	}
	if known := fault.Of(err); known.Kind == fault.Invalid || known.Kind == fault.Absent {
		x.showAlarms(w, r, known)
		return
	}
	x.frame.Fail(w, r, err)
}

func alarmLook(a alarm.Alarm) (mark, tone string) {
	switch a.State {
	case store.AlarmClosed:
		return "dash", "off"
	case store.AlarmAcknowledged:
		return "wait", "wait"
	}
	return "bad", "bad"
}

// alarmHref is the list an alarm is about, "" where there is none that the reader enters.
func alarmHref(p view.Page, a alarm.Alarm) string {
	switch a.Kind {
	case alarm.Queue, alarm.Breaker:
		return withQuery("/legs", "destination", a.Object, "state", "waiting")
	case alarm.Failures:
		return withQuery("/legs", "destination", a.Object)
	case alarm.Silent:
		if a.Object == alarm.Many {
			return "/facilities?show=silent"
		}
		return withQuery("/messages", "facility", a.Object)
	case alarm.Forked:
		if p.Reader != nil && p.Reader.Role.May(role.Administer) {
			return "/enrolments"
		}
	}
	return ""
}
