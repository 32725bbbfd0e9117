package scoring_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/role"
	"lienthong/internal/score/tally"
	"lienthong/internal/store/house"
	"lienthong/internal/store/scoring"
)

const open = 99991231

var nation = role.Scope{All: true}

func by(d ...house.ScoreDimension) []house.ScoreDimension { return d }

func TestPlanReadsOneRollUpWhereItHasTheAnswer(t *testing.T) {
	t.Parallel()
	part := func(scale, member string, has bool) scoring.Part {
		return scoring.Part{Scale: scale, Member: member, Has: has, From: 20261103, To: 20261120}
	}
	for name, c := range map[string]struct {
		scope role.Scope
		q     house.ScoreQuery
		want  scoring.Part
	}{
		"the nation":                     {nation, house.ScoreQuery{}, part(scoring.All, "", true)},
		"the nation by day":              {nation, house.ScoreQuery{By: by(house.ScoreByDay)}, part(scoring.All, "", true)},
		"of one subject":                 {nation, house.ScoreQuery{Subject: "qd4750"}, part(scoring.All, "", true)},
		"by province":                    {nation, house.ScoreQuery{By: by(house.ScoreByProvince)}, part(scoring.Provinces, "", false)},
		"by province and day":            {nation, house.ScoreQuery{By: by(house.ScoreByDay, house.ScoreByProvince)}, part(scoring.Provinces, "", false)},
		"one province":                   {nation, house.ScoreQuery{Province: "01"}, part(scoring.Provinces, "01", true)},
		"one province by province":       {nation, house.ScoreQuery{Province: "01", By: by(house.ScoreByProvince)}, part(scoring.Provinces, "01", true)},
		"a province's own":               {role.Scope{Province: "01"}, house.ScoreQuery{}, part(scoring.Provinces, "01", true)},
		"a province's own, asked for":    {role.Scope{Province: "01"}, house.ScoreQuery{Province: "01"}, part(scoring.Provinces, "01", true)},
		"a unit's own":                   {role.Scope{Unit: "u1"}, house.ScoreQuery{By: by(house.ScoreByUnit)}, part(scoring.Units, "u1", true)},
		"one maker":                      {nation, house.ScoreQuery{Vendor: "A"}, part(scoring.Vendors, "A", true)},
		"by maker":                       {nation, house.ScoreQuery{By: by(house.ScoreByVendor)}, part(scoring.Vendors, "", false)},
		"one level":                      {nation, house.ScoreQuery{Level: "4"}, part(scoring.Levels, "4", true)},
		"by level":                       {nation, house.ScoreQuery{By: by(house.ScoreByLevel)}, part(scoring.Levels, "", false)},
		"one unit of those a nation has": {nation, house.ScoreQuery{Unit: "u1"}, part(scoring.Units, "u1", true)},
	} {
		c.q.FromDay, c.q.ToDay = 20261103, 20261120
		got, err := scoring.Plan(c.scope, c.q)
		if err != nil || !slices.Equal(got, []scoring.Part{c.want}) {
			t.Errorf("%s: %+v %v, not %+v", name, got, err, c.want)
		}
	}
}

func TestPlanReadsFacilitiesWhereNoRollUpHasTheAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scope role.Scope
		q     house.ScoreQuery
	}{
		"by facility":                  {nation, house.ScoreQuery{By: by(house.ScoreByFacility)}},
		"one facility":                 {nation, house.ScoreQuery{Facility: "01001"}},
		"a facility's own":             {role.Scope{Facility: "01001"}, house.ScoreQuery{}},
		"a facility's own, by level":   {role.Scope{Facility: "01001"}, house.ScoreQuery{By: by(house.ScoreByLevel)}},
		"a province by maker":          {role.Scope{Province: "01"}, house.ScoreQuery{By: by(house.ScoreByVendor)}},
		"a unit in a province":         {role.Scope{Unit: "u1"}, house.ScoreQuery{Province: "01"}},
		"a level's makers":             {nation, house.ScoreQuery{Level: "4", Vendor: "A"}},
		"another province than theirs": {role.Scope{Province: "01"}, house.ScoreQuery{Province: "79"}},
		"another unit than theirs":     {role.Scope{Unit: "u1"}, house.ScoreQuery{Unit: "u2"}},
	} {
		got, err := scoring.Plan(c.scope, c.q)
		if want := (scoring.Part{Scale: scoring.Months, To: 99991200}); err != nil || !slices.Equal(got, []scoring.Part{want}) {
			t.Errorf("%s, months: %+v %v", name, got, err)
		}
		c.q.By = append(c.q.By, house.ScoreByDay)
		got, err = scoring.Plan(c.scope, c.q)
		if want := (scoring.Part{Scale: scoring.Days, To: open}); err != nil || !slices.Equal(got, []scoring.Part{want}) {
			t.Errorf("%s, days: %+v %v", name, got, err)
		}
	}
}

func TestPlanKnowsItsDimensions(t *testing.T) {
	t.Parallel()
	if _, err := scoring.Plan(nation, house.ScoreQuery{By: by(house.ScoreByDay, "patient")}); !errors.Is(err, scoring.ErrDimension) {
		t.Errorf("by patient: %v", err)
	}
}

// Of whatever days are asked for, every one is in exactly one part, no other is in
// any, and no day of a month that is asked for whole is read by itself.
func TestPlanCoversEachDayOnce(t *testing.T) {
	t.Parallel()
	var days []int
	for d := time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2025; d = d.AddDate(0, 0, 1) {
		days = append(days, d.Year()*10000+int(d.Month())*100+d.Day())
	}
	lengths := map[int]int{}
	for _, d := range days {
		lengths[d/100]++
	}
	r := rand.New(rand.NewPCG(8, 2))
	for range 1500 {
		from, to := days[r.IntN(len(days))], days[r.IntN(len(days))]
		if from > to {
			from, to = to, from
		}
		from, to = from*min(1, r.IntN(6)), to*min(1, r.IntN(6)) // 0: open
		parts, err := scoring.Plan(nation, house.ScoreQuery{FromDay: from, ToDay: to, By: by(house.ScoreByFacility)})
		if err != nil {
			t.Fatal(err)
		}
		asked := func(d int) bool { return d >= from && (to == 0 || d <= to) }
		single, whole := map[int]int{}, map[int]int{}
		for _, d := range days {
			times := 0
			for _, p := range parts {
				at := d
				if p.Scale == scoring.Months {
					at = d / 100 * 100
				}
				if at < p.From || at > p.To {
					continue
				}
				if times++; p.Scale == scoring.Days {
					single[d/100]++
				}
			}
			if asked(d) {
				whole[d/100]++
			}
			if want := map[bool]int{true: 1}[asked(d)]; times != want {
				t.Fatalf("%d to %d: day %d is read %d times out of %+v", from, to, d, times, parts)
			}
		}
		for m, n := range single {
			if whole[m] == lengths[m] && n > 0 {
				t.Fatalf("%d to %d: month %d is asked for whole and read by the day: %+v", from, to, m, parts)
			}
		}
	}
}

func TestPartGivesItsMemberBack(t *testing.T) {
	t.Parallel()
	for scale, want := range map[string]scoring.Attributes{
		scoring.Provinces: {Province: "x"}, scoring.Vendors: {Vendor: "x"}, scoring.Levels: {Level: "x"}, scoring.Units: {Unit: "x"}, scoring.All: {},
	} {
		p := scoring.Part{Scale: scale}
		if got := p.Attributes("x"); got != want || p.ByVersion() {
			t.Errorf("%s: %+v, by version %v", scale, got, p.ByVersion())
		}
	}
	if !(scoring.Part{Scale: scoring.Days}).ByVersion() || !(scoring.Part{Scale: scoring.Months}).ByVersion() {
		t.Error("days and months are of facility versions")
	}
}

// A maker, a level or a unit that is not named is a key of its own, and sums that
// came to nothing are none.
func TestAdderKeepsKeysApart(t *testing.T) {
	t.Parallel()
	a := scoring.NewAdder(house.ScoreQuery{By: by(house.ScoreByVendor, house.ScoreByDay)})
	one := tally.Tally{{Applied: 3, Failed: 1}}.Marshal()
	less := tally.Tally{{Applied: -3, Failed: -1}}.Marshal()
	for _, x := range []struct {
		vendor string
		day    int
		vector []byte
	}{{"B", 20261102, one}, {"", 20261101, one}, {"A", 20261101, one}, {"A", 20261101, one}, {"C", 20261101, one}, {"C", 20261101, less}} {
		if err := a.Bytes("qd4750", tally.ID{1}, scoring.Attributes{Facility: "01001", Vendor: x.vendor}, x.day, x.vector); err != nil {
			t.Fatal(err)
		}
	}
	want := []house.ScoreSum{
		{Subject: "qd4750", Sheet: tally.ID{1}, Key: []string{"", "20261101"}, Tally: tally.Tally{{Applied: 3, Failed: 1}}},
		{Subject: "qd4750", Sheet: tally.ID{1}, Key: []string{"A", "20261101"}, Tally: tally.Tally{{Applied: 6, Failed: 2}}},
		{Subject: "qd4750", Sheet: tally.ID{1}, Key: []string{"B", "20261102"}, Tally: tally.Tally{{Applied: 3, Failed: 1}}},
	}
	if got := a.Sums(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
	if err := a.Bytes("qd4750", tally.ID{1}, scoring.Attributes{}, 20261101, []byte{2}); !errors.Is(err, tally.ErrTally) {
		t.Errorf("half a vector: %v", err)
	}
}

func TestAdderOfOneCheck(t *testing.T) {
	t.Parallel()
	at := map[tally.ID]int{{1}: 1, {2}: 0, {3}: -1}
	a := scoring.NewAdder(house.ScoreQuery{One: func(_ string, sheet tally.ID) int { return at[sheet] }})
	vector := tally.Tally{{Applied: 7, Failed: 2}, {Applied: 5, Failed: 1}}.Marshal()
	for sheet := range at {
		if err := a.Bytes("s", sheet, scoring.Attributes{}, 20261101, vector); err != nil {
			t.Fatal(err)
		}
	}
	want := []house.ScoreSum{
		{Subject: "s", Sheet: tally.ID{1}, Key: []string{}, Tally: tally.Tally{{Applied: 5, Failed: 1}}},
		{Subject: "s", Sheet: tally.ID{2}, Key: []string{}, Tally: tally.Tally{{Applied: 7, Failed: 2}}},
	}
	if got := a.Sums(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
}

func TestCountKeepsKeysApart(t *testing.T) {
	t.Parallel()
	c := scoring.NewCount(house.ScoreQuery{By: by(house.ScoreByProvince, house.ScoreByFacility, house.ScoreByLevel, house.ScoreByUnit)})
	of := func(code care.FacilityCode, province string) scoring.Attributes {
		return scoring.Attributes{Facility: string(code), Province: province, Level: "4", Unit: "u1", Vendor: "A"}
	}
	c.Add("qd4750", of("79001", "79"), 20261101, 2)
	c.Add("qd4750", of("01001", "01"), 20261101, 1)
	c.Add("fhir", of("01001", "01"), 20261101, 5)
	c.Add("qd4750", of("01001", "01"), 20261102, 3)
	want := []house.Undelivered{
		{Subject: "fhir", Key: []string{"01", "01001", "4", "u1"}, N: 5},
		{Subject: "qd4750", Key: []string{"01", "01001", "4", "u1"}, N: 4},
		{Subject: "qd4750", Key: []string{"79", "79001", "4", "u1"}, N: 2},
	}
	if got := c.Sums(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
}
