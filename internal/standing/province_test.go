package standing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lienthong/internal/grade"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
	"lienthong/internal/store/house"
)

func target(id string, version int, value int64, due int) house.Target {
	return house.Target{Province: "01", ID: id, Version: version, Value: value, Due: due}
}

func TestProvinceHoldsTargetsAgainstFigures(t *testing.T) {
	t.Parallel()
	ended := target("word.clean", 2, 900, 20261231)
	ended.Ended = true
	for name, c := range map[string]struct {
		targets       []house.Target
		now, of       int64
		permille      int
		reached, late bool
	}{
		"connected, not yet":       {[]house.Target{target("connected", 1, 3, 20261122)}, 2, 0, -1, false, false},
		"connected, due yesterday": {[]house.Target{target("connected", 1, 3, 20261121)}, 2, 0, -1, false, true},
		"connected, in time":       {[]house.Target{target("connected", 1, 2, 20260101)}, 2, 0, -1, true, false},
		"sending today":            {[]house.Target{target("sending", 1, 1, 20261231)}, 1, 0, -1, true, false},
		"the last version counts":  {[]house.Target{target("connected", 1, 1, 20261231), target("connected", 2, 9, 20261231)}, 2, 0, -1, false, false},
		"accepted, exactly":        {[]house.Target{target("accepted", 1, 750, 20261231)}, 15, 20, 750, true, false},
		"accepted, by a hair":      {[]house.Target{target("accepted", 1, 751, 20261231)}, 15, 20, 750, false, false},
		"a word":                   {[]house.Target{target("word.correct", 1, 333, 20261231)}, 1, 3, 333, true, false},
		"a word, not rounded":      {[]house.Target{target("word.correct", 1, 334, 20261231)}, 1, 3, 333, false, false},
		"a word nobody counted":    {[]house.Target{target("word.clean", 1, 1, 20261121)}, 0, 0, -1, false, true},
	} {
		w := leagueWorld()
		w.words = []grade.Line{word("", score.Correct, 1, 3)}
		w.targets = append(c.targets, target("word.clean", 1, 900, 20261231), ended)
		if c.targets[0].ID == "word.clean" {
			w.targets = c.targets
		}
		w.rows = append(slices.Clone(w.rows[:3]), // 15 of 19 accepted within thirty days
			row{20261122, "01002", "01", "", "qd4750", "rejected", 1}, row{20261023, "01001", "01", "", "qd4750", "rejected", 5000})
		p, err := w.desk(t).Province(t.Context(), "01")
		if err != nil || len(p.Targets) != 1 {
			t.Errorf("%s: %+v %v", name, p, err)
			continue
		}
		a := p.Targets[0]
		if a.Now != c.now || a.Of != c.of || a.Permille != c.permille || a.Reached != c.reached || a.Late != c.late || len(a.Versions) != len(c.targets) {
			t.Errorf("%s: %+v", name, a)
		}
		if p.From != 20261024 || p.Board.Registered != 3 {
			t.Errorf("%s: from %d, %d facilities", name, p.From, p.Board.Registered)
		}
	}
}

func TestProvinceOfNoSuchCode(t *testing.T) {
	t.Parallel()
	d := leagueWorld().desk(t)
	for _, code := range []string{"", "00", "1", "001"} {
		if _, err := d.Province(t.Context(), code); !errors.Is(err, standing.ErrProvince) {
			t.Errorf("%q: %v", code, err)
		}
		if err := d.Aim(t.Context(), role.Role{Kind: role.Province, ID: "01"}, house.Target{Province: code, ID: "connected", Value: 1, Due: 20261231}, 0); !errors.Is(err, standing.ErrProvince) {
			t.Errorf("a target of %q: %v", code, err)
		}
	}
}

func TestAimRefusesWhatIsNoTarget(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target house.Target
		ok     bool
	}{
		"a number":                {target("connected", 0, 1_000_000, 20261122), true},
		"a share":                 {target("accepted", 0, 1000, 20261231), true},
		"every word":              {target("word.shared", 0, 1, 20261231), true},
		"yesterday":               {target("connected", 0, 1, 20261121), false},
		"no day":                  {target("connected", 0, 1, 20270231), false},
		"nothing":                 {target("connected", 0, 0, 20261231), false},
		"less than nothing":       {target("connected", 0, -1, 20261231), false},
		"more than there are":     {target("connected", 0, 1_000_001, 20261231), false},
		"more than all":           {target("accepted", 0, 1001, 20261231), false},
		"no such measure":         {target("word.fast", 0, 1, 20261231), false},
		"no measure":              {target("", 0, 1, 20261231), false},
		"a note":                  {house.Target{Province: "01", ID: "sending", Value: 1, Due: 20261231, Note: strings.Repeat("đ", 500)}, true},
		"a note that is a book":   {house.Target{Province: "01", ID: "sending", Value: 1, Due: 20261231, Note: strings.Repeat("đ", 501)}, false},
		"an end, of whatever day": {house.Target{Province: "01", ID: "sending", Value: 1, Due: 20200101, Ended: true}, true},
	} {
		w := leagueWorld()
		err := w.desk(t).Aim(t.Context(), role.Role{Kind: role.Province, ID: "01"}, c.target, 4)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, standing.ErrTarget) || len(w.targets) != len(w.acts) || c.ok != (len(w.targets) == 1) {
			t.Errorf("%s: %v, %d kept", name, err, len(w.targets))
		}
	}
}

// A target is kept as the version after the one that was shown, with its act.
func TestAimIsAVersionMore(t *testing.T) {
	t.Parallel()
	w := leagueWorld()
	d := w.desk(t)
	who := role.Role{Kind: role.Province, ID: "01"}
	end := target("accepted", 77, 900, 20261231)
	end.Ended = true
	for was, x := range []house.Target{target("accepted", 99, 900, 20261231), end} {
		if err := d.Aim(t.Context(), who, x, was); err != nil {
			t.Fatal(err)
		}
		kept, act := w.targets[was], w.acts[was]
		if kept.Version != was+1 || !kept.At.Equal(noon) || kept.By != who.String() {
			t.Errorf("%+v", kept)
		}
		if act.Action != []string{"target.set", "target.ended"}[was] || act.Object != "province:01" || act.Actor != who.String() || !strings.Contains(act.Detail, kept.Mark()) {
			t.Errorf("%+v", act)
		}
		if want := ledger.StatementLeaf(ledger.LeafAdmin, act.Statement()); string(act.Leaf) != string(want) {
			t.Errorf("leaf %x", act.Leaf)
		}
	}
}

func TestMeasures(t *testing.T) {
	t.Parallel()
	all := standing.Measures()
	if len(all) != 3+len(score.Words()) {
		t.Errorf("%v", all)
	}
	for _, m := range all {
		if want := m != "connected" && m != "sending"; standing.Share(m) != want {
			t.Errorf("%s is a share: %v", m, !want)
		}
	}
}
