package house

import (
	"context"
	"strconv"
	"time"

	"lienthong/internal/care"
	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/registry"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store/house"
	"lienthong/internal/web/portal/overview"
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
	if p.Grades.Again.Open != nil && p.Grades.Again.Size >= 0 {
		h.Jobs = append(h.Jobs, p.Grades.Rejudge())
	}
	h.Pages.Scores = &scores.Deps{Grades: p.Grades, Closed: h.closedTo, Subject: h.databaseName, Facility: func(code care.FacilityCode) string {
		v, _ := p.Directory().Current(code)
		return v.Name
	}}
	return nil
}

// databaseName is what a database is called; nothing where there is none of that id.
func (h *House) databaseName(id string) fault.Text {
	if h.Steward == nil {
		return fault.Text{}
	}
	l, err := h.Steward.Get(registry.ID(id))
	if err != nil {
		return fault.Text{}
	}
	return l.Name
}

// trendDays is how many days boards show of a word.
const trendDays = 14

// quality is the trend of each word over all dossiers, for the first page.
func (p Parts) quality(ctx context.Context, r role.Role, now time.Time) ([]overview.Word, error) {
	lines, err := p.Grades.Words(ctx, r.Scope(), house.ScoreQuery{FromDay: clock.Day(now.AddDate(0, 0, 1-trendDays)), By: []house.ScoreDimension{house.ScoreByDay}})
	if err != nil {
		return nil, err
	}
	days := map[string]int{}
	for i := range trendDays {
		days[strconv.Itoa(clock.Day(now.AddDate(0, 0, i+1-trendDays)))] = i
	}
	var out []overview.Word
	for _, w := range score.Words() {
		word := overview.Word{Word: string(w), Days: make([]overview.Share, trendDays)}
		for _, l := range lines {
			i, shown := days[l.Key[0]]
			if _, database := score.DatabaseOf(l.Subject); !shown || database {
				continue
			}
			word.Days[i].Passed += l.Words[w].Passed
			word.Days[i].Applied += l.Words[w].Applied
		}
		out = append(out, word)
	}
	return out, nil
}
