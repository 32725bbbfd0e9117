package tlog

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"lienthong/internal/ledger"
	"lienthong/internal/store"
)

// number reads the {log} of a path; a number this hub does not know is absent.
func (d *Doors) number(ctx context.Context, r *http.Request) (int, error) {
	n, err := strconv.Atoi(r.PathValue("log"))
	if err != nil || strconv.Itoa(n) != r.PathValue("log") {
		return 0, store.ErrAbsent
	}
	logs, err := d.Ledger.Logs(ctx)
	if err != nil {
		return 0, err
	}
	if !slices.Contains(logs, n) {
		return 0, store.ErrAbsent
	}
	return n, nil
}

// checkpoint answers GET /ledger/{log}/checkpoint: the newest signed note, as
// committed (C2SP tlog-checkpoint), with cosignatures behind it where witnesses
// have cosigned that very one.
func (d *Doors) checkpoint(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	head, err := d.Ledger.Head(r.Context(), n)
	if err != nil {
		return err
	}
	if head.Size == 0 {
		return store.ErrAbsent
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(d.cosignedHead(r.Context(), n, head.Checkpoint))
	return nil
}

// tile answers GET /ledger/{log}/tile/...: hash tiles and entry bundles under
// C2SP tlog-tiles paths. A full tile never changes.
func (d *Doors) tile(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	p, err := ledger.ParseTilePath("tile/" + r.PathValue("path"))
	if err != nil {
		return store.ErrAbsent.Because(err)
	}
	reader := d.Receipts.Reader(n)
	var data []byte
	if p.Entries {
		data, err = reader.EntryBundle(r.Context(), p.N, p.Width)
	} else {
		data, err = reader.TileData(r.Context(), p.Level, p.N, p.Width)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if p.Width == ledger.TileWidth {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(data)
	return nil
}
