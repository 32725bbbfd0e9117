package citizen

import (
	"encoding/json"
	"slices"

	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// withoutClosed leaves out the looks at records with sensitive data in them: that
// a clinic of its kind wrote one, or opened one, says what it was. Those are for
// the person alone, not for who acts for them or stands beside them at a counter.
func withoutClosed(rows []store.Disclosure) []store.Disclosure {
	return slices.DeleteFunc(rows, func(row store.Disclosure) bool {
		if row.Facts == "" {
			return false // an act on a file, from before facts were kept
		}
		var q policy.Question
		return json.Unmarshal([]byte(row.Facts), &q) != nil || q.Classes != 0
	})
}
