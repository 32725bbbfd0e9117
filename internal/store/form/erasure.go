package form

import (
	"slices"
	"strings"

	"lienthong/internal/clock"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// Forgotten are what the counters lose when a record is erased: its codes and
// documents, which no row says any more. gone are the tags of documents it had.
// Its verdict is still counted.
func Forgotten(r *store.Record, gone []string) []store.Delta {
	d := store.Delta{FacilityVersion: r.FacilityVersion, Day: clock.Day(r.Received), Kind: r.Kind, N: -1}
	var all []store.Delta
	add := func(measure, purpose string) {
		d.Measure, d.Purpose = measure, purpose
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	for _, f := range r.Verdict.Findings {
		if len(f.Blocks) == 0 {
			add("code:"+f.Code, "")
		}
		for _, purpose := range f.Blocks {
			add("code:"+f.Code, string(purpose))
		}
	}
	for n := range 32 {
		if r.Documents&CommonDocuments&(1<<n) != 0 && r.Verdict.State.IsAccepted() {
			add(DocumentTag(n), "")
		}
	}
	for _, tag := range gone {
		if strings.HasPrefix(tag, "doc:") {
			add(tag, "")
		}
	}
	return all
}

// CheckErasures refuses what no engine keeps: too many at once, one twice, a
// text that is none. Engines call it.
func CheckErasures(records []store.Erasure) error {
	if len(records) == 0 || len(records) > store.EraseAtOnce {
		return errErasures
	}
	seen := map[dossier.ID]bool{}
	for i := range records {
		e := &records[i]
		if seen[e.Record] || len(e.Leaf) == 0 || e.At.IsZero() || strings.TrimSpace(e.Reason) == "" {
			return errErasures
		}
		seen[e.Record] = true
		if err := store.CheckText(string(e.Record.Facility), e.Reason, e.Case, e.Actor); err != nil {
			return err
		}
	}
	return nil
}

var errErasures = fault.New(fault.Invalid, "retention.request",
	"Danh sách xóa rỗng, quá dài hoặc lặp.", "The list of records to erase is empty, too long or names one twice.")
