package handle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lienthong/internal/fault"
	"lienthong/internal/store"
	"lienthong/internal/store/postgres/handle"
)

func server(code string) error {
	return fmt.Errorf("while asked: %w", &pgconn.PgError{Code: code, Severity: "ERROR", SeverityUnlocalized: "ERROR", Message: "said so", Detail: "Key (name)=(Nguyễn) exists"})
}

func TestErrorsBecomeTheStoresFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want error
		kind fault.Kind
	}{
		"disk full":                 {server("53100"), store.ErrFull, fault.Busy},
		"the server stops":          {server("57P01"), handle.ErrAway, fault.Busy},
		"the server crashed":        {server("57P02"), handle.ErrAway, fault.Busy},
		"the server starts":         {server("57P03"), handle.ErrAway, fault.Busy},
		"too many connections":      {server("53300"), handle.ErrAway, fault.Busy},
		"a lock held for long":      {server("55P03"), handle.ErrAway, fault.Busy},
		"a query cut off":           {server("57014"), handle.ErrAway, fault.Busy},
		"the connection failed":     {server("08006"), handle.ErrAway, fault.Busy},
		"not UTF-8":                 {server("22021"), store.ErrText, fault.Invalid},
		"a key twice":               {server("23505"), handle.ErrBroken, fault.Broken},
		"a table that is not there": {server("42P01"), handle.ErrBroken, fault.Broken},
		"the connection ended":      {fmt.Errorf("read: %w", io.ErrUnexpectedEOF), handle.ErrAway, fault.Busy},
		"nobody listens":            {&net.OpError{Op: "dial", Err: errors.New("refused")}, handle.ErrAway, fault.Busy},
		"no row":                    {fmt.Errorf("get: %w", pgx.ErrNoRows), store.ErrAbsent, fault.Absent},
		"a fault already":           {store.ErrLeaseLost, store.ErrLeaseLost, fault.Broken},
		"the caller went":           {context.Canceled, context.Canceled, fault.Broken},
		"something else":            {errors.New("odd"), handle.ErrBroken, fault.Broken},
	} {
		got := handle.Fault(c.err)
		if !errors.Is(got, c.want) || fault.KindOf(got) != c.kind {
			t.Errorf("%s: %v", name, got)
		}
		if strings.Contains(got.Error(), "Nguyễn") {
			t.Errorf("%s: the error quotes a row: %v", name, got)
		}
	}
	if handle.Fault(nil) != nil {
		t.Error("no error became one")
	}
}

// TestWhatALostCommitMayMean: only a statement refused by the server says that
// the transaction did not take place.
func TestWhatALostCommitMayMean(t *testing.T) {
	t.Parallel()
	fatal := &pgconn.PgError{Code: "57P01", SeverityUnlocalized: "FATAL"}
	for err, want := range map[error]bool{
		server("23505"): true, server("53100"): true, handle.ErrRolledBack: true,
		fatal: false, io.ErrUnexpectedEOF: false, context.DeadlineExceeded: false,
	} {
		if got := handle.Refused(err); got != want {
			t.Errorf("%v: surely refused %v", err, got)
		}
	}
	if err := handle.Overdue(context.DeadlineExceeded); !errors.Is(err, handle.ErrAway) {
		t.Errorf("an own deadline: %v", err)
	}
}

func TestAURLIsNeverShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres://u:geheim@host:port/db", "postgres://u:geheim@[::1/db", "host=x password=geheim sslmode=odd"} {
		_, err := handle.Connect(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "geheim") || !errors.Is(err, handle.ErrURL) {
			t.Errorf("%v", err)
		}
	}
	_, err := handle.Connect(t.Context(), "postgres://u:geheim@127.0.0.1:1/db?connect_timeout=1")
	if err == nil || strings.Contains(err.Error(), "geheim") || fault.KindOf(err) != fault.Busy {
		t.Errorf("nobody there: %v", err)
	}
}
