package desk_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"lienthong/internal/role"
	"lienthong/internal/store"
	"lienthong/internal/web/portal/desk"
)

// diary is acts as a store lists them: newest first.
type diary struct {
	all  []store.Act
	read int
}

func (d *diary) Acts(_ context.Context, before int64, limit int) ([]store.Act, error) {
	var out []store.Act
	for _, a := range slices.Backward(d.all) {
		if (before == 0 || a.ID < before) && len(out) < limit {
			out = append(out, a)
			d.read++
		}
	}
	return out, nil
}

func (d *diary) add(at time.Time, action, detail string) {
	d.all = append(d.all, store.Act{ID: int64(len(d.all) + 1), At: at, Action: action, Detail: detail})
}

type tally struct{ total, lately []store.Count }

func (t tally) Sum(_ context.Context, _ role.Scope, q store.CountQuery) ([]store.Count, error) {
	if q.FromDay == 0 {
		return t.total, nil
	}
	return t.lately, nil
}

func (tally) Minutes(context.Context, role.Scope, time.Time) ([]store.MinuteCount, error) {
	return nil, nil
}

func TestTheLastBackupAndProofAreTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 7, 8, 1, 0, 0, 0, time.UTC)
	d := &diary{}
	room := func() (int64, int64, error) { return 1000, 500, nil }
	k := desk.NewKeeper(d, tally{}, room)
	got, err := k.Keeping(t.Context(), now)
	if err != nil || got.Backup != nil || got.Restore != nil || got.Disk == nil || got.Disk.Days != -1 {
		t.Fatalf("before anything: %+v, %v", got, err)
	}
	d.add(now.Add(-3*time.Hour), "restore.proven", `{"records":7,"restored_at":"2026-07-07T00:00:00.000000Z"}`)
	for i := range 2500 {
		d.add(now.Add(-2*time.Hour+time.Duration(i)*time.Second), "facility.add", `{}`)
	}
	d.add(now.Add(-time.Hour), "backup.made", `{"records":9,"last":{"record":"79901-x"}}`)
	if got, err = k.Keeping(t.Context(), now); err != nil || got.Backup == nil || got.Backup.Records != 9 || got.Backup.Last != "79901-x" ||
		got.Restore == nil || got.Restore.Records != 7 || !got.Restore.At.Equal(time.Date(2026, 7, 7, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v, %v", got, err)
	}
	d.read = 0
	d.add(now, "backup.made", `{"records":11}`)
	if got, err = k.Keeping(t.Context(), now); err != nil || got.Backup.Records != 11 || got.Restore.Records != 7 || d.read > 1000 {
		t.Errorf("%+v after %d acts read, %v", got.Backup, d.read, err)
	}
}

func TestDaysUntilTheDiskIsFull(t *testing.T) {
	t.Parallel()
	room := func() (int64, int64, error) { return 90_000, 10_000, nil } // 100 bytes a record
	counts := func(n ...int64) (out []store.Count) {
		for _, x := range n {
			out = append(out, store.Count{N: x})
		}
		return out
	}
	k := desk.NewKeeper(&diary{}, tally{total: counts(60, 40), lately: counts(20, 40)}, room)
	got, err := k.Keeping(t.Context(), time.Now())
	if err != nil || got.Disk.PerDay != 3000 || got.Disk.Days != 30 {
		t.Errorf("%+v, %v", got.Disk, err)
	}
	if got, err := desk.NewKeeper(&diary{}, tally{}, nil).Keeping(t.Context(), time.Now()); err != nil || got.Disk != nil {
		t.Errorf("data that are elsewhere: %+v, %v", got.Disk, err)
	}
}
