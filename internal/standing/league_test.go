package standing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/grade"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/standing"
)

func place(code care.FacilityCode, province, name string, level facility.Level, vendor string) facility.Version {
	return facility.Version{Code: code, Name: name, Level: level, Province: province, Vendor: vendor, From: noon.AddDate(-1, 0, 0)}
}

// leagueWorld is four facilities: one that sends, one that fell silent, one that
// never sent, and one that moved from Hanoi to Hồ Chí Minh City in mid-month.
func leagueWorld() *world {
	return &world{
		versions: []facility.Version{
			place("01001", "01", "Bạch Mai", facility.Central, "B"),
			place("01002", "01", "An Bình", facility.Provincial, "A"),
			place("01003", "01", "Chợ Mới", facility.Commune, ""),
			place("79001", "79", "Thủ Đức", facility.Provincial, "A"),
			place("01009", "79", "Đống Đa", facility.Commune, "A"),
		},
		seen: map[care.FacilityCode]time.Time{"01001": noon.Add(-time.Hour), "01002": noon.AddDate(0, 0, -9), "79001": noon.Add(-time.Hour), "01009": noon.Add(-time.Minute)},
		rows: []row{
			{20261102, "01001", "01", "B", "qd4750", "accepted", 10},
			{20261103, "01001", "01", "B", "qd4750", "accepted_with_warnings", 5},
			{20261103, "01001", "01", "B", "qd4750", "rejected", 4},
			{20261104, "01001", "01", "B", "qd4750", "refused", 2},
			{20261104, "01001", "01", "B", "qd4750", "superseded", 3},
			{20261105, "01001", "01", "B", "qd4750", "withdrawn", 1},
			{20261105, "01001", "01", "B", "qd4750", "lookup.elsewhere", 7},
			{20261105, "01001", "01", "B", "qd4750", "lookup", 90},
			{20261101, "01002", "01", "A", "qd4750", "accepted", 1},
			{20261105, "01002", "01", "A", "qd4750", "superseded", 2}, // of records of before
			{20261010, "01002", "01", "A", "qd4750", "accepted", 1000},
			{20261103, "01009", "01", "A", "qd4750", "accepted", 40}, // before it moved
			{20261118, "01009", "79", "A", "qd4750", "accepted", 6},
			{20261118, "79001", "79", "A", "qd4750", "accepted", 30},
		},
		words: []grade.Line{
			word("01001", score.Correct, 90, 100), word("01002", score.Correct, 1, 2), word("79001", score.Correct, 9, 10),
			{Subject: "fhir", Key: []string{"01001"}, Words: map[score.Word]score.Ratio{score.Correct: {Passed: 10, Applied: 100}}},
			{Subject: "db:vaccination", Key: []string{"01001"}, Words: map[score.Word]score.Ratio{score.Correct: {Passed: 0, Applied: 1000}}},
		},
	}
}

func league(t *testing.T, w *world, scope role.Scope, a standing.Asked) []standing.Line {
	t.Helper()
	a.From, a.To = 20261101, 20261122
	list, err := w.desk(t).League(t.Context(), scope, a)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func codes(list []standing.Line) string {
	var out []string
	for _, l := range list {
		out = append(out, string(l.Code))
	}
	return strings.Join(out, " ")
}

func TestLeagueCountsWhatAFacilityDid(t *testing.T) {
	t.Parallel()
	all := league(t, leagueWorld(), role.Scope{All: true}, standing.Asked{})
	if codes(all) != "01001 01002 01003 01009 79001" {
		t.Fatal(codes(all))
	}
	l := all[0]
	if l.Sent != 19 || l.Accepted != 15 || l.Rejected != 4 || l.Refused != 2 || l.Opened != 7 || l.Vendor != "B" || l.Silence || l.Moved {
		t.Errorf("%+v", l)
	}
	if l.Retrievable != 15-3-2 { // withdrawing takes the record, and the withdrawal was accepted too
		t.Errorf("retrievable %d", l.Retrievable)
	}
	if r := l.Words[score.Correct]; r != (score.Ratio{Passed: 100, Applied: 200}) { // of records, not of entries of databases
		t.Errorf("words %+v", r)
	}
	if all[1].Retrievable != 0 || all[1].Sent != 1 {
		t.Errorf("more were superseded than came: %+v", all[1])
	}
	if all[3].Sent != 46 || all[3].Moved {
		t.Errorf("the nation does not mind who moved: %+v", all[3])
	}
}

func TestLeagueGivesEachProvinceWhatCameWhileItBelongedThere(t *testing.T) {
	t.Parallel()
	hanoi := league(t, leagueWorld(), role.Scope{Province: "01"}, standing.Asked{})
	city := league(t, leagueWorld(), role.Scope{Province: "79"}, standing.Asked{})
	if codes(hanoi) != "01001 01002 01003 01009" || codes(city) != "01009 79001" {
		t.Fatal(codes(hanoi), "/", codes(city))
	}
	gone, came := hanoi[3], city[0]
	if gone.Sent != 40 || !gone.Moved || !gone.LastSeen.IsZero() || gone.Silence || gone.Province != "79" {
		t.Errorf("where it was: %+v", gone)
	}
	if came.Sent != 6 || came.Moved || came.LastSeen.IsZero() {
		t.Errorf("where it is: %+v", came)
	}
	// it sent while it was there: it is none of those that never did
	if got := codes(league(t, leagueWorld(), role.Scope{Province: "01"}, standing.Asked{Show: "never"})); got != "01003" {
		t.Errorf("never: %s", got)
	}
	if got := codes(league(t, leagueWorld(), role.Scope{Province: "01"}, standing.Asked{Show: "connected"})); got != "01001 01002 01009" {
		t.Errorf("connected: %s", got)
	}
}

func TestLeagueShows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked standing.Asked
		want  string
	}{
		"all":                 {standing.Asked{}, "01001 01002 01003 01009 79001"},
		"those that came":     {standing.Asked{Show: "connected"}, "01001 01002 01009 79001"},
		"those that sent":     {standing.Asked{Show: "sending"}, "01001 01002 01009 79001"},
		"those that are late": {standing.Asked{Show: "silent"}, "01002"},
		"those that never":    {standing.Asked{Show: "never"}, "01003"},
		"one province":        {standing.Asked{Province: "79"}, "01009 79001"},
		"one level":           {standing.Asked{Level: string(facility.Provincial)}, "01002 79001"},
		"one maker":           {standing.Asked{Vendor: "A", Province: "01"}, "01002"},
		"nobody":              {standing.Asked{Vendor: "Z"}, ""},
	} {
		if got := codes(league(t, leagueWorld(), role.Scope{All: true}, c.asked)); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
	// by its own calendar one sends once a month, and another is late after an hour
	w := leagueWorld()
	w.late = map[care.FacilityCode]bool{"01002": false, "79001": true}
	if got := codes(league(t, w, role.Scope{All: true}, standing.Asked{Show: "silent"})); got != "79001" {
		t.Errorf("late by their own calendars: %s", got)
	}
	// a file that was returned whole is sending too
	w.rows = []row{{20261104, "01003", "01", "", "", "refused", 1}}
	if got := codes(league(t, w, role.Scope{All: true}, standing.Asked{Show: "sending"})); got != "01003" {
		t.Errorf("refused: %s", got)
	}
}

func TestLeagueSorts(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{
		"":            "01001 01002 01003 01009 79001",
		"nonsense":    "01001 01002 01003 01009 79001",
		"name":        "01002 01001 01003 01009 79001", // Đ is after C, not after Z
		"sent":        "01009 79001 01001 01002 01003",
		"rejected":    "01001 01002 01003 01009 79001",
		"retrievable": "01009 79001 01001 01002 01003",
		"opened":      "01001 01002 01003 01009 79001",
		"vendor":      "01003 01002 01009 79001 01001",
		"seen":        "01003 01002 01001 79001 01009",
		"correct":     "01001 01002 79001 01003 01009", // the worst first, without one last; the same in order of codes
		"clean":       "01001 01002 01003 01009 79001",
	} {
		if got := codes(league(t, leagueWorld(), role.Scope{All: true}, standing.Asked{Sort: column})); got != want {
			t.Errorf("%q: %s, not %s", column, got, want)
		}
	}
}

func TestLeagueSpans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to int
		ok       bool
	}{
		"a day":              {20261122, 20261122, true},
		"92 days":            {20260823, 20261122, true},
		"93 days":            {20260822, 20261122, false},
		"tomorrow":           {20261122, 20261123, false},
		"backwards":          {20261122, 20261121, false},
		"no day":             {20260231, 20260301, false},
		"nothing":            {0, 0, false},
		"before":             {-20261122, 20261122, false},
		"two years ago":      {20241122, 20241130, true},
		"further back":       {20241121, 20241130, false},
		"a month that is 13": {20251301, 20260101, false},
		"over the new year":  {20251201, 20260228, true},
	} {
		_, err := leagueWorld().desk(t).League(t.Context(), role.Scope{All: true}, standing.Asked{From: c.from, To: c.to})
		if c.ok && err != nil || !c.ok && !errors.Is(err, standing.ErrSpan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Days that end today have no end in the question: the running month is one row then.
func TestLeagueAsksForTheRunningMonthWhole(t *testing.T) {
	t.Parallel()
	w := leagueWorld()
	d := w.desk(t)
	for _, to := range []int{20261122, 20261121} {
		if _, err := d.League(t.Context(), role.Scope{All: true}, standing.Asked{From: 20261101, To: to}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.asked) != 2 || w.asked[0].ToDay != 0 || w.asked[1].ToDay != 20261121 || w.asked[0].FromDay != 20261101 {
		t.Errorf("%+v", w.asked)
	}
}

// For half a minute a scope is given the same league again; another scope never is.
func TestLeagueIsGivenAgainToTheSameScopeOnly(t *testing.T) {
	t.Parallel()
	w := leagueWorld()
	d := w.desk(t)
	ask := func(scope role.Scope) string {
		list, err := d.League(t.Context(), scope, standing.Asked{From: 20261101, To: 20261122, Sort: "name"})
		if err != nil {
			t.Fatal(err)
		}
		return codes(list)
	}
	first := ask(role.Scope{Province: "79"})
	w.rows = append(w.rows, row{20261120, "01001", "79", "B", "qd4750", "accepted", 1})
	if again := ask(role.Scope{Province: "79"}); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	if other := ask(role.Scope{Province: "01"}); other == first || !strings.HasPrefix(other, "01002") {
		t.Errorf("Hanoi is told %s", other)
	}
	w.clock.Advance(time.Hour)
	if later := ask(role.Scope{Province: "79"}); !strings.Contains(later, "01001") {
		t.Errorf("an hour later: %s", later)
	}
}

func TestLeagueOfNobodysScopeIsEmpty(t *testing.T) {
	t.Parallel()
	w := leagueWorld()
	w.rows = nil
	if got := codes(league(t, w, role.Scope{}, standing.Asked{})); got != "" {
		t.Errorf("%s", got)
	}
}
