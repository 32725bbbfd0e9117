package api

import (
	"net/http"

	"lienthong/internal/body"
	"lienthong/internal/fault"
	"lienthong/internal/xmltok"
)

// What a sender on a thin line may ask for beside a compressed body: members
// whose base64 it has undone.
const (
	headerCoding    = "Member-Coding"  // of a request: how members are coded
	headerCodings   = "Member-Codings" // of every answer: what this hub reads
	codingUnwrapped = "unwrapped"      // as body.Unwrap makes them, where base64 is in them
)

var (
	errCoding = fault.New(fault.Invalid, "request.member_coding",
		"Member-Coding chỉ nhận unwrapped hoặc để trống.", "Member-Coding may be unwrapped or absent.")
	errUnwrapped = fault.New(fault.Invalid, "file.unreadable",
		"Không dựng lại được tệp từ dạng đã bỏ base64. Gửi lại tệp nguyên dạng.",
		"The file cannot be rebuilt from its form without base64. Send it again as it is.")
)

// coding reads the header of that name.
func coding(r *http.Request) (unwrapped bool, err error) {
	switch r.Header.Get(headerCoding) {
	case "":
		return false, nil
	case codingUnwrapped:
		return true, nil
	}
	return false, errCoding
}

// rebuilt gives the exact bytes of a member before anything else sees it. A
// member that is not in the coding is taken as it is.
func rebuilt(raw []byte, limit int64) ([]byte, error) {
	if !body.IsUnwrapped(raw) {
		return raw, nil
	}
	whole, err := body.Rewrap(raw, int(limit))
	switch {
	case err == nil:
		return whole, nil
	case fault.KindOf(err) == fault.TooLarge:
		return nil, xmltok.ErrLimits
	}
	return nil, errUnwrapped.Because(err)
}

// roomFor is how much a member takes at most while it is rebuilt: itself, and
// twice as much again (body.Rewrap).
func roomFor(size, limit int64, unwrapped bool) int64 {
	if !unwrapped {
		return size
	}
	return size + min(2*size, limit)
}
