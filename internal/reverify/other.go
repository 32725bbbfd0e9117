package reverify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"lienthong/internal/reverify/looks"
	"lienthong/internal/store"
)

// directory reads the directory and holds it against the acts that made it.
func (w *walk) directory(ctx context.Context) error {
	d, err := w.Slices.Facilities.Load(ctx)
	if err != nil {
		return w.unreadable(ctx, "directory", err)
	}
	w.facts = d
	return nil
}

// marks holds what the directory says against what the acts made true.
func (w *walk) marks(made map[string]bool, moved int) {
	if w.facts == nil {
		return
	}
	says := map[string]bool{}
	for _, m := range store.DirectoryMarks(w.facts.Contents()) {
		says[m] = true
		if !made[m] {
			w.differ("directory.edited", "directory", m, "")
		}
	}
	for m := range made {
		if !says[m] && !strings.HasPrefix(m, "~") {
			w.differ("directory.missing", "directory", m, "")
		}
	}
	if w.facts.Epoch != int64(moved) {
		w.differ("directory.edited", "directory", "epoch", "epoch")
	}
}

// readActs makes the statement of every act again.
func (w *walk) readActs(ctx context.Context) error {
	w.acts = map[[32]byte]int{}
	made, moved := map[string]bool{}, 0 // acts that changed the directory moved its epoch
	approved, ended := map[string]bool{}, map[string]bool{}
	err := w.Slices.Audit.Acts(ctx, func(a *store.Act) error {
		w.report.Acts++
		w.acts[sha256.Sum256(a.Statement())]++
		var detail struct {
			Marks   []string `json:"marks"`
			Service string   `json:"service"`
		}
		if err := json.Unmarshal([]byte(a.Detail), &detail); err != nil {
			w.differ("row.unreadable", "act", fmt.Sprint(a.ID), "detail")
		}
		for _, m := range detail.Marks {
			made[m] = true
		}
		if len(detail.Marks) > 0 {
			moved++
		}
		w.eraserOf(a)
		switch a.Action {
		case "service.add":
			approved[detail.Service] = true
		case "service.end":
			ended[a.Object+" "+fmt.Sprint(a.At.UnixMicro())] = true
		}
		return nil
	})
	if err != nil {
		return w.unreadable(ctx, "act", err)
	}
	w.marks(made, moved)
	return w.services(ctx, approved, ended)
}

// actLeaf holds a leaf against the acts; one of a commit since the walk began
// may have its act after those that were read.
func (w *walk) actLeaf(log int, index uint64, digest [32]byte, since bool) {
	switch {
	case w.acts[digest] > 0:
		w.acts[digest]--
	case !since:
		w.differ("act.missing", "act", fmt.Sprintf("%d/%d", log, index), "")
	}
}

// leafName is a leaf of a log.
type leafName struct {
	log   int
	index uint64
}

// readDisclosures makes the root of every group of looks again.
func (w *walk) readDisclosures(ctx context.Context) (err error) {
	w.looks, err = looks.Read(ctx, w.Slices.Audit, func(d *store.Disclosure) error {
		w.report.Disclosures++
		return w.look(ctx, d)
	})
	return w.unreadable(ctx, "disclosure", err)
}

// leftLooks notes, when every log was read, roots without rows.
func (w *walk) leftLooks(ctx context.Context) error {
	missing, err := w.looks.Missing(ctx)
	for _, at := range missing {
		w.differ("disclosure.missing", "disclosure", fmt.Sprintf("%d/%d", at.Log, at.Index), "")
	}
	return w.unreadable(ctx, "disclosure", err)
}

// look counts a disclosure, and notes one of no record.
func (w *walk) look(ctx context.Context, d *store.Disclosure) error {
	if d.Record.IsZero() {
		return nil
	}
	r, err := w.get(ctx, d.Record)
	if err != nil || r == nil {
		w.differ("disclosure.stray", "disclosure", fmt.Sprint(d.ID), "")
		return ctx.Err()
	}
	w.tally.Look(r, d.At)
	return nil
}
