// Package desk answers what the portal asks of numbers and metadata, out of
// the slices of a store: boards (by package insight), lists of records, who
// looked, who did what. It opens no clinical content: package disclose does,
// and this package never asks for a body or a key.
package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/identity"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/vault"
	"lienthong/internal/web/portal/shelf"
	"lienthong/internal/web/portal/view"
)

// Counters sums counters; store.Counters has it.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
	Minutes(ctx context.Context, scope role.Scope, since time.Time) ([]store.MinuteCount, error)
}

// Records lists records; store.Records has it.
type Records interface {
	Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
	List(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error)
	Timeline(ctx context.Context, id dossier.ID) ([]store.Transition, error)
	Refusals(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Refusal, bool, error)
}

// Facilities gives the directory; store.Facilities has it.
type Facilities interface {
	Epoch(ctx context.Context) (int64, error)
	Load(ctx context.Context) (*facility.Directory, error)
	LastSeen(ctx context.Context, scope role.Scope) (map[care.FacilityCode]time.Time, error)
}

// Trail tells who looked and who did what; store.Disclosures and store.Keys have it.
type Trail interface {
	List(ctx context.Context, scope role.Scope, f store.DisclosureFilter) ([]store.Disclosure, bool, error)
}

// Acts lists administrative acts; store.Keys has it.
type Acts interface {
	Acts(ctx context.Context, before int64, limit int) ([]store.Act, error)
}

// Slices is what a desk reads.
type Slices struct {
	Counters    Counters
	Records     Records
	Facilities  Facilities
	Disclosures Trail
	Acts        Acts
	// Verified gives the population register's last answer about a person; nil: none is asked.
	Verified func(ctx context.Context, person store.PersonID) (*identity.Verified, error)
	// Silence tells what is known of facilities' own calendars; nil: nothing.
	Silence func() *alarm.Silence
	// Episode hashes an episode code of a facility under every live pepper, as
	// intake does; nil: episodes cannot be searched.
	Episode func(code care.FacilityCode, episode string) ([]vault.Keyed, error)
}

// Desk answers portal.Boards, portal.Messages and portal.Trail.
type Desk struct {
	in    Slices
	clock clock.Clock

	mu     sync.Mutex
	kept   *facility.Directory
	looked time.Time
	boards shelf.Shelf[insight.Overview]
	past   shelf.Shelf[[]insight.Sum]

	minutes shelf.Shelf[[]store.MinuteCount]
	seen    shelf.Shelf[map[care.FacilityCode]time.Time]
}

// New returns a desk over slices.
func New(in Slices, clk clock.Clock) (*Desk, error) {
	if in.Counters == nil || in.Records == nil || in.Facilities == nil || in.Disclosures == nil || in.Acts == nil || clk == nil {
		return nil, errors.New("desk: every slice and a clock are needed")
	}
	return &Desk{in: in, clock: clk}, nil
}

// directory returns the directory, at most a second behind the store's.
func (d *Desk) directory(ctx context.Context) (*facility.Directory, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	if d.kept != nil && now.Sub(d.looked) < time.Second && !now.Before(d.looked) {
		return d.kept, nil
	}
	epoch, err := d.in.Facilities.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	if d.kept == nil || d.kept.Epoch != epoch {
		if d.kept, err = d.in.Facilities.Load(ctx); err != nil {
			d.kept = nil
			return nil, err
		}
	}
	d.looked = now
	return d.kept, nil
}

// within reports whether a facility lies in a scope.
func within(s role.Scope, v facility.Version) bool {
	switch {
	case s.All:
		return true
	case s.Facility != "":
		return v.Code == s.Facility
	case s.Province != "":
		return v.Province == s.Province
	case s.Unit != "":
		return v.Unit == s.Unit
	}
	return false
}

// named gives a facility's name as it was in a version, as it is now for 0.
func named(dir *facility.Directory, code care.FacilityCode, version int64) view.Named {
	v, ok := dir.Version(version)
	if !ok {
		v, _ = dir.Current(code)
	}
	return view.Named{Code: code, Name: Short(v.Name), Province: v.Province}
}

// auditScope is the rows of the access log that a role may read.
func auditScope(r role.Role) role.Scope {
	if r.May(role.Audit) {
		return role.Scope{All: true}
	}
	return r.Scope()
}
