package errand_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lienthong/internal/duty"
	"lienthong/internal/errand"
	"lienthong/internal/fault"
)

// count is a counter in memory: shares by debt.
type count struct {
	mu     sync.Mutex
	now    map[string]errand.Wrong
	absent map[string]bool
}

func (c *count) set(owner duty.Party, check string, priority int, passed, of int64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	debt := "score/qd4750/" + check + "/" + string(owner)
	if c.now == nil {
		c.now = map[string]errand.Wrong{}
	}
	c.now[debt] = errand.Wrong{Debt: debt, Owner: owner, Check: check, Title: fault.Text{VI: "Điền " + check, EN: "Fill in " + check}, Priority: priority, Number: errand.Number{Passed: passed, Of: of, Figure: "SL.30"}}
	return debt
}

func (c *count) Wrong(_ context.Context, l errand.Limits, open []string) (wrong []errand.Wrong, right map[string]errand.Number, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	right = map[string]errand.Number{}
	for debt, w := range c.now {
		switch {
		case w.Number.Of < l.Least:
		case !w.Number.Right(l.Percent):
			wrong = append(wrong, w)
		case slices.Contains(open, debt):
			right[debt] = w.Number
		}
	}
	return wrong, right, nil
}

func TestADebtIsATaskUntilItsNumberIsRight(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx, c := t.Context(), &count{}
		round := func(want int64) {
			t.Helper()
			r, err := w.desk.Round(ctx, c)
			w.must(err)
			if r.Changed != want {
				t.Fatalf("%d changed, want %d", r.Changed, want)
			}
		}
		task := func(debt string) duty.Task {
			t.Helper()
			all, err := w.s.House.Duties.Debts(ctx, []string{debt})
			w.must(err)
			if len(all) != 1 {
				t.Fatalf("%d tasks of %s", len(all), debt)
			}
			return all[0]
		}
		debt := c.set("facility:79901", "sufficient.XML1.SO_CCCD", 1, 50, 100)
		c.set("facility:24604", "sufficient.XML1.SO_CCCD", 1, 5, 10) // too few to say anything
		c.set("unit:pb", "clean", 0, 99, 100)
		round(1)
		round(0)
		x := task(debt)
		if x.Facility != "79901" || x.Due != 20260708 || x.State != duty.Open || x.By != "hub" {
			t.Errorf("%+v", x)
		}
		c.set("facility:79901", "sufficient.XML1.SO_CCCD", 1, 97, 100)
		w.clock.Advance(time.Hour)
		round(1)
		round(0)
		x = task(debt)
		if x.State != duty.Done || x.Evidence.Passed != 97 || x.Evidence.Of != 100 || x.Evidence.Ref != "SL.30" {
			t.Errorf("%+v", x)
		}
		c.set("facility:79901", "sufficient.XML1.SO_CCCD", 1, 80, 100)
		round(1)
		v, err := w.desk.Look(ctx, who("facility:79901").Role, x.ID)
		w.must(err)
		if v.Task.State != duty.Open || v.Task.Reopened != 1 || len(v.Steps) != 3 || v.Steps[2].What != duty.StepReopened {
			t.Errorf("%+v", v)
		}
		// by hand: left alone for a day, then open again
		_, err = w.desk.Take(ctx, who("facility:79901"), x.ID, 0, duty.Step{What: duty.StepDone, Evidence: duty.Evidence{Text: "đã gửi lại"}})
		w.must(err)
		round(0)
		w.clock.Advance(25 * time.Hour)
		round(1)
		// what the ministry cancels stays so
		_, err = w.desk.Take(ctx, ministry, x.ID, 0, duty.Step{What: duty.StepCancelled, Why: "không áp dụng"})
		w.must(err)
		round(0)
		if id, err := w.desk.Raise(ctx, duty.Task{Unit: "pb", Debt: debt, Title: x.Title, Due: 20260901}); err != nil || id != x.ID {
			t.Errorf("raised again: %s %v", id, err)
		}
	})
}

func TestDebtsOfManyAndTwoHubsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx, c := t.Context(), &count{}
		for i := range 30 {
			c.set("facility:79901", fmt.Sprintf("sufficient.F%02d", i), 1+i%3, int64(i), 100)
		}
		var wg sync.WaitGroup
		for range 4 {
			other, err := errand.New(w.desk.Deps)
			w.must(err)
			wg.Go(func() {
				if _, err := other.Round(ctx, c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		all, _, err := w.desk.List(ctx, ministry.Role, duty.Filter{Limit: 100})
		w.must(err)
		if len(all) != 20 { // the worst of them, once each
			t.Errorf("%d tasks", len(all))
		}
		first := 0
		for _, x := range all {
			if x.Due == 20260708 { // priority 1
				first++
			}
		}
		if first != 10 {
			t.Errorf("%d of the first priority", first)
		}
		w.must(w.desk.PutLimits(ctx, ministry, errand.Limits{Each: 25, Percent: 10}))
		r, err := w.desk.Round(ctx, c)
		w.must(err)
		if l, err := w.desk.Limits(ctx); err != nil || l.Each != 25 || l.Window != 30 {
			t.Errorf("%+v %v", l, err)
		}
		if r.Changed == 0 {
			t.Error("other limits change nothing")
		}
		if err := w.desk.PutLimits(ctx, ministry, errand.Limits{Percent: 101}); !errors.Is(err, errand.ErrLimits) {
			t.Error(err)
		}
		if err := w.desk.PutLimits(ctx, who("unit:pb"), errand.Limits{}); !errors.Is(err, errand.ErrMay) {
			t.Error(err)
		}
		done, err := w.desk.Settle(ctx, all[0].Debt, duty.Evidence{Text: "x", Passed: 1, Of: 1})
		again, err2 := w.desk.Settle(ctx, all[0].Debt, duty.Evidence{Text: "x", Passed: 1, Of: 1})
		if err != nil || err2 != nil || again || !done && func() bool { v, _ := w.desk.Look(ctx, ministry.Role, all[0].ID); return v.Task.State != duty.Done }() {
			t.Errorf("%v %v %v %v", done, err, again, err2)
		}
		if done, err := w.desk.Settle(ctx, "nothing", duty.Evidence{Text: "x"}); done || err != nil {
			t.Errorf("%v %v", done, err)
		}
	})
}
