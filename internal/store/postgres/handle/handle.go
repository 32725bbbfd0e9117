// Package handle is what the slices of the PostgreSQL engine share: the pool,
// one transaction told in batches, the faults PostgreSQL's errors become, and
// the Go side of column types. It holds no query of a slice, and nothing here
// is for SQLite: the engines share no SQL.
package handle

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lienthong/internal/clock"
)

// ListLimit is how long a list may take: who waits longer has gone (TRUST §2, T15: 5 s).
const ListLimit = 5 * time.Second

// MaxConns is how many connections a hub holds at most.
const MaxConns = 12

// DB is one hub's access to the database.
type DB struct {
	Pool   *pgxpool.Pool
	Clock  clock.Clock
	Logger *slog.Logger
	Rand   io.Reader // nil: crypto/rand
}

// session is what every connection is set to. A lock is waited for at most 10
// seconds, so that a hub frozen in the middle of a commit is noticed; the
// server ends such a transaction after 15. No query of ours takes 30 seconds.
var session = map[string]string{
	"application_name":                    "lienthong",
	"timezone":                            "UTC",
	"default_transaction_isolation":       "read committed",
	"statement_timeout":                   "30000",
	"lock_timeout":                        "10000",
	"idle_in_transaction_session_timeout": "15000",
	"jit":                                 "off",
	// Statements look rows up by key, in the order they are written. A planner
	// left free would choose by statistics that a new or fast growing table does
	// not have yet, and then reads every record for each that comes in. What does
	// go over many rows asks for the planner by Scan.
	"join_collapse_limit": "1",
	"from_collapse_limit": "1",
	"enable_seqscan":      "off",
	"enable_hashjoin":     "off",
	"enable_mergejoin":    "off",
	// Nothing of such a plan depends on values: it is made once a statement.
	"plan_cache_mode": "force_generic_plan",
}

// planned gives the planner back for one transaction.
const planned = `SELECT set_config('join_collapse_limit', '8', true), set_config('from_collapse_limit', '8', true),
	set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true),
	set_config('plan_cache_mode', 'auto', true),
	set_config('statement_timeout', $1, true)`

// Scan runs a query that goes over many rows, planned by what the server knows
// of them, in one round trip; fn reads its rows. It takes no longer than limit:
// beyond, it is ErrAway.
func (db *DB) Scan(ctx context.Context, limit time.Duration, query string, args []any, fn func(pgx.Rows) error) error {
	b := &pgx.Batch{}
	b.Queue(planned, strconv.FormatInt(limit.Milliseconds(), 10))
	b.Queue(query, args...).Query(fn)
	return Fault(db.Pool.SendBatch(ctx, b).Close())
}

// Connect opens the pool. Statements go by the extended protocol only, whatever
// the URL says: parameters never become SQL text (TRUST §1, pgx CVEs).
func Connect(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, ErrURL.Because(fmt.Errorf("%T", err)) // pgx's own sentence may hold the password
	}
	cfg.MaxConns = MaxConns
	cfg.MinConns = 1
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.HealthCheckPeriod = 15 * time.Second
	cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	for k, v := range session {
		cfg.ConnConfig.RuntimeParams[k] = v
	}
	cfg.AfterConnect = durable
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, Fault(err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, Fault(err)
	}
	return pool, nil
}

// durable makes a commit wait for the disk where the server's own setting does
// not. A stronger setting (a standby's confirmation) stays.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') IN ($1, $2)`, "off", "local")
	return err
}

// Where collects the conditions of a query and their arguments.
type Where struct {
	conds []string
	Args  []any
}

// And adds a condition; each ? in it stands for the next argument.
func (w *Where) And(cond string, args ...any) {
	for _, a := range args {
		w.Args = append(w.Args, a)
		cond = strings.Replace(cond, "?", fmt.Sprintf("$%d", len(w.Args)), 1)
	}
	w.conds = append(w.conds, cond)
}

// Arg adds an argument and returns its place, "$3".
func (w *Where) Arg(a any) string {
	w.Args = append(w.Args, a)
	return fmt.Sprintf("$%d", len(w.Args))
}

// String returns the WHERE clause; no condition matches all.
func (w *Where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// Limit is how many rows a list gives: 50 for 0, at most 1,000.
func Limit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 1000)
}

// Page cuts what was read, one more than the limit, and says whether more follow.
func Page[T any](all []T, limit int) ([]T, bool) {
	if len(all) > limit {
		return all[:limit], true
	}
	return all, false
}
