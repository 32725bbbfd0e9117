package admin_test

import (
	"context"
	"testing"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/clock"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// applicants has one system that waits, invited by somebody.
type applicants struct {
	store.Enrolments
	by       string
	approved bool
}

func (a *applicants) Waiting(context.Context) ([]store.Applicant, error) {
	return []store.Applicant{{Client: facility.Client{ID: "79901-1", Facility: "79901"}, By: a.by}}, nil
}

func (a *applicants) Approve(context.Context, string, store.Act) error {
	a.approved = true
	return nil
}

// Whoever invited does not approve, by another door or spelling either.
func TestOnePersonIsOnePersonAtEveryDoor(t *testing.T) {
	t.Parallel()
	const line = ": command line"
	for _, c := range []struct{ by, actor, want string }{
		{"operator an" + line, "operator an" + line, "enrolment.same_person"},
		{"operator an" + line, "operator An" + line, "enrolment.same_person"},
		{"operator an" + line, "operator  aN " + line, "enrolment.same_person"},
		{"operator Ánh" + line, "operator A\u0301nh" + line, "enrolment.same_person"},
		{"operator Nguyễn  Văn An" + line, "nguyễn văn an (portal operator 0a1b)", "enrolment.same_person"},
		{"An (portal operator 0a1b)", "operator an" + line, "enrolment.same_person"},
		{"An (portal operator 0a1b)", "An (portal operator ffff)", "enrolment.same_person"},
		{"operator An" + line, "", "enrolment.operator"},
		{"operator An" + line, "  (portal operator 0a1b)", "enrolment.operator"},
		{"operator An" + line, "operator Bình" + line, ""},
		{"operator An" + line, "operator Ân" + line, ""},
		{"operator An" + line, "An Bình (portal operator 0a1b)", ""},
	} {
		a := &applicants{by: c.by}
		office := admin.New(admin.Deps{Clock: clock.NewFake(time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)), Enrolments: a})
		err := office.Approve(t.Context(), c.actor, "79901-1")
		code := ""
		if err != nil {
			code = fault.Of(err).Code
		}
		if code != c.want || a.approved != (c.want == "") {
			t.Errorf("invited by %q, approved by %q: %q, %t", c.by, c.actor, code, a.approved)
		}
	}
}
