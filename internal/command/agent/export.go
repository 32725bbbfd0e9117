package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/agent/carry"
	"lienthong/internal/agent/home"
	"lienthong/internal/agent/spool"
	"lienthong/internal/command"
	"lienthong/internal/fault"
)

// exportCmd writes a package for a stick.
type exportCmd struct {
	in
	To       string `help:"File to write, for example on a USB stick." type:"path"`
	Receipts bool   `help:"Where files of others were imported: write what the hub said to them, to be brought back."`
	Limit    int64  `help:"At most so many megabytes of files; default all."`
	Recall   bool   `help:"Send from here after all what went on a stick and did not come back; sending twice is safe."`
}

// Run writes what is ready to be sent, and tells the passphrase that opens it.
func (c *exportCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	h, err := c.open()
	if err != nil {
		return err
	}
	queue, err := guest(ctx, h)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	if c.Recall {
		n, err := queue.Recall(ctx)
		if err == nil {
			say(s, "%d tệp sẽ được gửi từ máy này.", "%d files will be sent from this machine.", n)
		}
		return err
	}
	if c.To == "" {
		return errTo
	}
	pass, err := carry.Passphrase()
	if err != nil {
		return err
	}
	n := 0
	var ids []int64
	if err := whole(c.To, func(w io.Writer) (err error) {
		if c.Receipts {
			n, err = carry.Receipts(ctx, queue, h.Config().Facility, w, pass, time.Now())
			return err
		}
		ids, err = carry.Files(ctx, queue, h.Config().Facility, w, pass, c.Limit<<20, time.Now())
		return err
	}); err != nil {
		return err
	}
	if c.Receipts {
		say(s, "%d kết quả trong %s.", "%d answers in %s.", n, c.To)
	} else {
		if ids, err = queue.Carry(ctx, ids...); err != nil {
			return err
		}
		say(s, "%d tệp trong %s. Chúng chờ biên nhận mang về; agent export --recall gửi lại từ máy này.",
			"%d files in %s. They wait for their receipts; agent export --recall sends them from this machine.", len(ids), c.To)
	}
	say(s, "Mật khẩu (chỉ hiện một lần, mang riêng với thẻ nhớ): %s", "Passphrase (told once; carry it apart from the stick): %s", pass)
	return nil
}

// guest opens the spool beside an agent that may be running.
func guest(ctx context.Context, h *home.Home) (*spool.Spool, error) {
	key, err := h.SpoolKey()
	if err != nil {
		return nil, err
	}
	return spool.Open(ctx, h.Path(spoolFile), key, spool.Config{Guest: true})
}

// whole writes a file that is there whole and durable, or not at all.
func whole(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".lienthong-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// importCmd takes a package in.
type importCmd struct {
	in
	File string `arg:"" help:"The package." type:"existingfile"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run takes files in to be sent from here, or receipts into the journal.
func (c *importCmd) Run(ctx context.Context, s *command.Streams) (err error) {
	h, err := c.open()
	if err != nil {
		return err
	}
	keys, err := h.ReceiptKeys()
	if err != nil {
		return err
	}
	queue, err := guest(ctx, h)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	ask := "Mật khẩu của gói: "
	if s.Lang == "en" {
		ask = "Passphrase of the package: "
	}
	pass, err := command.ReadSecret(s, ask)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	got, err := carry.Import(ctx, queue, h.Config().Facility, keys, f, pass)
	_ = f.Close() // opened for reading
	if err != nil {
		return err
	}
	if c.JSON {
		return command.WriteJSON(s.Out, got)
	}
	if got.What == "files" {
		say(s, "%d tệp đã nhận (%d tệp đã có từ trước); agent trên máy này sẽ gửi.", "%d files taken (%d were here before); the agent on this machine sends them.", got.Files, got.Known)
		return nil
	}
	say(s, "%d kết quả đã ghi, %d tệp xong. %d kết quả không có chữ ký của hub nên bỏ qua.",
		"%d answers written, %d files done. %d answers do not bear the hub's signature and were left out.", got.Answers, got.Closed, got.Unproved)
	if got.Unproved > 0 {
		return fmt.Errorf("%d: %w", got.Unproved, command.ErrNo)
	}
	return nil
}

var errTo = fault.New(fault.Invalid, "usage.flag_missing",
	"Nêu tệp sẽ ghi bằng --to.",
	"Name the file to write with --to.")
