package handle

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"lienthong/internal/fault"
	"lienthong/internal/store"
)

var (
	// ErrURL: the URL of the database cannot be read.
	ErrURL = fault.New(fault.Invalid, "store.url",
		"Địa chỉ cơ sở dữ liệu PostgreSQL không đọc được.", "The PostgreSQL URL cannot be read.")
	// ErrAway: the database does not answer, or not now; nothing is known to be kept.
	ErrAway = fault.New(fault.Busy, "hub.busy",
		"Cơ sở dữ liệu chưa trả lời được. Giữ tệp lại và gửi lại sau.",
		"The database cannot answer now. Hold the file and send it again later.")
	// ErrBroken: the database refused what the hub did; the cause is for the operator.
	ErrBroken = fault.New(fault.Broken, "store.broken",
		"Kho dữ liệu gặp lỗi. Báo cho trực vận hành.", "The store failed. Tell the operator on duty.")
)

// busy lists the errors that pass by themselves (PostgreSQL, Appendix A).
// Serialization failure and deadlock are among them, but intake takes its locks
// so that it never sees one.
var busy = map[string]bool{
	"40001": true, // serialization_failure
	"40P01": true, // deadlock_detected
	"53000": true, // insufficient_resources
	"53200": true, // out_of_memory
	"53300": true, // too_many_connections
	"55P03": true, // lock_not_available
	"57014": true, // query_canceled, also by statement_timeout
	"57P01": true, // admin_shutdown
	"57P02": true, // crash_shutdown
	"57P03": true, // cannot_connect_now
	"57P05": true, // idle_session_timeout
	"25P03": true, // idle_in_transaction_session_timeout
	"25006": true, // read_only_sql_transaction: a standby not yet promoted
}

// Fault turns what pgx returns into the store's faults. A fault stays as it
// is, the caller's own cancellation too; an absent row is ErrAbsent.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrAbsent
	}
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return serverFault(pg)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, puddle.ErrClosedPool) {
		return store.ErrStopping.Because(err)
	}
	if Lost(err) {
		return ErrAway.Because(err)
	}
	return ErrBroken.Because(err)
}

func serverFault(pg *pgconn.PgError) error {
	cause := &serverError{pg}
	switch {
	case pg.Code == "53100": // disk_full
		return store.ErrFull.Because(cause)
	case pg.Code == "22021" || pg.Code == "22P05": // not in UTF-8, or NUL
		return store.ErrText.Because(cause)
	case busy[pg.Code] || pg.Code[:min(2, len(pg.Code))] == "08":
		return ErrAway.Because(cause)
	}
	return ErrBroken.Because(cause)
}

// serverError shows an error of the server without its detail, which may quote
// a row, and a log is no place for that.
type serverError struct{ pg *pgconn.PgError }

func (e *serverError) Error() string { return "postgres " + e.pg.Code + ": " + e.pg.Message }

func (e *serverError) Unwrap() error { return e.pg }

// Overdue turns the end of a deadline that is the engine's own, not its
// caller's, into ErrAway; any other error stays.
func Overdue(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrAway.Because(err)
	}
	return err
}

// Lost reports whether err means that the connection ended or never was.
func Lost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) ||
		errors.Is(err, pgconn.ErrConnClosed)
}

// Refused reports whether the server refused a statement and so certainly ended
// the transaction without committing it. Anything else at a commit leaves its
// outcome unknown, a FATAL of a server that shuts down too.
func Refused(err error) bool {
	if errors.Is(err, ErrRolledBack) {
		return true
	}
	pg := (*pgconn.PgError)(nil)
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR"
}
