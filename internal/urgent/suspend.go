package urgent

import (
	"context"
	"encoding/hex"

	"lienthong/internal/care"
)

// Suspend takes the right to open in an emergency from a member until it is lifted:
// the privacy officer of the same facility, after a review, never the member
// themself. All else goes on. Faults: emergency.absent.
func (d *Desk) Suspend(ctx context.Context, officer Member, whose care.Staff) error {
	who, err := d.Staffs.Staff(ctx, whose)
	if err != nil {
		return absent(err)
	}
	if officer.Role.Kind != "privacy" || who.Facility != officer.at() || officer.Staff == whose {
		return ErrAbsent
	}
	now := d.Clock.Now()
	if now.Before(who.NoEmergency) {
		return nil
	}
	next := *who
	next.NoEmergency = untilLifted(now)
	next.Version++
	return wrap("suspending", d.Staffs.PutStaff(ctx, next, d.act(officer, "emergency.suspended", hex.EncodeToString(whose[:]), "")))
}
