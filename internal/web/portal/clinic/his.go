package clinic

import (
	"time"

	"github.com/a-h/templ"

	"lienthong/internal/care"
	"lienthong/internal/chart"
	"lienthong/internal/clock"
	"lienthong/internal/identity"
	"lienthong/internal/web/portal/asset"
	"lienthong/internal/web/portal/chartview"
	"lienthong/internal/web/portal/view"
	"lienthong/internal/web/portal/words"
)

// Beside is the one-page summary as a facility's own system shows it beside its work.
type Beside struct {
	Summary *chart.Summary
	Basis   string // policy.Basis
	Until   time.Time
	Own     int
	Others  int
	Link    string // into the portal, once
	Ways    []string
	At      care.FacilityCode
	Shown   bool               // something of the person is
	Checked *identity.Verified // by the population register; nil: not yet
}

// Pages draws summaries outside the portal.
type Pages struct {
	words    *words.Catalogue
	assets   *asset.Set
	clock    clock.Clock
	facility func(care.FacilityCode) string
	demo     bool
}

// NewPages returns them.
func NewPages(clk clock.Clock, facility func(care.FacilityCode) string, demo bool) (*Pages, error) {
	w, err := words.Load()
	if err != nil {
		return nil, err
	}
	a, err := asset.Load()
	return &Pages{w, a, clk, facility, demo}, err
}

// Page draws one, whole or as a fragment for a page of the system's own.
func (x *Pages) Page(lang string, b Beside, fragment bool) templ.Component {
	w := x.words.In(lang)
	p := view.Page{W: w, Title: w.T("clinic.part.summary"), Path: "/", Theme: "light", Demo: x.demo, Now: x.clock.Now(), Asset: func(name string) string {
		if !x.assets.Has(name) {
			return ""
		}
		return x.assets.URL(name)
	}}
	look := chartview.Look{Facility: func(code care.FacilityCode) string {
		name := x.facility(code)
		if name == "" {
			name = string(code)
		}
		if code == b.At {
			name = w.T("clinic.own", name)
		}
		return name
	}}
	if fragment {
		return besideCard(p, b, look)
	}
	return besidePage(p, b, look)
}
