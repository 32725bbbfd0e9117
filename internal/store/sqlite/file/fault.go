package file

import (
	"context"
	"database/sql"
	"errors"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lienthong/internal/fault"
	"lienthong/internal/store"
)

// ErrLocked: another process writes to the file and did not end in time.
var ErrLocked = fault.New(fault.Busy, "store.locked",
	"Tệp dữ liệu đang bị tiến trình khác ghi. Thử lại sau.", "Another process is writing to the data file. Try again later.")

// ErrSync: the disk did not take what was written. Nothing may be believed of
// it until the process begins anew (an fsync that failed once may report
// success the next time and have lost the data).
var ErrSync = fault.New(fault.Broken, "store.sync_failed",
	"Đĩa không ghi được; tiến trình phải dừng để kiểm tra.", "The disk did not keep what was written; the process must stop to be checked.")

// Fault turns an error of the driver into the fault it means and leaves others
// as they are.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrAbsent
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE:
		return store.ErrFull.Because(err)
	case sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC:
		return ErrSync.Because(err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrLocked.Because(err)
	case sqlite3.SQLITE_INTERRUPT:
		return errors.Join(context.Canceled, err)
	}
	return err
}
