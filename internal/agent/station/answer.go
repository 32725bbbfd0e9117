package station

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"lienthong/internal/agent"
	"lienthong/internal/agent/spool"
	"lienthong/internal/dossier"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
)

// said is what a station reads in an answer beside what package agent does.
type said struct {
	Episode    string            `json:"episode"`
	Kind       string            `json:"kind"`
	Message    fault.Text        `json:"message"`
	RetryAfter int               `json:"retry_after"`
	Findings   []finding.Finding `json:"findings"`
	Receipt    struct {
		Body string `json:"body"`
	} `json:"receipt"`
}

// receipt is what is read of a receipt's body.
type receipt struct {
	File     string    `json:"file_sha256"`
	Received time.Time `json:"received_at"`
}

// answerOf makes an answer of the hub an entry of the journal. What cannot be
// read in it is not invented: its day is then the day of the answer.
func answerOf(i spool.Item, a agent.Answer, now time.Time) (spool.Answer, said) {
	var x said
	if err := json.Unmarshal(a.JSON, &x); err != nil { // package agent has read it: only a member of another type
		x = said{}
	}
	out := spool.Answer{Item: i.ID, N: a.Index, Record: a.Record, At: now, Kind: x.Kind, Episode: x.Episode, Line: a.JSON}
	switch {
	case a.Outcome == agent.Refused:
		out.Outcome, out.Reasons = spool.WasRefused, []spool.Reason{{Code: a.Code, Said: x.Message}}
	case a.Outcome == agent.Rejected:
		out.Outcome, out.Reasons = spool.WasRejected, reasons(x.Findings)
	case a.Warned:
		out.Outcome = spool.WasWarned
	default:
		out.Outcome = spool.WasAccepted
	}
	var r receipt
	if b, err := base64.StdEncoding.DecodeString(x.Receipt.Body); err == nil && json.Unmarshal(b, &r) == nil && !r.Received.IsZero() {
		out.At, out.Own = r.Received, r.File == hex.EncodeToString(i.SHA[:])
	}
	return out, x
}

// reasons are the findings that reject a dossier.
func reasons(list []finding.Finding) (out []spool.Reason) {
	for _, f := range list {
		if f.Severity == dossier.Error {
			out = append(out, spool.Reason{Code: f.Code, Said: f.Message, Hint: f.Hint})
		}
	}
	return out
}

// reasonsOf are what stands against an entry of the journal.
func reasonsOf(e *spool.Entry) []spool.Reason {
	var x struct {
		said
		Code string `json:"code"`
	}
	if err := json.Unmarshal(e.Line, &x); err != nil || e.Outcome < spool.WasRejected {
		return nil
	}
	if e.Outcome == spool.WasRefused {
		return []spool.Reason{{Code: x.Code, Said: x.Message}}
	}
	return reasons(x.Findings)
}
