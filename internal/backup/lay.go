package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/sync/errgroup"
)

// Pick says which backup of a place is meant: the newest, that of a number, or
// the newest not made after a moment.
type Pick struct {
	Seq int
	At  time.Time
}

// Chain is a backup with those it builds on, the full one first.
type Chain struct {
	dir       *Dir
	Manifests []*Manifest
	Digest    string // of the last one's file
	Signer    string // verifier line of who signed
	Spoiled   []int  // numbers of manifests beside it that cannot be read
}

// Last is the backup the chain leads to.
func (c *Chain) Last() *Manifest { return c.Manifests[len(c.Manifests)-1] }

// Choose finds a backup and everything it builds on. vkey as ParseManifest
// takes it; with "" all of the chain must have one signer. ErrNone, ErrManifest,
// ErrSigner.
func (d *Dir) Choose(vkey string, p Pick) (*Chain, error) {
	all, err := d.sequence()
	if err != nil {
		return nil, err
	}
	c := &Chain{dir: d}
	var failed error
	for _, n := range slices.Backward(all) {
		if p.Seq != 0 && n != p.Seq {
			continue
		}
		m, b, signer, err := d.manifest(n, vkey)
		if err != nil {
			c.Spoiled, failed = append(c.Spoiled, n), errors.Join(failed, err)
			continue
		}
		at, err := ParseStamp(m.MadeAt)
		if err != nil {
			return nil, err
		}
		if !p.At.IsZero() && at.After(p.At) {
			continue
		}
		c.Digest, c.Signer, c.Manifests = digestOf(b), signer, []*Manifest{m}
		return c, c.back()
	}
	if failed != nil {
		return nil, failed
	}
	return nil, ErrNone
}

func (d *Dir) manifest(n int, vkey string) (*Manifest, []byte, string, error) {
	b, err := d.read(manifestName(n), maxManifest)
	if errors.Is(err, ErrMissing) {
		return nil, nil, "", ErrManifest.Because(fmt.Errorf("manifest %d is missing", n))
	}
	if err != nil {
		return nil, nil, "", err
	}
	m, signer, err := ParseManifest(b, vkey)
	if err == nil && m.Seq != n {
		err = ErrManifest.Because(errors.New("the manifest is another's"))
	}
	return m, b, signer, err
}

// back follows the chain to its full backup, each manifest by its digest.
func (c *Chain) back() error {
	for m := c.Manifests[0]; m.Kind == Incremental; m = c.Manifests[0] {
		before, b, _, err := c.dir.manifest(m.After, c.Signer)
		if err != nil {
			return err
		}
		if digestOf(b) != m.Previous || before.Base != m.Base || before.Hub != m.Hub || len(before.Files) != len(m.Files) {
			return ErrManifest.Because(fmt.Errorf("manifest %d does not follow %d", m.Seq, before.Seq))
		}
		c.Manifests = slices.Insert(c.Manifests, 0, before)
	}
	return nil
}

// Lay writes the files of the backup into dir, which is there and empty, and
// returns the key files that are in it. Nothing in dir may be believed unless
// it returns without an error. ErrKey, ErrMissing, ErrDamaged.
func (c *Chain) Lay(ctx context.Context, dir string, identities []age.Identity) (map[string][]byte, error) {
	l := &layer{chain: c, identities: identities, keys: map[string][]byte{}}
	defer l.close()
	last := c.Last()
	for _, f := range last.Files {
		out, err := os.OpenFile(filepath.Join(dir, f.Name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		l.files = append(l.files, out)
		l.hashes = append(l.hashes, make([]pageHash, f.Pages))
	}
	for _, m := range c.Manifests {
		for i, f := range m.Files {
			if f.Name != last.Files[i].Name || f.PageSize != last.Files[i].PageSize {
				return nil, ErrManifest.Because(errors.New("the files of the chain differ"))
			}
		}
		if err := l.backup(ctx, m); err != nil {
			return nil, err
		}
	}
	for i, f := range last.Files {
		if rootOf(f.Name, f.PageSize, l.hashes[i]) != f.Root {
			return nil, ErrDamaged.Because(fmt.Errorf("%s is not what was backed up", f.Name))
		}
		if err := l.files[i].Truncate(int64(f.Pages) * int64(f.PageSize)); err != nil {
			return nil, err
		}
		if err := l.files[i].Sync(); err != nil {
			return nil, err
		}
	}
	return l.keys, nil
}

// layer lays pages down.
type layer struct {
	chain      *Chain
	identities []age.Identity
	files      []*os.File
	hashes     [][]pageHash

	mu   sync.Mutex
	keys map[string][]byte
}

func (l *layer) close() {
	for _, f := range l.files {
		_ = f.Close() // synced before, or not believed
	}
}

// backup lays one backup of the chain down: its segments hold different pages,
// so they are opened on all cores; the next backup waits until it is done.
func (l *layer) backup(ctx context.Context, m *Manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var previous [32]byte
	for n, s := range m.Segments {
		before := previous
		previous = sum(s.SHA256)
		if s.Frames == 0 || ctx.Err() != nil {
			continue
		}
		group.Go(func() error {
			u, err := l.chain.segment(m, n, before, l.identities)
			if err != nil {
				return err
			}
			return l.frames(m, u)
		})
	}
	return group.Wait()
}

// sum is a digest that check has found to be one.
func sum(text string) (b [32]byte) {
	if n, err := hex.Decode(b[:], []byte(text)); err != nil || n != len(b) {
		return [32]byte{}
	}
	return b
}

// segment reads the n-th segment of a backup and holds it against the manifest.
func (c *Chain) segment(m *Manifest, n int, before [32]byte, identities []age.Identity) (*unpacked, error) {
	s := m.Segments[n]
	b, err := c.dir.read(s.Name, maxSegment)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != s.Size || digestOf(b) != s.SHA256 {
		return nil, ErrDamaged.Because(fmt.Errorf("%s is not what the manifest names", s.Name))
	}
	u, err := unpack(b, identities)
	if err != nil {
		return nil, err
	}
	if u.seq != m.Seq || u.n != n || u.previous != before || len(u.frames) != s.Frames {
		return nil, ErrDamaged.Because(fmt.Errorf("%s is of another backup", s.Name))
	}
	return u, nil
}

// frames writes the pages of a segment. No two segments of a backup hold the
// same page, so pages need no lock.
func (l *layer) frames(m *Manifest, u *unpacked) error {
	for _, f := range u.frames {
		if f.whose == keyFrame && m.Keys {
			name, content, ok := bytes.Cut(f.data, []byte{0})
			if !ok || !isName(string(name)) {
				return ErrDamaged.Because(errors.New("a key file without a name"))
			}
			if m == l.chain.Last() {
				l.mu.Lock()
				l.keys[string(name)] = content
				l.mu.Unlock()
			}
			continue
		}
		i := int(f.whose)
		if i >= len(m.Files) || f.number < 1 || f.number > m.Files[i].Pages || len(f.data) != m.Files[i].PageSize {
			return ErrDamaged.Because(errors.New("a page that no file has"))
		}
		if int(f.number) > len(l.hashes[i]) { // the file was shortened later
			continue
		}
		l.hashes[i][f.number-1] = hashPage(f.data)
		if _, err := l.files[i].WriteAt(f.data, int64(f.number-1)*int64(m.Files[i].PageSize)); err != nil {
			return err
		}
	}
	return nil
}

// Check reads every segment of the chain without an identity and holds it
// against its manifest: what a keeper of the place can do who cannot open it.
func (c *Chain) Check(ctx context.Context) error {
	for _, m := range c.Manifests {
		for _, s := range m.Segments {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := c.dir.read(s.Name, maxSegment)
			if err != nil {
				return err
			}
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != s.SHA256 {
				return ErrDamaged.Because(fmt.Errorf("%s is not what the manifest names", s.Name))
			}
		}
	}
	return nil
}
