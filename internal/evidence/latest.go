package evidence

import "lienthong/internal/ledger"

// Latest is the last confirmed head of the log this process writes; false where
// it writes none, or nothing yet.
func (d *Desk) Latest() (ledger.Head, bool) {
	if d.writer == nil {
		return ledger.Head{}, false
	}
	h := d.writer.Head()
	return h, h.Size > 0
}
