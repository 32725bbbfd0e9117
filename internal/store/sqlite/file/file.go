// Package file is one SQLite file as the embedded engine uses it: a committer
// that alone writes, a pool that only reads, and the values rows are made of.
// The slices beside it bring their own SQL. It knows no rule of the hub and no
// table but those of the ledger, because a leaf is committed with its record.
package file

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"lienthong/internal/store/sqlite/vessel"
)

const (
	// Keyed hashes come in no order: each one touches a page of its own, and a
	// small page is written faster. Bodies fill pages of any size (body.go).
	pageSize  = 4096
	busyMS    = 10_000
	readers   = 6
	walPages  = 16_000 // until the committer moves the WAL to the file: 64 MB
	writerKB  = 64_000 // the inner pages of all indexes at 5,000,000 records are some 20 MB
	readerKB  = 6_000
	walKeepMB = 64
)

// Config says how a file is opened.
type Config struct {
	Migrations fs.FS // goose migrations, "*.sql" at its root
	MaxBytes   int64 // the file answers store.ErrFull beyond; 0: the disk is the limit
	Logger     *slog.Logger
	// Attach names other files for readers, schema to path.
	Attach map[string]string
}

// DB is an open file.
type DB struct {
	path   string
	cfg    Config
	read   *sql.DB
	turns  chan struct{} // one for each Read under way; see Read
	write  *sql.DB
	queue  *queue
	lease  *lease
	broken error    // of the committer's goroutine only
	stmts  sync.Map // constant query text to *sql.Stmt, for readers
	closed chan struct{}

	vesselsMu sync.Mutex
	vessels   map[int64]*vessel.File // archive files in use, by their first piece
}

// Open opens the file at path, making it (mode 0600) and its tables where they
// are not, and starts its committer.
func Open(ctx context.Context, path string, cfg Config) (*DB, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := create(path); err != nil {
		return nil, Fault(err)
	}
	d := &DB{path: path, cfg: cfg, queue: newQueue(), turns: make(chan struct{}, readers), closed: make(chan struct{})}
	var err error
	if d.write, err = sql.Open("sqlite", dsn(path, writerPragmas(cfg))); err != nil {
		return nil, Fault(err)
	}
	d.write.SetMaxOpenConns(1)
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(Fault(err), d.write.Close())
	}
	if d.read, err = openReaders(path, cfg); err != nil {
		return nil, errors.Join(Fault(err), d.write.Close())
	}
	w, err := newWriter(ctx, d)
	if err != nil {
		return nil, errors.Join(Fault(err), d.write.Close(), d.read.Close())
	}
	go w.run()
	return d, nil
}

// create makes the file with its mode where it is not. One that is there is not
// touched: closing it would take away the locks SQLite holds on it elsewhere in
// this process (POSIX, fcntl).
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func writerPragmas(cfg Config) []string {
	p := []string{
		"busy_timeout(" + strconv.Itoa(busyMS) + ")",
		"page_size(" + strconv.Itoa(pageSize) + ")",
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(0)", "secure_delete(FAST)", "temp_store(MEMORY)",
		"wal_autocheckpoint(" + strconv.Itoa(walPages) + ")",
		"journal_size_limit(" + strconv.Itoa(walKeepMB<<20) + ")",
		"cache_size(-" + strconv.Itoa(writerKB) + ")",
	}
	if cfg.MaxBytes > 0 {
		p = append(p, "max_page_count("+strconv.FormatInt(max(1, cfg.MaxBytes/pageSize), 10)+")")
	}
	return p
}

func dsn(path string, pragmas []string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	u.RawQuery = url.Values{"_pragma": pragmas}.Encode()
	return u.String()
}

func openReaders(path string, cfg Config) (*sql.DB, error) {
	c := &connector{attach: cfg.Attach, dsn: dsn(path, []string{
		"busy_timeout(" + strconv.Itoa(busyMS) + ")", "temp_store(MEMORY)",
		"cache_size(-" + strconv.Itoa(readerKB) + ")", "query_only(1)",
	})}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(readers + 1) // one more than Reads: see Read
	db.SetMaxIdleConns(readers + 1)
	return db, nil
}

// migrate brings the tables up to date. That two processes do not do so at once
// is for the caller to make sure.
func (d *DB) migrate(ctx context.Context) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, d.write, d.cfg.Migrations, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", d.path, err)
	}
	return nil
}

// Close stops the committer after the write it is in, answers what waits with
// store.ErrStopping and closes the file. It may be called more than once.
func (d *DB) Close() error {
	first := d.queue.stop()
	<-d.closed
	if !first {
		return nil
	}
	return errors.Join(d.read.Close(), d.write.Close(), d.closeVessels())
}
