package custody

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/hub/keyring"
	"lienthong/internal/rekey"
	webadmin "lienthong/internal/web/admin"
)

type KeysCmd struct {
	Make   keysMakeCmd   `cmd:"" help:"Make the next master key in a directory of keys; nothing uses it yet."`
	Master keysMasterCmd `cmd:"" help:"Take the newest master key into use: month keys and credentials are wrapped by it. The hub goes on working."`
	Month  keysMonthCmd  `cmd:"" help:"Give a class and month a new key and wrap every data key by it. The hub goes on working."`
}

type keysMakeCmd struct {
	Keys string `required:"" help:"Directory of the key files." type:"existingdir"`
}

// Run makes a key beside those that are there.
func (c *keysMakeCmd) Run(s *command.Streams) error {
	for n := 1; ; n++ {
		path := filepath.Join(c.Keys, keyring.MasterFile(n))
		if _, err := os.Lstat(path); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if n == 1 {
			return errNoMaster.Because(errors.New(c.Keys))
		}
		var key [32]byte
		if _, err := rand.Read(key[:]); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if _, err := f.Write(keyring.MasterFileContent(key[:])); err != nil {
			return errors.Join(err, f.Close())
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, path)
		return nil
	}
}

type keysMasterCmd struct {
	Data string `required:"" help:"Directory of the hub." type:"path"`
}

// Run turns the master key.
func (c *keysMasterCmd) Run(ctx context.Context, s *command.Streams) error {
	return turning(ctx, c.Data, func(t webadmin.Turner) error {
		done, err := t.TurnMaster(ctx, command.Actor)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "master key %s: %d month keys and %d credentials wrapped by it\n", done.Master, done.Months, done.Secrets)
		return nil
	})
}

type keysMonthCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Class  string `arg:"" help:"Retention class: see lienthong retention list."`
	Month  int    `arg:"" help:"yyyymm."`
	AtOnce int    `name:"at-once" default:"20000" help:"How many data keys are moved before others are asked for."`
}

// Run turns the key of a month and says how far it is.
func (c *keysMonthCmd) Run(ctx context.Context, s *command.Streams) error {
	return turning(ctx, c.Data, func(t webadmin.Turner) error {
		rows, kept := 0, time.Time{}
		for {
			done, err := t.TurnMonth(ctx, command.Actor, c.Class, c.Month, c.AtOnce)
			if err != nil {
				return err
			}
			if rows += done.Rows; !done.More {
				kept = done.Kept
				break
			}
			wait := time.Duration(0)
			if done.Months > 0 {
				wait = rekey.Settle
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
			if done.Rows > 0 {
				fmt.Fprintf(s.Err, "%d data keys so far\n", rows)
			}
		}
		if kept.IsZero() {
			fmt.Fprintf(s.Out, "%s/%d: %d data keys wrapped by a new key, the old one destroyed\n", c.Class, c.Month, rows)
			return nil
		}
		fmt.Fprintf(s.Out, "%s/%d: %d data keys wrapped by a new key; run this again after %s and the old one is destroyed\n", c.Class, c.Month, rows, kept.Local().Format(time.TimeOnly))
		return nil
	})
}

// turning asks the hub that runs there.
func turning(ctx context.Context, dir string, do func(webadmin.Turner) error) error {
	return command.Administer(ctx, dir, func(a webadmin.Acts) error {
		t, ok := a.(webadmin.Turner)
		if !ok {
			return webadmin.ErrTurn
		}
		return do(t)
	})
}

var errNoMaster = fault.New(fault.Invalid, "keys.none",
	"Thư mục này chưa có khóa chủ nào.",
	"This directory holds no master key yet.")
