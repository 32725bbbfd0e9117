package intake

import (
	"lienthong/internal/fault"
	"lienthong/internal/kind"
	"lienthong/internal/seal"
	"lienthong/internal/xmltok"
)

// Refusals lists the faults for which a whole file is not taken, in the order
// in which they are checked (DESIGN §6): a refusal carries the first that applies.
func Refusals() []*fault.Error {
	return []*fault.Error{
		xmltok.ErrUnreadable, xmltok.ErrDoctype, xmltok.ErrLimits, kind.ErrEnvelope, kind.ErrTruncated, ErrFacility, ErrSender,
		seal.ErrMissing, seal.ErrMalformed, seal.ErrAlgorithm, seal.ErrBroken, seal.ErrUntrusted, seal.ErrExpired, seal.ErrRevoked,
		kind.ErrPaper, kind.ErrPaperActive, errPapers, ErrPaperAlone,
	}
}
