package agent

import (
	"bytes"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"lienthong/internal/fault"
)

// sealSuffix marks the member of a detached seal beside the file it seals (DESIGN §6).
const sealSuffix = ".jws"

// paperSuffix marks a paper beside a file.
const paperSuffix = ".pdf"

// maxFile is the longest file a hub takes, maxSeal the longest seal (DESIGN §6 limits).
const (
	maxFile = 32 << 20
	maxSeal = 64 << 10
)

// ErrFile (submit.file): a file here could not be opened or read.
var ErrFile = fault.New(fault.Invalid, "submit.file",
	"Không đọc được tệp trên máy này nên chưa gửi.", "The file could not be read on this machine, so it was not sent.")

// File is a file to be sent. It is opened when its turn comes, again for each
// time it is sent, and closed at once.
type File struct {
	Name string // what it is called in the pack and in the answers
	Size int64  // bytes, for sizing packs; 0 when not known
	Open func() (io.ReadCloser, error)
	Seal func() (io.ReadCloser, error) // a detached seal; nil without one

	Papers []Paper // that lie beside it and go with it: the signed PDF of an EMR
}

// Paper is a paper beside a file, sealed by itself.
type Paper struct {
	Name string
	Open func() (io.ReadCloser, error)
	Seal func() (io.ReadCloser, error) // nil without one
}

// FileOf returns a file of bytes at hand.
func FileOf(name string, b []byte) File {
	return File{Name: name, Size: int64(len(b)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// Paths gives the files at paths, in order; a folder gives every file below it
// but hidden ones. NAME.jws beside NAME becomes its seal, NAME.pdf and, the
// extension replaced, x.pdf beside x.xml or x.json its papers. A path that cannot be
// looked at gives a file whose Open fails, so that nothing named is passed over.
func Paths(paths ...string) iter.Seq[File] {
	return func(yield func(File) bool) {
		for _, root := range paths {
			stopped := false
			err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				switch {
				case err != nil:
					stopped = !yield(broken(path, err))
				case path != root && strings.HasPrefix(d.Name(), "."):
					if d.IsDir() {
						return fs.SkipDir
					}
				case d.IsDir(), isSeal(path), isBeside(path):
				default:
					stopped = !yield(at(path))
				}
				if stopped {
					return fs.SkipAll
				}
				return nil
			})
			if stopped || err != nil && !yield(broken(root, err)) {
				return
			}
		}
	}
}

// LiesBeside reports whether a path is a seal or paper that goes with another
// file that is there.
func LiesBeside(path string) bool { return isSeal(path) || isBeside(path) }

func at(path string) File {
	f := File{Name: nameOf(path), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if info, err := os.Stat(path); err == nil {
		f.Size = info.Size()
	}
	f.Seal = sealOf(path)
	if !takesPapers(path) {
		return f
	}
	for _, paper := range []string{path + paperSuffix, strings.TrimSuffix(path, filepath.Ext(path)) + paperSuffix} {
		if info, err := os.Stat(paper); err == nil {
			f.Size += info.Size()
			f.Papers = append(f.Papers, Paper{Name: nameOf(paper), Open: func() (io.ReadCloser, error) { return os.Open(paper) }, Seal: sealOf(paper)})
		}
	}
	return f
}

// sealOf opens the seal beside a path, nil without one.
func sealOf(path string) func() (io.ReadCloser, error) {
	if _, err := os.Stat(path + sealSuffix); err != nil {
		return nil
	}
	return func() (io.ReadCloser, error) { return os.Open(path + sealSuffix) }
}

// takesPapers reports whether papers may lie beside a file of that name.
func takesPapers(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".xml", ".json":
		return true
	}
	return false
}

// isBeside reports whether path is a paper of a file beside it: that one brings
// it along.
func isBeside(path string) bool {
	stem, ok := strings.CutSuffix(path, paperSuffix)
	if !ok {
		return false
	}
	for _, file := range []string{stem, stem + ".xml", stem + ".json"} {
		if info, err := os.Stat(file); err == nil && !info.IsDir() && takesPapers(file) {
			return true
		}
	}
	return false
}

func broken(path string, err error) File {
	return File{Name: nameOf(path), Open: func() (io.ReadCloser, error) { return nil, err }}
}

// isSeal reports whether path is the seal of a file or paper beside it: that one brings it along.
func isSeal(path string) bool {
	base, ok := strings.CutSuffix(path, sealSuffix)
	if !ok {
		return false
	}
	_, err := os.Stat(base)
	return err == nil
}

// nameOf is the name under which a path is sent: with slashes, relative, in
// UTF-8, so that it comes back in the answer as it went.
func nameOf(path string) string {
	s := filepath.ToSlash(strings.TrimPrefix(filepath.Clean(path), filepath.VolumeName(path)))
	for {
		cut := strings.TrimPrefix(strings.TrimPrefix(s, "/"), "../")
		if cut == s {
			return strings.ToValidUTF8(s, "_")
		}
		s = cut
	}
}

// read returns all of a file, at most limit bytes and one more.
func read(open func() (io.ReadCloser, error), limit int64) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	_ = r.Close() // opened for reading: nothing can be lost
	return b, err
}
