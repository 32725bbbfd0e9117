package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// What PostgreSQL hands out is kept as it comes: base backups as streams, and
// each WAL file by itself. A WAL file is age(zstd(walHead, one signed line that
// names it, its size and digest, the signature's line, the bytes)).
const (
	walHead   = "lienthong/wal/v1\n"
	walPrefix = "wal-"
	chunk     = 1 << 20
	maxWAL    = 1 << 30 // PostgreSQL's greatest segment
	mostTries = 64
)

// walNote is what is signed of a WAL file.
type walNote struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// KeepWAL adds a WAL file (or history, or backup label) to the place. One that
// is there already is kept a second time: whether the first came whole cannot
// be seen without an identity, and PostgreSQL asks again only after a crash.
func (k *Maker) KeepWAL(d *Dir, name string, b []byte) error {
	if !isName(name) {
		return ErrDamaged.Because(errors.New("not the name of a WAL file"))
	}
	note, err := k.Signer.seal(walHead, walNote{name, len(b), digestOf(b)})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, k.Recipients...)
	if err != nil {
		return ErrRecipient.Because(err)
	}
	zip, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	_, e1 := zip.Write(note)
	_, e2 := zip.Write(b)
	if err := errors.Join(e1, e2, zip.Close(), w.Close()); err != nil {
		return err
	}
	for try := 1; try <= mostTries; try++ {
		if err = d.Write(walName(name, try), out.Bytes()); !errors.Is(err, ErrTaken) {
			return err
		}
	}
	return err
}

func walName(name string, try int) string { return fmt.Sprintf("%s%s-%d.age", walPrefix, name, try) }

// WAL returns a WAL file of the place: the first copy that is whole. ErrNone
// where there is none, which is how PostgreSQL learns that the archive ends.
func (d *Dir) WAL(name string, identities []age.Identity, vkey string) ([]byte, error) {
	var failed error
	for try := 1; try <= mostTries && isName(name); try++ {
		b, err := d.read(walName(name, try), maxWAL)
		if errors.Is(err, ErrMissing) {
			break
		}
		if err != nil {
			return nil, err
		}
		plain, err := openWAL(b, name, identities, vkey)
		if err == nil {
			return plain, nil
		}
		failed = err
	}
	if failed != nil {
		return nil, failed
	}
	return nil, ErrNone
}

func openWAL(b []byte, name string, identities []age.Identity, vkey string) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(b), identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, ErrKey.Because(err)
	}
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxSegment))
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	defer zip.Close()
	plain, err := io.ReadAll(io.LimitReader(zip, maxWAL))
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return parseWAL(plain, name, vkey)
}

// parseWAL splits note and bytes and holds one against the other.
func parseWAL(plain []byte, name, vkey string) ([]byte, error) {
	end := 0
	for range 3 { // head, note, signature
		at := bytes.IndexByte(plain[end:], '\n')
		if at < 0 {
			return nil, ErrDamaged.Because(errors.New("no note"))
		}
		end += at + 1
	}
	var n walNote
	if _, err := unseal(walHead, plain[:end], vkey, &n); err != nil {
		if errors.Is(err, ErrSigner) {
			return nil, err
		}
		return nil, ErrDamaged.Because(err)
	}
	rest := plain[end:]
	if n.Name != name || n.Size != len(rest) || n.SHA256 != digestOf(rest) {
		return nil, ErrDamaged.Because(errors.New("the file is not the one that was archived"))
	}
	return rest, nil
}

// KeepBase adds a base backup, any stream of bytes, to the place.
func (k *Maker) KeepBase(ctx context.Context, d *Dir, hub string, at time.Time, r io.Reader) (*Made, error) {
	m := &Manifest{V: 1, Hub: hub, Kind: Base, Seq: 1, MadeAt: Stamp(at), Files: []File{}, Segments: []Segment{}, Logs: []string{}}
	before, err := d.Newest(k.Signer.Verifier())
	if err != nil {
		return nil, err
	}
	if before != nil {
		m.Seq = before.next
		if before.Manifest != nil {
			m.After, m.Previous = before.Manifest.Seq, before.Digest
		}
	}
	m.Base = m.Seq
	maker := &Maker{Signer: k.Signer, Recipients: k.Recipients}
	w := &run{maker: maker, place: d, m: m, made: &Made{Manifest: m}}
	b := make([]byte, chunk)
	for number := uint32(1); ctx.Err() == nil; number++ {
		n, err := io.ReadFull(r, b)
		if n > 0 {
			if err := w.add(0, number, b[:n]); err != nil {
				return nil, err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return w.finish()
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// Base writes the bytes of a base backup out, in order. What was written may be
// believed only when it returns without an error.
func (c *Chain) Base(ctx context.Context, w io.Writer, identities []age.Identity) error {
	m := c.Last()
	if m.Kind != Base {
		return ErrNone.Because(errors.New("not a base backup"))
	}
	var previous [32]byte
	number := uint32(1)
	for n := range m.Segments {
		if err := ctx.Err(); err != nil {
			return err
		}
		u, err := c.segment(m, n, previous, identities)
		if err != nil {
			return err
		}
		previous = sum(m.Segments[n].SHA256)
		for _, f := range u.frames {
			if f.number != number {
				return ErrDamaged.Because(errors.New("a piece is not in its place"))
			}
			number++
			if _, err := w.Write(f.data); err != nil {
				return err
			}
		}
	}
	return nil
}
