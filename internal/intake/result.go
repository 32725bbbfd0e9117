package intake

import (
	"encoding/json"
	"time"

	"lienthong/internal/dossier"
	"lienthong/internal/evidence"
	"lienthong/internal/fault"
	"lienthong/internal/finding"
	"lienthong/internal/score/told"
	"lienthong/internal/store"
)

// Result is the answer for one dossier, or for a file that was refused or
// deferred whole. Its JSON form is the contract of DESIGN §6.
type Result struct {
	File  string `json:"file"`
	Index int    `json:"index"`

	Record     string            `json:"record"`
	Facility   string            `json:"facility"`
	Episode    string            `json:"episode"`
	Kind       string            `json:"kind"`
	Version    *int              `json:"version"`
	State      dossier.State     `json:"state"`
	Replay     bool              `json:"replay"`
	Current    bool              `json:"current"`
	Supersedes *string           `json:"supersedes"`
	Person     *string           `json:"person"`
	JudgedWith Judged            `json:"judged_with"`
	Findings   []finding.Finding `json:"findings"`
	Quality    *told.Report      `json:"quality,omitempty"`   // of a file that is only checked, where it would be accepted
	ErasedAt   *time.Time        `json:"erased_at,omitempty"` // with State erased: there is no receipt any more
	Receipt    rawDocument       `json:"receipt,omitempty"`
}

// Judged names what a verdict was made with.
type Judged struct {
	Pack       string `json:"pack"`
	TrustEpoch int64  `json:"trust_epoch"`
}

// Refused is the answer for a file refused whole: nothing of it became a record.
type Refused struct {
	File    string     `json:"file"`
	Refused bool       `json:"refused"` // always true
	Code    string     `json:"code"`
	Message fault.Text `json:"message"`
}

// Deferred is the answer for a file that was not decided: no receipt, send again.
type Deferred struct {
	File       string     `json:"file"`
	Index      int        `json:"index"`
	Deferred   bool       `json:"deferred"` // always true
	Code       string     `json:"code"`
	RetryAfter int        `json:"retry_after"` // seconds
	Message    fault.Text `json:"message"`
}

// rawDocument is a receipt document, already JSON.
type rawDocument []byte

// AppendJSON writes the result as json.Marshal does, with the receipt document
// put in byte for byte: it is the last member.
func (r *Result) AppendJSON(dst []byte) ([]byte, error) {
	bare := *r
	bare.Receipt = nil
	b, err := json.Marshal(&bare)
	if err != nil || len(r.Receipt) == 0 {
		return append(dst, b...), err
	}
	dst = append(dst, b[:len(b)-1]...)
	dst = append(dst, `,"receipt":`...)
	dst = append(dst, r.Receipt...)
	return append(dst, '}'), nil
}

// MarshalJSON returns the document as it is, null without one.
func (d rawDocument) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("null"), nil
	}
	return d, nil
}

// UnmarshalJSON keeps the bytes.
func (d *rawDocument) UnmarshalJSON(b []byte) error {
	*d = append((*d)[:0], b...)
	return nil
}

// resultOf is the answer given for a stored record; the receipt is put in by the caller.
func (in *Intake) resultOf(name string, index int, r *store.Record, episode string) Result {
	res := Result{
		File: name, Index: index,
		Record: r.ID.String(), Facility: string(r.ID.Facility), Episode: episode, Kind: r.Kind,
		State: r.Verdict.State, Current: r.Current,
		JudgedWith: Judged{Pack: r.Verdict.Pack, TrustEpoch: r.Verdict.TrustEpoch},
		Findings:   finding.Of(in.Rules(), r.Verdict.Findings),
	}
	if r.Version > 0 {
		v := r.Version
		res.Version = &v
	}
	if !r.Supersedes.IsZero() {
		s := r.Supersedes.String()
		res.Supersedes = &s
	}
	if !r.Withdraws.IsZero() { // in the words of its receipt
		w := r.Withdraws.String()
		res.Kind, res.Supersedes = KindWithdrawal, &w
	}
	if !r.Erased.IsZero() {
		res.State, res.ErasedAt = dossier.Erased, &r.Erased
	}
	if r.Person != (store.PersonID{}) && (in.Plan == nil || in.Plan().PersonsAbove() == "") { // else a hub above says who it is
		p := evidence.PersonReference(in.Vault, r.ID.Facility, r.Person)
		res.Person = &p
	}
	return res
}
