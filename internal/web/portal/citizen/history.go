package citizen

import (
	"encoding/hex"
	"net/http"

	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// dated names closed visits by their day, from the citizen's own book, which is
// opened only where a visit is closed.
func (x *Room) dated(r *http.Request, p *view.Page, s *says) error {
	if len(s.Visits) == 0 {
		disclose.Nothing(r.Context())
		return nil
	}
	b, err := x.read(r, p, !p.Reader.SteppedUp.IsZero())
	if err != nil {
		return err
	}
	text := x.visitsOf(p, b)
	for i := range s.Visits {
		for _, v := range s.Visits[i].Scope.Visits {
			if t := text[v]; t != "" {
				s.Visits[i].Text += " (" + t + ")"
			}
		}
	}
	return nil
}

// visitsOf names the visits of a book: day, problem, place.
func (x *Room) visitsOf(p *view.Page, b *book) map[consent.Visit]string {
	episodes := map[string]consent.Visit{}
	for _, o := range b.Opened {
		episodes[o.Record.ID.String()] = consent.Visit{Facility: o.Record.ID.Facility, Episode: o.Record.Episode}
	}
	out := map[consent.Visit]string{}
	for i := range b.Visits {
		v := &b.Visits[i]
		for _, d := range v.Documents {
			if e, ok := episodes[d.Record.String()]; ok && out[e] == "" {
				out[e] = x.visitText(p, v)
			}
		}
	}
	return out
}

// locks are the closed visits of a book, in words, and those of one record alone
// where it is given.
func (x *Room) locks(r *http.Request, p *view.Page, b *book, one *store.Record) ([]string, error) {
	list, err := x.Choices.Said(r.Context(), b.Person)
	if err != nil {
		return nil, err
	}
	text := x.visitsOf(p, b)
	var out []string
	for i := range list {
		c := &list[i]
		if c.Effect != consent.Deny || c.State != consent.Active {
			continue
		}
		for _, v := range c.Scope.Visits {
			switch {
			case one != nil && v == (consent.Visit{Facility: one.ID.Facility, Episode: one.Episode}):
				out = append(out, x.shown(p, *c).Text)
			case one == nil && text[v] != "":
				out = append(out, text[v])
			}
		}
	}
	return out, nil
}

// history shows every version of a say.
func (x *Room) history(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "choices", "me.history")
	_, c, err := x.mine(r, &p, r.PathValue("say"))
	var list []consent.Consent
	if err == nil {
		list, err = x.Choices.History(r.Context(), c.ID)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s := x.shown(&p, *c)
	x.frame.Show(w, r, http.StatusOK, historyPage(p, &s, list))
}

// mark is the beginning of a say's id, as its receipt names it.
func (s *say) mark() string { return hex.EncodeToString(s.Consent.ID[:4]) }
