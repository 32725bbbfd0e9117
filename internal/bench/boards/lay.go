package boards

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/duty"
	"lienthong/internal/fault"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// judged is the kind whose quality is counted.
const judged = "qd4750"

// grade appends the quality of the records of each facility and day, as intake does,
// and adds it up.
func (c Config) grade(ctx context.Context, versions map[care.FacilityCode]int64) error {
	marks, err := c.marks(ctx)
	if err != nil {
		return err
	}
	scores, now := c.Hub.Slices.House.Scores, time.Now().UTC()
	each := max(1, c.Records/int64(c.Days)/int64(len(versions)))
	for d := range c.Days {
		day := clock.Day(now.AddDate(0, 0, -d))
		var deltas []house.ScoreDelta
		for _, version := range versions {
			deltas = append(deltas, house.ScoreDelta{FacilityVersion: version, Day: day, Subject: judged, Marks: marks[rand.IntN(len(marks))], N: each})
		}
		if err := scores.Append(ctx, deltas); err != nil {
			return err
		}
		for {
			n, err := scores.Fold(ctx)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

// marks are some different ones of the sheet in force: in few of them a check failed.
func (c Config) marks(ctx context.Context) ([]score.Marks, error) {
	sheets, err := c.Hub.Slices.House.Scores.Sheets(ctx)
	if err != nil {
		return nil, err
	}
	var sheet *score.Sheet
	for _, k := range sheets {
		if k.Subject == judged {
			if sheet, err = score.ParseSheet(k.Body); err != nil {
				return nil, err
			}
		}
	}
	if sheet == nil {
		return nil, fmt.Errorf("%w: no sheet of %s", errPage, judged)
	}
	out := make([]score.Marks, 50)
	for i := range out {
		out[i] = score.NewMarks(sheet)
		for j := range sheet.Checks {
			switch n := rand.IntN(1000); {
			case n < 2: // so that few facilities fall short in anything
				out[i].Set(j, score.Failed)
			case n < 900:
				out[i].Set(j, score.Passed)
			}
		}
		out[i] = out[i].Trim()
	}
	return out, nil
}

// tasks opens tasks of facilities, departments and provinces, a quarter of them from
// programmes, and ends every other one.
func (c Config) tasks(ctx context.Context, codes []care.FacilityCode) error {
	const page = 1000
	units, programmes := duty.Defaults(), duty.Programmes(nil)
	opened := time.Now().UTC().AddDate(0, 0, -20)
	for done := 0; done < c.Tasks; done += page {
		n := min(page, c.Tasks-done)
		first, err := c.Hub.Slices.House.Duties.Numbers(ctx, opened, n)
		if err != nil {
			return err
		}
		var begun, ended []duty.Change
		for i := range n {
			t := duty.Task{Facility: codes[(done+i)%len(codes)], Title: fault.Text{VI: "Hoàn thiện trường còn thiếu", EN: "Complete what is missing"},
				Source: duty.Source{Kind: duty.FromOther, Ref: "đo"}, Due: clock.Day(opened.AddDate(0, 0, 1+(done+i)%60))}
			if i%4 == 0 {
				t.Facility, t.Unit = "", units[(done/page+i)%len(units)].ID
				t.Source = duty.Source{Kind: duty.FromProgramme, Ref: programmes[i/4%len(programmes)].ID}
			}
			t, s, err := duty.New(t, opened.Add(time.Duration(i)*time.Second), "bench")
			if err != nil {
				return err
			}
			t.ID = duty.Number(opened.In(clock.Hanoi).Year(), first+int64(i))
			begun = append(begun, duty.Change{Task: t, Step: s})
			if i%2 == 1 {
				e, es, err := duty.Take(t, duty.Step{At: opened.AddDate(0, 0, 1+i%15), Actor: "bench", What: duty.StepDone, Evidence: duty.Evidence{Text: "số đã đúng"}})
				if err != nil {
					return err
				}
				ended = append(ended, duty.Change{Task: e, Step: es})
			}
		}
		duties := c.Hub.Slices.House.Duties
		if err := duties.Put(ctx, begun, store.Act{}); err != nil {
			return err
		}
		if err := duties.Put(ctx, ended, store.Act{}); err != nil {
			return err
		}
	}
	return nil
}

// lay fills what the boards stand on, in order.
func (c Config) lay(ctx context.Context, versions map[care.FacilityCode]int64, codes []care.FacilityCode) error {
	for _, x := range []struct {
		what string
		do   func() error
	}{{"counters", func() error { return c.count(ctx, versions) }}, {"quality", func() error { return c.grade(ctx, versions) }}, {"tasks", func() error { return c.tasks(ctx, codes) }}} {
		began := time.Now()
		if err := x.do(); err != nil {
			return errors.Join(fmt.Errorf("laying %s", x.what), err)
		}
		fmt.Fprintf(c.Progress, "%s: %.0f s\n", x.what, time.Since(began).Seconds())
	}
	return nil
}
