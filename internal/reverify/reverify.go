// Package reverify walks a whole store and finds every row that was edited,
// lost, moved or added (DESIGN §6, TRUST T11 and R18): it opens what is sealed,
// makes every digest, hash and statement again, and holds them against the
// leaves of the logs, which nobody can make without the hub's keys.
//
// It repairs nothing and judges no dossier again. It reads a store that may be
// at work: what commits while it walks is not looked at. What it cannot know is
// listed in doc/design/at-rest.md: rows that no leaf covers (sessions, tokens,
// the lease of a log), and a whole store set back to an older state, which only
// a checkpoint known from elsewhere shows (Options.Known).
package reverify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"lienthong/internal/body"
	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/dictionary"
	"lienthong/internal/dossier"
	"lienthong/internal/facility"
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/rekey"
	"lienthong/internal/reverify/doors"
	"lienthong/internal/reverify/looks"
	"lienthong/internal/reverify/recount"
	"lienthong/internal/reverify/report"
	"lienthong/internal/reverify/said"
	"lienthong/internal/seal"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// Deps is what the re-verifier works with.
type Deps struct {
	Slices *store.Slices
	// Vault is one of its own: month keys are loaded into it from the store.
	Vault *vault.Vault
	Codec *body.Codec
	Kinds *kind.Registry
	Seals *seal.Verifier
	// LogKey gives the verifier line of a log by its origin.
	LogKey func(origin string) (string, error)
	Clock  clock.Clock // nil: the system's
}

// What a run is told and tells: see package report.
type (
	Options    = report.Options
	Progress   = report.Progress
	Difference = report.Difference
	Report     = report.Report
)

// Reverifier re-verifies a store.
type Reverifier struct{ Deps }

// New returns a re-verifier.
func New(d Deps) (*Reverifier, error) {
	if d.Slices == nil || d.Slices.Audit == nil || d.Vault == nil || d.Codec == nil || d.Kinds == nil || d.Seals == nil || d.LogKey == nil {
		return nil, errors.New("reverify: a part is missing")
	}
	if d.Clock == nil {
		d.Clock = clock.System{}
	}
	return &Reverifier{d}, nil
}

// Run walks the store. An error means that it could not be walked to its end,
// not that something is different: that is in the report.
func (x *Reverifier) Run(ctx context.Context, o Options) (*Report, error) {
	if o.Limit <= 0 {
		o.Limit = 1000
	}
	w := &walk{Deps: x.Deps, opts: o, began: x.Clock.Now(), report: &Report{Differences: []Difference{}, Skipped: []string{}}, tally: recount.New(), seen: map[care.FacilityCode]time.Time{}, said: map[Difference]bool{}}
	for _, stage := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"keys", w.keys}, {"directory", w.directory}, {"counters", w.moment}, {"logs", w.logs}, {"files", w.files},
		{"episodes", w.episodes}, {"legs", w.lost}, {"strays", w.strays}, {"sums", w.sums},
	} {
		w.progress(stage.name)
		if err := stage.run(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("reverify: %s: %w", stage.name, err)
		}
	}
	return w.report, nil
}

// walk is one run.
type walk struct {
	Deps
	opts        Options
	report      *Report
	facts       *facility.Directory
	book        *doors.Book      // what the acts say of ways out; nil where they could not be read
	acts        map[[32]byte]int // digests of the statements of stored acts
	looks       *looks.Book
	annotations map[[32]byte]int  // digests of the statements of stamps and annotations
	remarks     map[noted]*remark // annotations of records
	stones      map[dossier.ID]*stone
	statements  map[[32]byte]*stone // by the digest of the statement
	erasers     []eraser
	unproved    []unproved
	heads       []store.Head  // of the logs when the walk began
	summed      []store.Count // the counters of that moment; nil where there was none
	perMin      []store.MinuteCount
	began       time.Time
	seen        map[care.FacilityCode]time.Time // when a file of each was last received
	cache       [8]*sentFile                    // files rebuilt last
	next        int
	tally       *recount.Tally
	said        map[Difference]bool        // of files
	legs        map[dossier.ID][]store.Leg // of the records of a part
}

func (w *walk) progress(stage string) {
	if w.opts.Progress != nil {
		w.opts.Progress(Progress{Stage: stage, Records: w.report.Records})
	}
}

// differ notes a difference.
func (w *walk) differ(code, table, row, field string) {
	w.note(Difference{Code: code, Table: table, Row: row, Field: field, Text: said.Of(code)})
}

func (w *walk) note(d Difference) {
	if len(w.report.Differences) >= w.opts.Limit {
		w.report.More++
		return
	}
	w.report.Differences = append(w.report.Differences, d)
}

// unreadable notes that a table's rows could not be read to their end. An
// engine that is gone, and a run that was ended, are errors.
func (w *walk) unreadable(ctx context.Context, table string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || fault.KindOf(err) == fault.Busy {
		return err
	}
	w.differ("row.unreadable", table, "", "")
	return nil
}

// keys loads the month keys as the store has them, and holds its facts.
func (w *walk) keys(ctx context.Context) error {
	months, err := w.Slices.Keys.Months(ctx)
	if err != nil {
		return w.unreadable(ctx, "month_key", err)
	}
	for _, m := range months {
		if err := w.Vault.Load([]store.MonthKey{m}); err != nil {
			w.differ("month_key.edited", "month_key", fmt.Sprintf("%s/%d", m.Class, m.Month), "")
		}
	}
	shelf := dictionary.NewShelf(w.Slices.Keys, w.Vault, w.Codec, clock.System{})
	if err := w.unreadable(ctx, "dictionary", shelf.Load(ctx)); err != nil {
		return err
	}
	master, err := w.Slices.Keys.Fact(ctx, "master")
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return err
	}
	turned, err := w.Slices.Keys.Fact(ctx, rekey.FactOf(w.Vault.MasterID()))
	if err != nil && !errors.Is(err, store.ErrAbsent) {
		return err
	}
	if string(master) != w.Vault.MasterID() && (len(master) == 0 || !bytes.Equal(turned, master)) {
		w.differ("fact.edited", "fact", "master", "")
	}
	return nil
}

// strays notes rows that go with no other.
func (w *walk) strays(ctx context.Context) error {
	if w.opts.Sample > 1 {
		return nil
	}
	rows, err := w.Slices.Audit.Strays(ctx, w.opts.Limit)
	if err != nil {
		return w.unreadable(ctx, "strays", err)
	}
	for _, s := range rows {
		w.differ("row.stray", s.Table, s.Row, "")
	}
	return nil
}
