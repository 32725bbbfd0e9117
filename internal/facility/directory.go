package facility

import (
	"slices"
	"sort"
	"time"

	"lienthong/internal/care"
)

// NewDirectory arranges contents for look-up. It keeps and never changes them.
func NewDirectory(c Contents) *Directory {
	d := &Directory{
		Epoch: c.Epoch, Anchors: c.Anchors, Units: c.Units,
		versions: make(map[care.FacilityCode][]Version),
		byID:     make(map[int64]Version, len(c.Versions)),
		certs:    make(map[care.FacilityCode][]Certificate),
		revoked:  make(map[[32]byte]time.Time),
		carriers: make(map[string][]Carrier),
		clients:  make(map[string]Client, len(c.Clients)),
		contents: c,
	}
	for _, v := range c.Versions {
		d.versions[v.Code] = append(d.versions[v.Code], v)
		d.byID[v.ID] = v
	}
	for code, v := range d.versions {
		sort.Slice(v, func(i, j int) bool {
			if !v[i].From.Equal(v[j].From) {
				return v[i].From.Before(v[j].From)
			}
			return v[i].ID < v[j].ID
		})
		d.codes = append(d.codes, code)
	}
	slices.Sort(d.codes)
	for _, x := range c.Certificates {
		d.certs[x.Facility] = append(d.certs[x.Facility], x)
		if !x.Revoked.IsZero() {
			d.revoked[x.Fingerprint] = x.Revoked
		}
	}
	for _, x := range c.Carriers {
		if !x.Ends() {
			d.grants = append(d.grants, x)
			continue
		}
		for i := range d.grants {
			g := &d.grants[i]
			if g.Client == x.Client && g.Facility == x.Facility && (g.To.IsZero() || g.To.After(x.From)) {
				g.To = x.From // before it began: it never holds
			}
		}
	}
	for _, x := range d.grants {
		d.carriers[x.Client] = append(d.carriers[x.Client], x)
	}
	for _, x := range c.Clients {
		d.clients[x.ID] = x
	}
	return d
}

// All returns the current version of every facility in order of code.
func (d *Directory) All() []Version {
	all := make([]Version, 0, len(d.codes))
	for _, code := range d.codes {
		v := d.versions[code]
		all = append(all, v[len(v)-1])
	}
	return all
}
