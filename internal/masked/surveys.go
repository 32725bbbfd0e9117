package masked

import (
	"context"
	"slices"

	"lienthong/internal/store"
)

// Surveys is what operators and vendors look at, as they may know it: what was
// found in a closed compartment is not told by its code, for beside it stand
// facility and record, and the record would be known to have one.
type Surveys struct{ store.Surveys }

// Rejects counts rejects by software, without those of closed compartments.
func (s Surveys) Rejects(ctx context.Context, q store.SoftwareQuery) ([]store.SoftwareCount, error) {
	list, err := s.Surveys.Rejects(ctx, q)
	return slices.DeleteFunc(list, func(c store.SoftwareCount) bool { return isClosed(c.Code) }), err
}
