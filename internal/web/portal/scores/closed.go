package scores

import "lienthong/internal/web/portal/view"

// withheld reports whether a reader is not told what is asked of a subject: small
// parts of a closed database lead to its records.
func (x *Room) withheld(p view.Page, a asked, subject string) bool {
	if x.Closed == nil {
		return false
	}
	closed, whole := x.Closed(p.Reader.Role, subject)
	parted := a.By != "" || a.Period == "day" || a.Facility+a.Province+a.Level+a.Vendor != ""
	return closed && (!whole || parted)
}
