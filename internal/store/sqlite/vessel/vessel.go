// Package vessel is the form of an archive file of the embedded engine: pieces
// written once end to end, read by their ids, of which only what is erased
// changes, to zeros, in place. It is no SQLite file, whose journal would keep
// what was there. Which pieces lie where is for package file.
package vessel

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"lienthong/internal/fault"
)

// ErrDamaged: an archive file that holds what is asked for is not there, or not
// as it was written.
var ErrDamaged = fault.New(fault.Broken, "store.archive_damaged",
	"Tệp lưu trữ thiếu hoặc hỏng: không đọc được nội dung các hồ sơ cũ nằm trong đó.",
	"An archive file is missing or damaged: the content of the older records in it cannot be read.")

// Dir is the folder of archive files beside the main file; it may be a
// link to another disk.
const Dir = "archive"

// File is an open archive file: a page of head, the pieces end to end, the table
// of where each begins (and the last ends), zeros to a full page. Numbers are
// big endian of 8 bytes. The head is mark, the id of the first piece, how many
// there are, where the table is, and the SHA-256 of that and of the table. What
// a piece holds is sealed by itself: no hash over the pieces is kept, which the
// first erasure would make wrong.
type File struct {
	f     *os.File
	first int64
	count int64
	table int64
}

const (
	mark     = "lienthong/archive/1\n    "
	said     = len(mark) + 3*8
	headSize = said + sha256.Size

	// PageSize is what the length of a file is a multiple of.
	PageSize = 4096
	// MaxPieces is how many pieces a file holds at most.
	MaxPieces = 1 << 20
	// maxPiece is the longest piece, in bytes.
	maxPiece = 1 << 20
)

// Path is where the archive file of a name is: in the folder, or, as a
// restore lays it down, beside the main file in dir.
func Path(dir, name string) string {
	in := filepath.Join(dir, Dir, name)
	if _, err := os.Stat(in); errors.Is(err, fs.ErrNotExist) {
		if beside := filepath.Join(dir, name); IsFile(beside) {
			return beside
		}
	}
	return in
}

// IsFile reports whether there is a file at path.
func IsFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Open opens an archive file for reading and overwriting; the caller
// closes it. ErrDamaged.
func Open(path string, first, last int64) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	v := &File{f: f}
	if err = v.readHead(); err == nil && (v.first != first || v.count != last-first+1) {
		err = errors.New("it holds other pieces")
	}
	if err != nil {
		return nil, ErrDamaged.Because(errors.Join(err, f.Close()))
	}
	return v, nil
}

// readHead reads the head and holds the table against it.
func (v *File) readHead() error {
	info, err := v.f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, headSize)
	if _, err := v.f.ReadAt(head, 0); err != nil {
		return err
	}
	n := func(i int) int64 { return int64(binary.BigEndian.Uint64(head[len(mark)+8*i:])) }
	v.first, v.count, v.table = n(0), n(1), n(2)
	if string(head[:len(mark)]) != mark || v.first < 1 || v.count < 1 || v.count > MaxPieces || v.table < PageSize || v.table > info.Size()-8*(v.count+1) {
		return errors.New("no head of an archive file")
	}
	table := make([]byte, 8*(v.count+1))
	if _, err := v.f.ReadAt(table, v.table); err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(head[:said])
	sum.Write(table)
	if string(sum.Sum(nil)) != string(head[said:]) {
		return errors.New("its table is not what was written")
	}
	return nil
}

// span is where a piece lies in the file.
func (v *File) span(id int64) (from, size int64, err error) {
	if id < v.first || id >= v.first+v.count {
		return 0, 0, fmt.Errorf("piece %d is not in it", id)
	}
	var at [16]byte
	if _, err := v.f.ReadAt(at[:], v.table+8*(id-v.first)); err != nil {
		return 0, 0, err
	}
	from = int64(binary.BigEndian.Uint64(at[:]))
	size = int64(binary.BigEndian.Uint64(at[8:])) - from
	if from < PageSize || size < 0 || size > maxPiece || from+size > v.table {
		return 0, 0, fmt.Errorf("piece %d lies nowhere", id)
	}
	return from, size, nil
}

// Piece returns the bytes of a piece; none where it was gone before the move.
func (v *File) Piece(id int64) ([]byte, error) {
	from, size, err := v.span(id)
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	data := make([]byte, size)
	if _, err := v.f.ReadAt(data, from); err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return data, nil
}

// Blank overwrites bytes of a piece with zeros; Sync makes it last.
func (v *File) Blank(id, from, size int64) error {
	at, length, err := v.span(id)
	if err == nil && (from < 0 || size < 0) {
		err = errors.New("no such bytes")
	}
	if err != nil {
		return ErrDamaged.Because(err)
	}
	if from, size = min(from, length), min(size, length-min(from, length)); size == 0 {
		return nil
	}
	_, err = v.f.WriteAt(make([]byte, size), at+from)
	return err
}

// Write writes an archive file of count pieces from first on, each as
// piece gives it, and returns when it is on disk.
func Write(f *os.File, first, count int64, piece func(id int64) ([]byte, error)) error {
	if _, err := f.Seek(PageSize, io.SeekStart); err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	at := int64(PageSize)
	table := make([]byte, 0, 8*(count+1))
	for id := first; id < first+count; id++ {
		data, err := piece(id)
		if err != nil {
			return err
		}
		table = binary.BigEndian.AppendUint64(table, uint64(at))
		if _, err := w.Write(data); err != nil {
			return err
		}
		at += int64(len(data))
	}
	table = binary.BigEndian.AppendUint64(table, uint64(at))
	head := []byte(mark)
	for _, n := range []int64{first, count, at} {
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	}
	sum := sha256.New()
	sum.Write(head)
	sum.Write(table)
	head = sum.Sum(head)
	if pad := (at + int64(len(table))) % PageSize; pad != 0 {
		table = append(table, make([]byte, PageSize-pad)...)
	}
	if _, err := w.Write(table); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	return f.Sync()
}

// Reread reads the head anew of a file that was just written, so that its pieces
// can be held against what they were made of.
func Reread(f *os.File) (*File, error) {
	v := &File{f: f}
	if err := v.readHead(); err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return v, nil
}

// Sync returns when what was overwritten is on disk.
func (v *File) Sync() error { return v.f.Sync() }

// Close closes the file.
func (v *File) Close() error { return v.f.Close() }
