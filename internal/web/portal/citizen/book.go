package citizen

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	qrcode "github.com/skip2/go-qrcode"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/disclose"
	"lienthong/internal/dossier"
	"lienthong/internal/matter"
	"lienthong/internal/slip"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/chartview"
	"lienthong/internal/web/portal/view"
)

// mostRecords is how many records the book opens at once, the newest.
const mostRecords = 200

// book is what a person's records say.
type book struct {
	whom
	*chart.Chart
	Name, Birth string
	Opened      []*disclose.Opened
	Private     bool     // what is sensitive is among them
	Full        bool     // there may be older ones
	Locked      []string // visits that are closed, in words
	Notices     []matter.Notice
	Unseen      int
	Slips       []paperSlip
}

// paperSlip is a slip with the code a reception scans: its number, no person.
type paperSlip struct {
	chart.Slip
	Facility string
	QR       [][]bool
}

func entryOf(o *disclose.Opened) chart.Entry {
	return chart.Entry{ID: o.Record.ID, Kind: o.Record.Kind, Received: o.Record.Received, Version: o.Record.Version, State: o.Record.State(), Read: o.Read, View: o.View}
}

// read opens the book.
func (x *Room) read(r *http.Request, p *view.Page, private bool) (*book, error) {
	who, err := x.whose(r, p)
	if err != nil {
		return nil, err
	}
	opened, err := x.Book.Chart(r.Context(), reader(p, &who, private), store.PersonID(who.Person), mostRecords)
	if err != nil {
		return nil, err
	}
	if len(opened) == 0 {
		disclose.Nothing(r.Context())
	}
	return x.bookOf(who, private, opened), nil
}

// bookOf is what records say.
func (x *Room) bookOf(who whom, private bool, opened []*disclose.Opened) *book {
	b := &book{whom: who, Private: private, Opened: opened, Full: len(opened) >= mostRecords}
	entries := make([]chart.Entry, len(b.Opened))
	for i, o := range b.Opened {
		entries[i] = entryOf(o)
		if b.Name == "" {
			b.Name, b.Birth = properName(o.Read.Patient.Name), birth(o.Read.Patient.Birth)
		}
	}
	b.Chart = chart.Read(entries, x.Now())
	for _, s := range b.Chart.Slips {
		b.Slips = append(b.Slips, x.slip(s))
	}
	return b
}

func (x *Room) slip(s chart.Slip) paperSlip {
	out := paperSlip{Slip: s, Facility: x.name(s.From)}
	if s.Form == "referral" {
		if name := x.name(care.FacilityCode(s.To)); name != "" {
			out.Facility = name
		}
	}
	if s.State == slip.Issued && s.Number != "" {
		if q, err := qrcode.New(string(s.From)+"/"+s.Number, qrcode.Medium); err == nil {
			out.QR = q.Bitmap() // else the number alone is shown
		}
	}
	return out
}

// properName writes a name sent in capitals as people write it.
func properName(s string) string {
	words := strings.Fields(strings.ToLower(care.Clean(s)))
	for i, w := range words {
		runes := []rune(w)
		words[i] = strings.ToUpper(string(runes[:1])) + string(runes[1:])
	}
	return strings.Join(words, " ")
}

func birth(s string) string {
	m, err := care.ParseMoment(s)
	if err != nil || m.IsZero() {
		return ""
	}
	if m.Precision() < care.ByDay {
		return m.Time().In(clock.Hanoi).Format("2006")
	}
	return m.Time().In(clock.Hanoi).Format("02/01/2006")
}

// look is what the chart's parts ask of this page.
func (x *Room) lookOf(private bool) chartview.Look {
	root := "/me/records/"
	if private {
		root = "/me/private/"
	}
	return chartview.Look{Citizen: true, Facility: x.name, Link: func(s chart.Source) string {
		if s.Record.IsZero() {
			return ""
		}
		return root + s.Record.String()
	}}
}

func (x *Room) me(w http.ResponseWriter, r *http.Request)      { x.front(w, r, false) }
func (x *Room) private(w http.ResponseWriter, r *http.Request) { x.front(w, r, true) }

func (x *Room) front(w http.ResponseWriter, r *http.Request, private bool) {
	p := x.frame.Page(r, "me", "me.title")
	b, err := x.read(r, &p, private)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if b.Notices, err = x.Notices.Notices(r.Context(), store.PersonID(b.Self), 20); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	if b.Locked, err = x.locks(r, &p, b, nil); err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	for _, n := range b.Notices {
		if n.Seen.IsZero() {
			b.Unseen++
		}
	}
	x.frame.Show(w, r, http.StatusOK, frontPage(p, x, b))
}

func (x *Room) health(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "me.health")
	b, err := x.read(r, &p, false)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, healthPage(p, x, b))
}

func (x *Room) papers(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "papers", "me.papers")
	b, err := x.read(r, &p, false)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, papersPage(p, x, b))
}

// record shows one document in words.
func (x *Room) record(w http.ResponseWriter, r *http.Request) {
	p := x.frame.Page(r, "me", "me.record")
	who, err := x.whose(r, &p)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	id, err := dossier.ParseID(r.PathValue("id"))
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	private := strings.HasPrefix(r.URL.Path, "/me/private/")
	o, err := x.Book.Open(r.Context(), reader(&p, &who, private), id)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	locked, err := x.locks(r, &p, &book{whom: who, Chart: &chart.Chart{}}, &o.Record)
	if err != nil {
		x.frame.Fail(w, r, err)
		return
	}
	x.frame.Show(w, r, http.StatusOK, recordPage(p, x, o, private, locked))
}

// told is a notice as a sentence, and where it leads.
func (x *Room) told(p *view.Page, n *matter.Notice) (text, href string) {
	var d map[string]any
	if json.Unmarshal([]byte(n.Detail), &d) != nil {
		d = nil
	}
	str := func(key string) string { s, _ := d[key].(string); return s }
	place := x.name(care.FacilityCode(str("facility")))
	key := "me.notice." + n.Kind
	switch {
	case strings.HasPrefix(n.Kind, "opening."):
		href = "/me/looks"
	case strings.HasPrefix(n.Kind, "matter."):
		href = "/me/requests/" + str("number")
		if !strings.HasPrefix(str("number"), "VV-") {
			href = "/me/requests"
		}
		return p.W.T(key, str("number")), href
	case strings.HasPrefix(n.Kind, "consent."):
		href = "/me/choices"
	case strings.HasPrefix(n.Kind, "share."):
		href = "/me/share"
	}
	if !p.W.Has(key) {
		key = "me.notice.other"
	}
	if place == "" {
		place = p.W.T("me.notice.somewhere")
	}
	return p.W.T(key, place), href
}

func attrTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
