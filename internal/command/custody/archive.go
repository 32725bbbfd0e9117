package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lienthong/internal/admin"
	"lienthong/internal/backup"
	"lienthong/internal/clock"
	"lienthong/internal/command"
	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/store/sqlite/pages"
	"lienthong/internal/store/sqlite/vessel"
	webadmin "lienthong/internal/web/admin"
)

var (
	errMonth = fault.New(fault.Invalid, "archive.month",
		"Ghi tháng dạng YYYY-MM, không sau tháng này.", "Give a month as YYYY-MM, not after the present one.")
	errArchivePlace = fault.New(fault.Conflict, "archive.place",
		"Kho lưu trữ đã nằm ở chỗ khác. Chuyển cả thư mục archive bằng tay khi hub dừng.",
		"The archive lies elsewhere already. Move the whole folder by hand while the hub is stopped.")
	errTablespace = fault.New(fault.Invalid, "archive.postgres",
		"Dữ liệu ở PostgreSQL: đặt các bảng body_archive và skeleton_archive vào tablespace khác thay cho --to.",
		"The rows are in PostgreSQL: put the tables body_archive and skeleton_archive on another tablespace instead of --to.")
	errArchives = fault.New(fault.Conflict, "backup.archives",
		"Có quá nhiều tệp lưu trữ cho một bản sao lưu.", "There are too many archive files for one backup.")
)

// archivesAtMost is how many archive files a backup takes: package backup tells
// its parts apart by a number below 200.
const archivesAtMost = 197

// takeArchives opens the archive files that the state of records needs.
func (s *snapshots) takeArchives(ctx context.Context, dir string) error {
	names, err := s.main.Archives(ctx)
	if err != nil {
		return err
	}
	if len(names) > archivesAtMost {
		return errArchives
	}
	for _, name := range names {
		f, err := pages.OpenFlat(vessel.Path(dir, name))
		if err != nil {
			return err
		}
		s.flat = append(s.flat, f)
		s.archives = append(s.archives, backup.Part{Name: name, Source: f})
	}
	return nil
}

type ArchiveCmd struct {
	Data   string `required:"" help:"Directory of the hub." type:"path"`
	Before string `required:"" help:"Month, YYYY-MM: what was received before it is moved."`
	To     string `help:"Directory for the archive files, on another disk; only the first time (SQLite). Default: archive in the hub's directory." type:"path"`
}

// archiveStep is how many parts one call moves: of SQLite one archive file of at
// most 1.1 GB.
const archiveStep = 65_536

// Run moves all there is, beside the running hub, and has it kept as an act.
func (c *ArchiveCmd) Run(ctx context.Context, s *command.Streams) error {
	before, err := time.ParseInLocation("2006-01", c.Before, clock.Hanoi)
	if err != nil {
		return errMonth.Because(err)
	}
	if before.After(time.Now()) {
		return errMonth
	}
	p, err := command.OpenPlace(c.Data)
	if err != nil {
		return err
	}
	if err := c.place(p); err != nil {
		return err
	}
	moved := 0
	err = p.WithSlices(ctx, func(x *store.Slices) error {
		for {
			n, err := x.Retention.Archive(ctx, before, archiveStep)
			if moved += n; err != nil || n == 0 {
				return err
			}
		}
	})
	if moved > 0 { // also where it ended in the middle
		err = errors.Join(err, c.note(ctx, moved))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, map[bool]string{true: "%d parts of records before %s archived\n", false: "đã chuyển %d phần của các hồ sơ trước %s vào kho lưu trữ\n"}[s.Lang == "en"], moved, c.Before)
	return err
}

func (c *ArchiveCmd) note(ctx context.Context, moved int) error {
	detail, err := json.Marshal(map[string]any{"parts": moved})
	if err != nil {
		return err
	}
	return command.Administer(ctx, c.Data, func(a webadmin.Acts) error {
		return a.Keep(ctx, command.Actor, admin.Note{Action: admin.ArchiveMoved, Object: c.Before, Detail: detail})
	})
}

// place makes the folder of archive files a link to another directory.
func (c *ArchiveCmd) place(p *command.Place) error {
	if c.To == "" {
		return nil
	}
	if p.Database != "" {
		return errTablespace
	}
	if err := os.MkdirAll(c.To, 0o700); err != nil {
		return err
	}
	to, err := filepath.EvalSymlinks(c.To)
	if err != nil {
		return err
	}
	folder := filepath.Join(p.Dir, vessel.Dir)
	if err := os.Symlink(to, folder); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	if at, err := filepath.EvalSymlinks(folder); err != nil || at != to {
		return errArchivePlace.Because(err)
	}
	return nil
}
