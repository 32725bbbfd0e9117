package facility_test

import (
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/facility"
)

var day = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

func directory() *facility.Directory {
	return facility.NewDirectory(facility.Contents{
		Epoch: 7,
		Versions: []facility.Version{
			{ID: 3, Code: "79901", Province: "79", Name: "B", From: day.AddDate(0, 1, 0)},
			{ID: 1, Code: "79901", Province: "74", Name: "A", From: day},
			{ID: 2, Code: "24604", Province: "24", From: day},
		},
		Clients: []facility.Client{
			{ID: "own", Facility: "79901"},
			{ID: "vendor", Facility: "24604"},
			{ID: "old", Facility: "79901", Revoked: day},
		},
		Carriers: []facility.Carrier{{Client: "vendor", Facility: "79901", Kinds: []string{"checkin"}, From: day, To: day.AddDate(0, 0, 10)}},
	})
}

func TestVersionOfAMoment(t *testing.T) {
	t.Parallel()
	d := directory()
	for _, q := range []struct {
		at   time.Time
		want string
	}{{day.AddDate(-1, 0, 0), "A"}, {day, "A"}, {day.AddDate(0, 0, 30), "A"}, {day.AddDate(0, 1, 0), "B"}, {day.AddDate(1, 0, 0), "B"}} {
		if v, ok := d.At("79901", q.at); !ok || v.Name != q.want {
			t.Errorf("at %v: %v", q.at, v.Name)
		}
	}
	if _, ok := d.At("00000", day); ok {
		t.Error("an unknown facility has a version")
	}
	if got := d.Codes(); len(got) != 2 || got[0] != "24604" {
		t.Errorf("codes %v", got)
	}
}

func TestWhoMaySend(t *testing.T) {
	t.Parallel()
	d := directory()
	for _, q := range []struct {
		name, client string
		code         care.FacilityCode
		kind         string
		at           time.Time
		want         bool
	}{
		{"its own", "own", "79901", "qd4750", day, true},
		{"another's", "own", "24604", "qd4750", day, false},
		{"a carrier's kind", "vendor", "79901", "checkin", day, true},
		{"another kind", "vendor", "79901", "qd4750", day, false},
		{"before the term", "vendor", "79901", "checkin", day.Add(-time.Second), false},
		{"at its end", "vendor", "79901", "checkin", day.AddDate(0, 0, 10), false},
		{"revoked", "old", "79901", "qd4750", day, false},
		{"unknown", "nobody", "79901", "qd4750", day, false},
	} {
		if got := d.MaySend(q.client, q.code, q.kind, q.at); got != q.want {
			t.Errorf("%s: %v", q.name, got)
		}
	}
}
