package clinic

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/identity"
	"lienthong/internal/ledger"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/chartview"
	"lienthong/internal/web/portal/view"
)

// ChartLimit is how many records one page is made of at most.
const ChartLimit = 200

// Entries are opened records as package chart reads them.
func Entries(opened []*disclose.Opened) []chart.Entry {
	out := make([]chart.Entry, len(opened))
	for i, o := range opened {
		out[i] = chart.Entry{ID: o.Record.ID, Kind: o.Record.Kind, Received: o.Record.Received, Version: o.Record.Version, State: o.Record.State(), Read: o.Read, View: o.View}
	}
	return out
}

// Patient is who the records speak of, by the newest that says so.
type Patient struct{ Name, Birth, Sex string }

// PatientOf finds them.
func PatientOf(opened []*disclose.Opened) (p Patient) {
	for _, o := range opened {
		said := o.Read.Patient
		if said.Name != "" {
			if m, err := care.ParseMoment(said.Birth); err == nil {
				if p.Birth = m.Time().Format("02/01/2006"); m.Precision() == care.ByYear {
					p.Birth = m.Time().Format("2006")
				}
			}
			p.Name, p.Sex = care.Clean(said.Name), said.Sex
			return p
		}
	}
	return p
}

// shown is the page of an opening.
type shown struct {
	consent.Opening
	Path    string
	Patient Patient
	Chart   *chart.Chart
	Look    chartview.Look
	Newest  *disclose.Opened // nil: nothing is there
	Own     int              // of the records shown
	Others  int
	Stated  bool               // the person states something themself
	Checked *identity.Verified // by the population register; nil: not yet
}

// used is the opening of the address, where it stands for who asks, with the page.
func (x *Room) used(r *http.Request, title string) (view.Page, *consent.Opening, error) {
	p, err := x.page(r, title)
	if err != nil {
		return p, nil, err
	}
	id, err := reading.ParseOpening(r.PathValue("opening"))
	if err != nil {
		return p, nil, err
	}
	o, err := x.Desk.Use(r.Context(), who(p), id)
	if err == nil && o.Basis == string(policy.BreakGlass) {
		err = store.ErrAbsent // an emergency has its own page
	}
	return p, o, err
}

// opening answers GET /openings/{opening}: the summary, then the details.
func (x *Room) opening(w http.ResponseWriter, r *http.Request) {
	p, o, err := x.used(r, "clinic.opening")
	var opened []*disclose.Opened
	if err == nil {
		opened, err = x.Records.Chart(r.Context(), reader(p, o), store.PersonID(o.Person), ChartLimit)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	s := shown{Opening: *o, Path: openingPath(o.ID), Patient: PatientOf(opened), Chart: chart.Read(Entries(opened), p.Now)}
	s.Look = x.look(p, s.Path)
	for _, one := range opened {
		if one.Record.ID.IsZero() {
			s.Stated = true
			continue // what the person states is nobody's record
		}
		if one.Record.ID.Facility == o.Facility {
			s.Own++
		} else {
			s.Others++
		}
		if s.Newest == nil || one.Record.Received.After(s.Newest.Record.Received) {
			s.Newest = one
		}
	}
	if x.Verified != nil && len(opened) > 0 {
		if s.Checked, err = x.Verified(r.Context(), store.PersonID(o.Person)); err != nil {
			x.frame.Fail(w, r, err)
			return
		}
	}
	x.frame.Show(w, r, http.StatusOK, openingPage(p, s))
}

// look names facilities, marks the reader's own, and leads to documents.
func (x *Room) look(p view.Page, path string) chartview.Look {
	own := p.Reader.Role.At()
	return chartview.Look{
		Facility: func(code care.FacilityCode) string {
			name := x.Facility(code)
			if name == "" {
				name = string(code)
			}
			if code == own {
				name = p.W.T("clinic.own", name)
			}
			return name
		},
		Link: func(s chart.Source) string {
			if s.Record.IsZero() { // the person's own word
				return ""
			}
			return path + "/records/" + s.Record.String()
		},
	}
}

// document is the page of one record under an opening.
type document struct {
	consent.Opening
	Path    string
	Record  store.Record
	Title   string
	Patient Patient
	Entry   chart.Entry
	Look    chartview.Look
	Own     bool
	Digest  string // of the receipt's body; "": its receipt is not this reader's
	QR      [][]bool
}

// document answers GET /openings/{opening}/records/{id}: one record in words, made
// to be printed too, with a code that leads to where its receipt is checked.
func (x *Room) document(w http.ResponseWriter, r *http.Request) {
	p, o, err := x.used(r, "clinic.document")
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		x.frame.Fail(w, r, store.ErrAbsent)
		return
	}
	one, err := x.Records.Open(r.Context(), reader(p, o), id)
	if err == nil && one.Record.Person != store.PersonID(o.Person) {
		err = store.ErrAbsent // an own record of somebody else
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	d := document{Opening: *o, Path: openingPath(o.ID), Record: one.Record, Title: p.W.Text(one.View.Title), Patient: PatientOf([]*disclose.Opened{one}),
		Entry: Entries([]*disclose.Opened{one})[0], Own: id.Facility == o.Facility}
	d.Look = x.look(p, d.Path)
	d.Look.Link = nil
	if raw, err := x.Records.Receipt(r.Context(), reader(p, o), id); err == nil {
		if doc, err := ledger.ParseDocument(raw); err == nil {
			sum := sha256.Sum256(doc.Body)
			d.Digest = hex.EncodeToString(sum[:])
			link := strings.TrimSuffix(x.PublicURL, "/") + "/check?" + url.Values{"record": {id.String()}, "digest": {d.Digest}}.Encode()
			if q, err := qrcode.New(link, qrcode.Medium); err == nil {
				d.QR = q.Bitmap()
			}
		}
	}
	x.frame.Show(w, r, http.StatusOK, documentPage(p, d))
}

// why answers GET /openings/{opening}/why: why can I see this?
func (x *Room) why(w http.ResponseWriter, r *http.Request) {
	p, o, err := x.used(r, "clinic.why")
	var list []Reason
	if err == nil && x.Why != nil {
		list, err = x.Why(r.Context(), o.ID)
	}
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, whyPage(p, shown{Opening: *o, Path: openingPath(o.ID), Look: x.look(p, openingPath(o.ID))}, list))
}
