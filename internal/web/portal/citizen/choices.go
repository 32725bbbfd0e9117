package citizen

import (
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

var (
	errChoice = fault.New(fault.Invalid, "choice.form", "Chọn bạn muốn đóng hay mở điều gì.", "Choose what you want to close or open.")
	errPlace  = fault.New(fault.Invalid, "choice.facility", "Không có cơ sở nào mang tên hoặc mã này.", "There is no facility with this name or code.")
	errWider  = fault.New(fault.Withheld, "choice.wider", "Việc này mở thêm quyền xem. Xác nhận lại bạn là ai trước khi lưu.", "This opens more. Prove again who you are before it is saved.")
)

// choiceDays is how long a permission lasts that names no day.
const choiceDays = 365

// says are a person's says, sorted by what they are.
type says struct {
	whom
	Visits    []say // closed visits
	Places    []say // closed facilities
	Kinds     []say // closed kinds
	Emergency *say  // closed in an emergency too
	Research  *say  // research may use the book
	Permits   []say
	Asked     []say // waiting for an answer
	Past      []say
	Of, To    []consent.Delegation
	Sentence  string
	Since     time.Time
	Last      string // id of the last say that has a receipt
	Try       *trial
	Facility  string // of the trial, as typed
	Problem   string
}

// say is one say as it is shown.
type say struct {
	consent.Consent
	ID   string
	Text string
}

func (x *Room) choices(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices")
	s, err := x.says(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if err := x.dated(r, &p, s); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if code := strings.TrimSpace(r.URL.Query().Get("try")); code != "" {
		s.Facility = code
		if s.Try, err = x.try(r.Context(), s.Person, code, nil); err != nil {
			s.Problem = p.W.Text(fault.Of(err).Text)
		}
	}
	x.frame.Show(w, r, http.StatusOK, choicesPage(p, x, s))
}

func (x *Room) says(r *http.Request, p *view.Page) (*says, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return nil, err
	}
	s := &says{whom: who}
	list, err := x.Choices.Said(r.Context(), who.Person)
	if err != nil {
		return nil, err
	}
	if s.Of, s.To, err = x.Choices.Delegations(r.Context(), who.Person); err != nil {
		return nil, err
	}
	for i := range list {
		s.sort(x.shown(p, list[i]))
	}
	s.Sentence = x.sentence(p, s)
	return s, nil
}

func (s *says) sort(c say) {
	holds := c.State == consent.Active || c.State == consent.Granted
	if holds && c.Decided.After(s.Since) {
		s.Since, s.Last = c.Decided, c.ID
	}
	switch {
	case c.State == consent.Requested || c.State == consent.Shown:
		s.Asked = append(s.Asked, c)
	case !holds:
		s.Past = append(s.Past, c)
	case c.Effect == consent.Permit && c.Purpose == consent.Research && everything(&c.Scope):
		s.Research = &c
	case c.Effect == consent.Permit:
		s.Permits = append(s.Permits, c)
	case everything(&c.Scope) && c.Consent.Emergency:
		s.Emergency = &c
	case len(c.Scope.Visits) > 0:
		s.Visits = append(s.Visits, c)
	case len(c.Scope.Kinds) > 0:
		s.Kinds = append(s.Kinds, c)
	default:
		s.Places = append(s.Places, c)
	}
}

func everything(s *consent.Scope) bool {
	return len(s.Readers)+len(s.Authors)+len(s.Kinds)+len(s.Visits) == 0 && s.From.IsZero() && s.To.IsZero() && s.Classes == 0
}

// sentence is what holds now, in one sentence and one more on emergencies.
func (x *Room) sentence(p *view.Page, s *says) string {
	var but []string
	if n := len(s.Visits); n > 0 {
		but = append(but, p.W.T("me.now.visits", n))
	}
	if n := len(s.Kinds); n > 0 {
		but = append(but, p.W.T("me.now.kinds", n))
	}
	first := p.W.T("me.now.open")
	if len(but) > 0 {
		first = p.W.T("me.now.but", strings.Join(but, ", "))
	}
	if n := len(s.Places); n > 0 {
		first += " " + p.W.T("me.now.places", n)
	}
	if s.Emergency != nil {
		return first + " " + p.W.T("me.now.noemergency")
	}
	return first + " " + p.W.T("me.now.emergency")
}

// shown writes a say in words.
func (x *Room) shown(p *view.Page, c consent.Consent) say {
	out := say{Consent: c, ID: hex.EncodeToString(c.ID[:])}
	key := "me.say." + string(c.Effect)
	var about []string
	for _, v := range c.Scope.Visits {
		about = append(about, p.W.T("me.say.visit", x.name(v.Facility)))
	}
	for _, k := range c.Scope.Kinds {
		about = append(about, kindWord(p, k))
	}
	for _, a := range c.Scope.Authors {
		about = append(about, p.W.T("me.say.author", x.name(a)))
	}
	for _, name := range c.Scope.Classes.Names() {
		about = append(about, p.W.T("me.class."+name))
	}
	if len(about) == 0 {
		about = []string{p.W.T("me.say.all")}
	}
	var readers []string
	for _, code := range c.Scope.Readers {
		readers = append(readers, x.name(code))
	}
	if len(readers) == 0 {
		readers = []string{p.W.T("me.say.everyone")}
	}
	out.Text = p.W.T(key, strings.Join(about, ", "), strings.Join(readers, ", "))
	if c.Effect == consent.Permit && c.Purpose != "" && c.Purpose != consent.Treatment {
		out.Text += " " + p.W.T("me.say.for", p.W.T("me.purpose."+string(c.Purpose)))
	}
	if c.Effect == consent.Deny && c.Emergency {
		out.Text += " " + p.W.T("me.say.emergency")
	}
	return out
}

func kindWord(p *view.Page, kind string) string {
	if p.W.Has("kind." + kind) {
		return p.W.T("kind." + kind)
	}
	return kind
}

// closing keeps a denial; opening keeps a permission, after a second factor.
func (x *Room) closing(w http.ResponseWriter, r *http.Request) { x.keep(w, r, false) }
func (x *Room) opening(w http.ResponseWriter, r *http.Request) { x.keep(w, r, true) }

func (x *Room) keep(w http.ResponseWriter, r *http.Request, wider bool) {
	p := x.frame.Page(r, "choices", "me.choices")
	d, c, err := x.draftOf(r, &p)
	if err == nil && d.Wider && !wider {
		err = errWider
	}
	if err == nil {
		who := by(&p, &d.whom)
		who.Form = field(r, "form", 60)
		_, err = x.Choices.Say(r.Context(), who, c)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/choices")
}

func sayID(text string) (consent.ID, error) {
	var id consent.ID
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, store.ErrAbsent
	}
	copy(id[:], b)
	return id, nil
}

// mine finds a say of the person whose book is open.
func (x *Room) mine(r *http.Request, p *view.Page, text string) (whom, *consent.Consent, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return who, nil, err
	}
	id, err := sayID(text)
	if err != nil {
		return who, nil, err
	}
	list, err := x.Choices.Said(r.Context(), who.Person)
	if err != nil {
		return who, nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return who, &list[i], nil
		}
	}
	return who, nil, store.ErrAbsent
}

// endChoice takes a denial back, which opens more.
func (x *Room) endChoice(w http.ResponseWriter, r *http.Request) { x.end(w, r, consent.Deny) }

// withdraw takes a permission back: it needs no second factor, as it closes.
func (x *Room) withdraw(w http.ResponseWriter, r *http.Request) { x.end(w, r, consent.Permit) }

func (x *Room) end(w http.ResponseWriter, r *http.Request, effect consent.Effect) {
	p := x.frame.Page(r, "choices", "me.choices")
	who, c, err := x.mine(r, &p, field(r, "say", 32))
	if err == nil && c.Effect != effect {
		err = store.ErrAbsent
	}
	if err == nil {
		_, err = x.Choices.End(r.Context(), by(&p, &who), c.ID)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/choices")
}

// question shows what a facility asks for.
func (x *Room) question(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices.asked")
	who, c, err := x.mine(r, &p, r.PathValue("say"))
	if err == nil && c.State != consent.Requested && c.State != consent.Shown {
		err = store.ErrAbsent
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	d := &draft{whom: who}
	s := x.shown(&p, *c)
	d.Say = &s
	if len(c.Scope.Readers) > 0 {
		if d.Trial, err = x.try(r.Context(), who.Person, string(c.Scope.Readers[0]), []consent.Consent{holding(*c, x.Now())}); err != nil {
			d.Trial = nil // the question is answered without an example
		}
	}
	x.frame.Show(w, r, http.StatusOK, questionPage(p, x, d))
}

func (x *Room) answer(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices.asked")
	who, c, err := x.mine(r, &p, r.PathValue("say"))
	say := field(r, "answer", 10)
	if err == nil && say != "grant" && say != "refuse" {
		err = errChoice
	}
	if err == nil {
		_, err = x.Choices.Answer(r.Context(), by(&p, &who), c.ID, say == "grant")
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/choices")
}

// choiceReceipt gives the signed receipt of a say, to keep and to check elsewhere.
func (x *Room) choiceReceipt(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices")
	_, c, err := x.mine(r, &p, r.PathValue("say"))
	if err == nil && len(c.Receipt) == 0 {
		err = store.ErrAbsent
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	send(w, "application/jose", "bien-nhan-"+hex.EncodeToString(c.ID[:4])+".jws", c.Receipt)
}

func (x *Room) endDelegation(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices")
	who, err := x.whose(r, &p)
	if err == nil {
		var id consent.ID
		if id, err = sayID(field(r, "delegation", 32)); err == nil {
			err = x.Choices.EndDelegation(r.Context(), by(&p, &who), id)
		}
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/me/choices")
}

// send gives bytes to download.
func send(w http.ResponseWriter, kind, name string, data []byte) {
	attach(w, kind, name)
	_, _ = w.Write(data) // the reader is gone: nobody to tell
}

// attach names the file that follows.
func attach(w http.ResponseWriter, kind, name string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
}
