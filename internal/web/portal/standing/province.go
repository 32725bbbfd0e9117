package standing

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lienthong/internal/admin"
	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/view"
)

// board is the page of a province.
type board struct {
	*standing.Province
	Waiting    []admin.Pending // systems of its facilities that wait for a second person
	Late, Open int
	Tasks      bool
	Own        bool // the reader is the province: it decides, others look
	Problem    string
	Day        int // yesterday
	Closed     []closedLine
}

func (x *Room) province(w http.ResponseWriter, r *http.Request) { x.showProvince(w, r, nil) }

func (x *Room) showProvince(w http.ResponseWriter, r *http.Request, problem *fault.Error) {
	p := x.frame.Page(r, "province", "house.province.title")
	code, err := provinceOf(p, r.FormValue("province"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if code == "" {
		x.frame.Show(w, r, http.StatusOK, choosePage(p))
		return
	}
	b := board{Own: p.Reader.Role.Kind == role.Province}
	if b.Province, err = x.Desk.Province(r.Context(), code); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	e, err := x.Office.Enrolment(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	for _, a := range e.Waiting {
		if x.placed(a.Facility, code) {
			b.Waiting = append(b.Waiting, a)
		}
	}
	if x.Deps.Late != nil {
		b.Tasks = true
		if b.Late, b.Open, err = x.Deps.Late(r.Context(), role.Role{Kind: role.Province, ID: code}); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	b.Day = ago(p, 1)
	if b.Closed, err = x.closed(r.Context(), code, b.Day); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	status := http.StatusOK
	if problem != nil {
		status, b.Problem = http.StatusUnprocessableEntity, p.W.Text(problem.Text)
	}
	x.frame.Show(w, r, status, provincePage(p, b))
}

// answer goes back to the board, or shows what is wrong on it.
func (x *Room) answer(w http.ResponseWriter, r *http.Request, err error) {
	if err == nil {
		x.frame.See(w, r, "/province")
		return
	}
	if known := fault.Of(err); known.Kind != fault.Broken && known.Kind != fault.Absent {
		x.showProvince(w, r, known)
		return
	}
	x.frame.Fail(w, r, err)
}

// aim sets or ends a target of the reader's own province.
func (x *Room) aim(w http.ResponseWriter, r *http.Request) {
	if err := form(w, r); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	p := x.frame.Page(r, "province", "house.province.title")
	if p.Reader.Role.Kind != role.Province {
		x.frame.Fail(w, r, absent)
		return
	}
	t := house.Target{Province: p.Reader.Role.ID, ID: r.PostForm.Get("measure"), Note: strings.TrimSpace(r.PostForm.Get("note")), Ended: r.PostForm.Get("end") != ""}
	was, err := strconv.Atoi("0" + r.PostForm.Get("was"))
	if err == nil {
		t.Due, err = dayOf(r.PostForm.Get("due"))
	}
	if err == nil {
		t.Value, err = value(t.ID, r.PostForm.Get("value"))
	}
	if err != nil {
		x.answer(w, r, standing.ErrTarget)
		return
	}
	x.answer(w, r, x.Desk.Aim(r.Context(), p.Reader.Role, t, was))
}

// value reads a number, or a share in per cent with at most one decimal.
func value(measure, text string) (int64, error) {
	text = strings.ReplaceAll(strings.TrimSpace(text), ",", ".")
	if !standing.Share(measure) {
		return strconv.ParseInt(text, 10, 64)
	}
	whole, rest, has := strings.Cut(text, ".")
	if has && len(rest) != 1 || len(whole) > 3 {
		return 0, errQuery
	}
	if !has {
		rest = "0"
	}
	return strconv.ParseInt(whole+rest, 10, 64)
}

// decide lets a system of one of the province's own facilities in, or turns it away.
func (x *Room) decide(w http.ResponseWriter, r *http.Request) {
	if err := form(w, r); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	p := x.frame.Page(r, "province", "house.province.title")
	if p.Reader.Role.Kind != role.Province {
		x.frame.Fail(w, r, absent)
		return
	}
	e, err := x.Office.Enrolment(r.Context())
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	client := r.PathValue("client")
	i := slices.IndexFunc(e.Waiting, func(a admin.Pending) bool { return a.Client == client })
	if i < 0 || !x.placed(e.Waiting[i].Facility, p.Reader.Role.ID) { // another province's is as one that is not there
		x.frame.Fail(w, r, admin.ErrApplicant)
		return
	}
	name := strings.Join(strings.Fields(r.PostForm.Get("name")), " ")
	if n := len([]rune(name)); n < 2 || n > 80 {
		x.answer(w, r, admin.ErrOperator)
		return
	}
	actor := name + " (portal " + p.Reader.Role.String() + ")"
	switch what := r.PathValue("what"); {
	case what == "approve" && p.Reader.Staff == (care.Staff{}):
		err = admin.ErrAccount
	case what == "approve" && admin.PersonOf(p.Reader.Name) == admin.PersonOf(e.Waiting[i].By):
		err = admin.ErrSamePerson
	case what == "approve":
		err = x.Office.Approve(r.Context(), actor, client)
	case what == "dismiss":
		err = x.Office.Dismiss(r.Context(), actor, client)
	default:
		err = absent
	}
	x.answer(w, r, err)
}

// measureName is what a target is of.
func measureName(p view.Page, id string) string {
	if w, ok := strings.CutPrefix(id, "word."); ok {
		return p.W.T("house.measure.word", wordTitle(p, score.Word(w)))
	}
	return p.W.T("house.measure." + id)
}

// aimText writes what a target is: a number, or a share.
func aimText(p view.Page, t house.Target) string {
	if standing.Share(t.ID) {
		return permille(p, int(t.Value))
	}
	return p.W.Num(t.Value)
}

// aimField is the same as the form reads it.
func aimField(t house.Target) string {
	if standing.Share(t.ID) {
		return strconv.FormatInt(t.Value/10, 10) + "." + strconv.FormatInt(t.Value%10, 10)
	}
	return strconv.FormatInt(t.Value, 10)
}

// nowText writes where a target stands.
func nowText(p view.Page, a standing.Aim) string {
	if standing.Share(a.ID) {
		return permille(p, a.Permille)
	}
	return p.W.Num(a.Now)
}
