package cleaning_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/cleaning"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// book keeps proposals as an engine does.
type book struct {
	house.Proposals
	all map[string]house.Proposal
	cut string // a state that is not kept
}

var errCut = errors.New("cut off")

func (b *book) Held(_ context.Context, ids []string) (out []house.Proposal, err error) {
	for _, id := range ids {
		if p, ok := b.all[id]; ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func (b *book) Put(_ context.Context, list []house.Proposal, _ *base.Act) error {
	for _, p := range list {
		if p.State == b.cut {
			return errCut
		}
		if p.Version != b.all[p.ID].Version+1 {
			return base.ErrChanged
		}
	}
	for _, p := range list {
		b.all[p.ID] = p
	}
	return nil
}

func (b *book) Again(_ context.Context, night int, ids []string) error {
	for _, id := range ids {
		p := b.all[id]
		p.Night = night
		b.all[id] = p
	}
	return nil
}

func (b *book) List(_ context.Context, f house.ProposalFilter) (out []house.Proposal, more bool, err error) {
	for _, p := range b.all {
		if p.State == f.State && (f.Detector == "" || p.Detector == f.Detector) && (f.Before == 0 || p.Night < f.Before) && p.ID > f.After {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b house.Proposal) int { return cmp.Compare(a.ID, b.ID) })
	return out, false, nil
}

// shelf keeps entries, where a walk is, and writes what is accepted.
type shelf struct {
	house.Entries
	house.Alike
	rows   []house.Row
	places []house.Place
	key    string // what entries are found by
	crash  func() // before entries are written
}

func (s *shelf) List(_ context.Context, f house.EntryFilter) (out []house.Row, more bool, err error) {
	for _, r := range s.rows {
		if r.State == f.State && slices.Compare(r.ID[:], f.After[:]) > 0 {
			if len(out) == f.Limit {
				return out, true, nil
			}
			out = append(out, r)
		}
	}
	return out, false, nil
}

func (s *shelf) at(id registry.EntryID) *house.Row {
	return &s.rows[slices.IndexFunc(s.rows, func(r house.Row) bool { return r.ID == id })]
}

func (s *shelf) Known(_ context.Context, _ registry.ID, ids []registry.EntryID) (out []house.Brief, err error) {
	for _, id := range ids {
		r := s.at(id)
		out = append(out, house.Brief{Version: r.Version, State: r.State, Into: r.Into, Origin: r.Origin})
	}
	return out, nil
}

func (s *shelf) Places(context.Context, registry.ID) ([]house.Place, error) { return s.places, nil }

func (s *shelf) Put(_ context.Context, _ registry.ID, b house.Batch, was string) error {
	if len(s.places) > 0 && s.places[0].Cursor != was {
		return base.ErrChanged
	}
	s.places = []house.Place{*b.Place}
	return nil
}

func (s *shelf) Write(_ context.Context, _ registry.ID, w cleaning.Writing) error {
	if s.crash != nil {
		s.crash()
	}
	for _, c := range w.Closes {
		r := s.at(c.ID)
		if r.Version != c.Version {
			return base.ErrChanged
		}
		r.Version, r.State, r.Into, r.Origin.By = r.Version+1, c.State, c.Into, c.By
	}
	for _, c := range w.Changes {
		r := s.at(c.Entry)
		if r.Version != c.Version {
			return base.ErrChanged
		}
		r.Version, r.Origin.By, s.key = r.Version+1, c.By, c.Set["name"]
	}
	return nil
}

func (s *shelf) KeysOf(_ context.Context, _ registry.ID, ids []registry.EntryID) (out []house.EntryKey, err error) {
	return []house.EntryKey{{Entry: ids[0], Key: house.Key{Field: "name", Value: []byte(s.key)}}}, nil
}

// Open reads entries of one person each, a name and a day of birth.
func (s *shelf) Open(_ context.Context, _ registry.ID, ids []registry.EntryID) (out []registry.Entry, err error) {
	for _, id := range ids {
		out = append(out, registry.Entry{ID: id, Version: 1, Values: registry.Values{"person": fmt.Sprintf("07998012%04d", id[15]), "name": "Trần Văn Mận", "born": "1980-05-17"}})
	}
	return out, nil
}

type world struct {
	*book
	*shelf
	clock *clock.Fake
	desk  *cleaning.Desk
	wrong map[string]bool // numbers that the register does not know
}

func newWorld(t *testing.T, entries, questions int) *world {
	t.Helper()
	w := &world{book: &book{all: map[string]house.Proposal{}}, shelf: &shelf{}, clock: clock.NewFake(time.Date(2026, 7, 14, 3, 0, 0, 0, time.UTC)), wrong: map[string]bool{}}
	for i := range entries {
		w.rows = append(w.rows, house.Row{ID: registry.EntryID{15: byte(i + 1)}, Version: 1, State: registry.Live})
	}
	db := cleaning.Database{Database: &declaration.Database{Declaration: &registry.Declaration{ID: "personnel", Steward: "tccb", Person: "person", Key: []string{"licence"},
		Fields: []registry.Field{{Name: "licence", Type: registry.Text}, {Name: "person", Type: registry.Text}, {Name: "name", Type: registry.Text}, {Name: "born", Type: registry.Date}}}}}
	ask := func(_ context.Context, q cleaning.Question) (cleaning.Answer, error) {
		if w.wrong[string(q.Number)] {
			return cleaning.Answer{State: "unknown"}, nil
		}
		return cleaning.Answer{State: "match"}, nil
	}
	var err error
	w.desk, err = cleaning.New(cleaning.Deps{Proposals: w.book, Alike: w.shelf, Entries: w.shelf, Databases: func() []cleaning.Database { return []cleaning.Database{db} }, Writer: w.shelf, Book: w.shelf,
		Register:  func(context.Context) (*cleaning.Register, error) { return &cleaning.Register{ID: "r", Ask: ask}, nil },
		Directory: func() *facility.Directory { return nil }, Act: func(a base.Act) base.Act { return a }, Clock: w.clock}, cleaning.Config{Questions: questions})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// population does a night's questions.
func (w *world) population(t *testing.T) {
	t.Helper()
	w.clock.Advance(24 * time.Hour)
	for _, j := range w.desk.Jobs() {
		if j.ID == "cleaning."+cleaning.Population {
			if _, err := j.Run(t.Context(), clock.Day(w.clock.Now().AddDate(0, 0, -1))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (w *world) states() map[string]int {
	out := map[string]int{}
	for _, p := range w.all {
		out[p.State]++
	}
	return out
}

// A round of questions that takes longer than what is found in it is kept for by days:
// what was found in its first nights stays; what the next round does not find goes.
func TestALongRoundKeepsWhatItFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100, 1)
	w.wrong["079980120001"], w.wrong["079980120099"] = true, true
	for range 100 {
		w.population(t)
	}
	if got := w.states(); got[cleaning.Open] != 2 || w.places[0].Cursor != "" {
		t.Fatalf("after the round: %v, at %q", got, w.places[0].Cursor)
	}
	clear(w.wrong)
	w.clock.Advance(31 * 24 * time.Hour)
	for range 100 {
		if got := w.states(); got[cleaning.Open] != 2 {
			t.Fatalf("within the next round: %v", got)
		}
		w.population(t)
	}
	if got := w.states(); got[cleaning.Overtaken] != 2 {
		t.Errorf("after the next round: %v", got)
	}
	// a place that a release before left tells no beginning: nothing is swept by it
	w.wrong["079980120001"] = true
	w.clock.Advance(31 * 24 * time.Hour)
	w.population(t)
	clear(w.wrong)
	w.places[0].Cursor, _, _ = strings.Cut(w.places[0].Cursor, "/")
	for range 99 {
		w.population(t)
	}
	if got := w.states(); got[cleaning.Open] != 1 || w.places[0].Cursor != "" {
		t.Errorf("a round of before: %v, at %q", got, w.places[0].Cursor)
	}
}

// merge is a proposal that the second entry gives way to the first.
func (w *world) merge() cleaning.Decision {
	a, b := cleaning.EntryText(w.rows[0].ID), cleaning.EntryText(w.rows[1].ID)
	w.all["DX-1"] = house.Proposal{ID: "DX-1", Database: "personnel", Detector: cleaning.Duplicates, Kind: cleaning.Merge, State: cleaning.Open, Version: 1, Entries: []registry.EntryID{w.rows[0].ID, w.rows[1].ID},
		Body: fmt.Sprintf(`{"parts":[{"entry":%q,"version":1},{"entry":%q,"version":1}]}`, a, b)}
	return cleaning.Decision{IDs: []string{"DX-1"}, Reason: "đã xem hồ sơ giấy của hai mục"}
}

var steward = cleaning.Who{Role: role.Role{Kind: role.Unit, ID: "tccb"}, Name: "unit:tccb/An"}

// Two processes at one accepted proposal: what one of them did is told as done by the
// other too, and can be undone, whichever of them keeps that first.
func TestTwoAtOneAcceptedProposal(t *testing.T) {
	t.Parallel()
	for name, settled := range map[string]bool{"the other is done": true, "the other is cut off before it says so": false} {
		w := newWorld(t, 2, 1)
		d := w.merge()
		w.crash = func() {
			w.crash = nil
			applying := w.all["DX-1"]
			if err := w.desk.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !settled {
				w.all["DX-1"] = applying
			}
		}
		out, err := w.desk.Accept(t.Context(), steward, d)
		p := w.all["DX-1"]
		if err != nil || out.Done != 1 || out.Overtaken != 0 || p.State != cleaning.Accepted || !strings.Contains(p.Undo, `"before":1,"after":2`) || w.rows[1].State != registry.Merged {
			t.Errorf("%s: %v, %+v, %+v", name, err, out, p)
		}
	}
}

// Where somebody else changed the entry, it is overtaken still.
func TestWhatSomebodyElseChangedIsOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 1)
	d := w.merge()
	w.crash = func() { w.rows[1].Version, w.rows[1].Origin.By = 2, "unit:tccb/Bình" }
	if out, err := w.desk.Accept(t.Context(), steward, d); err != nil || out.Overtaken != 1 || out.Done != 0 || w.all["DX-1"].State != cleaning.Overtaken || w.all["DX-1"].Undo != "" {
		t.Errorf("%v, %+v, %+v", err, out, w.all["DX-1"])
	}
}

// Cut off between the change of an entry and the word of it, what undoing needs is what
// the entry was found by before.
func TestAChangeCutOffIsUndoneByItsOldKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, 1)
	w.key, w.cut = "cũ", cleaning.Accepted
	w.all["DX-2"] = house.Proposal{ID: "DX-2", Database: "personnel", Detector: cleaning.Codes, Kind: cleaning.Change, State: cleaning.Open, Version: 1, Entries: []registry.EntryID{w.rows[0].ID},
		Body: fmt.Sprintf(`{"parts":[{"entry":%q,"version":1}],"diffs":[{"field":"name","before":"cũ","after":"mới"}]}`, cleaning.EntryText(w.rows[0].ID))}
	if _, err := w.desk.Accept(t.Context(), steward, cleaning.Decision{IDs: []string{"DX-2"}, Reason: "danh mục đã đổi mã này"}); !errors.Is(err, errCut) || w.key != "mới" {
		t.Fatalf("%v, found by %s", err, w.key)
	}
	w.cut = ""
	if err := w.desk.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := w.all["DX-2"]; p.State != cleaning.Accepted || !strings.Contains(p.Undo, base64.StdEncoding.EncodeToString([]byte("cũ"))) {
		t.Errorf("%+v", p)
	}
}
