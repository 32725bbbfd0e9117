package admin

import (
	"context"

	"lienthong/internal/fault"
	"lienthong/internal/rekey"
)

// Turner turns the keys of a hub that runs.
type Turner interface {
	TurnMaster(ctx context.Context, actor string) (rekey.Turned, error)
	TurnMonth(ctx context.Context, actor, class string, month, limit int) (rekey.Turned, error)
}

// ErrTurn (keys.hub_needed): keys turn in a hub that runs.
var ErrTurn = fault.New(fault.Conflict, "keys.hub_needed",
	"Chỉ đổi khóa khi hub đang chạy. Chạy hub rồi làm lại.", "Keys turn while the hub runs. Start it and try again.")

func keys(serve func(path string, do func(ctx context.Context, q request) (response, error)), acts Acts) {
	turner, _ := acts.(Turner)
	serve("/keys/master", func(ctx context.Context, q request) (response, error) {
		if turner == nil {
			return response{}, ErrTurn
		}
		t, err := turner.TurnMaster(ctx, q.Actor)
		return response{Turned: &t}, err
	})
	serve("/keys/month", func(ctx context.Context, q request) (response, error) {
		if turner == nil {
			return response{}, ErrTurn
		}
		t, err := turner.TurnMonth(ctx, q.Actor, q.Class, q.Month, q.Limit)
		return response{Turned: &t}, err
	})
}

var _ Turner = (*Client)(nil)

// TurnMaster has everything wrapped by the newest master key.
func (c *Client) TurnMaster(ctx context.Context, actor string) (rekey.Turned, error) {
	return turned(c.post(ctx, "/keys/master", request{Actor: actor}))
}

// TurnMonth gives a class and month a new key, and moves what it wraps.
func (c *Client) TurnMonth(ctx context.Context, actor, class string, month, limit int) (rekey.Turned, error) {
	return turned(c.post(ctx, "/keys/month", request{Actor: actor, Class: class, Month: month, Limit: limit}))
}

func turned(a response, err error) (rekey.Turned, error) {
	if err != nil || a.Turned == nil {
		return rekey.Turned{}, err
	}
	return *a.Turned, nil
}
