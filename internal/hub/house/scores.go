package house

import (
	"context"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/web/portal/scores"
)

// openScores wires what the data are worth: sums within a second, sheets that
// another hub put in force, the recount of the night.
func (h *House) openScores(_ context.Context, p Parts) error {
	h.Rounds = append(h.Rounds,
		Round{Every: time.Second, Failed: "scores not added up", Do: func(ctx context.Context) error {
			_, err := p.Slices.House.Scores.Fold(ctx)
			return err
		}},
		Round{Every: 5 * time.Second, Failed: "sheets of quality not looked at", Do: p.Grades.Refresh})
	h.Jobs = append(h.Jobs, p.Grades.Recount())
	h.Pages.Scores = &scores.Deps{Grades: p.Grades, Facility: func(code care.FacilityCode) string {
		v, _ := p.Directory().Current(code)
		return v.Name
	}}
	return nil
}
