package steward_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/registry"
	"lienthong/internal/registry/declaration"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/steward"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
	"lienthong/internal/vault"
)

const blood = `id: blood
name: {vi: Hiến máu, en: Blood donation}
entry: {vi: Lần hiến, en: Donation}
steward: kcb
legal: [law-15-2023]
fields:
  - {name: number, label: {vi: Mã túi máu, en: Unit}, type: text, class: internal, priority: 1, search: true}
  - {name: given, label: {vi: Ngày hiến, en: Given}, type: date, class: internal}
  - {name: virus, label: {vi: Kết quả HIV, en: HIV result}, type: text, class: sensitive}
key: [number]
sources:
  - {id: form, kind: form}
retention: y10
`

// stock takes its entries from blood.
const stock = `id: stock
name: {vi: Kho máu, en: Blood stock}
entry: {vi: Túi máu, en: Bag}
steward: pb
legal: [law-15-2023]
fields:
  - {name: bag, label: {vi: Mã túi máu, en: Bag}, type: text, class: internal, priority: 1}
key: [bag]
sources:
  - {id: blood, kind: database, from: blood, map: {bag: row.number}}
retention: y10
`

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, clock.Hanoi)
	operator = steward.Who{Role: role.Role{Kind: role.Operator}, Name: "operator"}
	ministry = steward.Who{Role: role.Role{Kind: role.Ministry}, Name: "ministry"}
	kcb      = steward.Who{Role: role.Role{Kind: role.Unit, ID: "kcb"}, Name: "unit:kcb"}
	pb       = steward.Who{Role: role.Role{Kind: role.Unit, ID: "pb"}, Name: "unit:pb"}
)

type world struct {
	*steward.Steward
	clock *clock.Fake
	house house.Slices
	gone  map[string]bool // units that are dissolved
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{clock: clock.NewFake(noon), gone: map[string]bool{}}
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Clock: w.clock, OpenLog: storetest.OpenLog, HubName: storetest.HubName, Owner: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	key := bytes.Repeat([]byte{7}, vault.KeySize)
	v, err := vault.New(vault.Config{Master: key, Peppers: map[int][]byte{1: key}, Current: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.house = s.House
	w.Steward, err = steward.New(t.Context(), steward.Deps{Databases: w.house.Databases, Entries: w.house.Entries, Grants: w.house.Grants, Flow: w.house.Flow,
		Scores: w.house.Scores, Keys: s.Keys, Vault: v, Clock: w.clock, Logger: slog.New(slog.DiscardHandler),
		Directory: func() *facility.Directory { return facility.NewDirectory(facility.Contents{}) }},
		steward.Config{Holder: "test", Unit: func(_ context.Context, id string) (bool, error) { return !w.gone[id], nil }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) declare(t *testing.T, who steward.Who, text string) {
	t.Helper()
	w.clock.Advance(time.Second)
	if c, err := w.Declare(t.Context(), who, []byte(text)); err != nil {
		t.Fatalf("%v %+v", err, c)
	}
}

func without(text, line string) string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if !strings.Contains(l, line) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// What may not be declared, by whom and why; nothing of it is kept.
func TestDeclareRefuses(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(t, operator, blood)
	w.declare(t, pb, stock)
	if _, err := w.Give(t.Context(), kcb, house.Grant{Database: "blood", To: "unit:pb", Fields: []string{"given"}, Purpose: "kiểm kê kho"}); err != nil {
		t.Fatal(err)
	}
	w.gone["xx"] = true
	circle := strings.Replace(blood, "  - {id: form, kind: form}", "  - {id: form, kind: form}\n  - {id: stock, kind: database, from: stock, map: {number: row.bag}}", 1)
	share := blood + "sharing:\n  - {to: unit:pb, fields: [virus], purpose: tra cứu, until: 2027-06-01}\n"
	records := strings.Replace(blood, "  - {id: form, kind: form}", "  - {id: rec, kind: records, records: [qd4750], table: XML1, map: {number: row.MA_LK}}", 1)
	for name, c := range map[string]struct {
		who  steward.Who
		text string
		base steward.Base
		err  error
		code string // of a problem
	}{
		"no declaration":            {kcb, "id: [", steward.Base{}, declaration.ErrInvalid, ""},
		"a key that is no field":    {kcb, strings.Replace(blood, "key: [number]", "key: [no]", 1), steward.Base{}, declaration.ErrInvalid, "declaration.field_unknown"},
		"its own source":            {kcb, strings.Replace(circle, "from: stock", "from: blood", 1), steward.Base{}, declaration.ErrInvalid, "declaration.circular"},
		"a circle of two":           {kcb, circle, steward.Base{}, steward.ErrCircle, ""},
		"a field another reads":     {kcb, strings.Replace(strings.Replace(without(blood, "name: number"), "key: [number]", "key: [given]", 1), "name: given,", "name: given, priority: 1,", 1), steward.Base{}, declaration.ErrInvalid, "declaration.field_in_use"},
		"a field that is granted":   {kcb, without(blood, "name: given"), steward.Base{}, declaration.ErrInvalid, "declaration.field_in_use"},
		"a unit that is no more":    {kcb, strings.Replace(blood, "steward: kcb", "steward: xx", 1), steward.Base{}, steward.ErrUnit, ""},
		"somebody else's":           {pb, without(blood, "name: virus"), steward.Base{}, steward.ErrSteward, ""},
		"a version that is not now": {kcb, without(blood, "name: virus"), steward.Base{Database: "blood", Version: 7}, declaration.ErrChanged, ""},
		"begun before there was":    {kcb, without(blood, "name: virus"), steward.Base{Database: "blood"}, declaration.ErrChanged, ""},
		"sensitive, by itself":      {kcb, share, steward.Base{}, steward.ErrSensitive, ""},
		"records, by itself":        {kcb, records, steward.Base{}, steward.ErrRecords, ""},
	} {
		got, err := w.DeclareOver(t.Context(), c.who, []byte(c.text), c.base)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.code != "" && !slices.ContainsFunc(got.Problems, func(p registry.Problem) bool { return p.Code == c.code && !p.Note }) {
			t.Errorf("%s: %+v", name, got.Problems)
		}
		if l, err := w.Get("blood"); err != nil || l.Taken.Version != 1 {
			t.Fatalf("%s was taken: %v", name, err)
		}
	}
	for i, c := range []struct {
		who  steward.Who
		text string
		base steward.Base
		want int
	}{
		{pb, blood, steward.Base{Database: "blood", Version: 99}, 1}, // word for word: nothing changes
		{kcb, without(blood, "name: virus"), steward.Base{Database: "stock", Version: 9}, 2},
		{ministry, blood, steward.Base{Database: "blood", Version: 2}, 3},
	} {
		w.clock.Advance(time.Second)
		if _, err := w.DeclareOver(t.Context(), c.who, []byte(c.text), c.base); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		if l, err := w.Get("blood"); err != nil || l.Taken.Version != c.want {
			t.Errorf("%d: %+v %v", i, l, err)
		}
	}
}

// A declaration that goes back to an earlier one brings the sheet of that back.
func TestTheSheetInForceIsTheDeclarations(t *testing.T) {
	t.Parallel()
	w := open(t)
	other := without(blood, "name: virus")
	for i, text := range []string{blood, other, blood, other} {
		w.declare(t, operator, text)
		l, err := w.Get("blood")
		if err != nil {
			t.Fatal(err)
		}
		all, err := w.house.Scores.Sheets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = slices.DeleteFunc(all, func(s house.ScoreSheet) bool { return s.Subject != score.SubjectOf("blood") })
		if len(all) != min(2, i+1) || all[len(all)-1].Sheet != l.Judge.Sheet().ID() {
			t.Errorf("version %d: %d sheets, the last is %s, not %s", i+1, len(all), all[len(all)-1].Sheet, l.Judge.Sheet().ID())
		}
	}
}

// once fails to put a sheet in force, once.
type once struct {
	house.Scores
	fail bool
}

func (o *once) PutSheet(ctx context.Context, s house.ScoreSheet, act store.Act) error {
	if o.fail && act.Action != "" {
		o.fail = false
		return store.ErrChanged
	}
	return o.Scores.PutSheet(ctx, s, act)
}

// A declaration that was taken while its sheet was not: sent again, the sheet follows;
// somebody else's sending changes nothing.
func TestTheSheetFollowsWhenADeclarationIsSentAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	failing := &once{Scores: w.house.Scores}
	w.Scores = failing
	other := without(blood, "name: virus")
	for _, text := range []string{blood, other} {
		w.declare(t, operator, text)
	}
	failing.fail = true
	w.clock.Advance(time.Second)
	if _, err := w.Declare(t.Context(), kcb, []byte(blood)); !errors.Is(err, store.ErrChanged) {
		t.Fatal(err)
	}
	inForce := func() bool {
		l, err := w.Get("blood")
		if err != nil || l.Taken.Version != 3 {
			t.Fatalf("%+v %v", l, err)
		}
		all, err := w.house.Scores.Sheets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = slices.DeleteFunc(all, func(s house.ScoreSheet) bool { return s.Subject != score.SubjectOf("blood") })
		return all[len(all)-1].Sheet == l.Judge.Sheet().ID()
	}
	if w.declare(t, pb, blood); inForce() {
		t.Error("somebody else put the sheet in force")
	}
	if w.declare(t, kcb, blood); !inForce() {
		t.Error("the sheet of the version before is in force still")
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(t, operator, blood)
	now := w.clock.Now()
	w.gone["xx"] = true
	good := house.Grant{Database: "blood", To: "unit:pb", Fields: []string{"number", "given"}, Purpose: "kiểm kê kho"}
	with := func(change func(g *house.Grant)) house.Grant { g := good; change(&g); return g }
	for name, c := range map[string]struct {
		who   steward.Who
		grant house.Grant
		err   error
	}{
		"by somebody else":      {pb, good, steward.ErrSteward},
		"by the ministry":       {ministry, good, steward.ErrSteward},
		"of nothing there":      {kcb, with(func(g *house.Grant) { g.Database = "none" }), steward.ErrAbsent},
		"of no field":           {kcb, with(func(g *house.Grant) { g.Fields = []string{"number", "cost"} }), steward.ErrGrant},
		"to nobody":             {kcb, with(func(g *house.Grant) { g.To = "pb" }), steward.ErrGrant},
		"to itself":             {kcb, with(func(g *house.Grant) { g.To = "unit:kcb" }), steward.ErrGrant},
		"to a citizen":          {kcb, with(func(g *house.Grant) { g.To = "citizen:1" }), steward.ErrGrant},
		"to the operator":       {kcb, with(func(g *house.Grant) { g.To = "operator" }), steward.ErrGrant},
		"to a unit that is not": {kcb, with(func(g *house.Grant) { g.To = "unit:xx" }), steward.ErrGrant},
		"for no purpose":        {kcb, with(func(g *house.Grant) { g.Purpose = "  xem  " }), steward.ErrGrant},
		"for a book":            {kcb, with(func(g *house.Grant) { g.Purpose = strings.Repeat("đ", 501) }), steward.ErrGrant},
		"until now":             {kcb, with(func(g *house.Grant) { g.Until = now }), steward.ErrGrant},
		"for more than 5 years": {kcb, with(func(g *house.Grant) { g.Until = now.AddDate(5, 0, 0).Add(time.Second) }), steward.ErrGrant},
		"sensitive, by itself":  {kcb, with(func(g *house.Grant) { g.Fields = []string{"virus"} }), steward.ErrSensitive},
	} {
		if _, err := w.Give(t.Context(), c.who, c.grant); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l, _ := w.Get("blood"); len(l.Grants) != 0 {
		t.Fatalf("%+v", l.Grants)
	}
	g, err := w.Give(t.Context(), kcb, good)
	if err != nil || !g.Until.Equal(now.AddDate(1, 0, 0)) || g.Version != 1 || !g.Since.Equal(now) {
		t.Fatalf("%+v %v", g, err)
	}
	if _, err := w.Give(t.Context(), operator, with(func(g *house.Grant) { g.Fields, g.Until = []string{"virus"}, now.AddDate(5, 0, 0) })); err != nil {
		t.Errorf("the operator, for five years: %v", err)
	}
	holding := func(at time.Time) int { l, _ := w.Get("blood"); return len(l.Holding(at)) }
	if a, b, c := holding(now), holding(g.Until.Add(-time.Second)), holding(g.Until.Add(time.Second)); a != 2 || b != 2 || c != 1 {
		t.Errorf("%d hold now, %d to the end of the first, %d after it", a, b, c)
	}
	// whether there is such a grant is told to its two sides
	for name, c := range map[string]struct {
		who steward.Who
		id  string
		err error
	}{"a third": {steward.Who{Role: role.Role{Kind: role.Unit, ID: "dp"}, Name: "unit:dp"}, g.ID, store.ErrAbsent}, "no such": {kcb, "cs-none", store.ErrAbsent}, "who has it": {pb, g.ID, nil}} {
		if c.err == nil {
			w.clock.Advance(time.Minute)
			if holding(w.clock.Now()) != 2 {
				t.Error("a grant ended by itself")
			}
		}
		if err := w.EndGrant(t.Context(), c.who, "blood", c.id); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if holding(w.clock.Now().Add(time.Second)) != 1 {
		t.Error("the grant that was ended holds")
	}
}

// Of a database whose steward is no unit any more nothing changes, but by the operator,
// who names another.
func TestADissolvedStewardChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.declare(t, operator, blood)
	if _, err := w.Enter(t.Context(), kcb, "blood", registry.Values{"number": "A1"}); err != nil {
		t.Fatal(err)
	}
	w.gone["kcb"] = true
	if err := w.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l, err := w.Get("blood"); err != nil || !l.Dissolved {
		t.Fatalf("%+v %v", l, err)
	}
	_, enter := w.Enter(t.Context(), kcb, "blood", registry.Values{"number": "A2"})
	_, give := w.Give(t.Context(), kcb, house.Grant{Database: "blood", To: "unit:pb", Fields: []string{"number"}, Purpose: "kiểm kê kho"})
	_, declare := w.Declare(t.Context(), kcb, []byte(without(blood, "name: virus")))
	for name, err := range map[string]error{"a form": enter, "a grant": give, "a declaration": declare, "a step": w.Reach(t.Context(), kcb, "blood", registry.Building, "biên bản số 1")} {
		if !errors.Is(err, steward.ErrUnit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.declare(t, operator, strings.Replace(blood, "steward: kcb", "steward: pb", 1))
	if l, err := w.Get("blood"); err != nil || l.Dissolved || l.Steward != "pb" {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := w.Enter(t.Context(), pb, "blood", registry.Values{"number": "A2"}); err != nil {
		t.Error(err)
	}
	if _, err := w.Enter(t.Context(), kcb, "blood", registry.Values{"number": "A3"}); !errors.Is(err, steward.ErrSteward) {
		t.Errorf("who it was: %v", err)
	}
}
