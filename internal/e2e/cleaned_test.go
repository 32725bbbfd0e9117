package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/errand"
	"lienthong/internal/hub"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
	"lienthong/internal/vault"
)

// twin is two entries of one person, and two visits, as somebody may have sent them.
type twin struct {
	Name, Other, Scope              string
	Arrived, Left, Diagnosis, Total string
	Accept, Undo                    bool
}

func twins() *rapid.Generator[[]twin] {
	one := rapid.Custom(func(t *rapid.T) twin {
		name := rapid.SampledFrom([]string{"Nguyễn Thị Đào", "Trần Văn Mận", "Lê Thị Bưởi"}).Draw(t, "name")
		return twin{Name: name, Other: rapid.SampledFrom([]string{name, "NGUYEN THI DAO", "Trần Văn Mậm", "lê thị bưởi"}).Draw(t, "other"),
			Scope:   rapid.SampledFrom([]string{"Nội khoa", "Ngoại khoa", "  Nội  khoa"}).Draw(t, "scope"),
			Arrived: rapid.SampledFrom([]string{"2026-05-04", "2026-05-04", "2026-05-03"}).Draw(t, "arrived"), Left: rapid.SampledFrom([]string{"2026-05-06", "2026-05-06", "2026-05-07"}).Draw(t, "left"),
			Diagnosis: rapid.SampledFrom([]string{"I10", "I10", "E11", ""}).Draw(t, "diagnosis"), Total: rapid.SampledFrom([]string{"1250000", "1250000.5", "1300000"}).Draw(t, "total"),
			Accept: rapid.Bool().Draw(t, "accept"), Undo: rapid.Bool().Draw(t, "undo")}
	})
	return rapid.SliceOfN(one, 1, 6)
}

// bytesKept is all that is kept of an entry but its version, its moments and who made it.
type bytesKept struct {
	State     registry.EntryState
	Into      registry.EntryID
	Content   vault.Keyed
	Open      string
	Sealed    []byte
	Wrapped   []byte
	Class     string
	Month     int
	Origin    registry.Origin
	ValidFrom time.Time
	ValidTo   time.Time
	Marks     []byte
	Keys      []house.EntryKey
}

func (w *world) kept(id registry.ID, entry registry.EntryID) bytesKept {
	w.t.Helper()
	r := w.row(id, entry)
	r.Origin.By = ""
	return bytesKept{r.State, r.Into, r.Content, r.Open, r.Sealed, r.Wrapped, r.Class, r.Month, r.Origin, r.ValidFrom, r.ValidTo, r.Marks, must(w.hub.Slices.House.Alike.KeysOf(w.ctx, id, []registry.EntryID{entry}))}
}

// Whatever is found in entries, in whatever order it is accepted and undone: what is
// undone is, byte for byte, what it was before; what was never accepted was never
// touched; and of two entries that stay accepted one stands.
func TestUndoneIsAsBefore(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		w.visitsTyped()
		desk, proposed := w.hub.House.Cleaning, map[string]int{}
		deciders := map[registry.ID]cleaning.Who{"personnel": byPersonnel, "visits": byVisits}
		type about struct {
			db      registry.ID
			version int
			was     bytesKept
			draw    twin
		}
		for seed := range 8 {
			before := map[registry.EntryID]about{}
			for i, x := range twins().Example(seed + 1) {
				person := fmt.Sprintf("0799801%02d%03d", seed, i)
				a := practitioner(fmt.Sprintf("1%02d%03d1/BYT-CCHN", seed, i), person, x.Name)
				b := practitioner(fmt.Sprintf("1%02d%03d2/BYT-CCHN", seed, i), person, x.Other)
				b["scope"] = x.Scope
				p := typedVisit(fmt.Sprintf("HS%02d%03d1", seed, i), person, "2026-05-04", "2026-05-06", "I10", "1250000")
				q := typedVisit(fmt.Sprintf("HS%02d%03d2", seed, i), person, x.Arrived, x.Left, x.Diagnosis, x.Total)
				for db, both := range map[registry.ID][]registry.Values{"personnel": {a, b}, "visits": {p, q}} {
					for _, id := range w.entered(db, deciders[db].Role.ID, both...) {
						before[id] = about{db, w.row(db, id).Version, w.kept(db, id), x}
					}
				}
			}
			w.tonight("duplicates")
			w.tonight("visits")
			touched := map[registry.EntryID]bool{}
			for _, p := range w.proposed("", cleaning.Open) {
				x, known := before[p.Entries[0]]
				if !known { // of a seed before
					continue
				}
				proposed[p.Detector]++
				d := cleaning.Decision{IDs: []string{p.ID}, Reason: why}
				if !x.draw.Accept {
					continue
				}
				if o := must(desk.Accept(w.ctx, deciders[p.Database], d)); o.Done != 1 {
					t.Fatalf("%d: %+v", seed, o)
				}
				if live := w.standing(p.Database, p.Entries); live != 1 {
					t.Errorf("%d: %d entries of an accepted pair stand", seed, live)
				}
				if x.draw.Undo {
					must(desk.Undo(w.ctx, deciders[p.Database], d))
				}
				for _, id := range p.Entries {
					touched[id] = !x.draw.Undo
				}
			}
			for id, x := range before {
				stays, was := touched[id]
				if was && stays {
					continue
				}
				if r := w.row(x.db, id); !was && r.Version != x.version {
					t.Errorf("%d: %s was never accepted and has version %d", seed, r.ID, r.Version)
				}
				if diff := cmp.Diff(x.was, w.kept(x.db, id)); diff != "" {
					t.Errorf("%d: %s is not as before: %s", seed, x.db, diff)
				}
			}
		}
		if proposed["duplicates"] == 0 || proposed["visits"] == 0 {
			t.Errorf("something was never found, so that the test shows nothing: %v", proposed)
		}
	})
}

func (w *world) standing(db registry.ID, entries []registry.EntryID) (live int) {
	for _, id := range entries {
		if w.row(db, id).State == registry.Live {
			live++
		}
	}
	return live
}

var errCut = errors.New("cut off")

// cut ends a decision as a kill would: before or after proposals are kept in a state.
type cut struct {
	house.Proposals
	state atomic.Pointer[string]
	after atomic.Bool
}

func (c *cut) Put(ctx context.Context, all []house.Proposal, act *base.Act) error {
	s := c.state.Load()
	hit := s != nil && slices.ContainsFunc(all, func(p house.Proposal) bool { return p.State == *s })
	if hit && !c.after.Load() {
		return errCut
	}
	if err := c.Proposals.Put(ctx, all, act); err != nil || !hit {
		return err
	}
	return errCut
}

// Cut off before the entries were written, or after it and before that was kept,
// what was accepted is done once by who comes next; until then it stays in between,
// and nobody else decides about it.
func TestAcceptedAndCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state   string
		after   bool
		written int // entries that stand when it is cut off
	}{{cleaning.Applying, true, 2}, {cleaning.Accepted, false, 1}} {
		engines(t, func(t *testing.T, w *world) {
			x := w.hub.Slices.House.Proposals.(*cut)
			w.declared("personnel")
			desk := w.hub.House.Cleaning
			e := w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"), practitioner("0012354/BYT-CCHN", "079980123456", "NGUYEN THI DAO"))
			before := []registry.Values{w.values("personnel", "tccb", e[0]), w.values("personnel", "tccb", e[1])}
			w.tonight("duplicates")
			d := cleaning.Decision{IDs: ids(w.proposed("", cleaning.Open)), Reason: why}
			x.after.Store(c.after)
			x.state.Store(&c.state)
			if _, err := desk.Accept(w.ctx, byPersonnel, d); !errors.Is(err, errCut) {
				t.Fatalf("not cut off: %v", err)
			}
			x.state.Store(nil)
			if n := w.standing("personnel", e); n != c.written || len(w.proposed("", cleaning.Applying)) != 1 {
				t.Fatalf("cut off at %s: %d stand, %+v", c.state, n, w.proposed("", ""))
			}
			for what, err := range map[string]error{"accepted": second(desk.Accept(w.ctx, byPersonnel, d)), "rejected": second(desk.Reject(w.ctx, byPersonnel, d)), "undone": second(desk.Undo(w.ctx, byPersonnel, d))} {
				if !errors.Is(err, cleaning.ErrState) {
					t.Errorf("%s in between: %v", what, err)
				}
			}
			var versions [2][2]int
			for round := range versions { // the second finds nothing to do
				w.check(desk.Resume(w.ctx))
				if n := w.standing("personnel", e); n != 1 || len(w.proposed("", cleaning.Accepted)) != 1 {
					t.Fatalf("resumed: %d stand, %+v", n, w.proposed("", ""))
				}
				versions[round] = [2]int{w.row("personnel", e[0]).Version, w.row("personnel", e[1]).Version}
			}
			if versions[0] != versions[1] || versions[0][0]+versions[0][1] != 3 {
				t.Errorf("done more than once: %v", versions)
			}
			must(desk.Undo(w.ctx, byPersonnel, d))
			for i, id := range e {
				if r := w.row("personnel", id); r.State != registry.Live || !maps.Equal(w.values("personnel", "tccb", id), before[i]) {
					t.Errorf("undone: %s", r.State)
				}
			}
		}, func(cfg *hub.Config) {
			open := cfg.Open
			cfg.Open = func(ctx context.Context, log store.OpenLog) (*store.Slices, error) {
				s, err := open(ctx, log)
				if err == nil {
					s.House.Proposals = &cut{Proposals: s.House.Proposals}
				}
				return s, err
			}
		})
	}
}

func second(_ cleaning.Outcome, err error) error { return err }

// More than a hundred at once are accepted, and undone, by who types how many.
func TestManyAreDecidedBySecondStep(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		desk := w.hub.House.Cleaning
		const pairs = cleaning.SecondAbove + 3
		var values []registry.Values
		for i := range pairs {
			person := fmt.Sprintf("079980200%03d", i)
			values = append(values, practitioner(fmt.Sprintf("2%03d1/BYT-CCHN", i), person, "Nguyễn Thị Đào"), practitioner(fmt.Sprintf("2%03d2/BYT-CCHN", i), person, "Nguyễn Thị Đào"))
		}
		e := w.entered("personnel", "tccb", values...)
		w.tonight("duplicates")
		d := cleaning.Decision{IDs: ids(w.proposed("", cleaning.Open)), Reason: why}
		if len(d.IDs) != pairs {
			t.Fatalf("%d proposals", len(d.IDs))
		}
		for _, typed := range []int{0, pairs - 1} {
			d.Second = typed
			if _, err := desk.Accept(w.ctx, byPersonnel, d); !errors.Is(err, cleaning.ErrSecond) || w.standing("personnel", e) != 2*pairs {
				t.Fatalf("typed %d: %v", typed, err)
			}
		}
		d.Second = pairs
		if o := must(desk.Accept(w.ctx, byPersonnel, d)); o.Done != pairs || o.Overtaken != 0 || w.standing("personnel", e) != pairs {
			t.Fatalf("%+v, %d stand", o, w.standing("personnel", e))
		}
		if o := must(desk.Undo(w.ctx, byPersonnel, d)); o.Done != pairs || w.standing("personnel", e) != 2*pairs {
			t.Errorf("undone: %+v, %d stand", o, w.standing("personnel", e))
		}
		for i, id := range e {
			if got := w.values("personnel", "tccb", id); got["licence"] != values[i]["licence"] || got["person"] != values[i]["person"] {
				t.Errorf("entry %d: %v", i, got)
			}
		}
	})
}

// The unit that answered for a database is dissolved: that is pointed at, once.
// Accepting it changes no entry: it says that somebody saw to it.
func TestADissolvedStewardIsPointedAt(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("personnel")
		desk := w.hub.House.Cleaning
		e := w.entered("personnel", "tccb", practitioner("0012345/BYT-CCHN", "079980123456", "Nguyễn Thị Đào"))
		// What An typed twice, another accepts: not An, in no spelling, and nobody unknown.
		typist := steward.Who{Role: role.Role{Kind: role.Unit, ID: "tccb"}, Name: "unit:tccb/An"}
		for _, licence := range []string{"0022345/BYT-CCHN", "0022354/BYT-CCHN"} {
			must(w.hub.House.Steward.Enter(w.ctx, typist, "personnel", practitioner(licence, "079980123457", "Trần Văn Mận")))
		}
		w.tonight("duplicates")
		d := cleaning.Decision{IDs: ids(w.proposed("duplicates", cleaning.Open)), Reason: why}
		for _, name := range []string{"unit:tccb/An", "operator via command/ aN", "unit:tccb/0a1b2c3d4e", "operator via command"} {
			if _, err := desk.Accept(w.ctx, cleaning.Who{Role: typist.Role, Name: name}, d); !errors.Is(err, cleaning.ErrOwn) {
				t.Errorf("%s accepts what An typed: %v", name, err)
			}
		}
		if o := must(desk.Accept(w.ctx, cleaning.Who{Role: typist.Role, Name: "unit:tccb/Bình"}, d)); o.Done != 1 {
			t.Errorf("another person: %+v", o)
		}
		if n := w.tonight("units"); n.Changed != 0 {
			t.Fatalf("while it is at work: %+v", n)
		}
		must(w.hub.House.Errands.Dissolve(w.ctx, errand.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}, "tccb", "kcb", clock.Day(w.clock.Now())))
		w.check(w.hub.House.Steward.Refresh(w.ctx))
		if n := w.tonight("units"); n.Changed != 1 {
			t.Fatalf("dissolved: %+v", n)
		}
		if n := w.tonight("units"); n.Changed != 0 {
			t.Errorf("the next night: %+v", n)
		}
		open := w.proposed("units", cleaning.Open)
		if len(open) != 1 || open[0].Kind != cleaning.Point || !slices.Equal(open[0].Body.Signs, []string{"steward.tccb"}) || len(open[0].Entries) != 0 {
			t.Fatalf("%+v", open)
		}
		version := w.row("personnel", e[0]).Version
		operator := cleaning.Who{Role: role.Role{Kind: role.Operator}, Name: "operator/test"}
		if o := must(desk.Accept(w.ctx, operator, cleaning.Decision{IDs: ids(open), Reason: why})); o.Done != 1 {
			t.Errorf("%+v", o)
		}
		if r := w.row("personnel", e[0]); r.Version != version || len(w.proposed("units", cleaning.Accepted)) != 1 {
			t.Errorf("version %d, %+v", r.Version, w.proposed("", ""))
		}
	})
}

// What a change gives an internal field is shown to who decides, and to others only
// where a share gives them the field.
func TestAChangeShowsFieldsThatAreGiven(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		w.declared("06-facilities")
		old, now := deadProvince(t, clock.Day(w.clock.Now()))
		w.entered("facilities", "kcb", registry.Values{"code": "79977", "name": "Phòng khám Bến Nghé", "level": "initial", "ownership": "private", "province": old, "licence": "123/GPHĐ", "opened": "2010-01-01"})
		w.tonight("codes")
		desk := w.hub.House.Cleaning
		live := must(w.hub.House.Steward.Get("facilities"))
		for _, r := range []role.Role{{Kind: role.Ministry}, {Kind: role.Unit, ID: "kcb"}, {Kind: role.Operator}} {
			all, _, err := desk.List(w.ctx, r, house.ProposalFilter{Detector: "codes", Limit: 10})
			w.check(err)
			if len(all) != 1 || len(all[0].Body.Diffs) != 1 {
				t.Fatalf("%s: %+v", r, all)
			}
			sight, _ := live.Sees(r, w.clock.Now())
			given := r.Kind == role.Operator || slices.Contains(sight.Fields, "province")
			one, _, err := desk.Get(w.ctx, r, all[0].ID)
			w.check(err)
			for _, d := range []cleaning.Diff{all[0].Body.Diffs[0], one.Body.Diffs[0]} {
				if want := (cleaning.Diff{Field: "province", Before: old, After: now}); given && d != want || !given && d != (cleaning.Diff{Field: "province", Hidden: true}) {
					t.Errorf("%s, given %v: %+v", r, given, d)
				}
			}
		}
	})
}
