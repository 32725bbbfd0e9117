package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

func inflowCases() []testCase {
	return []testCase{
		{"how far a destination was read is kept", inflowPlaces},
		{"how the days of a destination compared is kept, and shown within the scope", mirrors},
		{"a unit's credential carries for facilities until its grant ends", unitCarries},
	}
}

func inflowPlaces(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	hospital := store.InflowPlace{Destination: "bhxh", Facility: cityHospital, Cursor: "17", At: at, Code: "insurer.503", Taken: 3, Refused: 1}
	all := store.InflowPlace{Destination: "bhxh", Cursor: "2", At: at}
	w.must(w.s.Inflow.PutPlace(w.ctx(), hospital))
	w.must(w.s.Inflow.PutPlace(w.ctx(), all))
	hospital.Cursor, hospital.Code, hospital.Taken = "18", "", 4
	w.must(w.s.Inflow.PutPlace(w.ctx(), hospital))
	w.reopen()
	got, err := w.s.Inflow.Places(w.ctx())
	w.must(err)
	if diff := cmp.Diff([]store.InflowPlace{all, hospital}, got); diff != "" {
		t.Error(diff)
	}
	if err := w.s.Inflow.PutPlace(w.ctx(), store.InflowPlace{Destination: "bhxh", Cursor: "a\x00"}); err == nil {
		t.Error("a NUL is kept")
	}
}

func mirrors(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	day := clock.Day(at)
	m := store.Mirror{Facility: cityHospital, Day: day, Destination: "bhxh", At: at, Here: 2, There: 2, Equal: 1,
		OnlyHere:  []store.MirrorItem{{Digest: "aa", Kind: "qd4750", Record: "79001-X"}},
		OnlyThere: []store.MirrorItem{{Digest: "bb", Kind: "checkin", Reference: "GD", Code: "C07"}}}
	w.must(w.s.Inflow.PutMirror(w.ctx(), m))
	older := m
	older.At, older.Equal = at.Add(-time.Hour), 0
	w.must(w.s.Inflow.PutMirror(w.ctx(), older)) // a slower hub's: the newer stays
	station := store.Mirror{Facility: hillStation, Day: day - 1, Destination: "bhxh", At: at}
	w.must(w.s.Inflow.PutMirror(w.ctx(), station))
	for name, c := range map[string]struct {
		scope    role.Scope
		from, to int
		want     []store.Mirror
	}{
		"all": {role.Scope{All: true}, 0, 0, []store.Mirror{m, station}}, "a facility's own": {role.Scope{Facility: hillStation}, 0, 0, []store.Mirror{station}},
		"nobody": {role.Scope{}, 0, 0, nil}, "a day": {role.Scope{All: true}, day, day, []store.Mirror{m}}, "until": {role.Scope{All: true}, 0, day - 1, []store.Mirror{station}},
	} {
		got, err := w.s.Inflow.Mirrors(w.ctx(), c.scope, "", c.from, c.to)
		w.must(err)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got, err := w.s.Inflow.Mirrors(w.ctx(), role.Scope{All: true}, cityHospital, 0, 0); err != nil || len(got) != 1 {
		t.Errorf("%v %v", got, err)
	}
}

func unitCarries(t *testing.T, h *Harness) {
	w := newWorld(t, h)
	at := w.clock.Now()
	grant := facility.Carrier{Client: "bhxh-1", Facility: cityHospital, Kinds: []string{"qd4750"}, From: at}
	change := store.DirectoryChange{Units: []facility.Unit{{ID: "bhxh", Kind: facility.SortInsurer}},
		Clients: []facility.Client{{ID: "bhxh-1", Unit: "bhxh", KeyID: "k", PublicKey: []byte("x"), Since: at}}, Carriers: []facility.Carrier{grant}}
	w.must(w.s.Facilities.Change(w.ctx(), change, w.act("carrier.grant")))
	end := at.Add(time.Hour)
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Carriers: []facility.Carrier{{Client: "bhxh-1", Facility: cityHospital, From: end, To: end}}}, w.act("carrier.end")))
	again := grant
	again.From = end.Add(time.Hour)
	w.must(w.s.Facilities.Change(w.ctx(), store.DirectoryChange{Carriers: []facility.Carrier{again}}, w.act("carrier.grant")))
	w.reopen()
	w.load()
	if c, ok := w.dir.Client("bhxh-1"); !ok || c.Unit != "bhxh" || c.Facility != "" || w.dir.Sort("bhxh-1") != facility.SortInsurer {
		t.Errorf("%+v %v", c, ok)
	}
	for after, may := range map[time.Duration]bool{0: true, 59 * time.Minute: true, time.Hour: false, 119 * time.Minute: false, 2 * time.Hour: true} {
		if w.dir.MaySend("bhxh-1", cityHospital, "qd4750", at.Add(after)) != may {
			t.Errorf("after %v: not %v", after, may)
		}
	}
	if w.dir.MaySend("bhxh-1", cityHospital, "emr", at) || w.dir.MaySend("bhxh-1", hillStation, "qd4750", at) || w.dir.MaySend("bhxh-1", "", "qd4750", at) {
		t.Error("it may send what nobody granted")
	}
	if list := w.dir.Carriers(cityHospital); len(list) != 2 || !list[0].To.Equal(end) || !list[1].To.IsZero() {
		t.Errorf("%+v", list)
	}
	if diff := cmp.Diff(change.Clients[0].Unit, w.dir.Contents().Clients[len(w.dir.Contents().Clients)-1].Unit); diff != "" {
		t.Error(diff)
	}
}
