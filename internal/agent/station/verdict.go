package station

import (
	"context"
	"encoding/json"

	"lienthong/internal/agent/spool"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/intake"
)

// Preview judges a payload as the hub would, as far as that can be known here,
// and keeps nothing. Its error is the refusal the hub would give. Without rules
// both are nil.
func (s *Station) Preview(ctx context.Context, p spool.Payload) (*intake.Preview, error) {
	return s.check(ctx, p)
}

// Place is Take that also says whether the same bytes were taken before, and
// what became of them.
func (s *Station) Place(ctx context.Context, i Item) (spool.Put, error) { return s.take(ctx, i) }

// Verdict is the hub's answer to a dossier as pages and a HIS read it.
type Verdict struct {
	Record   string            `json:"record"`
	Facility string            `json:"facility"`
	Episode  string            `json:"episode"`
	Kind     string            `json:"kind"`
	Version  int               `json:"version"`
	State    dossier.State     `json:"state"` // with what the feed said since; "" of a refused file
	Refused  bool              `json:"refused"`
	Code     string            `json:"code"`    // of a refused file
	Message  fault.Text        `json:"message"` // of a refused file
	Findings []finding.Finding `json:"findings"`
	Receipt  json.RawMessage   `json:"receipt"` // nil without one
}

// ReadVerdict reads a line of the journal. What cannot be read in it is empty:
// its outcome is the entry's.
func ReadVerdict(e *spool.Entry) Verdict {
	var v Verdict
	if err := json.Unmarshal(e.Line, &v); err != nil {
		v = Verdict{Record: e.Record, Kind: e.Kind}
	}
	switch e.Outcome {
	case spool.WasAccepted:
		v.State = dossier.Accepted
	case spool.WasWarned:
		v.State = dossier.AcceptedWithWarnings
	case spool.WasRejected:
		v.State = dossier.Rejected
	default:
		v.State, v.Refused = "", true
	}
	if e.Now != "" {
		v.State = dossier.State(e.Now)
	}
	if string(v.Receipt) == "null" {
		v.Receipt = nil
	}
	return v
}
