package admin_test

import (
	"context"
	"testing"

	"lienthong/internal/roster"
)

func (o *office) AddStaff(_ context.Context, actor string, n roster.Addition) (string, error) {
	o.did = append(o.did, actor+" adds "+n.Name+" "+n.Facility+" "+n.Roles[0])
	return "0a", nil
}

func (o *office) ListStaff(_ context.Context, facility string) ([]roster.Listed, error) {
	return []roster.Listed{{ID: "0a", Facility: facility}}, nil
}

func (o *office) SuspendStaff(_ context.Context, actor, id, reason string) error {
	o.did = append(o.did, actor+" suspends "+id+" "+reason)
	return nil
}

func (o *office) ResumeStaff(_ context.Context, actor, id string) error {
	o.did = append(o.did, actor+" resumes "+id)
	return nil
}

func TestActsOnStaffPassTheSocket(t *testing.T) {
	t.Parallel()
	o := &office{}
	c := dial(t, o)
	id, err := c.AddStaff(t.Context(), "me", roster.Addition{Name: "Lan", Facility: "79901", Roles: []string{"clinician:79901"}})
	if err != nil || id != "0a" || o.did[0] != "me adds Lan 79901 clinician:79901" {
		t.Errorf("%q %q %v", id, o.did, err)
	}
	if all, err := c.ListStaff(t.Context(), "79901"); err != nil || len(all) != 1 || all[0].Facility != "79901" {
		t.Errorf("%+v %v", all, err)
	}
	if err := c.SuspendStaff(t.Context(), "me", id, "left"); err != nil || o.did[1] != "me suspends 0a left" {
		t.Errorf("%q %v", o.did, err)
	}
	if err := c.ResumeStaff(t.Context(), "me", id); err != nil || o.did[2] != "me resumes 0a" {
		t.Errorf("%q %v", o.did, err)
	}
}
