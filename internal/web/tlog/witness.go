package tlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/store"
	"lienthong/internal/web/problem"
	"lienthong/internal/witness"
)

// addCheckpoint answers POST /witness/add-checkpoint (C2SP tlog-witness): 200
// with the cosignature line, 400 for a malformed request, 403 not signed by the
// trusted key, 404 a log nobody trusts here, 409 with the size known, 422 a proof
// that does not hold. Bodies of errors other than 409 are problem documents.
func (d *Doors) addCheckpoint(w http.ResponseWriter, r *http.Request) error {
	if d.Watcher == nil {
		return store.ErrAbsent
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxAddCheckpoint))
	if err != nil {
		body = nil // refused as malformed
	}
	line, err := d.Watcher.Add(r.Context(), body)
	var known *witness.KnownSize
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, line) // a log that has gone asks again
		return nil
	case errors.As(err, &known):
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, strconv.FormatUint(known.Size, 10)+"\n")
		return nil
	case errors.Is(err, ledger.ErrAddCheckpoint), errors.Is(err, ledger.ErrCheckpoint):
		problem.WriteStatus(w, r, d.Logger, http.StatusBadRequest, fault.Of(err))
		return nil
	}
	return err
}

// consistency answers GET /ledger/{log}/consistency?from=&to=: the proof that
// the log at size from is a prefix of it at size to; to is the newest when absent.
func (d *Doors) consistency(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	head, err := d.Ledger.Head(r.Context(), n)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	from, err := strconv.ParseUint(q.Get("from"), 10, 64)
	if err != nil {
		return errFilter.Because(err)
	}
	to := head.Size
	if s := q.Get("to"); s != "" {
		if to, err = strconv.ParseUint(s, 10, 64); err != nil {
			return errFilter.Because(err)
		}
	}
	if from > to {
		return errFilter
	}
	if to > head.Size {
		return store.ErrAbsent
	}
	proof, err := d.Receipts.Reader(n).ProveConsistency(r.Context(), from, to)
	if err != nil {
		return err
	}
	c := ledger.Consistency{From: from, To: to, Proof: proof}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(c.Marshal())
	return nil
}

// cosigned answers GET /ledger/{log}/cosigned: the newest checkpoint that a
// witness cosigned, with the cosignatures behind it.
func (d *Doors) cosigned(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	note, err := d.withCosignatures(r.Context(), n)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(note)
	return nil
}

// withCosignatures is the newest cosigned checkpoint with its lines; record.absent.
func (d *Doors) withCosignatures(ctx context.Context, log int) ([]byte, error) {
	if d.Cosigning == nil {
		return nil, store.ErrAbsent
	}
	note, lines, err := d.Cosigning.Cosigned(ctx, log)
	if err != nil {
		return nil, err
	}
	return ledger.WithCosignatures(note, lines...)
}

// cosignedHead is the newest checkpoint with the cosignatures of that very one,
// itself where there are none: a witness is never waited for.
func (d *Doors) cosignedHead(ctx context.Context, log int, head []byte) []byte {
	note, err := d.withCosignatures(ctx, log)
	if err == nil && bytes.HasPrefix(note, head) {
		return note
	}
	return head
}
