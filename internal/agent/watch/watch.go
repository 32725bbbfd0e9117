// Package watch takes files out of folders that other programs put them into.
// It looks again and again, with longer pauses while nothing happens, so that it
// works on network shares and on every system alike. It takes a file only when
// it is settled: unchanged for a while, readable whole, and ending as a document
// ends. What was taken is moved aside; what is no dossier is moved apart, with a
// notice beside it that says why.
//
// It does not know what a dossier is: the Taker says so.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// MaxFile is the longest file a hub takes, and maxSeal the longest seal (DESIGN §6 limits).
const (
	MaxFile = 32 << 20
	maxSeal = 64 << 10
)

var (
	// ErrLimits (file.limits): the file is too long for any hub.
	ErrLimits = fault.New(fault.TooLarge, "file.limits",
		"Tệp lớn hơn giới hạn 32 MiB của hub nên không nhận. Xuất lại thành nhiều tệp nhỏ hơn.",
		"The file is over the hub's limit of 32 MiB and was not taken. Export it again as several smaller files.")
	// ErrHalf (folder.half): the file does not end as a document does.
	ErrHalf = fault.New(fault.Invalid, "folder.half",
		"Tệp chưa ghi xong hoặc bị cắt: không kết thúc như một tài liệu hoàn chỉnh. Xuất lại tệp từ phần mềm bệnh viện.",
		"The file is half written or cut: it does not end as a whole document does. Export it again from the hospital system.")
	// ErrStray (folder.stray): a seal or paper without its file.
	ErrStray = fault.New(fault.Invalid, "folder.stray",
		"Tệp chữ ký (.jws) hoặc bản giấy (.pdf) này không có tệp hồ sơ cùng tên bên cạnh.",
		"This seal (.jws) or paper (.pdf) has no file of the same name beside it.")
	// ErrNoDocument (folder.no_document): neither XML nor JSON.
	ErrNoDocument = fault.New(fault.Invalid, "folder.no_document",
		"Tệp này không phải hồ sơ XML hay JSON (xét theo nội dung, không theo phần mở rộng).",
		"This file is neither an XML nor a JSON dossier (by its content, whatever its extension).")
	// ErrFolder (folder.unreadable): a folder cannot be looked into.
	ErrFolder = fault.New(fault.Broken, "folder.unreadable",
		"Không đọc được một thư mục đang theo dõi. Kiểm tra đường dẫn, quyền truy cập và ổ mạng.",
		"A watched folder cannot be read. Check its path, its permissions and the network share.")
	// ErrLocked (folder.locked): a file cannot be opened or moved.
	ErrLocked = fault.New(fault.Busy, "folder.locked",
		"Có tệp đang bị chương trình khác giữ hoặc không có quyền đọc, chuyển. Agent sẽ thử lại.",
		"A file is held by another program, or may not be read or moved. The agent will try again.")
)

// Folder is a watched folder with everything below it.
type Folder struct {
	Path    string
	Done    string // where taken files go; "" is Path/da-gui
	Lane    store.Lane
	Pattern string // as path.Match, of the file's name; "" is every file
}

// Names of the folders that a watched one gets, when it says nothing else.
const (
	DoneName  = "da-gui"
	ErrorName = "loi"
	noticeEnd = ".loi.txt" // of a notice beside a file that was not taken
)

// Found is a file with what lies beside it.
type Found struct {
	Name    string // relative to its folder, with slashes
	Lane    store.Lane
	Payload spool.Payload
}

// Taker takes what is found.
type Taker interface {
	// TakeFound keeps a file durably. Outcomes: nil, it is kept and may be moved
	// aside; a fault of kind Invalid, TooLarge or Withheld: it will never be taken
	// and is moved apart; any other: it stays and is tried again.
	TakeFound(ctx context.Context, f Found) error
	// Note shows a person what stands in the way, and in how many cases; 0 says
	// that nothing does any more.
	Note(code string, text fault.Text, n int)
}

// Config is how folders are looked at; zero values are defaults.
type Config struct {
	Every  time.Duration // pause while something happens; default 1 s
	Idle   time.Duration // longest pause; default 15 s
	Settle time.Duration // unchanged for so long is settled; default 2 s
	Give   time.Duration // what is half written or stray for so long is moved apart; default 15 min
	Clock  clock.Clock
	Sleep  func(ctx context.Context, d time.Duration) error
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		at *time.Duration
		or time.Duration
	}{{&c.Every, time.Second}, {&c.Idle, 15 * time.Second}, {&c.Settle, 2 * time.Second}, {&c.Give, 15 * time.Minute}} {
		if *d.at <= 0 {
			*d.at = d.or
		}
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Sleep == nil {
		c.Sleep = clock.Sleep
	}
	return c
}

// Watcher watches folders. One goroutine at a time may use it.
type Watcher struct {
	cfg     Config
	taker   Taker
	folders []*folder
}

// folder is a watched folder and what was seen in it the last time.
type folder struct {
	Folder
	seen   map[string]*sight // by path
	failed bool
}

// sight is how a file looked.
type sight struct {
	size  int64
	mtime time.Time
	since time.Time // it looks so
	taken bool      // kept already, and could not be moved
	again bool      // in this look
}

// New returns a watcher. Its error is a pattern that is none.
func New(folders []Folder, taker Taker, c Config) (*Watcher, error) {
	w := &Watcher{cfg: c.withDefaults(), taker: taker}
	for _, f := range folders {
		if _, err := filepath.Match(f.Pattern, ""); err != nil {
			return nil, fmt.Errorf("watch: %w", err)
		}
		if f.Done == "" {
			f.Done = filepath.Join(f.Path, DoneName)
		}
		w.folders = append(w.folders, &folder{Folder: f, seen: map[string]*sight{}})
	}
	return w, nil
}

// Run looks until ctx ends. A folder that is away is no end: it may come back.
func (w *Watcher) Run(ctx context.Context) error {
	pause := w.cfg.Every
	for {
		busy, err := w.Look(ctx)
		if err != nil {
			return err
		}
		if pause = min(2*pause, w.cfg.Idle); busy {
			pause = w.cfg.Every
		}
		if err := w.cfg.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// Look looks once into every folder and takes what is settled. It says whether
// anything happens there. Its error is ctx's.
func (w *Watcher) Look(ctx context.Context) (busy bool, err error) {
	trouble := map[string]int{}
	for _, f := range w.folders {
		one, err := w.look(ctx, f, trouble)
		if err != nil {
			return busy, err
		}
		busy = busy || one
	}
	for _, f := range []*fault.Error{ErrFolder, ErrHalf, ErrLocked} {
		if n := trouble[f.Code]; n > 0 {
			w.taker.Note(f.Code, f.Text, n)
		} else {
			w.taker.Note(f.Code, f.Text, 0)
		}
	}
	return busy, nil
}

// look looks into one folder.
func (w *Watcher) look(ctx context.Context, f *folder, trouble map[string]int) (busy bool, err error) {
	for _, s := range f.seen {
		s.again = false
	}
	paths, err := w.list(f)
	if err != nil {
		trouble[ErrFolder.Code]++
		return false, nil
	}
	for _, path := range paths {
		if ctx.Err() != nil {
			return busy, ctx.Err()
		}
		if !w.settled(f, path) {
			busy = true
		}
	}
	groups := w.groups(f, paths)
	for _, g := range groups {
		if ctx.Err() != nil {
			return busy, ctx.Err()
		}
		took, err := w.take(ctx, f, g, trouble)
		if err != nil {
			return busy, err
		}
		busy = busy || took
	}
	for path, s := range f.seen {
		if !s.again {
			delete(f.seen, path)
		}
	}
	return busy, nil
}

// list gives the files of a folder that may be taken, by name.
func (w *Watcher) list(f *folder) ([]string, error) {
	var out []string
	err := filepath.WalkDir(f.Path, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == f.Path:
			return err
		case err != nil: // gone since, or not to be read: the next look sees
			return nil
		case path == f.Path:
			return nil
		case d.IsDir():
			if strings.HasPrefix(d.Name(), ".") || path == filepath.Clean(f.Done) || path == filepath.Join(f.Path, ErrorName) {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || ignored(d.Name()):
			return nil
		}
		if ok, err := filepath.Match(f.Pattern, d.Name()); f.Pattern != "" && (err != nil || !ok) && !isBesideName(d.Name()) {
			return nil
		}
		out = append(out, path)
		return nil
	})
	return out, err
}

// ignored reports names that programs give what is not there yet, or is theirs.
func ignored(name string) bool {
	low := strings.ToLower(name)
	if strings.HasPrefix(low, ".") || strings.HasPrefix(low, "~") || strings.HasSuffix(low, "~") || strings.HasSuffix(low, noticeEnd) ||
		low == "thumbs.db" || low == "desktop.ini" {
		return true
	}
	return slices.Contains([]string{".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".swp", ".lock", ".lck", ".bak"}, filepath.Ext(low))
}

// settled notes how a file looks, and reports whether it looks so for long enough.
func (w *Watcher) settled(f *folder, path string) bool {
	now := w.cfg.Clock.Now()
	info, err := os.Lstat(path)
	if err != nil {
		delete(f.seen, path)
		return false
	}
	s := f.seen[path]
	if s == nil || s.size != info.Size() || !s.mtime.Equal(info.ModTime()) {
		f.seen[path] = &sight{size: info.Size(), mtime: info.ModTime(), since: now, again: true}
		return false
	}
	s.again = true
	return now.Sub(s.since) >= w.cfg.Settle
}

// still reports whether a file was settled at this look.
func (w *Watcher) still(f *folder, path string) bool {
	s := f.seen[path]
	return s != nil && w.cfg.Clock.Now().Sub(s.since) >= w.cfg.Settle
}

// old reports whether a file has looked the same for so long that nothing more
// will come of it.
func (w *Watcher) old(f *folder, path string) bool {
	s := f.seen[path]
	return s != nil && w.cfg.Clock.Now().Sub(s.since) >= w.cfg.Give
}

// isGone reports an error that says the file is not there any more.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
