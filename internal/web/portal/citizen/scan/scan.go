// Package scan takes the scan of a signed paper out of a form. It looks at its size
// and first bytes only.
package scan

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"lienthong/internal/fault"
)

// Max is the largest scan of a signed paper that is taken, in bytes.
const Max = 2 << 20

// ErrPaper: no such scan is in the form.
var ErrPaper = fault.New(fault.Invalid, "counter.paper", "Cần bản chụp phiếu có chữ ký: PDF, JPEG hoặc PNG, nhiều nhất 2 MB.", "A scan of the signed form is needed: PDF, JPEG or PNG, at most 2 MB.")

// Paper reads the field "paper" and names its media type: PDF, JPEG or PNG.
func Paper(r *http.Request) (kind string, data []byte, err error) {
	file, _, err := r.FormFile("paper")
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) || errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
			return "", nil, ErrPaper
		}
		return "", nil, ErrPaper.Because(err)
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, Max+1))
	if err != nil || len(data) > Max {
		return "", nil, ErrPaper.Because(err)
	}
	for magic, kind := range map[string]string{"%PDF-1.": "application/pdf", "\xff\xd8\xff": "image/jpeg", "\x89PNG\r\n\x1a\n": "image/png"} {
		if len(data) > 64 && strings.HasPrefix(string(data[:16]), magic) {
			return kind, data, nil
		}
	}
	return "", nil, ErrPaper
}
