package records

import (
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/store"
	"lienthong/internal/store/form"
	"lienthong/internal/store/postgres/handle"
)

func checkFilter(f store.Filter) error {
	return store.CheckText(string(f.Facility), f.Province, string(f.Level), f.Kind, string(f.State), f.Tag, string(f.Before.ID.Facility))
}

// bounds adds what records and refusals are both filtered by: facility, its
// version v, time and the place in the list.
func bounds(w *handle.Where, f store.Filter, at, alias string) {
	if f.Facility != "" {
		w.And(alias+".facility = ?", string(f.Facility))
	}
	if f.Province != "" {
		w.And("v.province = ?", f.Province)
	}
	if f.Level != "" {
		w.And("v.level = ?", string(f.Level))
	}
	if f.Day != 0 {
		from := time.Date(f.Day/10000, time.Month(f.Day/100%100), f.Day%100, 0, 0, 0, 0, clock.Hanoi)
		w.And(at+" >= ? AND "+at+" < ?", handle.Micros(from), handle.Micros(from.AddDate(0, 0, 1)))
	}
	if !f.Since.IsZero() {
		w.And(at+" >= ?", handle.Micros(f.Since))
	}
	if f.Before != (store.Cursor{}) {
		w.And("("+at+", "+alias+".facility, "+alias+".serial) < (?, ?, ?)",
			handle.Micros(f.Before.At), string(f.Before.ID.Facility), handle.UUID(f.Before.ID.Serial))
	}
}

// tagged joins the records that have the tag. The equal columns let the server
// walk the tag's own index, newest first.
func tagged(w *handle.Where, tag string) string {
	if tag == "" {
		return ""
	}
	if bit := form.CommonDocument(tag); bit != 0 {
		w.And("r.documents & ? <> 0 AND r.state <> 'rejected'", int64(bit))
		return ""
	}
	return ` JOIN tag t ON t.facility = r.facility AND t.serial = r.serial AND t.received = r.received AND t.tag = ` + w.Arg(tag)
}

// chosen adds what only records are filtered by.
func chosen(w *handle.Where, f store.Filter) {
	if len(f.Episode) > 0 {
		w.And("r.episode = ANY (?)", handle.Hashes(f.Episode))
	}
	if f.Kind != "" {
		w.And("r.kind = ?", f.Kind)
	}
	switch f.State {
	case "":
	case dossier.Superseded:
		w.And("r.state <> 'rejected' AND (r.late OR r.superseded_by <> '00000000-0000-0000-0000-000000000000')")
	case dossier.Withdrawn:
		w.And("r.withdrawn_by <> '00000000-0000-0000-0000-000000000000'")
	case dossier.Erased:
		w.And("r.erased <> 0")
	case dossier.Standing:
		w.And("r.state <> 'rejected' AND NOT r.late AND r.superseded_by = '00000000-0000-0000-0000-000000000000'" +
			" AND r.withdrawn_by = '00000000-0000-0000-0000-000000000000' AND r.withdraws = '00000000-0000-0000-0000-000000000000'")
	default:
		w.And("r.state = ?", string(f.State))
	}
	if len(f.Subject) > 0 {
		w.And("r.subject = ANY (?) AND r.subject <> ''", handle.Hashes(f.Subject))
	}
	switch {
	case ofPerson(&f): // the list begins with the person's subjects
		w.And("s.person = ? AND s.person <> '00000000-0000-0000-0000-000000000000' AND r.subject <> ''", handle.UUID(f.Person))
	case f.Person != (store.PersonID{}):
		w.And("(r.facility, r.subject) IN (SELECT s2.facility, s2.subject FROM subject s2 WHERE s2.person = ?) AND r.subject <> ''", handle.UUID(f.Person))
	}
}
