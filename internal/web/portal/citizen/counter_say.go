package citizen

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/web/portal/citizen/scan"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

var (
	errBoth  = fault.New(fault.Invalid, "counter.both", "Từ 7 đến dưới 18 tuổi cần cả hai cùng ký trên phiếu giấy.", "From 7 to under 18 both sign, on paper.")
	errBirth = fault.New(fault.Invalid, "counter.birth", "Ghi ngày sinh của trẻ theo giấy tờ: ngày, tháng, năm.", "Write the child's birth date as on the paper: day, month, year.")
	errKin   = fault.New(fault.Invalid, "counter.kin", "Chọn loại đại diện.", "Choose how this person acts.")
)

// saying is what somebody at the counter wants to be kept, as its form says it.
type saying struct {
	What, Place, Say, Answer, With, Also string
	Form                                 string // random, one for each form
	Ticket                               string // of the code that was sent
	Text                                 string // in words
	Code                                 string // as read out

	draft consent.Consent
	id    consent.ID // of the say to end or to answer
	by    *consent.Delegation
	wrong error
}

// about names exactly what is said: a code confirms this and nothing else.
func (s *saying) about() string {
	return url.Values{"what": {s.What}, "place": {s.Place}, "say": {s.Say}, "answer": {s.Answer}, "with": {s.With}, "also": {s.Also}, "form": {s.Form}}.Encode()
}

// signer is who says it: the person, or who acts for them.
func (s *saying) signer(v *visit) care.Person {
	if s.by != nil {
		return s.by.Delegate
	}
	return v.Opening.Person
}

// sayingOf reads the form into a say.
func (x *Room) sayingOf(r *http.Request, p *view.Page, v *visit) (*saying, error) {
	s := &saying{What: field(r, "what", 20), Place: field(r, "place", 120), Say: field(r, "say", 32), Answer: field(r, "answer", 10), With: field(r, "with", 32),
		Also: field(r, "also", 5), Form: field(r, "form", 60), Ticket: field(r, "ticket", 100), Code: field(r, "code", 20)}
	c := consent.Consent{Person: v.Opening.Person, Effect: consent.Deny, Emergency: s.Also == "yes"}
	switch s.What {
	case "place", "permit":
		code, err := x.place(s.Place)
		if err != nil {
			return s, err
		}
		s.Place, c.Scope.Readers = string(code), []care.FacilityCode{code}
		if s.What == "permit" {
			c.Effect, c.Purpose, c.Emergency, c.Until = consent.Permit, consent.Treatment, false, x.Now().AddDate(0, 0, choiceDays)
		}
	case "emergency":
		c.Emergency = true
	case "end", "answer":
		if s.What == "answer" && s.Answer != "grant" && s.Answer != "refuse" {
			return s, errChoice
		}
		if err := s.find(v); err != nil {
			return s, err
		}
	default:
		return s, errChoice
	}
	s.draft = c
	if s.With != "" {
		i := slices.IndexFunc(v.People, func(d consent.Delegation) bool { return hex.EncodeToString(d.ID[:]) == s.With })
		if i < 0 {
			return s, consent.ErrDelegation
		}
		s.by = &v.People[i]
	}
	s.Text = s.words(x, *p, v)
	return s, nil
}

// find looks up the say that is to end or to be answered.
func (s *saying) find(v *visit) error {
	id, err := sayID(s.Say)
	if err != nil {
		return errChoice
	}
	for _, list := range v.Says.lists() {
		for i := range list {
			if list[i].Consent.ID == id {
				s.id = id
				return nil
			}
		}
	}
	return errChoice
}

// lists are all that holds or waits.
func (s *says) lists() [][]say {
	return [][]say{s.Visits, s.Places, s.Kinds, s.Permits, s.Asked, s.alone()}
}

// alone is the say that closes everything in an emergency, as a list.
func (s *says) alone() []say {
	if s.Emergency == nil {
		return nil
	}
	return []say{*s.Emergency}
}

// words writes what is said, in the page's language.
func (s *saying) words(x *Room, p view.Page, v *visit) string {
	if s.id == (consent.ID{}) {
		return x.shown(&p, s.draft).Text
	}
	for _, list := range v.Says.lists() {
		for i := range list {
			if list[i].Consent.ID == s.id {
				return p.W.T("counter.about."+s.What+s.Answer, x.shown(&p, list[i].Consent).Text)
			}
		}
	}
	return ""
}

// toPhone is what is said in both languages.
func (s *saying) toPhone(x *Room, p view.Page, v *visit) (fault.Text, error) {
	all, err := words.Load()
	if err != nil {
		return fault.Text{}, err
	}
	vi, en := p, p
	vi.W, en.W = all.In("vi"), all.In("en")
	return fault.Text{VI: s.words(x, vi, v), EN: s.words(x, en, v)}, nil
}

// atDesk reads who stands there, what was said of them, and the form.
func (x *Room) atDesk(r *http.Request, p *view.Page) (*visit, *saying, error) {
	v, err := x.stands(r, p)
	if err == nil {
		err = x.atCounter(r, p, v)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err := x.sayingOf(r, p, v)
	if err != nil {
		s.wrong = err
	}
	return v, s, nil
}

// counterCode sends a code to the phone of who says it, and asks for it.
func (x *Room) counterCode(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, scan.Max+64<<10)
	p := x.frame.Page(r, "counter", "counter.visit")
	v, s, err := x.atDesk(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err = s.wrong; err == nil && s.by != nil && s.by.Kind == consent.Guardian7To18 {
		err = errBoth
	}
	if err == nil {
		s.Form = rand.Text()
		err = x.sendCode(r.Context(), &p, v, s)
	}
	if err != nil {
		x.wrongAt(w, r, &p, v, err)
		return
	}
	v.Asked = s
	x.frame.Show(w, r, http.StatusOK, codePage(p, v))
}

func (x *Room) sendCode(ctx context.Context, p *view.Page, v *visit, s *saying) error {
	text, err := s.toPhone(x, *p, v)
	if err != nil {
		return err
	}
	s.Ticket, err = x.Assist.SendCode(ctx, clerk(p), v.Opening, s.signer(v), s.about(), text)
	return err
}

// counterSay keeps what is said, by a signed paper or a code that was read out.
func (x *Room) counterSay(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, scan.Max+64<<10)
	p := x.frame.Page(r, "counter", "counter.visit")
	v, s, err := x.atDesk(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err = s.wrong; err == nil {
		err = x.keepAt(r, &p, v, s)
	}
	switch {
	case err == nil:
		x.frame.See(w, r, "/counter/"+v.ID)
	case s.Ticket != "" && fault.Of(err).Code == "counter.code":
		v.Problem, v.Asked = p.W.Text(fault.Of(err).Text), s
		x.frame.Show(w, r, http.StatusOK, codePage(p, v))
	default:
		x.wrongAt(w, r, &p, v, err)
	}
}

// wrongAt shows the page of who stands there again, with what went wrong.
func (x *Room) wrongAt(w http.ResponseWriter, r *http.Request, p *view.Page, v *visit, err error) {
	if fault.KindOf(err) == fault.Broken {
		x.frame.Fail(w, r, err)
		return
	}
	v.Problem = p.W.Text(fault.Of(err).Text)
	x.frame.Show(w, r, http.StatusOK, visitPage(*p, v))
}

func (x *Room) keepAt(r *http.Request, p *view.Page, v *visit, s *saying) error {
	by, err := x.provedAt(r, p, v, s)
	if err != nil {
		return err
	}
	switch s.What {
	case "end":
		_, err = x.Choices.End(r.Context(), by, s.id)
	case "answer":
		_, err = x.Choices.Answer(r.Context(), by, s.id, s.Answer == "grant")
	default:
		_, err = x.Choices.Say(r.Context(), by, s.draft)
	}
	return err
}

// provedAt checks the code or keeps the paper, and says who speaks.
func (x *Room) provedAt(r *http.Request, p *view.Page, v *visit, s *saying) (By, error) {
	c := clerk(p)
	by := By{Person: v.Opening.Person, Self: s.signer(v), Actor: "counter:" + string(c.At) + " " + c.Mark, Channel: "counter_paper", Staff: c.Staff, At: c.At, Form: s.Form}
	both := s.by != nil && s.by.Kind == consent.Guardian7To18
	if both {
		by.Signer = consent.Both
	}
	if s.Ticket != "" {
		if both {
			return by, errBoth
		}
		var err error
		by.Channel, by.StepUp = "counter_otp", x.Now()
		by.Proof, err = x.Assist.Told(r.Context(), c, v.Opening, by.Self, s.about(), s.Ticket, s.Code)
		return by, err
	}
	kind, data, err := scan.Paper(r)
	if err != nil {
		return by, err
	}
	by.Proof, err = x.Assist.Paper(r.Context(), c, v.Opening.Person, kind, data)
	return by, err
}

// counterPeople asks who is to act for the person at the counter.
func (x *Room) counterPeople(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.people")
	v, err := x.stands(r, &p)
	if err == nil {
		err = x.atCounter(r, &p, v)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, delegatePage(p, v, rand.Text()))
}

func (x *Room) counterDelegate(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, scan.Max+64<<10)
	p := x.frame.Page(r, "counter", "counter.people")
	v, err := x.stands(r, &p)
	if err == nil {
		err = x.atCounter(r, &p, v)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err = x.delegateAt(r, &p, v); err == nil {
		x.frame.See(w, r, "/counter/"+v.ID)
		return
	}
	if fault.KindOf(err) == fault.Broken {
		x.frame.Fail(w, r, err)
		return
	}
	v.Problem = p.W.Text(fault.Of(err).Text)
	x.frame.Show(w, r, http.StatusOK, delegatePage(p, v, cmp.Or(field(r, "form", 60), rand.Text())))
}

// delegateAt keeps who may act for the person at the counter: both stand there,
// with their cards, and the paper that shows it. Of a child whose birth date the
// hub does not know it is taken from that paper.
func (x *Room) delegateAt(r *http.Request, p *view.Page, v *visit) error {
	g := consent.Delegation{Kind: field(r, "kind", 20)}
	card := field(r, "card", 600)
	switch {
	case g.Kind != consent.GuardianUnder7 && g.Kind != consent.Guardian7To18 && g.Kind != consent.ProxyDelegation:
		return errKin
	case card == "":
		return errCard
	case field(r, "sight", 5) != "yes":
		return errSight
	}
	if g.Kind != consent.ProxyDelegation {
		born, err := bornOn(r.PostFormValue("birth"))
		if err != nil {
			return err
		}
		g.Until = consent.EndOf(g.Kind, born)
		if first := born.AddDate(7, 0, 0); !g.Until.After(x.Now()) || g.Kind == consent.Guardian7To18 && x.Now().Before(first) {
			return consent.ErrMinor
		}
	}
	kind, data, err := scan.Paper(r)
	if err != nil {
		return err
	}
	c := clerk(p)
	other, err := x.Assist.Begin(r.Context(), c, card)
	if err != nil {
		return err
	}
	beside, err := x.Assist.Visit(r.Context(), c, other)
	if err != nil {
		return err
	}
	if err := x.Assist.End(r.Context(), c, other); err != nil {
		return err
	}
	g.Delegate = beside.Person
	by := By{Person: v.Opening.Person, Self: v.Opening.Person, Actor: "counter:" + string(c.At) + " " + c.Mark, Channel: "counter_paper", Staff: c.Staff, At: c.At, Form: field(r, "form", 60)}
	if by.Proof, err = x.Assist.Paper(r.Context(), c, v.Opening.Person, kind, data); err != nil {
		return err
	}
	_, err = x.Choices.Delegate(r.Context(), by, g)
	return err
}

// bornOn reads a birth date as people write it (dd/mm/yyyy) or a browser does.
func bornOn(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, form := range []string{"2006-01-02", "02/01/2006", "2/1/2006"} {
		if t, err := time.ParseInLocation(form, text, clock.Hanoi); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errBirth
}
