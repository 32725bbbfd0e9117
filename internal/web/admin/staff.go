package admin

import (
	"context"

	"lienthong/internal/roster"
)

// Roster is what is done about staff.
type Roster interface {
	AddStaff(ctx context.Context, actor string, n roster.Addition) (id string, err error)
	ListStaff(ctx context.Context, facility string) ([]roster.Listed, error)
	SuspendStaff(ctx context.Context, actor, id, reason string) error
	ResumeStaff(ctx context.Context, actor, id string) error
}

func staffs(serve func(string, func(context.Context, request) (response, error)), acts Roster) {
	serve("/staff/add", func(ctx context.Context, q request) (response, error) {
		id, err := acts.AddStaff(ctx, q.Actor, q.Staff)
		return response{ID: id}, err
	})
	serve("/staff/list", func(ctx context.Context, q request) (response, error) {
		all, err := acts.ListStaff(ctx, q.Code)
		return response{Staff: all}, err
	})
	serve("/staff/suspend", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.SuspendStaff(ctx, q.Actor, q.Client, q.Reason)
	})
	serve("/staff/resume", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.ResumeStaff(ctx, q.Actor, q.Client)
	})
}

// AddStaff adds somebody.
func (c *Client) AddStaff(ctx context.Context, actor string, n roster.Addition) (string, error) {
	a, err := c.post(ctx, "/staff/add", request{Actor: actor, Staff: n})
	return a.ID, err
}

// ListStaff lists the staff of a facility.
func (c *Client) ListStaff(ctx context.Context, facility string) ([]roster.Listed, error) {
	a, err := c.post(ctx, "/staff/list", request{Code: facility})
	return a.Staff, err
}

// SuspendStaff takes every right of somebody away.
func (c *Client) SuspendStaff(ctx context.Context, actor, id, reason string) error {
	_, err := c.post(ctx, "/staff/suspend", request{Actor: actor, Client: id, Reason: reason})
	return err
}

// ResumeStaff gives them back.
func (c *Client) ResumeStaff(ctx context.Context, actor, id string) error {
	_, err := c.post(ctx, "/staff/resume", request{Actor: actor, Client: id})
	return err
}
