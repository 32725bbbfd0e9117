package house

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lienthong/internal/duty"
)

// Marks name what rows say: 16 bytes of a SHA-256 in hexadecimal. The act that goes
// with a change keeps, as member "rows" of its detail, the marks of all that it
// writes; the leaf vouches for the act, and so each row can be held against a leaf
// (package reverify/house). A mark that begins with "~" may later give way to
// another: of a task its newest version is kept, and all its steps.

// Mark is of one version of a declaration.
func (d *Declared) Mark() string {
	sum := sha256.Sum256(d.Text)
	return mark("declaration", d.Database, d.Version, d.At.UnixMicro(), d.By, sum[:])
}

// Mark is of one step.
func (s *Step) Mark() string {
	return mark("step", s.Database, s.N, s.State, s.At.UnixMicro(), s.By, s.Evidence)
}

// Mark is of a grant as it was given.
func (g *Grant) Mark() string {
	return mark("grant", g.Database, g.ID, g.Version, g.To, slices.Concat([]string{}, g.Fields), g.Fields == nil, g.Purpose, g.Since.UnixMicro(), microsOrZero(g.Until), g.By)
}

// EndMark is of the end of a grant by hand.
func (g *Grant) EndMark() string {
	return mark("grant ended", g.Database, g.ID, microsOrZero(g.Ended), g.EndedBy)
}

// Mark is of one version of an item.
func (i *Item) Mark() string {
	return mark("item", i.Sort, i.ID, i.Version, i.At.UnixMicro(), i.Actor, i.Said)
}

// Mark is of one version of a target.
func (t *Target) Mark() string {
	return mark("target", t.Province, t.ID, t.Version, t.At.UnixMicro(), t.By, t.Value, t.Due, t.Note, t.Ended)
}

// TaskMark is of a task at a version; its moments are told to the microsecond, in
// UTC, as engines give them back.
func TaskMark(t *duty.Task) string {
	c := *t
	for _, at := range []*time.Time{&c.Opened, &c.Since, &c.Closed, &c.Reminded} {
		if !at.IsZero() {
			*at = at.UTC().Truncate(time.Microsecond)
		}
	}
	return "~" + mark("task", c)
}

// TaskStepMark is of a step of a task.
func TaskStepMark(task string, s *duty.Step) string {
	c := *s
	c.At = c.At.UTC().Truncate(time.Microsecond)
	return mark("task step", task, c)
}

// Mark is of the state that a proposal came to by somebody's decision, and of what
// it proposes.
func (p *Proposal) Mark() string {
	ids := make([]string, len(p.Entries))
	for i, id := range p.Entries {
		ids[i] = hex.EncodeToString(id[:])
	}
	return mark("proposal", p.ID, p.Database, p.Detector, p.Kind, p.Facts, strings.Join(ids, " "))
}

// StepMark is of a state that a proposal came to.
func (s *ProposalStep) StepMark(proposal string) string {
	return mark("proposal step", proposal, s.N, s.At.UnixMicro(), s.State, s.Actor, s.Reason)
}

func microsOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func mark(said ...any) string {
	b, err := json.Marshal(said)
	if err != nil {
		panic(err) // texts, numbers, moments and bytes always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
