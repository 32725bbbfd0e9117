package citizen

import (
	"context"
	"encoding/hex"
	"net/http"

	"lienthong/internal/care"
	"lienthong/internal/consent"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/citizen/scan"
	"lienthong/internal/web/portal/view"
)

var (
	errCard  = fault.New(fault.Invalid, "counter.card", "Không đọc được mã trên thẻ. Quét lại mã QR của căn cước.", "The card's code cannot be read. Scan the QR code of the identity card again.")
	errSight = fault.New(fault.Invalid, "counter.sight", "Xác nhận người đứng trước quầy đúng là người trên thẻ.", "Confirm that the person at the counter is the one on the card.")
)

// Clerk is who serves.
type Clerk struct {
	At    care.FacilityCode
	Staff care.Staff
	Mark  string
}

// Assist serves people at a counter, in their presence.
type Assist interface {
	// Begin finds the person of an identity card as scanned and keeps that they
	// stand here. Faults: a person nobody knows (absent), too many within an hour.
	Begin(ctx context.Context, c Clerk, card string) (consent.OpeningID, error)
	// Visit returns one that stands, of the clerk's facility; store.ErrAbsent.
	Visit(ctx context.Context, c Clerk, id consent.OpeningID) (*consent.Opening, error)
	End(ctx context.Context, c Clerk, id consent.OpeningID) error
	// Paper keeps a signed paper sealed and returns its SHA-256.
	Paper(ctx context.Context, c Clerk, person care.Person, kind string, data []byte) ([32]byte, error)
	// SendCode sends a code, to who stands there or acts for them, that confirms
	// just what says tells and about names; Told checks the code as read out and
	// returns what proves it. Faults: nobody to send to, too many, a wrong code.
	SendCode(ctx context.Context, c Clerk, v *consent.Opening, to care.Person, about string, says fault.Text) (ticket string, err error)
	Told(ctx context.Context, c Clerk, v *consent.Opening, to care.Person, about, ticket, code string) ([32]byte, error)
}

// visit is somebody who stands at the counter.
type visit struct {
	ID      string
	Opening *consent.Opening
	Says    *says
	Kinds   []string
	Looks   *looksOf
	Problem string
	People  []consent.Delegation // who may act for this person now
	Asked   *saying              // a say whose code was sent
}

func clerk(p *view.Page) Clerk {
	return Clerk{At: p.Reader.Role.At(), Staff: p.Reader.Staff, Mark: p.Reader.Mark}
}

func (x *Room) counter(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.title")
	if x.Assist == nil {
		x.frame.Fail(w, r, store.ErrAbsent)
		return
	}
	x.frame.Show(w, r, http.StatusOK, counterPage(p, ""))
}

func (x *Room) identify(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.title")
	if x.Assist == nil {
		x.frame.Fail(w, r, store.ErrAbsent)
		return
	}
	card, err := field(r, "card", 600), error(nil)
	switch {
	case card == "":
		err = errCard
	case field(r, "sight", 5) != "yes":
		err = errSight
	}
	var id consent.OpeningID
	if err == nil {
		id, err = x.Assist.Begin(r.Context(), clerk(&p), card)
	}
	switch f := fault.Of(err); {
	case err == nil:
		x.frame.See(w, r, "/counter/"+hex.EncodeToString(id[:]))
	case f.Kind == fault.Broken:
		x.frame.Fail(w, r, err)
	default:
		x.frame.Show(w, r, http.StatusOK, counterPage(p, p.W.Text(f.Text)))
	}
}

// stands finds who stands at the counter.
func (x *Room) stands(r *http.Request, p *view.Page) (*visit, error) {
	if x.Assist == nil {
		return nil, store.ErrAbsent
	}
	id, err := sayID(r.PathValue("visit"))
	if err != nil {
		return nil, err
	}
	v := &visit{ID: r.PathValue("visit")}
	v.Opening, err = x.Assist.Visit(r.Context(), clerk(p), consent.OpeningID(id))
	return v, err
}

// Paper takes a signed paper that is posted beside a form, keeps it, and says who
// stands at the counter with it; for rooms beside these.
func (x *Room) Paper(r *http.Request, p *view.Page) (By, error) {
	v, err := x.stands(r, p)
	if err != nil {
		return By{}, err
	}
	kind, data, err := scan.Paper(r)
	if err != nil {
		return By{}, err
	}
	c := clerk(p)
	by := By{Person: v.Opening.Person, Self: v.Opening.Person, Actor: "counter:" + string(c.At) + " " + c.Mark, Channel: "counter_paper", Staff: c.Staff, At: c.At}
	by.Proof, err = x.Assist.Paper(r.Context(), c, by.Person, kind, data)
	return by, err
}

// Stands says whether somebody stands at the counter, of this visit.
func (x *Room) Stands(r *http.Request, p *view.Page) error {
	_, err := x.stands(r, p)
	return err
}

func (x *Room) counterVisit(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.visit")
	v, err := x.stands(r, &p)
	if err == nil {
		err = x.atCounter(r, &p, v)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, visitPage(p, v))
}

// atCounter fills in what the person said; no record is listed or opened.
func (x *Room) atCounter(r *http.Request, p *view.Page, v *visit) error {
	list, err := x.Choices.Said(r.Context(), v.Opening.Person)
	if err != nil {
		return err
	}
	v.Says = &says{whom: whom{Person: v.Opening.Person}}
	for i := range list {
		v.Says.sort(x.shown(p, list[i]))
	}
	v.Says.Sentence = x.sentence(p, v.Says)
	of, _, err := x.Choices.Delegations(r.Context(), v.Opening.Person)
	if err != nil {
		return err
	}
	for i := range of {
		if acts(&of[i], x.Now()) {
			v.People = append(v.People, of[i])
		}
	}
	return nil
}

func (x *Room) counterLooks(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.looks")
	v, err := x.stands(r, &p)
	if err == nil {
		v.Looks, err = x.looksOf(r.Context(), &p, &whom{Person: v.Opening.Person}, map[string][]string{"all": {"1"}})
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, counterLooksPage(p, v))
}

func (x *Room) counterReceipt(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.visit")
	v, err := x.stands(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	list, err := x.Choices.Said(r.Context(), v.Opening.Person)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	for i := range list {
		if hex.EncodeToString(list[i].ID[:]) == r.PathValue("say") && len(list[i].Receipt) > 0 {
			send(w, "application/jose", "bien-nhan-"+hex.EncodeToString(list[i].ID[:4])+".jws", list[i].Receipt)
			return
		}
	}
	x.frame.Fail(w, r, store.ErrAbsent)
}

func (x *Room) counterEnd(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "counter", "counter.title")
	v, err := x.stands(r, &p)
	if err == nil {
		err = x.Assist.End(r.Context(), clerk(&p), v.Opening.ID)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.See(w, r, "/counter")
}
