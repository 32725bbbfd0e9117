package house

import (
	"slices"

	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
)

// closedTo reports whether numbers of a subject would tell a reader what records say:
// of a database that closed classes of records make, to all but its steward and
// operators. The ministry is told those of the whole country.
func (h *House) closedTo(who role.Role, subject string) (closed, whole bool) {
	id, ok := score.DatabaseOf(subject)
	if !ok || who.Kind == role.Operator || h.Steward == nil {
		return false, false
	}
	l, err := h.Steward.Get(registry.ID(id))
	if err != nil { // it was declared by another hub just now
		return true, false
	}
	if !fromClosed(l.Sources) || who.Kind == role.Unit && who.ID == l.Steward {
		return false, false
	}
	return true, who.Kind == role.Ministry
}

// fromClosed reports whether closed classes of records make a database.
func fromClosed(sources []registry.Source) bool {
	return slices.ContainsFunc(sources, func(s registry.Source) bool { return s.Classes != 0 })
}
