// Package grade keeps the sheets of quality that are in force and reads the eight
// words out of what was counted by them: for boards, for the units that owe work, for
// a facility's own page. Every number comes with what it is a part of; of nothing
// there is no number. It judges no dossier by itself (package score does) and keeps
// nothing but sheets (package store does).
package grade

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"lienthong/internal/clock"
	"lienthong/internal/fault"
	"lienthong/internal/ledger"
	"lienthong/internal/role"
	"lienthong/internal/score"
	"lienthong/internal/store"
	"lienthong/internal/store/house"
)

// Deps is what a book of grades works with.
type Deps struct {
	Scores   house.Scores
	Counters Counters
	Clock    clock.Clock
	Again    Again  // zero: nothing is judged again at night
	Nights   Nights // tells which days to count again; nil: all that there are
}

// Nights are what jobs of nights did; house.Nights is one.
type Nights interface {
	Nights(ctx context.Context, from, to int) ([]house.Night, error)
}

// Counters are the counts that are not made by checks; store.Counters is one.
type Counters interface {
	Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error)
}

// Book is the sheets in force and what was counted by all. It is safe for
// concurrent use.
type Book struct {
	Deps
	// RuleWords names the word of findings whose rule says it itself, by code: "" counts
	// as nothing. It is set before the book is used; nil: no rule does.
	RuleWords func() map[string]score.Word
	now       atomic.Pointer[sheets]
}

// sheets are those known at a moment.
type sheets struct {
	judges map[string]*score.Judge // in force, by kind
	all    map[string]*score.Sheet // by name
	kept   []house.ScoreSheet
}

// New returns a book with the sheets that are kept, and keeps those the program
// comes with.
func New(ctx context.Context, d Deps) (*Book, error) {
	if d.Scores == nil || d.Counters == nil || d.Clock == nil {
		return nil, errors.New("grade: a part of the book is missing")
	}
	b := &Book{Deps: d}
	for _, kind := range score.Kinds() {
		s := score.Standard()[kind]
		if err := b.keep(ctx, s, "", store.Act{}); err != nil {
			return nil, err
		}
	}
	return b, b.Refresh(ctx)
}

// Read returns the judges in force as a store has them, and keeps nothing: for who
// only checks.
func Read(ctx context.Context, kept house.Scores) (func(kind string) *score.Judge, error) {
	b := &Book{Deps: Deps{Scores: kept}}
	if err := b.Refresh(ctx); err != nil {
		return nil, err
	}
	return b.Judge, nil
}

func (b *Book) keep(ctx context.Context, s *score.Sheet, actor string, act store.Act) error {
	err := b.Scores.PutSheet(ctx, house.ScoreSheet{Subject: s.Subject, Sheet: s.ID(), Body: s.Marshal(), Since: b.Clock.Now(), Actor: actor}, act)
	if err != nil {
		return fmt.Errorf("grade: keeping the sheet %s: %w", s.Name(), err)
	}
	return nil
}

// Refresh looks for sheets that were put in force since, by other hubs too.
func (b *Book) Refresh(ctx context.Context) error {
	kept, err := b.Scores.Sheets(ctx)
	if err != nil {
		return fmt.Errorf("grade: reading sheets: %w", err)
	}
	before := b.now.Load()
	next := &sheets{judges: map[string]*score.Judge{}, all: map[string]*score.Sheet{}, kept: kept}
	force := map[string]*score.Sheet{}
	for kind, s := range score.Standard() {
		force[kind] = s
	}
	for _, k := range kept {
		s, err := b.read(before, k)
		if err != nil {
			return err
		}
		next.all[s.Name()] = s
		if _, database := score.DatabaseOf(k.Subject); database || k.Actor != "" { // the program's own is in force where nobody put another
			force[k.Subject] = s
		}
	}
	for subject, s := range force {
		next.all[s.Name()] = s
		if _, database := score.DatabaseOf(subject); database {
			continue
		}
		if before != nil && before.judges[subject] != nil && before.judges[subject].Sheet() == s {
			next.judges[subject] = before.judges[subject]
			continue
		}
		next.judges[subject] = score.NewJudge(s, nil)
	}
	b.now.Store(next)
	return nil
}

// read reads a sheet that is kept, unless it was read before.
func (b *Book) read(before *sheets, k house.ScoreSheet) (*score.Sheet, error) {
	name := k.Subject + "/" + k.Sheet.String()
	if before != nil && before.all[name] != nil {
		return before.all[name], nil
	}
	s, err := score.ParseSheet(k.Body)
	if err != nil || s.Name() != name {
		return nil, fmt.Errorf("grade: the sheet %s is not what it was: %w", name, errors.Join(err, score.ErrSheet))
	}
	return s, nil
}

// Judge marks dossiers of a kind by the sheet in force; nil for a kind without one.
func (b *Book) Judge(kind string) *score.Judge {
	j := b.now.Load().judges[kind]
	if j == nil || b.RuleWords == nil {
		return j
	}
	return j.With(b.RuleWords())
}

// Sheet returns a sheet by subject and id, nil for one that is not known here.
func (b *Book) Sheet(subject string, id score.ID) *score.Sheet {
	return b.now.Load().all[subject+"/"+id.String()]
}

// InForce returns the sheet in force of a subject, nil without one.
func (b *Book) InForce(subject string) *score.Sheet {
	now := b.now.Load()
	if j := now.judges[subject]; j != nil {
		return j.Sheet()
	}
	for i := len(now.kept) - 1; i >= 0; i-- {
		if now.kept[i].Subject == subject {
			return now.all[subject+"/"+now.kept[i].Sheet.String()]
		}
	}
	return nil
}

// Texts are the sheets in force of all kinds of dossiers, as score.ParseSheet reads
// them: what an agent marks by before it sends.
func (b *Book) Texts() []string {
	var texts []string
	for _, kind := range score.Kinds() {
		texts = append(texts, string(b.InForce(kind).Marshal()))
	}
	return texts
}

// Fields is the list of priority fields in force, of all kinds.
func (b *Book) Fields() []score.Field {
	var list []score.Field
	for _, kind := range score.Kinds() {
		list = append(list, score.FieldsOf(b.InForce(kind))...)
	}
	return list
}

// ErrWho (score.fields.who): who asks may not change the list.
var ErrWho = fault.New(fault.Withheld, "score.fields.who",
	"Chỉ Bộ Y tế được đổi danh sách trường ưu tiên.", "Only the ministry may change the list of priority fields.")

// PutFields puts another list of priority fields in force, as lines of
// score.ParseFields; of kinds it does not name nothing changes. What was counted by
// the sheets before stays counted by them. It returns the subjects that changed.
// Faults: score.fields*, score.condition, score.sheet, score.fields.who.
func (b *Book) PutFields(ctx context.Context, by role.Role, text string) ([]string, error) {
	if by.Kind != role.Ministry {
		return nil, ErrWho
	}
	list, err := score.ParseFields(text)
	if err != nil {
		return nil, err
	}
	var fresh []*score.Sheet
	for _, kind := range score.Kinds() {
		named := false
		for _, f := range list {
			named = named || f.Subject == kind
		}
		if !named {
			continue
		}
		s, err := score.Compose(kind, list)
		if err != nil {
			return nil, err
		}
		if s.ID() != b.InForce(kind).ID() {
			fresh = append(fresh, s)
		}
	}
	var changed []string
	for _, s := range fresh {
		act := store.Act{At: b.Clock.Now(), Actor: by.String(), Action: "score.sheet", Object: s.Name(), Detail: `{"checks":` + fmt.Sprint(len(s.Checks)) + `}`}
		act.Leaf = ledger.StatementLeaf(ledger.LeafAdmin, act.Statement())
		if err := b.keep(ctx, s, by.String(), act); err != nil {
			return changed, err
		}
		changed = append(changed, s.Subject)
	}
	return changed, b.Refresh(ctx)
}
