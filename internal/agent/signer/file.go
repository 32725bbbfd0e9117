package signer

import (
	"bytes"
	"context"
	"errors"

	"lienthong/internal/kind"
	"lienthong/internal/seal"
)

// container is where every kind with an enveloped signature has it (QĐ 3176).
const container = "CHUKYDONVI"

// Sealed is a file as it goes to the hub.
type Sealed struct {
	Doc      []byte // the file; its bytes as they came where it needed no seal inside
	Detached string // the JWS to go beside it as NAME.jws; "" for none
}

// File seals a file the way its kind wants it: inside, beside, or not at all when
// it is sealed already (a seal of the facility's HIS is kept, and that it
// verifies is checked here). hasDetached says that a NAME.jws came with the file.
// Faults: those of the kind's reader (file.*), seal.* for a seal in it that does
// not hold, signer.person_first, and those of Signer.Seal.
func File(ctx context.Context, s Signer, kinds *kind.Registry, raw []byte, hasDetached bool) (Sealed, error) {
	out := Sealed{Doc: raw}
	if hasDetached {
		return out, nil
	}
	if bytes.HasPrefix(raw, []byte("%PDF-")) {
		return beside(ctx, s, out)
	}
	reader, err := kinds.Pick(raw)
	if err != nil {
		return out, err
	}
	f, err := reader.Open(raw)
	if err != nil {
		return out, err
	}
	sealing := f.Sealing()
	inside := sealing.Inside
	if inside == nil {
		return either(ctx, s, out)
	}
	verifier, err := seal.NewVerifier(seal.Config{})
	if err != nil {
		return out, err
	}
	_, err = verifier.Verify(raw, *inside)
	switch {
	case err == nil:
		return out, nil
	case len(inside.Holders) > 0:
		return held(ctx, s, verifier, out, sealing)
	case !errors.Is(err, seal.ErrMissing):
		return out, err
	}
	out.Doc, err = s.Seal(ctx, raw)
	return out, err
}

// either seals inside where there is a place for it, else beside: slips.
func either(ctx context.Context, s Signer, out Sealed) (Sealed, error) {
	if bytes.HasPrefix(bytes.TrimLeft(out.Doc, "\xef\xbb\xbf \t\r\n"), []byte("<")) {
		doc, err := s.Seal(ctx, out.Doc)
		if err == nil {
			out.Doc = doc
			return out, nil
		}
		if !errors.Is(err, seal.ErrMalformed) {
			return out, err
		}
	}
	return beside(ctx, s, out)
}

func beside(ctx context.Context, s Signer, out Sealed) (Sealed, error) {
	var err error
	out.Detached, err = s.SealDetached(ctx, out.Doc)
	return out, err
}

// held signs into the facility's holder, behind the person's signature.
func held(ctx context.Context, s Signer, v *seal.Verifier, out Sealed, sealing kind.Sealing) (Sealed, error) {
	for i, holder := range sealing.Inside.Holders {
		if sealing.Of(i) != kind.ByFacility {
			continue
		}
		doc, err := s.SealHolder(ctx, out.Doc, sealing.Inside.Container, holder)
		if err != nil {
			return out, err
		}
		if _, err := v.Verify(doc, *sealing.Inside); err != nil {
			return out, ErrPersonFirst.Because(err)
		}
		out.Doc = doc
		return out, nil
	}
	return out, ErrPersonFirst
}
