// Package masked is what lists, headers and boards may show of records, counts and
// legs: a store's slices with all that would tell of a closed compartment left out.
// It opens nothing; package disclose is the only way to content.
package masked

import (
	"context"
	"slices"
	"strings"

	"lienthong/internal/care"
	"lienthong/internal/compartment"
	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/store"
)

// Metadata is the records as lists and headers may show them: to all but the
// facility that wrote it, a record says nothing of its closed compartments;
// neither that the table is there, nor what was found in it, nor by a search
// for either. Whatever shows metadata reads through it.
type Metadata struct{ store.Records }

// Get returns one record as the scope may know it.
func (m Metadata) Get(ctx context.Context, scope role.Scope, id dossier.ID) (*store.Record, error) {
	r, err := m.Records.Get(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	mask(scope, r)
	return r, nil
}

// List returns records as the scope may know them.
func (m Metadata) List(ctx context.Context, scope role.Scope, f store.Filter) ([]store.Record, bool, error) {
	if scope.Facility == "" && isClosed(strings.TrimPrefix(f.Tag, "doc:")) {
		return nil, false, nil
	}
	list, more, err := m.Records.List(ctx, scope, f)
	for i := range list {
		mask(scope, &list[i])
	}
	return list, more, err
}

func mask(scope role.Scope, r *store.Record) {
	if scope.Facility == r.ID.Facility {
		return
	}
	r.Documents &^= Closed
	r.Verdict.Findings = slices.DeleteFunc(slices.Clone(r.Verdict.Findings), func(f dossier.Finding) bool {
		return isClosed(f.Table) || isClosed(f.Code)
	})
}

// Closed are the tables of closed compartments, and the compartments that
// content tells of, as bits of a record's documents.
const Closed = 1<<6 | 1<<15 | uint32(care.AllClasses)<<28

// isClosed reports whether a table, or a code "<TABLE>.<FIELD>.<problem>", is of a closed compartment.
func isClosed(code string) bool {
	table, _, _ := strings.Cut(code, ".")
	return compartment.Table(table) != 0
}
