package masked

import (
	"context"
	"slices"
	"strings"

	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Sums is the counters as others than the facility itself may have them: what
// is counted of closed compartments (their tables, the findings in them) is
// given for no single facility, and nowhere below Least. A count of one beside
// a list of one record would tell whose it is. Whatever shows counts reads
// through it.
type Sums struct{ store.Counters }

// Least is the smallest number given of a closed compartment.
const Least = 10

// Sum is the store's, as the scope may know it.
func (s Sums) Sum(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	return open(ctx, scope, q, s.Counters.Sum)
}

// Recount is the store's, as the scope may know it.
func (s Sums) Recount(ctx context.Context, scope role.Scope, q store.CountQuery) ([]store.Count, error) {
	return open(ctx, scope, q, s.Counters.Recount)
}

// open counts by measure, leaves out what is closed and adds up what is left:
// a sum over all measures less the open ones would tell the closed one.
func open(ctx context.Context, scope role.Scope, q store.CountQuery, count func(context.Context, role.Scope, store.CountQuery) ([]store.Count, error)) ([]store.Count, error) {
	if scope.Facility != "" {
		return count(ctx, scope, q)
	}
	by := q.By
	at := slices.Index(by, store.ByMeasure)
	if at < 0 {
		at = len(by)
		q.By = append(slices.Clip(by), store.ByMeasure)
	}
	single := q.Facility != "" || slices.Contains(by, store.ByFacility)
	all, err := count(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	var out []store.Count
	for _, c := range all {
		if isClosedMeasure(c.Key[at]) && (single || c.N < Least) {
			continue
		}
		c.Key = c.Key[:len(by)]
		if last := len(out) - 1; last >= 0 && at == len(by) && slices.Equal(out[last].Key, c.Key) {
			out[last].N += c.N
			continue
		}
		out = append(out, c)
	}
	return slices.DeleteFunc(out, func(c store.Count) bool { return c.N == 0 }), nil
}

// isClosedMeasure reports "doc:<TABLE>" and "code:<TABLE>.<FIELD>.<problem>" of
// a closed compartment.
func isClosedMeasure(measure string) bool {
	what, name, ok := strings.Cut(measure, ":")
	return ok && (what == "doc" || what == "code") && isClosed(name)
}
