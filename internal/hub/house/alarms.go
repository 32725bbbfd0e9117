package house

import (
	"context"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/store/house"
)

// Alarms are the causes of alarms that the house knows of: tasks that are late, what
// the night's self-check found unequal, jobs of the night that gave up, room that
// runs out, and a restore that was proven too long ago.
func (h *House) Alarms(ctx context.Context, now time.Time) (map[string]alarm.Detail, error) {
	out := map[string]alarm.Detail{}
	late, open, err := h.Late(ctx)
	if err != nil {
		return nil, err
	}
	if late > 0 {
		out[alarm.Late+":"+alarm.Many] = alarm.Detail{N: late, Of: open}
	}
	unequal, failed, err := h.Night.Wrong(ctx)
	if err != nil {
		return nil, err
	}
	add := func(kind string, n *house.Night, by int) {
		d := out[kind+":"+n.Job]
		if d.N += by; n.Ended.After(d.Last) {
			d.Last, d.Code = n.Ended, n.Code
		}
		out[kind+":"+n.Job] = d
	}
	for i := range unequal {
		add(alarm.Counted, &unequal[i], int(unequal[i].Unequal))
	}
	for i := range failed {
		add(alarm.GaveUp, &failed[i], 1)
	}
	kept, err := h.keeping(ctx, now)
	if err != nil {
		return nil, err
	}
	if kept.Short() {
		out[alarm.Storage+":hub"] = alarm.Detail{N: kept.Disk.Days}
	}
	if kept.Restore != nil && kept.Stale(now) { // one that was never tried stands on the board from the first day
		out[alarm.Restore+":hub"] = alarm.Detail{Last: kept.Restore.At}
	}
	return out, nil
}
