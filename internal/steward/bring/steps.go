package bring

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"lienthong/internal/registry"
	"lienthong/internal/registry/table"
	"lienthong/internal/steward"
)

// Sample is one of the first rows, as it would be taken.
type Sample struct {
	Line     int64
	Cells    []string // as they stand in the file
	Values   registry.Values
	Findings []registry.Finding
	Codes    []string // of package table
	Refused  bool
}

// Preview is the headings of a file and its first rows.
type Preview struct {
	Header  []string
	Samples []Sample
}

// Preview shows the beginning of an import's file. Faults: import.elsewhere.
func (d *Desk) Preview(ctx context.Context, who steward.Who, id registry.ID, name string, rows int) (*Preview, error) {
	i, err := d.Get(ctx, who, id, name)
	if err != nil {
		return nil, err
	}
	l, err := d.Steward.Get(id)
	if err != nil {
		return nil, err
	}
	p := &Preview{}
	now := d.Clock.Now()
	return p, d.reading(i.ID, func(r *table.Reader) error {
		p.Header = r.Header
		for len(p.Samples) < rows {
			row, err := r.Next()
			if errors.Is(err, io.EOF) || errors.Is(err, table.ErrQuote) {
				return nil
			}
			if err != nil {
				return err
			}
			s := Sample{Line: row.Line, Cells: row.Cells, Codes: row.Codes, Refused: row.Cells == nil}
			if row.Cells != nil {
				c := l.Check(valuesOf(i.Summary.Fields, row.Cells), now)
				_, whole := l.Key(c.Values)
				s.Values, s.Findings, s.Refused = c.Values, c.Findings, !whole || c.Refused()
			}
			p.Samples = append(p.Samples, s)
		}
		return nil
	})
}

func valuesOf(fields, cells []string) registry.Values {
	v := make(registry.Values, len(fields))
	for i, f := range fields {
		if f != "" && i < len(cells) {
			v[f] = cells[i]
		}
	}
	return v
}

// Map says which column is which field ("" none), and has the rows looked at again.
// Faults: import.mapping, import.state.
func (d *Desk) Map(ctx context.Context, who steward.Who, id registry.ID, name string, fields []string) error {
	i, err := d.Get(ctx, who, id, name)
	if err != nil {
		return err
	}
	l, err := d.Steward.Get(id)
	if err != nil {
		return err
	}
	if i.State != Received && i.State != Checked {
		return ErrState
	}
	if len(fields) != len(i.Summary.Fields) {
		return ErrMapping
	}
	taken := map[string]bool{"": false}
	for _, f := range fields {
		if taken[f] || f != "" && !slices.Contains(l.Names(), f) {
			return ErrMapping
		}
		taken[f] = f != ""
	}
	i.Summary = Summary{Hub: i.Summary.Hub, Format: i.Summary.Format, Encoding: i.Summary.Encoding, Separator: i.Summary.Separator, Fields: fields}
	i.State = Received
	return d.put(ctx, i, who.Name, mapped)
}

// Apply has the rows written that can be taken. Where the declaration changed since
// they were looked at, they are looked at again first, by the columns as they are.
// Faults: import.state, import.mapping, import.declared.
func (d *Desk) Apply(ctx context.Context, who steward.Who, id registry.ID, name string) error {
	i, err := d.Get(ctx, who, id, name)
	if err != nil {
		return err
	}
	l, err := d.Steward.Get(id)
	if err != nil {
		return err
	}
	if i.State != Checked {
		return ErrState
	}
	if i.Declared != l.Taken.Version {
		again := slices.Clone(i.Summary.Fields)
		for k, f := range again {
			if !slices.Contains(l.Names(), f) {
				again[k] = ""
			}
		}
		if err := d.Map(ctx, who, id, name, again); err != nil {
			return err
		}
		return ErrDeclared
	}
	for _, k := range l.Declaration.Key {
		if !slices.Contains(i.Summary.Fields, k) {
			return ErrMapping
		}
	}
	i.State, i.Summary.Applied = Applying, d.Clock.Now().Truncate(time.Microsecond)
	i.UndoUntil = i.Summary.Applied.AddDate(0, 0, UndoDays)
	return d.put(ctx, i, who.Name, "database.import_apply")
}

// Undo has everything taken back that the import did: entries it made are ended,
// entries it changed get their values of before. What somebody changed since stays.
// Faults: import.state, import.too_late.
func (d *Desk) Undo(ctx context.Context, who steward.Who, id registry.ID, name string) error {
	i, err := d.Get(ctx, who, id, name)
	if err != nil {
		return err
	}
	switch {
	case i.State != Done && (i.State != Stopped || i.Summary.Applied.IsZero()):
		return ErrState
	case d.Clock.Now().After(i.UndoUntil):
		return ErrTooLate
	}
	i.State = Undoing
	return d.put(ctx, i, who.Name, "database.import_undo")
}

// Drop gives an import up before it was applied; its file is destroyed.
func (d *Desk) Drop(ctx context.Context, who steward.Who, id registry.ID, name string) error {
	i, err := d.Get(ctx, who, id, name)
	if err != nil {
		return err
	}
	if i.State != Received && i.State != Checked && i.State != Stopped || !i.Summary.Applied.IsZero() {
		return ErrState
	}
	i.State, i.Summary.Code = Stopped, "import.dropped"
	if err := d.put(ctx, i, who.Name, "database.import_drop"); err != nil {
		return err
	}
	return d.Files.Remove(i.ID)
}
