package account

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/session"
)

var (
	// ErrLevel (session.level): identity is not proved as strongly as this needs.
	ErrLevel = fault.New(fault.Withheld, "session.level",
		"Việc này cần tài khoản định danh mức 2. Làm thủ tục nâng mức tại công an xã, phường.", "This needs an identity account of level 2. It is raised at the commune's police.")
	// ErrOther (session.other_person): somebody else confirmed.
	ErrOther = fault.New(fault.Withheld, "session.other_person",
		"Người vừa xác nhận không phải người đang đăng nhập.", "Whoever confirmed is not who is logged in.")
	// ErrAsserted (session.asserted): nobody but a facility's system says who this is.
	ErrAsserted = fault.New(fault.Withheld, "session.asserted",
		"Phiên này do hệ thống của cơ sở mở thay nên không đặt được mã xác thực. Đăng nhập bằng định danh cá nhân rồi đặt.",
		"Your facility's system opened this session for you, so no second factor is set up in it. Log in as yourself, then set it up.")
	// ErrLink (session.link_only): a login link is of nobody in particular.
	ErrLink = fault.New(fault.Withheld, "session.link_only",
		"Phiên mở bằng đường dẫn không có người đứng tên nên không xác thực thêm được. Đăng nhập bằng danh tính cá nhân.",
		"A session opened by a link is nobody's in particular and has no second factor. Log in as yourself.")
)

// who is who sits at the browser: the portal let them in.
func (a *Room) who(r *http.Request) view.Reader {
	if page := a.frame.Page(r, "", "account.title"); page.Reader != nil {
		return *page.Reader
	}
	return view.Reader{}
}

// account shows who one is, in which role, and every session.
func (a *Room) account(w http.ResponseWriter, r *http.Request) {
	page := a.frame.Page(r, "", "account.title")
	me := a.who(r)
	v := accountView{Next: session.LocalPath(r.URL.Query().Get("next")), Choose: r.URL.Query().Has("choose"), Me: me}
	var err error
	if v.Sessions, err = a.Sessions.Own(r); err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	if v.IsStaff = me.Staff != (care.Staff{}); v.IsStaff {
		if v.Roles, err = a.People.Roles(r.Context(), me.Staff); err == nil {
			v.Factor, err = a.Factors.Factor(r.Context(), me.Staff)
		}
		if err == nil {
			v.Newest, err = a.newest(r.Context(), me.Staff)
		}
		if err != nil {
			a.frame.Fail(w, r, err)
			return
		}
	}
	v.IsCitizen = me.Person != (store.PersonID{})
	a.frame.Show(w, r, http.StatusOK, accountPage(page, v))
}

// newest is when a device not seen before came, in the last week; zero where none
// came beside the first.
func (a *Room) newest(ctx context.Context, id care.Staff) (time.Time, error) {
	at, n, err := a.People.NewestDevice(ctx, id)
	if err != nil || n < 2 || a.Now().Sub(at) > 7*24*time.Hour {
		return time.Time{}, err
	}
	return at, nil
}

// sit changes the role that somebody of several sits in. It is a new session:
// what was confirmed in one role does not hold in another.
func (a *Room) sit(w http.ResponseWriter, r *http.Request) {
	me := a.who(r)
	if me.Staff == (care.Staff{}) {
		a.frame.Fail(w, r, ErrLink)
		return
	}
	want, err := role.Parse(field(w, r, "role", 60))
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	roles, err := a.People.Roles(r.Context(), me.Staff)
	if err == nil && !slices.Contains(roles, want) {
		err = ErrRole
	}
	if err == nil {
		err = a.Sessions.Open(w, r, session.Entry{Role: want, Name: me.Name, Staff: me.Staff, Level: me.Level})
	}
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	a.on(w, r, field(w, r, "next", 500), want)
}

// end ends one of one's own sessions, or all others.
func (a *Room) end(w http.ResponseWriter, r *http.Request) {
	if err := a.Sessions.EndOwn(r, field(w, r, "session", 20)); err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	a.frame.See(w, r, "/account")
}

// stepUp asks for the second factor.
func (a *Room) stepUp(w http.ResponseWriter, r *http.Request) {
	a.ask(w, r, http.StatusOK, session.LocalPath(r.URL.Query().Get("next")), nil)
}

func (a *Room) ask(w http.ResponseWriter, r *http.Request, status int, next string, problem error) {
	me := a.who(r)
	v := stepView{Next: next}
	switch {
	case me.Staff != care.Staff{}:
		has, err := a.Factors.Factor(r.Context(), me.Staff)
		if err != nil {
			a.frame.Fail(w, r, err)
			return
		}
		v.Code, v.Missing = has, !has
	case me.Person != store.PersonID{}:
		v.Citizen = true
	default:
		a.frame.Fail(w, r, ErrLink)
		return
	}
	page := a.frame.Page(r, "", "account.step.title")
	page.Path = "/account/step-up?" + url.Values{"next": {next}}.Encode()
	if problem != nil {
		v.Problem = page.W.Text(fault.Of(problem).Text)
	}
	a.frame.Show(w, r, status, stepPage(page, v))
}

// check takes a code.
func (a *Room) check(w http.ResponseWriter, r *http.Request) {
	me, next := a.who(r), session.LocalPath(field(w, r, "next", 500))
	if me.Staff == (care.Staff{}) {
		a.frame.Fail(w, r, ErrLink)
		return
	}
	err := a.Factors.Check(r.Context(), me.Staff, field(w, r, "code", 20))
	if err == nil {
		err = a.Sessions.StepUp(r)
	}
	if wrong(err) {
		a.ask(w, r, http.StatusUnprocessableEntity, next, err)
		return
	}
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	a.on(w, r, next, me.Role)
}

// wrong reports whether a code was: the page says so and asks again.
func wrong(err error) bool {
	return err != nil && strings.HasPrefix(fault.Of(err).Code, "factor.")
}

// again leads a citizen to their provider to show anew who they are.
func (a *Room) again(w http.ResponseWriter, r *http.Request) {
	me := a.who(r)
	if me.Person == (store.PersonID{}) {
		a.frame.Fail(w, r, ErrLink)
		return
	}
	ways, err := a.Door.Ways(r.Context(), Citizens)
	if err == nil && len(ways) == 0 {
		err = errWay
	}
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	a.out(w, r, ways[0].ID, Ask{Next: session.LocalPath(r.URL.Query().Get("next")), Fresh: true, Session: me.Mark})
}

// stepped takes the provider's word that the same person is still there.
func (a *Room) stepped(w http.ResponseWriter, r *http.Request, came Came) error {
	me := a.who(r)
	if me.Mark != came.Ask.Session || came.For != Citizens {
		return session.ErrNone
	}
	person, err := a.People.Citizen(r.Context(), came)
	switch {
	case err != nil:
		return err
	case person != me.Person:
		return ErrOther
	case came.Level < 2:
		return ErrLevel
	}
	if err := a.Sessions.StepUp(r); err != nil {
		return err
	}
	a.on(w, r, came.Ask.Next, me.Role)
	return nil
}

// factor shows the QR code of a new second factor. Where one is in use already it
// must have been given lately: who finds an open browser changes nothing.
func (a *Room) factor(w http.ResponseWriter, r *http.Request) {
	a.seed(w, r, http.StatusOK, nil)
}

func (a *Room) mayChange(w http.ResponseWriter, r *http.Request) bool {
	me := a.who(r)
	if me.Staff == (care.Staff{}) {
		a.frame.Fail(w, r, ErrLink)
		return false
	}
	if me.Level == 0 { // by a HIS's link: a second factor it could set up itself would prove nothing
		a.frame.Fail(w, r, ErrAsserted)
		return false
	}
	has, err := a.Factors.Factor(r.Context(), me.Staff)
	if err != nil {
		a.frame.Fail(w, r, err)
		return false
	}
	if has && !session.Fresh(me.SteppedUp, a.Now(), session.StepUpLife) {
		a.frame.See(w, r, "/account/step-up?next=/account/factor")
		return false
	}
	return true
}

func (a *Room) seed(w http.ResponseWriter, r *http.Request, status int, problem error) {
	if !a.mayChange(w, r) {
		return
	}
	seed, address, err := a.Factors.Enrol(r.Context(), a.who(r).Staff)
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	png, err := qrcode.Encode(address, qrcode.Medium, 240)
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	page := a.frame.Page(r, "", "account.factor.title")
	page.Path = "/account/factor"
	v := factorView{Seed: spaced(seed), QR: "data:image/png;base64," + base64.StdEncoding.EncodeToString(png)}
	if problem != nil {
		v.Problem = page.W.Text(fault.Of(problem).Text)
	}
	a.frame.Show(w, r, status, factorPage(page, v))
}

// spaced breaks a seed into groups of four, to be typed.
func spaced(seed string) string {
	var b strings.Builder
	for i, c := range seed {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// confirm puts a new second factor in use.
func (a *Room) confirm(w http.ResponseWriter, r *http.Request) {
	if !a.mayChange(w, r) {
		return
	}
	err := a.Factors.Confirm(r.Context(), a.who(r).Staff, field(w, r, "code", 20))
	if err == nil {
		err = a.Sessions.StepUp(r)
	}
	if wrong(err) {
		a.seed(w, r, http.StatusUnprocessableEntity, err)
		return
	}
	if err != nil {
		a.frame.Fail(w, r, err)
		return
	}
	a.frame.See(w, r, "/account")
}
