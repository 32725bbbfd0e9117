package agent

import (
	"encoding/json"
	"errors"
)

// Outcome is what became of a dossier, or of a file answered whole.
type Outcome string

// Outcomes. Accepted includes accepted with warnings, as everywhere (DESIGN §6).
const (
	Accepted Outcome = "accepted"
	Rejected Outcome = "rejected"
	Refused  Outcome = "refused"
	Deferred Outcome = "deferred"
)

// Answer is one line of a hub's answer.
type Answer struct {
	File    string  // as the hub names it
	Index   int     // of the dossier in its file, from 0; 0 for a refused file
	Outcome Outcome // what became of it
	Warned  bool    // accepted with warnings
	Record  string  // of accepted and rejected
	Code    string  // of refused and deferred
	Replay  bool    // decided before; this is the first answer again
	Resumed bool    // from the state file of an earlier run: not sent now
	JSON    []byte  // the line exactly as the hub gave it, without its end

	wait int // seconds a deferral asks for
}

// end is the last line of a stream.
type end struct{ results int }

// line is what any line of a stream may hold and an agent looks at.
type line struct {
	File     string `json:"file"`
	Index    int    `json:"index"`
	Record   string `json:"record"`
	State    string `json:"state"`
	Replay   bool   `json:"replay"`
	Refused  bool   `json:"refused"`
	Deferred bool   `json:"deferred"`
	Code     string `json:"code"`
	Wait     int    `json:"retry_after"`
	End      bool   `json:"end"`
	Results  int    `json:"results"`
}

// ParseAnswer reads one line of results. The answer keeps the bytes. The last
// line of a stream is not one. Fault: hub.answer.
func ParseAnswer(b []byte) (Answer, error) {
	a, last, err := parseLine(b)
	if err == nil && last != nil {
		return Answer{}, ErrAnswer.Because(errors.New("the end of a stream is no answer"))
	}
	return a, err
}

func parseLine(b []byte) (Answer, *end, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return Answer{}, nil, ErrAnswer.Because(err)
	}
	a := Answer{File: l.File, Index: l.Index, Record: l.Record, Code: l.Code, Replay: l.Replay, JSON: b, wait: max(l.Wait, 0)}
	switch {
	case l.Index < 0:
		return Answer{}, nil, ErrAnswer.Because(errors.New("a negative index"))
	case l.End:
		return Answer{}, &end{l.Results}, nil
	case l.Refused && l.Code != "":
		a.Outcome, a.Index = Refused, 0
	case l.Deferred && l.Code != "":
		a.Outcome = Deferred
	case l.Record == "":
		return Answer{}, nil, ErrAnswer.Because(errors.New("a line that decides nothing"))
	case l.State == "accepted", l.State == "erased": // taken once and erased since: nothing to send again
		a.Outcome = Accepted
	case l.State == "accepted_with_warnings":
		a.Outcome, a.Warned = Accepted, true
	case l.State == "rejected":
		a.Outcome = Rejected
	default:
		return Answer{}, nil, ErrAnswer.Because(errors.New("an unknown state"))
	}
	return a, nil, nil
}
