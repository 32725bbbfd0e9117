package body

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Forms of holes. Each but the certificate's is followed by the dossier.
const (
	formText        byte = 0 // the part is the text
	formBase64      byte = 1 // the part's base64 in one line
	formLaidOut     byte = 2 // the part's base64 in the layout that follows
	formCertificate byte = 3 // followed by the SHA-256 of the text
)

// Source hands out what the holes of a skeleton are filled with. An error ends
// the joining and is returned as it is.
type Source struct {
	// Dossier returns the frame of a dossier.
	Dossier func(i int) ([]byte, error)
	// Certificate returns the text of that SHA-256.
	Certificate func(hash [32]byte) ([]byte, error)
}

// Source returns the file's own parts.
func (f File) Source() Source {
	return Source{
		Dossier: func(i int) ([]byte, error) { return f.Dossier(i), nil },
		Certificate: func(hash [32]byte) ([]byte, error) {
			for _, c := range f.Certificates {
				if c.Hash == hash {
					return c.Data, nil
				}
			}
			return nil, ErrDamaged.Because(errors.New("no such certificate"))
		},
	}
}

// Join gives back the exact bytes of the file. Fault: body.damaged when the
// parts do not fit the skeleton.
func Join(skeleton []byte, from Source) ([]byte, error) {
	s, err := parseSkeleton(skeleton)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, min(s.size, 4*len(skeleton)+1<<20))
	err = s.fill(from, everything, func(b []byte) error {
		if len(b) > s.size-len(out) {
			return ErrDamaged.Because(errors.New("the file grows beyond its size"))
		}
		out = append(out, b...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(out) != s.size {
		return nil, ErrDamaged.Because(fmt.Errorf("%d bytes joined of %d", len(out), s.size))
	}
	return out, nil
}

// Redact gives the file as the reader of one dossier may have it: every part of
// another dossier is replaced by "sha256:" and the hexadecimal SHA-256 of the
// part (of the decoded bytes where base64 was undone), to be checked against
// the digests in the receipts. Where the source has a nil frame for another
// dossier (it was erased, or may not be opened) the text is "withheld". The
// signature over the file does not cover this form. Fault: body.damaged.
func Redact(skeleton []byte, keep int, from Source) ([]byte, error) {
	s, err := parseSkeleton(skeleton)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, min(s.size, 4*len(skeleton)+1<<20))
	err = s.fill(from, keep, func(b []byte) error {
		if len(out)+len(b) > s.size+len(s.holes)*redactedMax {
			return ErrDamaged.Because(errors.New("the file grows beyond its size"))
		}
		out = append(out, b...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

const (
	everything  = -1
	withheld    = "withheld"
	digestMark  = "sha256:"
	redactedMax = len(digestMark) + 2*sha256.Size
)

// restores tells whether joining gives raw back, without a second copy of it.
// Base64 that was undone from the text at this very place is proved already
// (Undo); everything else is written again and compared.
func (f File) restores(raw []byte) bool {
	s, err := parseSkeleton(f.Skeleton)
	if err != nil || s.size != len(raw) {
		return false
	}
	rest, literals := raw, s.literals
	compare := func(b []byte) error {
		if !bytes.HasPrefix(rest, b) {
			return ErrDamaged
		}
		rest = rest[len(b):]
		return nil
	}
	next := make([]int, len(f.dossiers))
	for i := range s.holes {
		h := &s.holes[i]
		if compare(literals[:h.gap]) != nil {
			return false
		}
		literals = literals[h.gap:]
		if h.form == formCertificate {
			if certificateText(f.Source(), h.hash, compare) != nil {
				return false
			}
			continue
		}
		if h.dossier >= len(next) || next[h.dossier] == len(f.dossiers[h.dossier]) {
			return false
		}
		p := &f.dossiers[h.dossier][next[h.dossier]]
		next[h.dossier]++
		switch u := p.proof; {
		case u == nil:
			if h.form != formText || compare(p.bytes) != nil {
				return false
			}
		case h.form == formText || len(rest) < len(u.text) || !u.of(rest[:len(u.text)]) || !h.layout.equal(u.layout):
			return false
		default:
			rest = rest[len(u.text):]
		}
	}
	for d, n := range next {
		if n != len(f.dossiers[d]) {
			return false
		}
	}
	return compare(literals) == nil && len(rest) == 0
}

// skeleton is one read.
type skeleton struct {
	size     int
	holes    []hole
	literals []byte
}

type hole struct {
	gap     int // bytes of the envelope before it
	form    byte
	dossier int
	layout  layout
	hash    [32]byte
}

// parseSkeleton reads a skeleton; what it returns shares b's memory.
func parseSkeleton(b []byte) (*skeleton, error) {
	r := reader{rest: b}
	if r.byte() != formatV1 || r.bad {
		return nil, ErrDamaged.Because(fmt.Errorf("a skeleton of unknown form, %d bytes", len(b)))
	}
	s := &skeleton{size: r.number(maxFile)}
	count := r.number(len(b)) // a hole takes at least three bytes
	s.holes = make([]hole, 0, count/3+1)
	gaps := 0
	for range count {
		h := hole{gap: r.number(maxFile), form: r.byte()}
		switch h.form {
		case formText, formBase64:
			h.dossier = r.number(maxDossier - 1)
		case formLaidOut:
			h.dossier = r.number(maxDossier - 1)
			h.layout = layout{line: r.number(maxFile), lead: r.blank(), sep: r.blank(), trail: r.blank()}
		case formCertificate:
			copy(h.hash[:], r.take(len(h.hash)))
		default:
			r.bad = true
		}
		if gaps += h.gap; r.bad || gaps > len(b) {
			return nil, ErrDamaged.Because(fmt.Errorf("hole %d of a skeleton", len(s.holes)))
		}
		s.holes = append(s.holes, h)
	}
	s.literals = r.rest
	if r.bad || gaps > len(s.literals) || len(s.literals) > s.size {
		return nil, ErrDamaged.Because(errors.New("the literals of a skeleton"))
	}
	return s, nil
}

// fill writes the file from the skeleton and its parts; keep names the one
// dossier that is shown, or everything.
func (s *skeleton) fill(from Source, keep int, emit func([]byte) error) error {
	literals := s.literals
	parts := make(map[int][]Part)
	withheldOnes := make(map[int]bool)
	for _, h := range s.holes {
		if err := emit(literals[:h.gap]); err != nil {
			return err
		}
		literals = literals[h.gap:]
		if h.form == formCertificate {
			if err := certificateText(from, h.hash, emit); err != nil {
				return err
			}
			continue
		}
		rest, opened := parts[h.dossier]
		if !opened && !withheldOnes[h.dossier] {
			frame, err := from.Dossier(h.dossier)
			if err != nil {
				return err
			}
			if frame == nil && keep != everything && h.dossier != keep {
				withheldOnes[h.dossier] = true
			} else if rest, err = Parts(frame); err != nil {
				return err
			}
		}
		if withheldOnes[h.dossier] {
			if err := emit([]byte(withheld)); err != nil {
				return err
			}
			continue
		}
		if len(rest) == 0 || rest[0].Decoded != (h.form != formText) {
			return ErrDamaged.Because(fmt.Errorf("dossier %d has not the parts of its skeleton", h.dossier))
		}
		parts[h.dossier] = rest[1:]
		if err := h.fill(rest[0].Bytes, keep, emit); err != nil {
			return err
		}
	}
	for dossier, rest := range parts {
		if len(rest) > 0 {
			return ErrDamaged.Because(fmt.Errorf("dossier %d has %d parts more than its skeleton", dossier, len(rest)))
		}
	}
	return emit(literals)
}

// fill writes one part as it stood in the file, or its digest.
func (h hole) fill(part []byte, keep int, emit func([]byte) error) error {
	switch {
	case keep != everything && keep != h.dossier:
		sum := sha256.Sum256(part)
		return emit(hex.AppendEncode([]byte(digestMark), sum[:]))
	case h.form == formText:
		return emit(part)
	}
	return h.layout.encode(part, emit)
}

func certificateText(from Source, hash [32]byte, emit func([]byte) error) error {
	text, err := from.Certificate(hash)
	if err != nil {
		return err
	}
	if sha256.Sum256(text) != hash {
		return ErrDamaged.Because(errors.New("a certificate is not the one named"))
	}
	return emit(text)
}

// reader reads a skeleton's head; bad stays set after the first misfit.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// number reads a uvarint of at most limit.
func (r *reader) number(limit int) int {
	n, size := binary.Uvarint(r.rest)
	if r.bad || size <= 0 || n > uint64(limit) {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

// blank reads white space with its length.
func (r *reader) blank() []byte { return r.take(r.number(maxFile)) }
