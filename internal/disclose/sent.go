package disclose

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"lienthong/internal/body"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// Original gives the exact bytes of the file a record came in: whole to the
// file's own facility, and to an operator when the file holds this one record
// and no closed compartment; else a redacted original, in which the inner
// documents of other dossiers are replaced by their SHA-256, those of erased
// ones by "withheld": also for the facility, when one was erased from its file.
func (d *Discloser) Original(ctx context.Context, reader Reader, id dossier.ID) (raw []byte, redacted bool, err error) {
	sent, redacted, err := d.Sent(ctx, reader, id)
	return sent.Bytes, redacted, err
}

// Sent is Original with what came beside the file: its detached seal, which
// covers the bytes only where they are not redacted, and its papers.
func (d *Discloser) Sent(ctx context.Context, reader Reader, id dossier.ID) (sent evidence.Sent, redacted bool, err error) {
	k, e, err := d.admit(ctx, reader, policy.Original, id)
	if err != nil {
		return sent, false, err
	}
	switch {
	case !e.record.Erased.IsZero():
		return sent, false, store.ErrErased
	case !e.record.Withdraws.IsZero():
		return sent, false, store.ErrAbsent
	}
	if err := d.write(ctx, k, 1, *e); err != nil {
		return sent, false, err
	}
	as := whole
	if !reader.owns(id) {
		as = digests
	}
	sent, stored, err := d.rebuild(ctx, &e.record, &as)
	if err != nil {
		return sent, false, err
	}
	redacted = as == digests && stored.Dossiers > 1
	if redacted && reader.beyond() {
		sent.Papers = nil // which of the file's patients they are of, nobody knows
	}
	return sent, redacted, nil
}

// form is how much of a file is given back.
type form int

const (
	whole   form = iota
	digests      // other dossiers replaced by their SHA-256
	alone        // the one dossier, to be read here: no other is opened
)

// rebuild gives a record's file back as it was sent, and as it is kept. A file
// that others were erased from is not whole any more: as is then digests.
func (d *Discloser) rebuild(ctx context.Context, r *store.Record, as *form) (sent evidence.Sent, file *store.File, err error) {
	file, places, err := d.Records.File(ctx, r.ID.Facility, r.File)
	if err != nil {
		return sent, nil, err
	}
	sealed, err := d.Vault.Open(evidence.FileName(file), file.Wrapped, 0, file.Skeleton)
	if err != nil {
		return sent, nil, fmt.Errorf("disclose: opening the skeleton: %w", err)
	}
	wrapping, err := d.Codec.Decode(nil, sealed, longest)
	if err != nil {
		return sent, nil, err
	}
	envelope, err := evidence.ParseEnvelope(wrapping)
	if err != nil {
		return sent, nil, err
	}
	from := body.Source{
		Dossier: func(i int) ([]byte, error) {
			if *as == alone && i != r.Index {
				return nil, nil
			}
			for k := range places {
				if places[k].Index == i {
					return d.frame(ctx, &places[k].Record)
				}
			}
			return nil, nil
		},
		Certificate: func(hash [32]byte) ([]byte, error) {
			for _, c := range file.Certificates {
				if c.Hash == hash {
					return c.Data, nil
				}
			}
			return nil, store.ErrAbsent
		},
	}
	var joined []byte
	if *as == whole && slices.ContainsFunc(places, func(s store.Stored) bool { return !s.Erased.IsZero() }) {
		*as = digests
	}
	if *as == whole {
		joined, err = body.Join(envelope.Skeleton, from)
	} else {
		joined, err = body.Redact(envelope.Skeleton, r.Index, from)
	}
	if err != nil {
		return sent, nil, err
	}
	if sent, err = envelope.Unpack(joined, from.Certificate); err != nil {
		return sent, nil, err
	}
	if *as == whole && sha256.Sum256(sent.Bytes) != file.Digest {
		return evidence.Sent{}, nil, body.ErrDamaged.Because(fmt.Errorf("the file of %s is not the one that came", r.ID))
	}
	return sent, file, nil
}
