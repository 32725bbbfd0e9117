package his

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"lienthong/internal/chart"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/identity"
	"lienthong/internal/policy"
	"lienthong/internal/reading"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// chartLimit is how many records a summary is made of at most.
const chartLimit = 200

// Answer is the JSON of a summary.
type Answer struct {
	Format  string         `json:"format"` // "lienthong-his/1"
	Basis   string         `json:"basis"`  // "own_record" where nobody made one
	Opening string         `json:"opening,omitempty"`
	Until   *time.Time     `json:"until,omitempty"`
	Own     int            `json:"own_records"`
	Others  int            `json:"other_records"`
	Summary *chart.Summary `json:"summary"`
	Ways    []string       `json:"ways,omitempty"` // to make a basis, by POST /api/v1/his/openings
	// What the population register last said of the person; absent where nothing is shown.
	Verified *Verified `json:"verified,omitempty"`
	checked  *identity.Verified
	Patient  string `json:"patient"` // to be handed back there; 30 minutes
	Link     string `json:"link"`    // into the portal: once, 60 seconds
}

// Verified is what the population register last said of number, name and birth.
type Verified struct {
	Answer  string     `json:"answer"` // "match", "differs", "unknown", "cancelled", "replaced"; "not_asked"
	Differs []string   `json:"differs,omitempty"`
	At      *time.Time `json:"at,omitempty"`
}

func verified(v *identity.Verified) *Verified {
	if v == nil {
		return &Verified{Answer: "not_asked"}
	}
	at := v.At.UTC().Truncate(time.Second)
	return &Verified{v.Answer, v.Differs, &at}
}

// summary answers POST /api/v1/his/summary.
func (d *Door) summary(w http.ResponseWriter, r *http.Request) {
	c, _, err := d.admit(w, r)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	a, err := d.read(r, c)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if !wantsHTML(r) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(a) // who asked has gone
		return
	}
	v := View{Summary: a.Summary, Basis: a.Basis, Own: a.Own, Others: a.Others, Link: a.Link, Ways: a.Ways, Shown: a.Verified != nil || a.Own+a.Others > 0, Checked: a.checked, Now: d.d.Clock.Now(), At: c.Who.Facility}
	if a.Until != nil {
		v.Until = *a.Until
	}
	var b bytes.Buffer
	if err := d.d.Page(lang(r), v, strings.Contains(r.Header.Get("Accept"), "fragment")).Render(r.Context(), &b); err != nil {
		d.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'")
	_, _ = w.Write(b.Bytes()) // who asked has gone
}

func wantsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

func lang(r *http.Request) string {
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en") {
		return "en"
	}
	return "vi"
}

// read makes the summary under the best opening that stands, own records alone
// without one.
func (d *Door) read(r *http.Request, c caller) (*Answer, error) {
	ctx := r.Context()
	found, err := d.d.Desk.Find(ctx, c.Who, c.Identifier)
	if err != nil {
		return nil, err
	}
	a := &Answer{Format: "lienthong-his/1", Basis: string(policy.OwnRecord), Patient: found.Patient}
	reader := disclose.Reader{Role: role.Role{Kind: role.Clinician, ID: string(c.Who.Facility)}, Name: "his:" + c.Client, Route: "POST " + SummaryPath, Staff: c.Who.Staff, Purpose: c.Purpose}
	next := "/patients"
	o, err := d.standing(ctx, c.Who, found.Person)
	if err != nil {
		return nil, err
	}
	if o != nil {
		until := o.Until.UTC()
		reader.Opening, reader.Purpose = o.ID, o.Purpose
		a.Basis, a.Opening, a.Until = o.Basis, hex.EncodeToString(o.ID[:]), &until
		next = "/openings/" + a.Opening
	} else {
		if a.Ways, err = d.ways(ctx); err != nil {
			return nil, err
		}
	}
	var opened []*disclose.Opened
	if found.Person == (store.PersonID{}) {
		disclose.Nothing(ctx)
	} else if opened, err = d.d.Records.Chart(ctx, reader, found.Person, chartLimit); err != nil {
		return nil, err
	}
	entries := make([]chart.Entry, len(opened))
	for i, x := range opened {
		entries[i] = chart.Entry{ID: x.Record.ID, Kind: x.Record.Kind, Received: x.Record.Received, Version: x.Record.Version, State: x.Record.State(), Read: x.Read, View: x.View}
		switch x.Record.ID.Facility {
		case "": // what the person states of themself: in the summary, and nobody's record
		case c.Who.Facility:
			a.Own++
		default:
			a.Others++
		}
	}
	now := d.d.Clock.Now()
	a.Summary = chart.MakeSummary(entries, now)
	if d.d.Verified != nil && len(entries) > 0 {
		v, err := d.d.Verified(ctx, found.Person)
		if err != nil {
			return nil, err
		}
		a.checked, a.Verified = v, verified(v)
	}
	token, err := d.d.Links.Put(ctx, c.Who.Facility, c.Who.Staff, next, now.Add(LinkLife))
	if err != nil {
		return nil, err
	}
	a.Link = d.base(r) + LinkPath + token
	return a, nil
}

// ways are those by which a basis can be made here.
func (d *Door) ways(ctx context.Context) ([]string, error) {
	w, err := d.d.Desk.Ways(ctx)
	if err != nil {
		return nil, err
	}
	out := []string{"referral"}
	for _, x := range []struct {
		name string
		has  bool
	}{{"presence", w.QR}, {"chip", w.Chip}, {"code", w.Code}, {"consent", w.Consent}} {
		if x.has {
			out = append(out, x.name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// standing is the opening of a person that this clinician may use now; nil for none.
// One that serves everybody who treats there goes before the clinician's own.
func (d *Door) standing(ctx context.Context, who reading.Who, person store.PersonID) (*consent.Opening, error) {
	if person == (store.PersonID{}) {
		return nil, nil
	}
	list, err := d.d.Desk.Mine(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, basis := range []policy.Basis{policy.Presence, policy.ByReferral, policy.ByConsent} {
		for i := range list {
			if store.PersonID(list[i].Person) != person || list[i].Basis != string(basis) {
				continue
			}
			o, err := d.d.Desk.Use(ctx, who, list[i].ID)
			if errors.Is(err, store.ErrAbsent) {
				continue
			}
			return o, err
		}
	}
	return nil, nil
}
