package review_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/fault"
	"lienthong/internal/review"
	"lienthong/internal/role"
)

func officer(kind role.Kind, id string) review.Officer {
	return review.Officer{Role: role.Role{Kind: kind, ID: id}, Mark: "12"}
}

func TestADeskNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := review.New(review.Deps{}); err == nil {
		t.Error("a desk of nothing")
	}
}

func TestWhoActs(t *testing.T) {
	t.Parallel()
	named := officer(role.Privacy, "24917")
	named.Staff = care.Staff{0xF1}
	for want, o := range map[string]review.Officer{"privacy:24917/f1000000000000000000000000000000": named, "auditor 12": officer(role.Auditor, "")} {
		if o.Actor() != want {
			t.Errorf("%q, not %q", o.Actor(), want)
		}
	}
}

// Who has no business here is answered before anything is read: the desk has no parts.
func TestOthersAreAbsent(t *testing.T) {
	t.Parallel()
	d, ctx := &review.Desk{}, context.Background()
	for _, kind := range []role.Kind{role.Ministry, role.Province, role.Facility, role.Clinician, role.Counter, role.Citizen, role.Insurer} {
		o := officer(kind, "24917")
		_, queue := d.Queue(ctx, o)
		_, ask := d.Ask(ctx, o, review.Query{Case: "TTr-1"})
		_, list := d.Queries(ctx, o, 1)
		_, page := d.Page(ctx, o, "00000000000000000000000000000000", 0)
		_, export := d.Export(ctx, o, "00000000000000000000000000000000")
		_, breach := d.OpenBreach(ctx, o, review.Report{})
		_, breaches := d.Breaches(ctx, o)
		for name, err := range map[string]error{"queue": queue, "ask": ask, "queries": list, "page": page, "export": export, "breach": breach, "breaches": breaches} {
			if !errors.Is(err, review.ErrAbsent) {
				t.Errorf("%s %s: %v", kind, name, err)
			}
		}
	}
}

func TestQueriesThatCannotBe(t *testing.T) {
	t.Parallel()
	d, ctx, o := &review.Desk{}, context.Background(), officer(role.Auditor, "")
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	good := review.Query{Case: "TTr-15/2026", From: at, To: at.AddDate(0, 0, 30)}
	for name, change := range map[string]func(*review.Query){
		"no case":       func(q *review.Query) { q.Case = "  " },
		"a broken case": func(q *review.Query) { q.Case = "TTr\n15" },
		"no time":       func(q *review.Query) { q.From = time.Time{} },
		"backwards":     func(q *review.Query) { q.To = q.From },
		"too long":      func(q *review.Query) { q.To = q.From.AddDate(2, 0, 0) },
		"staff":         func(q *review.Query) { q.Staff = "abc" },
		"short staff":   func(q *review.Query) { q.Staff = "abcd" },
		"opening":       func(q *review.Query) { q.Opening = "zz" },
		"facility":      func(q *review.Query) { q.Facility = "x" },
		"a person":      func(q *review.Query) { q.About = "079990888401" },
	} {
		q := good
		change(&q)
		if _, err := d.Ask(ctx, o, q); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
