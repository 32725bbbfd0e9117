package admin

import (
	"context"
	"encoding/json"

	"lienthong/internal/alarm"
)

// Alarms is what is done about alarms, and whose software is whose.
type Alarms interface {
	SetAlarms(ctx context.Context, actor string, setting []byte) error
	ListAlarms(ctx context.Context) (alarm.Listed, error)
	TryAlarms(ctx context.Context, actor string) (int, error)
	BindVendor(ctx context.Context, actor, id, name string) error
}

func alarms(serve func(string, func(context.Context, request) (response, error)), acts Alarms) {
	serve("/alarm/set", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.SetAlarms(ctx, q.Actor, q.Setting)
	})
	serve("/alarm/list", func(ctx context.Context, _ request) (response, error) {
		l, err := acts.ListAlarms(ctx)
		return response{Alarms: &l}, err
	})
	serve("/alarm/test", func(ctx context.Context, q request) (response, error) {
		n, err := acts.TryAlarms(ctx, q.Actor)
		return response{Count: n}, err
	})
	serve("/vendor/bind", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.BindVendor(ctx, q.Actor, q.Client, q.Code)
	})
}

// SetAlarms keeps settings.
func (c *Client) SetAlarms(ctx context.Context, actor string, setting []byte) error {
	_, err := c.post(ctx, "/alarm/set", request{Actor: actor, Setting: json.RawMessage(setting)})
	return err
}

// ListAlarms returns settings and alarms.
func (c *Client) ListAlarms(ctx context.Context) (alarm.Listed, error) {
	a, err := c.post(ctx, "/alarm/list", request{})
	if err != nil || a.Alarms == nil {
		return alarm.Listed{}, err
	}
	return *a.Alarms, nil
}

// TryAlarms tells of nothing, to see whether tellings arrive.
func (c *Client) TryAlarms(ctx context.Context, actor string) (int, error) {
	a, err := c.post(ctx, "/alarm/test", request{Actor: actor})
	return a.Count, err
}

// BindVendor binds a partner to the name of its software.
func (c *Client) BindVendor(ctx context.Context, actor, id, name string) error {
	_, err := c.post(ctx, "/vendor/bind", request{Actor: actor, Client: id, Code: name})
	return err
}
