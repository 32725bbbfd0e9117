package disclose

import (
	"context"
	"fmt"

	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/kind"
	"lienthong/internal/policy"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Statements finds what people stated of themselves; package own keeps them.
type Statements interface {
	// Statements returns at most limit of a person's, the newest first; 1 is what
	// holds now. None for who never stated anything.
	Statements(ctx context.Context, person store.PersonID, limit int) ([]kind.Statement, error)
}

// Stated opens what a person stated of themself, the newest first, for the person
// and who acts for them; one row for all. Others have it by Chart and
// EmergencySet. None, and no row, for a person who never did.
func (d *Discloser) Stated(ctx context.Context, reader Reader, person store.PersonID, limit int) ([]kind.Statement, error) {
	if reader.Role.Kind != role.Citizen || person == (store.PersonID{}) {
		return nil, store.ErrAbsent
	}
	k, err := d.begin(ctx, reader, person)
	if err != nil {
		return nil, err
	}
	if k.basis == "" {
		return nil, store.ErrAbsent
	}
	if d.Own == nil {
		return nil, nil
	}
	list, err := d.Own.Statements(ctx, person, limit)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var row *entry
	for i := range list {
		e, kept, err := k.statement(policy.Read, &list[i])
		if err != nil {
			return nil, err
		}
		list[i].Read.Content = kept
		if e != nil && (row == nil || e.question.Classes != 0) {
			row = e
		}
	}
	if row == nil { // nothing but what was taken back
		return list, nil
	}
	return list, d.write(ctx, k, 1, *row)
}

// stated is what the person stated and holds now, as this look may show it; nil
// where there is nothing, or nothing for this reader.
func (d *Discloser) stated(ctx context.Context, k *look, action policy.Action) (*entry, error) {
	if d.Own == nil || k.basis == "" || k.reader.Role.Kind == role.Facility {
		return nil, nil // a facility's system lists visits alone
	}
	list, err := d.Own.Statements(ctx, k.person, 1)
	if err != nil {
		return nil, fmt.Errorf("disclose: asking what the person stated: %w", err)
	}
	if len(list) == 0 || list[0].Gone {
		return nil, nil
	}
	s := &list[0]
	e, kept, err := k.statement(action, s)
	if err != nil || e == nil {
		return nil, err
	}
	s.Read.Content = kept
	k.own = &Opened{Record: e.record, Read: s.Read, View: s.View}
	return e, nil
}

// statement decides about a statement row by row: what tells of a sensitive class
// that is closed to the reader is left out, as if it were not there. nil where
// nothing is left.
func (k *look) statement(action policy.Action, s *kind.Statement) (*entry, *dossier.Content, error) {
	if s.Gone || s.Read.Content == nil {
		return nil, nil, nil
	}
	r := store.Record{Person: k.person, Kind: s.Kind, Received: s.At, Verdict: dossier.Verdict{State: dossier.Accepted}}
	kept := &dossier.Content{}
	var classes care.Classes
	for _, t := range s.Read.Content.Tables() {
		open := &dossier.Table{Columns: t.Columns}
		for _, row := range t.Rows {
			told := care.Classes(0)
			for i := range row.Cells {
				told |= compartment.Text(row.Cells[i].Text)
			}
			dec, err := k.decide(action, labelled(r, told), told)
			if err != nil {
				return nil, nil, err
			}
			if dec.Permit {
				open.Rows = append(open.Rows, row)
				classes |= told
			}
		}
		if len(open.Rows) > 0 {
			kept.All = append(kept.All, open)
		}
	}
	if len(kept.All) == 0 {
		return nil, nil, nil
	}
	r = *labelled(r, classes)
	dec, err := k.decide(action, &r, classes)
	if err != nil || !dec.Permit {
		return nil, nil, err
	}
	return &entry{r, dec}, kept, nil
}

// byCitizen stands where the code of the facility that wrote a record would: no
// facility's code is so long.
const byCitizen care.FacilityCode = "citizen"

// labelled is a record with these classes in its label.
func labelled(r store.Record, c care.Classes) *store.Record {
	r.Documents = uint32(c) << 28
	return &r
}
