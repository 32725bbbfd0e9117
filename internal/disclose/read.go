package disclose

import (
	"context"
	"fmt"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/kind"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// open opens a record as far as may lets it.
func (d *Discloser) open(ctx context.Context, r *store.Record, may func(care.Classes) (bool, error)) (*Opened, error) {
	kept, err := d.kept(ctx, []*store.Record{r})
	if err != nil {
		return nil, err
	}
	return d.openKept(ctx, r, &kept[0], may)
}

// kept asks for what reading records needs, of all of them at once; zero of one whose
// kind is not read by that alone.
func (d *Discloser) kept(ctx context.Context, records []*store.Record) ([]store.Kept, error) {
	out := make([]store.Kept, len(records))
	var ids []dossier.ID
	var at []int
	for i, r := range records {
		if r.Erased.IsZero() && r.Withdraws.IsZero() && isPartReader(d.Kinds.ByName(r.Kind)) {
			ids, at = append(ids, r.ID), append(at, i)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	got, err := d.Records.Kept(ctx, ids)
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		out[i] = got[n]
	}
	return out, nil
}

func isPartReader(r kind.Reader) bool {
	_, ok := r.(kind.PartReader)
	return ok && !r.View().Papers
}

// openKept is open with what kept gave for the record.
func (d *Discloser) openKept(ctx context.Context, r *store.Record, kept *store.Kept, may func(care.Classes) (bool, error)) (*Opened, error) {
	if !r.Erased.IsZero() {
		return nil, store.ErrErased
	}
	wrapped := r.Wrapped
	if kept.Wrapped != nil {
		wrapped = kept.Wrapped
	}
	key, err := d.Vault.OpenKey(evidence.RecordName(r.ID), wrapped)
	if err != nil {
		return nil, fmt.Errorf("disclose: opening the head of %s: %w", r.ID, err)
	}
	head, err := headOf(key, r)
	if err != nil {
		return nil, err
	}
	o := &Opened{Record: *r, Episode: head.Episode}
	reader := d.Kinds.ByName(r.Kind)
	if reader == nil || !r.Withdraws.IsZero() {
		return o, nil
	}
	o.View = reader.View()
	alone, err := d.readParts(o, reader, kept, key)
	if err == nil && !alone {
		err = d.readFile(ctx, o, reader)
	}
	if err != nil {
		return nil, err
	}
	all, err := may(care.AllClasses)
	if err != nil || all {
		return o, err
	}
	told, err := may(compartment.Content(o.Read.Content)) // by lists newer than the record
	if err != nil {
		return nil, err
	}
	if !told {
		return nil, ErrCompartment
	}
	o.Read, err = withoutClosed(o.Read, may)
	return o, err
}

// readParts reads a record out of its own parts. They are what its file held: they were
// proved so when it came in (body.Split), are sealed under the record's key and its
// name, and are held against the file's digest by the re-verifier; here the seal over
// them is opened, and the file is not made again. false where they do not tell all.
func (d *Discloser) readParts(o *Opened, reader kind.Reader, kept *store.Kept, key *vault.Key) (bool, error) {
	if !isPartReader(reader) || len(kept.Body) == 0 {
		return false, nil
	}
	packed, err := key.Open(nil, evidence.PartBody, kept.Body)
	if err != nil {
		return false, fmt.Errorf("disclose: opening %s: %w", o.Record.ID, err)
	}
	frame, err := d.Codec.Decode(nil, packed, longest)
	if err != nil {
		return false, err
	}
	parts, err := body.Parts(frame)
	if err != nil {
		return false, err
	}
	content, ok := reader.(kind.PartReader).Tables(o.Record.Documents, parts)
	if ok {
		o.Read, o.Seals = kind.DossierOf(content), kept.Seals
	}
	return ok, nil
}

// readFile reads a record out of its file, made again with that record alone in it.
func (d *Discloser) readFile(ctx context.Context, o *Opened, reader kind.Reader) error {
	as := alone
	sent, stored, err := d.rebuild(ctx, &o.Record, &as)
	if err != nil {
		return err
	}
	o.Seals = stored.Seals
	file, err := reader.Open(sent.Bytes)
	if err != nil {
		return fmt.Errorf("disclose: reading %s again: %w", o.Record.ID, err)
	}
	o.Read = file.Dossier(o.Record.Index)
	for _, p := range sent.Papers {
		o.Papers = append(o.Papers, p.Name)
	}
	return nil
}

func withoutClosed(k kind.Dossier, may func(care.Classes) (bool, error)) (kind.Dossier, error) {
	open := &dossier.Content{}
	for _, t := range k.Content.Tables() {
		told, err := may(compartment.Table(t.Columns.Table))
		if err != nil {
			return k, err
		}
		if told {
			open.All = append(open.All, t)
		}
	}
	k.Content, k.Inner, k.InnerNames = open, nil, nil
	return k, nil
}

func (d *Discloser) head(r *store.Record) (evidence.Head, error) {
	if !r.Erased.IsZero() {
		return evidence.Head{}, store.ErrErased
	}
	key, err := d.Vault.OpenKey(evidence.RecordName(r.ID), r.Wrapped)
	if err != nil {
		return evidence.Head{}, fmt.Errorf("disclose: opening the head of %s: %w", r.ID, err)
	}
	return headOf(key, r)
}

func headOf(key *vault.Key, r *store.Record) (evidence.Head, error) {
	plain, err := key.Open(nil, evidence.PartHead, r.Head)
	if err != nil {
		return evidence.Head{}, fmt.Errorf("disclose: opening the head of %s: %w", r.ID, err)
	}
	return evidence.ParseHead(plain)
}

// frame opens the inner documents of one record; nil when it was erased.
func (d *Discloser) frame(ctx context.Context, r *store.Record) ([]byte, error) {
	if !r.Erased.IsZero() {
		return nil, nil
	}
	sealed, err := d.Records.Body(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	packed, err := d.Vault.Open(evidence.RecordName(r.ID), r.Wrapped, evidence.PartBody, sealed)
	if err != nil {
		return nil, fmt.Errorf("disclose: opening %s: %w", r.ID, err)
	}
	return d.Codec.Decode(nil, packed, longest)
}

// longest is the longest plain form of a stored body: a file's limit, with room for frames.
const longest = 33 << 20
