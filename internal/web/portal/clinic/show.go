package clinic

import (
	"encoding/hex"
	"strings"

	"lienthong/internal/chart"
	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/policy"
	"lienthong/internal/web/portal/view"
)

// parts of the page of an opening, in order.
var parts = [...]string{"summary", "timeline", "medicines", "results", "slips", "facts"}

type namedFact struct {
	kind string
	fact chart.Fact
}

// factsOf are the facts that the summary does not show.
func factsOf(c *chart.Chart) []namedFact {
	return []namedFact{{"implants", c.Implants}, {"pregnancy", c.Pregnancy}, {"contacts", c.Contacts}, {"vaccinations", c.Vaccinations}}
}

// born writes birth and sex, "" where nothing is known.
func born(p view.Page, who Patient) string {
	var said []string
	if who.Birth != "" {
		said = append(said, who.Birth)
	}
	if p.W.Has("sex." + who.Sex) {
		said = append(said, p.W.T("sex."+who.Sex))
	}
	if len(said) == 0 {
		return ""
	}
	return strings.Join(said, ", ") + " · "
}

// checked says what the population register said of who this is.
func checked(p view.Page, v *identity.Verified) string {
	if v == nil {
		return p.W.T("clinic.verified.none")
	}
	var differs []string
	for _, what := range v.Differs {
		differs = append(differs, p.W.T("clinic.differs."+what))
	}
	return p.W.T("clinic.verified."+v.Answer, p.W.Date(v.At), strings.Join(differs, ", "))
}

// pathOf is the page of an opening; an emergency has one of its own.
func pathOf(o consent.Opening) string {
	if o.Basis == string(policy.BreakGlass) {
		return "/emergency/set/" + hex.EncodeToString(o.ID[:])
	}
	return openingPath(o.ID)
}

// kindName names a kind of record, its code where there is no name.
func kindName(p view.Page, kind string) string {
	if p.W.Has("kind." + kind) {
		return p.W.T("kind." + kind)
	}
	return kind
}
