package own

import (
	"strings"

	"lienthong/internal/chart"
	"lienthong/internal/web/portal/view"
)

// since says when a version was written and by whom.
func since(p view.Page, v *version) string {
	key := "own.by.self"
	switch {
	case v.Channel == "counter_paper":
		key = "own.by.counter"
	case v.Other:
		key = "own.by.other"
	}
	text := p.W.T(key, p.W.Time(v.At), v.Place)
	if v.Gone {
		text = p.W.T("own.gone", p.W.Time(v.At))
	}
	return text
}

// part is one part of an entry.
type part struct {
	Kind string
	Fact chart.Fact
}

// allOf are the parts in the order they are read.
func allOf(c *chart.Chart) []part {
	return []part{{"allergies", c.Allergies}, {"blood", c.Blood}, {"implants", c.Implants}, {"contacts", c.Contacts}}
}

// partsOf are those that are stated.
func partsOf(c *chart.Chart) []part {
	var out []part
	for _, x := range allOf(c) {
		if x.Fact.State != chart.Nothing {
			out = append(out, x)
		}
	}
	return out
}

func (x part) text(p view.Page) string {
	if x.Fact.State == chart.None {
		return p.W.T("own.state.none")
	}
	var all []string
	for _, i := range x.Fact.Items {
		all = append(all, i.Text)
	}
	return strings.Join(all, "; ")
}

// group writes a blood group for people.
func group(p view.Page, g string) string {
	switch {
	case strings.HasSuffix(g, "+"):
		return p.W.T("own.blood.pos", strings.TrimSuffix(g, "+"))
	case strings.HasSuffix(g, "-"):
		return p.W.T("own.blood.neg", strings.TrimSuffix(g, "-"))
	}
	return p.W.T("own.blood.abo", g)
}
