package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// A segment, once decrypted and decompressed, is a head (segmentHead, the
// backup's number, its own number in it, the SHA-256 of the segment before or
// zeros), frames, and an end that counts them. A frame is a byte that says
// whose it is (the file's position in the manifest, or keyFrame), a number (the
// page's, from 1), a length and the bytes. Numbers are big-endian.
const (
	segmentHead = "lienthong/segment/v1\n"
	keyFrame    = 200 // a key file: its name, NUL, its content
	endFrame    = 255

	// segmentPlain is how much one segment holds before it is compressed. A
	// segment is made in memory, because its name is its content's.
	segmentPlain = 16 << 20
	// maxSegment is the most that is read of one, encrypted or plain: what
	// cannot be compressed grows a little.
	maxSegment = 24 << 20
	frameHead  = 1 + 4 + 4
)

// packer makes one segment.
type packer struct {
	to     bytes.Buffer
	age    io.WriteCloser
	zip    *zstd.Encoder
	plain  int
	frames int
}

func newPacker(recipients []age.Recipient, seq, n int, previous [32]byte) (*packer, error) {
	p := &packer{}
	var err error
	if p.age, err = age.Encrypt(&p.to, recipients...); err != nil {
		return nil, ErrRecipient.Because(err)
	}
	// Bodies are sealed and do not compress; the rest is rows, which do at any level.
	if p.zip, err = zstd.NewWriter(p.age, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte(segmentHead), uint64(seq)), uint32(n))
	return p, p.write(append(head, previous[:]...))
}

func (p *packer) write(b []byte) error {
	p.plain += len(b)
	_, err := p.zip.Write(b)
	return err
}

// add adds a frame.
func (p *packer) add(whose byte, number uint32, data []byte) error {
	var head [frameHead]byte
	head[0] = whose
	binary.BigEndian.PutUint32(head[1:], number)
	binary.BigEndian.PutUint32(head[5:], uint32(len(data)))
	p.frames++
	return errors.Join(p.write(head[:]), p.write(data))
}

func (p *packer) full() bool { return p.plain >= segmentPlain }

// end returns the segment's bytes and digest.
func (p *packer) end() ([]byte, [32]byte, error) {
	var tail [frameHead]byte
	tail[0] = endFrame
	binary.BigEndian.PutUint32(tail[1:], uint32(p.frames))
	if err := errors.Join(p.write(tail[:]), p.zip.Close(), p.age.Close()); err != nil {
		return nil, [32]byte{}, err
	}
	return p.to.Bytes(), sha256.Sum256(p.to.Bytes()), nil
}

// segmentName is made of the segment's place and content: two different ones
// never share a name, so none is ever written over.
func segmentName(seq, n int, digest [32]byte) string {
	return fmt.Sprintf("%08d-%05d-%s.age", seq, n, hex.EncodeToString(digest[:8]))
}

// frame is one piece of a segment.
type frame struct {
	whose  byte
	number uint32
	data   []byte
}

// unpacked is a segment taken apart.
type unpacked struct {
	seq      int
	n        int
	previous [32]byte
	frames   []frame
}

// unpack opens and reads one segment. ErrKey where no identity opens it,
// ErrDamaged for anything that is not whole.
func unpack(b []byte, identities []age.Identity) (*unpacked, error) {
	r, err := age.Decrypt(bytes.NewReader(b), identities...)
	if err != nil {
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, ErrKey.Because(err)
		}
		return nil, ErrDamaged.Because(err)
	}
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSegment), zstd.WithDecoderMaxWindow(maxSegment))
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	defer zip.Close()
	plain, err := io.ReadAll(io.LimitReader(zip, maxSegment+1))
	if err != nil || len(plain) > maxSegment {
		return nil, ErrDamaged.Because(err)
	}
	u, err := parseSegment(plain)
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	return u, nil
}

var errSegment = errors.New("not a segment in its form")

// parseSegment takes the plain bytes of a segment apart. Frames share b.
func parseSegment(b []byte) (*unpacked, error) {
	rest, ok := bytes.CutPrefix(b, []byte(segmentHead))
	if !ok || len(rest) < 8+4+32 {
		return nil, errSegment
	}
	u := &unpacked{seq: int(binary.BigEndian.Uint64(rest) & (1<<62 - 1)), n: int(binary.BigEndian.Uint32(rest[8:])), previous: [32]byte(rest[12:44])}
	for rest = rest[44:]; ; {
		if len(rest) < frameHead {
			return nil, errSegment
		}
		f := frame{whose: rest[0], number: binary.BigEndian.Uint32(rest[1:])}
		size := binary.BigEndian.Uint32(rest[5:])
		rest = rest[frameHead:]
		if f.whose == endFrame {
			if size != 0 || len(rest) != 0 || int(f.number) != len(u.frames) {
				return nil, errSegment
			}
			return u, nil
		}
		if uint64(size) > uint64(len(rest)) {
			return nil, errSegment
		}
		f.data, rest = rest[:size:size], rest[size:]
		u.frames = append(u.frames, f)
	}
}
