package counters

import (
	"fmt"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/file"
)

// placed is every folded and unfolded delta by province and unit.
const placed = `(SELECT measure, day, province, unit, kind, purpose, n FROM counter_place
 UNION ALL SELECT e.measure, e.day, coalesce(v.province, ''), coalesce(v.unit, ''), e.kind, e.purpose, e.n
 FROM delta e LEFT JOIN facility_version v ON v.id = e.facility_version) d`

// foldPlaces adds deltas up to some number to the numbers of places.
const foldPlaces = `INSERT INTO counter_place (measure, day, province, unit, kind, purpose, n)
 SELECT d.measure, d.day, coalesce(v.province, ''), coalesce(v.unit, ''), d.kind, d.purpose, sum(d.n)
 FROM delta d LEFT JOIN facility_version v ON v.id = d.facility_version WHERE d.id <= ? GROUP BY 1, 2, 3, 4, 5, 6
 ON CONFLICT DO UPDATE SET n = n + excluded.n`

// placeDimensions are the columns that numbers of places can be split by.
var placeDimensions = map[store.Dimension]string{
	store.ByDay: `CAST(d.day AS TEXT)`, store.ByKind: `d.kind`, store.ByMeasure: `d.measure`, store.ByPurpose: `d.purpose`,
	store.ByProvince: `d.province`, store.ByUnit: `d.unit`,
}

// ofPlaces reports whether numbers of places answer a query: nothing in it is of a facility.
func ofPlaces(scope role.Scope, cq store.CountQuery) bool {
	for _, by := range cq.By {
		if placeDimensions[by] == "" {
			return false
		}
	}
	return scope.Facility == "" && cq.Facility == ""
}

// places begins the statement that answers a query out of numbers of places.
func places(scope role.Scope, cq store.CountQuery) *file.Query {
	q := file.Select(`SELECT ` + strings.Join(append(by(placeDimensions, cq), `sum(d.n)`), ", ") + ` FROM ` + placed)
	if !scope.All && scope.IsEmpty() {
		q.And("0")
	}
	for _, c := range []struct{ column, value string }{{"d.province", scope.Province}, {"d.unit", scope.Unit}, {"d.province", cq.Province}} {
		if c.value != "" {
			q.And(c.column+` = ?`, c.value)
		}
	}
	return q
}

// by gives the columns that a query splits by; unknown is said by known before.
func by(of map[store.Dimension]string, cq store.CountQuery) []string {
	columns := make([]string, 0, len(cq.By)+1)
	for _, d := range cq.By {
		columns = append(columns, of[d])
	}
	return columns
}

// known says which dimension there is not.
func known(cq store.CountQuery) error {
	for _, d := range cq.By {
		if dimensions[d] == "" {
			return fmt.Errorf("counters: no dimension %q", d)
		}
	}
	return nil
}
