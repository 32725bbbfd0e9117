package urgent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/identity"
	"lienthong/internal/matter"
	"lienthong/internal/store"
)

// Matters implements store.Matters.
func (m matters) Matters(_ context.Context, f matter.Filter) (out []matter.Matter, _ error) {
	for _, x := range m.reviews {
		if x.Person == f.Person && x.Facility == f.Facility && x.Kind == f.Kind {
			out = append(out, x)
		}
	}
	return out, nil
}

type (
	allOpenings    interface{ store.Openings }
	allTemporaries interface{ store.Temporaries }
)

var errCut = errors.New("the process ends here")

// cutOpenings end no opening once.
type cutOpenings struct {
	allOpenings
	left *int
}

func (c cutOpenings) EndOpening(ctx context.Context, id consent.OpeningID, at time.Time, by string, act store.Act) error {
	if *c.left--; *c.left == 0 {
		return errCut
	}
	return c.allOpenings.EndOpening(ctx, id, at, by, act)
}

// cutTemporaries keep no number once.
type cutTemporaries struct {
	allTemporaries
	left *int
}

func (c cutTemporaries) PutTemporary(ctx context.Context, t identity.Temporary, act store.Act) error {
	if *c.left--; *c.left == 0 {
		return errCut
	}
	return c.allTemporaries.PutTemporary(ctx, t, act)
}

// An undoing that is cut off after any of its commits ends as one that was not:
// one matter, one notice, the openings ended, the number waiting again.
func TestAnUndoingThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		broken, resolved bool // an emergency was opened; the number was resolved
		openings         int  // which end of an opening fails
		temporaries      int  // which keeping of the number fails
	}{
		"before the opening ended":         {true, true, 1, 0},
		"before the number waits":          {true, true, 0, 1},
		"only opened, before it ended":     {true, false, 1, 0},
		"resolved without an opening":      {false, true, 0, 1},
		"only opened, and proposed before": {true, false, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, number, ha := night(t)
			if c.broken {
				list, err := w.desk.Search(t.Context(), w.anna, number, asked)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.desk.Break(t.Context(), w.anna, number, glass(list[0].Ref)); err != nil {
					t.Fatal(err)
				}
			}
			if c.resolved {
				x := w.temporaries[number]
				w.clock.Advance(time.Minute)
				if err := x.Resolve(ha, identity.IDScan, w.anna.Staff, w.clock.Now()); err != nil {
					t.Fatal(err)
				}
				w.temporaries[number] = x
			} else if _, err := w.desk.Propose(t.Context(), w.anna, number); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Hour)
			reviews, notices := len(w.reviews), len(w.notices)
			openings, temporaries := c.openings, c.temporaries
			w.desk.Openings, w.desk.Temporaries = cutOpenings{w.desk.Openings, &openings}, cutTemporaries{w.desk.Temporaries, &temporaries}
			if _, err := w.desk.Undo(t.Context(), w.binh, number); !errors.Is(err, errCut) {
				t.Fatalf("not cut off: %v", err)
			}
			w.clock.Advance(time.Minute)
			u, err := w.desk.Undo(t.Context(), w.binh, number)
			if err != nil {
				t.Fatal(err)
			}
			if len(w.reviews) != reviews+1 || len(w.notices) != notices+1 || u.Matter != w.reviews[reviews].Number {
				t.Errorf("%d matters and %d notices, the answer names %s", len(w.reviews)-reviews, len(w.notices)-notices, u.Matter)
			}
			if x := w.temporaries[number]; x.State == identity.Resolved || x.How == identity.Proposed {
				t.Errorf("%+v", x)
			}
			for _, o := range w.opened {
				if o.EndedBy != identity.Undone {
					t.Errorf("open still: %+v", o)
				}
			}
			if _, err := w.desk.Undo(t.Context(), w.binh, number); !errors.Is(err, identity.ErrNotResolved) {
				t.Errorf("a third time: %v", err)
			}
		})
	}
}
