package intake

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"lienthong/internal/care"
)

// longestSoftware bounds what a sender says of its program, in characters.
const longestSoftware = 100

// Software reads the name and version of a program as a header says it
// ("HIS/3.2"): one line of at most 100 characters. What is none is "": a file is
// never refused for it.
func Software(said string) string {
	said = strings.TrimSpace(said)
	if !utf8.ValidString(said) || utf8.RuneCountInString(said) > longestSoftware || strings.ContainsFunc(said, unicode.IsControl) {
		return ""
	}
	return care.Clean(said)
}
