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
	j, err := score.NewEntryJudge(d)
	if err != nil {
		return err
	}
	name := j.Sheet().Name()
	if _, done := s.sheets.Load(name); done {
		return nil
	}
	kept := house.ScoreSheet{Subject: score.SubjectOf(d.ID), Sheet: j.Sheet().ID(), Body: j.Sheet().Marshal(), Since: s.Clock.Now()}
	if err := s.Scores.PutSheet(ctx, kept, base.Act{}); err != nil {
		return fmt.Errorf("steward: the sheet of %s: %w", d.ID, err)
	}
	s.sheets.Store(name, true)
	return nil
}
