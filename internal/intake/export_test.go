package intake

import (
	"lienthong/internal/quality"
	"lienthong/internal/store"
)

// ResultOf is the answer for a stored record.
func ResultOf(pack *quality.Pack, r *store.Record) Result {
	in := &Intake{Deps: Deps{Rules: func() *quality.Pack { return pack }}}
	return in.resultOf("a.xml", 0, r, "LK1")
}
