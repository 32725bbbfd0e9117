package admin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lienthong/internal/admin"
)

var until = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func (o *office) Invite(_ context.Context, actor, code string, hours int) (admin.Invited, error) {
	o.did = append(o.did, fmt.Sprintf("%s invites %s for %d hours", actor, code, hours))
	return admin.Invited{Code: "ABCD", Expires: until}, nil
}

func (o *office) Approve(_ context.Context, actor, client string) error {
	o.did = append(o.did, actor+" approves "+client)
	return nil
}

func (o *office) Dismiss(_ context.Context, actor, client string) error {
	o.did = append(o.did, actor+" dismisses "+client)
	return nil
}

func (o *office) SetApproval(_ context.Context, actor, approval string) error {
	o.did = append(o.did, actor+" sets "+approval)
	return nil
}

func (o *office) Enrolment(context.Context) (admin.Enrolment, error) {
	return admin.Enrolment{Second: true, Waiting: []admin.Pending{{Client: "79901-1", Since: until}}, Forked: []admin.Forked{{Client: "79901-2", Seen: until}}}, nil
}

func TestEnrolmentGoesThroughTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	if i, err := c.Invite(t.Context(), "An", "79901", 72); err != nil || i.Code != "ABCD" || !i.Expires.Equal(until) {
		t.Errorf("%+v, %v", i, err)
	}
	if err := errors.Join(c.Approve(t.Context(), "Bình", "79901-1"), c.Dismiss(t.Context(), "An", "79901-3"), c.SetApproval(t.Context(), "An", "second")); err != nil {
		t.Error(err)
	}
	if e, err := c.Enrolment(t.Context()); err != nil || !e.Second || len(e.Waiting) != 1 || e.Waiting[0].Client != "79901-1" || len(e.Forked) != 1 || !e.Forked[0].Seen.Equal(until) {
		t.Errorf("%+v, %v", e, err)
	}
	if want := []string{"An invites 79901 for 72 hours", "Bình approves 79901-1", "An dismisses 79901-3", "An sets second"}; !slices.Equal(o.did, want) {
		t.Errorf("%q", o.did)
	}
}
