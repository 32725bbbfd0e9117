package house

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/disclose/register"
	"lienthong/internal/facility"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/slip"
	"lienthong/internal/night"
	"lienthong/internal/quality"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/registry/shipped"
	"lienthong/internal/role"
	"lienthong/internal/schema"
	"lienthong/internal/steward"
	"lienthong/internal/store"
)

// openDatabases wires specialised databases: what they are, the making of their
// entries, and who reads them.
func (h *House) openDatabases(ctx context.Context, p Parts) error {
	taker, err := register.NewTaker(register.Deps{Records: p.Disclose.Records, Log: p.Disclose.Log, Vault: p.Vault, Codec: p.Disclose.Codec, Kinds: p.Disclose.Kinds,
		Policies: p.Disclose.Policies, Clock: p.Clock})
	if err != nil {
		return err
	}
	s := p.Slices.House
	others := &late{}
	h.Steward, err = steward.New(ctx, steward.Deps{Databases: s.Databases, Entries: s.Entries, Grants: s.Grants, Flow: s.Flow, Scores: s.Scores, Keys: p.Slices.Keys,
		Records: taker, Others: others, Vault: p.Vault, Directory: p.Directory, Clock: p.Clock, Logger: p.Logger},
		steward.Config{Holder: p.Holder, Tables: tables(), Unit: h.stands})
	if err != nil {
		return err
	}
	h.Entries, err = register.NewEntries(register.ReaderDeps{Live: h.Steward, Entries: s.Entries, Log: p.Disclose.Log, People: p.Slices.People, Vault: p.Vault,
		Scopes: func(scope role.Scope) []care.FacilityCode { return within(p.Directory(), scope) }, Clock: p.Clock, Logger: p.Logger})
	if err != nil {
		return err
	}
	others.Entries = h.Entries
	if p.Demo || p.Shipped {
		if err := takeShipped(ctx, h.Steward); err != nil {
			return err
		}
	}
	var waits patience
	h.Rounds = append(h.Rounds, Round{Every: time.Second, Failed: "entries of databases not made", Do: func(ctx context.Context) error {
		for {
			if waits.isFor(p) {
				return nil
			}
			more, err := h.Steward.Round(ctx)
			if err != nil || !more || ctx.Err() != nil {
				return err
			}
		}
	}}, Round{Every: time.Minute, Failed: "facilities not made entries", Do: h.Steward.Facilities})
	for i := range h.Jobs {
		if h.Jobs[i].ID == p.Grades.Recount().ID {
			h.Jobs[i] = p.Grades.WithEntries(h.Jobs[i], s.Entries)
		}
	}
	h.Jobs = append(h.Jobs, night.Job{ID: "databases.erased", Present: true, Run: func(ctx context.Context, _ int) (night.Report, error) {
		n, err := s.Entries.Left(ctx) // rounds wipe within seconds: it is 0
		return night.Report{Unequal: n}, err
	}})
	return nil
}

// stands reports whether a unit is at work today. While the hub is being put together
// nobody has read the units yet: the first look at databases after that tells.
func (h *House) stands(ctx context.Context, id string) (bool, error) {
	if h.Errands == nil {
		return true, nil
	}
	units, err := h.Errands.AllUnits(ctx)
	if err != nil {
		return false, err
	}
	_, err = units.Standing(id, h.Errands.Today())
	return err == nil, nil
}

// caller tells who makes a request.
func (p Parts) caller(r *http.Request) (role.Role, string, error) {
	c, err := p.Callers.Caller(r)
	return c.Role, c.Name, err
}

// late is the reader of other databases, which needs the steward to be made first.
type late struct{ *register.Entries }

// within are the facilities of a scope now.
func within(d *facility.Directory, scope role.Scope) []care.FacilityCode {
	var out []care.FacilityCode
	for _, code := range d.Codes() {
		v, ok := d.Current(code)
		if ok && (scope.Province == "" || v.Province == scope.Province) && (scope.Unit == "" || v.Unit == scope.Unit) && (scope.Facility == "" || v.Code == scope.Facility) {
			out = append(out, code)
		}
	}
	return out
}

// takeShipped takes the declarations that come with the program where there is none
// at all; what was declared since stands as it is.
func takeShipped(ctx context.Context, s *steward.Steward) error {
	if len(s.List()) > 0 {
		return nil
	}
	files, err := shipped.Files()
	if err != nil {
		return err
	}
	for _, f := range files {
		_, err := s.Declare(ctx, steward.Who{Role: role.Role{Kind: role.Operator}, Name: "program"}, f.Text)
		if errors.Is(err, store.ErrChanged) { // another hub that starts now
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tables are those of each kind of records that databases may be made of.
func tables() func(kind string) map[string][]string {
	family := declaration.Family(quality.KindDossier)
	only := func(names ...string) map[string][]string {
		out := maps.Clone(family)
		maps.DeleteFunc(out, func(name string, _ []string) bool { return !slices.Contains(names, name) })
		return out
	}
	of := func(v *schema.Version) map[string][]string { return declaration.TablesOf(v) }
	all := map[string]map[string][]string{quality.KindDossier: family, quality.KindCheckIn: only("XML0"), slip.Name: only("XML13", "XML14"),
		prescription.Name: of(prescription.Spec()), emr.Name: of(emr.Spec()), checkup.Name: of(checkup.Spec())}
	return func(kind string) map[string][]string { return all[kind] }
}

// longestWait is how long entries wait at most while files do.
const longestWait = time.Minute

// patience lets entries wait while intake has more than it can do: whoever sends
// waits for the answer, nobody waits for an entry this second.
type patience struct{ since time.Time }

// isFor reports whether entries are to wait now.
func (w *patience) isFor(p Parts) bool {
	now := p.Clock.Now()
	if p.Busy == nil || !p.Busy() {
		w.since = time.Time{}
		return false
	}
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < longestWait {
		return true
	}
	w.since = time.Time{}
	return false
}
