package urgent

import (
	"context"
	"errors"
	"slices"
	"time"

	"lienthong/internal/identity"
	"lienthong/internal/staff"
	"lienthong/internal/store"
)

// named holds a member to the roster: whoever is shown who it may be, or opens,
// was put there by somebody with that role. A clinician of whom only their
// facility's system speaks may give a number and waits for a colleague: a system
// could name as many of those as it wants. Fault: emergency.staff.
func (d *Desk) named(ctx context.Context, by Member) error {
	who, err := d.Staffs.Staff(ctx, by.Staff)
	if errors.Is(err, store.ErrAbsent) || err == nil && !isNamed(who, by, d.Clock.Now()) {
		return identity.ErrStaff
	}
	return wrap("asking the roster", err)
}

func isNamed(who *staff.Staff, by Member, now time.Time) bool {
	return who.Facility == by.at() && slices.Contains(who.Roles, by.Role.String()) && (who.Suspended.IsZero() || who.Suspended.After(now))
}
