package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/command"
)

// reconcileCmd compares a day. The answer is no when it differs.
type reconcileCmd struct {
	in
	Date string `help:"Day in Hanoi, yyyy-mm-dd; default yesterday."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run asks the hub and tells what each side lacks.
func (c *reconcileCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	h, err := c.open()
	if err != nil {
		return err
	}
	day := time.Now().In(clock.Hanoi).AddDate(0, 0, -1)
	if c.Date != "" {
		if day, err = time.ParseInLocation(time.DateOnly, c.Date, clock.Hanoi); err != nil {
			return err
		}
	}
	st, done, err := openStation(ctx, h, options{log: s, guest: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	got, err := st.Reconcile(ctx, day)
	if err != nil {
		return err
	}
	if c.JSON {
		err = command.WriteJSON(s.Out, got)
	} else {
		if got.Equal {
			say(s, "%s: khớp với hub.", "%s: equal with the hub.", got.Day)
		} else {
			say(s, "%s: KHÔNG khớp: hub thiếu %d, máy này thiếu %d.", "%s: NOT equal: the hub lacks %d, this machine lacks %d.", got.Day, len(got.Missing), len(got.Extra))
		}
		for _, m := range got.Missing {
			fmt.Fprintf(s.Out, "- %s\n", m.Record)
		}
		for _, x := range got.Extra {
			fmt.Fprintf(s.Out, "+ %s\n", x.Record)
		}
	}
	if err == nil && !got.Equal {
		err = command.ErrNo
	}
	return err
}
