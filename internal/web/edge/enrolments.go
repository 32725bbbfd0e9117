package edge

import (
	"net"
	"net/http"

	"lienthong/internal/enrol"
)

// maxEnrolment is far more than a request to enrol needs.
const maxEnrolment = 16 << 10

// Enrolment is the answer to an agent that enrolled.
type Enrolment struct {
	Client      string    `json:"client_id"`
	KeyID       string    `json:"kid"`
	Facility    string    `json:"facility"`
	Hub         string    `json:"hub"`
	State       string    `json:"state"`
	ReceiptKeys []KeyLine `json:"receipt_keys"`
	LogKeys     []string  `json:"log_keys"`
}

// SequenceHeader is said by senders, SequenceNext by the hub.
const (
	SequenceHeader = "Agent-Sequence"
	SequenceNext   = "Agent-Sequence-Next"
)

// Enrolments answers POST /api/v1/enrolments, which needs no login: an invite
// and a key for a credential.
func (e *Edge) Enrolments(w http.ResponseWriter, r *http.Request) error {
	b, err := body(w, r, maxEnrolment, enrol.ErrRequest)
	if err != nil {
		return err
	}
	q, err := enrol.ParseRequest(b)
	if err != nil {
		return err
	}
	got, err := e.Enrol.Redeem(r.Context(), Address(r), q)
	if err != nil {
		return err
	}
	logs, err := e.LogKeys(r.Context())
	if err != nil {
		return err
	}
	return give(w, http.StatusCreated, Enrolment{Client: got.Client, KeyID: got.KeyID, Facility: string(got.Facility), Hub: e.Hub, State: got.State,
		ReceiptKeys: e.keys(), LogKeys: logs})
}

// Address is the network address a request came from.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Step takes a submission's place in its sender's sequence, where it says one,
// and puts the token of the next into the answer. Faults: sender.sequence,
// sender.forked.
func (e *Edge) Step(w http.ResponseWriter, r *http.Request, who Caller) error {
	said := r.Header.Get(SequenceHeader)
	if said == "" || who.Client == "" {
		return nil
	}
	token, err := e.Sequence.Step(r.Context(), who.Client, said)
	if err != nil {
		return err
	}
	w.Header().Set(SequenceNext, token)
	return nil
}
