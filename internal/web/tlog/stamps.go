package tlog

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"lienthong/internal/store"
)

// Stamp is a time-stamp of a checkpoint, or the demand for one (store.Stamp).
// The authority's address is the operator's business; its name is in the token.
type Stamp struct {
	Size       int64      `json:"size"`
	State      string     `json:"state"` // "stamped", "late", "covered"
	At         time.Time  `json:"at"`    // when it was taken or first demanded, by the hub's clock
	GenTime    *time.Time `json:"gen_time,omitempty"`
	NotAfter   *time.Time `json:"not_after,omitempty"`
	Attempts   int        `json:"failed_attempts"`
	Code       string     `json:"code,omitempty"` // why the last one failed
	Checkpoint string     `json:"checkpoint"`     // the signed note it is over, byte for byte
}

const mostStamps = 100

// stamps answers GET /ledger/{log}/stamps: time-stamps of a log's checkpoints,
// newest first, the late ones among them.
func (d *Doors) stamps(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	limit := 20
	if s := r.URL.Query().Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > mostStamps {
			return errFilter.Because(err)
		}
	}
	before := uint64(0)
	if s := r.URL.Query().Get("before"); s != "" {
		if before, err = strconv.ParseUint(s, 10, 62); err != nil || before == 0 {
			return errFilter.Because(err)
		}
	}
	list, more, err := d.Stamps.List(r.Context(), n, before, limit)
	if err != nil {
		return err
	}
	items := make([]Stamp, len(list))
	for i := range list {
		s := &list[i]
		items[i] = Stamp{Size: int64(s.Size), State: s.State, At: s.At, Attempts: s.Attempts, Code: s.Code}
		if !s.GenTime.IsZero() {
			items[i].GenTime, items[i].NotAfter = &s.GenTime, &s.NotAfter
		}
		if items[i].Checkpoint, err = d.Ledger.Checkpoint(r.Context(), n, s.Size); err != nil {
			return err
		}
	}
	var next *uint64
	if more {
		next = &list[len(list)-1].Size
	}
	b, err := json.Marshal(map[string]any{"items": items, "next": next})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a reader that has gone asks again
	return nil
}

// stamp answers GET /ledger/{log}/stamp/{size}: the TimeStampToken (RFC 3161,
// DER) over the checkpoint of that size.
func (d *Doors) stamp(w http.ResponseWriter, r *http.Request) error {
	n, err := d.number(r.Context(), r)
	if err != nil {
		return err
	}
	size, err := strconv.ParseUint(r.PathValue("size"), 10, 62)
	if err != nil || strconv.FormatUint(size, 10) != r.PathValue("size") {
		return store.ErrAbsent
	}
	s, err := d.Stamps.Covering(r.Context(), n, size)
	if err != nil {
		return err
	}
	if s.Size != size {
		return store.ErrAbsent
	}
	w.Header().Set("Content-Type", "application/cms")
	_, _ = w.Write(s.Token) // a reader that has gone asks again
	return nil
}
