package desk

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/view"
)

// Room tells the free bytes of the disk and those of the hub's own files.
type Room func() (free, used int64, err error)

// Keeper answers how well the hub's data are kept, out of its acts and counters.
type Keeper struct {
	acts     Acts
	counters Counters
	room     Room // nil: the data are not on this machine

	mu     sync.Mutex
	seen   int64 // the newest act that was read
	answer view.Keeping
}

// NewKeeper returns a keeper.
func NewKeeper(acts Acts, counters Counters, room Room) *Keeper {
	return &Keeper{acts: acts, counters: counters, room: room}
}

// Keeping returns the last backup, the last proven restore, and how long the disk lasts.
func (k *Keeper) Keeping(ctx context.Context, now time.Time) (view.Keeping, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(ctx); err != nil {
		return view.Keeping{}, err
	}
	out := k.answer
	if k.room == nil {
		return out, nil
	}
	var err error
	out.Disk, err = k.disk(ctx, now)
	return out, err
}

// read takes in the acts since the last time, newest first.
func (k *Keeper) read(ctx context.Context) error {
	var before, newest int64
	var backup, restore *view.Kept
	for {
		page, err := k.acts.Acts(ctx, before, 1000)
		if err != nil {
			return err
		}
		for i := range page {
			a := &page[i]
			newest = max(newest, a.ID)
			if a.ID <= k.seen {
				page = nil
				break
			}
			switch {
			case a.Action == admin.BackupMade && backup == nil:
				backup = keptBy(a)
			case a.Action == admin.RestoreProven && restore == nil:
				restore = keptBy(a)
			}
			before = a.ID
		}
		if len(page) == 0 {
			break
		}
	}
	k.seen = max(k.seen, newest)
	if backup != nil {
		k.answer.Backup = backup
	}
	if restore != nil {
		k.answer.Restore = restore
	}
	return nil
}

// keptBy reads an act's detail. What it does not say stays empty: the act
// itself is what counts.
func keptBy(a *store.Act) *view.Kept {
	var d struct {
		Records    int64  `json:"records"`
		RestoredAt string `json:"restored_at"`
		Last       *struct {
			Record string `json:"record"`
		} `json:"last"`
	}
	kept := &view.Kept{At: a.At}
	if err := json.Unmarshal([]byte(a.Detail), &d); err != nil {
		return kept
	}
	kept.Records = d.Records
	if d.Last != nil {
		kept.Last = d.Last.Record
	}
	if at, err := time.Parse(time.RFC3339Nano, d.RestoredAt); err == nil {
		kept.At = at
	}
	return kept
}

// days is how far back growth is looked at.
const days = 7

// disk says how long the room lasts: what a record took so far, times the
// records a day of the last days on which any came.
func (k *Keeper) disk(ctx context.Context, now time.Time) (*view.Disk, error) {
	d := &view.Disk{Days: -1}
	var err error
	if d.Free, d.Used, err = k.room(); err != nil {
		return nil, err
	}
	decided := []string{string(dossier.Accepted), string(dossier.AcceptedWithWarnings), string(dossier.Rejected)}
	all, err := k.counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{Measures: decided, By: []store.Dimension{store.ByMeasure}})
	if err != nil {
		return nil, err
	}
	recent, err := k.counters.Sum(ctx, role.Scope{All: true}, store.CountQuery{Measures: decided, FromDay: clock.Day(now.AddDate(0, 0, -days)), By: []store.Dimension{store.ByDay}})
	if err != nil {
		return nil, err
	}
	total, lately := sum(all), sum(recent)
	if total == 0 || lately == 0 {
		return d, nil
	}
	d.PerDay = int64(float64(d.Used) / float64(total) * float64(lately) / float64(len(recent)))
	d.Days = int(min(d.Free/max(1, d.PerDay), 36_500))
	return d, nil
}

func sum(counts []store.Count) (n int64) {
	for _, c := range counts {
		n += c.N
	}
	return n
}
