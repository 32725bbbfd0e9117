package citizen

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal/view"
)

// option is a visit that can be closed.
type option struct {
	Record string // whose visit it is
	Text   string
	Closed bool
}

// draft is a choice being made.
type draft struct {
	whom
	What    string // "visit", "place", "kind", "permit", "emergency"
	Visit   string
	Place   string
	Kind    string
	Days    string
	Also    bool // in an emergency too
	Try     string
	Visits  []option
	Kinds   []string
	Say     *say
	Trial   *trial
	Wider   bool
	Problem string
	Form    string
}

func (x *Room) newChoice(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices.new")
	d := &draft{What: cmp.Or(r.URL.Query().Get("what"), "visit")}
	if err := x.options(r, &p, d); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, newChoicePage(p, d))
}

// options lists the visits and kinds that can be closed: the citizen's own book.
func (x *Room) options(r *http.Request, p *view.Page, d *draft) error {
	private := !p.Reader.SteppedUp.IsZero()
	b, err := x.read(r, p, private)
	if err != nil {
		return err
	}
	d.whom = b.whom
	for _, v := range b.Visits {
		if len(v.Documents) == 0 {
			continue
		}
		d.Visits = append(d.Visits, option{Record: v.Documents[0].Record.String(), Text: x.visitText(p, &v)})
	}
	for _, o := range b.Opened {
		if !o.Record.ID.IsZero() && !slices.Contains(d.Kinds, o.Record.Kind) {
			d.Kinds = append(d.Kinds, o.Record.Kind)
		}
	}
	slices.Sort(d.Kinds)
	return nil
}

func (x *Room) visitText(p *view.Page, v *chart.Visit) string {
	parts := []string{}
	if !v.From.IsZero() {
		parts = append(parts, v.From.Time().In(clock.Hanoi).Format("02/01/2006"))
	}
	if s := cmp.Or(v.Diagnosis, p.W.Text(v.TypeText)); s != "" {
		parts = append(parts, s)
	}
	return strings.Join(append(parts, x.name(v.Facility)), ", ")
}

// draftOf reads the form into a say. visits must be the citizen's own.
func (x *Room) draftOf(r *http.Request, p *view.Page) (*draft, consent.Consent, error) {
	d := &draft{What: field(r, "what", 20), Visit: field(r, "visit", 60), Place: field(r, "place", 120), Kind: field(r, "kind", 40), Days: field(r, "days", 4),
		Also: field(r, "also", 5) == "yes", Try: field(r, "try", 120)}
	c := consent.Consent{Effect: consent.Deny, Emergency: d.Also}
	who, err := x.whose(r, p)
	if err != nil {
		return d, c, err
	}
	d.whom, c.Person = who, who.Person
	switch d.What {
	case "visit":
		v, err := x.visitOf(r, p, &who, d.Visit)
		if err != nil {
			return d, c, err
		}
		c.Scope.Visits = []consent.Visit{v}
	case "place", "permit":
		code, err := x.place(d.Place)
		if err != nil {
			return d, c, err
		}
		d.Place, c.Scope.Readers = string(code), []care.FacilityCode{code}
		if d.What == "permit" {
			days := map[string]int{"1": 1, "7": 7, "30": 30, "365": choiceDays}[d.Days]
			if days == 0 {
				return d, c, errChoice
			}
			c.Effect, c.Purpose, c.Emergency, c.Until = consent.Permit, consent.Treatment, false, x.Now().AddDate(0, 0, days)
		}
	case "kind":
		if d.Kind == "" || !p.W.Has("kind."+d.Kind) {
			return d, c, errChoice
		}
		c.Scope.Kinds = []string{d.Kind}
	case "emergency":
		c.Emergency = true
	case "research":
		c.Effect, c.Purpose, c.Emergency = consent.Permit, consent.Research, false
	default:
		return d, c, errChoice
	}
	d.Wider = c.Effect == consent.Permit
	return d, c, nil
}

// visitOf names the visit that one of the citizen's records is of.
func (x *Room) visitOf(r *http.Request, p *view.Page, who *whom, record string) (consent.Visit, error) {
	id, err := dossier.ParseID(record)
	if err != nil {
		return consent.Visit{}, errChoice
	}
	o, err := x.Book.Open(r.Context(), reader(p, who, true), id)
	if err != nil {
		return consent.Visit{}, err
	}
	if o.Record.Episode == (vault.Keyed{}) {
		return consent.Visit{}, errChoice
	}
	return consent.Visit{Facility: id.Facility, Episode: o.Record.Episode}, nil
}

// preview shows what would hold and what it means, by an example.
func (x *Room) preview(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.choices.new")
	d, c, err := x.draftOf(r, &p)
	d.Form = rand.Text()
	if err == nil {
		s := x.shown(&p, c)
		d.Say = &s
		code := cmp.Or(d.Try, d.Place)
		if code != "" {
			d.Trial, err = x.try(r.Context(), d.Person, code, []consent.Consent{holding(c, x.Now())})
		}
	}
	if err != nil {
		d.Problem = p.W.Text(fault.Of(err).Text)
		if fault.KindOf(err) == fault.Broken {
			x.frame.Fail(w, r, err)
			return
		}
	}
	x.frame.Show(w, r, http.StatusOK, previewPage(p, d))
}

// holding is a say as if it were in force, for the simulator.
func holding(c consent.Consent, now time.Time) consent.Consent {
	c.ID = consent.ID{0xff}
	c.Version, c.State, c.Since, c.Signer = 1, consent.Active, now, consent.Self
	return c
}
