package grade

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/night"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Again is how a sample of a day is judged again from the bytes it came in.
type Again struct {
	Records interface {
		Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error)
		Body(ctx context.Context, id dossier.ID) ([]byte, error)
	}
	// Open writes down that a page of records of a log is opened for what, and reads
	// record i of it. Packages of the log of looks do it.
	Open func(ctx context.Context, what string, log int, page []Item) (func(ctx context.Context, i int) (dossier.Fields, error), error)
	Size int // records of a night; 0: 500, less: none
}

// Item is a record with its sealed body.
type Item struct {
	Record store.Record
	Body   []byte
}

const (
	standardSample = 500
	againPage      = 100 // records that are written down and opened at once
)

// Rejudge is the job of the night that draws records of the day, reads them again
// from their original bytes and marks them by the sheet their marks name. Findings
// are those of the verdict: it is signed, and directories and lists it was found by
// may be others today. A mark that differs, a sheet that is not known and bytes that
// cannot be read count as differing. Nothing is mended, and what one run found stays.
func (b *Book) Rejudge() night.Job {
	return night.Job{ID: "scores.rejudge", Run: func(ctx context.Context, day int) (night.Report, error) {
		var r night.Report
		drawn, err := b.Scores.Sample(ctx, day, cmp.Or(b.Again.Size, standardSample))
		if err != nil {
			return r, fmt.Errorf("grade: drawing a sample: %w", err)
		}
		if r.Seen, r.Unequal, err = b.rejudge(ctx, "scores/"+strconv.Itoa(day), drawn); err != nil {
			return r, err
		}
		if r.Unequal > 0 {
			r.Note = "scores.differing"
		}
		kept, err := b.kept(ctx, day)
		if err != nil {
			return r, err
		}
		of, known := kept[day]
		if !known {
			of = house.ScoreRecount{Day: day, At: b.Clock.Now()}
		}
		of.Sampled, of.Differing = of.Sampled+r.Seen, of.Differing+r.Unequal
		if err := b.Scores.PutRecount(ctx, of); err != nil {
			return r, fmt.Errorf("grade: keeping a sample: %w", err)
		}
		return r, nil
	}}
}

// kept is what is kept of the days from one on.
func (b *Book) kept(ctx context.Context, from int) (map[int]house.ScoreRecount, error) {
	list, err := b.Scores.Recounts(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("grade: reading recounts: %w", err)
	}
	of := make(map[int]house.ScoreRecount, len(list))
	for _, r := range list {
		of[r.Day] = r
	}
	return of, nil
}

// drawnItem is a record of the sample with the marks that are kept of it.
type drawnItem struct {
	Item
	kept score.Marks
}

// rejudge judges what was drawn, a page of one log at a time in order of its leaves.
func (b *Book) rejudge(ctx context.Context, what string, drawn []house.ScoreSampled) (seen, differing int64, err error) {
	var all []drawnItem
	for _, d := range drawn {
		r, err := b.Again.Records.Get(ctx, role.Scope{All: true}, d.ID)
		if err == nil && r.Erased.IsZero() {
			all = append(all, drawnItem{Item: Item{Record: *r}, kept: d.Marks})
		} else if err != nil && !errors.Is(err, store.ErrAbsent) {
			return 0, 0, fmt.Errorf("grade: a record of the sample: %w", err)
		}
	}
	slices.SortFunc(all, func(x, y drawnItem) int {
		return cmp.Or(cmp.Compare(x.Record.Place.Log, y.Record.Place.Log), cmp.Compare(x.Record.Place.Index, y.Record.Place.Index))
	})
	judges := map[string]*score.Judge{}
	for len(all) > 0 {
		n := 1
		for n < min(len(all), againPage) && all[n].Record.Place.Log == all[0].Record.Place.Log {
			n++
		}
		s, d, err := b.rejudgePage(ctx, what, all[:n], judges)
		if seen, differing = seen+s, differing+d; err != nil {
			return seen, differing, err
		}
		all = all[n:]
	}
	return seen, differing, nil
}

func (b *Book) rejudgePage(ctx context.Context, what string, page []drawnItem, judges map[string]*score.Judge) (seen, differing int64, err error) {
	var there []drawnItem
	var items []Item
	for _, x := range page {
		x.Body, err = b.Again.Records.Body(ctx, x.Record.ID)
		if errors.Is(err, store.ErrAbsent) { // erased since it was drawn
			continue
		}
		if err != nil {
			return 0, 0, fmt.Errorf("grade: a record of the sample: %w", err)
		}
		there, items = append(there, x), append(items, x.Item)
	}
	if len(items) == 0 {
		return 0, 0, nil
	}
	read, err := b.Again.Open(ctx, what, items[0].Record.Place.Log, items)
	if err != nil {
		return 0, 0, err
	}
	for i, x := range there {
		fields, err := read(ctx, i)
		if err != nil && (ctx.Err() != nil || fault.Of(err).Kind == fault.Busy) { // the store's, not the record's
			return seen, differing, fmt.Errorf("grade: reading the sample: %w", err)
		}
		seen++
		if err != nil || fields == nil || !b.same(x, fields, judges) {
			differing++
		}
	}
	return seen, differing, nil
}

// same marks a record by the sheet its marks name and holds the two side by side.
func (b *Book) same(x drawnItem, fields dossier.Fields, judges map[string]*score.Judge) bool {
	id, err := x.kept.Sheet()
	if err != nil {
		return false
	}
	name := x.Record.Kind + "/" + id.String()
	if judges[name] == nil {
		s := b.Sheet(x.Record.Kind, id)
		if s == nil {
			return false
		}
		judges[name] = score.NewJudge(s, nil)
		if b.RuleWords != nil { // of rules of before too
			judges[name] = judges[name].With(b.RuleWords())
		}
	}
	return bytes.Equal(judges[name].Mark(fields, x.Record.Verdict.Findings, x.Record.Received), x.kept)
}
