package desk

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/insight"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Overview computes the first page. A board of many facilities, which takes its
// time, is computed once for all that look at it; Overview.Now says when.
func (d *Desk) Overview(ctx context.Context, r role.Role, now time.Time) (insight.Overview, error) {
	scope := r.Scope()
	return d.boards.Get(ctx, fmt.Sprint(scope, clock.Day(now)), func(ctx context.Context) (insight.Overview, error) {
		return d.overview(ctx, scope, d.clock.Now())
	})
}

func (d *Desk) overview(ctx context.Context, scope role.Scope, now time.Time) (insight.Overview, error) {
	in := insight.Input{Now: now}
	var err error
	if in.Places, err = d.places(ctx, scope); err != nil {
		return insight.Overview{}, err
	}
	shown := append(insight.Verdicts(), insight.MeasureReferral, insight.MeasurePrescription, insight.MeasureLookUp)
	today := clock.Day(now)
	// what was counted on days that are over stays: verdicts and documents count on the day of receipt
	past, err := d.past.Get(ctx, fmt.Sprint(scope, today), func(ctx context.Context) ([]insight.Sum, error) {
		return d.sums(ctx, scope, 0, clock.Day(now.AddDate(0, 0, -1)), shown)
	})
	if err != nil {
		return insight.Overview{}, err
	}
	since, err := d.sums(ctx, scope, today, 0, shown)
	if err != nil {
		return insight.Overview{}, err
	}
	in.Total = slices.Concat(past, since)
	week := insight.WeekAgo(now)
	if in.WeekAgo, err = d.sums(ctx, scope, week, week, shown); err != nil {
		return insight.Overview{}, err
	}
	if in.Today, err = d.cells(ctx, scope, today, today); err != nil {
		return insight.Overview{}, err
	}
	return insight.Board(in), nil
}

// Minutes returns the last 60 minutes.
func (d *Desk) Minutes(ctx context.Context, r role.Role, now time.Time) ([]insight.Minute, error) {
	const n = 60
	from := now.Truncate(time.Minute).Add(-(n - 1) * time.Minute)
	counts, err := d.minutes.Get(ctx, fmt.Sprint(r.Scope(), from.Unix()), func(ctx context.Context) ([]store.MinuteCount, error) {
		return d.in.Counters.Minutes(ctx, r.Scope(), from)
	})
	if err != nil {
		return nil, err
	}
	sums := make([]insight.MinuteSum, len(counts))
	for i, c := range counts {
		sums[i] = insight.MinuteSum{At: c.Minute, Measure: c.Measure, N: c.N}
	}
	return insight.Minutes(now, n, sums), nil
}

// Standings returns how every facility of the scope took part.
func (d *Desk) Standings(ctx context.Context, r role.Role, now time.Time, days int) ([]insight.Standing, error) {
	places, err := d.places(ctx, r.Scope())
	if err != nil {
		return nil, err
	}
	cells, err := d.cells(ctx, r.Scope(), clock.Day(now.AddDate(0, 0, 1-days)), clock.Day(now))
	if err != nil {
		return nil, err
	}
	return insight.Standings(now, places, cells), nil
}

// Causes returns what rejected records and what held purposes back.
func (d *Desk) Causes(ctx context.Context, r role.Role, now time.Time, days int) (view.Causes, error) {
	c := view.Causes{FromDay: clock.Day(now.AddDate(0, 0, 1-days)), ToDay: clock.Day(now)}
	counts, err := d.in.Counters.Sum(ctx, r.Scope(), store.CountQuery{FromDay: c.FromDay, ToDay: c.ToDay,
		By: []store.Dimension{store.ByFacility, store.ByMeasure, store.ByPurpose}})
	if err != nil {
		return view.Causes{}, err
	}
	type at struct{ facility, measure string }
	held := map[at]int64{}
	var cells []insight.Cell
	for _, n := range counts {
		cell := insight.Cell{Facility: care.FacilityCode(n.Key[0]), Measure: n.Key[1], N: n.N}
		if n.Key[2] == "" {
			cells = append(cells, cell)
		} else { // a code that holds two purposes back is counted under each, of the same records
			held[at{n.Key[0], n.Key[1]}] = max(held[at{n.Key[0], n.Key[1]}], n.N)
		}
		for _, v := range insight.Verdicts() {
			if cell.Measure == v {
				c.Sent += n.N
			}
		}
	}
	for _, cause := range insight.Causes(cells, insight.Rejects) {
		c.Rejecting = append(c.Rejecting, view.Cause{Cause: cause, Rejects: true})
	}
	cells = cells[:0]
	for k, n := range held {
		cells = append(cells, insight.Cell{Facility: care.FacilityCode(k.facility), Measure: k.measure, N: n})
	}
	for _, cause := range insight.Causes(cells, func(code string) bool { return !insight.Rejects(code) }) {
		c.Holding = append(c.Holding, view.Cause{Cause: cause})
	}
	return c, nil
}

// Today returns a facility's own day; the zero Today for other roles.
func (d *Desk) Today(ctx context.Context, r role.Role, now time.Time) (view.Today, error) {
	if r.Kind != role.Facility {
		return view.Today{}, nil
	}
	scope, code := r.Scope(), care.FacilityCode(r.ID)
	dir, err := d.directory(ctx)
	if err != nil {
		return view.Today{}, err
	}
	seen, err := d.in.Facilities.LastSeen(ctx, scope)
	if err != nil {
		return view.Today{}, err
	}
	t := view.Today{Facility: named(dir, code, 0), LastSeen: seen[code]}
	today, err := d.sums(ctx, scope, clock.Day(now), clock.Day(now), nil)
	if err != nil {
		return view.Today{}, err
	}
	for _, s := range today {
		switch s.Measure {
		case string(dossier.Accepted), string(dossier.AcceptedWithWarnings):
			t.Accepted += s.N
		case string(dossier.Rejected):
			t.Rejected += s.N
		case insight.MeasureRefused:
			t.Refused += s.N
		}
	}
	t.Records.Today = t.Accepted + t.Rejected
	week, err := d.sums(ctx, scope, insight.WeekAgo(now), insight.WeekAgo(now), insight.Verdicts())
	if err != nil {
		return view.Today{}, err
	}
	for _, s := range week {
		t.Records.WeekAgo += s.N
	}
	t.Certificates = certificates(dir, code)
	return t, nil
}

// certificates reads those pinned to a facility; one that cannot be read
// binds nothing, and package seal says so where it matters.
func certificates(dir *facility.Directory, code care.FacilityCode) []view.Certificate {
	var list []view.Certificate
	for _, c := range dir.Certificates(code) {
		x, err := x509.ParseCertificate(c.DER)
		if err != nil {
			continue
		}
		list = append(list, view.Certificate{Subject: x.Subject.String(), Until: x.NotAfter})
	}
	return list
}

// places are the facilities that lie in a scope now. When each was heard of is read
// once for all scopes.
func (d *Desk) places(ctx context.Context, scope role.Scope) ([]insight.Place, error) {
	dir, err := d.directory(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := d.seen.Get(ctx, "", func(ctx context.Context) (map[care.FacilityCode]time.Time, error) {
		return d.in.Facilities.LastSeen(ctx, role.Scope{All: true})
	})
	if err != nil {
		return nil, err
	}
	var quiet *alarm.Silence
	if d.in.Silence != nil {
		quiet = d.in.Silence()
	}
	var list []insight.Place
	for _, v := range dir.All() {
		if !within(scope, v) {
			continue
		}
		p := insight.Place{Code: v.Code, Name: Short(v.Name), Level: v.Level, Province: v.Province, LastSeen: seen[v.Code]}
		if quiet != nil {
			p.Learned, p.Late = quiet.Known[v.Code], quiet.Late[v.Code] && !p.LastSeen.After(quiet.At)
		}
		list = append(list, p)
	}
	return list, nil
}

func (d *Desk) sums(ctx context.Context, scope role.Scope, from, to int, measures []string) ([]insight.Sum, error) {
	counts, err := d.in.Counters.Sum(ctx, scope, store.CountQuery{FromDay: from, ToDay: to, Measures: measures,
		By: []store.Dimension{store.ByMeasure}})
	if err != nil {
		return nil, err
	}
	sums := make([]insight.Sum, len(counts))
	for i, c := range counts {
		sums[i] = insight.Sum{Measure: c.Key[0], N: c.N}
	}
	return sums, nil
}

func (d *Desk) cells(ctx context.Context, scope role.Scope, from, to int) ([]insight.Cell, error) {
	counts, err := d.in.Counters.Sum(ctx, scope, store.CountQuery{FromDay: from, ToDay: to,
		By: []store.Dimension{store.ByFacility, store.ByMeasure}})
	if err != nil {
		return nil, err
	}
	cells := make([]insight.Cell, len(counts))
	for i, c := range counts {
		cells[i] = insight.Cell{Facility: care.FacilityCode(c.Key[0]), Measure: c.Key[1], N: c.N}
	}
	return cells, nil
}

// Short writes a facility's name as lists show it (LOOK §9).
func Short(name string) string {
	for _, s := range [][2]string{
		{"Bệnh viện đa khoa", "BVĐK"}, {"Bệnh viện Đa khoa", "BVĐK"}, {"Trung tâm y tế", "TTYT"}, {"Trung tâm Y tế", "TTYT"},
		{"Trạm y tế", "TYT"}, {"Trạm Y tế", "TYT"}, {"Phòng khám đa khoa", "PKĐK"}, {"Phòng khám", "PK"}, {"Bệnh viện", "BV"},
	} {
		if rest, ok := strings.CutPrefix(name, s[0]); ok {
			return s[1] + rest
		}
	}
	return name
}
