package agent

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"lienthong/internal/fault"
)

// errLimits is the hub's own answer to a file over its limit, given here so
// that such a file need not travel to be refused.
var errLimits = fault.New(fault.TooLarge, "file.limits",
	"Tệp vượt giới hạn 32 MiB của hub nên không gửi.", "The file is over the hub's limit of 32 MiB and was not sent.")

// item is a file on its way: sent, perhaps again, until it is answered whole.
type item struct {
	File
	digest [sha256.Size]byte // of the bytes sent last, seal included
	size   int64
	told   map[int]bool // dossiers whose answer was passed on
	lines  [][]byte     // their answers, when a state file is kept
	late   *Answer      // the last deferral, until it is sent again
	done   bool
	failed error    // could not be read here
	heard  []string // papers whose refusal was passed on
}

// part is bytes with their seal, nil without one.
type part struct{ doc, sealed []byte }

// load reads an item: the file, then its papers.
func (it *item) load() ([]part, error) {
	own, err := loadPart(it.Open, it.Seal)
	if err != nil {
		return nil, err
	}
	parts := []part{own}
	it.digest, it.size = digest(own.doc, own.sealed), int64(len(own.doc))
	for _, p := range it.Papers {
		x, err := loadPart(p.Open, p.Seal)
		if err != nil {
			return nil, err
		}
		sum := digest(x.doc, x.sealed)
		it.digest, it.size = sha256.Sum256(append(it.digest[:], sum[:]...)), it.size+int64(len(x.doc))
		parts = append(parts, x)
	}
	return parts, nil
}

func loadPart(open, seal func() (io.ReadCloser, error)) (p part, err error) {
	if p.doc, err = read(open, maxFile); err != nil {
		return p, ErrFile.Because(err)
	}
	if len(p.doc) > maxFile {
		return p, errLimits
	}
	if seal != nil {
		if p.sealed, err = read(seal, maxSeal); err != nil {
			return p, ErrFile.Because(err)
		}
		if len(p.sealed) > maxSeal {
			return p, ErrFile.Because(fmt.Errorf("the seal is longer than %d bytes", maxSeal))
		}
	}
	return p, nil
}

// digest names what is sent for a file: its bytes, and its seal where it has one.
func digest(doc, sealed []byte) [sha256.Size]byte {
	sum := sha256.Sum256(doc)
	if sealed == nil {
		return sum
	}
	return sha256.Sum256(append(sum[:], sealed...))
}

func compressor(w io.Writer) (*zstd.Encoder, error) {
	// A hub reads windows up to 8 MiB; one of 1 MiB keeps an agent small.
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

// pack writes items as a zstd-compressed tar, one file in memory at a time. A
// file that cannot be read is marked and left out. The error is the writer's.
func pack(w io.Writer, items []*item) error {
	z, err := compressor(w)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	t := tar.NewWriter(z)
	for _, it := range items {
		parts, err := it.load()
		if err != nil {
			it.failed = err
			continue
		}
		for i, p := range parts {
			name := it.Name
			if i > 0 {
				name = it.Papers[i-1].Name
			}
			if p.sealed != nil {
				if err := member(t, name+sealSuffix, p.sealed); err != nil {
					return err
				}
			}
			if err := member(t, name, p.doc); err != nil {
				return err
			}
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

func member(t *tar.Writer, name string, b []byte) error {
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(b))}); err != nil {
		return err
	}
	_, err := t.Write(b)
	return err
}

// packAlone writes one document, zstd-compressed.
func packAlone(w io.Writer, doc []byte) error {
	z, err := compressor(w)
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	if _, err := z.Write(doc); err != nil {
		return err
	}
	return z.Close()
}
