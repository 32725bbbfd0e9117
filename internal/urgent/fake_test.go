package urgent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/consent"
	"lienthong/internal/disclose"
	"lienthong/internal/identity"
	"lienthong/internal/kind"
	"lienthong/internal/matter"
	"lienthong/internal/role"
	"lienthong/internal/slip"
	"lienthong/internal/staff"
	"lienthong/internal/store"
	"lienthong/internal/urgent"
	"lienthong/internal/vault"
)

// The rest of each slice, which no test needs.
type (
	restMatters  interface{ store.Matters }
	restOpenings interface{ store.Openings }
	restKeys     interface{ store.Keys }
	restAlarms   interface{ store.Alarms }
	restTrail    interface{ store.Disclosures }
	restStaffs   interface{ store.Staffs }
)

// kept is a store in memory, as far as emergencies need one.
type kept struct {
	temporaries map[string]identity.Temporary
	features    map[identity.Feature][]store.PersonID
	opened      []consent.Opening
	notices     []matter.Notice
	reviews     []matter.Matter
	acts        []store.Act
	roster      map[care.Staff]staff.Staff
	subjects    map[store.SubjectOf]store.PersonID
	links       map[store.SubjectOf][]store.Link
	holders     map[vault.Keyed]store.PersonID
	rows        []store.Disclosure
	raised      []store.Alarm
}

func (k *kept) act(a store.Act) {
	if a.Action != "" {
		k.acts = append(k.acts, a)
	}
}

type keys struct {
	restKeys
	*kept
}

func (k keys) PutMonth(_ context.Context, m store.MonthKey) (store.MonthKey, error) { return m, nil }

func (k *kept) PutTemporary(_ context.Context, t identity.Temporary, act store.Act) error {
	if k.temporaries[t.Number].Version+1 != t.Version {
		return store.ErrChanged
	}
	k.temporaries[t.Number] = t
	k.act(act)
	return nil
}

func (k *kept) Temporary(_ context.Context, number string) (*identity.Temporary, error) {
	t, ok := k.temporaries[number]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &t, nil
}

func (k *kept) numbersOf(f care.FacilityCode, state string) (out []identity.Temporary) {
	for _, t := range k.temporaries {
		if t.Facility == f && t.State == state {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b identity.Temporary) int { return a.Made.Compare(b.Made) })
	return out
}

// numbers is the slice of kept that has a method of its own name.
type numbers struct{ *kept }

func (n numbers) Temporaries(_ context.Context, f care.FacilityCode, state string, _ int) ([]identity.Temporary, error) {
	return n.numbersOf(f, state), nil
}

func (n numbers) Temporary(ctx context.Context, number string) (*identity.Temporary, error) {
	return n.kept.Temporary(ctx, number)
}

func (n numbers) PutTemporary(ctx context.Context, t identity.Temporary, act store.Act) error {
	return n.kept.PutTemporary(ctx, t, act)
}

func (n numbers) PutFeatures(_ context.Context, p store.PersonID, fs []identity.Feature) error {
	for _, f := range fs {
		n.features[f] = append(n.features[f], p)
	}
	return nil
}

func (n numbers) Featureless(context.Context, store.PersonID, int) ([]store.PersonID, store.PersonID, error) {
	return nil, store.PersonID{}, nil
}

func (n numbers) Candidates(_ context.Context, wanted [][]identity.Feature, limit int) ([]identity.Candidate, error) {
	var out []identity.Candidate
	for _, each := range wanted {
		for _, f := range each {
			for _, p := range n.features[f] {
				if !slices.ContainsFunc(out, func(c identity.Candidate) bool { return c.Person == p }) {
					out = append(out, identity.Candidate{Person: p, Kinds: []string{f.Kind}})
				}
			}
		}
	}
	return out[:min(limit, len(out))], nil
}

func (n numbers) Ensure(_ context.Context, c store.Claim) (store.PersonID, bool, error) {
	p := store.PersonID{99}
	n.holders[c.Key] = p
	return p, true, nil
}

type openings struct {
	restOpenings
	*kept
}

func (o openings) Begin(_ context.Context, x consent.Opening, n matter.Notice, m *matter.Matter, act store.Act) error {
	o.opened, o.notices, o.reviews = append(o.opened, x), append(o.notices, n), append(o.reviews, *m)
	o.act(act)
	return nil
}

func (o openings) Opening(_ context.Context, id consent.OpeningID) (*consent.Opening, error) {
	for _, x := range o.opened {
		if x.ID == id {
			return &x, nil
		}
	}
	return nil, store.ErrAbsent
}

func (o openings) EndOpening(_ context.Context, id consent.OpeningID, at time.Time, by string, act store.Act) error {
	for i := range o.opened {
		if x := &o.opened[i]; x.ID == id && x.Live(at) {
			x.Ended, x.EndedBy = at, by
			o.act(act)
			return nil
		}
	}
	return store.ErrAbsent
}

func (o openings) Renew(_ context.Context, id consent.OpeningID, by care.Staff, until time.Time, n matter.Notice, act store.Act) error {
	for i := range o.opened {
		if x := &o.opened[i]; x.ID == id {
			if x.Renewed != (care.Staff{}) || x.Staff == by {
				return store.ErrChanged
			}
			x.Renewed, x.Until = by, until
			o.notices = append(o.notices, n)
			o.act(act)
			return nil
		}
	}
	return store.ErrAbsent
}

func (o openings) Openings(_ context.Context, f consent.OpeningFilter) (out []consent.Opening, _ error) {
	for _, x := range slices.Backward(o.opened) {
		if (f.Person == care.Person{} || f.Person == x.Person) && (f.Facility == "" || f.Facility == x.Facility) && (f.Staff == care.Staff{} || f.Staff == x.Staff) &&
			(f.LiveAt.IsZero() || x.Live(f.LiveAt)) && !x.From.Before(f.Since) {
			out = append(out, x)
		}
	}
	return out, nil
}

func (o openings) CountOpenings(_ context.Context, f care.FacilityCode, s care.Staff, since time.Time) (map[string]int, error) {
	n := map[string]int{}
	for _, x := range o.opened {
		if x.Facility == f && (s == care.Staff{} || s == x.Staff) && !x.From.Before(since) {
			n[x.Basis]++
		}
	}
	return n, nil
}

type matters struct {
	restMatters
	*kept
}

func (m matters) NextMatter(context.Context, time.Time) (string, error) {
	return matter.Number(2026, int64(len(m.reviews)+1)), nil
}

func (m matters) PutMatter(_ context.Context, x matter.Matter, n *matter.Notice, act store.Act) error {
	m.reviews = append(m.reviews, x)
	if n != nil {
		m.notices = append(m.notices, *n)
	}
	m.act(act)
	return nil
}

type people struct{ *kept }

func (p people) Find(_ context.Context, claim []vault.Keyed) (out []store.PersonID, _ error) {
	for _, c := range claim {
		if x, ok := p.holders[c]; ok {
			out = append(out, x)
		}
	}
	return out, nil
}

func (p people) Subjects(_ context.Context, x store.PersonID) (out []store.SubjectOf, _ error) {
	for s, of := range p.subjects {
		if of == x {
			out = append(out, s)
		}
	}
	return out, nil
}

func (p people) Links(_ context.Context, f care.FacilityCode, k vault.Keyed) ([]store.Link, error) {
	return slices.Clone(p.links[store.SubjectOf{Facility: f, Key: k}]), nil
}

func (p people) Link(_ context.Context, f care.FacilityCode, k vault.Keyed, x store.PersonID, actor, reason string, at time.Time) error {
	s := store.SubjectOf{Facility: f, Key: k}
	if _, ok := p.subjects[s]; !ok {
		return store.ErrAbsent
	}
	if p.subjects[s] != x {
		p.subjects[s] = x
		p.links[s] = append(p.links[s], store.Link{Person: x, From: at, Actor: actor, Reason: reason})
	}
	return nil
}

func (p people) Unlink(_ context.Context, f care.FacilityCode, k vault.Keyed, actor, reason string, at time.Time) error {
	s := store.SubjectOf{Facility: f, Key: k}
	if p.subjects[s] == (store.PersonID{}) {
		return store.ErrAbsent
	}
	p.subjects[s] = store.PersonID{}
	n := len(p.links[s]) - 1
	p.links[s][n].To, p.links[s][n].Actor, p.links[s][n].Reason = at, actor, reason
	return nil
}

type staffs struct {
	restStaffs
	*kept
}

func (s staffs) Staff(_ context.Context, id care.Staff) (*staff.Staff, error) {
	x, ok := s.roster[id]
	if !ok {
		return nil, store.ErrAbsent
	}
	return &x, nil
}

func (s staffs) PutStaff(_ context.Context, x staff.Staff, act store.Act) error {
	s.roster[x.ID] = x
	s.act(act)
	return nil
}

func (s staffs) StaffOf(_ context.Context, f care.FacilityCode, _ int) (out []staff.Staff, _ error) {
	for _, x := range s.roster {
		if x.Facility == f {
			out = append(out, x)
		}
	}
	return out, nil
}

type trail struct {
	restTrail
	*kept
}

func (k trail) OfPerson(_ context.Context, p store.PersonID, f store.DisclosureFilter) ([]store.Disclosure, bool, error) {
	var out []store.Disclosure
	for _, r := range slices.Backward(k.rows) {
		if r.Person == p && !r.At.Before(f.Since) && (f.Before == 0 || r.ID < f.Before) {
			out = append(out, r)
		}
	}
	return out, false, nil
}

type alarms struct {
	restAlarms
	*kept
}

func (k alarms) Raise(_ context.Context, a store.Alarm, act store.Act) (bool, error) {
	k.raised = append(k.raised, a)
	k.act(act)
	return true, nil
}

// seen stands for package disclose.
type seen struct {
	*kept
	clock clock.Clock
	faces map[store.PersonID]*identity.Face
}

func (s seen) row(reader disclose.Reader, p store.PersonID, basis string) {
	s.rows = append(s.rows, store.Disclosure{ID: int64(len(s.rows) + 1), At: s.clock.Now(), Person: p, Basis: basis, Staff: reader.Staff, Opening: reader.Opening})
}

func (s seen) Faces(_ context.Context, reader disclose.Reader, persons []store.PersonID) ([]*identity.Face, error) {
	out := make([]*identity.Face, len(persons))
	for i, p := range persons {
		if out[i] = s.faces[p]; out[i] != nil {
			s.row(reader, p, "candidate")
		}
	}
	return out, nil
}

func (s seen) EmergencySet(_ context.Context, reader disclose.Reader, p store.PersonID) ([]*disclose.Opened, error) {
	s.row(reader, p, "emergency")
	return []*disclose.Opened{{}}, nil
}

// ward is an emergency ward at night.
type ward struct {
	*kept
	desk       *urgent.Desk
	clock      *clock.Fake
	vault      *vault.Vault
	anna, binh urgent.Member
	faces      map[store.PersonID]*identity.Face
}

const facility = "24917"

func setup(t *testing.T) *ward {
	t.Helper()
	key := bytes.Repeat([]byte{7}, 32)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{temporaries: map[string]identity.Temporary{}, features: map[identity.Feature][]store.PersonID{}, roster: map[care.Staff]staff.Staff{},
		subjects: map[store.SubjectOf]store.PersonID{}, links: map[store.SubjectOf][]store.Link{}, holders: map[vault.Keyed]store.PersonID{}}
	w := &ward{kept: k, clock: clock.NewFake(time.Date(2026, 11, 13, 19, 10, 0, 0, time.UTC)), vault: v, faces: map[store.PersonID]*identity.Face{}}
	w.desk, err = urgent.New(urgent.Deps{Temporaries: numbers{k}, Openings: openings{kept: k}, Matters: matters{kept: k}, People: people{k}, Staffs: staffs{kept: k}, Trail: trail{kept: k}, Keys: keys{kept: k}, Alarms: alarms{kept: k},
		Looks: seen{k, w.clock, w.faces}, Vault: v, Clock: w.clock, Random: rand.Reader}, urgent.Config{PerFacility: 3, Works: slip.Works})
	if err != nil {
		t.Fatal(err)
	}
	w.anna, w.binh = w.member(1), w.member(2)
	return w
}

// member is a clinician who has just given a second factor.
func (w *ward) member(n byte) urgent.Member {
	id := care.Staff{n}
	w.roster[id] = staff.Staff{ID: id, Facility: facility, Roles: []string{"clinician:" + string(facility)}, Version: 1}
	return urgent.Member{Role: role.Role{Kind: role.Clinician, ID: facility}, Staff: id, Name: "session", Route: "POST /emergency", SteppedUp: w.clock.Now()}
}

// resident makes somebody known with what they can be found by.
func (w *ward) resident(t *testing.T, n byte, name, phone, birth, ward string, sex care.Sex) store.PersonID {
	t.Helper()
	p := store.PersonID{n}
	m, err := care.ParseMoment(birth)
	if err != nil {
		t.Fatal(err)
	}
	told := identity.Told{Name: name, Phones: []string{phone}, Birth: m, Sex: sex, Commune: ward}
	if err := (numbers{w.kept}).PutFeatures(t.Context(), p, kind.Features(w.vault, told.Traits())); err != nil {
		t.Fatal(err)
	}
	w.faces[p] = &identity.Face{Name: name, Birth: m, Sex: sex, Phones: told.Phones, Ward: ward, Address: "Thôn 3, xã Tân Hòa, Bắc Ninh"}
	return p
}

// sent makes a patient that the facility's system sent under a number.
func (w *ward) sent(as string) store.SubjectOf {
	s := store.SubjectOf{Facility: facility, Key: w.vault.Hash(vault.Subject, []byte(facility), []byte(as))}
	w.subjects[s] = store.PersonID{}
	return s
}
