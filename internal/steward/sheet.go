package steward

import (
	"context"
	"fmt"

	"lienthong/internal/registry"
	"lienthong/internal/score"
	"lienthong/internal/store/base"
	"lienthong/internal/store/house"
)

// sheet puts a declaration's sheet of checks in force.
func (s *Steward) sheet(ctx context.Context, d *registry.Declaration) error {
	if s.Scores == nil {
		return nil
	}
	kept, err := s.sheetOf(d)
	if err != nil {
		return err
	}
	name := kept.Subject + "/" + kept.Sheet.String()
	if _, done := s.sheets.Load(name); done {
		return nil
	}
	if err := s.Scores.PutSheet(ctx, kept, base.Act{}); err != nil {
		return fmt.Errorf("steward: the sheet of %s: %w", d.ID, err)
	}
	s.sheets.Store(name, true)
	return nil
}

func (s *Steward) sheetOf(d *registry.Declaration) (house.ScoreSheet, error) {
	j, err := score.NewEntryJudge(d)
	if err != nil {
		return house.ScoreSheet{}, err
	}
	return house.ScoreSheet{Subject: score.SubjectOf(d.ID), Sheet: j.Sheet().ID(), Body: j.Sheet().Marshal(), Since: s.Clock.Now()}, nil
}

// sheetBack puts the sheet of a declaration that was taken just now in force again
// where a version before the last had the same one: with an act, for a sheet that is
// kept already stays as it is without.
func (s *Steward) sheetBack(ctx context.Context, who Who, d *registry.Declaration) error {
	if err := s.sheet(ctx, d); err != nil || s.Scores == nil {
		return err
	}
	all, err := s.Scores.Sheets(ctx)
	if err != nil {
		return err
	}
	fresh, err := s.sheetOf(d)
	if err != nil {
		return err
	}
	last := house.ScoreSheet{Sheet: fresh.Sheet}
	for _, k := range all {
		if k.Subject == fresh.Subject {
			last = k
		}
	}
	if last.Sheet == fresh.Sheet {
		return nil
	}
	fresh.Actor = who.Name
	if err := s.Scores.PutSheet(ctx, fresh, s.act(who.Name, "score.sheet", fresh.Subject+"/"+fresh.Sheet.String(), `{"again":true}`)); err != nil {
		return fmt.Errorf("steward: the sheet of %s: %w", d.ID, err)
	}
	return nil
}
