package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"lienthong/internal/fault"
)

// ErrLost: the files of an open directory are no longer those that were
// opened, or no longer this engine's: something outside the hub overwrote,
// renamed or removed them.
var ErrLost = fault.New(fault.Busy, "hub.storage_lost",
	"Tệp dữ liệu của hub đã bị thay đổi từ bên ngoài. Hub ngừng nhận để không cấp biên nhận không giữ được. Giữ tệp lại và gửi sau.",
	"The hub's data files were changed from outside. It takes nothing more, so as not to give receipts it cannot keep. Hold the file and send it later.")

// Guard looks whether the files of an open directory are still what they were:
// a process that encrypts or removes them does not stop the engine, which goes
// on writing to what nobody will find again (TRUST T12). It reads a few bytes
// of each file and changes nothing.
type Guard struct {
	dir   string
	files []watched
}

type watched struct {
	path string
	file *os.File
	info os.FileInfo
	wal  bool
}

// NewGuard returns a guard of dir. Its first Check notes what there is, so that
// call comes after Open and before anything is received.
func NewGuard(dir string) *Guard { return &Guard{dir: dir} }

// Check returns ErrLost, with what was found for the operator, or nil. Calls
// come one at a time.
func (g *Guard) Check() error {
	if g.files == nil {
		if err := g.begin(); err != nil {
			return err
		}
	}
	for _, w := range g.files {
		if err := w.check(); err != nil {
			return ErrLost.Because(err)
		}
	}
	return nil
}

// begin opens the files. They stay open until Close: closing one would take
// away the locks that SQLite holds on it in this process (POSIX, fcntl).
func (g *Guard) begin() error {
	var files []watched
	for _, name := range []string{MainFile, DisclosureFile} {
		for _, wal := range []bool{false, true} {
			w := watched{path: filepath.Join(g.dir, name), wal: wal}
			if wal {
				w.path += "-wal"
			}
			var err error
			if w.file, err = os.Open(w.path); err == nil {
				w.info, err = w.file.Stat()
			}
			if err != nil {
				g.files = files // for Close
				return ErrLost.Because(err)
			}
			files = append(files, w)
		}
	}
	g.files = files
	return nil
}

// magic begins every file of SQLite; a WAL begins with one of two numbers.
const (
	magic    = "SQLite format 3\x00"
	walMagic = 0x377f0682 // the lowest bit says the order of its checksums' bytes
	walHead  = 32
)

func (w *watched) check() error {
	now, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	name := filepath.Base(w.path)
	if !os.SameFile(now, w.info) {
		return fmt.Errorf("%s is another file", name)
	}
	if now.Size() < walHead {
		if w.wal { // emptied by a checkpoint, or not begun
			return nil
		}
		return fmt.Errorf("%s was emptied", name)
	}
	var head [walHead]byte
	if _, err := w.file.ReadAt(head[:], 0); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if w.wal && binary.BigEndian.Uint32(head[:])&^1 != walMagic || !w.wal && !bytes.HasPrefix(head[:], []byte(magic)) {
		return fmt.Errorf("%s does not begin as it should", name)
	}
	return nil
}

// Close ends the guard, after the directory was closed.
func (g *Guard) Close() error {
	var errs []error
	for _, w := range g.files {
		errs = append(errs, w.file.Close())
	}
	g.files = nil
	return errors.Join(errs...)
}
