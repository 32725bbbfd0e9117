package handle

import "lienthong/internal/role"

// Scope adds the rows a reader may see: code is the column of the facility,
// version the alias of the facility_version joined to the row. Every part of a
// scope must hold; the empty scope matches nothing.
func (w *Where) Scope(s role.Scope, code, version string) {
	if s.All {
		return
	}
	if s.IsEmpty() {
		w.And("false")
	}
	if s.Facility != "" {
		w.And(code+" = ?", string(s.Facility))
	}
	if s.Province != "" {
		w.And(version+".province = ?", s.Province)
	}
	if s.Unit != "" {
		w.And(version+".unit = ?", s.Unit)
	}
}
