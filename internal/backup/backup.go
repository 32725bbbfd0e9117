// Package backup makes encrypted copies of a store that the hub cannot change
// afterwards, and lays them down again. A backup is a signed manifest and the
// segments it names; a place is a directory (or a stream that ends in one) in
// which files are only ever added. Segments are encrypted with age to
// recipients whose identity is not on the hub: whoever takes the hub over can
// neither read nor rewrite what was backed up before.
//
// It copies pages and bytes, and knows nothing of what they hold: package
// reverify proves a restored store, the store's engine hands pages out and
// decides which state of them is one. doc/design/backup.md gives the formats.
package backup

import (
	"lienthong/internal/fault"
)

var (
	// ErrRecipient: neither a file of age recipients nor one on its own.
	ErrRecipient = fault.New(fault.Invalid, "backup.recipient",
		"Không đọc được khóa nhận (age1... hoặc tệp chứa khóa đó).", "This is no age recipient (age1..., or a file of them).")
	// ErrIdentity: the file holds no age identity.
	ErrIdentity = fault.New(fault.Invalid, "backup.identity",
		"Tệp khóa mở không có khóa age nào (AGE-SECRET-KEY-...).", "The identity file holds no age identity (AGE-SECRET-KEY-...).")
	// ErrKey: encrypted to others.
	ErrKey = fault.New(fault.Invalid, "backup.key",
		"Khóa mở này không phải của bản sao lưu. Chưa khôi phục gì.", "This identity does not open the backup. Nothing was restored.")
	// ErrMissing: the manifest names a segment that is not there.
	ErrMissing = fault.New(fault.Invalid, "backup.segment_missing",
		"Bản sao lưu thiếu một phần. Chưa khôi phục gì.", "A segment of the backup is missing. Nothing was restored.")
	// ErrDamaged: a segment is not the one that was written, or not whole.
	ErrDamaged = fault.New(fault.Invalid, "backup.damaged",
		"Bản sao lưu bị hỏng hoặc bị sửa. Chưa khôi phục gì.", "The backup is damaged or was changed. Nothing was restored.")
	// ErrManifest: no manifest, one that cannot be read, or a gap before it.
	ErrManifest = fault.New(fault.Invalid, "backup.manifest",
		"Bảng kê của bản sao lưu thiếu, hỏng hoặc đứt đoạn. Chưa khôi phục gì.", "A manifest of the backup is missing, damaged or does not follow the one before. Nothing was restored.")
	// ErrSigner: the manifest is not signed by the hub's key: somebody else filled the place.
	ErrSigner = fault.New(fault.Invalid, "backup.signer",
		"Bảng kê không do khóa của hub này ký: nơi lưu có thể do người khác làm ra.", "The manifest is not signed by this hub's key: somebody else may have filled the place.")
	// ErrNone: there is no such backup in the place.
	ErrNone = fault.New(fault.Absent, "backup.none", "Nơi lưu không có bản sao lưu này.", "The place holds no such backup.")
	// ErrTaken: a file of that name is there already: another backup writes to the place.
	ErrTaken = fault.New(fault.Conflict, "backup.taken",
		"Nơi lưu đã có tệp cùng tên: có bản sao lưu khác đang chạy.", "A file of that name is in the place already: another backup is running.")
	// ErrNotEmpty: something is where a store is to be restored to.
	ErrNotEmpty = fault.New(fault.Conflict, "restore.not_empty",
		"Thư mục đích đã có dữ liệu. Chỉ khôi phục vào thư mục mới hoặc trống.", "The target holds data. Restore only to a new or an empty directory.")
	// ErrReport: no report of a restore, or one this hub's key did not sign.
	ErrReport = fault.New(fault.Invalid, "restore.report",
		"Biên bản khôi phục không đọc được hoặc không do khóa của hub này ký.", "The report of a restore cannot be read or is not signed by this hub's key.")
)
