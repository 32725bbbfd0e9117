package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lienthong/internal/agent/spool"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
)

const (
	sealEnd  = ".jws"
	paperEnd = ".pdf"
)

// group is a file with what lies beside it, as `submit` understands it: NAME.jws
// is the seal of NAME; NAME.pdf, or x.pdf beside x.xml or x.json, a paper.
type group struct {
	file   string
	beside []string // seals and papers
	stray  bool     // a seal or paper without a file
}

func isBesideName(name string) bool {
	low := strings.ToLower(name)
	return strings.HasSuffix(low, sealEnd) || strings.HasSuffix(low, paperEnd)
}

// groups puts together what lies beside one another.
func (w *Watcher) groups(f *folder, paths []string) (out []group) {
	have := map[string]bool{}
	for _, p := range paths {
		have[p] = true
	}
	owner := func(p string) string {
		low := strings.ToLower(p)
		if stem, ok := strings.CutSuffix(low, sealEnd); ok {
			if p = p[:len(stem)]; have[p] && !strings.HasSuffix(stem, paperEnd) {
				return p
			}
			low = strings.ToLower(p)
		}
		if stem, ok := strings.CutSuffix(low, paperEnd); ok {
			stem := p[:len(stem)]
			for _, file := range []string{stem, stem + ".xml", stem + ".json", stem + ".XML", stem + ".JSON"} {
				if have[file] && !isBesideName(file) {
					return file
				}
			}
		}
		return ""
	}
	at := map[string]int{}
	for _, p := range paths {
		if !isBesideName(p) {
			at[p] = len(out)
			out = append(out, group{file: p})
		}
	}
	for _, p := range paths {
		if !isBesideName(p) {
			continue
		}
		if n, ok := at[owner(p)]; ok {
			out[n].beside = append(out[n].beside, p)
			continue
		}
		out = append(out, group{file: p, stray: true})
	}
	return out
}

// take takes a group when all of it is settled; it says whether it did.
func (w *Watcher) take(ctx context.Context, f *folder, g group, trouble map[string]int) (bool, error) {
	for _, p := range append([]string{g.file}, g.beside...) {
		if !w.still(f, p) {
			return false, nil
		}
	}
	if g.stray {
		return w.apart(f, g, ErrStray, w.old(f, g.file), trouble), nil
	}
	if s := f.seen[g.file]; s.taken { // it is kept; only the move is left
		return w.aside(f, g, trouble), nil
	} else if s.size > MaxFile {
		return w.apart(f, g, ErrLimits, true, trouble), nil
	}
	p, err := w.read(f, g)
	switch {
	case errors.Is(err, ErrHalf):
		trouble[ErrHalf.Code]++
		return w.apart(f, g, err, w.old(f, g.file), trouble), nil
	case never(err):
		return w.apart(f, g, err, true, trouble), nil
	case err != nil:
		if !isGone(err) {
			trouble[ErrLocked.Code]++
		}
		return false, nil
	}
	name, err := filepath.Rel(f.Path, g.file)
	if err != nil {
		name = filepath.Base(g.file)
	}
	err = w.taker.TakeFound(ctx, Found{Name: filepath.ToSlash(name), Lane: f.Lane, Payload: p})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case never(err):
		return w.apart(f, g, err, true, trouble), nil
	case err != nil:
		x := fault.Of(err)
		w.taker.Note(x.Code, x.Text, 1)
		return false, nil
	}
	f.seen[g.file].taken = true
	return w.aside(f, g, trouble), nil
}

// never reports an error that will be the same for ever.
func never(err error) bool {
	if err == nil {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.Withheld:
		return true
	}
	return false
}

// read reads a group whole. Faults: folder.half, folder.no_document, file.limits;
// an error of the system where a file is locked, or changes while it is read.
func (w *Watcher) read(f *folder, g group) (p spool.Payload, err error) {
	if p.File.Bytes, err = w.readFile(f, g.file, MaxFile); err != nil {
		return p, err
	}
	if err := whole(p.File.Bytes); err != nil {
		return p, err
	}
	p.File.Name = filepath.Base(g.file)
	for _, path := range g.beside {
		low := strings.ToLower(path)
		if strings.HasSuffix(low, sealEnd) {
			continue
		}
		paper := spool.Part{Name: filepath.Base(path)}
		if paper.Bytes, err = w.readFile(f, path, MaxFile); err != nil {
			return p, err
		}
		if !bytes.Contains(paper.Bytes[max(0, len(paper.Bytes)-1024):], []byte("%%EOF")) { // ISO 32000-1 §7.5.5
			return p, ErrHalf
		}
		if paper.Seal, err = w.seal(f, g, path); err != nil {
			return p, err
		}
		p.Papers = append(p.Papers, paper)
	}
	p.File.Seal, err = w.seal(f, g, g.file)
	return p, err
}

// seal reads the seal beside a path, nil without one.
func (w *Watcher) seal(f *folder, g group, path string) ([]byte, error) {
	n := slices.IndexFunc(g.beside, func(p string) bool { return strings.EqualFold(p, path+sealEnd) })
	if n < 0 {
		return nil, nil
	}
	b, err := w.readFile(f, g.beside[n], maxSeal)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSpace(b)
	if bytes.Count(b, []byte(".")) != 2 { // a compact JWS has three parts (RFC 7515 §7.1)
		return nil, ErrHalf
	}
	return b, nil
}

var errChanged = errors.New("it changed while it was read")

// readFile reads a file that must be as it was seen, before and after.
func (w *Watcher) readFile(f *folder, path string, limit int64) ([]byte, error) {
	b, info, err := readPlain(path, limit)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, ErrLimits
	}
	if s := f.seen[path]; s == nil || s.size != int64(len(b)) || info.Size() != s.size || !info.ModTime().Equal(s.mtime) {
		return nil, errChanged
	}
	return b, nil
}

// readPlain reads a file that is one: not a link to another, which whoever may
// write here may have put in its place to have the agent read what they may not.
func readPlain(path string, limit int64) ([]byte, fs.FileInfo, error) {
	named, err := os.Lstat(path)
	if err != nil {
		return nil, nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, nil, errChanged
	}
	r, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = r.Close() }() // opened for reading: nothing can be lost
	info, err := r.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !os.SameFile(named, info) {
		return nil, nil, errChanged
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil {
		info, err = r.Stat()
	}
	return b, info, err
}

// whole looks whether a document has an end: XML the end of its root, JSON a
// closing brace. More than that is for who reads it. Faults: folder.half,
// folder.no_document.
func whole(raw []byte) error {
	b := bytes.TrimRight(bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF")), " \t\r\n")
	b = bytes.TrimLeft(b, " \t\r\n")
	switch {
	case len(b) == 0 || b[0] == 0 || b[len(b)-1] == 0: // zeros: room made for what comes
		return ErrHalf
	case b[0] == '{':
		if b[len(b)-1] != '}' {
			return ErrHalf
		}
		return nil
	case b[0] != '<':
		return ErrNoDocument
	}
	name := root(b)
	if name == nil {
		return ErrHalf
	}
	end := bytes.LastIndex(b, []byte("</"))
	if end < 0 {
		if bytes.HasSuffix(b, []byte("/>")) {
			return nil
		}
		return ErrHalf
	}
	tail := b[end+2:]
	if rest, ok := bytes.CutPrefix(tail, name); ok && len(rest) > 0 && bytes.IndexByte(rest, '>') >= 0 &&
		len(bytes.Trim(rest[:bytes.IndexByte(rest, '>')], " \t\r\n")) == 0 {
		return nil
	}
	return ErrHalf
}

// root is the name of the first element, nil when there is none yet.
func root(b []byte) []byte {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return nil
		}
		b = b[i+1:]
		if len(b) == 0 {
			return nil
		}
		if b[0] == '!' || b[0] == '?' {
			end := []byte(">")
			if bytes.HasPrefix(b, []byte("!--")) {
				end = []byte("-->")
			}
			n := bytes.Index(b, end)
			if n < 0 {
				return nil
			}
			b = b[n+len(end):]
			continue
		}
		n := bytes.IndexAny(b, " \t\r\n/>")
		if n <= 0 {
			return nil
		}
		return b[:n]
	}
	return nil
}

// aside moves a group that is kept to the folder of a day. What cannot be moved
// now is tried again, and not taken again.
func (w *Watcher) aside(f *folder, g group, trouble map[string]int) bool {
	dir := filepath.Join(f.Done, w.day())
	ok := true
	for _, p := range append(slices.Clone(g.beside), g.file) { // the file last: it says that there is something to do
		if _, err := w.move(f, p, dir); err != nil && !isGone(err) {
			trouble[ErrLocked.Code]++
			ok = false
			break
		}
	}
	return ok
}

// apart moves a group that will never be taken, with a notice beside it; when
// says whether it is time.
func (w *Watcher) apart(f *folder, g group, why error, when bool, trouble map[string]int) bool {
	if !when {
		return false
	}
	x := fault.Of(why)
	dir := filepath.Join(f.Path, ErrorName, w.day())
	for _, p := range append(slices.Clone(g.beside), g.file) {
		to, err := w.move(f, p, dir)
		if isGone(err) {
			continue
		}
		if err == nil && p == g.file {
			err = notice(to+noticeEnd, x)
		}
		if err != nil {
			trouble[ErrLocked.Code]++
			return false
		}
	}
	w.taker.Note(x.Code, x.Text, 1)
	return true
}

// notice writes why a file was not taken; over an older notice, but through no link.
func notice(path string, why *fault.Error) error {
	if err := os.Remove(path); err != nil && !isGone(err) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\r\n%s\r\n%s\r\n", why.Code, why.Text.VI, why.Text.EN)
	return errors.Join(err, f.Close())
}

func (w *Watcher) day() string { return w.cfg.Clock.Now().In(clock.Hanoi).Format("2006-01-02") }

// errPlanted: a folder that files go to is a link. Whoever may put files into the
// watched folder could have the agent, which may do more than they, put files of
// their choice anywhere.
var errPlanted = errors.New("a folder to move files to is a link to another place")

// makeFolder makes the folder dir for what is taken or not, of which base is there
// by the configuration: what lies between must be no link, and no junction of
// Windows (fs.ModeIrregular).
func makeFolder(base, dir string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return err
	}
	rel, err := filepath.Rel(base, dir)
	if err != nil {
		return err
	}
	at := base
	for _, name := range strings.Split(rel, string(filepath.Separator)) {
		at = filepath.Join(at, name)
		if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		if info.Mode().Type() != fs.ModeDir {
			return errPlanted
		}
	}
	return nil
}

// base is the part of a folder's way that the configuration says: the watched
// folder, or the one for what is taken where that is another place.
func (f *folder) base(dir string) string {
	if rel, err := filepath.Rel(f.Path, dir); err == nil && filepath.IsLocal(rel) {
		return f.Path
	}
	return f.Done
}

// move puts a file into a folder, under another name where its own is taken.
func (w *Watcher) move(f *folder, path, dir string) (to string, err error) {
	if err := makeFolder(f.base(dir), dir); err != nil {
		return "", err
	}
	name := filepath.Base(path)
	ext := filepath.Ext(name)
	to = filepath.Join(dir, name)
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); isGone(err) {
			break
		}
		to = filepath.Join(dir, fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext))
	}
	if err := os.Rename(path, to); err != nil {
		if isGone(err) {
			return "", err
		}
		if err := across(path, to); err != nil {
			return "", err
		}
	}
	delete(f.seen, path)
	return to, nil
}

// across copies a file to another disk and removes it once the copy is durable.
func across(from, to string) error {
	if info, err := os.Lstat(from); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, errChanged)
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // opened for reading
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	_ = r.Close() // Windows removes no open file
	if err := os.Remove(from); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
