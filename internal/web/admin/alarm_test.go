package admin_test

import (
	"context"
	"testing"
	"time"

	"lienthong/internal/alarm"
	"lienthong/internal/store"
)

func (o *office) SetAlarms(_ context.Context, actor string, setting []byte) error {
	_, err := alarm.ParseLimits(setting)
	return err
}

func (o *office) ListAlarms(context.Context) (alarm.Listed, error) {
	return alarm.Listed{Setting: alarm.Limits{QueueMinutes: 45}, Alarms: []alarm.Alarm{alarm.Of(store.Alarm{Cause: "leg.queue:bhxh", State: store.AlarmOpen, Detail: `{"minutes":61}`, Opened: time.Unix(1, 0).UTC()})}}, nil
}

func (o *office) TryAlarms(context.Context, string) (int, error) { return 2, nil }

func (o *office) BindVendor(_ context.Context, actor, id, name string) error {
	if id == "" {
		return alarm.ErrOwner
	}
	return nil
}

func TestAlarmsOverTheSocket(t *testing.T) {
	t.Parallel()
	c := dial(t, &office{})
	ctx := context.Background()
	if err := c.SetAlarms(ctx, "an", []byte(`{"queue_minutes":45}`)); err != nil {
		t.Error(err)
	}
	if err := c.SetAlarms(ctx, "an", []byte(`{"queue_minutes":-1}`)); err == nil {
		t.Error("a setting that cannot be is kept")
	}
	l, err := c.ListAlarms(ctx)
	if err != nil || l.Setting.QueueMinutes != 45 || len(l.Alarms) != 1 || l.Alarms[0].Kind != alarm.Queue || l.Alarms[0].Text.VI == "" {
		t.Errorf("%+v %v", l, err)
	}
	if n, err := c.TryAlarms(ctx, "an"); err != nil || n != 2 {
		t.Errorf("%d %v", n, err)
	}
	if err := c.BindVendor(ctx, "an", "anh", "HIS Ánh"); err != nil {
		t.Error(err)
	}
	if err := c.BindVendor(ctx, "an", "", "HIS"); err == nil {
		t.Error("nobody is bound")
	}
}
