package file

import (
	"context"
	"time"

	"lienthong/internal/fault"
)

// ErrReading: a reader has an older state open, so the write-ahead log cannot be emptied.
var ErrReading = fault.New(fault.Busy, "store.reading",
	"Đang có lượt đọc dài trên kho nên chưa dọn được tệp ghi trước. Chạy lại sau ít phút.",
	"A long read of the store is under way, so its write-ahead log cannot be emptied yet. Run this again in a few minutes.")

// Checkpoint moves the write-ahead log into the file and cuts it to nothing.
// Fault: store.reading where readers hold it up.
func (d *DB) Checkpoint(ctx context.Context) error {
	const tries = 5
	for n := 1; ; n++ {
		var busy, log, moved int
		if err := d.read.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &moved); err != nil {
			return Fault(err)
		}
		if busy == 0 {
			return nil
		}
		if n == tries {
			return ErrReading
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
