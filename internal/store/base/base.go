// Package base is what the contract of every slice of a store uses: an act of
// administration, the faults that all engines give, the check of texts. It exists
// so that slices can have packages of their own (store/house) and still be handed
// out by package store, which names the same things as its own.
package base

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"lienthong/internal/fault"
)

// The faults every engine gives.
var (
	// ErrAbsent: no such row, or none in the reader's scope.
	ErrAbsent = fault.New(fault.Absent, "record.absent", "Không có hồ sơ này.", "There is no such record.")
	// ErrText: a text is not UTF-8 or holds NUL, which no engine keeps alike.
	ErrText = fault.New(fault.Invalid, "store.text",
		"Có chuỗi không phải UTF-8 hoặc chứa ký tự NUL.", "A text is not UTF-8 or holds a NUL character.")
	// ErrTaken: the name is another's.
	ErrTaken = fault.New(fault.Conflict, "name.taken", "Tên này đã có người khác dùng.", "This name is another's.")
	// ErrChanged: somebody else changed it first.
	ErrChanged = fault.New(fault.Conflict, "store.changed",
		"Mục này vừa được người khác thay đổi. Tải lại rồi làm tiếp.", "This was just changed by somebody else. Load it again and go on.")
	// ErrFull: the disk is full; nothing was kept.
	ErrFull = fault.New(fault.Busy, "hub.storage_full",
		"Hub hết chỗ lưu. Chưa ghi gì. Giữ tệp lại và gửi sau.",
		"The hub's storage is full. Nothing was kept. Hold the file and send it later.")
	// ErrStopping: the hub is shutting down; nothing was kept.
	ErrStopping = fault.New(fault.Busy, "hub.stopping",
		"Hub đang dừng để bảo trì. Chưa ghi gì. Gửi lại sau ít phút.",
		"The hub is stopping. Nothing was kept. Send again in a few minutes.")
)

// CheckText gives ErrText when one of the texts is not UTF-8 or holds NUL.
// Every engine calls it for what it is about to keep.
func CheckText(texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return ErrText
		}
	}
	return nil
}

// Act is one administrative act: who did what to which thing.
type Act struct {
	ID     int64
	At     time.Time
	Actor  string // "operator via admin.sock", "facility:79901/client-1"
	Action string // "facility.add", "trust.add", "link.make"
	Object string // what it was done to, never a person
	Detail string // JSON, no personal data
	Leaf   []byte // leaf data; not read back
}

// Statement returns what the act's leaf commits to: JSON with the members in
// this order. The id, which the store gives, is not among them, so that the
// statement can be made again from the row.
func (a *Act) Statement() []byte {
	b, err := json.Marshal(struct {
		At     int64  `json:"at"` // microseconds UTC
		Actor  string `json:"actor"`
		Action string `json:"action"`
		Object string `json:"object"`
		Detail string `json:"detail"`
	}{a.At.UnixMicro(), a.Actor, a.Action, a.Object, a.Detail})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return b
}
