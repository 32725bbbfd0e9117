package admin

import (
	"context"

	"lienthong/internal/keep"
)

// Erase erases records (package keep) and returns how many.
func (o *Office) Erase(ctx context.Context, actor string, q keep.Request) (int, error) {
	return o.Keeper.Erase(ctx, actor, q)
}

// Terms lists what is kept by class and month, and until when.
func (o *Office) Terms(ctx context.Context) ([]keep.Term, error) { return o.Keeper.Terms(ctx) }

// Expire erases a month whose term has ended, with its key, and returns how many
// records were erased now.
func (o *Office) Expire(ctx context.Context, actor, class string, month int) (int, error) {
	return o.Keeper.Expire(ctx, actor, class, month)
}
