package reverify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/ledger"
	"lienthong/internal/retention"
	"lienthong/internal/role"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// longest is the longest plain form of a stored body: a file's limit, with room
// for frames.
const longest = 33 << 20

// sentFile is a file given back from its parts. What is nil could not be had,
// and was noted.
type sentFile struct {
	facility care.FacilityCode
	hash     vault.Keyed
	row      *store.File
	sent     evidence.Sent // as it came
	raw      []byte        // as it is kept: its bytes, then those of papers beside it
	partial  []byte        // its envelope, where some of its records were erased
	opened   kind.File
	view     kind.View
	split    *body.File
}

// file gives a file back and verifies it, once while it is at hand: the
// records of a file follow each other in the log.
func (w *walk) file(ctx context.Context, facility care.FacilityCode, hash vault.Keyed) *sentFile {
	for _, f := range w.cache {
		if f != nil && f.facility == facility && f.hash == hash {
			return f
		}
	}
	f := &sentFile{facility: facility, hash: hash}
	w.cache[w.next%len(w.cache)] = f
	w.next++
	name := fileName(facility, hash)
	row, places, err := w.Slices.Records.File(ctx, facility, hash)
	switch {
	case errors.Is(err, store.ErrAbsent):
		w.differ("file.missing", "file", name, "")
		return f
	case err != nil:
		w.differ("row.unreadable", "file", name, "")
		return f
	}
	f.row = row
	if !w.join(ctx, f, places) {
		return f
	}
	w.fileRow(f, name)
	w.places(f, places, name)
	return f
}

// fileName says where a file is: its facility and half of its keyed hash, which
// tells nothing without the pepper.
func fileName(facility care.FacilityCode, hash vault.Keyed) string {
	return string(facility) + " " + hex.EncodeToString(hash[:8])
}

// join gives the file's bytes back; false when they cannot be had.
func (w *walk) join(ctx context.Context, f *sentFile, places []store.Stored) bool {
	name := fileName(f.facility, f.hash)
	if fileErased(f.row, places) {
		if f.row.Class != retention.Former && retention.ByName(f.row.Class).Name != f.row.Class { // a file sent again has no act that tells more
			w.differ("file.row", "file", name, "class")
		}
		return false
	}
	key, err := w.Vault.OpenKey(evidence.FileName(f.row), f.row.Wrapped)
	if err != nil {
		w.differ("file.unopened", "file", name, "")
		return false
	}
	if !sealedUnder(f.row.Wrapped, f.row.Class, f.row.Month) {
		w.differ("file.row", "file", name, "class")
	}
	packed, err := key.Open(nil, 0, f.row.Skeleton)
	if err != nil {
		w.differ("file.unopened", "file", name, "")
		return false
	}
	wrapping, err := w.Codec.Decode(nil, packed, longest)
	if err != nil {
		w.differ("file.unopened", "file", name, "")
		return false
	}
	if len(places) > 0 && !places[0].Withdraws.IsZero() {
		f.raw, f.sent.Bytes = wrapping, wrapping
	} else if err = w.unpack(f, wrapping, w.parts(ctx, f.row, places)); err != nil {
		if errors.Is(err, errErased) {
			f.partial = wrapping
		} else {
			w.differ("file.bytes", "file", name, "")
		}
		f.raw = nil
		return false
	}
	if sha256.Sum256(f.sent.Bytes) != f.row.Digest {
		w.differ("file.bytes", "file", name, "digest")
		f.raw = nil
		return false
	}
	return true
}

// unpack gives back what was sent out of the opened envelope.
func (w *walk) unpack(f *sentFile, wrapping []byte, from body.Source) error {
	e, err := evidence.ParseEnvelope(wrapping)
	if err != nil {
		return err
	}
	if f.raw, err = body.Join(e.Skeleton, from); err != nil {
		return err
	}
	f.sent, err = e.Unpack(f.raw, from.Certificate)
	return err
}

// errErased: a dossier of the file was erased, so its bytes cannot be given back.
var errErased = errors.New("erased")

// parts are what the holes of a file's skeleton are filled with.
func (w *walk) parts(ctx context.Context, f *store.File, places []store.Stored) body.Source {
	return body.Source{
		Dossier: func(i int) ([]byte, error) {
			at := slices.IndexFunc(places, func(s store.Stored) bool { return s.Index == i })
			if at < 0 {
				return nil, store.ErrAbsent
			}
			r := &places[at].Record
			if !r.Erased.IsZero() {
				return nil, errErased
			}
			sealed, err := w.Slices.Records.Body(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			key, err := w.Vault.OpenKey(evidence.RecordName(r.ID), r.Wrapped)
			if err != nil {
				return nil, err
			}
			packed, err := key.Open(nil, evidence.PartBody, sealed)
			if err != nil {
				return nil, err
			}
			return w.Codec.Decode(nil, packed, longest)
		},
		Certificate: func(hash [32]byte) ([]byte, error) {
			for _, c := range f.Certificates {
				if c.Hash == hash {
					return c.Data, nil
				}
			}
			return nil, store.ErrAbsent
		},
	}
}

// fileRow compares the file's row with its bytes.
func (w *walk) fileRow(f *sentFile, name string) {
	row := f.row
	wrong := func(field string) { w.differ("file.row", "file", name, field) }
	known := [][]byte{[]byte(f.facility), row.Digest[:]}
	for _, p := range f.sent.Papers {
		sum := sha256.Sum256(p.Bytes)
		known = append(known, sum[:])
	}
	if !slices.Contains(w.Vault.HashAll(vault.File, known...), row.Hash) {
		wrong("hash")
	}
	if row.Size != int64(len(f.sent.Bytes)) {
		wrong("size")
	}
	reader, err := w.Kinds.Pick(f.sent.Bytes)
	if err != nil { // the statement of a withdrawal
		return
	}
	opened, err := reader.Open(f.sent.Bytes)
	if err != nil {
		wrong("kind")
		return
	}
	opened = kind.WithPapers(opened, len(f.sent.Bytes), papersOf(f.sent))
	f.opened, f.view = opened, reader.View()
	if opened.Len() != row.Dossiers {
		wrong("dossiers")
	}
	if code := opened.Facility(); code != "" && code != f.facility {
		wrong("facility")
	}
	split, err := body.Split(f.raw, opened.Spans(), opened.Extracts()...)
	if err != nil {
		wrong("skeleton")
		return
	}
	f.split = &split
	if !w.sealed(f, opened) {
		wrong("seals")
	}
	if !sameCertificates(f.sent, split.Certificates, row.Certificates) {
		wrong("certificates")
	}
}

func papersOf(s evidence.Sent) []kind.Paper {
	list := make([]kind.Paper, len(s.Papers))
	for i, p := range s.Papers {
		list[i] = kind.Paper{Name: p.Name, Bytes: p.Bytes}
	}
	return list
}

// sameCertificates compares the certificates kept for a file with those in it
// and in its detached seals.
func sameCertificates(sent evidence.Sent, inside []body.Certificate, kept []store.Blob) bool {
	have := map[[32]byte]bool{}
	for _, c := range inside {
		have[c.Hash] = true
	}
	for _, token := range sent.Seals() {
		_, certs, err := evidence.PackSeal(token)
		if err != nil {
			return false
		}
		for _, c := range certs {
			have[c.Hash] = true
		}
	}
	for _, b := range kept {
		if !have[b.Hash] {
			return false
		}
	}
	return len(have) == len(kept)
}

// sealed verifies the file's signatures again and holds their notes.
func (w *walk) sealed(f *sentFile, opened kind.File) bool {
	v, err := w.verify(f, opened)
	if err != nil || len(v.Signatures) != len(f.row.Seals) {
		return false
	}
	for _, p := range f.sent.Papers {
		if _, err := w.Seals.VerifyDetached(p.Bytes, p.Seal); err != nil {
			return false
		}
	}
	for i, s := range v.Signatures {
		n := f.row.Seals[i]
		if n.Fingerprint != s.Fingerprint || n.Subject != s.Certificate.Subject.String() || n.Algorithm != string(s.Algorithm) {
			return false
		}
		if n.Role != "" && (n.Covered != s.Covered || n.Serial != s.Certificate.SerialNumber.Text(16) || n.Issuer != s.Certificate.Issuer.String()) {
			return false // older rows say nothing of it
		}
	}
	return true
}

func (w *walk) verify(f *sentFile, opened kind.File) (*seal.Verdict, error) {
	if inside := opened.Sealing().Inside; inside != nil {
		return w.Seals.Verify(f.sent.Bytes, *inside)
	}
	return w.Seals.VerifyDetached(f.sent.Bytes, f.sent.Seal)
}

// places holds the records that stand in a file whose own records they are
// not: the same content came again.
func (w *walk) places(f *sentFile, places []store.Stored, name string) {
	if f.opened == nil {
		return
	}
	for i := range places {
		s := &places[i]
		if s.File == f.hash && s.Record.Index == s.Index {
			continue // verified as a record of its own
		}
		if s.Index < 0 || s.Index >= f.opened.Len() || !s.Erased.IsZero() {
			continue
		}
		h, err := w.receiptOf(&s.Record)
		if err != nil {
			w.differ("file.place", "place", name, "")
			continue
		}
		b, err := ledger.ParseBody(h.Receipt.Body)
		c := &checked{walk: w, body: b}
		read := f.opened.Dossier(s.Index)
		if err != nil || !c.said(&read) {
			w.differ("file.place", "place", name, "")
		}
	}
}

// files verifies the files that no record calls its own, and when each
// facility last sent.
func (w *walk) files(ctx context.Context) error {
	err := w.Slices.Audit.Files(ctx, func(facility care.FacilityCode, hash vault.Keyed) error {
		w.report.Files++
		if w.opts.Sample > 1 && uint64(w.report.Files)%w.opts.Sample != 0 {
			return ctx.Err()
		}
		row, places, err := w.Slices.Records.File(ctx, facility, hash)
		if err != nil {
			w.file(ctx, facility, hash) // notes what is wrong
			return ctx.Err()
		}
		if row.Received.After(w.seen[facility]) {
			w.seen[facility] = row.Received
		}
		if !slices.ContainsFunc(places, func(s store.Stored) bool { return s.File == hash }) {
			w.file(ctx, facility, hash)
		}
		for i := range places {
			if err := w.sealedAgain(ctx, row, &places[i]); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err := w.unreadable(ctx, "file", err); err != nil {
		return err
	}
	return w.lastSeen(ctx)
}

// sealedAgain holds what is said on a record of another file in which it came
// again: when, and who sent it. A rejected file that came again has given its
// place to a later record, at a moment that only that event tells.
func (w *walk) sealedAgain(ctx context.Context, f *store.File, s *store.Stored) error {
	if s.File == f.Hash || !s.Verdict.State.IsAccepted() {
		return nil
	}
	events, err := w.Slices.Records.Timeline(ctx, s.ID)
	if err != nil {
		return err
	}
	moved := false
	for _, e := range events {
		if e.What != "sealed_again" {
			continue
		}
		if e.At.Equal(f.Received) && e.Actor == f.Sender {
			return nil
		}
		moved = moved || e.At.After(f.Received)
	}
	if moved {
		t, err := w.Slices.Audit.Trace(ctx, s.ID, nil)
		if err != nil {
			return err
		}
		before, _, err := w.Slices.Records.List(ctx, role.Scope{All: true}, store.Filter{Facility: f.Facility, Episode: []vault.Keyed{t.Episode},
			Kind: s.Kind, State: dossier.Rejected, Limit: 1000})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(before, func(r store.Record) bool { return r.File == f.Hash }) {
			return nil
		}
	}
	w.differ("record.timeline", "transition", s.ID.String(), "sealed_again")
	return nil
}

// lastSeen holds when facilities last sent against their newest file or
// refusal: not before it. It may be later: a file sent again keeps its first row.
func (w *walk) lastSeen(ctx context.Context) error {
	seen, err := w.Slices.Facilities.LastSeen(ctx, role.Scope{All: true})
	if err != nil {
		return w.unreadable(ctx, "last_seen", err)
	}
	for facility, at := range w.seen {
		if got, ok := seen[facility]; !ok || got.Before(at) {
			w.differ("seen.edited", "last_seen", string(facility), "")
		}
	}
	return nil
}
