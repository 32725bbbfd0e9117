package admin

import (
	"context"

	"lienthong/internal/keep"
)

// retention answers for what is erased and how long what is kept.
func retention(serve func(path string, do func(context.Context, request) (response, error)), acts Acts) {
	serve("/erase", func(ctx context.Context, q request) (response, error) {
		n, err := acts.Erase(ctx, q.Actor, q.Erase)
		return response{Count: n}, err
	})
	serve("/retention/terms", func(ctx context.Context, q request) (response, error) {
		terms, err := acts.Terms(ctx)
		return response{Terms: terms}, err
	})
	serve(expirePath, func(ctx context.Context, q request) (response, error) {
		n, err := acts.Expire(ctx, q.Actor, q.Class, q.Month)
		return response{Count: n}, err
	})
}

// What may take as long as the store is large.
const expirePath = "/retention/expire"

func isLong(path string) bool {
	return path == expirePath || path == "/erase" || path == "/retention/terms" || path == moveLegsPath ||
		path == databasesPath || path == receivePath
}

// Erase erases records.
func (c *Client) Erase(ctx context.Context, actor string, q keep.Request) (int, error) {
	a, err := c.post(ctx, "/erase", request{Actor: actor, Erase: q})
	return a.Count, err
}

// Terms lists what is kept by class and month.
func (c *Client) Terms(ctx context.Context) ([]keep.Term, error) {
	a, err := c.post(ctx, "/retention/terms", request{})
	return a.Terms, err
}

// Expire erases a month whose term has ended.
func (c *Client) Expire(ctx context.Context, actor, class string, month int) (int, error) {
	a, err := c.post(ctx, expirePath, request{Actor: actor, Class: class, Month: month})
	return a.Count, err
}
