package insight_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lienthong/internal/care"
	"lienthong/internal/facility"
	"lienthong/internal/insight"
)

var now = time.Date(2026, 7, 14, 3, 42, 30, 0, time.UTC)

func places() []insight.Place {
	return []insight.Place{
		{Code: "A0001", Name: "Ánh", Level: facility.Central, Province: "01", LastSeen: now.Add(-time.Minute)},
		{Code: "A0002", Name: "An", Level: facility.Commune, Province: "01", LastSeen: now.Add(-25 * time.Hour)},
		{Code: "A0003", Name: "Bình", Level: facility.Commune, Province: "25"},
	}
}

func TestBoard(t *testing.T) {
	t.Parallel()
	o := insight.Board(insight.Input{Now: now, Places: places(),
		Total:   []insight.Sum{{Measure: "accepted", N: 100}, {Measure: "accepted_with_warnings", N: 20}, {Measure: "rejected", N: 3}, {Measure: "superseded", N: 9}, {Measure: "doc:XML13", N: 7}},
		WeekAgo: []insight.Sum{{Measure: "accepted", N: 8}, {Measure: "lookup", N: 2}},
		Today: []insight.Cell{{Facility: "A0001", Measure: "accepted", N: 5}, {Facility: "A0001", Measure: "rejected", N: 2}, {Facility: "A0001", Measure: "code:time.order", N: 2},
			{Facility: "A0001", Measure: "code:XML1.T_THUOC.sum", N: 4}, {Facility: "A0001", Measure: "refused", N: 1}, {Facility: "A0001", Measure: "doc:XML2", N: 5}},
	})
	if o.Day != 20260714 || o.WeekAgo != 20260707 {
		t.Errorf("days %d, %d", o.Day, o.WeekAgo)
	}
	if want := (insight.Flow{Total: 123, Today: 7, WeekAgo: 8}); o.Records != want {
		t.Errorf("records %+v", o.Records)
	}
	if o.Registered != 3 || o.Connected != 2 || o.Sending != 1 || o.Silent != 1 || o.AcceptedToday != 5 || o.RejectedToday != 2 || o.RefusedToday != 1 {
		t.Errorf("%+v", o)
	}
	if o.Referrals.Total != 7 || o.Prescriptions.Today != 5 || o.LookUps.WeekAgo != 2 {
		t.Errorf("%+v %+v %+v", o.Referrals, o.Prescriptions, o.LookUps)
	}
	if diff := cmp.Diff([]insight.Cause{{Code: "time.order", N: 2, Facilities: 1}}, o.Causes); diff != "" {
		t.Error(diff)
	}
	want := []insight.LevelLine{{Level: facility.Central, Registered: 1, Connected: 1, Sending: 1, Sent: 7, Accepted: 5, Rejected: 2},
		{Level: facility.Provincial}, {Level: facility.Regional}, {Level: facility.Commune, Registered: 2, Connected: 1, Silent: 1}}
	if diff := cmp.Diff(want, o.Levels); diff != "" {
		t.Error(diff)
	}
	if len(o.Provinces) != 2 || o.Provinces[0].Sent != 7 || o.Provinces[1].Connected != 0 {
		t.Errorf("provinces %+v", o.Provinces)
	}
}

// Levels and provinces are two cuts of the same facilities: their sums agree.
func TestCutsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := insight.Input{Now: now}
		for i := range rapid.IntRange(0, 20).Draw(t, "places") {
			p := insight.Place{Code: care.FacilityCode("A000" + string(rune('A'+i))), Level: rapid.SampledFrom(facility.Levels()).Draw(t, "level"),
				Province: rapid.SampledFrom([]string{"01", "25", "79"}).Draw(t, "province")}
			if rapid.Bool().Draw(t, "connected") {
				p.LastSeen = now.Add(-time.Duration(rapid.IntRange(0, 50).Draw(t, "hours")) * time.Hour)
			}
			in.Places = append(in.Places, p)
			in.Today = append(in.Today, insight.Cell{Facility: p.Code, Measure: rapid.SampledFrom(insight.Verdicts()).Draw(t, "state"), N: int64(rapid.IntRange(0, 9).Draw(t, "n"))})
		}
		o := insight.Board(in)
		var levels, provinces [4]int64
		for _, l := range o.Levels {
			levels = [4]int64{levels[0] + l.Sent, levels[1] + l.Accepted + l.Rejected, levels[2] + int64(l.Connected), levels[3] + int64(l.Silent)}
		}
		for _, p := range o.Provinces {
			provinces = [4]int64{provinces[0] + p.Sent, provinces[1] + p.Accepted + p.Rejected, provinces[2] + int64(p.Connected), provinces[3] + int64(p.Silent)}
		}
		if levels != provinces || levels[0] != o.Records.Today || levels[1] != levels[0] || levels[2] != int64(o.Connected) || levels[3] != int64(o.Silent) {
			t.Fatalf("levels %v, provinces %v, board %+v", levels, provinces, o)
		}
	})
}

func TestCausesAreSortedAndCounted(t *testing.T) {
	t.Parallel()
	cells := []insight.Cell{{Facility: "A0001", Measure: "code:facility.mismatch", N: 3}, {Facility: "A0002", Measure: "code:facility.mismatch", N: 1},
		{Facility: "A0001", Measure: "code:time.order", N: 9}, {Facility: "A0001", Measure: "rejected", N: 50}, {Facility: "A0001", Measure: "code:XML1.A.sum", N: 99}}
	want := []insight.Cause{{Code: "time.order", N: 9, Facilities: 1}, {Code: "facility.mismatch", N: 4, Facilities: 2, FixOnce: true}}
	if diff := cmp.Diff(want, insight.Causes(cells, insight.Rejects)); diff != "" {
		t.Error(diff)
	}
}

func TestCodesFallIntoTheirBlocks(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][2]bool{ // rejects, fix once
		"seal.expired": {false, false}, "facility.unknown": {false, true}, "facility.mismatch": {true, true}, "subject.sex": {true, true},
		"time.future": {true, false}, "SEAL.CERTIFICATE.expired": {false, false}, "XML1.MA_BENH_CHINH.not_in_list": {false, true}, "XML1.T_THUOC.sum": {false, false},
	} {
		if got := [2]bool{insight.Rejects(code), insight.FixOnce(code)}; got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
}

func TestMinutesFillTheirGaps(t *testing.T) {
	t.Parallel()
	at := now.Truncate(time.Minute)
	m := insight.Minutes(now, 60, []insight.MinuteSum{{At: at, Measure: "accepted", N: 3}, {At: at.Add(-59 * time.Minute), Measure: "rejected", N: 2},
		{At: at.Add(-60 * time.Minute), Measure: "accepted", N: 9}, {At: at.Add(time.Minute), Measure: "accepted", N: 9}, {At: at, Measure: "accepted_with_warnings", N: 1}})
	if len(m) != 60 || m[59].Accepted != 4 || m[0].Rejected != 2 || !m[0].At.Equal(at.Add(-59*time.Minute)) || m[1].Accepted+m[1].Rejected != 0 {
		t.Errorf("%+v ... %+v", m[0], m[59])
	}
}

func TestStandingsSort(t *testing.T) {
	t.Parallel()
	list := insight.Standings(now, places(), []insight.Cell{{Facility: "A0002", Measure: "accepted", N: 4}, {Facility: "A0001", Measure: "rejected", N: 6}, {Facility: "A0003", Measure: "refused", N: 1}})
	for column, want := range map[string]string{"": "A0001 A0002 A0003", "name": "A0002 A0001 A0003", "sent": "A0001 A0002 A0003", "accepted": "A0002 A0001 A0003",
		"seen": "A0003 A0002 A0001", "refused": "A0003 A0001 A0002", "level": "A0001 A0002 A0003", "province": "A0001 A0002 A0003"} {
		sorted := append([]insight.Standing(nil), list...)
		insight.SortStandings(sorted, column)
		var codes []string
		for _, s := range sorted {
			codes = append(codes, string(s.Code))
		}
		if got := strings.Join(codes, " "); got != want {
			t.Errorf("by %q: %s", column, got)
		}
	}
	if !list[1].Silence || list[2].Silence || list[0].Silence {
		t.Error("silence is of connected facilities after 24 hours")
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, unit, note, value string
		want                    insight.Where
		sent                    bool
	}{
		{"Glucose", "mmol/L", "", "5.4", insight.Normal, false}, {"Natri", "mmol/L", "", "133", insight.Low, false}, {"CRP", "mg/L", "", "96", insight.High, false},
		{"Lạ", "g", "4,0 - 10,0", "13,8", insight.High, true}, {"Lạ", "g", "< 0.5", "0.4", insight.Normal, true}, {"Lạ", "g", "> 60", "59", insight.Low, true},
		{"Huyết sắc tố (HGB)", "g/L", "Tăng so với tham chiếu 120-165", "205", insight.High, true}, {"Số lượng bạch cầu (WBC)", "G/L", "", "3.1", insight.Low, false},
		{"Lạ", "g", "Trong giới hạn tham chiếu: 1.005-1.030.", "1.02", insight.Normal, true}, {"Lạ", "g", "", "1", insight.Unknown, false}, {"Lạ", "g", "10 - 4", "1", insight.Unknown, false}, {"Định lượng Glucose [Máu]", "mg/dL", "", "1", insight.Unknown, false},
	} {
		r, ok := insight.RangeOf(c.name, c.unit, []string{"", c.note}, care.Fold)
		v, isNumber := insight.Number(c.value)
		if got := r.Place(v); !isNumber || (ok && got != c.want) || (!ok && c.want != insight.Unknown) || (ok && r.Sent != c.sent) {
			t.Errorf("%+v: %+v, %v", c, r, got)
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"3,9 - 6,4", "tham chiếu 1-2", "< 5", "> 1.5", "1–2", "-", "1e5 - 2e6", ""} {
		f.Add(s, "1.5")
	}
	f.Fuzz(func(t *testing.T, note, value string) {
		r, ok := insight.RangeOf("x", "y", []string{note}, care.Fold)
		if ok && (r.Low < 0 || r.High < 0 || (r.High > 0 && r.High <= r.Low)) {
			t.Errorf("%q gave %+v", note, r)
		}
		if v, ok := insight.Number(value); ok && v < 0 {
			t.Errorf("%q gave %v", value, v)
		}
	})
}
