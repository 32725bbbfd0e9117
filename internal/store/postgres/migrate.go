package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"lienthong/internal/store/postgres/handle"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateLock is the advisory lock of whoever migrates: hubs that start at once
// follow one another.
const migrateLock = 0x6c74_6d69_6772 // "ltmigr"

// Migrate brings the tables of the database at url to the newest version and
// leaves no connection open: Open without a hub. The URL may hold a password
// and is never shown.
func Migrate(ctx context.Context, url string) error {
	pool, err := handle.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrate(ctx, pool)
}

// migrate brings the tables to the newest version, on connections of its own
// that may take as long as it takes.
func migrate(ctx context.Context, pool *pgxpool.Pool) (err error) {
	cfg := pool.Config().ConnConfig
	cfg.RuntimeParams["statement_timeout"] = "0"
	cfg.RuntimeParams["lock_timeout"] = "0"
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	db := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, db.Close()) }()
	lock, err := db.Conn(ctx)
	if err != nil {
		return handle.Fault(err)
	}
	defer func() { err = errors.Join(err, release(lock)) }()
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrateLock)); err != nil {
		return handle.Fault(err)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("postgres: migrating: %w", handle.Fault(err))
	}
	return nil
}

// release gives the lock back. Should that fail, it ends with the connection.
func release(lock *sql.Conn) error {
	if _, err := lock.ExecContext(context.Background(), `SELECT pg_advisory_unlock($1)`, int64(migrateLock)); err != nil {
		return errors.Join(handle.Fault(err), lock.Close())
	}
	return lock.Close()
}
