package admin

import (
	"context"

	"lienthong/internal/admin"
)

// Enrolments is how agents are let in.
type Enrolments interface {
	Invite(ctx context.Context, actor, code string, hours int) (admin.Invited, error)
	Approve(ctx context.Context, actor, client string) error
	Dismiss(ctx context.Context, actor, client string) error
	SetApproval(ctx context.Context, actor, approval string) error
	Enrolment(ctx context.Context) (admin.Enrolment, error)
}

func enrolment(serve func(string, func(context.Context, request) (response, error)), acts Enrolments) {
	serve("/facility/invite", func(ctx context.Context, q request) (response, error) {
		i, err := acts.Invite(ctx, q.Actor, q.Code, q.Hours)
		return response{Invited: &i}, err
	})
	serve("/facility/approve", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.Approve(ctx, q.Actor, q.Client)
	})
	serve("/facility/dismiss", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.Dismiss(ctx, q.Actor, q.Client)
	})
	serve("/facility/enrolment", func(ctx context.Context, q request) (response, error) {
		return response{}, acts.SetApproval(ctx, q.Actor, q.Approval)
	})
	serve("/facility/waiting", func(ctx context.Context, _ request) (response, error) {
		e, err := acts.Enrolment(ctx)
		return response{Enrolment: &e}, err
	})
}

// Invite makes a one-time code.
func (c *Client) Invite(ctx context.Context, actor, code string, hours int) (admin.Invited, error) {
	a, err := c.post(ctx, "/facility/invite", request{Actor: actor, Code: code, Hours: hours})
	if err != nil || a.Invited == nil {
		return admin.Invited{}, err
	}
	return *a.Invited, nil
}

// Approve lets a waiting system in.
func (c *Client) Approve(ctx context.Context, actor, client string) error {
	_, err := c.post(ctx, "/facility/approve", request{Actor: actor, Client: client})
	return err
}

// Dismiss turns a waiting system away.
func (c *Client) Dismiss(ctx context.Context, actor, client string) error {
	_, err := c.post(ctx, "/facility/dismiss", request{Actor: actor, Client: client})
	return err
}

// SetApproval says whether a second person must approve.
func (c *Client) SetApproval(ctx context.Context, actor, approval string) error {
	_, err := c.post(ctx, "/facility/enrolment", request{Actor: actor, Approval: approval})
	return err
}

// Enrolment tells who waits, and who forked.
func (c *Client) Enrolment(ctx context.Context) (admin.Enrolment, error) {
	a, err := c.post(ctx, "/facility/waiting", request{})
	if err != nil || a.Enrolment == nil {
		return admin.Enrolment{}, err
	}
	return *a.Enrolment, nil
}
