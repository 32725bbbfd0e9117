package grade

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Line is the eight words of one subject under a key.
type Line struct {
	Subject string
	Key     []string // aligned with the query's By
	Words   map[score.Word]score.Ratio
}

// CheckLine is one check of one subject under a key.
type CheckLine struct {
	Subject string
	Check   *score.Check // of its sheet, not to be changed
	Key     []string
	score.Ratio
}

// Words returns the words of each subject, split as the query says, in order of
// subject and key. Shared is said only where it is not split by subject's parts that
// looks are not counted by. Of databases neither Shared nor Synchronous is said: no
// counter tells who opened an entry, and entries are on no leg.
func (b *Book) Words(ctx context.Context, scope role.Scope, q house.ScoreQuery) ([]Line, error) {
	sums, err := b.Scores.Sum(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	lines := map[string]*Line{}
	at := func(subject string, key []string) *Line {
		name := subject + "\x00" + strings.Join(key, "\x00")
		if lines[name] == nil {
			lines[name] = &Line{Subject: subject, Key: key, Words: map[score.Word]score.Ratio{}}
		}
		return lines[name]
	}
	for _, s := range sums {
		sheet := b.Sheet(s.Subject, s.Sheet)
		if sheet == nil {
			continue // of a hub that is ahead; known here within seconds
		}
		l := at(s.Subject, s.Key)
		var records int64
		for i, c := range s.Tally {
			if i >= len(sheet.Checks) {
				break
			}
			w := sheet.Checks[i].Word
			l.Words[w] = l.Words[w].Plus(score.RatioOf(c))
			records = max(records, c.Applied)
		}
		if _, database := score.DatabaseOf(s.Subject); !database {
			l.Words[score.Synchronous] = l.Words[score.Synchronous].Plus(score.Ratio{Passed: records, Applied: records})
		}
	}
	if err := b.synchronous(ctx, scope, q, at); err != nil {
		return nil, err
	}
	if err := b.shared(ctx, scope, q, at); err != nil {
		return nil, err
	}
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(x, y Line) int {
		return cmp.Or(cmp.Compare(x.Subject, y.Subject), slices.Compare(x.Key, y.Key))
	})
	return out, nil
}

// synchronous takes records that are not everywhere yet off those that count.
func (b *Book) synchronous(ctx context.Context, scope role.Scope, q house.ScoreQuery, at func(string, []string) *Line) error {
	open, err := b.Scores.Undelivered(ctx, scope, q)
	if err != nil {
		return err
	}
	for _, o := range open {
		if _, database := score.DatabaseOf(o.Subject); database {
			continue
		}
		l := at(o.Subject, o.Key)
		r := l.Words[score.Synchronous]
		r.Applied = max(r.Applied, o.N)
		r.Passed = max(0, r.Passed-o.N)
		l.Words[score.Synchronous] = r
	}
	return nil
}

// The counts of looks.
const (
	looked    = "lookup"
	elsewhere = "lookup.elsewhere"
)

// shared is the looks by others than the author among all looks.
func (b *Book) shared(ctx context.Context, scope role.Scope, q house.ScoreQuery, at func(string, []string) *Line) error {
	if q.Vendor != "" || q.Level != "" || q.Unit != "" { // looks are not asked for by these
		return nil
	}
	cq := store.CountQuery{FromDay: q.FromDay, ToDay: q.ToDay, Measures: []string{looked, elsewhere}, Kind: q.Subject, Facility: q.Facility, Province: q.Province,
		By: []store.Dimension{store.ByKind, store.ByMeasure}}
	for _, by := range q.By {
		cq.By = append(cq.By, store.Dimension(by)) // by the same names
	}
	if strings.HasPrefix(q.Subject, "db:") {
		return nil
	}
	counts, err := b.Counters.Sum(ctx, scope, cq)
	if err != nil {
		return err
	}
	for _, c := range counts {
		l := at(c.Key[0], c.Key[2:])
		r := l.Words[score.Shared]
		if c.Key[1] == looked {
			r.Applied += c.N
		} else {
			r.Passed += c.N
		}
		l.Words[score.Shared] = r
	}
	return nil
}

// Checks returns every check of a word ("" all), split as the query says, the worst
// first. Checks of sheets that are no longer in force are among them under the same
// id.
func (b *Book) Checks(ctx context.Context, scope role.Scope, q house.ScoreQuery, word score.Word) ([]CheckLine, error) {
	return b.checks(ctx, scope, q, func(c *CheckLine) bool { return word == "" || c.Check.Word == word })
}

// ChecksThat is Checks of all words, only those that keep wants: what it does not want
// takes no room, where every check of every facility of the country is asked for.
func (b *Book) ChecksThat(ctx context.Context, scope role.Scope, q house.ScoreQuery, keep func(*CheckLine) bool) ([]CheckLine, error) {
	return b.checks(ctx, scope, q, keep)
}

// Check returns one check, split as the query says, the worst first.
func (b *Book) Check(ctx context.Context, scope role.Scope, q house.ScoreQuery, id string) ([]CheckLine, error) {
	q.One = func(subject string, sheet score.ID) int {
		if s := b.Sheet(subject, sheet); s != nil {
			return s.Index(id)
		}
		return -1
	}
	sums, err := b.Scores.Sum(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	lines := map[string]*CheckLine{}
	for _, s := range sums {
		sheet := b.Sheet(s.Subject, s.Sheet)
		if sheet == nil || len(s.Tally) == 0 || s.Tally[0].Applied == 0 {
			continue
		}
		name := s.Subject + "\x00" + strings.Join(s.Key, "\x00")
		if lines[name] == nil {
			lines[name] = &CheckLine{Subject: s.Subject, Check: &sheet.Checks[sheet.Index(id)], Key: s.Key}
		}
		lines[name].Ratio = lines[name].Plus(score.RatioOf(s.Tally[0]))
	}
	return sorted(lines), nil
}

// checks adds the sheets of a subject and key up by the ids of their checks, one key
// after another: at no moment are there more lines than those kept and those of a key.
func (b *Book) checks(ctx context.Context, scope role.Scope, q house.ScoreQuery, keep func(*CheckLine) bool) ([]CheckLine, error) {
	sums, err := b.Scores.Sum(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	same := func(x, y *house.ScoreSum) int {
		return cmp.Or(cmp.Compare(x.Subject, y.Subject), slices.Compare(x.Key, y.Key))
	}
	slices.SortStableFunc(sums, func(x, y house.ScoreSum) int { return same(&x, &y) })
	var out []CheckLine
	for len(sums) > 0 {
		n := 1
		for n < len(sums) && same(&sums[0], &sums[n]) == 0 {
			n++
		}
		for _, l := range b.linesOf(sums[:n]) {
			if keep(l) {
				out = append(out, *l)
			}
		}
		sums = sums[n:]
	}
	return sort(out), nil
}

// linesOf are the checks of sums of one subject and key.
func (b *Book) linesOf(sums []house.ScoreSum) []*CheckLine {
	var lines []*CheckLine
	at := map[string]*CheckLine{}
	for _, s := range sums {
		sheet := b.Sheet(s.Subject, s.Sheet)
		if sheet == nil {
			continue
		}
		for i, c := range s.Tally {
			if i >= len(sheet.Checks) || c.Applied == 0 {
				continue
			}
			check := &sheet.Checks[i]
			l := at[check.ID]
			if l == nil {
				l = &CheckLine{Subject: s.Subject, Check: check, Key: s.Key}
				lines, at[check.ID] = append(lines, l), l
			}
			l.Ratio = l.Plus(score.RatioOf(c))
		}
	}
	return lines
}

// sorted lists lines, the worst first.
func sorted[K comparable](lines map[K]*CheckLine) []CheckLine {
	out := make([]CheckLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, *l)
	}
	return sort(out)
}

func sort(out []CheckLine) []CheckLine {
	slices.SortFunc(out, func(x, y CheckLine) int {
		return cmp.Or(x.worse(y.Ratio), cmp.Compare(y.Applied, x.Applied), cmp.Compare(x.Subject, y.Subject), cmp.Compare(x.Check.ID, y.Check.ID), slices.Compare(x.Key, y.Key))
	})
	return out
}

// worse orders by the share that passed, exactly.
func (l CheckLine) worse(o score.Ratio) int {
	return cmp.Compare(float64(l.Passed)/float64(max(l.Applied, 1)), float64(o.Passed)/float64(max(o.Applied, 1)))
}

// Samples are ids of current records that fail a check of a subject, newest first.
func (b *Book) Samples(ctx context.Context, scope role.Scope, q house.ScoreQuery, check string, limit int) ([]dossier.ID, error) {
	sheet := b.InForce(q.Subject)
	if sheet == nil || sheet.Index(check) < 0 {
		return nil, nil
	}
	return b.Scores.Failing(ctx, scope, q, sheet.ID(), sheet.Index(check), limit)
}
