// Package rules has the commands for rules that people write: list books, draft one
// from a file, rehearse it, announce it, put it into force, retire it. They go
// through the running hub, or start one that serves nobody.
package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/rehearsal"
	"lienthong/internal/store/house"
	webadmin "lienthong/internal/web/admin"
)

// Cmd is what is done about rules that people write.
type Cmd struct {
	List     listCmd     `cmd:"" help:"List the books of rules, newest first."`
	Draft    draftCmd    `cmd:"" help:"Begin a book from a file, or write a new text of a draft."`
	Rehearse rehearseCmd `cmd:"" help:"Try a draft on the records of the last 30 days and show what it would find."`
	Warn     warnCmd     `cmd:"" help:"Announce a rehearsed book: its findings are shown as coming and hold nothing back."`
	Activate activateCmd `cmd:"" help:"Put an announced book into force. Another person than who wrote and who announced it."`
	Retire   retireCmd   `cmd:"" help:"End a book."`
}

// where is what every command needs.
type where struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
	As   string `help:"Who acts, as acts keep it and as a second person is told from the first; the command line takes your word." default:""`
}

func (w where) actor() string {
	if w.As == "" {
		return command.Actor
	}
	return command.Actor + "/" + w.As
}

// do takes steps at the running hub, or at one started for it.
func (w where) do(ctx context.Context, steps func(webadmin.Rulebook) error) (err error) {
	p, err := command.OpenPlace(w.Data)
	if err != nil {
		return err
	}
	client, err := webadmin.Dial(filepath.Join(p.Dir, command.SocketFile))
	if err == nil {
		return steps(client)
	}
	if !errors.Is(err, webadmin.ErrNotRunning) {
		return err
	}
	h, err := p.Start(ctx, command.Quiet())
	if err != nil {
		return err
	}
	return errors.Join(steps(h.Administer()), h.Close())
}

// number reads "r7" or "7".
func number(s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "r"))
	if err != nil || n <= 0 {
		return 0, rehearsal.ErrAbsent
	}
	return n, nil
}

type listCmd struct{ where }

// Run lists books.
func (c *listCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.do(ctx, func(r webadmin.Rulebook) error {
		a, err := r.Rules(ctx, c.actor(), webadmin.RuleRequest{Do: "list"})
		if err != nil {
			return err
		}
		for _, b := range a.Books {
			fmt.Fprintf(s.Out, "%s\t%s\t%d\t%s\t%s\t%s\n", rehearsal.Name(b.ID), b.State, b.Day, b.Moved.Format(time.RFC3339), b.MovedBy, b.Reason)
		}
		return nil
	})
}

type draftCmd struct {
	where
	Book string `help:"Write a new text of this draft instead of beginning one: r7."`
	File string `arg:"" help:"The text, YAML." type:"existingfile"`
}

// Run keeps a text and tells what is wrong with it; exit 1 where something is.
func (c *draftCmd) Run(ctx context.Context, s *command.Streams) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return c.do(ctx, func(r webadmin.Rulebook) error {
		q := webadmin.RuleRequest{Do: "draft", Text: string(text)}
		if c.Book != "" {
			if q.Book, err = number(c.Book); err != nil {
				return err
			}
			now, err := r.Rules(ctx, c.actor(), webadmin.RuleRequest{Do: "show", Book: q.Book})
			if err != nil {
				return err
			}
			q.Do, q.Edition = "write", now.Book.Edition
		}
		a, err := r.Rules(ctx, c.actor(), q)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s\t%s\t%d\n", rehearsal.Name(a.Book.ID), a.Book.State, a.Book.Edition)
		for _, p := range a.Problems {
			fmt.Fprintf(s.Out, "%d:\t%s\t%s\t%s\n", p.Line, p.Rule, p.Fault.Code, p.Said.In(s.Lang))
			if p.Near != "" && p.Column > 0 {
				fmt.Fprintf(s.Out, "\t%s\n\t%s^\n", p.Near, strings.Repeat(" ", p.Column-1))
			}
		}
		if len(a.Problems) > 0 {
			return command.ErrNo
		}
		return nil
	})
}

type rehearseCmd struct {
	where
	Cancel bool   `help:"Cancel the one that runs."`
	Book   string `arg:"" help:"The draft: r7."`
}

// Run has a draft tried and waits for what is found; exit 1 where a rule breaks most
// dossiers.
func (c *rehearseCmd) Run(ctx context.Context, s *command.Streams) error {
	id, err := number(c.Book)
	if err != nil {
		return err
	}
	return c.do(ctx, func(r webadmin.Rulebook) error {
		if c.Cancel {
			_, err := r.Rules(ctx, c.actor(), webadmin.RuleRequest{Do: "cancel", Book: id})
			return err
		}
		a, err := r.Rules(ctx, c.actor(), webadmin.RuleRequest{Do: "rehearse", Book: id})
		told := -1
		for err == nil && a.Result.State == house.Running {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(500 * time.Millisecond):
			}
			if a, err = r.Rules(ctx, c.actor(), webadmin.RuleRequest{Do: "result", Book: id}); err == nil && a.Result.Progress() != told {
				told = a.Result.Progress()
				fmt.Fprintf(s.Err, "%d %%\t%d\n", told, a.Result.Found.Seen)
			}
		}
		if err != nil {
			return err
		}
		return show(s, a.Result)
	})
}

func show(s *command.Streams, r *rehearsal.Result) error {
	f := r.Found
	fmt.Fprintf(s.Out, "%s\t%s\t%d records seen, %d judged, %d not read\t%.1f s\n", rehearsal.Name(r.Book), r.State, f.Seen, f.Judged, f.Unread, f.Took.Seconds())
	fmt.Fprintf(s.Out, "%d of %d facilities would have new findings\n", len(f.Fails), len(f.Of))
	bad := r.State != house.Done
	for _, x := range f.Rules {
		fmt.Fprintf(s.Out, "%s\t%.0f %% of %d\t%d found, %d of them new, %d by the rule in force\t%d not worked out\n", x.Code, x.Share(), x.Judged, x.Then, x.New, x.Now, x.Unclear)
		bad = bad || x.Everything()
	}
	if bad {
		return command.ErrNo
	}
	return nil
}

type stepCmd struct {
	where
	Reason string `required:"" help:"Why, at least 10 characters."`
	Book   string `arg:"" help:"The book: r7."`
}

func (c *stepCmd) take(ctx context.Context, s *command.Streams, q webadmin.RuleRequest) (err error) {
	if q.Book, err = number(c.Book); err != nil {
		return err
	}
	q.Reason = c.Reason
	return c.do(ctx, func(r webadmin.Rulebook) error {
		a, err := r.Rules(ctx, c.actor(), q)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s\t%s\n", rehearsal.Name(a.Book.ID), a.Book.State)
		return nil
	})
}

type activateCmd struct {
	stepCmd
	Early bool `help:"Before the day announced; the reason says why."`
}

// Run puts a book into force.
func (c *activateCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.take(ctx, s, webadmin.RuleRequest{Do: "activate", Early: c.Early})
}

type retireCmd struct{ stepCmd }

// Run ends a book.
func (c *retireCmd) Run(ctx context.Context, s *command.Streams) error {
	return c.take(ctx, s, webadmin.RuleRequest{Do: "retire"})
}

type warnCmd struct {
	stepCmd
	From string `required:"" help:"Day it will apply from: 2026-12-01."`
}

var errDay = fault.New(fault.Invalid, "rulebook.day_form", "Ngày viết năm-tháng-ngày: 2026-12-01.", "A day is written year-month-day: 2026-12-01.")

// Run announces a book.
func (c *warnCmd) Run(ctx context.Context, s *command.Streams) error {
	day, err := time.Parse(time.DateOnly, c.From)
	if err != nil {
		return errDay.Because(err)
	}
	return c.take(ctx, s, webadmin.RuleRequest{Do: "announce", Day: day.Year()*10000 + int(day.Month())*100 + day.Day()})
}
